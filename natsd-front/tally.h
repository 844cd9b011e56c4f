/*
 * tally - what the clients of each account did, for /accstatz and /metrics: counted without a cost
 * per message.
 *
 * A connection has its own counters; a worker keeps by account what those did that are gone, or
 * moved on to another account.  Both are one thread's, so that a sum of the two never goes down.
 * Without memory what is gone is not counted; nothing else depends on it.
 *
 * The worker of the connection.
 */
#ifndef FRONT_TALLY_H
#define FRONT_TALLY_H

#include <stdint.h>

struct account;
struct conn;
struct worker;

struct tally {
	uint64_t in_msgs, in_bytes, out_msgs, out_bytes;
	uint64_t slow_consumers;
};

struct tallies { /* of a worker */
	struct tally *at; /* [size], by number of the account */
	uint32_t size;
};

void tallies_free(struct tallies *);

/* tally_join - what it did until now was not for its account.  tally_leave - it is its account's no
 * longer, or is gone. */
void tally_join(struct conn *);
void tally_leave(struct conn *);

/* tally_slow - a slow consumer of that account. */
void tally_slow(struct worker *, const struct account *);

/* tally_sum - of all accounts, into out[n], by number; those from n on are left out. */
void tally_sum(const struct worker *, struct tally *out, uint32_t n);

#endif
