#include "config.h"

#include <sys/random.h>

#include <event2/event.h>
#include <stdlib.h>

#include "natsd-front/base_fd.h"
#include "natsd-front/conn.h"
#include "natsd-front/conn_tls.h"
#include "natsd-front/deliver.h"
#include "natsd-front/gather.h"
#include "natsd-front/helpers.h"
#include "natsd-front/lend.h"
#include "natsd-front/msg_trace.h"
#include "natsd-front/peer.h"
#include "natsd-front/permit_cache.h"
#include "natsd-front/slow_event.h"
#include "natsd-front/snapshot.h"
#include "natsd-front/tls/library.h"
#include "natsd-front/worker.h"

#define SPIN_MOST_US 20
#define SPIN_STEP_US 8
#define SPIN_QUIET_NS NS_PER_S	/* after this long without work nobody spins */
#define REST_SECONDS 3		/* seconds after work in which memory is given back */
#define ROLE_POLL_MS WHEEL_TICK_MS
#define CONNS_PER_SLAB 16
#define BELL_CLEAR_EVERY 256	/* a bell that is a pipe must not get full */

/* ---- small things ---- */

uint32_t
worker_random(struct worker *w, uint32_t n)
{
	uint64_t x = w->random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	w->random = x;
	return ((uint32_t)(((x >> 32) * n) >> 32));
}

static char *
room_of(char **room, size_t *size, size_t n)
{
	char *p;

	if (*size < n) {
		p = realloc(*room, n);
		if (p == NULL)
			return (NULL);
		*room = p;
		*size = n;
	}
	return (*room);
}

char *
worker_scratch(struct worker *w, size_t n)
{
	return (room_of(&w->scratch, &w->scratch_size, n));
}

char *
worker_mapped(struct worker *w, size_t n)
{
	return (room_of(&w->mapped, &w->mapped_size, n));
}

void
worker_say_main(struct worker *w, unsigned type, const void *what, uint32_t n)
{
	if (!local_say(&w->main, (enum local_type)type, what, n))
		w->stats.dropped++;
}

/* ---- rings that this thread consumes ---- */

/* fn for each of them until it says false. */
static bool
each_ring(struct worker *w, bool (*fn)(struct ring *))
{
	unsigned i;

	if (!fn(w->main.from))
		return (false);
	for (i = 0; i < w->shared->nworkers; i++)
		if (w->links[i].from != NULL && !fn(w->links[i].from))
			return (false);
	for (i = 0; i < PEER_COUNT; i++)
		if (w->peers[i] != NULL && !w->peers[i]->faulty && !fn(w->peers[i]->from))
			return (false);
	return (true);
}

static bool
ring_awake(struct ring *r)
{
	ring_wake(r);
	return (true);
}

static bool
ring_is_empty(struct ring *r)
{
	return (ring_write_seen(r) == ring_read_at(r));
}

static void
drain_main(struct worker *w)
{
	struct ring_rec rec;

	while (ring_peek(w->main.from, &rec) == 1) {
		w->worked = true;
		worker_from_main(w, &rec);
		ring_next(w->main.from, &rec);
		ring_release(w->main.from, rec.end);
	}
}

static void
drain_link(struct worker *w, struct ring *r)
{
	uint64_t until = ring_write_seen(r), end = 0;
	struct ring_rec rec;

	while (ring_read_at(r) < until && ring_peek(r, &rec) == 1) {
		deliver_record(w, &rec);
		ring_next(r, &rec);
		end = rec.end;
	}
	if (end != 0) {
		w->worked = true;
		ring_release(r, end);
	}
}

void
worker_drain(struct worker *w)
{
	unsigned i;

	for (i = 0; i < w->shared->nworkers; i++)
		if (w->links[i].from != NULL)
			drain_link(w, w->links[i].from);
}

/* ---- a turn ---- */

/* Awake before the lock: whoever has borrowed our turn is waited for, and nobody borrows it next.  A
 * worker without siblings has nobody who could; that of a guest stays locked by its own thread. */
void
worker_awake(struct worker *w)
{
	each_ring(w, ring_awake);
	if (w->shared->nworkers > 1 && !w->guest)
		pthread_mutex_lock(&w->shared->pub[w->index].turn);
	qsbr_online(w->qsbr);
	w->online = true;
}

void
worker_asleep(struct worker *w)
{
	qsbr_offline(w->qsbr);
	w->online = false;
	if (w->shared->nworkers > 1 && !w->guest)
		pthread_mutex_unlock(&w->shared->pub[w->index].turn);
}

