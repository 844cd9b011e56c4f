/*
 * shared - what the threads of the front have in common, made by the main thread before any other
 * thread starts and constant from then on (what changes says who writes it).
 */
#ifndef FRONT_SHARED_H
#define FRONT_SHARED_H

#include <pthread.h>
#include <semaphore.h>
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
struct helpers;
struct interest;
struct snapshot_ask;
struct worker;

/*
 * An account: a number that is never used again, a name, and who subscribes in it.  Made once per
 * name, by the main thread, and as old as the front: one that left the configuration stays as an
 * empty shell.
 */
struct account {
	uint32_t id;
	struct trie *trie;
	_Atomic uint32_t conns; /* bound to it, of all workers */
	_Atomic int64_t subs_logged_ns; /* rate of "maximum subscriptions exceeded" in the log */
	_Atomic uint64_t slow_minute; /* slow_event.c: second in which it began, slow consumers since */
	struct account *name_next; /* main only: same bucket */
	char name[ACCOUNT_NAME_MAX + 1];
};

/* What other threads may look at while a worker runs; each on a cache line of its own. */
struct worker_public {
	_Alignas(64) struct doorbell bell;
	_Atomic uint32_t conns;	 /* registered connections; main adds, the worker takes away */
	_Atomic uint64_t useful; /* messages routed: proof of work for the watchdog */
	struct snapshot_ask *_Atomic ask; /* snapshot.h; set by who asks, cleared by the worker */
	struct worker *worker;		  /* for whoever holds its turn */
	pthread_mutex_t turn; /* held by the worker while it is awake; lend.h */
	_Atomic unsigned char seat; /* enum gather_seat */
	sem_t sit; /* its thread waits while another one runs the worker */
	_Atomic int64_t slept_ns, asleep_since; /* its thread: in all; monotonic clock, 0: it does not */
};

struct shared {
	unsigned nworkers;
	struct worker_public *pub; /* [nworkers] */
	struct qsbr *qsbr;
	struct account *global, *system; /* $G, and the system account, usually $SYS */
	struct account *_Atomic *accounts; /* [ACCOUNTS_MAX], by number; main adds, all read */
	struct account **by_name; /* main only: [NAME_BUCKETS of shared.c] */
	_Atomic uint32_t naccounts; /* the highest number so far; likewise */
	struct account_table *table; /* where main has numbers from; NULL: in tests, none */
	struct helpers *helpers;
	struct closed_ring *closed;
	struct interest *interest; /* of natsd-js and natsd-raft */
	uint64_t natsd_life;
	int64_t start_mono_ns;
	struct tls_rate tls_rate; /* of handshakes with clients */
	_Atomic uint32_t unpinned; /* connections closed in the reload under way, for their pins */
	atomic_bool spinning;	/* some worker polls instead of sleeping */
	bool may_spin;		/* there are processors to spare */
	_Atomic int64_t stall_logged_ns; /* rate-limited line */
};

/* shared_new - with accounts $G and $SYS.  NULL: no memory. */
struct shared *shared_new(unsigned nworkers, uint64_t natsd_life, uint32_t max_closed);
void shared_free(struct shared *); /* all workers are gone */

/* shared_account - by number; NULL: none such.  Any thread. */
struct account *shared_account(const struct shared *, uint32_t id);

/*
 * shared_account_named - made when there is none of that name yet.  NULL: no memory, no number.
 * shared_account_find - NULL: there is none.  Both: main only.
 */
struct account *shared_account_named(struct shared *, struct str name, struct err *);
struct account *shared_account_find(const struct shared *, struct str name);

/* shared_use_table - numbers come from there from now on; accounts of an earlier life of the front keep
 * theirs.  After shared_name_system.  0; -1. */
int shared_use_table(struct shared *, struct account_table *, struct err *);

/* shared_name_system - the system account has another name than $SYS.  Before any other thread
 * starts, and before any other account is made.  0; -1. */
int shared_name_system(struct shared *, struct str name, struct err *);

/* shared_each_account - fn for every account there is; any thread. */
void shared_each_account(const struct shared *, void (*fn)(struct account *, void *), void *);

/* shared_may_log - true at most once in interval_ns per stamp, whoever asks. */
bool shared_may_log(_Atomic int64_t *stamp, int64_t now_ns, int64_t interval_ns);

#endif
