/*
 * closed - the last connections that are gone, oldest first, for /connz (max_closed_clients of
 * them).
 *
 * Workers add, the monitor thread reads; a mutex guards the ring, which a closing connection takes
 * once.
 */
#ifndef FRONT_CLOSED_H
#define FRONT_CLOSED_H

#include <stdint.h>

/* Bytes of subscriptions that all of them remember; beyond it the oldest forget theirs, not their number. */
#define CLOSED_SUBS_MAX (32u << 20)

struct closed_ring;
struct conn;
struct snapshot_conn;

struct closed_ring *closed_ring_new(uint32_t max); /* 0: keeps none, counts only */
void closed_ring_free(struct closed_ring *);

/* closed_ring_add - a copy of what is known of it. */
void closed_ring_add(struct closed_ring *, const struct conn *, int64_t stop_wall_ns);

/* closed_ring_total - how many there ever were. */
uint64_t closed_ring_total(struct closed_ring *);

/*
 * closed_ring_visit - fn for each, oldest first, under the mutex: fn copies what it wants.
 */
void closed_ring_visit(struct closed_ring *,
    void (*fn)(const struct snapshot_conn *, void *), void *);

#endif
