#include "config.h"

#include "common/access.h"
#include "natsd-front/monitor/facts.h"

const struct facts_account *
facts_account_named(const struct facts *f, struct str name)
{
	size_t i;

	for (i = 0; i < f->naccounts; i++) {
		if (str_eq(str_of(f->accounts[i].name), name))
			return (&f->accounts[i]);
	}
	return (NULL);
}

static const struct access_account *
system_account(const struct facts *f)
{
	const struct access *a = f->o->access;

	return (a->system_account == ACCESS_NO_ACCOUNT ? NULL : &a->accounts[a->system_account]);
}

bool
facts_is_system(const struct facts *f, const struct facts_account *a)
{
	return (a->said != NULL && a->said == system_account(f));
}

struct str
facts_system_account(const struct facts *f)
{
	const struct access_account *a = system_account(f);

	return (a == NULL ? STR_NONE : a->name);
}

struct tally
facts_tally(const struct facts *f, const struct facts_account *a)
{
	struct tally sum = { .in_msgs = 0 };
	const struct tally *t;
	unsigned i;

	for (i = 0; i < f->workers->nparts; i++) {
		if (a->id >= f->workers->parts[i].ntallies)
			continue;
		t = &f->workers->parts[i].tallies[a->id];
		sum.in_msgs += t->in_msgs;
		sum.in_bytes += t->in_bytes;
		sum.out_msgs += t->out_msgs;
		sum.out_bytes += t->out_bytes;
		sum.slow_consumers += t->slow_consumers;
	}
	return (sum);
}

static void
add_cache(struct trie_cache_stats *sum, const struct trie_cache_stats *c)
{
	sum->hits += c->hits;
	sum->misses += c->misses;
	sum->result_subs += c->result_subs;
	sum->entries += c->entries;
	if (c->max_fanout > sum->max_fanout)
		sum->max_fanout = c->max_fanout;
}

struct trie_cache_stats
facts_cache(const struct facts *f, const struct facts_account *a)
{
	struct trie_cache_stats sum = { .hits = 0 };
	const struct snapshot_part *part;
	unsigned i;

	for (i = 0; i < f->workers->nparts; i++) {
		part = &f->workers->parts[i];
		if (a == NULL)
			add_cache(&sum, &part->cache);
		else if (a->id < part->ncaches)
			add_cache(&sum, &part->caches[a->id]);
	}
	return (sum);
}

struct worker_stats
facts_worker_stats(const struct facts *f)
{
	struct worker_stats sum = { .in_msgs = 0 };
	const struct worker_stats *s;
	unsigned i;

	for (i = 0; i < f->workers->nparts; i++) {
		s = &f->workers->parts[i].stats;
		sum.total_conns += s->total_conns;
		sum.in_msgs += s->in_msgs;
		sum.in_bytes += s->in_bytes;
		sum.out_msgs += s->out_msgs;
		sum.out_bytes += s->out_bytes;
		sum.slow_consumers += s->slow_consumers;
		sum.stalled += s->stalled;
		sum.stale_conns += s->stale_conns;
	}
	return (sum);
}

uint64_t
facts_conns(const struct facts *f)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < f->workers->nparts; i++)
		sum += f->workers->parts[i].conns_open;
	return (sum);
}