void
worker_enter(struct worker *w)
{
	if (w->in_turn)
		return;
	if (!w->online)
		worker_awake(w);
	w->in_turn = true;
	w->worked = false;
	w->subs_left = WORKER_SUBS_A_TURN;
	w->receivers_left = WORKER_RECEIVERS_A_TURN;
	w->now = mono_now();
	w->wall_ns = w->now.ns + w->wall_offset_ns;
	drain_main(w);
	worker_drain(w);
	if (peers_drain(w))
		w->worked = true;
	w->rings_spoke = w->worked;
}

static void
report_blocked(struct worker *w)
{
	uint64_t n = tls_rate_blocked(&w->shared->tls_rate);

	if (n > 0)
		log_warn("Rejected %llu connections due to TLS rate limiting",
		    (unsigned long long)n);
}

static void
second_work(struct worker *w)
{
	unsigned i;

	if (mono_diff_ns(w->now, w->second) < NS_PER_S)
		return;
	w->second = w->now;
	w->wall_offset_ns = wall_now().ns - w->now.ns;
	if (w->rest_due > 0)
		w->rest_due--;
	if (w->stats.dropped != w->dropped_told)
		log_error("worker %u: no memory for %llu messages, which were dropped", w->index,
		    (unsigned long long)(w->stats.dropped - w->dropped_told));
	w->dropped_told = w->stats.dropped;
	report_blocked(w);
	blob_store_trim(w->mem.blobs);
	pool_trim(w->mem.segs);
	pool_trim(w->conn_pool);
	ring_rest(ring_out_ring(w->main.to));
	for (i = 0; i < w->shared->nworkers; i++)
		if (w->links[i].to != NULL)
			ring_rest(ring_out_ring(w->links[i].to));
	for (i = 0; i < PEER_COUNT; i++)
		if (w->peers[i] != NULL)
			ring_rest(ring_out_ring(w->peers[i]->to));
}

static void
stop_when_done(struct worker *w)
{
	if (!w->stopping || w->stopped)
		return;
	if (w->lingering.head != NULL && mono_before(w->now, w->stop_by))
		return;
	w->stopped = true;
	worker_say_main(w, LOCAL_STOPPED, NULL, 0);
}

static void
worker_leave(struct worker *w)
{
	if (w->shared->helpers != NULL)
		helpers_collect(w->shared->helpers, w);
	wheel_run(w->wheel, w->now, conn_on_timer, w);
	conn_run_waiting(w);
	stop_when_done(w);
	slow_event_send(w);
	msg_trace_send(w);
	lend_publish(w);
	deliver_publish_rings(w);
	peers_flush(w);
	link_flush(&w->main);
	while (w->dirty.head != NULL || w->closing.head != NULL) {
		conn_flush_dirty(w);
		conn_end_turn(w);
	}
	snapshot_answer(w);
	if (w->worked) {
		atomic_store_explicit(&w->shared->pub[w->index].useful,
		    w->stats.in_msgs + w->stats.out_msgs, memory_order_relaxed);
		w->busy_at = w->now;
		w->rest_due = REST_SECONDS;
	}
	second_work(w);
	qsbr_quiescent(w->qsbr);
	qsbr_reclaim(w->shared->qsbr);
	w->in_turn = false;
}

/* ---- waiting ---- */

static void
earlier(struct mono *when, struct mono other)
{
	if (other.ns != 0 && (when->ns == 0 || mono_before(other, *when)))
		*when = other;
}

struct mono
worker_next_wake(const struct worker *w)
{
	struct mono when = { 0 }, wheel = { 0 };
	const struct conn *c;

	if (wheel_next(w->wheel, &wheel))
		earlier(&when, wheel);
	for (c = w->stall_wait.head; c != NULL; c = c->next)
		earlier(&when, c->wait_until);
	if (w->role_wait.head != NULL)
		earlier(&when, mono_add_ms(w->now, ROLE_POLL_MS));
	if (w->rest_due > 0)
		earlier(&when, mono_add_ns(w->second, NS_PER_S));
	if (w->stopping)
		earlier(&when, w->stop_by);
	earlier(&when, gather_next(w->gather));
	return (when);
}

static void
arm_tick(struct worker *w)
{
	struct mono when = worker_next_wake(w);
	struct timeval tv;
	int64_t ns;

	if (when.ns == w->tick_at.ns)
		return;
	w->tick_at = when;
	if (when.ns == 0) {
		event_del(w->tick_event);
		return;
	}
	ns = mono_diff_ns(when, mono_now());
	ns = ns < 0 ? 0 : ns + NS_PER_US; /* the event loop rounds down */
	tv.tv_sec = ns / NS_PER_S;
	tv.tv_usec = ns % NS_PER_S / NS_PER_US;
	event_add(w->tick_event, &tv);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	worker_enter(w);
	w->tick_at = (struct mono){ 0 };
}

