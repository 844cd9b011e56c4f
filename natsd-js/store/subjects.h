/*
 * subjects - what a stream holds by subject: how many messages, the first and the last of them; as
 * much of it as is in memory (sums.h has the rest).
 *
 * A sum that changed is dirty until it was set apart for the disk; one whose count is 0 says that
 * the subject is gone, until the disk knows.  One owner.
 */
#ifndef NATSD_JS_STORE_SUBJECTS_H
#define NATSD_JS_STORE_SUBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

struct subject_sum {
	uint64_t first, last, count;
	uint32_t hash;
	uint32_t cut; /* in which it was last set apart; 0: never */
	uint16_t len;
	bool first_old, last_old; /* first, last were removed: a bound, to be looked up again */
	bool dirty;
	char text[];
};

struct subjects {
	struct subject_sum **slots; /* by hash; a power of two; NULL: free */
	size_t size, used;
	size_t bytes; /* of all sums */
	size_t dirty; /* how many */
	size_t hand;  /* where the next one to give up is looked for */
	uint64_t count; /* subjects with messages, in memory or not */
	bool partial;	/* some are not in memory */
};

static inline struct str
subject_text(const struct subject_sum *s)
{
	return ((struct str){ .p = s->text, .n = s->len });
}

/* subjects_find - one that is in memory, gone or not. */
struct subject_sum *subjects_find(const struct subjects *, struct str subject);

/* subjects_add - one that is not in memory, with no messages; NULL: no memory.
 * subjects_forget - out of memory; frees it. */
struct subject_sum *subjects_add(struct subjects *, struct str subject);
void subjects_forget(struct subjects *, struct subject_sum *);

/* subjects_count_in, subjects_count_out - a message of it was added, removed. */
void subjects_count_in(struct subjects *, struct subject_sum *, uint64_t seq);
void subjects_count_out(struct subjects *, struct subject_sum *, uint64_t seq);
void subjects_changed(struct subjects *, struct subject_sum *); /* it is dirty */

/* subjects_trim - gives up sums of which the disk knows everything up to cut `landed`, until they
 * take at most `bytes`. */
void subjects_trim(struct subjects *, size_t bytes, uint32_t landed);

void subjects_clear(struct subjects *); /* empty, memory of the table kept */
void subjects_free(struct subjects *);

#endif
