#include "config.h"

#include <sys/random.h>

#include <event2/event.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/access.h"
#include "common/log.h"
#include "common/tls_options.h"
#include "natsd-front/front.h"
#include "natsd-front/gather.h"
#include "natsd-front/helpers.h"
#include "natsd-front/monitor/monitor.h"
#include "natsd-front/peer.h"

#define SYNCED_WAIT_MS 250 /* clients are let in by then, whoever is not ready */
#define HELPERS_MOST 16 /* threads of a class */

uint64_t
front_random(uint64_t n)
{
	uint64_t r;

	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r))
		r = (uint64_t)mono_now().ns;
	return (r % n);
}

uint64_t
front_conns(const struct front *f)
{
	uint64_t n = 0;
	unsigned i;

	for (i = 0; i < f->shared->nworkers; i++)
		n += atomic_load_explicit(&f->shared->pub[i].conns, memory_order_relaxed);
	return (n);
}

void
front_flush(struct front *f)
{
	unsigned i;

	for (i = 0; i < f->shared->nworkers; i++)
		link_flush(&f->threads[i].link);
}

void
front_tell_all(struct front *f, enum local_type type, const void *what, uint32_t n)
{
	unsigned i;

	for (i = 0; i < f->shared->nworkers; i++)
		local_say(&f->threads[i].link, type, what, n);
	front_flush(f);
}

/* ---- the event loop ---- */

/* Before the loop waits: rings know that we sleep, or there is something and we look again. */
static void
hear_and_sleep(struct front *f)
{
	unsigned i;
	bool again;

	do {
		again = false;
		front_hear(f);
		front_usage(f);
		for (i = 0; i < f->shared->nworkers; i++)
			if (!ring_sleep(f->threads[i].link.from))
				again = true;
		if (again)
			for (i = 0; i < f->shared->nworkers; i++)
				ring_wake(f->threads[i].link.from);
	} while (again);
	front_flush(f);
}

static void
arm_ctl_write(struct front *f)
{
	if (ctl_wants_write(f->ctl))
		event_add(f->ctl_write_event, NULL);
}

static void
on_bell(evutil_socket_t fd, short what, void *arg)
{
	struct front *f = arg;
	unsigned i;

	(void)fd;
	(void)what;
	doorbell_clear(&f->bell);
	for (i = 0; i < f->shared->nworkers; i++)
		ring_wake(f->threads[i].link.from);
	hear_and_sleep(f);
	arm_ctl_write(f);
}

static void
on_ctl(evutil_socket_t fd, short what, void *arg)
{
	struct front *f = arg;
	struct err e;

	(void)fd;
	if ((what & EV_WRITE) && ctl_flush(f->ctl, &e) != 0)
		fatal("natsd-front: control: %s", e.text);
	if (what & EV_READ)
		front_control(f);
	arm_ctl_write(f);
}

void
front_open(struct front *f)
{
	struct ctl_ready ready = { 0 };
	struct err e;

	if (!f->waits_synced)
		return;
	f->waits_synced = false;
	event_del(f->synced_event);
	if (accept_begin(f, &e) != 0)
		fatal("natsd-front: %s", e.text);
	ctl_send_ready(f->ctl, &ready, NULL);
	arm_ctl_write(f);
}

static void
on_synced_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	front_open(arg);
}

static int
main_events(struct front *f, struct err *e)
{
	if ((f->base = event_base_new()) == NULL)
		return (err_set(e, "no event loop"));
	f->ctl_event = event_new(f->base, ctl_fd(f->ctl), EV_READ | EV_PERSIST, on_ctl, f);
	f->ctl_write_event = event_new(f->base, ctl_fd(f->ctl), EV_WRITE, on_ctl, f);
	f->bell_event = event_new(f->base, f->bell.wait, EV_READ | EV_PERSIST, on_bell, f);
	f->synced_event = event_new(f->base, -1, 0, on_synced_late, f);
	if (f->ctl_event == NULL || f->ctl_write_event == NULL || f->bell_event == NULL ||
	    f->synced_event == NULL || event_add(f->ctl_event, NULL) != 0 ||
	    event_add(f->bell_event, NULL) != 0)
		return (err_set(e, "no events"));
	return (0);
}

/* ---- workers ---- */

static int
make_links(struct front *f, struct err *e)
{
	unsigned i, j, n = f->shared->nworkers;
	struct worker *a, *b;

	for (i = 0; i < n; i++) {
		a = f->threads[i].worker;
		if (link_make(&f->threads[i].link, &f->bell, &a->main, &f->bells[i],
		    LOCAL_RING_BYTES_MAIN, e) != 0)
			return (-1);
		for (j = i + 1; j < n; j++) {
			b = f->threads[j].worker;
			if (link_make(&a->links[j], &f->bells[i], &b->links[i], &f->bells[j],
			    LOCAL_RING_BYTES, e) != 0)
				return (-1);
		}
	}
	return (0);
}

static int
make_monitor(struct front *f, struct err *e)
{
	struct facts_source source = { .shared = f->shared, .status = f->status };

	if (f->monitor_fd < 0)
		return (0);
	f->monitor = monitor_new(f->monitor_fd, f->monitor_tls, &source, f->settings->o.http_base_path, e);
	if (f->monitor == NULL)
		return (-1);
	f->monitor_fd = -1;
	return (0);
}

