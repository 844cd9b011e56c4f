#include "config.h"

#include "natsd-front/msg_trace.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/encoding.h"
#include "common/header.h"
#include "common/json_out.h"
#include "common/subject.h"
#include "natsd-front/conn.h"
#include "natsd-front/deliver.h"
#include "natsd-front/permit.h"
#include "natsd-front/permit_cache.h"
#include "natsd-front/server_info.h"
#include "natsd-front/text.h"

#define EVENT_MAX ((size_t)64 << 20)
#define QUOTED_MAX (TEXT_ERR_MAX / 4)
#define KIND_CLIENT 0 /* as the peer numbers kinds of connections */

#define KEY_DEST "Nats-Trace-Dest"
#define KEY_ONLY "Nats-Trace-Only"
#define KEY_ORIGIN "Nats-Trace-Origin-Account"
#define KEY_PARENT "traceparent"
#define DISABLED "trace disabled"

struct msg_trace {
	_Atomic uint32_t shares;
	struct msg_trace *next; /* in worker->traced */
	struct account *account;
	char *dest;
	enum encoding encoding;
	bool only;
	uint32_t size;
	struct buf headers; /* JSON: the object `header` */
	struct buf ingress; /* JSON: the members of the first event, up to the error */

	pthread_mutex_t lock; /* guards what is below */
	char *error;	      /* of the ingress; NULL: none */
	struct buf events;    /* JSON: ",{...}" each */
};

/* ---- headers ---- */

bool
msg_trace_asked(struct str h)
{
	const char *at = h.p, *end = h.p + h.n;
	size_t left;

	while (at < end) {
		left = (size_t)(end - at);
		if ((*at == 'N' && left > sizeof(KEY_DEST) && memcmp(at, KEY_DEST, 11) == 0) ||
		    ((*at | 0x20) == 't' && left > sizeof(KEY_PARENT) &&
		    strncasecmp(at, KEY_PARENT, sizeof(KEY_PARENT) - 1) == 0))
			return (true);
		if ((at = memchr(at, '\n', left)) == NULL)
			return (false);
		at++;
	}
	return (false);
}

/* The last of four fields: two hex digits, at most 7f, bit 0 set. */
static bool
parent_is_sampled(struct str v)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *dash, *high, *low;
	unsigned fields = 1;

	for (; (dash = memchr(v.p, '-', v.n)) != NULL; fields++) {
		v.n -= (size_t)(dash + 1 - v.p);
		v.p = dash + 1;
		if (v.n == 0)
			return (false);
	}
	if (fields != 4 || v.n != 2 || v.p[0] == '\0' || v.p[1] == '\0' ||
	    (high = strchr(digits, v.p[0])) == NULL || (low = strchr(digits, v.p[1])) == NULL)
		return (false);
	return (((high - digits) & 15) < 8 && ((low - digits) & 1) == 1);
}

struct pair {
	struct str key, value;
	size_t place; /* in the message */
};

struct request {
	struct pair *pairs; /* all of the message */
	size_t npairs;
	bool dest_said, parent_said;
};

static bool
pairs_add(struct request *r, struct str key, struct str value)
{
	struct pair *p;

	if ((r->npairs & (r->npairs + 1)) == 0) {
		p = reallocarray(r->pairs, r->npairs * 2 + 1, sizeof(*p));
		if (p == NULL)
			return (false);
		r->pairs = p;
	}
	r->pairs[r->npairs] = (struct pair){ key, value, r->npairs };
	r->npairs++;
	return (true);
}

/* False: nothing in it asks for a trace. */
static bool
request_read(struct request *r, struct str headers)
{
	struct str key, value;
	size_t at = 0;

	if (!str_starts(headers, STR("NATS/1.0\r\n")))
		return (false);
	while (header_next(headers, &at, &key, &value)) {
		if (key.n == 0 || value.n == 0)
			continue;
		if (key.n == sizeof(KEY_PARENT) - 1 &&
		    strncasecmp(key.p, KEY_PARENT, key.n) == 0) {
			r->parent_said |= parent_is_sampled(value);
		} else if (str_eq(key, STR(KEY_DEST)) && !r->dest_said) {
			if (str_eq(value, STR(DISABLED)))
				return (false);
			r->dest_said = true;
		}
		if (!pairs_add(r, key, value))
			return (false);
	}
	return (r->dest_said || r->parent_said);
}

