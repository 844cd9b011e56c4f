/*
 * signals - what operators and scripts send to the server's process (client.md 18.3).
 *
 * libevent's handler writes one byte; everything else happens in the event loop.
 */
#ifndef SUPERVISOR_SIGNALS_H
#define SUPERVISOR_SIGNALS_H

#include "common/err.h"

struct event_base;
struct signals;

struct signal_actions {
	void (*quit)(void *);	/* SIGINT */
	void (*term)(void *);	/* SIGTERM */
	void (*reopen)(void *); /* SIGUSR1 */
	void (*ldm)(void *);	/* SIGUSR2 */
	void (*reload)(void *); /* SIGHUP */
};

/* signals_new - from now on each is logged and calls its action; actions must outlive it.  NULL. */
struct signals *signals_new(struct event_base *, const struct signal_actions *, void *ctx,
    struct err *);
void signals_free(struct signals *);

#endif
