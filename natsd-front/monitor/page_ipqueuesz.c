/*
 * /ipqueuesz: what waits inside the server (14.2).
 */
#include "config.h"

#include <string.h>

#include "natsd-front/monitor/page.h"

#define EVENTS "SendQ" /* nats-server's queue of what it publishes itself */

static int
ipqueuesz_parse(struct page_call *call)
{
	if (params_bool(&call->params, "all", &call->all) != 0)
		return (-1);
	call->queues = params_text(&call->params, "queues");
	return (0);
}

/* An event is delivered in the turn that makes it (own_msg.h): none ever waits. */
static int
ipqueuesz_build(struct page_call *call, const struct facts *f, struct buf *out)
{
	bool wanted = call->queues == NULL || strstr(EVENTS, call->queues) != NULL;
	struct json_out j;

	json_begin(&j, out, 3);
	json_object_begin(&j);
	if (call->all && wanted && facts_system_account(f).n > 0) {
		json_key(&j, EVENTS);
		json_object_begin(&j);
		json_ku64(&j, "pending", 0);
		json_object_end(&j);
	}
	page_natsd(&j, call, f);
	json_object_end(&j);
	return (json_end(&j));
}

const struct page page_ipqueuesz = {
	.path = "/ipqueuesz",
	.counter = FACTS_UNCOUNTED,
	.parse = ipqueuesz_parse,
	.build = ipqueuesz_build,
};