static struct str
request_get(const struct request *r, struct str key)
{
	for (size_t i = 0; i < r->npairs; i++)
		if (str_eq(r->pairs[i].key, key))
			return (r->pairs[i].value);
	return (STR_NONE);
}

static bool
says_yes(struct str v)
{
	return ((v.n == 1 && v.p[0] == '1') || (v.n == 4 && strncasecmp(v.p, "true", 4) == 0) ||
	    (v.n == 2 && strncasecmp(v.p, "on", 2) == 0));
}

static int
pair_compare(const void *va, const void *vb)
{
	const struct pair *a = va, *b = vb;
	size_t n = a->key.n < b->key.n ? a->key.n : b->key.n;
	int c = memcmp(a->key.p, b->key.p, n);

	if (c != 0)
		return (c);
	if (a->key.n != b->key.n)
		return (a->key.n < b->key.n ? -1 : 1);
	return (a->place < b->place ? -1 : 1);
}

/* Keys sorted, as Go prints a map, each with all its values. */
static int
headers_print(struct buf *out, struct request *r)
{
	struct json_out j;

	qsort(r->pairs, r->npairs, sizeof(*r->pairs), pair_compare);
	json_begin(&j, out, 0);
	json_object_begin(&j);
	for (size_t i = 0; i < r->npairs; i++) {
		if (i == 0 || !str_eq(r->pairs[i].key, r->pairs[i - 1].key)) {
			if (i != 0)
				json_array_end(&j);
			json_key_str(&j, r->pairs[i].key);
			json_array_begin(&j);
		}
		json_str(&j, r->pairs[i].value);
	}
	if (r->npairs != 0)
		json_array_end(&j);
	json_object_end(&j);
	return (json_end(&j));
}

/* ---- beginning ---- */

static void
trace_free(struct msg_trace *t)
{
	pthread_mutex_destroy(&t->lock);
	buf_free(&t->headers);
	buf_free(&t->ingress);
	buf_free(&t->events);
	free(t->dest);
	free(t->error);
	free(t);
}

static void
event_begin(struct json_out *j, struct buf *to, const char *type)
{
	json_begin(j, to, 0);
	json_object_begin(j);
	json_kstr(j, "type", str_of(type));
	json_ktime(j, "ts", wall_now(), true);
}

static const char *
conn_name(const struct conn *c)
{
	return (c->labels == NULL ? NULL : c->labels->name);
}

/* Its object stays open: an error may follow. */
static int
ingress_print(struct buf *to, const struct conn *c, struct str subject)
{
	struct json_out j;

	event_begin(&j, to, "in");
	json_ku64(&j, "kind", KIND_CLIENT);
	json_ku64(&j, "cid", c->cid);
	json_kstr_oe(&j, "name", str_of(conn_name(c)));
	json_kstr(&j, "acc", str_of(c->account->name));
	json_kstr(&j, "subj", subject);
	return (j.failed ? -1 : 0);
}

static struct msg_trace *
trace_new(const struct conn *c, struct request *r, struct str dest, struct str subject,
    uint32_t size)
{
	struct msg_trace *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return (NULL);
	pthread_mutex_init(&t->lock, NULL);
	t->shares = 1;
	t->account = c->account;
	t->size = size;
	t->encoding = encoding_asked(request_get(r, STR("Accept-Encoding")));
	t->headers = t->ingress = t->events = BUF_INIT(EVENT_MAX);
	t->dest = strndup(dest.p, dest.n);
	if (t->dest == NULL || ingress_print(&t->ingress, c, subject) != 0 ||
	    headers_print(&t->headers, r) != 0) {
		trace_free(t);
		return (NULL);
	}
	return (t);
}

/* By the lists alone: what may be answered is not meant for traces. */
static bool
may_trace_to(const struct conn *c, struct str dest)
{
	if (str_starts(dest, STR("_GR_.")) || str_starts(dest, STR("$GR.")))
		return (false);
	if (str_starts(dest, STR("$NRG.")) && c->account != c->worker->shared->system)
		return (false);
	return (c->permit == NULL || permit_cache_publish(c->worker->permits, c->permit, dest));
}

