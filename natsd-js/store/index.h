/*
 * index - the messages of one block, by number and by subject: a cache, made from the block's bytes
 * when somebody searches in it, and given up when others need the memory.
 *
 * A message is known by its number, its sequence less the first one of the block.  Whether it was
 * removed is not known here.  One owner.
 */
#ifndef NATSD_JS_STORE_INDEX_H
#define NATSD_JS_STORE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

#define INDEX_NONE UINT32_MAX

struct index_slot {
	uint32_t offset;  /* 0: no message */
	uint32_t subject; /* number of it */
	uint32_t next;	  /* message of the same subject; INDEX_NONE */
};

struct index_subject {
	uint32_t hash, text, len; /* in texts */
	uint32_t first, last;	  /* messages */
	uint32_t count;
};

struct index {
	uint64_t serial; /* another one each time: what is remembered about one is not said of another */
	struct index_slot *slots;
	uint32_t count, room;
	struct index_subject *subjects;
	uint32_t subject_count, subject_room;
	uint32_t *table; /* by hash: subject + 1; a power of two */
	uint32_t table_size;
	char *texts;
	uint32_t texts_len, texts_room;
};

struct index *index_new(void); /* NULL: no memory */
void index_free(struct index *);
size_t index_bytes(const struct index *);

/* index_add - message `number`, higher than all before, at offset.  -1: no memory, nothing changed. */
int index_add(struct index *, uint32_t number, uint32_t offset, struct str subject);

/* index_find - the number of the subject; INDEX_NONE. */
uint32_t index_find(const struct index *, struct str subject);

static inline struct str
index_text(const struct index *x, uint32_t subject)
{
	return ((struct str){ .p = x->texts + x->subjects[subject].text,
		.n = x->subjects[subject].len });
}

/* index_next - the first message of the subject at or after `from`; index_prev - the last at or
 * before `upto`.  INDEX_NONE: none. */
uint32_t index_next(const struct index *, uint32_t subject, uint32_t from);
uint32_t index_prev(const struct index *, uint32_t subject, uint32_t upto);

#endif
