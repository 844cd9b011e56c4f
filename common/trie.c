#include "config.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/subject.h"
#include "common/trie.h"
#include "common/trie_table.h"

#define GENERATIONS 256
#define FIRST_IS_WILDCARD GENERATIONS /* in place of a hash: bumps all counters */

/* How a node hangs in its parent. */
enum node_kind { NODE_ROOT, NODE_LITERAL, NODE_STAR, NODE_TAIL };

struct trie_node {
	struct trie_name name; /* the token; first, for trie_table */
	struct trie_node *parent;
	struct trie_table children;
	struct trie_node *_Atomic star; /* the child for * */
	struct trie_node *_Atomic tail; /* and for > */
	struct trie_sub *_Atomic subs;
	struct trie_table groups;
	struct qsbr_head retired;
	enum node_kind kind;
	uint16_t first; /* hash of the subject's first token, or FIRST_IS_WILDCARD */
};

struct trie_group {
	struct trie_name name; /* first, for trie_table */
	struct trie_node *node;
	struct trie_sub *_Atomic subs;
	struct qsbr_head retired;
};

struct trie {
	struct qsbr *qsbr;
	uint64_t seed; /* of the tokens' hashes: nobody outside can make them collide */
	struct trie_node root;
	_Atomic uint64_t wildcard_generation;
	_Atomic uint64_t generations[GENERATIONS];

	pthread_mutex_t lock;
	uint64_t inserts, removes; /* under lock */
};

/* Where a reader stands: at `node`, with the tokens from byte `at` still to match. */
struct walk {
	const struct trie *trie;
	struct str subject;
	const struct trie_node *node;
	size_t at; /* subject.n + 1 after the last token */
	enum { WALK_ARRIVED, WALK_LITERAL, WALK_STAR, WALK_LEAVE, WALK_OVER } step;
};

static struct trie_node *node_for(struct trie *, struct str subject);
static struct trie_node *child_for(struct trie *, struct trie_node *, struct str token);
static struct trie_node *node_new(struct trie *, struct trie_node *parent, struct str token);
static struct trie_node *_Atomic *wildcard_place(struct trie_node *parent, enum node_kind);
static void prune(struct trie *, struct trie_node *);
static bool node_is_empty(const struct trie_node *);
static struct trie_group *group_for(struct trie *, struct trie_node *, struct str queue);
static void prune_group(struct trie *, struct trie_group *);
static void link_sub(struct trie_sub *_Atomic *, struct trie_sub *);
static void unlink_sub(struct trie_sub *_Atomic *, struct trie_sub *);
static void bump(struct trie *, const struct trie_node *);

static struct walk walk_start(const struct trie *, struct str subject);
static const struct trie_node *walk_next(struct walk *);
static bool has_empty_token(struct str subject);

static int collect(struct trie_result *, const struct trie_node *);
static int collect_groups(struct trie_result *, const struct trie_node *);
static int collect_subs(struct trie_result *, struct trie_sub *_Atomic const *);
static int join_groups(struct trie_result *, bool several_nodes);

static struct trie_node *visit_next(struct trie_node *);

static uint32_t
token_hash(const struct trie *t, struct str token)
{
	return ((uint32_t)XXH3_64bits_withSeed(token.p, token.n, t->seed));
}

struct trie *
trie_new(struct qsbr *q)
{
	struct trie *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return (NULL);
	t->qsbr = q;
	t->root.kind = NODE_ROOT;
	if (getrandom(&t->seed, sizeof(t->seed), 0) != sizeof(t->seed)) {
		free(t);
		return (NULL);
	}
	pthread_mutex_init(&t->lock, NULL);
	return (t);
}

void
trie_free(struct trie *t)
{
	if (t == NULL)
		return;
	assert(node_is_empty(&t->root));
	pthread_mutex_destroy(&t->lock);
	free(t);
}

int
trie_insert(struct trie *t, struct trie_sub *sub, struct str subject, struct str queue)
{
	struct trie_node *node;
	struct trie_group *group = NULL;
	int rc = -1;

	assert(sub->node == NULL);
	pthread_mutex_lock(&t->lock);
	if ((node = node_for(t, subject)) == NULL)
		goto unlock;
	if (queue.n > 0 && (group = group_for(t, node, queue)) == NULL) {
		prune(t, node);
		goto unlock;
	}
	sub->node = node;
	sub->group = group;
	link_sub(group == NULL ? &node->subs : &group->subs, sub);
	t->inserts++;
	bump(t, node);
	rc = 0;
unlock:
	pthread_mutex_unlock(&t->lock);
	return (rc);
}

