/*
 * /subsz: subscriptions and how well matching is cached (8).
 */
#include "config.h"

#include <string.h>

#include "common/subject.h"
#include "natsd-front/monitor/page.h"

static int
subsz_parse(struct page_call *call)
{
	struct page_subsz *s = &call->subsz;
	struct params *p = &call->params;

	if (params_bool(p, "subs", &s->subs) != 0 || params_int(p, "offset", &s->offset) != 0 ||
	    params_int(p, "limit", &s->limit) != 0)
		return (-1);
	page_range(&s->offset, &s->limit);
	s->acc = params_text(p, "acc");
	s->test = params_text(p, "test");
	if (s->test != NULL && !subject_valid_literal(str_of(s->test)))
		return (params_refuse(p, "invalid test subject, must be valid publish subject: %s",
		    s->test));
	return (0);
}

static void
subsz_needs(const struct page_call *call, struct facts_needs *needs)
{
	needs->workers = needs->accounts = true;
	needs->what = SNAPSHOT_COUNTERS;
	if (call->subsz.acc != NULL)
		needs->what |= SNAPSHOT_CACHES;
	if (call->subsz.subs)
		needs->what |= SNAPSHOT_CONNS | SNAPSHOT_SUBS;
}

/* Of all accounts, or of the one that is asked for. */
static void
statistics(struct json_out *j, const struct page_subsz *s, const struct facts *f)
{
	const struct facts_account *one = NULL;
	struct trie_cache_stats c = { .hits = 0 };
	struct trie_stats sum = { .subs = 0 };
	size_t i;

	for (i = 0; i < f->naccounts; i++) {
		if (s->acc != NULL && strcmp(f->accounts[i].name, s->acc) != 0)
			continue;
		one = &f->accounts[i];
		sum.subs += one->stats.subs;
		sum.inserts += one->stats.inserts;
		sum.removes += one->stats.removes;
	}
	if (s->acc == NULL)
		c = facts_cache(f, NULL);
	else if (one != NULL)
		c = facts_cache(f, one);
	page_sublist_json(j, &sum, &c);
}

static bool
is_candidate(const struct page_subsz *s, const struct snapshot_sub *sub)
{
	if (s->acc != NULL && strcmp(sub->account->name, s->acc) != 0)
		return (false);
	return (s->test == NULL || subject_matches(str_of(s->test), str_of(sub->subject)));
}

struct listing {
	struct json_out *j;
	uint64_t skip, left, total;
	bool begun;
};

static void
list_one(struct listing *l, const struct snapshot_sub *sub)
{
	l->total++;
	if (l->skip > 0) {
		l->skip--;
		return;
	}
	if (l->left == 0 || l->j == NULL)
		return;
	l->left--;
	if (!l->begun) {
		json_key(l->j, "subscriptions_list");
		json_array_begin(l->j);
		l->begun = true;
	}
	page_sub_json(l->j, sub, true);
}

static void
list_conn(struct listing *l, const struct page_subsz *s, const struct snapshot_conn *c)
{
	uint32_t i;

	for (i = 0; c->subs != NULL && i < c->nsubs; i++) {
		if (is_candidate(s, &c->subs[i]))
			list_one(l, &c->subs[i]);
	}
}

/* One worker's after the other's; without j they are only counted. */
static uint64_t
list(struct json_out *j, const struct page_subsz *s, const struct facts *f)
{
	struct listing l = { .j = j, .skip = (uint64_t)s->offset, .left = (uint64_t)s->limit };
	const struct snapshot_part *part;
	unsigned i;
	uint32_t k;

	for (i = 0; i < f->workers->nparts; i++) {
		part = &f->workers->parts[i];
		for (k = 0; k < part->nconns; k++)
			list_conn(&l, s, &part->conns[k]);
	}
	if (l.begun)
		json_array_end(j);
	return (l.total);
}

static int
subsz_build(struct page_call *call, const struct facts *f, struct buf *out)
{
	const struct page_subsz *s = &call->subsz;
	struct json_out j;

	json_begin(&j, out, 2);
	json_object_begin(&j);
	json_kstr(&j, "server_id", str_of(f->o->server_id));
	json_ktime(&j, "now", f->now, false);
	statistics(&j, s, f);
	json_ku64(&j, "total", s->subs ? list(NULL, s, f) : 0);
	json_ki64(&j, "offset", s->offset);
	json_ki64(&j, "limit", s->limit);
	if (s->subs)
		(void)list(&j, s, f);
	page_natsd(&j, call, f);
	json_object_end(&j);
	return (json_end(&j));
}

const struct page page_subsz = {
	.path = "/subsz",
	.counter = FACTS_SUBSZ,
	.count_first = true,
	.parse = subsz_parse,
	.needs = subsz_needs,
	.build = subsz_build,
};
