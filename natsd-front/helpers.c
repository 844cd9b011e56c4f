#include "config.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "common/doorbell.h"
#include "common/mono.h"
#include "natsd-front/helpers.h"
#include "natsd-front/shared.h"
#include "natsd-front/worker.h"

#define HELPER_STACK_BYTES (256u << 10) /* OpenSSL and bcrypt use some tens of KiB */
#define STOP_WAIT_MS 500 /* for jobs under way; bcrypt of a high cost takes hours */

struct queue {
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t more, ended;
	struct helper_job *head, **tail;
	unsigned waiting; /* jobs in the list */
	unsigned running; /* threads that have not ended */
	bool stop;
};

/* Jobs that came back, the last one first; helpers push, their worker takes all at once. */
struct done {
	_Alignas(64) struct helper_job *_Atomic head;
};

struct helper {
	pthread_t id;
	struct helpers *all;
	enum helper_class class;
	bool runs;
};

struct helpers {
	struct queue queues[HELPER_CLASSES];
	struct done *done; /* [nworkers] */
	struct shared *shared;
	struct helper *threads;
	unsigned nthreads;
	bool stuck; /* some thread did not end: the memory is still in use */
};

/* ---- on a helper ---- */

/* The next job; NULL: it is over. */
static struct helper_job *
queue_take(struct queue *q)
{
	struct helper_job *job;

	pthread_mutex_lock(&q->lock);
	while (q->head == NULL && !q->stop)
		pthread_cond_wait(&q->more, &q->lock);
	job = q->stop ? NULL : q->head;
	if (job == NULL) {
		q->running--;
		pthread_cond_signal(&q->ended);
	} else {
		q->head = job->next;
		if (q->head == NULL)
			q->tail = &q->head;
		q->waiting--;
	}
	pthread_mutex_unlock(&q->lock);
	return (job);
}

static void
give_back(struct helpers *h, struct helper_job *job)
{
	uint16_t worker = job->worker;
	struct done *d = &h->done[worker];
	struct helper_job *first = atomic_load_explicit(&d->head, memory_order_relaxed);

	/* Once it is in the list the worker may free it. */
	do
		job->next = first;
	while (!atomic_compare_exchange_weak_explicit(&d->head, &first, job, memory_order_release,
	    memory_order_relaxed));
	if (first == NULL)
		doorbell_ring(&h->shared->pub[worker].bell);
}

static void *
helper_run(void *arg)
{
	struct helper *self = arg;
	struct helpers *h = self->all;
	struct helper_job *job;

	while ((job = queue_take(&h->queues[self->class])) != NULL) {
		job->work(job);
		give_back(h, job);
	}
	return (NULL);
}

/* ---- on a worker ---- */

bool
helpers_submit(struct helpers *h, struct helper_job *job)
{
	struct queue *q = &h->queues[job->class];
	bool taken;

	assert(job->worker < h->shared->nworkers);
	pthread_mutex_lock(&q->lock);
	taken = q->waiting < HELPER_WAITING_MAX;
	if (taken) {
		job->next = NULL;
		*q->tail = job;
		q->tail = &job->next;
		q->waiting++;
		pthread_cond_signal(&q->more);
	}
	pthread_mutex_unlock(&q->lock);
	return (taken);
}

static struct helper_job *
reversed(struct helper_job *job)
{
	struct helper_job *before = NULL, *next;

	for (; job != NULL; job = next) {
		next = job->next;
		job->next = before;
		before = job;
	}
	return (before);
}

void
helpers_collect(struct helpers *h, struct worker *w)
{
	struct done *d = &h->done[w->index];
	struct helper_job *job, *next;

	if (atomic_load_explicit(&d->head, memory_order_relaxed) == NULL)
		return;
	job = reversed(atomic_exchange_explicit(&d->head, NULL, memory_order_acquire));
	for (; job != NULL; job = next) {
		next = job->next;
		job->done(job, w);
	}
}

/* ---- making ---- */

static void
queue_init(struct queue *q)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->more, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->ended, &attr);
	pthread_condattr_destroy(&attr);
	q->tail = &q->head;
}

static void
queue_destroy(struct queue *q)
{
	pthread_mutex_destroy(&q->lock);
	pthread_cond_destroy(&q->more);
	pthread_cond_destroy(&q->ended);
}

