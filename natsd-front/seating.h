/*
 * seating - which workers should have threads of their own (gather.h does it).
 *
 * Asked once a window of SEATING_WINDOW_NS with what every worker did in it.  One move at a time; a move
 * that has to be worth it is a trial: the messages of all workers in the two windows after the next one
 * are held against those before the move.  What did not pay is tried again after a pause that doubles.
 */
#ifndef FRONT_SEATING_H
#define FRONT_SEATING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/mono.h"

#define SEATING_WINDOW_NS (20 * NS_PER_MS)
#define SEATING_PAUSE_LEAST_NS (250 * NS_PER_MS)
#define SEATING_PAUSE_MOST_NS (2 * NS_PER_S)

struct seating_worker { /* of the window that ends now; [0] is the host */
	bool guest;
	uint64_t msgs;
	int64_t slept_ns; /* its thread; not of a guest */
};

enum seating_move { SEATING_STAY, SEATING_OWN, SEATING_GUEST };

struct seating_pause { /* no trial before */
	struct mono until;
	int64_t ns; /* the next one; 0: the least */
};

struct seating {
	uint64_t rate; /* messages a second, in the window before */
	unsigned full, idle; /* windows in a row */
	enum seating_move trial; /* under way; SEATING_STAY: none */
	unsigned of, windows;	 /* the worker that moved; since then */
	uint64_t before, msgs;	 /* a second, before it; in the windows that count */
	int64_t ns;		 /* of those windows */
	struct seating_pause own, guest;
};

/* seating_next - what to do now, and with whom.  A move that takes its time counts as done when the worker is
 * where it should be; until then it is not asked for again. */
enum seating_move seating_next(struct seating *, struct mono now, int64_t ns,
    const struct seating_worker *, unsigned n, unsigned *which);

#endif
