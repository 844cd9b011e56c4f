/*
 * Nodes stand in one array, the edges between them in one hash table by (node, token); a wildcard
 * is an edge like the others, with a token that no subject's token is compared with.
 */
#include "config.h"

#include "common/subject_set.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/subject.h"

#define NONE UINT32_MAX
#define ROOT 0u

struct set_queue {
	struct str pattern;
	uint32_t next; /* of the same node; NONE */
};

struct set_node {
	uint32_t star, rest; /* nodes behind `*` and `>`; NONE */
	uint32_t queues;     /* first of them; NONE */
	uint32_t child;	     /* the last one behind a literal token; NONE */
	uint32_t sibling;    /* the one before it, of the same parent; NONE */
	bool plain;	     /* a subject without queue ends here */
	bool inner;	     /* some subject goes on from here */
};

struct set_edge {
	struct str token; /* p NULL: free */
	uint32_t from, to;
};

struct set_text { /* copies of subjects and queues: edges point into them */
	struct set_text *next;
	char bytes[];
};

struct subject_set {
	struct set_node *nodes;
	struct set_queue *queues;
	struct set_edge *edges; /* [size], a power of two; open addressing, at most half full */
	struct set_text *texts;
	uint32_t nnodes, nodes_size, nqueues, queues_size;
	uint32_t nedges, edges_size;
};

/* ---- edges ---- */

static uint32_t
edge_place(const struct subject_set *s, uint32_t from, struct str token)
{
	uint64_t h = subject_hash(token) ^ (from * 0x9e3779b97f4a7c15u);
	uint32_t i = (uint32_t)(h ^ (h >> 32)) & (s->edges_size - 1);

	while (s->edges[i].token.p != NULL &&
	    (s->edges[i].from != from || !str_eq(s->edges[i].token, token)))
		i = (i + 1) & (s->edges_size - 1);
	return (i);
}

static uint32_t
edge_find(const struct subject_set *s, uint32_t from, struct str token)
{
	uint32_t i;

	if (s->nedges == 0)
		return (NONE);
	i = edge_place(s, from, token);
	return (s->edges[i].token.p == NULL ? NONE : s->edges[i].to);
}

/* Room for n more edges. */
static int
edges_grow(struct subject_set *s, uint32_t n)
{
	uint32_t old_size = s->edges_size, size = old_size == 0 ? 16 : old_size;
	struct set_edge *old = s->edges, *fresh;

	while (size / 2 < s->nedges + n)
		size *= 2;
	if (size == old_size)
		return (0);
	if ((fresh = calloc(size, sizeof(*fresh))) == NULL)
		return (-1);
	s->edges = fresh;
	s->edges_size = size;
	for (uint32_t i = 0; i < old_size; i++)
		if (old[i].token.p != NULL)
			s->edges[edge_place(s, old[i].from, old[i].token)] = old[i];
	free(old);
	return (0);
}

/* ---- building ---- */

static int
array_grow(void **at, uint32_t *size, uint32_t want, size_t each)
{
	uint32_t n = *size == 0 ? 8 : *size;
	void *p;

	while (n < want)
		n *= 2;
	if (n == *size)
		return (0);
	if ((p = reallocarray(*at, n, each)) == NULL)
		return (-1);
	*at = p;
	*size = n;
	return (0);
}

/* Whatever one subject may need, so that adding it cannot fail halfway. */
static int
reserve(struct subject_set *s, uint32_t tokens)
{
	void *nodes = s->nodes, *queues = s->queues;
	int rc;

	rc = array_grow(&nodes, &s->nodes_size, s->nnodes + tokens, sizeof(*s->nodes));
	s->nodes = nodes;
	if (rc != 0)
		return (-1);
	rc = array_grow(&queues, &s->queues_size, s->nqueues + 1, sizeof(*s->queues));
	s->queues = queues;
	return (rc != 0 ? -1 : edges_grow(s, tokens));
}

static uint32_t
node_add(struct subject_set *s)
{
	assert(s->nnodes < s->nodes_size);
	s->nodes[s->nnodes] = (struct set_node){ .star = NONE, .rest = NONE, .queues = NONE,
		.child = NONE, .sibling = NONE };
	return (s->nnodes++);
}

static uint32_t
step(struct subject_set *s, uint32_t from, struct str token)
{
	uint32_t i, *wild;

	s->nodes[from].inner = true;
	if (token.n == 1 && (token.p[0] == '*' || token.p[0] == '>')) {
		wild = token.p[0] == '*' ? &s->nodes[from].star : &s->nodes[from].rest;
		if (*wild == NONE)
			*wild = s->nnodes;
		else
			return (*wild);
		return (node_add(s));
	}
	i = edge_place(s, from, token);
	if (s->edges[i].token.p == NULL) {
		s->edges[i] = (struct set_edge){ .token = token, .from = from, .to = node_add(s) };
		s->nedges++;
		s->nodes[s->edges[i].to].sibling = s->nodes[from].child;
		s->nodes[from].child = s->edges[i].to;
	}
	return (s->edges[i].to);
}

