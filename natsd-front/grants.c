#include "config.h"

#include "natsd-front/grants.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/subject.h"

#define PRUNE_EVERY_NS (1000 * NS_PER_MS)
#define PRUNE_EVERY 4096u /* replies kept since */
#define REPLIES_FIRST 8u
#define INLINE_MAX 80u	  /* bytes of a reply that need no memory of their own */

struct reply {
	uint32_t n; /* bytes; 0: a free place */
	uint32_t hash;
	uint32_t answers;
	int64_t at_ns;
	union {
		char near[INLINE_MAX];
		char *far;
	};
};

struct grants {
	bool filters;
	struct reply *replies; /* [size], a power of two or 0; open addressing, at most half full */
	uint32_t size, used;
	uint32_t since_prune;
	int64_t pruned_ns;
};

static struct grants *
grants_get(struct grants **g)
{
	if (*g == NULL)
		*g = calloc(1, sizeof(**g));
	return (*g);
}

/* ---- the table of replies ---- */

static const char *
reply_text(const struct reply *r)
{
	return (r->n <= INLINE_MAX ? r->near : r->far);
}

static uint32_t
reply_hash(struct str s)
{
	uint64_t h = subject_hash(s);

	return ((uint32_t)(h ^ (h >> 32)));
}

/* Where it stands, or the free place where it would. */
static uint32_t
reply_place(const struct grants *g, struct str s, uint32_t hash)
{
	uint32_t i = hash & (g->size - 1);
	const struct reply *r;

	for (r = &g->replies[i]; r->n != 0; r = &g->replies[i]) {
		if (r->hash == hash && str_eq((struct str){ reply_text(r), r->n }, s))
			break;
		i = (i + 1) & (g->size - 1);
	}
	return (i);
}

static struct reply *
reply_find(struct grants *g, struct str s)
{
	struct reply *r;

	if (g == NULL || g->used == 0 || s.n == 0)
		return (NULL);
	r = &g->replies[reply_place(g, s, reply_hash(s))];
	return (r->n == 0 ? NULL : r);
}

static void
reply_clear(struct reply *r)
{
	if (r->n > INLINE_MAX)
		free(r->far);
	r->n = 0;
}

/* Closes the gap, so that a free place always ends a search. */
static void
reply_remove(struct grants *g, struct reply *r)
{
	uint32_t gap = (uint32_t)(r - g->replies), i = gap, home, mask = g->size - 1;

	reply_clear(r);
	g->used--;
	for (i = (i + 1) & mask; g->replies[i].n != 0; i = (i + 1) & mask) {
		home = g->replies[i].hash & mask;
		if (((i - home) & mask) < ((i - gap) & mask))
			continue;
		g->replies[gap] = g->replies[i];
		g->replies[i].n = 0;
		gap = i;
	}
}

static int
replies_resize(struct grants *g, uint32_t size)
{
	struct reply *old = g->replies, *fresh;
	uint32_t i, old_size = g->size;

	if ((fresh = calloc(size, sizeof(*fresh))) == NULL)
		return (-1);
	g->replies = fresh;
	g->size = size;
	for (i = 0; i < old_size; i++)
		if (old[i].n != 0)
			fresh[reply_place(g, (struct str){ reply_text(&old[i]), old[i].n },
			    old[i].hash)] = old[i];
	free(old);
	return (0);
}

static int
replies_grow(struct grants *g)
{
	if ((g->used + 1) * 2 <= g->size)
		return (0);
	return (replies_resize(g, g->size == 0 ? REPLIES_FIRST : g->size * 2));
}

/* After a flood; without memory it stays as large as it is. */
static void
replies_shrink(struct grants *g)
{
	uint32_t size = g->size;

	while (size > REPLIES_FIRST && g->used * 8 <= size)
		size /= 2;
	if (size != g->size)
		replies_resize(g, size);
}

