/*
 * worker - a thread with its own event loop, connections, buffers and caches (docs/front.md).
 *
 * A turn of a worker:
 *
 *	worker_enter	online; rings awake; what other workers and main said; what roles said
 *	conn_on_event	per ready socket: read once; drain the other workers' rings up to the cursors
 *			seen now; parse, route, deliver
 *	worker_leave	timers; connections that may go on; publish rings; write to sockets; close;
 *			snapshots; quiescent
 *			(deliveries to a worker that sleeps may be done for it then: lend.h)
 *	worker_wait	spin a little, or declare sleep on all rings, go offline, wait
 *
 * Which thread has the turn: that of the worker, or that of worker 0 for as long as it has time (gather.h).
 *
 * Rings are published before sockets are written: what a PONG promises is on its way before the
 * PONG is.
 */
#ifndef FRONT_WORKER_H
#define FRONT_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/mono.h"
#include "common/qsbr.h"
#include "common/ring_out.h"
#include "common/trie_cache.h"
#include "common/wheel.h"
#include "natsd-front/local.h"
#include "natsd-front/out.h"
#include "natsd-front/settings.h"
#include "natsd-front/shared.h"
#include "natsd-front/slots.h"
#include "natsd-front/tally.h"

#define WORKER_READ_BYTES 65536u   /* one read of one socket */
#define WORKER_JOIN_BYTES 65536u   /* what a connection kept may be put in front of it */
#define WORKER_SUBS_A_TURN 1000	   /* SUB and UNSUB lines of all connections */
#define WORKER_RECEIVERS_A_TURN 65536u /* of messages of all connections: some milliseconds of work */
#define WORKER_STACK_BYTES (1u << 20) /* touched only as deep as it goes */

struct conn;
struct conn_tls_room;
struct event;
struct event_base;
struct fan;
struct gather;
struct msg_trace;
struct peer;
struct permit_cache;
struct slow_event;

enum { PEER_JS, PEER_RAFT, PEER_COUNT };

struct worker_stats { /* written by the worker only */
	uint64_t in_msgs, in_bytes, out_msgs, out_bytes;
	uint64_t total_conns;
	uint64_t slow_consumers, stalled, stale_conns;
	uint64_t dropped; /* for lack of memory, or because a list was at its bound */
};

struct conn_list {
	struct conn *head;
};

struct worker {
	unsigned index;
	struct shared *shared;
	const struct settings *settings;
	struct event_base *base;
	int base_fd;			/* what it waits on; -1: unknown */
	struct gather *gather;		/* of worker 0; NULL: every worker keeps its thread */
	struct event *bell_event, *tick_event;
	struct qsbr_thread *qsbr;
	struct link *links;		/* [nworkers]; nothing at our own place */
	struct link main;
	struct peer *peers[PEER_COUNT];	/* NULL: that role does not run */

	struct slots conns, subs;
	struct pool *conn_pool;
	struct out_mem mem;
	struct trie_cache *cache;
	struct wheel *wheel;
	struct fan *fan;		/* deliver.c: scratch of one delivery */
	struct msg_trace *traced;	/* complete, to be sent at the end of the turn */
	struct slow_event *slow;	/* likewise */
	struct permit_cache *permits;	/* verdicts asked for lately */
	char *scratch;
	size_t scratch_size;
	char *mapped;
	size_t mapped_size;
	uint8_t *read_buf;		/* JOIN + READ bytes, shared by all connections */
	struct conn_tls_room *tls_room;	/* conn_tls.c; NULL: no connection needed it yet */

	struct conn_list dirty;		/* written to in this turn */
	struct conn_list closing;	/* to be closed at the end of the turn */
	struct conn_list lingering;	/* closed, with output that should still get out */
	struct conn_list resume;	/* no longer paused: held input, then the socket again */
	struct conn_list ring_wait;	/* paused while some list is not empty */
	struct conn_list role_wait;	/* paused while a role is away or full */
	struct conn_list auth_wait;	/* paused while a helper looks at its credentials */
	struct conn_list mark_wait;	/* paused for marks of other workers */
	struct conn_list stall_wait;	/* paused for a slow receiver */

