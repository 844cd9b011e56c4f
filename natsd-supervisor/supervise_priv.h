/* supervise_priv - shared by supervise*.c and handover.c, nobody else. */
#ifndef SUPERVISOR_SUPERVISE_PRIV_H
#define SUPERVISOR_SUPERVISE_PRIV_H

#include <event2/event.h>
#include <limits.h>

#include "natsd-supervisor/child.h"
#include "natsd-supervisor/rings.h"
#include "natsd-supervisor/supervise.h"
#include "natsd-supervisor/volatile.h"

enum { SUPERVISE_FRONT, SUPERVISE_JS, SUPERVISE_RAFT, SUPERVISE_CHILDREN };

struct supervised {
	struct child child;
	struct supervise *owner;
	struct event *readable, *writable;
	char program[PATH_MAX];
	bool wanted;	   /* runs in this natsd at all */
	bool answered;	   /* the reload under way */
	unsigned probe;	   /* act that is being tried */
};

struct supervise {
	struct supervise_setup setup;
	struct options options; /* committed */
	struct supervised children[SUPERVISE_CHILDREN];
	struct rings *rings;
	struct volatile_store store;
	int accounts;
	struct event *tick, *eager, *wake, *deadline;
	uint64_t pings, highest_cid;
	uint64_t usage_cpu_ns;	/* at the front's last question */
	struct mono usage_asked;
	bool ready, stopping, lame;

	bool reloading;
	bool using; /* committed, and the front's threads change over */
	struct options next;
	char refused[CTL_TEXT_MAX];
	void (*reload_done)(void *ctx, const char *why);
	void *reload_ctx;
};

/* handover.c: everything from HELLO to GO, to a child just spawned. */
int handover(struct supervise *, struct supervised *, struct err *);
/* handover_config - the options that role may know, as a sealed memory object, in a CONFIG. */
int handover_config(struct supervised *, const struct options *, struct err *);
/* handover_rings - the rings between `to` and `peer`, made anew since. */
void handover_rings(struct supervise *, struct supervised *to, enum role peer);
/* handover_peer - how `about` is doing, told to `to`. */
void handover_peer(struct supervised *to, const struct supervised *about);

/* supervise_reload.c */
void reload_answered(struct supervise *, struct supervised *, uint32_t generation, struct str why);
void reload_used(struct supervise *, uint32_t generation); /* the front has it in use */
void reload_lost(struct supervise *, struct supervised *); /* it died before it said so */

/* supervise_said.c: one message.  0; -1: the child broke the rules. */
int supervise_said(struct supervise *, struct supervised *, struct ctl_msg *);

/* supervise.c */
void supervise_flush(struct supervised *); /* arms the write event when something is kept */
void supervise_tell_front(struct supervise *, const struct supervised *about);
void supervise_tell_hubs(struct supervise *);

#endif
