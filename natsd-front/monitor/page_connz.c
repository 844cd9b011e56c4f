/*
 * /connz: connections, open and closed (4).
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "natsd-front/monitor/page.h"

/* How a list is put into order; ties by connection id. */
struct connz_sort {
	const char *name;
	int64_t (*key)(const struct snapshot_conn *, const struct facts *);
	bool descending, closed_only;
	bool by_reason;
};

static int64_t
key_cid(const struct snapshot_conn *c, const struct facts *f)
{
	(void)f;
	return ((int64_t)c->cid);
}

static int64_t
key_subs(const struct snapshot_conn *c, const struct facts *f)
{
	(void)f;
	return (c->nsubs);
}

static int64_t
key_pending(const struct snapshot_conn *c, const struct facts *f)
{
	(void)f;
	return ((int64_t)c->pending_bytes);
}

static int64_t
key_msgs_to(const struct snapshot_conn *c, const struct facts *f)
{
	(void)f;
	return ((int64_t)c->out_msgs);
}

static int64_t
key_msgs_from(const struct snapshot_conn *c, const struct facts *f)
{
	(void)f;
	return ((int64_t)c->in_msgs);
}

static int64_t
key_bytes_to(const struct snapshot_conn *c, const struct facts *f)
{
	(void)f;
	return ((int64_t)c->out_bytes);
}

static int64_t
key_bytes_from(const struct snapshot_conn *c, const struct facts *f)
{
	(void)f;
	return ((int64_t)c->in_bytes);
}

static int64_t
key_last(const struct snapshot_conn *c, const struct facts *f)
{
	(void)f;
	return (c->last_wall_ns);
}

static int64_t
ended(const struct snapshot_conn *c, const struct facts *f)
{
	return (c->stop_wall_ns != 0 ? c->stop_wall_ns : f->now.ns);
}

static int64_t
key_idle(const struct snapshot_conn *c, const struct facts *f)
{
	return (f->now.ns - c->last_wall_ns);
}

static int64_t
key_uptime(const struct snapshot_conn *c, const struct facts *f)
{
	return (ended(c, f) - c->start_wall_ns);
}

static int64_t
key_stop(const struct snapshot_conn *c, const struct facts *f)
{
	(void)f;
	return (c->stop_wall_ns);
}

static int64_t
key_rtt(const struct snapshot_conn *c, const struct facts *f)
{
	(void)f;
	return (c->rtt_ns);
}

static const struct connz_sort sorts[] = {
	{ .name = "cid", .key = key_cid },
	{ .name = "start", .key = key_cid },
	{ .name = "subs", .key = key_subs, .descending = true },
	{ .name = "pending", .key = key_pending, .descending = true },
	{ .name = "msgs_to", .key = key_msgs_to, .descending = true },
	{ .name = "msgs_from", .key = key_msgs_from, .descending = true },
	{ .name = "bytes_to", .key = key_bytes_to, .descending = true },
	{ .name = "bytes_from", .key = key_bytes_from, .descending = true },
	{ .name = "last", .key = key_last, .descending = true },
	{ .name = "idle", .key = key_idle, .descending = true },
	{ .name = "uptime", .key = key_uptime },
	{ .name = "stop", .key = key_stop, .descending = true, .closed_only = true },
	{ .name = "reason", .key = key_cid, .closed_only = true, .by_reason = true },
	{ .name = "rtt", .key = key_rtt, .descending = true },
};

static int
parse_sort(struct page_connz *o, struct params *p)
{
	char *name = params_text(p, "sort");
	unsigned i;
	int rc = 0;

	o->sort = &sorts[0];
	if (name == NULL)
		return (0);
	for (i = 0; i < sizeof(sorts) / sizeof(sorts[0]); i++) {
		if (strcmp(sorts[i].name, name) == 0)
			break;
	}
	if (i == sizeof(sorts) / sizeof(sorts[0]))
		rc = params_refuse(p, "invalid sorting option: %s", name);
	else
		o->sort = &sorts[i];
	free(name);
	if (rc == 0 && o->sort->closed_only && o->state != PAGE_CLOSED)
		rc = params_refuse(p, "sort by %s only valid on closed connections", o->sort->name);
	return (rc);
}

