#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/access.h"
#include "natsd-front/closed.h"
#include "natsd-front/monitor/facts.h"
#include "natsd-front/shared.h"

struct closed_list { /* being copied */
	struct snapshot_conn *at;
	size_t n, size;
	bool subs, failed;
};

struct account_list { /* as they are at run time */
	struct account **at; /* [size] */
	size_t n, size;
};

static void copy_closed(const struct snapshot_conn *, void *);
static int gather_accounts(struct facts *, const struct shared *, struct err *);

int
facts_gather(struct facts *f, const struct facts_source *from, const struct facts_needs *needs,
    struct err *e)
{
	struct closed_list closed = { .subs = needs->subs };
	struct ctl_usage usage;
	unsigned i;

	f->now = wall_now();
	f->settings = status_settings(from->status);
	f->o = &f->settings->o;
	f->listening = status_listening(from->status);
	for (i = 0; i < STATUS_ROLES; i++)
		status_role(from->status, i, &f->roles[i]);
	if (needs->accounts && gather_accounts(f, from->shared, e) != 0)
		return (-1);
	f->closed_total = closed_ring_total(from->shared->closed);
	if (needs->closed)
		closed_ring_visit(from->shared->closed, copy_closed, &closed);
	f->closed = closed.at;
	f->nclosed = closed.n;
	if (closed.failed)
		return (err_set(e, "no memory for closed connections"));
	if (needs->usage && status_usage(from->status, &usage, FACTS_PATIENCE_MS) == 0)
		f->usage = usage;
	if (needs->workers && (f->workers = snapshot_take(from->shared, needs->what, needs->cid,
		FACTS_PATIENCE_MS)) == NULL)
		return (err_set(e, "no memory for what the workers say"));
	return (0);
}

void
facts_forget(struct facts *f)
{
	size_t i;

	settings_release(f->settings);
	f->settings = NULL;
	f->o = NULL;
	snapshot_free(f->workers);
	f->workers = NULL;
	for (i = 0; i < f->nclosed; i++)
		snapshot_conn_clear(&f->closed[i]);
	free(f->closed);
	f->closed = NULL;
	free(f->accounts);
	f->accounts = NULL;
	f->naccounts = 0;
	f->nclosed = 0;
}

static void
note_account(struct account *a, void *arg)
{
	struct account_list *l = arg;

	if (l->n < l->size)
		l->at[l->n++] = a;
}

static int
by_name(const void *a, const void *b)
{
	return (strcmp((*(struct account *const *)a)->name, (*(struct account *const *)b)->name));
}

static struct account *
find_account(const struct account_list *l, struct str name)
{
	struct account key, *at = &key, **found;

	if (name.n >= sizeof(key.name))
		return (NULL);
	memcpy(key.name, name.p, name.n);
	key.name[name.n] = '\0';
	found = bsearch(&at, l->at, l->n, sizeof(*l->at), by_name);
	return (found == NULL ? NULL : *found);
}

static void
fill_account(struct facts_account *f, const struct account *a, const struct access_account *said)
{
	f->name = a->name;
	f->said = said;
	f->id = a->id;
	f->conns = atomic_load_explicit(&a->conns, memory_order_relaxed);
	trie_stats(a->trie, &f->stats);
}

/* An account that left the configuration is not shown: nobody can be in it. */
static int
gather_accounts(struct facts *f, const struct shared *s, struct err *e)
{
	const struct access *access = f->o->access;
	struct account_list l = { .size = s->naccounts };
	struct account *a;
	size_t i;

	l.at = calloc(l.size + 1, sizeof(struct account *));
	f->accounts = calloc(access->naccounts + 1, sizeof(*f->accounts));
	if (l.at == NULL || f->accounts == NULL) {
		free(l.at);
		return (err_set(e, "no memory for accounts"));
	}
	shared_each_account(s, note_account, &l);
	qsort(l.at, l.n, sizeof(*l.at), by_name);
	for (i = 0; i < access->naccounts; i++) {
		if ((a = find_account(&l, access->accounts[i].name)) != NULL)
			fill_account(&f->accounts[f->naccounts++], a, &access->accounts[i]);
	}
	free(l.at);
	return (0);
}

/* What the list holds can be cleared at any time. */
static void
copy_closed(const struct snapshot_conn *c, void *arg)
{
	struct closed_list *l = arg;
	struct snapshot_conn *at;
	size_t size;

	if (l->failed)
		return;
	if (l->n == l->size) {
		size = l->size == 0 ? 64 : l->size * 2;
		if ((at = reallocarray(l->at, size, sizeof(*at))) == NULL) {
			l->failed = true;
			return;
		}
		l->at = at;
		l->size = size;
	}
	if (snapshot_conn_copy(&l->at[l->n++], c, l->subs) != 0)
		l->failed = true;
}
