#include "config.h"

#include <stdlib.h>

#include "natsd-front/closed.h"
#include "natsd-front/monitor/facts.h"
#include "natsd-front/shared.h"

struct closed_list { /* being copied */
	struct snapshot_conn *at;
	size_t n, size;
	bool subs, failed;
};

static void copy_closed(const struct snapshot_conn *, void *);

int
facts_gather(struct facts *f, const struct facts_source *from, const struct facts_needs *needs,
    struct err *e)
{
	struct closed_list closed = { .subs = needs->subs };
	struct account *accounts[FACTS_ACCOUNTS] = { from->shared->global, from->shared->system };
	struct ctl_usage usage;
	unsigned i;

	f->now = wall_now();
	if (options_init(&f->o, e) != 0)
		return (-1);
	f->has_options = true;
	if (status_options(from->status, &f->o, e) != 0)
		return (-1);
	f->listening = status_listening(from->status);
	for (i = 0; i < STATUS_ROLES; i++)
		status_role(from->status, i, &f->roles[i]);
	for (i = 0; i < FACTS_ACCOUNTS; i++) {
		f->accounts[i].name = accounts[i]->name;
		trie_stats(accounts[i]->trie, &f->accounts[i].stats);
	}
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

	if (f->has_options)
		options_free(&f->o);
	f->has_options = false;
	snapshot_free(f->workers);
	f->workers = NULL;
	for (i = 0; i < f->nclosed; i++)
		snapshot_conn_clear(&f->closed[i]);
	free(f->closed);
	f->closed = NULL;
	f->nclosed = 0;
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