/* Where the account's configuration sends traces of messages that others began to trace. */
static enum msg_trace_start
external_dest(const struct conn *c, struct str *dest)
{
	const struct access_account *a = c->limits->said;

	if (a->trace_dest.n == 0)
		return (MSG_TRACE_NOT);
	if (a->trace_sampling < 100 && worker_random(c->worker, 100) > a->trace_sampling)
		return (MSG_TRACE_HIDE);
	*dest = a->trace_dest;
	return (MSG_TRACE_ON);
}

static enum msg_trace_start
begin(struct conn *c, struct request *r, struct str subject, uint32_t size, struct msg_trace **t)
{
	bool external = !r->dest_said, only = !external && says_yes(request_get(r, STR(KEY_ONLY)));
	struct str dest = request_get(r, STR(KEY_DEST)), origin = request_get(r, STR(KEY_ORIGIN));
	enum msg_trace_start start;
	char quoted[QUOTED_MAX];

	if (origin.n != 0) {
		text_quote(quoted, sizeof(quoted), origin);
		conn_log(c, LOG_LVL_ERROR,
		    "Message tracing disabled because of header \"" KEY_ORIGIN "\" with value=%s",
		    quoted);
		return (only ? MSG_TRACE_DROP : MSG_TRACE_HIDE);
	}
	if (external && (start = external_dest(c, &dest)) != MSG_TRACE_ON)
		return (start);
	text_quote(quoted, sizeof(quoted), dest);
	if (!subject_valid_publish(dest)) {
		conn_log(c, LOG_LVL_ERROR,
		    "Destination %s is not valid, won't be able to trace events", quoted);
		return (only ? MSG_TRACE_DROP : MSG_TRACE_NOT);
	}
	if (!may_trace_to(c, dest)) {
		conn_errf(c, "Permissions Violation for Publish to %s", quoted);
		conn_log(c, LOG_LVL_ERROR, "Publish Violation - Subject %s", quoted);
		return (MSG_TRACE_DROP);
	}
	if ((*t = trace_new(c, r, dest, subject, size)) == NULL) {
		conn_log(c, LOG_LVL_ERROR, "No memory to trace a message");
		return (only ? MSG_TRACE_DROP : MSG_TRACE_NOT);
	}
	(*t)->only = only;
	return (MSG_TRACE_ON);
}

enum msg_trace_start
msg_trace_begin(struct conn *c, struct str headers, struct str subject, uint32_t size,
    struct msg_trace **t)
{
	struct request r = { .npairs = 0 };
	enum msg_trace_start start = MSG_TRACE_NOT;

	*t = NULL;
	if (request_read(&r, headers))
		start = begin(c, &r, subject, size, t);
	free(r.pairs);
	return (start);
}

bool
msg_trace_only(const struct msg_trace *t)
{
	return (t != NULL && t->only);
}

/* ---- what happened ---- */

static void
event_end(struct msg_trace *t, struct json_out *j, struct buf *event)
{
	json_object_end(j);
	if (json_end(j) == 0) {
		pthread_mutex_lock(&t->lock);
		if (buf_add(&t->events, ",", 1) == 0 &&
		    buf_add_str(&t->events, buf_str(event)) != 0)
			t->events.len--;
		pthread_mutex_unlock(&t->lock);
	}
	buf_free(event);
}

void
msg_trace_mapped(struct msg_trace *t, struct str to)
{
	struct buf event = BUF_INIT(EVENT_MAX);
	struct json_out j;

	if (t == NULL)
		return;
	event_begin(&j, &event, "sm");
	json_kstr(&j, "to", to);
	event_end(t, &j, &event);
}

void
msg_trace_ingress_error(struct msg_trace *t, const char *text)
{
	if (t != NULL && t->error == NULL)
		t->error = strdup(text);
}

void
msg_trace_egress(struct msg_trace *t, const struct conn *c, const struct sub *s, const char *error)
{
	struct buf event = BUF_INIT(EVENT_MAX);
	struct json_out j;

	if (t == NULL)
		return;
	event_begin(&j, &event, "eg");
	json_ku64(&j, "kind", KIND_CLIENT);
	json_ku64(&j, "cid", c->cid);
	json_kstr_oe(&j, "name", str_of(conn_name(c)));
	if (c->account != t->account)
		json_kstr(&j, "acc", str_of(c->account->name));
	json_kstr_oe(&j, "sub", sub_subject(s));
	json_kstr_oe(&j, "queue", sub_queue(s));
	json_kstr_oe(&j, "error", str_of(error));
	event_end(t, &j, &event);
}