void
trie_remove(struct trie *t, struct trie_sub *sub)
{
	struct trie_node *node = sub->node;
	struct trie_group *group = sub->group;

	assert(node != NULL);
	pthread_mutex_lock(&t->lock);
	unlink_sub(group == NULL ? &node->subs : &group->subs, sub);
	sub->node = NULL;
	sub->group = NULL;
	t->removes++;
	bump(t, node);
	if (group != NULL)
		prune_group(t, group);
	prune(t, node);
	pthread_mutex_unlock(&t->lock);
}

int
trie_match(struct trie *t, struct str subject, struct trie_result *out)
{
	struct walk w = walk_start(t, subject);
	const struct trie_node *node;
	unsigned with_groups = 0;
	uint32_t nfound;

	out->plain = out->total = out->nqueues = out->nfound = 0;
	while ((node = walk_next(&w)) != NULL) {
		nfound = out->nfound;
		if (collect(out, node) != 0)
			return (-1);
		with_groups += out->nfound != nfound;
	}
	out->plain = out->total;
	return (join_groups(out, with_groups > 1));
}

void
trie_result_free(struct trie_result *r)
{
	free(r->subs);
	free(r->queues);
	free(r->found);
	*r = (struct trie_result){ .subs = NULL };
}

bool
trie_has(struct trie *t, struct str subject)
{
	struct walk w = walk_start(t, subject);
	const struct trie_node *node;

	while ((node = walk_next(&w)) != NULL) {
		if (atomic_load_explicit(&node->subs, memory_order_acquire) != NULL ||
		    atomic_load_explicit(&node->groups.slots, memory_order_acquire) != NULL)
			return (true);
	}
	return (false);
}

/* Both parts only grow: the sum stands still exactly while both do. */
uint64_t
trie_generation(const struct trie *t, uint8_t first_hash)
{
	return (atomic_load_explicit(&t->generations[first_hash], memory_order_acquire) +
	    atomic_load_explicit(&t->wildcard_generation, memory_order_acquire));
}

void
trie_stats(struct trie *t, struct trie_stats *out)
{
	pthread_mutex_lock(&t->lock);
	out->inserts = t->inserts;
	out->removes = t->removes;
	pthread_mutex_unlock(&t->lock);
	out->subs = out->inserts - out->removes;
}

static void
visit_list(struct trie_sub *_Atomic *head, void (*fn)(struct trie_sub *, void *), void *ctx)
{
	struct trie_sub *sub = atomic_load_explicit(head, memory_order_relaxed);
	struct trie_sub *next;

	for (; sub != NULL; sub = next) {
		next = atomic_load_explicit(&sub->next, memory_order_relaxed);
		fn(sub, ctx);
	}
}

void
trie_visit(struct trie *t, void (*fn)(struct trie_sub *, void *), void *ctx)
{
	struct trie_node *node;
	struct trie_table_iter it;
	struct trie_name *group;

	pthread_mutex_lock(&t->lock);
	for (node = &t->root; node != NULL; node = visit_next(node)) {
		visit_list(&node->subs, fn, ctx);
		it = trie_table_iter(&node->groups);
		while ((group = trie_table_next(&it)) != NULL)
			visit_list(&((struct trie_group *)group)->subs, fn, ctx);
	}
	pthread_mutex_unlock(&t->lock);
}

/* The node of a subject, made when it is not there; NULL: no memory, nothing is left behind. */
static struct trie_node *
node_for(struct trie *t, struct str subject)
{
	struct subject_iter it = subject_iter(subject);
	struct trie_node *node = &t->root, *child;
	struct str token;

	while (subject_next(&it, &token)) {
		if ((child = child_for(t, node, token)) == NULL) {
			prune(t, node);
			return (NULL);
		}
		node = child;
	}
	return (node);
}

static enum node_kind
kind_of(struct str token)
{
	if (token.n == 1 && token.p[0] == '*')
		return (NODE_STAR);
	if (token.n == 1 && token.p[0] == '>')
		return (NODE_TAIL);
	return (NODE_LITERAL);
}

