/*
 * subjects - what a stream holds by subject: how many messages, the first and the last of them.
 *
 * One owner.
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
	uint16_t len;
	bool first_old, last_old; /* first, last were removed: a bound, to be looked up again */
	char text[];
};

struct subjects {
	struct subject_sum **slots; /* by hash; a power of two; NULL: free */
	size_t size, count;
};

static inline struct str
subject_text(const struct subject_sum *s)
{
	return ((struct str){ .p = s->text, .n = s->len });
}

struct subject_sum *subjects_find(const struct subjects *, struct str subject);

/* subjects_get - finds it or adds it, with no messages yet; NULL: no memory.
 * subjects_drop_empty - takes it out again when it still has none. */
struct subject_sum *subjects_get(struct subjects *, struct str subject);
void subjects_drop_empty(struct subjects *, struct subject_sum *);

/* subjects_count_in, subjects_count_out - a message of it was added, removed.  The last one takes
 * the subject out: it is gone after that. */
void subjects_count_in(struct subject_sum *, uint64_t seq);
void subjects_count_out(struct subjects *, struct subject_sum *, uint64_t seq);

void subjects_clear(struct subjects *); /* empty, memory of the table kept */
void subjects_free(struct subjects *);

#endif
