#include "config.h"

#include "natsd-front/msg_trace.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/encoding.h"
#include "common/json_out.h"
#include "common/subject.h"
#include "natsd-front/conn.h"
#include "natsd-front/own_msg.h"
#include "natsd-front/permit.h"
#include "natsd-front/permit_cache.h"
#include "natsd-front/server_info.h"
#include "natsd-front/text.h"
#include "natsd-front/trace_request.h"

#define EVENT_MAX ((size_t)64 << 20)
#define QUOTED_MAX (TEXT_ERR_MAX - 128)
#define KIND_CLIENT 0 /* as the peer numbers kinds of connections */

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

static int
pair_compare(const void *va, const void *vb)
{
	const struct trace_pair *a = va, *b = vb;
	int c = str_cmp(a->key, b->key);

	return (c != 0 ? c : (a->place > b->place) - (a->place < b->place));
}

/* Keys sorted, as Go prints a map, each with all its values. */
static int
headers_print(struct buf *out, struct trace_request *r)
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
trace_new(const struct conn *c, struct trace_request *r, struct str dest, struct str subject,
    uint32_t size)
{
	struct msg_trace *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return (NULL);
	pthread_mutex_init(&t->lock, NULL);
	t->shares = 1;
	t->account = c->account;
	t->size = size;
	t->encoding = encoding_asked(trace_request_get(r, STR("Accept-Encoding")));
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
begin(struct conn *c, struct trace_request *r, struct str subject, uint32_t size,
    struct msg_trace **t)
{
	struct str dest = r->dest;
	enum msg_trace_start start;
	char quoted[QUOTED_MAX];

	if (r->origin.n != 0) {
		text_quote(quoted, sizeof(quoted), r->origin);
		conn_log(c, LOG_LVL_ERROR,
		    "Message tracing disabled because of header \"" TRACE_ORIGIN
		    "\" with value=%s", quoted);
		return (r->only ? MSG_TRACE_DROP : MSG_TRACE_HIDE);
	}
	if (dest.n == 0 && (start = external_dest(c, &dest)) != MSG_TRACE_ON)
		return (start);
	text_quote(quoted, sizeof(quoted), dest);
	if (!subject_valid_publish(dest)) {
		conn_log(c, LOG_LVL_ERROR,
		    "Destination %s is not valid, won't be able to trace events", quoted);
		return (r->only ? MSG_TRACE_DROP : MSG_TRACE_NOT);
	}
	if (!may_trace_to(c, dest)) {
		conn_errf(c, "Permissions Violation for Publish to %s", quoted);
		conn_log(c, LOG_LVL_ERROR, "Publish Violation - Subject %s", quoted);
		return (MSG_TRACE_DROP);
	}
	if ((*t = trace_new(c, r, dest, subject, size)) == NULL) {
		conn_log(c, LOG_LVL_ERROR, "No memory to trace a message");
		return (r->only ? MSG_TRACE_DROP : MSG_TRACE_NOT);
	}
	(*t)->only = r->only;
	return (MSG_TRACE_ON);
}

enum msg_trace_start
msg_trace_begin(struct conn *c, struct str headers, struct str subject, uint32_t size,
    struct msg_trace **t)
{
	struct trace_request r;
	enum msg_trace_start start = MSG_TRACE_NOT;

	*t = NULL;
	switch (trace_request_read(&r, headers)) {
	case 1:
		start = begin(c, &r, subject, size, t);
		break;
	case -1:
		conn_log(c, LOG_LVL_ERROR, "No memory to trace a message");
		break;
	default:
		break;
	}
	trace_request_free(&r);
	return (start);
}

void
msg_trace_refused(struct conn *c, struct str headers, struct str subject, uint32_t size,
    const char *why)
{
	struct msg_trace *t;

	if (!trace_request_likely(headers))
		return;
	msg_trace_begin(c, headers, subject, size, &t);
	msg_trace_ingress_error(t, why);
	msg_trace_done(c->worker, t);
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
		own_msg_publish(w, t->account, str_of(t->dest), &body, hdr);
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
