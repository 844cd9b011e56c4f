/*
 * /jsz: JetStream (11), which is off.
 */
#include "config.h"

#include "natsd-front/monitor/page.h"

static int
parse_bools(struct params *p, const char *const *keys, unsigned n, bool *last)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		if (params_bool(p, keys[i], last) != 0)
			return (-1);
	}
	return (0);
}

/* In the order in which nats-server finds fault.  Who is off leads nobody. */
static int
jsz_parse(struct page_call *call)
{
	static const char *const what[] = { "accounts", "streams", "consumers",
		"direct-consumers", "config" };
	static const char *const which[] = { "raft", "stream-leader-only" };
	struct params *p = &call->params;
	int64_t offset = 0, limit = 0;
	bool shown = false, leader = false;

	if (parse_bools(p, what, sizeof(what) / sizeof(what[0]), &shown) != 0 ||
	    params_int(p, "offset", &offset) != 0 || params_int(p, "limit", &limit) != 0 ||
	    params_bool(p, "leader-only", &leader) != 0 ||
	    parse_bools(p, which, sizeof(which) / sizeof(which[0]), &shown) != 0)
		return (-1);
	return (leader ? params_refuse(p, "filtered response: not leader") : 0);
}

static void
nothing(struct json_out *j, const char *const *keys, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		json_ku64(j, keys[i], 0);
}

static int
jsz_build(struct page_call *call, const struct facts *f, struct buf *out)
{
	static const char *const used[] = { "memory", "storage", "reserved_memory", "reserved_storage",
		"accounts", "ha_assets" };
	static const char *const requests[] = { "level", "total", "errors" };
	static const char *const limits[] = { "max_memory", "max_storage" };
	static const char *const held[] = { "streams", "consumers", "messages", "bytes", "total" };
	struct json_out j;

	json_begin(&j, out, 2);
	json_object_begin(&j);
	nothing(&j, used, sizeof(used) / sizeof(used[0]));
	json_key(&j, "api");
	json_object_begin(&j);
	nothing(&j, requests, sizeof(requests) / sizeof(requests[0]));
	json_object_end(&j);
	json_kstr(&j, "server_id", str_of(f->o->server_id));
	json_ktime(&j, "now", f->now, false);
	json_kbool(&j, "disabled", true);
	json_key(&j, "config");
	json_object_begin(&j);
	nothing(&j, limits, sizeof(limits) / sizeof(limits[0]));
	json_object_end(&j);
	nothing(&j, held, sizeof(held) / sizeof(held[0]));
	page_natsd(&j, call, f);
	json_object_end(&j);
	return (json_end(&j));
}

const struct page page_jsz = {
	.path = "/jsz",
	.counter = FACTS_JSZ,
	.count_first = true,
	.parse = jsz_parse,
	.build = jsz_build,
};
