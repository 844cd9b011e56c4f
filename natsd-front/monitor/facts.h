/*
 * facts - everything a page is made of, gathered at once before it is written.
 *
 * Copies and borrowed constants; nothing in it changes while a page looks.  The monitoring thread.
 */
#ifndef FRONT_FACTS_H
#define FRONT_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ctl.h"
#include "common/err.h"
#include "common/mono.h"
#include "common/options.h"
#include "common/trie.h"
#include "natsd-front/settings.h"
#include "natsd-front/snapshot.h"
#include "natsd-front/status.h"

#define FACTS_PATIENCE_MS 1000 /* for workers, for the supervisor; then without them */

enum facts_page { /* those whose requests are counted, in the order of their names */
	FACTS_ROOT,
	FACTS_ACCOUNTZ,
	FACTS_ACCSTATZ,
	FACTS_CONNZ,
	FACTS_GATEWAYZ,
	FACTS_HEALTHZ,
	FACTS_JSZ,
	FACTS_LEAFZ,
	FACTS_ROUTEZ,
	FACTS_SUBSZ,
	FACTS_VARZ,
	FACTS_PAGES,
	FACTS_UNCOUNTED = FACTS_PAGES
};

struct facts_account {
	const char *name;
	const struct access_account *said; /* by the configuration */
	uint32_t id;
	uint32_t conns; /* clients bound to it */
	struct trie_stats stats;
};

struct facts {
	/* constant from the thread's start */
	unsigned cores, threads;

	uint64_t requests[FACTS_PAGES]; /* so far, by page */
	const struct settings *settings; /* held; NULL: facts_gather has not got so far */
	const struct options *o;	 /* its options */
	struct wall now;
	bool listening; /* for clients */
	struct status_role roles[STATUS_ROLES];
	struct ctl_usage usage; /* of the last time that the supervisor answered */
	struct facts_account *accounts; /* those of the configuration, in its order; when needed */
	size_t naccounts;
	uint64_t closed_total; /* connections that are gone */
	struct snapshot *workers; /* NULL: not needed */
	struct snapshot_conn *closed;
	size_t nclosed;
};

struct facts_source { /* lives longer than the monitoring thread */
	struct shared *shared;
	struct status *status;
};

struct facts_needs {
	bool workers, closed, usage, accounts;
	unsigned what; /* SNAPSHOT_* */
	uint64_t cid;  /* 0: all */
	bool subs;	/* of closed connections too */
};

/* facts_gather - 0; -1: the reason; facts_forget in both cases. */
int facts_gather(struct facts *, const struct facts_source *, const struct facts_needs *,
    struct err *);
void facts_forget(struct facts *);

/* facts_account_named - NULL: there is none.  facts_is_system - whether that is the system account. */
const struct facts_account *facts_account_named(const struct facts *, struct str name);
bool facts_is_system(const struct facts *, const struct facts_account *);

/* facts_system_account - its name; empty: there is none. */
struct str facts_system_account(const struct facts *);

/* facts_tally - what its clients did, summed over the workers (SNAPSHOT_TALLIES). */
struct tally facts_tally(const struct facts *, const struct facts_account *);

/* facts_cache - how its messages are matched, or those of all accounts (NULL), over the workers
 * (SNAPSHOT_CACHES for one account). */
struct trie_cache_stats facts_cache(const struct facts *, const struct facts_account *);

/* facts_worker_stats - summed over the workers.  facts_conns - open connections. */
struct worker_stats facts_worker_stats(const struct facts *);
uint64_t facts_conns(const struct facts *);

#endif
