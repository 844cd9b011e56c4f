/*
 * The root page: a plain list of links, in ASCII.
 */
#include "config.h"

#include "natsd-front/monitor/http_url.h"
#include "natsd-front/monitor/page.h"

#define SOURCE "https://github.com/nats-io/nats-server/tree/v" NATS_VERSION
#define HELP "https://docs.nats.io/running-a-nats-service/nats_admin/monitoring"

static const struct {
	const char *path, *label;
} links[] = {
	{ "/varz", "General" },
	{ "/jsz", "JetStream" },
	{ "/connz", "Connections" },
	{ "/accountz", "Accounts" },
	{ "/accstatz", "Account Stats" },
	{ "/subsz", "Subscriptions" },
	{ "/routez", "Routes" },
	{ "/leafz", "LeafNodes" },
	{ "/gatewayz", "Gateways" },
	{ "/raftz", "Raft Groups" },
	{ "/healthz", "Health Probe" },
	{ "/debug/vars", "Expvar" },
};

static int
root_build(struct page_call *call, const struct facts *f, struct buf *out)
{
	struct buf base = BUF_INIT(4096), shown = BUF_INIT(65536);
	unsigned i;
	int rc = -1;

	(void)call;
	if (http_base_clean(str_of(f->o->http_base_path), &base) != 0)
		goto out;
	if (base.len > 1 && http_path_encode(buf_str(&base), &shown) != 0)
		goto out;
	if (buf_add_str(out, STR("<html lang=\"en\">\n<head>\n<title>natsd</title>\n"
		"<style>a { display: block }</style>\n</head>\n<body>\n"
		"<a href=\"" SOURCE "\">v" NATS_VERSION "</a>\n")) != 0)
		goto out;
	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		if (buf_addf(out, "<a href=." STR_FMT "%s>%s</a>\n", (int)shown.len,
			shown.len == 0 ? "" : (const char *)shown.data, links[i].path,
			links[i].label) != 0)
			goto out;
	}
	rc = buf_add_str(out, STR("<a href=\"" HELP "\">Help</a>\n</body>\n</html>\n"));
out:
	buf_free(&base);
	buf_free(&shown);
	return (rc);
}

const struct page page_root = {
	.path = "/",
	.counter = FACTS_ROOT,
	.count_first = true,
	.kind = PAGE_HTML,
	.build = root_build,
};
