#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "natsd-front/closed.h"
#include "natsd-front/interest.h"
#include "natsd-front/shared.h"

#define NAME_BUCKETS 4096u /* a power of two */

/* ---- accounts ---- */

static struct account **
bucket_of(const struct shared *s, struct str name)
{
	return (&s->by_name[XXH3_64bits(name.p, name.n) & (NAME_BUCKETS - 1)]);
}

static void
account_link(struct shared *s, struct account *a)
{
	struct account **bucket = bucket_of(s, str_of(a->name));

	a->name_next = *bucket;
	*bucket = a;
}

static struct account *
account_new(struct shared *s, uint32_t id, struct str name)
{
	struct account *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return (NULL);
	a->id = id;
	memcpy(a->name, name.p, name.n);
	a->trie = trie_new(s->qsbr);
	if (a->trie == NULL) {
		free(a);
		return (NULL);
	}
	account_link(s, a);
	atomic_store_explicit(&s->accounts[id], a, memory_order_release);
	if (id > s->naccounts)
		s->naccounts = id;
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
	tls_rate_init(&s->tls_rate, 0);
	s->nworkers = nworkers;
	s->natsd_life = natsd_life;
	s->pub = aligned_alloc(64, nworkers * sizeof(*s->pub));
	s->qsbr = qsbr_new();
	s->closed = closed_ring_new(max_closed);
	s->interest = interest_new();
	s->accounts = calloc(ACCOUNTS_MAX, sizeof(*s->accounts)); /* touched as far as used */
	s->by_name = calloc(NAME_BUCKETS, sizeof(*s->by_name));
	if (s->pub == NULL || s->qsbr == NULL || s->closed == NULL || s->interest == NULL ||
	    s->accounts == NULL || s->by_name == NULL)
		goto fail;
	memset(s->pub, 0, nworkers * sizeof(*s->pub));
	for (i = 0; i < nworkers; i++) {
		pthread_mutex_init(&s->pub[i].turn, NULL);
		sem_init(&s->pub[i].sit, 0, 0);
	}
	s->global = account_new(s, ACCOUNT_GLOBAL, STR("$G"));
	s->system = account_new(s, ACCOUNT_SYSTEM, STR("$SYS"));
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
	uint32_t id;
	unsigned i;

	if (s == NULL)
		return;
	for (i = 0; s->pub != NULL && i < s->nworkers; i++) {
		pthread_mutex_destroy(&s->pub[i].turn);
		sem_destroy(&s->pub[i].sit);
	}
	if (s->interest != NULL)
		interest_free(s->interest, s);
	for (id = 1; id <= s->naccounts; id++)
		account_free(s->accounts[id]);
	if (s->qsbr != NULL)
		qsbr_free(s->qsbr);
	closed_ring_free(s->closed);
	free(s->accounts);
	free(s->by_name);
	free(s->pub);
	tls_rate_end(&s->tls_rate);
	free(s);
}

struct account *
shared_account(const struct shared *s, uint32_t id)
{
	if (id >= ACCOUNTS_MAX)
		return (NULL);
	return (atomic_load_explicit(&s->accounts[id], memory_order_acquire));
}

struct account *
shared_account_find(const struct shared *s, struct str name)
{
	struct account *a;

	for (a = *bucket_of(s, name); a != NULL; a = a->name_next)
		if (str_eq(str_of(a->name), name))
			return (a);
	return (NULL);
}

static uint32_t
number_for(struct shared *s, struct str name, struct err *e)
{
	if (s->table != NULL)
		return (account_table_add(s->table, name, e));
	if (name.n == 0 || name.n > ACCOUNT_NAME_MAX || s->naccounts == ACCOUNTS_MAX - 1) {
		err_set(e, "account name of %zu bytes, or too many accounts", name.n);
		return (0);
	}
	return (s->naccounts + 1);
}

struct account *
shared_account_named(struct shared *s, struct str name, struct err *e)
{
	struct account *a = shared_account_find(s, name);
	uint32_t id;

	if (a != NULL)
		return (a);
	if ((id = number_for(s, name, e)) == 0)
		return (NULL);
	if ((a = account_new(s, id, name)) == NULL)
		err_set(e, "no memory for account " STR_FMT, STR_ARG(name));
	return (a);
}

int
shared_use_table(struct shared *s, struct account_table *table, struct err *e)
{
	uint32_t id, count = account_table_count(table);
	char name[ACCOUNT_NAME_MAX + 1];

	s->table = table;
	for (id = ACCOUNT_SYSTEM + 1; id <= count; id++) {
		if (account_table_name(table, id, name) != 0)
			return (err_set(e, "account %u has no name", id));
		if (shared_account_find(s, str_of(name)) == NULL &&
		    account_new(s, id, str_of(name)) == NULL)
			return (err_set(e, "no memory for account %s", name));
	}
	return (0);
}

int
shared_name_system(struct shared *s, struct str name, struct err *e)
{
	struct account **at, *a = s->system;

	if (name.n == 0 || name.n > ACCOUNT_NAME_MAX)
		return (err_set(e, "system account name of %zu bytes", name.n));
	for (at = bucket_of(s, str_of(a->name)); *at != a; at = &(*at)->name_next)
		continue;
	*at = a->name_next;
	memset(a->name, 0, sizeof(a->name));
	memcpy(a->name, name.p, name.n);
	account_link(s, a);
	return (0);
}

void
shared_each_account(const struct shared *s, void (*fn)(struct account *, void *), void *arg)
{
	uint32_t id, last = s->naccounts;
	struct account *a;

	for (id = 1; id <= last; id++)
		if ((a = shared_account(s, id)) != NULL)
			fn(a, arg);
}

bool
shared_may_log(_Atomic int64_t *stamp, int64_t now_ns, int64_t interval_ns)
{
	int64_t last = atomic_load_explicit(stamp, memory_order_relaxed);

	if (last != 0 && now_ns - last < interval_ns)
		return (false);
	return (atomic_compare_exchange_strong(stamp, &last, now_ns));
}
