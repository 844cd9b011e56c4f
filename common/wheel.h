/*
 * wheel - many coarse timers of one thread: 24 bytes each, O(1) to set and to stop.
 *
 * A hashed wheel with a tick of WHEEL_TICK_MS; a timer fires at the first tick at or after its time,
 * never before.  The owner's loop calls wheel_run at least once a tick while wheel_busy.
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

struct wheel *wheel_new(struct mono now);
void wheel_free(struct wheel *);

void wheel_set(struct wheel *, struct wheel_timer *, struct mono when); /* moves a set one */
void wheel_stop(struct wheel *, struct wheel_timer *);			/* fine when not set */
bool wheel_is_set(const struct wheel_timer *);

/* wheel_run - fires everything due; fn may set and stop any timer of the wheel. */
void wheel_run(struct wheel *, struct mono now, void (*fn)(struct wheel_timer *, void *), void *);

/* wheel_next - when to call wheel_run next at the latest; false: no timer is set. */
bool wheel_next(const struct wheel *, struct mono *when);

#endif
