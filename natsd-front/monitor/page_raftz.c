/*
 * /raftz: replicated groups (14.1), of which a server without JetStream has had none.
 */
#include "config.h"

#include "natsd-front/monitor/page.h"

static int
raftz_build(struct page_call *call, const struct facts *f, struct buf *out)
{
	(void)f;
	call->status = 404;
	call->text = true;
	return (buf_add_str(out, STR("No Raft nodes registered")));
}

const struct page page_raftz = {
	.path = "/raftz",
	.counter = FACTS_UNCOUNTED,
	.build = raftz_build,
};
