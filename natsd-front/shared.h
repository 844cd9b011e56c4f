/*
 * shared - what the threads of the front have in common, made by the main thread before any other
 * thread starts and constant from then on (what changes says who writes it).
 */
#ifndef FRONT_SHARED_H
#define FRONT_SHARED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/account_table.h"
#include "common/doorbell.h"
#include "common/qsbr.h"
#include "common/trie.h"
#include "natsd-front/tls/rate.h"

#define SHARED_WORKERS_MAX 256u

struct closed_ring;
struct interest;
struct snapshot_ask;
struct worker;

/* An account: a number that is never used again, a name, and who subscribes in it. */
struct account {
	uint32_t id;
	struct trie *trie;
	char name[ACCOUNT_NAME_MAX + 1];
};

/* What other threads may look at while a worker runs; each on a cache line of its own. */
struct worker_public {
	_Alignas(64) struct doorbell bell;
	_Atomic uint32_t conns;	 /* registered connections; main adds, the worker takes away */
	_Atomic uint64_t useful; /* messages routed: proof of work for the watchdog */
	struct snapshot_ask *_Atomic ask; /* snapshot.h; set by who asks, cleared by the worker */
};

struct shared {
	unsigned nworkers;
	struct worker_public *pub; /* [nworkers] */
	struct qsbr *qsbr;
	struct account *global, *system; /* $G and $SYS */
	struct closed_ring *closed;
	struct interest *interest; /* of natsd-js and natsd-raft */
	uint64_t natsd_life;
	int64_t start_mono_ns;
	struct tls_rate tls_rate; /* of handshakes with clients */
	_Atomic uint32_t unpinned; /* connections closed in the reload under way, for their pins */
	atomic_bool spinning;	/* some worker polls instead of sleeping */
	bool may_spin;		/* there are processors to spare */
	_Atomic int64_t stall_logged_ns, subs_logged_ns; /* rate-limited lines */
};

/* shared_new - with accounts $G and $SYS.  NULL: no memory. */
struct shared *shared_new(unsigned nworkers, uint64_t natsd_life, uint32_t max_closed);
void shared_free(struct shared *); /* all workers are gone */

/* shared_account - by number; NULL: none such. */
struct account *shared_account(const struct shared *, uint32_t id);

/* shared_may_log - true at most once in interval_ns per stamp, whoever asks. */
bool shared_may_log(_Atomic int64_t *stamp, int64_t now_ns, int64_t interval_ns);

#endif
