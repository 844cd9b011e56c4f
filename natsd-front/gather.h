/*
 * gather - workers gather on one thread for as long as one is enough.
 *
 * A worker is connections, caches, rings and an event loop; which thread runs it is another
 * question.  With little to do, threads of their own cost more than the work: a message that goes
 * from one worker to another wakes somebody up, which takes ten times what the message does, and
 * each thread finds only its part of what came in.  (100 requests in flight: 1.1 us of CPU each
 * on one thread, 1.7 us on two, and more of them a second.)
 *
 * So the thread of worker 0, the host, runs the others as its guests: the descriptor of a guest's event
 * loop is an event of the host's.  All that belongs to a worker stays its own; a guest is a worker
 * whose thread is another one for a while.
 *
 *	own --(the host asks)--> asked --(its thread, between turns)--> free --(host)--> guest
 *	 ^------------------------------(the host)-----------------------------------------'
 *
 * When the host does not come to sleep any more, the guest with the most work goes to its thread, on
 * trial: it comes back when no more messages get through than before.  A worker whose thread sleeps much
 * comes back, too, likewise on trial, and at once when both have little to do.
 */
#ifndef FRONT_GATHER_H
#define FRONT_GATHER_H

#include <stdbool.h>

#include "common/mono.h"
#include "natsd-front/seating.h"

struct gather;
struct worker;
struct worker_public;

/* Who decides: seating_next, or a test. */
typedef enum seating_move gather_choice(struct seating *, struct mono now, int64_t ns,
    const struct seating_worker *, unsigned n, unsigned *which);

/* What others may see of where a worker sits: part of its worker_public. */
enum gather_seat { GATHER_OWN, GATHER_ASKED, GATHER_FREE, GATHER_GUEST };

/*
 * gather_new - for the host; all workers are made, no thread runs.  The choice is asked each
 *	window_ns, when the host is awake.  NULL: no memory, or an event loop whose descriptor is not
 *	known: then each stays on its own thread.
 * gather_free - before the workers are.
 */
struct gather *gather_new(struct worker *host, gather_choice *, int64_t window_ns);
void gather_free(struct gather *);

/* ---- the host, in its loop ---- */

/* gather_awake - the guests are awake with it, from here to gather_sleep.
 * gather_sleep - nothing is left to do for the guests, all rings know that they sleep.  False. */
void gather_awake(struct gather *);
bool gather_sleep(struct gather *);
/* gather_turn - the guests' turns, after the host's; and who sits where from now on. */
void gather_turn(struct gather *);
/* gather_next - when the host has to be awake for a guest, or to look around; 0: never. */
struct mono gather_next(struct gather *);
/* gather_end - all sit on their own threads, for good. */
void gather_end(struct gather *);

/* ---- a worker, on its own thread, between two turns ---- */

/* gather_asked - the host wants it.  gather_go - it is the host's guest; returns when no longer. */
bool gather_asked(const struct worker_public *);
void gather_go(struct worker *);

#endif