static void
on_bell(evutil_socket_t fd, short what, void *arg)
{
	struct worker *w = arg;

	(void)fd;
	(void)what;
	/* Edge-triggered: each ring of the bell is seen once, and it need not be emptied for
	 * that. */
	if ((w->rung + 1) % BELL_CLEAR_EVERY == 0)
		doorbell_clear(&w->shared->pub[w->index].bell);
	worker_enter(w);
	w->rung++;
}

/*
 * How long it would have paid to poll is learned from how long the last sleeps were, if a ring
 * ended them: sockets are not polled.
 */
static void
learn_from_sleep(struct worker *w)
{
	int64_t ns;

	if (w->slept.ns == 0)
		return;
	ns = mono_diff_ns(w->now, w->slept);
	w->slept = (struct mono){ 0 };
	if (ns < SPIN_MOST_US * NS_PER_US && w->rings_spoke)
		w->spin_us = w->spin_us + SPIN_STEP_US > SPIN_MOST_US ? SPIN_MOST_US
								      : w->spin_us + SPIN_STEP_US;
	else
		w->spin_us /= 2;
}

/* Polls the rings a little.  True: something is there. */
static bool
spin(struct worker *w)
{
	struct mono until;
	bool found = false;
	bool none = false;

	if (w->spin_us == 0 || mono_diff_ns(w->now, w->busy_at) > SPIN_QUIET_NS ||
	    !w->shared->may_spin ||
	    !atomic_compare_exchange_strong(&w->shared->spinning, &none, true))
		return (false);
	until = mono_add_ns(mono_now(), w->spin_us * NS_PER_US);
	while (!found && mono_before(mono_now(), until))
		found = !each_ring(w, ring_is_empty);
	atomic_store(&w->shared->spinning, false);
	if (!found)
		w->spin_us /= 2;
	return (found);
}

/* Something that no ring tells of. */
static bool
has_duty(const struct worker *w)
{
	/* The ring they wait for got room after this turn had looked at them. */
	return (w->resume.head != NULL || w->copying != NULL || w->stopped ||
	    (!w->congested && w->ring_wait.head != NULL));
}

bool
worker_has_work(struct worker *w)
{
	return (has_duty(w) || !each_ring(w, ring_is_empty) ||
	    atomic_load(&w->shared->pub[w->index].ask) != NULL);
}

void
worker_rings_awake(struct worker *w)
{
	each_ring(w, ring_awake);
}

bool
worker_may_sleep(struct worker *w)
{
	if (has_duty(w))
		return (false);
	if (each_ring(w, ring_sleep) && atomic_load(&w->shared->pub[w->index].ask) == NULL)
		return (true);
	each_ring(w, ring_awake);
	return (false);
}

/* The same of all who sit on this thread. */
static bool
may_sleep(struct worker *w)
{
	if (has_duty(w) || spin(w) || !worker_may_sleep(w))
		return (false);
	if (gather_sleep(w->gather))
		return (true);
	each_ring(w, ring_awake);
	return (false);
}

static void
sleep_until_event(struct worker *w)
{
	struct worker_public *pub = &w->shared->pub[w->index];
	struct mono begin = mono_now(), end;

	w->slept = begin;
	atomic_store_explicit(&pub->asleep_since, begin.ns, memory_order_relaxed);
	worker_asleep(w);
	event_base_loop(w->base, EVLOOP_ONCE);
	end = w->in_turn ? w->now : mono_now();
	atomic_store_explicit(&pub->asleep_since, 0, memory_order_relaxed);
	atomic_store_explicit(&pub->slept_ns,
	    atomic_load_explicit(&pub->slept_ns, memory_order_relaxed) + mono_diff_ns(end, begin),
	    memory_order_relaxed);
}

