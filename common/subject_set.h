/*
 * subject_set - a fixed list of subjects with wildcards, some with a queue pattern, and which of
 * them a subject meets: the lists of permissions (client.md 11).
 *
 * Built once, then only read: any number of threads, no lock.  Cost of a look-up: the tokens of the
 * subject, whatever the length of the list, times the wildcard branches that fit.
 */
#ifndef COMMON_SUBJECT_SET_H
#define COMMON_SUBJECT_SET_H

#include <stdbool.h>

#include "common/str.h"

struct subject_set;

struct subject_set *subject_set_new(void); /* empty; NULL: no memory */
void subject_set_free(struct subject_set *);

/* subject_set_add - a subject that subject_valid_sub() takes; queue empty: none.  Both are copied.
 * 0; -1: no memory, the set is as before. */
int subject_set_add(struct subject_set *, struct str subject, struct str queue);

/* What a subject met.  Its own `*` and `>` are ordinary tokens: only wildcards of the list meet
 * them.  A subject with an empty token meets nothing. */
struct subject_set_match {
	bool plain;  /* a subject without queue */
	bool queued; /* a subject with one */
	bool fits;   /* and the queue asked for is that one, or under its pattern */
};

void subject_set_match(const struct subject_set *, struct str subject, struct str queue,
    struct subject_set_match *);

/* subject_set_plain - whether a subject without queue is met. */
bool subject_set_plain(const struct subject_set *, struct str subject);

/* subject_set_collides - whether some subject of the set, with a queue or not, and this one could
 * both match one literal subject. */
bool subject_set_collides(const struct subject_set *, struct str subject);

#endif
