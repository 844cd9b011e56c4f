/*
 * /gatewayz: connections to other clusters (6).
 */
#include "config.h"

#include "natsd-front/monitor/page.h"

static int
gatewayz_parse(struct page_call *call)
{
	bool subs = false, detail = false, accounts = false; /* of gateways */

	if (page_parse_subs(&call->params, &subs, &detail) != 0)
		return (-1);
	return (params_bool(&call->params, "accs", &accounts));
}

static void
none(struct json_out *j, const char *key)
{
	json_key(j, key);
	json_object_begin(j);
	json_object_end(j);
}

/* A server without gateways has neither a name among them nor connections, whichever is asked for. */
static int
gatewayz_build(struct page_call *call, const struct facts *f, struct buf *out)
{
	struct json_out j;

	json_begin(&j, out, 2);
	json_object_begin(&j);
	json_kstr(&j, "server_id", str_of(f->o->server_id));
	json_ktime(&j, "now", f->now, false);
	none(&j, "outbound_gateways");
	none(&j, "inbound_gateways");
	page_natsd(&j, call, f);
	json_object_end(&j);
	return (json_end(&j));
}

const struct page page_gatewayz = {
	.path = "/gatewayz",
	.counter = FACTS_GATEWAYZ,
	.count_first = true,
	.parse = gatewayz_parse,
	.build = gatewayz_build,
};