static int
reply_add(struct grants *g, struct str s, int64_t now_ns)
{
	uint32_t hash = reply_hash(s);
	char *far = NULL;
	struct reply *r;

	if (g->used >= GRANTS_REPLIES_MAX || s.n > UINT32_MAX || replies_grow(g) != 0)
		return (-1);
	if (s.n > INLINE_MAX && (far = malloc(s.n)) == NULL)
		return (-1);
	r = &g->replies[reply_place(g, s, hash)];
	assert(r->n == 0);
	*r = (struct reply){ .n = (uint32_t)s.n, .hash = hash, .at_ns = now_ns };
	if (far != NULL)
		r->far = far;
	memcpy(far != NULL ? far : r->near, s.p, s.n);
	g->used++;
	return (0);
}

static void
replies_forget(struct grants *g)
{
	for (uint32_t i = 0; i < g->size; i++)
		reply_clear(&g->replies[i]);
	free(g->replies);
	g->replies = NULL;
	g->size = g->used = 0;
}

/* ---- answers ---- */

struct terms {
	int64_t max, ttl_ns;
};

static bool
is_over(const struct reply *r, const struct terms *t, int64_t now_ns)
{
	return ((t->max > 0 && (int64_t)r->answers >= t->max) ||
	    (t->ttl_ns > 0 && now_ns - r->at_ns > t->ttl_ns));
}

/* What closes a gap may come from before the place that is looked at: the walk goes backwards. */
static void
prune(struct grants *g, const struct terms *t, int64_t now_ns)
{
	if (g->since_prune <= PRUNE_EVERY && now_ns - g->pruned_ns <= PRUNE_EVERY_NS)
		return;
	for (uint32_t i = g->size; i-- > 0;)
		while (g->replies[i].n != 0 && is_over(&g->replies[i], t, now_ns))
			reply_remove(g, &g->replies[i]);
	replies_shrink(g);
	g->since_prune = 0;
	g->pruned_ns = now_ns;
}

/* One answer to a reply that is known. */
static bool
may_answer(struct grants *g, const struct permit *p, struct str subject, int64_t now_ns)
{
	struct terms t;
	struct reply *r;

	if (!permit_responses(p, &t.max, &t.ttl_ns) || (r = reply_find(g, subject)) == NULL)
		return (false);
	if (is_over(r, &t, now_ns)) {
		reply_remove(g, r);
		return (false);
	}
	if (r->answers < UINT32_MAX)
		r->answers++;
	return (true);
}

bool
grants_publish(struct grants *g, const struct permit *p, struct permit_cache *cache,
    struct str subject, struct mono now)
{
	return (permit_cache_publish(cache, p, subject) || may_answer(g, p, subject, now.ns));
}

int
grants_delivered(struct grants **g, const struct permit *p, struct permit_cache *cache,
    struct str reply, struct mono now)
{
	struct terms t;

	if (!permit_responses(p, &t.max, &t.ttl_ns) || reply.n == 0 ||
	    grants_publish(*g, p, cache, reply, now))
		return (0);
	if (grants_get(g) == NULL || reply_add(*g, reply, now.ns) != 0)
		return (-1);
	(*g)->since_prune++;
	prune(*g, &t, now.ns);
	return (0);
}

/* ---- deliveries ---- */

int
grants_subscribed(struct grants **g, const struct permit *p, struct str subject, struct str queue)
{
	if ((*g != NULL && (*g)->filters) || !permit_overlaps(p, subject, queue))
		return (0);
	if (grants_get(g) == NULL)
		return (-1);
	(*g)->filters = true;
	return (0);
}

bool
grants_filters(const struct grants *g)
{
	return (g != NULL && g->filters);
}

void
grants_moved(struct grants *g, const struct permit *from, const struct permit *to)
{
	struct terms a = { 0, 0 }, b = { 0, 0 };

	if (g == NULL)
		return;
	g->filters = false;
	if (from == NULL || to == NULL || !permit_responses(from, &a.max, &a.ttl_ns) ||
	    !permit_responses(to, &b.max, &b.ttl_ns) || a.max != b.max || a.ttl_ns != b.ttl_ns)
		replies_forget(g);
}

void
grants_free(struct grants *g)
{
	if (g == NULL)
		return;
	replies_forget(g);
	free(g);
}