	struct snapshot_ask *copying;	/* the question whose connections it copies, turn by turn */
	uint32_t copied;		/* slots that it went through for that */
	struct snapshot_ask *roles_ask;	/* the question that roles are answering; worker 0 only */
	struct mono now;		/* of this turn */
	int64_t wall_ns;		/* likewise, by way of wall_offset_ns */
	int64_t wall_offset_ns;		/* wall clock less monotonic clock, as of this second */
	struct mono tick_at;		/* when tick_event is due; 0: not set */
	struct mono second;		/* of the last once-a-second work */
	struct mono busy_at;		/* last turn that had work */
	uint32_t role_epoch;		/* grows when roles_unready becomes true */
	uint32_t rung;			/* how often the bell was heard */
	uint32_t spin_us;		/* how long it pays to poll */
	uint64_t random;		/* xorshift state */
	struct blob *feeding;		/* the parser works in this blob; NULL: in read_buf */
	size_t feed_old;		/* of what it works on, bytes that an earlier read brought */
	struct mono slept;		/* when it went to sleep last; 0: it did not */
	struct mono stop_by;		/* while stopping: no later than this */
	uint32_t subs_left;		/* lines of WORKER_SUBS_A_TURN that may still be taken */
	uint32_t receivers_left;	/* of WORKER_RECEIVERS_A_TURN */
	uint8_t rest_due;		/* seconds of quiet after which memory is given back */
	bool guest;			/* another thread than its own runs it (gather.h) */
	bool lent;			/* another worker does our deliveries, we sleep (lend.h) */
	bool online;			/* may hold pointers into shared structures */
	bool in_turn;			/* worker_enter was called, worker_leave was not */
	bool roles_unready;		/* natsd-js or natsd-raft is away or its ring is full */
	bool congested;			/* a list to a ring is not empty: read no sockets */
	bool worked;			/* something happened in this turn */
	bool rings_spoke;		/* this turn began with records */
	bool stopping, stopped;
	uint64_t dropped_told; /* of stats.dropped */
	struct worker_stats stats;
	struct tallies tallies;
};

/* worker_new - everything but the thread and the rings.  NULL: the reason. */
struct worker *worker_new(struct shared *, unsigned index, const struct settings *, struct err *);
void worker_free(struct worker *); /* after its thread ended */

/* worker_run - the body of the thread; returns after LOCAL_STOP. */
void *worker_run(void *);

/* worker_enter - the first thing in every callback of the event loop: one trampoline for all. */
void worker_enter(struct worker *);

/*
 * For gather.c, which runs a worker on the thread of another one:
 *
 * worker_awake - its rings know that it is awake, and its turn is this thread's; worker_asleep - the
 *	turn is given back, the rings were told before.
 * worker_rings_awake - the rings alone.
 * worker_may_sleep - nothing is left to do, and all rings know that it sleeps.
 * worker_has_work - a turn would find something, sockets aside.
 * worker_turn - from worker_enter to worker_leave, after what events have begun.
 * worker_next_wake - when it has to have a turn at the latest; 0: never.
 */
void worker_awake(struct worker *);
void worker_asleep(struct worker *);
void worker_rings_awake(struct worker *);
bool worker_may_sleep(struct worker *);
bool worker_has_work(struct worker *);
void worker_turn(struct worker *);
struct mono worker_next_wake(const struct worker *);

/* worker_drain - handles what the other workers said up to the cursors seen now. */
void worker_drain(struct worker *);

/* worker_from_main - a record of the main thread (worker_main.c). */
void worker_from_main(struct worker *, const struct ring_rec *);

/* worker_random - uniform in [0, n), n > 0. */
uint32_t worker_random(struct worker *, uint32_t n);

/* worker_scratch - n bytes of the worker's, valid until the next call; NULL: no memory. */
char *worker_scratch(struct worker *, size_t n);

/* worker_mapped - the same, for the subject that a published one was mapped to. */
char *worker_mapped(struct worker *, size_t n);

/* worker_say_main - a record to the main thread. */
void worker_say_main(struct worker *, unsigned type, const void *, uint32_t n);

#endif
