/*
 * /routez: routes to other servers of the cluster (5).
 */
#include "config.h"

#include "natsd-front/monitor/page.h"

static int
routez_parse(struct page_call *call)
{
	bool subs = false, detail = false; /* of routes */

	return (page_parse_subs(&call->params, &subs, &detail));
}

/* A server without a cluster has none. */
static int
routez_build(struct page_call *call, const struct facts *f, struct buf *out)
{
	const struct options *o = f->o;
	struct json_out j;

	json_begin(&j, out, 2);
	json_object_begin(&j);
	json_kstr(&j, "server_id", str_of(o->server_id));
	json_kstr(&j, "server_name", str_of(o->server_name[0] != '\0' ? o->server_name : o->server_id));
	json_ktime(&j, "now", f->now, false);
	json_ku64(&j, "num_routes", 0);
	json_key(&j, "routes");
	json_array_begin(&j);
	json_array_end(&j);
	page_natsd(&j, call, f);
	json_object_end(&j);
	return (json_end(&j));
}

const struct page page_routez = {
	.path = "/routez",
	.counter = FACTS_ROUTEZ,
	.parse = routez_parse,
	.build = routez_build,
};
