/*
 * slow_event - one message to the system account when clients of an account were slow N times
 * within a minute (`natsd { slow_consumer_event: N }`); at most one per account and minute.
 *
 * The minute begins with its first slow consumer, and is that of all workers.  The worker's thread.
 */
#ifndef FRONT_SLOW_EVENT_H
#define FRONT_SLOW_EVENT_H

struct account;
struct worker;

/* slow_event_count - a slow consumer of that account.  Without memory there is no event. */
void slow_event_count(struct worker *, struct account *);

/* slow_event_send - what is due; outside of deliver(). */
void slow_event_send(struct worker *);

/* slow_event_discard - of a worker that ends. */
void slow_event_discard(struct worker *);

#endif
