/* Connections in /metrics: gnatsd_connz_*. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "natsd-front/monitor/page_metrics.h"

static uint64_t pending_of(const struct snapshot_conn *c) { return (c->pending_bytes); }
static uint64_t subs_of(const struct snapshot_conn *c) { return (c->nsubs); }
static uint64_t in_bytes_of(const struct snapshot_conn *c) { return (c->in_bytes); }
static uint64_t out_bytes_of(const struct snapshot_conn *c) { return (c->out_bytes); }
static uint64_t in_msgs_of(const struct snapshot_conn *c) { return (c->in_msgs); }
static uint64_t out_msgs_of(const struct snapshot_conn *c) { return (c->out_msgs); }

/* Shown as a sum over all connections, and of each. */
static const struct {
	const char *name;
	uint64_t (*value)(const struct snapshot_conn *);
	enum metrics_type type;
} summed[] = {
	{ "pending_bytes", pending_of, METRICS_GAUGE },
	{ "subscriptions", subs_of, METRICS_GAUGE },
	{ "in_bytes", in_bytes_of, METRICS_COUNTER },
	{ "out_bytes", out_bytes_of, METRICS_COUNTER },
	{ "in_msgs", in_msgs_of, METRICS_COUNTER },
	{ "out_msgs", out_msgs_of, METRICS_COUNTER },
};

static int64_t
start_of(const struct snapshot_conn *c, const struct facts *f)
{
	(void)f;
	return (c->start_wall_ns / NS_PER_MS);
}

static int64_t
active_of(const struct snapshot_conn *c, const struct facts *f)
{
	(void)f;
	return (c->last_wall_ns / NS_PER_MS);
}

static int64_t
rtt_of(const struct snapshot_conn *c, const struct facts *f)
{
	(void)f;
	return (c->rtt_ns / NS_PER_US);
}

/* The exporter reads them from texts of whole seconds. */
static int64_t
uptime_of(const struct snapshot_conn *c, const struct facts *f)
{
	return ((f->now.ns - c->start_wall_ns) / NS_PER_S * 1000);
}

static int64_t
idle_of(const struct snapshot_conn *c, const struct facts *f)
{
	return ((f->now.ns - c->last_wall_ns) / NS_PER_S * 1000);
}

static const struct {
	const char *name, *help;
	int64_t (*value)(const struct snapshot_conn *, const struct facts *);
	enum metrics_type type;
} of_each[] = {
	{ "start", "epoch time at which the connection was started, in milliseconds", start_of,
	    METRICS_UNTYPED },
	{ "last_activity", "epoch time of the last activity, in milliseconds", active_of,
	    METRICS_UNTYPED },
	{ "rtt", "round trip time in microseconds", rtt_of, METRICS_GAUGE },
	{ "uptime", "uptime in milliseconds", uptime_of, METRICS_UNTYPED },
	{ "idle", "idle time in milliseconds", idle_of, METRICS_GAUGE },
};

/* The connections that are shown one by one. */
struct chosen {
	const struct snapshot_conn **at;
	size_t n;
};

static int
by_cid(const void *a, const void *b)
{
	uint64_t x = (*(const struct snapshot_conn *const *)a)->cid;
	uint64_t y = (*(const struct snapshot_conn *const *)b)->cid;

	return ((x > y) - (x < y));
}

static int
choose(struct chosen *l, const struct page_metrics *o, const struct facts *f)
{
	const struct snapshot_part *part;
	unsigned i;
	uint32_t k;

	l->at = calloc(facts_conns(f) + 1, sizeof(*l->at));
	if (l->at == NULL)
		return (-1);
	for (i = 0; i < f->workers->nparts; i++) {
		part = &f->workers->parts[i];
		for (k = 0; k < part->nconns; k++)
			l->at[l->n++] = &part->conns[k];
	}
	qsort(l->at, l->n, sizeof(*l->at), by_cid);
	if ((uint64_t)o->limit < l->n)
		l->n = (size_t)o->limit;
	return (0);
}

static void
number_label(struct metrics *m, const char *name, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
	metrics_label(m, name, str_of(text));
}

static struct str
or_empty(const char *s)
{
	return (s == NULL ? STR_NONE : str_of(s));
}

static void
begin_conn(struct metrics *m, const struct facts *f, const struct snapshot_conn *c)
{
	metrics_sample(m);
	metrics_label(m, "server_id", str_of(f->o->server_id));
	number_label(m, "cid", c->cid);
	metrics_label(m, "kind", str_of(c->kind));
	metrics_label(m, "type", str_of(c->type));
	metrics_label(m, "ip", str_of(c->ip));
	number_label(m, "port", c->port);
	metrics_label(m, "name", or_empty(c->name));
	metrics_label(m, "name_tag", str_of(c->account));
	metrics_label(m, "account", str_of(c->account));
	metrics_label(m, "account_id", str_of(c->account));
	metrics_label(m, "lang", or_empty(c->lang));
	metrics_label(m, "version", or_empty(c->version));
	metrics_label(m, "tls_version", or_empty(c->tls_version));
	metrics_label(m, "tls_cipher_suite", or_empty(c->tls_cipher));
}

static uint64_t
sum_of(const struct facts *f, uint64_t (*value)(const struct snapshot_conn *))
{
	const struct snapshot_part *part;
	uint64_t sum = 0;
	unsigned i;
	uint32_t k;

	for (i = 0; i < f->workers->nparts; i++) {
		part = &f->workers->parts[i];
		for (k = 0; k < part->nconns; k++)
			sum += value(&part->conns[k]);
	}
	return (sum);
}

static void
one(struct metrics *m, const struct facts *f, const char *name, uint64_t v)
{
	metrics_family(m, "gnatsd_connz", str_of(name), METRICS_GAUGE, NULL);
	metrics_sample(m);
	metrics_label(m, "server_id", str_of(f->o->server_id));
	metrics_u64(m, v);
}

static void
sums(struct metrics *m, const struct facts *f, const struct chosen *l)
{
	unsigned i;
	size_t k;

	for (i = 0; i < sizeof(summed) / sizeof(summed[0]); i++) {
		metrics_family(m, "gnatsd_connz", str_of(summed[i].name), summed[i].type, NULL);
		metrics_sample(m);
		metrics_label(m, "server_id", str_of(f->o->server_id));
		metrics_u64(m, sum_of(f, summed[i].value));
		for (k = 0; k < l->n; k++) {
			begin_conn(m, f, l->at[k]);
			metrics_u64(m, summed[i].value(l->at[k]));
		}
	}
}

static void
each(struct metrics *m, const struct facts *f, const struct chosen *l)
{
	unsigned i;
	size_t k;

	for (i = 0; i < sizeof(of_each) / sizeof(of_each[0]); i++) {
		metrics_family(m, "gnatsd_connz", str_of(of_each[i].name), of_each[i].type,
		    of_each[i].help);
		for (k = 0; k < l->n; k++) {
			begin_conn(m, f, l->at[k]);
			metrics_i64(m, of_each[i].value(l->at[k], f));
		}
	}
}

int
page_metrics_connz(struct metrics *m, const struct page_metrics *o, const struct facts *f)
{
	struct chosen l = { .n = 0 };

	if (o->detailed && choose(&l, o, f) != 0)
		return (-1);
	one(m, f, "num_connections", facts_conns(f));
	one(m, f, "total", facts_conns(f));
	one(m, f, "offset", 0);
	one(m, f, "limit", (uint64_t)o->limit);
	sums(m, f, &l);
	if (o->detailed)
		each(m, f, &l);
	free(l.at);
	return (0);
}
