/*
 * /metrics: what prometheus-nats-exporter makes of the pages /varz, /connz, /subsz, /accstatz and
 * /healthz, under the same names, without it; and natsd's own.
 *
 * Like the exporter, it makes a metric of every number of a page, named by its path; so a number
 * that a page gains is a metric at once.
 */
#include "config.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "natsd-front/monitor/metrics.h"
#include "natsd-front/monitor/page.h"
#include "natsd-front/monitor/page_metrics.h"
#include "natsd-front/tally.h"

#define DEPTH_MAX 8u /* of objects in a page */

/* Strings of a page that are shown, as a label of a sample whose value is 1. */
static const char *const shown[] = { "server_id", "server_name", "version", "domain", "leader",
	"name" };

static int
metrics_parse(struct page_call *call)
{
	struct page_metrics *o = &call->metrics;
	char *connz = params_text(&call->params, "connz");
	int64_t offset = 0;

	o->detailed = connz != NULL && strcmp(connz, "detailed") == 0;
	free(connz);
	if (params_int(&call->params, "limit", &o->limit) != 0)
		return (-1);
	page_range(&offset, &o->limit);
	return (0);
}

static void
metrics_needs(const struct page_call *call, struct facts_needs *needs)
{
	(void)call;
	needs->workers = needs->usage = needs->accounts = true;
	needs->what = SNAPSHOT_COUNTERS | SNAPSHOT_CONNS | SNAPSHOT_TALLIES | SNAPSHOT_LOAD;
}

/* ---- pages of numbers ---- */

struct flat {
	struct metrics *m;
	const char *prefix;
	struct str server_id;
	char path[METRICS_NAME_MAX];
};

static void flatten(struct flat *, const json_t *, size_t at, unsigned depth);

static bool
is_shown(const char *key)
{
	unsigned i;

	for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		if (strcmp(shown[i], key) == 0)
			return (true);
	}
	return (false);
}

static void
number(const struct flat *f, const json_t *v)
{
	metrics_family(f->m, f->prefix, str_of(f->path), METRICS_GAUGE, NULL);
	metrics_sample(f->m);
	metrics_label(f->m, "server_id", f->server_id);
	if (json_is_integer(v))
		metrics_i64(f->m, json_integer_value(v));
	else
		metrics_num(f->m, json_real_value(v));
}

static void
text(const struct flat *f, const json_t *v)
{
	metrics_family(f->m, f->prefix, str_of(f->path), METRICS_GAUGE, NULL);
	metrics_sample(f->m);
	metrics_label(f->m, "server_id", f->server_id);
	metrics_label(f->m, "value",
	    (struct str){ .p = json_string_value(v), .n = json_string_length(v) });
	metrics_u64(f->m, 1);
}

static void
member(struct flat *f, const char *key, const json_t *v, size_t at, unsigned depth)
{
	size_t n = strlen(key);

	if (at + n + 2 > sizeof(f->path))
		return;
	memcpy(f->path + at, key, n + 1);
	if (json_is_number(v)) {
		number(f, v);
	} else if (json_is_string(v) && is_shown(key)) {
		text(f, v);
	} else if (json_is_object(v) && depth < DEPTH_MAX && strcmp(f->path, "natsd") != 0) {
		f->path[at + n] = '_';
		flatten(f, v, at + n + 1, depth + 1);
	}
}

static void
flatten(struct flat *f, const json_t *object, size_t at, unsigned depth)
{
	const char *key;
	json_t *v, *o = (json_t *)(uintptr_t)object; /* the macro only reads */

	json_object_foreach (o, key, v)
		member(f, key, v, at, depth);
}

static int
flatten_page(struct metrics *m, const char *prefix, const struct page *page, const struct facts *f)
{
	struct page_call call;
	struct flat flat = { .m = m, .prefix = prefix, .server_id = str_of(f->o->server_id) };
	struct buf json = BUF_INIT(PAGE_BYTES_MAX);
	json_t *j = NULL;

	if (page_begin(&call, page, STR_NONE) == 0 && page->build(&call, f, &json) == 0)
		j = json_loadb((const char *)json.data, json.len, 0, NULL);
	if (j != NULL)
		flatten(&flat, j, 0, 0);
	else
		m->failed = true;
	json_decref(j);
	buf_free(&json);
	page_end(&call);
	return (m->failed ? -1 : 0);
}

