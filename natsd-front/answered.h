/*
 * answered - which requests of one ring were answered already, so that a role that died between its
 * answer and its release does not answer twice (ARCHITECTURE.md 3).
 *
 * Holds positions in the ring to the role.  One may be forgotten when the role has released it (no
 * later life will read it again) and everything that stood in the ring back at that time has been
 * read.
 */
#ifndef FRONT_ANSWERED_H
#define FRONT_ANSWERED_H

#include <stdbool.h>
#include <stdint.h>

struct answered {
	uint64_t *at; /* open addressing; position + 1, 0: free */
	uint32_t size, used;
	uint64_t released;  /* sampled: to be forgotten below it ... */
	uint64_t read_until; /* ... when the ring back was read up to here */
	bool sampled;
};

/* answered_add - notes it: 1 when it is new, 0 when it was there, -1: no memory. */
int answered_add(struct answered *, uint64_t at);

/* answered_forget - where both rings stand now: released by the role, what it wrote, what we
 * read. */
void answered_forget(struct answered *, uint64_t released, uint64_t written, uint64_t read);
void answered_free(struct answered *);

#endif