/* ---- its end ---- */

void
msg_trace_hold(struct msg_trace *t)
{
	if (t != NULL)
		atomic_fetch_add_explicit(&t->shares, 1, memory_order_relaxed);
}

void
msg_trace_done(struct worker *w, struct msg_trace *t)
{
	if (t == NULL || atomic_fetch_sub_explicit(&t->shares, 1, memory_order_acq_rel) != 1)
		return;
	if (w == NULL) {
		trace_free(t);
		return;
	}
	t->next = w->traced;
	w->traced = t;
}

/* The array of what happened. */
static int
events_print(struct buf *out, const struct msg_trace *t)
{
	struct json_out j;

	if (buf_add(out, "[", 1) != 0 || buf_add_str(out, buf_str(&t->ingress)) != 0)
		return (-1);
	if (t->error != NULL) {
		if (buf_add_str(out, STR(",\"error\":")) != 0)
			return (-1);
		json_begin(&j, out, 0);
		json_str(&j, str_of(t->error));
		if (json_end(&j) != 0)
			return (-1);
	}
	if (buf_add(out, "}", 1) != 0 || buf_add_str(out, buf_str(&t->events)) != 0)
		return (-1);
	return (buf_add(out, "]", 1));
}

static int
event_print(struct buf *out, const struct msg_trace *t, const struct options *o)
{
	struct buf events = BUF_INIT(EVENT_MAX * 2);
	struct json_out j;
	int rc;

	json_begin(&j, out, 0);
	json_object_begin(&j);
	server_info(&j, o);
	json_key(&j, "request");
	json_object_begin(&j);
	json_key(&j, "header");
	json_raw(&j, buf_str(&t->headers));
	json_ku64(&j, "msgsize", t->size);
	json_object_end(&j);
	json_key(&j, "events");
	rc = events_print(&events, t);
	json_raw(&j, buf_str(&events));
	json_object_end(&j);
	buf_free(&events);
	return (rc != 0 ? rc : json_end(&j));
}

/* "NATS/1.0\r\nContent-Encoding: ...\r\n\r\n", when an encoding was asked for. */
static int
encoding_header(struct buf *out, enum encoding e)
{
	const char *name = encoding_name(e);

	if (name == NULL)
		return (0);
	return (buf_addf(out, "NATS/1.0\r\nContent-Encoding: %s\r\n\r\n", name));
}

/* The empty reply stands in the line, as in all that the server itself sends. */
static void
publish(struct worker *w, struct account *a, struct str subject, const struct buf *body,
    size_t hdr)
{
	char line[MSG_LINE_MAX(0) + 1];
	struct msg m = { .subject = subject, .body = buf_str(body), .hdr = (uint32_t)hdr };
	size_t n = body->len - 2;

	m.body.n = n;
	line[0] = ' ';
	m.line = (struct str){ line, 1 + msg_line_write(line + 1, STR_NONE, hdr, n) };
	deliver(w, a, &m, NULL);
}

static void
send_one(struct worker *w, const struct msg_trace *t)
{
	struct buf json = BUF_INIT(EVENT_MAX * 2), body = BUF_INIT(EVENT_MAX * 2);
	size_t hdr;

	if (event_print(&json, t, &w->settings->o) != 0 ||
	    encoding_header(&body, t->encoding) != 0)
		goto done;
	hdr = body.len;
	if (encoding_pack(t->encoding, &body, buf_str(&json)) == 0 &&
	    buf_add(&body, "\r\n", 2) == 0)
		publish(w, t->account, str_of(t->dest), &body, hdr);
done:
	buf_free(&json);
	buf_free(&body);
}

void
msg_trace_send(struct worker *w)
{
	struct msg_trace *t;

	while ((t = w->traced) != NULL) {
		w->traced = t->next;
		/* Without a system account there are no events. */
		if (w->settings->o.access->system_account != UINT32_MAX)
			send_one(w, t);
		trace_free(t);
	}
}

void
msg_trace_discard(struct worker *w)
{
	struct msg_trace *t;

	while ((t = w->traced) != NULL) {
		w->traced = t->next;
		trace_free(t);
	}
}
