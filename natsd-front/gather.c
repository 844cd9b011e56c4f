#include "config.h"

#include <event2/event.h>
#include <semaphore.h>
#include <stdlib.h>

#include "natsd-front/gather.h"
#include "natsd-front/worker.h"

struct guest {
	struct gather *gather;
	struct worker *w;
	struct event *event; /* its loop has something to do */
	bool here;
	bool called; /* the event was there */
	struct mono due; /* its next timer, as of the host's last wait; 0: none */
	uint64_t msgs; /* routed, when the window began */
	int64_t slept_ns; /* likewise */
};

struct gather {
	struct worker *host;
	struct guest *guests; /* [nworkers]; the host's place has its own numbers */
	unsigned n, here;
	bool ended; /* nobody comes any more */
	struct mono window; /* when it began */
	int64_t window_ns;
	gather_choice *choose;
	struct seating seating;
	struct seating_worker *seen; /* [nworkers] */
};

/* ---- making ---- */

static struct worker_public *
public_of(const struct guest *g)
{
	return (&g->w->shared->pub[g->w->index]);
}

static void
on_called(evutil_socket_t fd, short what, void *arg)
{
	struct guest *g = arg;

	(void)fd;
	(void)what;
	worker_enter(g->gather->host);
	g->called = true;
}

static int
guests_init(struct gather *ga)
{
	struct guest *g;

	for (unsigned i = 0; i < ga->n; i++) {
		g = &ga->guests[i];
		g->gather = ga;
		g->w = ga->host->shared->pub[i].worker;
		if (i == 0)
			continue;
		if (g->w->base_fd < 0)
			return (-1);
		g->event = event_new(ga->host->base, g->w->base_fd, EV_READ | EV_PERSIST,
		    on_called, g);
		if (g->event == NULL)
			return (-1);
	}
	return (0);
}

struct gather *
gather_new(struct worker *host, gather_choice *choose, int64_t window_ns)
{
	struct gather *ga = calloc(1, sizeof(*ga));
	unsigned n = host->shared->nworkers;

	if (ga == NULL)
		return (NULL);
	ga->host = host;
	ga->n = n;
	ga->guests = calloc(n, sizeof(*ga->guests));
	ga->seen = calloc(n, sizeof(*ga->seen));
	ga->choose = choose;
	ga->window_ns = window_ns;
	ga->window = host->now;
	if (ga->guests == NULL || ga->seen == NULL || guests_init(ga) != 0) {
		gather_free(ga);
		return (NULL);
	}
	for (unsigned i = 1; i < n; i++)
		atomic_store(&public_of(&ga->guests[i])->seat, GATHER_ASKED);
	return (ga);
}

void
gather_free(struct gather *ga)
{
	if (ga == NULL)
		return;
	for (unsigned i = 0; ga->guests != NULL && i < ga->n; i++)
		if (ga->guests[i].event != NULL)
			event_free(ga->guests[i].event);
	free(ga->guests);
	free(ga->seen);
	free(ga);
}

/* ---- coming and going ---- */

static void
take(struct gather *ga, struct guest *g)
{
	if (atomic_load(&public_of(g)->seat) != GATHER_FREE || event_add(g->event, NULL) != 0)
		return;
	atomic_store(&public_of(g)->seat, GATHER_GUEST);
	g->w->guest = true;
	worker_awake(g->w);
	g->here = g->called = true;
	ga->here++;
}

static void
send_off(struct gather *ga, struct guest *g)
{
	event_del(g->event);
	worker_asleep(g->w);
	g->w->guest = false;
	g->here = false;
	ga->here--;
	atomic_store(&public_of(g)->seat, GATHER_OWN);
	sem_post(&public_of(g)->sit);
}

static void
ask(struct guest *g)
{
	unsigned char seat = GATHER_OWN;

	if (atomic_compare_exchange_strong(&public_of(g)->seat, &seat, GATHER_ASKED))
		doorbell_ring(&public_of(g)->bell);
}

void
gather_end(struct gather *ga)
{
	unsigned char seat;
	struct guest *g;

	if (ga == NULL || ga->ended)
		return;
	ga->ended = true;
	for (unsigned i = 1; i < ga->n; i++) {
		g = &ga->guests[i];
		seat = GATHER_ASKED;
		if (g->here)
			send_off(ga, g);
		else if (!atomic_compare_exchange_strong(&public_of(g)->seat, &seat, GATHER_OWN) &&
		    seat == GATHER_FREE) {
			atomic_store(&public_of(g)->seat, GATHER_OWN);
			sem_post(&public_of(g)->sit);
		}
	}
}

