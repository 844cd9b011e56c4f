/*
 * deliver - from a published message to everybody who hears it.
 *
 * The publisher's worker matches (through its cache), writes to its own connections, and puts one
 * record per other worker into the ring there, with the handles of all its receivers.  Roles get a
 * frame through this worker's own ring.  Of each queue group one member is chosen uniformly; one of
 * another worker is taken on trust and confirmed there: a worker that finds it gone or at its limit
 * chooses again, and tells the publisher's worker when nobody is left (client.md 9.4, 9.5).
 *
 * All of a publisher's messages for one worker take one ring, so they arrive in order.
 */
#ifndef FRONT_DELIVER_H
#define FRONT_DELIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "natsd-front/local.h"
#include "natsd-front/msg.h"

struct account;
struct conn;
struct fan;
struct worker;

enum deliver_result {
	DELIVER_NOBODY, /* nobody took it */
	DELIVER_TAKEN,
};

/* deliver - publisher NULL: one of the roles. */
enum deliver_result deliver(struct worker *, struct account *, const struct msg *,
    struct conn *publisher);

/* deliver_must_wait - among those who would hear this subject is a role that is away or full. */
bool deliver_must_wait(struct worker *, struct account *, struct str subject);

/* deliver_nobody - the 503 status to a publisher that asked for it and listens on reply with one of
 * its first subs_made subscriptions. */
void deliver_nobody(struct worker *, struct conn *publisher, struct str subject, struct str reply,
    uint64_t subs_made);

/* deliver_record - DELIVER, QUEUE, NOBODY or STALL from another worker. */
void deliver_record(struct worker *, const struct ring_rec *);

/* deliver_may_be_lent - the record is a message right from its publisher's worker: nothing that
 * becomes of it changes what its receiver's worker waits for (lend.h). */
bool deliver_may_be_lent(const struct ring_rec *);

/* deliver_discard - a record that nobody will look at any more: gives up the blob that it holds. */
void deliver_discard(const struct ring_rec *);

/* deliver_publish_rings - everything committed so far becomes visible to the other workers. */
void deliver_publish_rings(struct worker *);

struct fan *fan_new(unsigned nworkers);
void fan_free(struct fan *, unsigned nworkers);

#endif
