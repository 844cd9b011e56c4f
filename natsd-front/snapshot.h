/*
 * snapshot - what the monitoring thread may know of the workers: asked by message, answered between
 * two turns, never waited for by a worker; connections some hundred a turn.
 *
 *	monitor			workers
 *	snapshot_take  --ask--> each fills its part at the end of a turn
 *	  (waits) <--last one rings--
 *	reads the parts
 *	snapshot_free
 *
 * Everything in a snapshot is a copy, owned by it.
 */
#ifndef FRONT_SNAPSHOT_H
#define FRONT_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/nkey.h"
#include "natsd-front/shared.h"
#include "natsd-front/worker.h"

#define SNAPSHOT_COUNTERS 1u
#define SNAPSHOT_CONNS 2u
#define SNAPSHOT_SUBS 4u  /* of each connection: subject, queue, sid */
#define SNAPSHOT_ROLES 8u /* what js and raft say of themselves */
#define SNAPSHOT_TALLIES 16u /* of accounts */
#define SNAPSHOT_LOAD 32u    /* rings, and connections that wait */
#define SNAPSHOT_CACHES 64u  /* of matches, by account */

struct snapshot_sub {
	struct account *account;
	uint64_t cid;
	uint64_t msgs, max;
	char *subject, *queue, *sid; /* queue "": none */
};

struct snapshot_cert { /* of a client; hashes in hex */
	char *subject;
	char spki_sha256[65], cert_sha256[65];
};

struct snapshot_conn {
	uint64_t cid;
	const char *kind, *type; /* "Client", "nats" */
	char ip[64];
	uint16_t port;
	int64_t start_wall_ns, last_wall_ns;
	int64_t stop_wall_ns; /* 0: open */
	const char *reason;   /* NULL: open */
	int64_t rtt_ns;
	uint64_t pending_bytes;
	uint64_t in_msgs, out_msgs, in_bytes, out_bytes, stalls;
	const char *tls_version, *tls_cipher; /* "1.3", ...; NULL: no TLS, or still in its handshake */
	bool tls_first;
	struct snapshot_cert *tls_certs; /* of the client, leaf first; of open connections */
	uint32_t ntls_certs;
	uint32_t nsubs;
	char *name, *lang, *version; /* NULL: unknown */
	const char *account;	     /* "$G", ... */
	const char *issuer; /* of an nkey user: its account; NULL: none */
	char proxy[NKEY_PUBLIC_TEXT]; /* key of the trusted proxy that it came through; "": none */
	char *user; /* as shown, "[REDACTED]" for a token; NULL: none */
	struct snapshot_sub *subs;   /* nsubs of them when SNAPSHOT_SUBS was asked, else NULL; one block
				      * with all their texts */
	size_t subs_bytes;	     /* its size, of one made from a connection */
};

/* Why connections are not read: for room in a ring, for a role, for a slow receiver, for a helper. */
enum snapshot_wait { WAIT_RING, WAIT_ROLE, WAIT_STALL, WAIT_AUTH, SNAPSHOT_WAITS };

struct snapshot_part { /* of one worker */
	bool done;
	struct worker_stats stats;
	struct trie_cache_stats cache;
	uint32_t conns_open; /* as many as are in conns, if all were asked for */
	uint32_t subs;
	struct snapshot_conn *conns;
	uint32_t nconns, conns_size;
	uint32_t turns; /* that the worker copied connections in */
	struct tally *tallies; /* [ntallies], by number of the account; when asked */
	uint32_t ntallies;
	struct trie_cache_stats *caches; /* [ncaches], by number of the account; when asked */
	uint32_t ncaches;
	/* SNAPSHOT_LOAD: */
	uint64_t waiting_bytes; /* that found no room in a ring */
	uint32_t ring_bytes[PEER_COUNT]; /* in the ring to that role, not yet finished with */
	uint32_t waiting[SNAPSHOT_WAITS]; /* connections that wait instead of being read */
};

struct snapshot_role {
	bool said;  /* false: it does not run, is away, or did not answer in time */
	char *json; /* one object */
};

struct snapshot {
	unsigned nparts;
	struct snapshot_part *parts;
	struct snapshot_role roles[PEER_COUNT];
};

/*
 * snapshot_take - asks all workers and waits at most timeout_ms; cid 0: all connections.  Parts
 * that did not come have done false.  One thread at a time.  NULL: no memory, or the last ask is
 * still under way in a worker that hangs.
 */
struct snapshot *snapshot_take(struct shared *, unsigned what, uint64_t cid, int timeout_ms);
void snapshot_free(struct snapshot *);

/* snapshot_conn_of - the copy that monitoring shows; with_subs: its subscriptions too.  0; -1. */
int snapshot_conn_of(struct snapshot_conn *, const struct conn *, bool with_subs);

/* snapshot_conn_copy - a copy of a copy, to be cleared in both cases.  0; -1: no memory. */
int snapshot_conn_copy(struct snapshot_conn *, const struct snapshot_conn *from, bool with_subs);
void snapshot_conn_clear(struct snapshot_conn *);

/* snapshot_answer - the worker's side: fills its part of what was asked, if anything was. */
void snapshot_answer(struct worker *);

/* snapshot_forget - the worker ends: questions it holds are given back. */
void snapshot_forget(struct worker *);

/* snapshot_status - a role's STATUS frame arrived at this worker. */
void snapshot_status(struct worker *, unsigned role, uint64_t token, struct str json);

#endif