static void
worker_wait(struct worker *w)
{
	arm_tick(w);
	if (may_sleep(w))
		sleep_until_event(w);
	else
		event_base_loop(w->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	gather_awake(w->gather);
}

void
worker_turn(struct worker *w)
{
	worker_enter(w);
	learn_from_sleep(w);
	worker_leave(w);
}

void *
worker_run(void *arg)
{
	struct worker *w = arg;

	w->qsbr = qsbr_register(w->shared->qsbr);
	if (w->qsbr == NULL)
		fatal("no memory for worker %u", w->index);
	tls_library_thread_begin();
	worker_turn(w);
	while (!w->stopped) {
		if (gather_asked(&w->shared->pub[w->index]) && !w->stopping)
			gather_go(w);
		worker_wait(w);
		worker_turn(w);
		gather_turn(w->gather);
	}
	gather_end(w->gather);
	snapshot_forget(w);
	tls_library_thread_end();
	worker_asleep(w);
	qsbr_unregister(w->qsbr);
	return (NULL);
}

/* ---- making ---- */

static int
worker_events(struct worker *w)
{
	struct event_config *cfg = event_config_new();
	int next;

	if (cfg == NULL)
		return (-1);
	/*
	 * No precise timers: they cost a system call a turn.  No change list either: a socket that
	 * is closed and its number that comes back in one turn would look like nothing happened.
	 */
	event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV |
	    EVENT_BASE_FLAG_NO_CACHE_TIME);
	next = base_fd_next();
	w->base = event_base_new_with_config(cfg);
	w->base_fd = base_fd_check(next);
	event_config_free(cfg);
	if (w->base == NULL)
		return (-1);
	w->bell_event = event_new(w->base, w->shared->pub[w->index].bell.wait,
	    EV_READ | EV_PERSIST | EV_ET, on_bell, w);
	w->tick_event = event_new(w->base, -1, 0, on_tick, w);
	if (w->bell_event == NULL || w->tick_event == NULL || event_add(w->bell_event, NULL) != 0)
		return (-1);
	return (0);
}

static int
worker_memory(struct worker *w)
{
	const struct settings *s = w->settings;

	w->links = calloc(w->shared->nworkers, sizeof(*w->links));
	w->conn_pool = pool_new(sizeof(struct conn), CONNS_PER_SLAB, 0);
	w->cache = trie_cache_new(s->o.no_sublist_cache ? 0 : TRIE_CACHE_ENTRIES);
	w->wheel = wheel_new(mono_now());
	w->fan = fan_new(w->shared->nworkers);
	w->permits = permit_cache_new();
	w->read_buf = malloc(WORKER_JOIN_BYTES + WORKER_READ_BYTES);
	if (w->links == NULL || w->conn_pool == NULL || w->cache == NULL || w->wheel == NULL ||
	    w->fan == NULL || w->permits == NULL || w->read_buf == NULL)
		return (-1);
	return (out_mem_init(&w->mem));
}

struct worker *
worker_new(struct shared *sh, unsigned index, const struct settings *s, struct err *e)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		err_set(e, "no memory for worker %u", index);
		return (NULL);
	}
	w->index = index;
	w->shared = sh;
	sh->pub[index].worker = w;
	w->settings = s;
	w->conns = w->subs = SLOTS_INIT;
	w->second = w->now = mono_now();
	w->wall_offset_ns = wall_now().ns - w->now.ns;
	w->role_epoch = 1;
	while (w->random == 0)
		if (getrandom(&w->random, sizeof(w->random), 0) != sizeof(w->random))
			w->random = (uint64_t)w->now.ns;
	if (worker_memory(w) != 0 || worker_events(w) != 0) {
		err_set(e, "no memory or event loop for worker %u", index);
		worker_free(w);
		return (NULL);
	}
	return (w);
}

static void
free_conns(struct worker *w)
{
	struct conn_list *rest[] = { &w->closing, &w->lingering };
	unsigned i;

	for (i = 0; i < sizeof(rest) / sizeof(rest[0]); i++)
		while (rest[i]->head != NULL)
			conn_free(rest[i]->head);
}

/* What other workers said after our last turn. */
static void
discard_unread(struct ring *r)
{
	struct ring_rec rec;

	while (r != NULL && ring_peek(r, &rec) == 1) {
		deliver_discard(&rec);
		ring_next(r, &rec);
	}
}

void
worker_free(struct worker *w)
{
	unsigned i;

	if (w == NULL)
		return;
	free_conns(w);
	for (i = 0; w->links != NULL && i < w->shared->nworkers; i++) {
		discard_unread(w->links[i].from);
		link_free(&w->links[i]);
	}
	link_free(&w->main);
	for (i = 0; i < PEER_COUNT; i++)
		peer_free(w->peers[i]);
	if (w->bell_event != NULL)
		event_free(w->bell_event);
	if (w->tick_event != NULL)
		event_free(w->tick_event);
	if (w->base != NULL)
		event_base_free(w->base);
	out_mem_free(&w->mem);
	if (w->conn_pool != NULL)
		pool_free(w->conn_pool);
	trie_cache_free(w->cache);
	wheel_free(w->wheel);
	fan_free(w->fan, w->shared->nworkers);
	permit_cache_free(w->permits);
	msg_trace_discard(w);
	slow_event_discard(w);
	slots_free(&w->conns);
	slots_free(&w->subs);
	tallies_free(&w->tallies);
	free(w->links);
	free(w->scratch);
	free(w->mapped);
	free(w->read_buf);
	conn_tls_room_free(w->tls_room);
	free(w);
}