/* The exporter has these, of all the texts of a page, in milliseconds since the epoch. */
static void
times(struct metrics *m, const struct facts *f)
{
	metrics_family(m, "gnatsd_varz", STR("start"), METRICS_GAUGE, NULL);
	metrics_sample(m);
	metrics_label(m, "server_id", str_of(f->o->server_id));
	metrics_i64(m, f->o->start_wall_ns / NS_PER_MS);
	metrics_family(m, "gnatsd_varz", STR("config_load_time"), METRICS_GAUGE, NULL);
	metrics_sample(m);
	metrics_label(m, "server_id", str_of(f->o->server_id));
	metrics_i64(m, f->o->config_load_wall_ns / NS_PER_MS);
}

/* ---- accounts ---- */

struct account_figures {
	const struct facts_account *a;
	struct tally t;
};

static uint64_t conns_of(const struct account_figures *a) { return (a->a->conns); }
static uint64_t subs_of(const struct account_figures *a) { return (a->a->stats.subs); }
static uint64_t nothing_of(const struct account_figures *a) { (void)a; return (0); }
static uint64_t sent_msgs_of(const struct account_figures *a) { return (a->t.out_msgs); }
static uint64_t sent_bytes_of(const struct account_figures *a) { return (a->t.out_bytes); }
static uint64_t received_msgs_of(const struct account_figures *a) { return (a->t.in_msgs); }
static uint64_t received_bytes_of(const struct account_figures *a) { return (a->t.in_bytes); }
static uint64_t slow_of(const struct account_figures *a) { return (a->t.slow_consumers); }

static const struct {
	const char *name;
	uint64_t (*value)(const struct account_figures *);
} account_metrics[] = {
	{ "current_connections", conns_of },
	{ "total_connections", conns_of },
	{ "subscriptions", subs_of },
	{ "leaf_nodes", nothing_of },
	{ "sent_messages", sent_msgs_of },
	{ "sent_bytes", sent_bytes_of },
	{ "received_messages", received_msgs_of },
	{ "received_bytes", received_bytes_of },
	{ "slow_consumers", slow_of },
};

static void
account_labels(struct metrics *m, const struct facts *f, const struct facts_account *a)
{
	metrics_label(m, "server_id", str_of(f->o->server_id));
	metrics_label(m, "account", str_of(a->name));
	metrics_label(m, "account_id", str_of(a->name));
	metrics_label(m, "account_name", str_of(a->name));
}

static int
accounts(struct metrics *m, const struct facts *f)
{
	struct account_figures *list = calloc(f->naccounts + 1, sizeof(*list));
	unsigned i;
	size_t k;

	if (list == NULL)
		return (-1);
	for (k = 0; k < f->naccounts; k++) {
		list[k].a = &f->accounts[k];
		list[k].t = facts_tally(f, &f->accounts[k]);
	}
	for (i = 0; i < sizeof(account_metrics) / sizeof(account_metrics[0]); i++) {
		metrics_family(m, "gnatsd_accstatz", str_of(account_metrics[i].name),
		    METRICS_GAUGE, NULL);
		for (k = 0; k < f->naccounts; k++) {
			metrics_sample(m);
			account_labels(m, f, list[k].a);
			metrics_u64(m, account_metrics[i].value(&list[k]));
		}
	}
	free(list);
	return (0);
}

/* ---- all of it ---- */

static void
health(struct metrics *m, const struct facts *f)
{
	metrics_family(m, "gnatsd_healthz", STR("status"), METRICS_GAUGE, NULL);
	metrics_sample(m);
	metrics_label(m, "server_id", str_of(f->o->server_id));
	metrics_u64(m, !f->listening); /* 0 is well */
}

static int
metrics_build(struct page_call *call, const struct facts *f, struct buf *out)
{
	struct metrics m;

	metrics_begin(&m, out);
	if (flatten_page(&m, "gnatsd_varz", &page_varz, f) != 0)
		return (-1);
	times(&m, f);
	if (flatten_page(&m, "gnatsd_subsz", &page_subsz, f) != 0 ||
	    page_metrics_connz(&m, &call->metrics, f) != 0 || accounts(&m, f) != 0)
		return (-1);
	health(&m, f);
	page_metrics_natsd(&m, f);
	return (metrics_end(&m));
}

const struct page page_metrics = {
	.path = "/metrics",
	.counter = FACTS_UNCOUNTED,
	.kind = PAGE_METRICS,
	.parse = metrics_parse,
	.needs = metrics_needs,
	.build = metrics_build,
};
