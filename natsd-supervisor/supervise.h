/*
 * supervise - the other programs as one: started, handed what they need, watched, replaced, reloaded,
 * stopped (docs/supervisor.md).
 *
 * One thread, in the supervisor's event loop.  Nothing here waits.
 */
#ifndef SUPERVISOR_SUPERVISE_H
#define SUPERVISOR_SUPERVISE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/options.h"
#include "natsd-supervisor/identity.h"
#include "natsd-supervisor/logserver.h"

struct event_base;
struct supervise;

struct supervise_setup {
	struct event_base *base;
	const struct options *options;	 /* copied */
	const struct identity *identity; /* borrowed */
	struct logserver *log;		 /* borrowed */
	int client_listener, monitor_listener; /* borrowed; monitor -1: none */
	uint32_t front_threads;
	bool dev_roles;

	/* Test builds only (killpoint.h); NULL otherwise. */
	const char *kill_spec;	    /* "<role>: <place>@<n>", '*' behind it: in every life */
	char *const *front_wrapper; /* words before the front's program */
	bool probe;		    /* have every role try what it must not, into the log */

	void (*on_ready)(void *ctx);	 /* once: all are up */
	void (*on_lame_done)(void *ctx); /* the last client of a lame duck is gone */
	void (*on_stopped)(void *ctx);	 /* no child is left, after supervise_stop */
	void *ctx;
};

/* supervise_new - makes rings, bells, account table and volatile store.  NULL: the reason. */
struct supervise *supervise_new(const struct supervise_setup *, struct err *);
void supervise_free(struct supervise *); /* what is still running is killed */

/* supervise_start - the first life of every program.  0; -1: one cannot be executed. */
int supervise_start(struct supervise *, struct err *);

/* supervise_reap - after SIGCHLD: buries the dead, strangers too (as PID 1). */
void supervise_reap(struct supervise *);

/*
 * supervise_reload - offers the next options to every program; when all can use them they are
 * committed and everybody switches (js and raft before the front), else nothing changes.  done is
 * called once, later or at once; why is empty when it was taken.  One at a time: -1 while another
 * one is under way.
 */
int supervise_reload(struct supervise *, const struct options *next,
    void (*done)(void *ctx, const char *why), void *ctx, struct err *);

void supervise_lame_duck(struct supervise *);
void supervise_stop(struct supervise *); /* the front first; who is slow is killed */

/* supervise_options - the committed ones. */
const struct options *supervise_options(const struct supervise *);

#endif
