/*
 * ring_out - a ring's producer end together with the ordered list of what did not fit.
 *
 * No thread ever waits for a ring.  A record that finds no room, or finds the list not empty, goes
 * to the end of the list; the list drains in order as room comes.  While it is not empty its owner
 * reads no sockets but keeps draining its own rings, so that two workers that are full towards
 * each other go on (ARCHITECTURE.md 2).  The list's memory is bounded: at the bound ring_out_put
 * refuses, and the caller has a defined answer (rule 24).
 */
#ifndef COMMON_RING_OUT_H
#define COMMON_RING_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "common/ring.h"

struct ring_out;

/* ring_out_new - takes the ring's producer end over.  max_bytes bounds the list.  NULL: no memory. */
struct ring_out *ring_out_new(struct ring *, size_t max_bytes);
void ring_out_free(struct ring_out *); /* detaches the ring; listed records are dropped */
struct ring *ring_out_ring(struct ring_out *);

/*
 * ring_out_reserve, ring_out_commit - as ring_reserve and ring_commit when the list is empty and
 * there is room, else room in a new list entry; the caller sees no difference.  NULL: too long,
 * the list is at its bound, or the ring is dead.
 * ring_out_commit gives the position in *at (NULL: not wanted), or UINT64_MAX while it is listed.
 */
uint8_t *ring_out_reserve(struct ring_out *, uint32_t len);
void ring_out_commit(struct ring_out *, uint16_t type, uint16_t flags, uint32_t len, uint64_t *at);

/*
 * ring_out_put_parts - n bytes as records of one type of at most ring_record_max() bytes each, all
 * but the last flagged RING_FLAG_FRAGMENT; through the list, in order.  0; -1, and nothing was put:
 * more than the ring can hold, the list is at its bound, no memory, or the ring is dead.
 */
int ring_out_put_parts(struct ring_out *, uint16_t type, const uint8_t *, size_t n);

/* ring_out_flush - drains the list as far as it fits, publishes, asks for room when some is left.
 * True when nothing is left; the list of a dead ring is dropped. */
bool ring_out_flush(struct ring_out *);

size_t ring_out_listed_bytes(const struct ring_out *);

#endif