static int
parse_state(struct page_connz *o, struct params *p)
{
	static const struct {
		const char *word;
		enum page_state state;
	} words[] = { { "open", PAGE_OPEN }, { "closed", PAGE_CLOSED }, { "any", PAGE_ALL },
		{ "all", PAGE_ALL } };
	char *text = params_text(p, "state");
	unsigned i;
	int rc = -1;

	if (text == NULL)
		return (0);
	for (i = 0; i < sizeof(words) / sizeof(words[0]) && rc != 0; i++) {
		if (strcasecmp(words[i].word, text) == 0) {
			o->state = words[i].state;
			rc = 0;
		}
	}
	if (rc != 0)
		params_refuse(p, "Error decoding state for %s", text);
	free(text);
	return (rc);
}

/* In the order in which nats-server finds fault. */
static int
connz_parse(struct page_call *call)
{
	struct page_connz *o = &call->connz;
	struct params *p = &call->params;

	if (params_bool(p, "auth", &o->auth) != 0 || page_parse_subs(p, &o->subs, &o->detail) != 0 ||
	    params_int(p, "offset", &o->offset) != 0 || params_int(p, "limit", &o->limit) != 0 ||
	    params_u64(p, "cid", &o->cid) != 0 || parse_state(o, p) != 0)
		return (-1);
	call->decoded = true;
	page_range(&o->offset, &o->limit);
	if (o->cid != 0)
		o->limit = 1;
	o->user = params_text(p, "user");
	o->acc = params_text(p, "acc");
	o->mqtt_client = params_text(p, "mqtt_client");
	return (parse_sort(o, p));
}

static void
connz_needs(const struct page_call *call, struct facts_needs *needs)
{
	const struct page_connz *o = &call->connz;

	needs->workers = true;
	needs->accounts = o->acc != NULL;
	needs->what = SNAPSHOT_COUNTERS;
	needs->subs = o->subs;
	needs->closed = o->state != PAGE_OPEN;
	if (o->state == PAGE_CLOSED)
		return;
	needs->what |= SNAPSHOT_CONNS | (o->subs ? SNAPSHOT_SUBS : 0);
	if (o->acc == NULL)
		needs->cid = o->cid; /* only the number is needed of the others */
}

/* What is shown: of all candidates those that pass, in order, a part of them. */
struct selection {
	const struct snapshot_conn **list;
	size_t n, size;
	size_t first, shown;
	uint64_t total;
	bool failed;
};

static bool
in_account(const struct page_connz *o, const struct snapshot_conn *c)
{
	if (o->acc == NULL)
		return (true);
	/* A closed connection of the global account has none on its record. */
	if (c->stop_wall_ns != 0 && strcmp(c->account, "$G") == 0)
		return (false);
	return (strcmp(c->account, o->acc) == 0);
}

/* Nobody has an MQTT client id yet. */
static bool
passes(const struct page_connz *o, const struct snapshot_conn *c)
{
	if (o->user != NULL && (c->user == NULL || strcmp(o->user, c->user) != 0))
		return (false);
	return (o->mqtt_client == NULL && (o->cid == 0 || o->cid == c->cid));
}

static void
consider(struct selection *s, const struct page_connz *o, const struct snapshot_conn *c)
{
	const struct snapshot_conn **list;
	size_t size;

	if (!in_account(o, c))
		return;
	s->total++;
	if (!passes(o, c) || s->failed || (o->cid != 0 && s->n == 1))
		return;
	if (s->n == s->size) {
		size = s->size == 0 ? 64 : s->size * 2;
		if ((list = reallocarray(s->list, size, sizeof(*list))) == NULL) {
			s->failed = true;
			return;
		}
		s->list = list;
		s->size = size;
	}
	s->list[s->n++] = c;
}

