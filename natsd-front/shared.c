#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "natsd-front/closed.h"
#include "natsd-front/interest.h"
#include "natsd-front/shared.h"

static struct account *
account_new(struct shared *s, uint32_t id, const char *name)
{
	struct account *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return (NULL);
	a->id = id;
	strncpy(a->name, name, sizeof(a->name) - 1);
	a->trie = trie_new(s->qsbr);
	if (a->trie == NULL) {
		free(a);
		return (NULL);
	}
	return (a);
}

static void
account_free(struct account *a)
{
	if (a == NULL)
		return;
	trie_free(a->trie);
	free(a);
}

struct shared *
shared_new(unsigned nworkers, uint64_t natsd_life, uint32_t max_closed)
{
	struct shared *s = calloc(1, sizeof(*s));
	unsigned i;

	if (s == NULL)
		return (NULL);
	s->nworkers = nworkers;
	s->natsd_life = natsd_life;
	s->pub = aligned_alloc(64, nworkers * sizeof(*s->pub));
	s->qsbr = qsbr_new();
	s->closed = closed_ring_new(max_closed);
	s->interest = interest_new();
	if (s->pub == NULL || s->qsbr == NULL || s->closed == NULL || s->interest == NULL)
		goto fail;
	memset(s->pub, 0, nworkers * sizeof(*s->pub));
	for (i = 0; i < nworkers; i++)
		pthread_mutex_init(&s->pub[i].turn, NULL);
	s->global = account_new(s, ACCOUNT_GLOBAL, "$G");
	s->system = account_new(s, ACCOUNT_SYSTEM, "$SYS");
	if (s->global == NULL || s->system == NULL)
		goto fail;
	return (s);
fail:
	shared_free(s);
	return (NULL);
}

void
shared_free(struct shared *s)
{
	unsigned i;

	if (s == NULL)
		return;
	for (i = 0; s->pub != NULL && i < s->nworkers; i++)
		pthread_mutex_destroy(&s->pub[i].turn);
	if (s->interest != NULL)
		interest_free(s->interest, s);
	account_free(s->global);
	account_free(s->system);
	if (s->qsbr != NULL)
		qsbr_free(s->qsbr);
	closed_ring_free(s->closed);
	free(s->pub);
	free(s);
}

struct account *
shared_account(const struct shared *s, uint32_t id)
{
	switch (id) {
	case ACCOUNT_GLOBAL:
		return (s->global);
	case ACCOUNT_SYSTEM:
		return (s->system);
	default:
		return (NULL);
	}
}

bool
shared_may_log(_Atomic int64_t *stamp, int64_t now_ns, int64_t interval_ns)
{
	int64_t last = atomic_load_explicit(stamp, memory_order_relaxed);

	if (last != 0 && now_ns - last < interval_ns)
		return (false);
	return (atomic_compare_exchange_strong(stamp, &last, now_ns));
}