static int
make_accounts(struct front *f, struct err *e)
{
	const struct access *a = f->settings->o.access;

	if (a->system_account != ACCESS_NO_ACCOUNT &&
	    shared_name_system(f->shared, a->accounts[a->system_account].name, e) != 0)
		return (-1);
	if (f->accounts != NULL && shared_use_table(f->shared, f->accounts, e) != 0)
		return (-1);
	return (settings_bind(f->settings, f->shared, e));
}

/* Slow jobs take no more than half of the processors, so that workers go on. */
static int
make_helpers(struct front *f, struct err *e)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = cpus < 1 ? 1 : cpus > HELPERS_MOST ? HELPERS_MOST : (unsigned)cpus;

	f->shared->helpers = helpers_new(f->shared, n, n / 2 == 0 ? 1 : n / 2, e);
	return (f->shared->helpers == NULL ? -1 : 0);
}

static void
make_gather(struct front *f)
{
	struct worker *host = f->threads[0].worker;

	host->gather = gather_new(host, seating_next, SEATING_WINDOW_NS);
	if (host->gather == NULL)
		log_warn("natsd.gather: every worker keeps a thread of its own: no memory, or it is not known what "
		    "an event loop waits on");
}

int
front_make(struct front *f, struct err *e)
{
	const struct options *o = &f->settings->o;
	uint32_t closed = o->max_closed_clients < 0 ? 0
	    : o->max_closed_clients > UINT32_MAX    ? UINT32_MAX
						    : (uint32_t)o->max_closed_clients;
	unsigned i, n = f->hello.front_threads;
	long cpus;

	f->shared = shared_new(n, f->hello.natsd_life, closed);
	if (f->shared == NULL)
		return (err_set(e, "no memory"));
	if (o->tls != NULL)
		f->shared->tls_rate.most = o->tls->rate_limit;
	if (make_accounts(f, e) != 0 || make_helpers(f, e) != 0)
		return (-1);
	/*
	 * Polling must not take the time of who is waited for: with two processors the other one is
	 * the client's, and each worker may need one.
	 */
	cpus = sysconf(_SC_NPROCESSORS_ONLN);
	f->shared->may_spin = cpus > 2 && cpus > (long)n;
	if (doorbell_make(&f->bell, e) != 0 || main_events(f, e) != 0)
		return (-1);
	status_main_bell(f->status, &f->bell);
	for (i = 0; i < n; i++) {
		f->shared->pub[i].bell = f->bells[i];
		f->threads[i].worker = worker_new(f->shared, i, f->settings, e);
		if (f->threads[i].worker == NULL)
			return (-1);
	}
	if (make_links(f, e) != 0)
		return (-1);
	if (n > 1 && o->gather)
		make_gather(f);
	front_tell_peers(f);
	return (make_monitor(f, e));
}

int
front_start(struct front *f, struct err *e)
{
	pthread_attr_t attr;
	unsigned i;
	int rc = 0;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, WORKER_STACK_BYTES);
	for (i = 0; i < f->shared->nworkers && rc == 0; i++) {
		rc = pthread_create(&f->threads[i].id, &attr, worker_run, f->threads[i].worker);
		f->threads[i].runs = rc == 0;
	}
	pthread_attr_destroy(&attr);
	if (rc == 0 && helpers_start(f->shared->helpers, e) != 0)
		return (-1);
	if (rc != 0)
		return (err_set(e, "no thread for worker %u: error %d", i - 1, rc));
	return (f->monitor == NULL ? 0 : monitor_start(f->monitor, e));
}

int
front_run(struct front *f)
{
	struct timeval wait = { .tv_usec = SYNCED_WAIT_MS * 1000 };
	struct ctl_stopped stopped = { 0 };
	unsigned i;

	f->waits_synced = true;
	if (f->hello.dev_roles == 0)
		front_open(f);
	else
		event_add(f->synced_event, &wait);
	hear_and_sleep(f);
	event_base_dispatch(f->base);
	monitor_stop(f->monitor);
	f->monitor = NULL;
	for (i = 0; i < f->shared->nworkers; i++)
		pthread_join(f->threads[i].id, NULL);
	helpers_stop(f->shared->helpers);
	ctl_send_stopped(f->ctl, &stopped, NULL);
	return (0);
}

static void
free_event(struct event *ev)
{
	if (ev != NULL)
		event_free(ev);
}

bool
front_abandons_helpers(struct front *f)
{
	if (!helpers_stuck(f->shared->helpers))
		return (false);
	helpers_abandon(f->shared->helpers);
	return (true);
}

void
front_free(struct front *f)
{
	unsigned i;

	accept_end(f);
	free_event(f->lame_event);
	free_event(f->synced_event);
	free_event(f->bell_event);
	free_event(f->ctl_write_event);
	free_event(f->ctl_event);
	if (f->base != NULL)
		event_base_free(f->base);
	if (f->threads != NULL && f->threads[0].worker != NULL)
		gather_free(f->threads[0].worker->gather);
	for (i = 0; f->shared != NULL && i < f->shared->nworkers; i++) {
		worker_free(f->threads[i].worker);
		link_free(&f->threads[i].link);
	}
	settings_release(f->settings);
	settings_release(f->old);
	if (f->shared != NULL)
		helpers_free(f->shared->helpers);
	shared_free(f->shared);
	status_free(f->status);
	account_table_detach(f->accounts);
	ctl_free(f->ctl);
	free(f->threads);
	turns_free(&f->turns);
	free(f->bells);
}