struct order {
	const struct connz_sort *sort;
	const struct facts *f;
};

static int
compare(const void *a, const void *b, void *ctx)
{
	const struct snapshot_conn *x = *(const struct snapshot_conn *const *)a;
	const struct snapshot_conn *y = *(const struct snapshot_conn *const *)b;
	const struct order *o = ctx;
	int64_t kx, ky;
	int by_reason;

	if (o->sort->by_reason && (by_reason = strcmp(x->reason, y->reason)) != 0)
		return (by_reason);
	kx = o->sort->key(x, o->f);
	ky = o->sort->key(y, o->f);
	if (kx != ky)
		return ((kx < ky) != o->sort->descending ? -1 : 1);
	return (x->cid < y->cid ? -1 : x->cid > y->cid);
}

/* The part of the list that offset and limit name; the sum of both may be more than a number. */
static void
cut_page(struct selection *s, const struct page_connz *o)
{
	s->first = (uint64_t)o->offset > s->n ? s->n : (size_t)o->offset;
	s->shown = s->n - s->first;
	if ((uint64_t)o->limit < s->shown)
		s->shown = (size_t)o->limit;
}

static struct selection
select_conns(const struct page_connz *o, const struct facts *f)
{
	struct selection s = { .list = NULL };
	struct order order = { .sort = o->sort, .f = f };
	const struct snapshot_part *part;
	unsigned i;
	size_t k;

	for (i = 0; i < f->workers->nparts; i++) {
		part = &f->workers->parts[i];
		for (k = 0; k < part->nconns; k++)
			consider(&s, o, &part->conns[k]);
	}
	if (o->acc == NULL && o->state != PAGE_CLOSED)
		s.total = facts_conns(f); /* of all, though only one was asked for */
	for (k = 0; k < f->nclosed; k++)
		consider(&s, o, &f->closed[k]);
	if (s.n > 0)
		qsort_r(s.list, s.n, sizeof(*s.list), compare, &order);
	cut_page(&s, o);
	return (s);
}

static void
subs_json(struct json_out *j, const struct page_connz *o, const struct snapshot_conn *c)
{
	uint32_t i;

	if (!o->subs || c->subs == NULL || c->nsubs == 0)
		return;
	json_key(j, o->detail ? "subscriptions_list_detail" : "subscriptions_list");
	json_array_begin(j);
	for (i = 0; i < c->nsubs; i++) {
		if (o->detail)
			page_sub_json(j, &c->subs[i], c->stop_wall_ns != 0);
		else
			json_str(j, str_of(c->subs[i].subject));
	}
	json_array_end(j);
}

static void
times_json(struct json_out *j, const struct facts *f, const struct snapshot_conn *c)
{
	char text[PAGE_TIME_MAX];

	json_ktime(j, "start", (struct wall){ .ns = c->start_wall_ns }, true);
	json_ktime(j, "last_activity", (struct wall){ .ns = c->last_wall_ns }, true);
	if (c->stop_wall_ns != 0) {
		json_ktime(j, "stop", (struct wall){ .ns = c->stop_wall_ns }, true);
		json_kstr_oe(j, "reason", str_of(c->reason));
	}
	page_rtt(text, c->rtt_ns);
	json_kstr(j, "rtt", str_of(text));
	page_uptime(text, ended(c, f) - c->start_wall_ns);
	json_kstr(j, "uptime", str_of(text));
	page_uptime(text, ended(c, f) - c->last_wall_ns);
	json_kstr(j, "idle", str_of(text));
}

