/*
 * /accountz: the accounts of this server, and one of them in detail (9).
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/access.h"
#include "common/subject.h"
#include "common/transform.h"
#include "natsd-front/monitor/page.h"

/* One destination as it is shown: weights are sums. */
struct target {
	struct str subject;
	char *own; /* of the subject, when it was made up; else NULL */
	uint32_t weight;
};

static int
accountz_parse(struct page_call *call)
{
	call->acc = params_text(&call->params, "acc");
	return (0);
}

static void
accountz_needs(const struct page_call *call, struct facts_needs *needs)
{
	needs->accounts = true;
	needs->workers = call->acc != NULL;
	needs->what = SNAPSHOT_CACHES;
}

static void
names(struct json_out *j, const struct facts *f)
{
	size_t i;

	json_key(j, "accounts");
	json_array_begin(j);
	for (i = 0; i < f->naccounts; i++)
		json_str(j, str_of(f->accounts[i].name));
	json_array_end(j);
}

/* ---- mappings ---- */

static bool
is_destination(const struct access_mapping *m, struct str subject)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		if (str_eq(m->at[i].subject, subject))
			return (true);
	}
	return (false);
}

/* What the weights leave goes on as it was published, unless the source is among the destinations. */
static int
add_rest(const struct access_mapping *m, struct target *to, size_t *n, uint32_t total)
{
	struct target *t = &to[*n];

	if (total == 100 || is_destination(m, m->source))
		return (0);
	*t = (struct target){ .subject = m->source, .weight = 100 - total };
	if (subject_has_wildcard(m->source)) {
		if ((t->own = transform_tokenize(m->source)) == NULL)
			return (-1);
		t->subject = str_of(t->own);
	}
	++*n;
	return (0);
}

/* Small weights first; equal ones stay in their order. */
static void
order(struct target *t, size_t n)
{
	struct target one;
	size_t i, k;

	for (i = 1; i < n; i++) {
		one = t[i];
		for (k = i; k > 0 && t[k - 1].weight > one.weight; k--)
			t[k] = t[k - 1];
		t[k] = one;
	}
}

static void
target_json(struct json_out *j, const struct target *t, struct str cluster, uint32_t sum)
{
	json_object_begin(j);
	json_kstr(j, "subject", t->subject);
	json_ku64(j, "weight", sum);
	json_kstr_oe(j, "cluster", cluster);
	json_object_end(j);
}

/* The destinations for one cluster, empty: for all others; to[] has room for one more of them. */
static int
targets(struct json_out *j, const struct access_mapping *m, struct str cluster, struct target *to)
{
	uint32_t total = 0, sum = 0;
	size_t i, n = 0;
	int rc;

	for (i = 0; i < m->n; i++) {
		if (!str_eq(m->at[i].cluster, cluster))
			continue;
		to[n++] = (struct target){ .subject = m->at[i].subject, .weight = m->at[i].weight };
		total += m->at[i].weight;
	}
	rc = add_rest(m, to, &n, total);
	order(to, n);
	for (i = 0; i < n; i++) {
		sum += to[i].weight;
		target_json(j, &to[i], cluster, sum);
		free(to[i].own);
	}
	return (rc);
}

static bool
first_of_cluster(const struct access_mapping *m, size_t at)
{
	size_t i;

	for (i = 0; i < at; i++) {
		if (str_eq(m->at[i].cluster, m->at[at].cluster))
			return (false);
	}
	return (m->at[at].cluster.n > 0);
}

static int
mapping_json(struct json_out *j, const struct access_mapping *m)
{
	struct target *to = calloc(m->n + 1, sizeof(*to));
	size_t i;
	int rc;

	if (to == NULL)
		return (-1);
	json_key_str(j, m->source);
	json_array_begin(j);
	rc = targets(j, m, STR_NONE, to);
	for (i = 0; rc == 0 && i < m->n; i++) {
		if (first_of_cluster(m, i))
			rc = targets(j, m, m->at[i].cluster, to);
	}
	json_array_end(j);
	free(to);
	return (rc);
}

static int
by_source(const void *a, const void *b)
{
	const struct access_mapping *x = *(const struct access_mapping *const *)a;
	const struct access_mapping *y = *(const struct access_mapping *const *)b;

	return (str_cmp(x->source, y->source));
}

static int
mappings_json(struct json_out *j, const struct access_account *a)
{
	const struct access_mapping **list;
	size_t i;
	int rc = 0;

	if (a->nmappings == 0)
		return (0);
	if ((list = calloc(a->nmappings, sizeof(*list))) == NULL)
		return (-1);
	for (i = 0; i < a->nmappings; i++)
		list[i] = &a->mappings[i];
	qsort(list, a->nmappings, sizeof(*list), by_source);
	json_key(j, "mappings");
	json_object_begin(j);
	for (i = 0; rc == 0 && i < a->nmappings; i++)
		rc = mapping_json(j, list[i]);
	json_object_end(j);
	free(list);
	return (rc);
}

/* ---- one account ---- */

static int
detail(struct json_out *j, const struct facts *f, const struct facts_account *a)
{
	struct trie_cache_stats cache = facts_cache(f, a);
	int rc;

	json_key(j, "account_detail");
	json_object_begin(j);
	json_kstr(j, "account_name", str_of(a->name));
	json_ktime(j, "update_time", (struct wall){ .ns = f->o->config_load_wall_ns }, false);
	json_kbool_oe(j, "is_system", facts_is_system(f, a));
	json_kbool(j, "expired", false);
	json_kbool(j, "complete", true);
	json_kbool(j, "jetstream_enabled", false);
	json_ku64(j, "leafnode_connections", 0);
	json_ku64(j, "client_connections", a->conns);
	json_ku64(j, "subscriptions", a->stats.subs);
	rc = mappings_json(j, a->said);
	json_kstr(j, "name_tag", str_of(a->name));
	json_key(j, "sublist_stats");
	json_object_begin(j);
	page_sublist_json(j, &a->stats, &cache);
	json_object_end(j);
	json_object_end(j);
	return (rc);
}

static int
accountz_build(struct page_call *call, const struct facts *f, struct buf *out)
{
	const struct facts_account *a = NULL;
	struct json_out j;
	int rc = 0;

	if (call->acc != NULL && (a = facts_account_named(f, str_of(call->acc))) == NULL) {
		call->status = 400;
		call->text = true;
		return (buf_addf(out, "Account %s does not exist", call->acc));
	}
	json_begin(&j, out, 2);
	json_object_begin(&j);
	json_kstr(&j, "server_id", str_of(f->o->server_id));
	json_ktime(&j, "now", f->now, false);
	json_kstr_oe(&j, "system_account", facts_system_account(f));
	if (a == NULL)
		names(&j, f);
	else
		rc = detail(&j, f, a);
	page_natsd(&j, call, f);
	json_object_end(&j);
	return (rc != 0 ? rc : json_end(&j));
}

const struct page page_accountz = {
	.path = "/accountz",
	.counter = FACTS_ACCOUNTZ,
	.count_first = true,
	.parse = accountz_parse,
	.needs = accountz_needs,
	.build = accountz_build,
};
