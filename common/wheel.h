/*
 * wheel - many coarse timers of one thread: 24 bytes each, O(1) to set and to stop.
 *
 * A hashed wheel with a tick of WHEEL_TICK_MS; a timer fires at the first tick at or after its time,
 * never before, and one that is set to a time already over at the next tick.  The owner's loop
 * calls wheel_run at the time that wheel_next tells, or earlier.  Owner's thread only.
 */
#ifndef COMMON_WHEEL_H
#define COMMON_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/mono.h"

#define WHEEL_TICK_MS 20
#define WHEEL_SLOTS 4096

struct wheel_timer { /* a field of its owner; zeroed before first use */
	struct wheel_timer *next, **at;
	int64_t tick; /* when; 0 when not set */
};

struct wheel;

struct wheel *wheel_new(struct mono now); /* NULL: no memory */
void wheel_free(struct wheel *);	  /* timers still set are forgotten */

void wheel_set(struct wheel *, struct wheel_timer *, struct mono when); /* moves a set one */
void wheel_stop(struct wheel *, struct wheel_timer *);			/* fine when not set */
bool wheel_is_set(const struct wheel_timer *);

/* wheel_run - fires everything due, in the order of the ticks unless more than a round of the wheel
 * passed since the last call; fn may set and stop any timer of the wheel. */
void wheel_run(struct wheel *, struct mono now, void (*fn)(struct wheel_timer *, void *), void *);

/* wheel_next - when to call wheel_run next at the latest (now and then for nothing: a timer more
 * than a round away is looked at once a round); false: no timer is set. */
bool wheel_next(const struct wheel *, struct mono *when);

#endif
