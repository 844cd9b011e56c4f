/*
 * front - the main thread: control socket, listener, workers, and the life from HELLO to STOPPED.
 *
 * It touches no connection: accepted sockets go to the worker with the fewest of them, everything
 * else it says to workers over local rings (local.h).
 */
#ifndef FRONT_FRONT_H
#define FRONT_FRONT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/ctl.h"
#include "common/mono.h"
#include "natsd-front/local.h"
#include "natsd-front/settings.h"
#include "natsd-front/shared.h"
#include "natsd-front/status.h"
#include "natsd-front/turns.h"
#include "natsd-front/worker.h"

struct event;
struct event_base;
struct monitor;

enum front_lame { LAME_NOT, LAME_GRACE, LAME_CLOSING, LAME_DONE };

struct front_thread {
	struct worker *worker;
	pthread_t id;
	bool runs;
	struct link link; /* main's ends */
	bool stopped;
	struct local_peer_rings rings[PEER_COUNT]; /* fresh ones, until both directions are there */
};

struct front {
	struct ctl *ctl;
	uint32_t life;
	struct ctl_hello hello;
	struct event_base *base;
	struct event *ctl_event, *ctl_write_event, *bell_event;
	struct doorbell bell;
	struct account_table *accounts;
	struct status *status;
	struct monitor *monitor; /* NULL: no monitoring port */
	struct shared *shared;
	struct front_thread *threads; /* [shared->nworkers] */
	struct doorbell *bells;	      /* [front_threads], of the workers, as they came */

	struct settings *settings; /* in use */
	struct settings *next;	   /* validated, waits for CONFIG_USE */
	struct settings *old;	/* still used by `old_users` workers */
	uint32_t answer_later;	/* generation offered meanwhile, agreed to when they are done; 0 */
	unsigned old_users;

	int listen_fd, monitor_fd;
	bool monitor_tls; /* https */
	struct event *accept_event, *retry_event;
	int64_t retry_ms;     /* pause after a failed accept */
	uint64_t cid, cid_told; /* last one given; up to where the supervisor knows */
	bool accepting;

	struct local_peer_state peers[PEER_COUNT]; /* as said last; role 0: nothing yet */
	bool waits_synced;    /* clients are let in after SYNCED, or 250 ms */
	unsigned synced;      /* roles that said it, as bits */
	struct event *synced_event;

	enum front_lame lame;
	struct event *lame_event;
	uint64_t lame_left;   /* connections still to be closed */
	int64_t lame_step_ns;
	uint32_t lame_batch;

	struct turns turns;
	bool stopping;
};

/* front_attach - HELLO to GO: everything the supervisor hands over.  0; -1. */
int front_attach(struct front *, struct err *);

/* front_attach_ring - RING, also later: fresh ones for a role.  0; -1: it breaks the rules. */
int front_attach_ring(struct front *, struct ctl_msg *, struct err *);

/* front_make - workers and their rings, events; nothing runs yet.  front_start - the threads. */
int front_make(struct front *, struct err *);
int front_start(struct front *, struct err *);

/* front_run - READY, then the event loop, until STOP is done.  The exit status. */
int front_run(struct front *);
void front_free(struct front *);

/* front_abandons_helpers - after front_run: true when a helper is in the middle of something that
 * takes long, and uses what front_free would free.  The process must leave as it is. */
bool front_abandons_helpers(struct front *);

/* front_control - the control socket is readable.  front_hear - what workers said.
 * front_usage - asks the supervisor for figures when monitoring wants them. */
void front_control(struct front *);
void front_hear(struct front *);
void front_usage(struct front *);

/* front_peer - PEER: a role came, went, or has fresh rings.  front_tell_peers - what is known of
 * the roles, once the workers are there. */
void front_peer(struct front *, struct ctl_msg *);
void front_tell_peers(struct front *);

/* front_open - clients are let in from now on; READY. */
void front_open(struct front *);

/* front_tell_all - the same record to every worker.  front_flush - publishes to all. */
void front_tell_all(struct front *, enum local_type, const void *, uint32_t n);
void front_flush(struct front *);

/* front_conns - registered connections of all workers. */
uint64_t front_conns(const struct front *);

/* front_random - uniform in [0, n), n > 0; nothing secret. */
uint64_t front_random(uint64_t n);

/* ---- accept.c ---- */
int accept_begin(struct front *, struct err *);
void accept_end(struct front *); /* the listener is closed */
/* accept_settings - from the settings in use to what accepted sockets inherit: a peer that takes none of
 * what is sent is given up by the kernel too after as long as it may leave PINGs unanswered. */
void accept_settings(struct front *);

/* ---- lame.c ---- */
void lame_begin(struct front *);

/* ---- reload.c ---- */
void reload_offer(struct front *, struct ctl_msg *);
void reload_use(struct front *, uint32_t generation);
void reload_drop(struct front *, uint32_t generation);
void reload_used(struct front *); /* one worker changed over */

#endif