static void
tls_json(struct json_out *j, const struct page_connz *o, const struct snapshot_conn *c)
{
	uint32_t i;

	if (c->tls_version == NULL)
		return;
	json_kstr(j, "tls_version", str_of(c->tls_version));
	json_kstr(j, "tls_cipher_suite", str_of(c->tls_cipher));
	if (o->auth && c->ntls_certs != 0) {
		json_key(j, "tls_peer_certs");
		json_array_begin(j);
		for (i = 0; i < c->ntls_certs; i++) {
			json_object_begin(j);
			json_kstr_oe(j, "subject", str_of(c->tls_certs[i].subject));
			json_kstr(j, "spki_sha256", str_of(c->tls_certs[i].spki_sha256));
			json_kstr(j, "cert_sha256", str_of(c->tls_certs[i].cert_sha256));
			json_object_end(j);
		}
		json_array_end(j);
	}
	json_kbool_oe(j, "tls_first", c->tls_first);
}

static void
conn_json(struct json_out *j, const struct page_connz *o, const struct facts *f,
    const struct snapshot_conn *c)
{
	bool is_closed = c->stop_wall_ns != 0;
	bool global = strcmp(c->account, "$G") == 0; /* closed ones forget that they were there */

	json_object_begin(j);
	json_ku64(j, "cid", c->cid);
	json_kstr(j, "kind", str_of(c->kind));
	json_kstr(j, "type", str_of(c->type));
	json_kstr(j, "ip", c->port == 0 ? STR_NONE : str_of(c->ip));
	json_ku64(j, "port", c->port);
	times_json(j, f, c);
	json_ku64(j, "pending_bytes", c->pending_bytes);
	json_ku64(j, "in_msgs", c->in_msgs);
	json_ku64(j, "out_msgs", c->out_msgs);
	json_ku64(j, "in_bytes", c->in_bytes);
	json_ku64(j, "out_bytes", c->out_bytes);
	json_ku64_oe(j, "stalls", c->stalls);
	json_ku64(j, "subscriptions", c->nsubs);
	json_kstr_oe(j, "name", str_of(c->name));
	json_kstr_oe(j, "lang", str_of(c->lang));
	json_kstr_oe(j, "version", str_of(c->version));
	tls_json(j, o, c);
	if (o->auth)
		json_kstr_oe(j, "authorized_user", str_of(c->user));
	if (o->auth && !global)
		json_kstr(j, "account", str_of(c->account));
	subs_json(j, o, c);
	if (o->auth || is_closed)
		json_kstr_oe(j, "issuer_key", str_of(c->issuer));
	if (o->auth && !(is_closed && global))
		json_kstr(j, "name_tag", str_of(c->account));
	if (c->proxy[0] != '\0') {
		json_key(j, "proxy");
		json_object_begin(j);
		json_kstr(j, "key", str_of(c->proxy));
		json_object_end(j);
	}
	json_object_end(j);
}

static void
conns_json(struct json_out *j, const struct page_connz *o, const struct facts *f,
    const struct selection *s)
{
	size_t i;

	json_array_begin(j);
	for (i = 0; i < s->shown; i++)
		conn_json(j, o, f, s->list[s->first + i]);
	json_array_end(j);
}

static int
connz_build(struct page_call *call, const struct facts *f, struct buf *out)
{
	const struct page_connz *o = &call->connz;
	bool unknown = o->acc != NULL && facts_account_named(f, str_of(o->acc)) == NULL;
	struct selection s = unknown ? (struct selection){ .n = 0 } : select_conns(o, f);
	struct json_out j;

	json_begin(&j, out, 2);
	json_object_begin(&j);
	json_kstr(&j, "server_id", unknown ? STR_NONE : str_of(f->o->server_id));
	json_ktime(&j, "now", f->now, false);
	json_ku64(&j, "num_connections", s.shown);
	json_ku64(&j, "total", s.total);
	json_ki64(&j, "offset", o->offset);
	json_ki64(&j, "limit", o->limit);
	json_key(&j, "connections");
	if (unknown)
		json_put_null(&j);
	else
		conns_json(&j, o, f, &s);
	page_natsd(&j, call, f);
	json_object_end(&j);
	free(s.list);
	return (s.failed ? -1 : json_end(&j));
}

const struct page page_connz = {
	.path = "/connz",
	.counter = FACTS_CONNZ,
	.parse = connz_parse,
	.needs = connz_needs,
	.build = connz_build,
};