static struct set_text *
text_new(struct subject_set *s, struct str subject, struct str queue)
{
	struct set_text *t = malloc(sizeof(*t) + subject.n + queue.n);

	if (t == NULL)
		return (NULL);
	memcpy(t->bytes, subject.p, subject.n);
	if (queue.n != 0)
		memcpy(t->bytes + subject.n, queue.p, queue.n);
	t->next = s->texts;
	s->texts = t;
	return (t);
}

int
subject_set_add(struct subject_set *s, struct str subject, struct str queue)
{
	struct subject_iter it;
	struct set_text *t;
	struct str token;
	uint32_t at = ROOT;

	assert(subject_valid_sub(subject));
	if (reserve(s, subject_tokens(subject)) != 0 || (t = text_new(s, subject, queue)) == NULL)
		return (-1);
	it = subject_iter((struct str){ t->bytes, subject.n });
	while (subject_next(&it, &token))
		at = step(s, at, token);
	if (queue.n == 0) {
		s->nodes[at].plain = true;
		return (0);
	}
	s->queues[s->nqueues] = (struct set_queue){ .pattern = { t->bytes + subject.n, queue.n },
		.next = s->nodes[at].queues };
	s->nodes[at].queues = s->nqueues++;
	return (0);
}

struct subject_set *
subject_set_new(void)
{
	struct subject_set *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return (NULL);
	if (reserve(s, 1) != 0) {
		subject_set_free(s);
		return (NULL);
	}
	node_add(s);
	return (s);
}

void
subject_set_free(struct subject_set *s)
{
	struct set_text *t;

	if (s == NULL)
		return;
	while ((t = s->texts) != NULL) {
		s->texts = t->next;
		free(t);
	}
	free(s->nodes);
	free(s->queues);
	free(s->edges);
	free(s);
}

/* ---- asking ---- */

struct look {
	const struct subject_set *set;
	struct str queue;
	bool plain_only; /* stop at the first one without queue */
	struct subject_set_match *m;
};

/* A queue named like a pattern is that one first; `*` and `>` are names, too. */
static bool
queue_fits(struct str queue, struct str pattern)
{
	return (str_eq(queue, pattern) ||
	    (subject_has_wildcard(pattern) && subject_subset(queue, pattern)));
}

static void
meet(const struct look *l, uint32_t at)
{
	const struct set_node *n = &l->set->nodes[at];

	if (n->plain)
		l->m->plain = true;
	for (uint32_t q = n->queues; q != NONE; q = l->set->queues[q].next) {
		l->m->queued = true;
		if (l->queue.n != 0 && queue_fits(l->queue, l->set->queues[q].pattern))
			l->m->fits = true;
	}
}

static void
walk(const struct look *l, uint32_t at, struct subject_iter rest)
{
	const struct set_node *n = &l->set->nodes[at];
	struct str token;
	uint32_t next;

	if (!subject_next(&rest, &token)) {
		meet(l, at);
		return;
	}
	if (n->rest != NONE)
		meet(l, n->rest);
	if (n->star != NONE && !(l->plain_only && l->m->plain))
		walk(l, n->star, rest);
	if (!(l->plain_only && l->m->plain) && (next = edge_find(l->set, at, token)) != NONE)
		walk(l, next, rest);
}

static bool
has_empty_token(struct str s)
{
	if (s.n == 0 || s.p[0] == '.' || s.p[s.n - 1] == '.')
		return (true);
	return (memmem(s.p, s.n, "..", 2) != NULL);
}

void
subject_set_match(const struct subject_set *s, struct str subject, struct str queue,
    struct subject_set_match *m)
{
	struct look l = { .set = s, .queue = queue, .m = m };

	*m = (struct subject_set_match){ 0 };
	if (!has_empty_token(subject))
		walk(&l, ROOT, subject_iter(subject));
}

bool
subject_set_plain(const struct subject_set *s, struct str subject)
{
	struct subject_set_match m = { 0 };
	struct look l = { .set = s, .plain_only = true, .m = &m };

	if (!has_empty_token(subject))
		walk(&l, ROOT, subject_iter(subject));
	return (m.plain);
}

static bool
ends_here(const struct subject_set *s, uint32_t at)
{
	return (s->nodes[at].plain || s->nodes[at].queues != NONE);
}

static bool
collide(const struct subject_set *s, uint32_t at, struct subject_iter rest)
{
	const struct set_node *n = &s->nodes[at];
	struct str token;
	uint32_t next;

	if (!subject_next(&rest, &token))
		return (ends_here(s, at));
	if (n->rest != NONE)
		return (true);
	if (token.n == 1 && token.p[0] == '>')
		return (n->inner);
	if (n->star != NONE && collide(s, n->star, rest))
		return (true);
	if (token.n != 1 || token.p[0] != '*')
		return ((next = edge_find(s, at, token)) != NONE && collide(s, next, rest));
	for (next = n->child; next != NONE; next = s->nodes[next].sibling)
		if (collide(s, next, rest))
			return (true);
	return (false);
}

bool
subject_set_collides(const struct subject_set *s, struct str subject)
{
	return (s->nnodes > 1 && !has_empty_token(subject) &&
	    collide(s, ROOT, subject_iter(subject)));
}
