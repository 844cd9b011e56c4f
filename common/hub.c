#include "config.h"

#include <event2/event.h>
#include <stdlib.h>

#include "common/hub_priv.h"
#include "common/killpoint.h"
#include "common/leaks.h"
#include "common/log.h"
#include "common/sandbox.h"

static const struct timeval one_second = { .tv_sec = 1 };

/* ---- events: they only say that a turn is due ---- */

static void
on_ctl(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	hub_ctl_read(arg);
}

static void
on_ctl_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	hub_ctl_flush(arg);
}

static void
on_bell(evutil_socket_t fd, short what, void *arg)
{
	struct hub *h = arg;

	(void)fd;
	(void)what;
	doorbell_clear(&h->bell);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct hub *h = arg;
	struct hub_link *l;

	(void)fd;
	(void)what;
	TAILQ_FOREACH(l, &h->links, entry)
		if (l->out != NULL)
			ring_rest(ring_out_ring(l->out));
}

static void
make_events(struct hub *h)
{
	struct event_config *c = event_config_new();

	if (c == NULL || (h->base = event_base_new_with_config(c)) == NULL)
		fatal("event loop: no memory");
	event_config_free(c);
	h->ctl_read = event_new(h->base, ctl_fd(h->ctl), EV_READ | EV_PERSIST, on_ctl, h);
	h->ctl_write = event_new(h->base, ctl_fd(h->ctl), EV_WRITE, on_ctl_writable, h);
	h->bell_read = event_new(h->base, h->bell.wait, EV_READ | EV_PERSIST, on_bell, h);
	h->tick = event_new(h->base, -1, EV_PERSIST, on_tick, h);
	if (h->ctl_read == NULL || h->ctl_write == NULL || h->bell_read == NULL || h->tick == NULL)
		fatal("event loop: no memory");
	event_add(h->ctl_read, NULL);
	event_add(h->bell_read, NULL);
	event_add(h->tick, &one_second);
}

/* ---- life ---- */

struct hub *
hub_new(const struct hub_role *role, void *ctx)
{
	struct hub *h = calloc(1, sizeof(*h));

	log_to_supervisor(CTL_LOG_FD);
	if (h == NULL)
		fatal("no memory");
	h->role = role;
	h->ctx = ctx;
	h->bell = DOORBELL_NONE;
	h->store = -1;
	TAILQ_INIT(&h->links);
	if ((h->ctl = ctl_new(CTL_FD, role->role, ROLE_SUPERVISOR, 0)) == NULL)
		fatal("control: no memory");
	hub_ctl_handover(h);
	return (h);
}

void
hub_confine(struct hub *h)
{
	struct sandbox_request rq = { .role = h->role->role,
		.dirs = &h->store,
		.ndirs = h->store == -1 ? 0 : 1,
		.allow_probe = KILLPOINT_BUILD };
	struct err e;

	make_events(h);
	if (h->role->open(h->ctx, h, h->store, &e) != 0)
		fatal("%s", e.text);
	/* Under an instrument of a test build the filter would stop the instrument. */
	if (!killpoint_no_sandbox() && sandbox_enter(&rq, &e) != 0)
		fatal("%s", e.text);
	if (h->role->recover(h->ctx, &e) != 0)
		fatal("%s", e.text);
}

/* Every link in turn until there is nothing left anywhere. */
static void
drain(struct hub *h)
{
	struct hub_link *l, *next;
	bool more;

	do {
		more = false;
		TAILQ_FOREACH_SAFE(l, &h->links, entry, next)
			more |= hub_link_turn(h, l);
	} while (more);
}

static bool
sleep_allowed(struct hub *h)
{
	struct hub_link *l;

	TAILQ_FOREACH(l, &h->links, entry)
		if (!hub_link_sleep(l))
			return (false);
	return (true);
}

static void
turn(struct hub *h)
{
	struct hub_link *l;

	drain(h);
	hub_ctl_flush(h);
	event_base_loop(h->base, sleep_allowed(h) ? EVLOOP_ONCE : EVLOOP_NONBLOCK);
	TAILQ_FOREACH(l, &h->links, entry)
		hub_link_wake(l);
}

int
hub_run(struct hub *h)
{
	struct ctl_ready ready = { 0 };
	struct ctl_stopped stopped = { 0 };
	struct hub_link *l, *next;
	struct err e;

	h->running = true;
	TAILQ_FOREACH_SAFE(l, &h->links, entry, next)
		if (l->in != NULL && l->out != NULL && !l->peer_gone)
			hub_link_greet(h, l);
	if (ctl_send_ready(h->ctl, &ready, &e) != 0)
		fatal("control: %s", e.text);
	while (!h->stopping)
		turn(h);
	drain(h);
	ctl_send_stopped(h->ctl, &stopped, &e);
	leaks_search(h);
	return (0);
}

const struct options *
hub_options(const struct hub *h)
{
	return (&h->options);
}

const struct account_table *
hub_accounts(const struct hub *h)
{
	return (h->accounts);
}

uint32_t
hub_life(const struct hub *h)
{
	return (ctl_life(h->ctl));
}

bool
hub_dev(const struct hub *h)
{
	return (h->dev);
}