bool
gather_asked(const struct worker_public *pub)
{
	return (atomic_load_explicit(&pub->seat, memory_order_relaxed) == GATHER_ASKED);
}

/* Its turn stays locked meanwhile: nobody else borrows it. */
void
gather_go(struct worker *w)
{
	struct worker_public *pub = &w->shared->pub[w->index];
	unsigned char seat = GATHER_ASKED;

	qsbr_offline(w->qsbr);
	if (atomic_compare_exchange_strong(&pub->seat, &seat, GATHER_FREE)) {
		doorbell_ring(&w->shared->pub[0].bell);
		while (sem_wait(&pub->sit) != 0)
			continue;
	}
	qsbr_online(w->qsbr);
	w->online = true;
}

/* ---- the host's loop ---- */

void
gather_awake(struct gather *ga)
{
	if (ga == NULL || ga->here == 0)
		return;
	for (unsigned i = 1; i < ga->n; i++)
		if (ga->guests[i].here && !ga->guests[i].w->online)
			worker_awake(ga->guests[i].w);
}

bool
gather_sleep(struct gather *ga)
{
	unsigned i;

	if (ga == NULL || ga->here == 0)
		return (true);
	for (i = 1; i < ga->n; i++)
		if (ga->guests[i].here && !worker_may_sleep(ga->guests[i].w))
			break;
	if (i == ga->n) {
		for (i = 1; i < ga->n; i++)
			if (ga->guests[i].here)
				worker_asleep(ga->guests[i].w);
		return (true);
	}
	while (i-- > 1)
		if (ga->guests[i].here)
			worker_rings_awake(ga->guests[i].w);
	return (false);
}

static void
guest_turn(struct guest *g, struct mono now)
{
	struct worker *w = g->w;

	if (!g->called && !worker_has_work(w) && (g->due.ns == 0 || mono_before(now, g->due))) {
		qsbr_quiescent(w->qsbr);
		return;
	}
	if (g->called)
		event_base_loop(w->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	g->called = false;
	g->due = (struct mono){ 0 };
	worker_turn(w);
}

/* ---- who sits where ---- */

static int64_t
slept(const struct worker_public *pub, struct mono now)
{
	int64_t since = atomic_load_explicit(&pub->asleep_since, memory_order_relaxed);

	return (atomic_load_explicit(&pub->slept_ns, memory_order_relaxed) +
	    (since == 0 || since > now.ns ? 0 : now.ns - since));
}

static void
look(struct gather *ga, struct mono now)
{
	const struct worker_public *pub;
	struct guest *g;
	uint64_t msgs;
	int64_t ns;

	for (unsigned i = 0; i < ga->n; i++) {
		g = &ga->guests[i];
		pub = public_of(g);
		msgs = atomic_load_explicit(&pub->useful, memory_order_relaxed);
		ns = slept(pub, now);
		ga->seen[i] = (struct seating_worker){ .guest = g->here, .msgs = msgs - g->msgs,
			.slept_ns = ns - g->slept_ns };
		g->msgs = msgs;
		g->slept_ns = ns;
	}
}

static void
window(struct gather *ga)
{
	struct mono now = ga->host->now;
	int64_t ns = mono_diff_ns(now, ga->window);
	unsigned of = 0;

	if (ns < ga->window_ns)
		return;
	ga->window = now;
	look(ga, now);
	switch (ga->choose(&ga->seating, now, ns, ga->seen, ga->n, &of)) {
	case SEATING_STAY:
		break;
	case SEATING_OWN:
		send_off(ga, &ga->guests[of]);
		break;
	case SEATING_GUEST:
		ask(&ga->guests[of]);
		break;
	}
}

void
gather_turn(struct gather *ga)
{
	struct guest *g;

	if (ga == NULL || ga->ended)
		return;
	if (ga->host->stopping) {
		gather_end(ga);
		return;
	}
	for (unsigned i = 1; i < ga->n; i++) {
		g = &ga->guests[i];
		if (!g->here)
			take(ga, g);
		if (g->here)
			guest_turn(g, ga->host->now);
		if (g->here && g->w->stopping)
			send_off(ga, g);
	}
	window(ga);
}

struct mono
gather_next(struct gather *ga)
{
	struct mono when = { 0 }, other;

	if (ga == NULL || ga->ended)
		return (when);
	if (ga->here < ga->n - 1) /* somebody could come back */
		when = mono_add_ns(ga->window, ga->window_ns);
	for (unsigned i = 1; i < ga->n; i++) {
		if (!ga->guests[i].here)
			continue;
		other = ga->guests[i].due = worker_next_wake(ga->guests[i].w);
		if (other.ns != 0 && (when.ns == 0 || mono_before(other, when)))
			when = other;
	}
	return (when);
}
