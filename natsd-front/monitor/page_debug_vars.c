/*
 * /debug/vars: what is left of Go's expvar (14.4): the program and its memory, in Go's names.
 *
 * Without the arguments of the command line, which may hold passwords.
 */
#include "config.h"

#include "natsd-front/monitor/page.h"

static void
debug_vars_needs(const struct page_call *call, struct facts_needs *needs)
{
	(void)call;
	needs->usage = true;
}

static int
debug_vars_build(struct page_call *call, const struct facts *f, struct buf *out)
{
	struct buf own = BUF_INIT(PAGE_BYTES_MAX);
	struct json_out j;
	int rc;

	json_begin(&j, &own, 0);
	json_object_begin(&j);
	json_ku64(&j, "Sys", f->usage.rss_bytes);
	json_ku64(&j, "HeapSys", f->usage.rss_bytes);
	json_ku64(&j, "NumGC", 0);
	json_ku64(&j, "PauseTotalNs", 0);
	page_natsd(&j, call, f);
	json_object_end(&j);
	rc = json_end(&j);
	if (rc == 0)
		rc = buf_addf(out, "{\n\"cmdline\": [\"natsd-supervisor\"],\n\"memstats\": " STR_FMT "\n}\n",
		    STR_ARG(buf_str(&own)));
	buf_free(&own);
	return (rc);
}

const struct page page_debug_vars = {
	.path = "/debug/vars",
	.counter = FACTS_UNCOUNTED,
	.kind = PAGE_EXPVAR,
	.needs = debug_vars_needs,
	.build = debug_vars_build,
};
