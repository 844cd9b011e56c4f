/*
 * fan - one delivery in work: what its parts (deliver.c, deliver_local.c, deliver_ring.c) share.
 */
#ifndef FRONT_FAN_H
#define FRONT_FAN_H

#include "natsd-front/conn.h"
#include "natsd-front/deliver.h"

struct fan_list { /* receivers of another worker */
	struct handle *at;
	uint32_t n, size;
};

struct fan_queue { /* a queue member of another worker */
	struct handle member;
	uint16_t worker;
	struct str name;
};

struct fan {
	struct fan_list *to; /* [nworkers] */
	uint32_t remote;     /* receivers in all lists */
	struct fan_queue *queues;
	uint32_t nqueues, queues_size;
	bool starved; /* no memory for a receiver of another worker */
	char *line; /* of receivers without headers */
	size_t line_size;
};

struct delivery {
	struct worker *w;
	struct account *account;
	const struct msg *msg;
	struct conn *publisher; /* of this worker, or NULL */
	struct local_source source;
	uint64_t cid, subs_made; /* of the publisher, when it published */
	bool from_client;
	bool passes_on; /* came from another worker and goes on to a third */
	bool claimed; /* by the publisher's worker, see sub_claim() */
	struct blob *blob;	/* the body, when it is shared: one share is ours */
	size_t blob_at;
	struct str plain_line;	/* made when first needed */
};

/* fan_add, fan_add_queue - false: at its limit, or no memory (starved); nobody is added. */
bool fan_add(struct fan *, struct sub *);
bool fan_add_queue(struct fan *, struct sub *, struct str name);

/* delivery_lost - no memory for somebody who should have got a message: its publisher, one of this worker's or
 * NULL, has to know, and is closed. */
void delivery_lost(struct worker *, struct conn *publisher);

/* delivery_share - the body in a blob of its own or of its publisher.  False: no memory. */
bool delivery_share(struct delivery *);
void delivery_end(struct delivery *);

/* deliver_here - writes to a subscription of this worker.  False: it did not take it. */
bool deliver_here(struct delivery *, struct sub *);

/* deliver_fan_out - records for all other workers that fan names; sole: see LOCAL_SOLE. */
void deliver_fan_out(struct delivery *, bool sole);

/* deliver_one_away - a QUEUE record for one member of another worker. */
void deliver_one_away(struct delivery *, const struct fan_queue *, uint16_t flags, uint16_t hops);

#endif
