#include "config.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/qsbr.h"

/*
 * The epoch grows by one with every retired object, which then carries the new value.  A thread
 * announces the epoch that it saw while it held nothing; who announces e or more has seen all that
 * was unlinked before e was reached (the increment releases, the announcement acquired it).
 *
 * Going online must be ordered before the first look at shared pointers, against a reclaimer that
 * unlinked first and then looks whether we are online.  Both sides do a read-modify-write of the
 * thread's state: of two of those on one word, the later one sees all that came before the earlier.
 * That needs no fence, which TSan could not follow.
 */
#define CACHE_LINE 64
#define OFFLINE 0u /* else the announced epoch, which starts at 1 */

struct qsbr_thread {
	_Alignas(CACHE_LINE) _Atomic uint64_t state; /* stored by its thread alone */
	struct qsbr *domain;
	struct qsbr_thread *next; /* under domain->lock */
};

struct qsbr {
	_Alignas(CACHE_LINE) _Atomic uint64_t epoch;
	_Alignas(CACHE_LINE) struct qsbr_head *_Atomic fresh; /* a stack: newest first */
	_Atomic size_t waiting;				      /* retired, not yet run */

	_Alignas(CACHE_LINE) pthread_mutex_t lock; /* of everything below */
	struct qsbr_thread *threads;
	struct qsbr_head *oldest, **newest; /* in about the order of their epochs */
};

static void take_fresh(struct qsbr *);
static uint64_t announced_by_all(struct qsbr *);
static struct qsbr_head *cut_up_to(struct qsbr *, uint64_t epoch);
static size_t run_all(struct qsbr_head *);

struct qsbr *
qsbr_new(void)
{
	struct qsbr *q = aligned_alloc(CACHE_LINE, sizeof(*q));

	if (q == NULL)
		return (NULL);
	atomic_init(&q->epoch, 1);
	atomic_init(&q->fresh, NULL);
	atomic_init(&q->waiting, 0);
	pthread_mutex_init(&q->lock, NULL);
	q->threads = NULL;
	q->oldest = NULL;
	q->newest = &q->oldest;
	return (q);
}

void
qsbr_free(struct qsbr *q)
{
	if (q == NULL)
		return;
	assert(q->threads == NULL);
	while (qsbr_reclaim(q) > 0)
		continue;
	pthread_mutex_destroy(&q->lock);
	free(q);
}

struct qsbr_thread *
qsbr_register(struct qsbr *q)
{
	struct qsbr_thread *t = aligned_alloc(CACHE_LINE, sizeof(*t));

	if (t == NULL)
		return (NULL);
	atomic_init(&t->state, OFFLINE);
	t->domain = q;
	pthread_mutex_lock(&q->lock);
	t->next = q->threads;
	q->threads = t;
	pthread_mutex_unlock(&q->lock);
	return (t);
}

void
qsbr_unregister(struct qsbr_thread *t)
{
	struct qsbr_thread **at;
	struct qsbr *q;

	if (t == NULL)
		return;
	q = t->domain;
	qsbr_offline(t);
	pthread_mutex_lock(&q->lock);
	for (at = &q->threads; *at != t; at = &(*at)->next)
		assert(*at != NULL);
	*at = t->next;
	pthread_mutex_unlock(&q->lock);
	free(t);
}

void
qsbr_online(struct qsbr_thread *t)
{
	uint64_t epoch = atomic_load_explicit(&t->domain->epoch, memory_order_acquire);

	atomic_exchange_explicit(&t->state, epoch, memory_order_acq_rel);
}

void
qsbr_offline(struct qsbr_thread *t)
{
	atomic_store_explicit(&t->state, OFFLINE, memory_order_release);
}

void
qsbr_quiescent(struct qsbr_thread *t)
{
	uint64_t epoch = atomic_load_explicit(&t->domain->epoch, memory_order_acquire);

	if (atomic_load_explicit(&t->state, memory_order_relaxed) != epoch)
		atomic_store_explicit(&t->state, epoch, memory_order_release);
}

bool
qsbr_is_online(const struct qsbr_thread *t)
{
	return (atomic_load_explicit(&t->state, memory_order_relaxed) != OFFLINE);
}

void
qsbr_retire(struct qsbr *q, struct qsbr_head *head, void (*fn)(struct qsbr_head *))
{
	struct qsbr_head *next;

	head->fn = fn;
	head->epoch = atomic_fetch_add_explicit(&q->epoch, 1, memory_order_acq_rel) + 1;
	atomic_fetch_add_explicit(&q->waiting, 1, memory_order_relaxed);
	next = atomic_load_explicit(&q->fresh, memory_order_relaxed);
	do {
		head->next = next;
	} while (!atomic_compare_exchange_weak_explicit(&q->fresh, &next, head,
	    memory_order_release, memory_order_relaxed));
}

size_t
qsbr_reclaim(struct qsbr *q)
{
	struct qsbr_head *ready;
	size_t n = atomic_load_explicit(&q->waiting, memory_order_relaxed);

	if (n == 0)
		return (0);
	if (pthread_mutex_trylock(&q->lock) != 0)
		return (n); /* somebody is at it */
	take_fresh(q);
	ready = cut_up_to(q, announced_by_all(q));
	pthread_mutex_unlock(&q->lock);

	n = run_all(ready);
	return (atomic_fetch_sub_explicit(&q->waiting, n, memory_order_relaxed) - n);
}

static void
take_fresh(struct qsbr *q)
{
	struct qsbr_head *head, *next, *first = NULL, *last;

	last = head = atomic_exchange_explicit(&q->fresh, NULL, memory_order_acquire);
	if (head == NULL)
		return;
	for (; head != NULL; head = next) {
		next = head->next;
		head->next = first;
		first = head;
	}
	*q->newest = first;
	q->newest = &last->next;
}

/* The lowest epoch that an online thread announced: what was retired up to there is free. */
static uint64_t
announced_by_all(struct qsbr *q)
{
	struct qsbr_thread *t;
	uint64_t lowest = UINT64_MAX, state;

	for (t = q->threads; t != NULL; t = t->next) {
		state = atomic_fetch_or_explicit(&t->state, 0, memory_order_acq_rel);
		if (state != OFFLINE && state < lowest)
			lowest = state;
	}
	return (lowest);
}

/* Two threads may have queued against the order of their epochs; stopping at the first that must
 * wait then merely lets another one wait with it. */
static struct qsbr_head *
cut_up_to(struct qsbr *q, uint64_t epoch)
{
	struct qsbr_head *first = q->oldest, **at = &q->oldest;

	while (*at != NULL && (*at)->epoch <= epoch)
		at = &(*at)->next;
	if (at == &q->oldest)
		return (NULL);
	q->oldest = *at;
	if (*at == NULL)
		q->newest = &q->oldest;
	*at = NULL;
	return (first);
}

static size_t
run_all(struct qsbr_head *head)
{
	struct qsbr_head *next;
	size_t n = 0;

	for (; head != NULL; head = next, n++) {
		next = head->next;
		head->fn(head);
	}
	return (n);
}