static struct trie_node *
child_for(struct trie *t, struct trie_node *parent, struct str token)
{
	enum node_kind kind = kind_of(token);
	struct trie_node *_Atomic *place = NULL;
	struct trie_node *child;

	if (kind == NODE_LITERAL) {
		child = (struct trie_node *)trie_table_find(&parent->children,
		    token_hash(t, token), token);
	} else {
		place = wildcard_place(parent, kind);
		child = atomic_load_explicit(place, memory_order_relaxed);
	}
	if (child != NULL)
		return (child);

	if ((child = node_new(t, parent, token)) == NULL)
		return (NULL);
	if (place != NULL) {
		atomic_store_explicit(place, child, memory_order_release);
	} else if (trie_table_add(&parent->children, &child->name, t->qsbr) != 0) {
		free(child);
		return (NULL);
	}
	return (child);
}

/* The token's bytes stand behind the struct. */
static struct trie_node *
node_new(struct trie *t, struct trie_node *parent, struct str token)
{
	struct trie_node *node;

	if (token.n > UINT32_MAX)
		return (NULL);
	if ((node = calloc(1, sizeof(*node) + token.n)) == NULL)
		return (NULL);
	memcpy(node + 1, token.p, token.n);
	node->name.p = (const char *)(node + 1);
	node->name.n = (uint32_t)token.n;
	node->name.hash = token_hash(t, token);
	node->parent = parent;
	node->kind = kind_of(token);
	if (parent->kind != NODE_ROOT)
		node->first = parent->first;
	else if (node->kind == NODE_LITERAL)
		node->first = subject_first_hash(token);
	else
		node->first = FIRST_IS_WILDCARD;
	return (node);
}

static struct trie_node *_Atomic *
wildcard_place(struct trie_node *parent, enum node_kind kind)
{
	return (kind == NODE_STAR ? &parent->star : &parent->tail);
}

static void
node_free(struct qsbr_head *head)
{
	free((char *)head - offsetof(struct trie_node, retired));
}

/* Takes a node that holds nothing out, and whatever becomes empty above it. */
static void
prune(struct trie *t, struct trie_node *node)
{
	struct trie_node *parent;

	for (; node->kind != NODE_ROOT && node_is_empty(node); node = parent) {
		parent = node->parent;
		if (node->kind == NODE_LITERAL)
			trie_table_remove(&parent->children, &node->name, t->qsbr);
		else
			atomic_store_explicit(wildcard_place(parent, node->kind), NULL,
			    memory_order_release);
		qsbr_retire(t->qsbr, &node->retired, node_free);
	}
}

static bool
node_is_empty(const struct trie_node *node)
{
	return (node->children.used == 0 && node->groups.used == 0 &&
	    atomic_load_explicit(&node->subs, memory_order_relaxed) == NULL &&
	    atomic_load_explicit(&node->star, memory_order_relaxed) == NULL &&
	    atomic_load_explicit(&node->tail, memory_order_relaxed) == NULL);
}

static struct trie_group *
group_for(struct trie *t, struct trie_node *node, struct str queue)
{
	uint32_t hash = token_hash(t, queue);
	struct trie_group *group;

	group = (struct trie_group *)trie_table_find(&node->groups, hash, queue);
	if (group != NULL)
		return (group);
	if (queue.n > UINT32_MAX || (group = calloc(1, sizeof(*group) + queue.n)) == NULL)
		return (NULL);
	memcpy(group + 1, queue.p, queue.n);
	group->name.p = (const char *)(group + 1);
	group->name.n = (uint32_t)queue.n;
	group->name.hash = hash;
	group->node = node;
	if (trie_table_add(&node->groups, &group->name, t->qsbr) != 0) {
		free(group);
		return (NULL);
	}
	return (group);
}

static void
group_free(struct qsbr_head *head)
{
	free((char *)head - offsetof(struct trie_group, retired));
}

static void
prune_group(struct trie *t, struct trie_group *group)
{
	if (atomic_load_explicit(&group->subs, memory_order_relaxed) != NULL)
		return;
	trie_table_remove(&group->node->groups, &group->name, t->qsbr);
	qsbr_retire(t->qsbr, &group->retired, group_free);
}