struct helpers *
helpers_new(struct shared *sh, unsigned quick, unsigned slow, struct err *e)
{
	struct helpers *h = calloc(1, sizeof(*h));
	unsigned i;

	if (h == NULL) {
		err_set(e, "no memory for helper threads");
		return (NULL);
	}
	h->shared = sh;
	h->nthreads = quick + slow;
	for (i = 0; i < HELPER_CLASSES; i++)
		queue_init(&h->queues[i]);
	h->threads = calloc(h->nthreads, sizeof(*h->threads));
	h->done = aligned_alloc(64, sh->nworkers * sizeof(*h->done));
	if (h->threads == NULL || h->done == NULL) {
		err_set(e, "no memory for helper threads");
		helpers_free(h);
		return (NULL);
	}
	for (i = 0; i < sh->nworkers; i++)
		atomic_init(&h->done[i].head, NULL);
	for (i = 0; i < h->nthreads; i++) {
		h->threads[i].all = h;
		h->threads[i].class = i < quick ? HELPER_QUICK : HELPER_SLOW;
	}
	return (h);
}

int
helpers_start(struct helpers *h, struct err *e)
{
	pthread_attr_t attr;
	struct helper *t;
	unsigned i;
	int rc = 0;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, HELPER_STACK_BYTES);
	for (i = 0; i < h->nthreads && rc == 0; i++) {
		t = &h->threads[i];
		pthread_mutex_lock(&h->queues[t->class].lock);
		rc = pthread_create(&t->id, &attr, helper_run, t);
		t->runs = rc == 0;
		h->queues[t->class].running += t->runs;
		pthread_mutex_unlock(&h->queues[t->class].lock);
	}
	pthread_attr_destroy(&attr);
	return (rc == 0 ? 0 : err_set(e, "no helper thread: error %d", rc));
}

/* ---- the end ---- */

static void
drop_list(struct helper_job *job)
{
	struct helper_job *next;

	for (; job != NULL; job = next) {
		next = job->next;
		job->drop(job);
	}
}

/* False: not all threads of it ended in time. */
static bool
queue_stop(struct queue *q)
{
	struct mono until = mono_add_ms(mono_now(), STOP_WAIT_MS);
	struct timespec ts = { until.ns / NS_PER_S, until.ns % NS_PER_S };
	struct helper_job *rest;
	bool ended;

	pthread_mutex_lock(&q->lock);
	q->stop = true;
	rest = q->head;
	q->head = NULL;
	q->tail = &q->head;
	q->waiting = 0;
	pthread_cond_broadcast(&q->more);
	while (q->running != 0 &&
	    pthread_cond_timedwait(&q->ended, &q->lock, &ts) != ETIMEDOUT)
		continue;
	ended = q->running == 0;
	pthread_mutex_unlock(&q->lock);
	drop_list(rest);
	return (ended);
}

void
helpers_stop(struct helpers *h)
{
	bool ended[HELPER_CLASSES];
	unsigned i;

	h->stuck = false;
	for (i = 0; i < HELPER_CLASSES; i++) {
		ended[i] = queue_stop(&h->queues[i]);
		h->stuck |= !ended[i];
	}
	for (i = 0; i < h->nthreads; i++)
		if (h->threads[i].runs && ended[h->threads[i].class]) {
			pthread_join(h->threads[i].id, NULL);
			h->threads[i].runs = false;
		}
	for (i = 0; i < h->shared->nworkers; i++)
		drop_list(atomic_exchange_explicit(&h->done[i].head, NULL, memory_order_acquire));
}

bool
helpers_stuck(const struct helpers *h)
{
	return (h->stuck);
}

void
helpers_abandon(struct helpers *h)
{
	unsigned i;

	for (i = 0; i < h->nthreads; i++)
		if (h->threads[i].runs)
			pthread_detach(h->threads[i].id);
}

void
helpers_free(struct helpers *h)
{
	unsigned i;

	if (h == NULL || h->stuck)
		return;
	for (i = 0; i < HELPER_CLASSES; i++)
		queue_destroy(&h->queues[i]);
	free(h->threads);
	free(h->done);
	free(h);
}
