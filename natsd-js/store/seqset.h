/*
 * seqset - a set of sequences, kept as ranges: what was removed from a stream.
 *
 * Invariant: ranges rise, do not touch, and are not empty.  A range costs 16 bytes; look-ups are
 * O(log ranges), changes at the ends are O(1).  One owner.
 */
#ifndef NATSD_JS_STORE_SEQSET_H
#define NATSD_JS_STORE_SEQSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seqrange {
	uint64_t first, last; /* both in it */
};

struct seqset {
	struct seqrange *ranges;
	size_t count, room;
	uint64_t size; /* sequences in it */
};

/*
 * seqset_reserve - the next `changes` calls of seqset_add need no memory.  0; -1: no memory.
 * seqset_add - all of first..last (first <= last).  0; -1: no memory, nothing changed.
 */
int seqset_reserve(struct seqset *, size_t changes);
int seqset_add(struct seqset *, uint64_t first, uint64_t last);
bool seqset_has(const struct seqset *, uint64_t seq);

/* seqset_next_absent - the lowest sequence >= seq that is not in it (UINT64_MAX + 1 wraps to 0).
 * seqset_prev_absent - the highest <= seq that is not; 0: none. */
uint64_t seqset_next_absent(const struct seqset *, uint64_t seq);
uint64_t seqset_prev_absent(const struct seqset *, uint64_t seq);

/* seqset_count - how many of first..last are in it. */
uint64_t seqset_count(const struct seqset *, uint64_t first, uint64_t last);

/* seqset_cut - nothing above `last` is in it any more. */
void seqset_cut(struct seqset *, uint64_t last);

void seqset_clear(struct seqset *); /* empty, memory kept */
void seqset_free(struct seqset *);  /* empty, memory given back */

#endif
