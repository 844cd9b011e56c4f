/*
 * /leafz: leaf nodes (7).
 */
#include "config.h"

#include "natsd-front/monitor/page.h"

static int
leafz_parse(struct page_call *call)
{
	bool subs = false; /* of leaf nodes */

	return (params_bool(&call->params, "subs", &subs));
}

/* A server without leaf nodes has none, of whichever account. */
static int
leafz_build(struct page_call *call, const struct facts *f, struct buf *out)
{
	struct json_out j;

	json_begin(&j, out, 2);
	json_object_begin(&j);
	json_kstr(&j, "server_id", str_of(f->o->server_id));
	json_ktime(&j, "now", f->now, false);
	json_ku64(&j, "leafnodes", 0);
	json_key(&j, "leafs");
	json_array_begin(&j);
	json_array_end(&j);
	page_natsd(&j, call, f);
	json_object_end(&j);
	return (json_end(&j));
}

const struct page page_leafz = {
	.path = "/leafz",
	.counter = FACTS_LEAFZ,
	.count_first = true,
	.parse = leafz_parse,
	.build = leafz_build,
};
