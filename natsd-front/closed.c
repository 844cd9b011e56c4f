#include "config.h"

#include <pthread.h>
#include <stdlib.h>

#include "natsd-front/closed.h"
#include "natsd-front/conn.h"
#include "natsd-front/snapshot.h"

struct closed_ring {
	pthread_mutex_t lock;
	uint32_t max;
	uint64_t total;
	struct snapshot_conn **at; /* [size], size grows up to max */
	uint32_t size;
	uint64_t with_subs; /* number, as total counts, of the oldest that may have its subscriptions */
	size_t subs_bytes;  /* of all */
};

struct closed_ring *
closed_ring_new(uint32_t max)
{
	struct closed_ring *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return (NULL);
	pthread_mutex_init(&r->lock, NULL);
	r->max = max;
	return (r);
}

static void
record_free(struct snapshot_conn *c)
{
	if (c == NULL)
		return;
	snapshot_conn_clear(c);
	free(c);
}

void
closed_ring_free(struct closed_ring *r)
{
	uint32_t i;

	if (r == NULL)
		return;
	for (i = 0; i < r->size; i++)
		record_free(r->at[i]);
	free(r->at);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* As long as the ring has not gone round, position and total are the same. */
static int
ring_room(struct closed_ring *r)
{
	uint32_t size = r->size == 0 ? 16 : r->size * 2;
	struct snapshot_conn **at;
	uint32_t i;

	if (r->total < r->size || r->size == r->max)
		return (0);
	if (size > r->max)
		size = r->max;
	at = reallocarray(r->at, size, sizeof(*at));
	if (at == NULL)
		return (-1);
	for (i = r->size; i < size; i++)
		at[i] = NULL;
	r->at = at;
	r->size = size;
	return (0);
}

static void
subs_drop(struct closed_ring *r, struct snapshot_conn *c)
{
	r->subs_bytes -= c->subs_bytes;
	c->subs_bytes = 0;
	free(c->subs);
	c->subs = NULL;
}

/* The oldest forget what they had subscribed to: clients that come and go must not fill the memory. */
static void
subs_bound(struct closed_ring *r)
{
	if (r->with_subs + r->size < r->total)
		r->with_subs = r->total - r->size;
	for (; r->subs_bytes > CLOSED_SUBS_MAX; r->with_subs++)
		subs_drop(r, r->at[r->with_subs % r->size]);
}

void
closed_ring_add(struct closed_ring *r, const struct conn *c, int64_t stop_wall_ns)
{
	struct snapshot_conn *copy = r->max == 0 ? NULL : calloc(1, sizeof(*copy)), *old = NULL;

	if (copy != NULL && snapshot_conn_of(copy, c, true) != 0) {
		record_free(copy);
		copy = NULL;
	}
	if (copy != NULL) {
		copy->stop_wall_ns = stop_wall_ns;
		copy->reason = reason_text((enum reason)c->reason);
	}
	pthread_mutex_lock(&r->lock);
	if (copy != NULL && ring_room(r) == 0) {
		old = r->at[r->total % r->size];
		if (old != NULL)
			subs_drop(r, old);
		r->at[r->total % r->size] = copy;
		r->subs_bytes += copy->subs_bytes;
		copy = NULL;
		r->total++;
		subs_bound(r);
	} else {
		r->total += r->max == 0;
	}
	pthread_mutex_unlock(&r->lock);
	record_free(old);
	record_free(copy);
}

uint64_t
closed_ring_total(struct closed_ring *r)
{
	uint64_t n;

	pthread_mutex_lock(&r->lock);
	n = r->total;
	pthread_mutex_unlock(&r->lock);
	return (n);
}

void
closed_ring_visit(struct closed_ring *r, void (*fn)(const struct snapshot_conn *, void *),
    void *arg)
{
	uint64_t i;

	pthread_mutex_lock(&r->lock);
	for (i = r->total > r->size ? r->total - r->size : 0; i < r->total; i++)
		if (r->at[i % r->size] != NULL)
			fn(r->at[i % r->size], arg);
	pthread_mutex_unlock(&r->lock);
}
