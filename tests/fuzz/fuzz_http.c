/*
 * A request as it comes in, perhaps with something behind it: head, target, path, query, the options of
 * every page, and what /metrics makes of any text.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "natsd-front/monitor/http_request.h"
#include "natsd-front/monitor/http_url.h"
#include "natsd-front/monitor/metrics.h"
#include "natsd-front/monitor/page.h"
#include "tests/fuzz/fuzz.h"

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* A cleaned path is clean. */
static void
clean_twice(struct str path)
{
	struct buf once = BUF_INIT(1u << 20), twice = BUF_INIT(1u << 20);

	must(http_path_clean(path, &once) == 0);
	must(once.len > 0 && once.data[0] == '/');
	must(http_path_clean(buf_str(&once), &twice) == 0);
	must(str_eq(buf_str(&once), buf_str(&twice)));
	must(http_base_clean(path, &once) == 0);
	must(once.len == 1 || once.data[once.len - 1] != '/');
	buf_free(&once);
	buf_free(&twice);
}

/* What goes into a header line or a page has lost everything that could end either. */
static void
harmless(struct str s)
{
	struct buf out = BUF_INIT(1u << 22);
	size_t i;

	must(http_path_encode(s, &out) == 0);
	for (i = 0; i < out.len; i++)
		must(out.data[i] > 0x20 && out.data[i] < 0x7f && out.data[i] != '"');
	out.len = 0;
	must(http_html(s, &out) == 0);
	for (i = 0; i < out.len; i++)
		must(out.data[i] != '<' && out.data[i] != '"');
	buf_free(&out);
}

/* A refused option says why; what was taken is in bounds. */
static void
options_of(const char *path, struct str query)
{
	struct page_call call;

	if (page_begin(&call, page_find(str_of(path)), query) != 0) {
		must(call.params.error.len > 0);
	} else {
		must(call.connz.offset >= 0 && call.subsz.offset >= 0);
		must(call.connz.sort == NULL || call.connz.limit > 0);
		must(call.page != &page_subsz || call.subsz.limit > 0);
		must(call.page != &page_metrics || call.metrics.limit > 0);
	}
	page_end(&call);
}

static void
options_of_pages(struct str query)
{
	static const char *const paths[] = { "/", "/varz", "/connz", "/subsz", "/accountz",
		"/accstatz", "/healthz", "/metrics" };
	unsigned i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		options_of(paths[i], query);
}

/* One line, whose value is behind the one bare quote that ends the label. */
static void
sample(struct str s)
{
	struct buf out = BUF_INIT(1u << 22);
	struct metrics m;
	size_t i, quotes = 0;

	metrics_begin(&m, &out);
	metrics_sample(&m);
	metrics_label(&m, "a", s);
	metrics_u64(&m, 1);
	must(metrics_end(&m) == 0 && out.data[out.len - 1] == '\n');
	for (i = 0; i + 1 < out.len; i++) {
		must(out.data[i] != '\n');
		if (out.data[i] == '\\')
			i++;
		else
			quotes += out.data[i] == '"';
	}
	must(quotes == 2);
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { .p = (const char *)data, .n = size }, path, query;
	size_t end = size == 0 ? 0 : http_head_end(in, 0), half;
	struct buf out = BUF_INIT(1u << 20);
	struct http_request r;
	const char *why;

	must(end <= size);
	for (half = 0; half < size && half < 64; half++)
		must(http_head_end(in, half) == end || end == 0 || half > end);
	if (end == 0)
		return (0);
	in.n = end;
	if (http_request_parse(in, &r, &why) != 0) {
		must(why[0] >= '4' && why[0] <= '5');
		return (0);
	}
	harmless(r.target);
	if (http_target_split(r.target, &path, &query) != 0)
		return (0);
	must(path.n > 0 && path.n + query.n <= r.target.n);
	clean_twice(path);
	(void)http_path_decode(path, &out);
	options_of_pages(query);
	sample(in);
	(void)http_query_get(query, "limit", &out);
	(void)http_query_get(query, "", &out);
	buf_free(&out);
	return (0);
}
