/*
 * lend - a worker that sleeps lends its turn to the one that has something for it.
 *
 * To wake a worker costs a system call, two changes of threads and the wait in between: more than
 * to deliver the few messages that it is woken for.  So who publishes a few records to a sleeping
 * worker does that worker's work: takes the records out of the ring, writes to its connections.
 * Ownership is as ever, of one thread at a time: a worker holds the mutex `turn` of its
 * worker_public while it is awake, and whoever borrows the turn holds it meanwhile.  A guest (gather.h)
 * does not lend: the thread that runs it is awake, or is woken.
 *
 *	B: asleep on all rings, turn unlocked, waits for events
 *	A: publishes, sees B asleep, trylock -> its messages for B, B's sockets, unlock
 *	B: wakes up for whatever reason: lock (waits for A, if that is still at it), its turn
 *
 * B's event loop is B's alone: a lent turn never adds, changes or deletes an event.  What needs one
 * (a full socket, a connection to be closed), and every other type of record, is left to B, whose
 * bell is rung then.
 */
#ifndef FRONT_LEND_H
#define FRONT_LEND_H

struct worker;

/* lend_publish - publishes what is committed for sleeping workers, where it is little, and does their
 * part.  Everything else is left to deliver_publish_rings().  At the end of a turn. */
void lend_publish(struct worker *);

#endif
