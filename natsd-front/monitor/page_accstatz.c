/*
 * /accstatz: what the clients of each account did (10).
 */
#include "config.h"

#include "natsd-front/monitor/page.h"
#include "natsd-front/tally.h"

static int
accstatz_parse(struct page_call *call)
{
	return (params_bool(&call->params, "unused", &call->unused));
}

static void
accstatz_needs(const struct page_call *call, struct facts_needs *needs)
{
	(void)call;
	needs->workers = needs->accounts = true;
	needs->what = SNAPSHOT_COUNTERS | SNAPSHOT_TALLIES;
}

static void
flow(struct json_out *j, const char *key, uint64_t msgs, uint64_t bytes)
{
	json_key(j, key);
	json_object_begin(j);
	json_ku64(j, "msgs", msgs);
	json_ku64(j, "bytes", bytes);
}

/* What came and went by way of other servers is nothing. */
static void
flows(struct json_out *j, const char *key, uint64_t msgs, uint64_t bytes)
{
	static const char *const kinds[] = { "gateways", "routes", "leafs" };
	unsigned i;

	flow(j, key, msgs, bytes);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		flow(j, kinds[i], 0, 0);
		json_object_end(j);
	}
	json_object_end(j);
}

static void
account(struct json_out *j, const struct facts *f, const struct facts_account *a)
{
	struct tally t = facts_tally(f, a);

	json_object_begin(j);
	json_kstr(j, "acc", str_of(a->name));
	json_kstr(j, "name", str_of(a->name));
	json_ku64(j, "conns", a->conns);
	json_ku64(j, "leafnodes", 0);
	json_ku64(j, "total_conns", a->conns);
	json_ku64(j, "num_subscriptions", a->stats.subs);
	flows(j, "sent", t.out_msgs, t.out_bytes);
	flows(j, "received", t.in_msgs, t.in_bytes);
	json_ku64(j, "slow_consumers", t.slow_consumers);
	json_object_end(j);
}

static int
accstatz_build(struct page_call *call, const struct facts *f, struct buf *out)
{
	struct json_out j;
	size_t i;

	json_begin(&j, out, 2);
	json_object_begin(&j);
	json_kstr(&j, "server_id", str_of(f->o->server_id));
	json_ktime(&j, "now", f->now, false);
	json_key(&j, "account_statz");
	json_array_begin(&j);
	for (i = 0; i < f->naccounts; i++) {
		if (call->unused || f->accounts[i].conns != 0)
			account(&j, f, &f->accounts[i]);
	}
	json_array_end(&j);
	page_natsd(&j, call, f);
	json_object_end(&j);
	return (json_end(&j));
}

const struct page page_accstatz = {
	.path = "/accstatz",
	.counter = FACTS_ACCSTATZ,
	.count_first = true,
	.parse = accstatz_parse,
	.needs = accstatz_needs,
	.build = accstatz_build,
};