static void
link_sub(struct trie_sub *_Atomic *head, struct trie_sub *sub)
{
	struct trie_sub *next = atomic_load_explicit(head, memory_order_relaxed);

	sub->prev = NULL;
	atomic_store_explicit(&sub->next, next, memory_order_relaxed);
	if (next != NULL)
		next->prev = sub;
	atomic_store_explicit(head, sub, memory_order_release);
}

/* sub->next stays: a reader that stands on sub goes on from it. */
static void
unlink_sub(struct trie_sub *_Atomic *head, struct trie_sub *sub)
{
	struct trie_sub *next = atomic_load_explicit(&sub->next, memory_order_relaxed);

	if (next != NULL)
		next->prev = sub->prev;
	if (sub->prev != NULL)
		head = &sub->prev->next;
	atomic_store_explicit(head, next, memory_order_release);
}

/* After the change: who reads the new number sees the change. */
static void
bump(struct trie *t, const struct trie_node *node)
{
	_Atomic uint64_t *counter = &t->wildcard_generation;

	if (node->first != FIRST_IS_WILDCARD)
		counter = &t->generations[node->first];
	atomic_fetch_add_explicit(counter, 1, memory_order_release);
}

static struct walk
walk_start(const struct trie *t, struct str subject)
{
	return ((struct walk){ .trie = t, .subject = subject, .node = &t->root,
	    .step = has_empty_token(subject) ? WALK_OVER : WALK_ARRIVED });
}

static bool
has_empty_token(struct str subject)
{
	const char *at = subject.p, *end = subject.p + subject.n, *dot;

	if (subject.n == 0 || *at == '.' || end[-1] == '.')
		return (true);
	while ((dot = memchr(at, '.', (size_t)(end - at))) != NULL) {
		at = dot + 1;
		if (*at == '.')
			return (true);
	}
	return (false);
}

static struct str
walk_token(const struct walk *w)
{
	struct str rest = { .p = w->subject.p + w->at, .n = w->subject.n - w->at };
	const char *dot = memchr(rest.p, '.', rest.n);

	if (dot != NULL)
		rest.n = (size_t)(dot - rest.p);
	return (rest);
}

static void
walk_enter(struct walk *w, const struct trie_node *child, struct str token)
{
	w->node = child;
	w->at += token.n + 1;
	w->step = WALK_ARRIVED;
}

/* Back to the parent: the token that led here is the one before `at`. */
static void
walk_leave(struct walk *w)
{
	if (w->node->kind == NODE_ROOT) {
		w->step = WALK_OVER;
		return;
	}
	if (w->node->kind == NODE_LITERAL) {
		w->at -= w->node->name.n + 1;
		w->step = WALK_STAR;
	} else {
		for (w->at--; w->at > 0 && w->subject.p[w->at - 1] != '.'; w->at--)
			continue;
		w->step = WALK_LEAVE;
	}
	w->node = w->node->parent;
}

/*
 * The next node whose subscriptions the subject reaches; NULL: there are no more.  Finds its way
 * back by the parents' pointers, so that it needs neither a stack nor memory, however deep.
 */
static const struct trie_node *
walk_next(struct walk *w)
{
	const struct trie_node *child;
	struct str token;

	for (;;) {
		switch (w->step) {
		case WALK_ARRIVED:
			if (w->at > w->subject.n) {
				w->step = WALK_LEAVE;
				return (w->node);
			}
			w->step = WALK_LITERAL;
			child = atomic_load_explicit(&w->node->tail, memory_order_acquire);
			if (child != NULL)
				return (child);
			break;
		case WALK_LITERAL:
			w->step = WALK_STAR;
			if (trie_table_is_empty(&w->node->children))
				break;
			token = walk_token(w);
			child = (struct trie_node *)trie_table_find(&w->node->children,
			    token_hash(w->trie, token), token);
			if (child != NULL)
				walk_enter(w, child, token);
			break;
		case WALK_STAR:
			child = atomic_load_explicit(&w->node->star, memory_order_acquire);
			w->step = WALK_LEAVE;
			if (child != NULL)
				walk_enter(w, child, walk_token(w));
			break;
		case WALK_LEAVE:
			walk_leave(w);
			break;
		case WALK_OVER:
			return (NULL);
		}
	}
}

static int
collect(struct trie_result *out, const struct trie_node *node)
{
	if (collect_subs(out, &node->subs) != 0)
		return (-1);
	return (collect_groups(out, node));
}

/* A larger array in place of one of *have elements; NULL: no memory, the old one stays. */
static void *
enlarge(void *array, uint32_t *have, size_t size)
{
	uint32_t want = *have < 8 ? 8 : *have * 2;
	void *p;

	if (*have > UINT32_MAX / 2 || (p = reallocarray(array, want, size)) == NULL)
		return (NULL);
	*have = want;
	return (p);
}

static int
collect_subs(struct trie_result *out, struct trie_sub *_Atomic const *head)
{
	struct trie_sub *sub = atomic_load_explicit(head, memory_order_acquire);
	void *p;

	for (; sub != NULL; sub = atomic_load_explicit(&sub->next, memory_order_acquire)) {
		if (out->total == out->subs_size) {
			p = enlarge(out->subs, &out->subs_size, sizeof(*out->subs));
			if (p == NULL)
				return (-1);
			out->subs = p;
		}
		out->subs[out->total++] = sub;
	}
	return (0);
}

static int
collect_groups(struct trie_result *out, const struct trie_node *node)
{
	struct trie_table_iter it = trie_table_iter(&node->groups);
	struct trie_name *group;
	void *p;

	while ((group = trie_table_next(&it)) != NULL) {
		if (out->nfound == out->found_size) {
			p = enlarge(out->found, &out->found_size, sizeof(*out->found));
			if (p == NULL)
				return (-1);
			out->found = p;
		}
		out->found[out->nfound++] = (struct trie_group *)group;
	}
	return (0);
}

static struct trie_queue *
add_queue(struct trie_result *out, struct str name)
{
	void *p;

	if (out->nqueues == out->queues_size) {
		p = enlarge(out->queues, &out->queues_size, sizeof(*out->queues));
		if (p == NULL)
			return (NULL);
		out->queues = p;
	}
	out->queues[out->nqueues] = (struct trie_queue){ .name = name, .first = out->total };
	return (&out->queues[out->nqueues++]);
}

static int
compare_groups(const void *a, const void *b)
{
	const struct trie_name *x = &(*(struct trie_group *const *)a)->name;
	const struct trie_name *y = &(*(struct trie_group *const *)b)->name;

	if (x->hash != y->hash)
		return (x->hash < y->hash ? -1 : 1);
	if (x->n != y->n)
		return (x->n < y->n ? -1 : 1);
	return (memcmp(x->p, y->p, x->n));
}

/* Names are unique within one node; sorting brings equal ones of several nodes together. */
static int
join_groups(struct trie_result *out, bool several_nodes)
{
	struct trie_queue *queue = NULL;
	struct str name;
	uint32_t i;

	if (several_nodes)
		qsort(out->found, out->nfound, sizeof(*out->found), compare_groups);
	for (i = 0; i < out->nfound; i++) {
		name = trie_name_str(&out->found[i]->name);
		if (queue == NULL || !str_eq(queue->name, name)) {
			if ((queue = add_queue(out, name)) == NULL)
				return (-1);
		}
		if (collect_subs(out, &out->found[i]->subs) != 0)
			return (-1);
		queue->n = out->total - queue->first;
		if (queue->n == 0) { /* its last member has just left */
			out->nqueues--;
			queue = NULL;
		}
	}
	return (0);
}

/*
 * The node after this one, children before siblings; NULL at the end.  Writer.  What comes behind
 * a child of node: its literal siblings that are left, then the one for *, then the one for >.
 */
static struct trie_node *
visit_next(struct trie_node *node)
{
	struct trie_table_iter it = trie_table_iter(&node->children);
	struct trie_node *next;
	enum node_kind done = NODE_ROOT;

	for (;;) {
		next = done > NODE_LITERAL ? NULL : (struct trie_node *)trie_table_next(&it);
		if (next == NULL && done < NODE_STAR)
			next = atomic_load_explicit(&node->star, memory_order_relaxed);
		if (next == NULL && done < NODE_TAIL)
			next = atomic_load_explicit(&node->tail, memory_order_relaxed);
		if (next != NULL || node->kind == NODE_ROOT)
			return (next);
		done = node->kind;
		if (done == NODE_LITERAL)
			it = trie_table_after(&node->parent->children, &node->name);
		node = node->parent;
	}
}
