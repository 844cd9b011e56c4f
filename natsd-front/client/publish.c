/* PUB and HPUB: checks, mapping, tracing, and out to whoever listens (client.md 7). */
#include "config.h"

#include <stdio.h>

#include "common/header.h"
#include "common/mapping.h"
#include "common/num.h"
#include "common/subject.h"
#include "natsd-front/client/client_priv.h"
#include "natsd-front/client/trace.h"
#include "natsd-front/deliver.h"
#include "natsd-front/fan.h"
#include "natsd-front/grants.h"
#include "natsd-front/msg_trace.h"
#include "natsd-front/text.h"
#include "natsd-front/trace_request.h"

#define QUOTED_MAX (TEXT_ERR_MAX - 128)

enum parser_next
client_pub_line(struct conn *c, const struct parser_pub *p)
{
	if (log_traces())
		trace_args(c, p->hdr_digits.n != 0 ? "HPUB" : "PUB", p->subject.p, p->line.p);
	if (p->hdr_digits.n != 0 && (c->flags & CONN_HEADERS) == 0) {
		conn_log(c, LOG_LVL_ERROR, "message headers not supported");
		conn_close(c, REASON_PROTOCOL);
	} else if (c->max_payload >= 0 && p->size > (uint32_t)c->max_payload) {
		msg_trace_refused(c, p->body, p->subject, p->size, "maximum payload exceeded");
		conn_log(c, LOG_LVL_ERROR, "maximum payload exceeded: %u vs %d", p->size,
		    c->max_payload);
		conn_err(c, "Maximum Payload Violation");
		conn_close(c, REASON_MAX_PAYLOAD);
	} else if ((c->flags & CONN_PEDANTIC) != 0 && !subject_valid_literal(p->subject)) {
		conn_err(c, "Invalid Publish Subject");
	}
	return (c->state == CONN_OPEN ? PARSER_GO : PARSER_CLOSE);
}

static bool
is_under(struct str subject, struct str prefix)
{
	return (subject.n > prefix.n && str_starts(subject, prefix));
}

/* Names that belong to the server (client.md 7.2). */
static bool
may_publish_to(const struct conn *c, struct str subject)
{
	if (subject.n == 0 || (subject.p[0] != '$' && subject.p[0] != '_'))
		return (true);
	if (is_under(subject, STR("_GR_.")) || is_under(subject, STR("$GR.")))
		return (false);
	return (!str_starts(subject, STR("$NRG.")) || c->account->id == ACCOUNT_SYSTEM);
}

static bool
may_reply_to(struct str reply)
{
	if (reply.n == 0 || (reply.p[0] != '$' && reply.p[0] != '_'))
		return (true);
	return (!str_starts(reply, STR("_R_.")) && !is_under(reply, STR("$JS.ACK.")) &&
	    !is_under(reply, STR("_GR_.")) && !is_under(reply, STR("$GR.")));
}

static bool
permitted(struct conn *c, struct str subject)
{
	return (c->permit == NULL ||
	    grants_publish(c->grants, c->permit, c->worker->permits, subject, c->worker->now));
}

/* Said to the publisher, in the log, and in the trace of the message. */
static void
violation(struct conn *c, struct msg_trace *t, const char *what, const char *logged,
    struct str subject)
{
	char quoted[QUOTED_MAX], text[QUOTED_MAX + 64];

	text_quote(quoted, sizeof(quoted), subject);
	snprintf(text, sizeof(text), "Permissions Violation for Publish %s %s", what, quoted);
	msg_trace_ingress_error(t, text);
	conn_err(c, text);
	conn_log(c, LOG_LVL_ERROR, "Publish Violation - %s %s", logged, quoted);
}

static bool
publish_allowed(struct conn *c, const struct parser_pub *p, struct msg_trace *t)
{
	if (!may_publish_to(c, p->subject) || !permitted(c, p->subject)) {
		violation(c, t, "to", "Subject", p->subject);
		return (false);
	}
	if (!may_reply_to(p->reply)) {
		violation(c, t, "with Reply of", "Reply", p->reply);
		return (false);
	}
	return (true);
}

/*
 * What its receivers get is the text that came in, unless it was written oddly: then it is
 * written anew, behind the publisher's own digits.
 */
static bool
client_msg(struct conn *c, const struct parser_pub *p, struct msg *m)
{
	char *line;

	*m = (struct msg){ .subject = p->subject, .reply = p->reply, .line = p->line,
		.body = p->body, .hdr = p->hdr, .joined = true, .blob = c->worker->feeding };
	if (p->canonical && (p->hdr != 0 || p->hdr_digits.n == 0))
		return (true);
	line = worker_scratch(c->worker, MSG_LINE_MAX(p->reply.n));
	if (line == NULL)
		return (false);
	m->line = (struct str){ line, msg_line_digits(line, p->reply,
	    p->hdr != 0 ? p->hdr_digits : STR_NONE, p->size_digits) };
	m->reply = (struct str){ line + 1, p->reply.n };
	m->joined = false;
	return (true);
}

static bool
client_must_hold(struct conn *c, const struct parser_pub *p)
{
	struct worker *w = c->worker;

	if (c->patience_epoch == w->role_epoch ||
	    !deliver_must_wait(w, c->account, p->subject))
		return (false);
	conn_pause(c, CONN_PAUSE_ROLE, mono_add_ms(w->now, CONN_ROLE_WAIT_MS));
	return (true);
}

static void
publish(struct conn *c, const struct parser_pub *p, struct msg_trace *t)
{
	struct worker *w = c->worker;
	struct msg m;

	if (!publish_allowed(c, p, t))
		return;
	conn_ok(c);
	if (!client_msg(c, p, &m)) {
		delivery_lost(w, c);
		return;
	}
	m.trace = t;
	if (deliver(w, c->account, &m, c) == DELIVER_NOBODY && p->reply.n != 0)
		deliver_nobody(w, c, p->subject, p->reply, c->subs_made);
	if (w->congested)
		conn_pause(c, CONN_PAUSE_RING, (struct mono){ 0 });
}

static uint32_t
below(void *w, uint32_t n)
{
	return (worker_random(w, n));
}

/*
 * The same message under the subject that its account maps it to; an empty one when it is lost, so
 * that it is counted, checked and answered like one that nobody hears (client.md 15.1).
 */
static const struct parser_pub *
mapped(struct conn *c, const struct parser_pub *p, struct parser_pub *space)
{
	const struct mappings *m = c->limits->mappings;
	struct chance chance = { .below = below, .ctx = c->worker };
	size_t room = mappings_room(m, p->subject.n);
	char *text = worker_mapped(c->worker, room);
	struct wr out = wr_of(text, text == NULL ? 0 : room);

	*space = *p;
	space->subject = STR("");
	if (text == NULL || mappings_apply(m, p->subject, &chance, &out) == MAPPED_NOT)
		return (text == NULL ? space : p);
	space->subject = (struct str){ text, wr_len(&out) };
	return (space);
}

/* ---- traced messages (client.md 16) ---- */

/* The same message with a header that keeps other servers from tracing it. */
static const struct parser_pub *
hidden(const struct parser_pub *p, struct buf *body, struct parser_pub *space, char digits[2][24])
{
	struct str headers = { p->body.p, p->hdr };
	struct str payload = { p->body.p + p->hdr, p->body.n - p->hdr };
	size_t hdr;

	if (header_set(body, headers, STR("Nats-Trace-Dest"), STR("trace disabled")) != 0)
		return (NULL);
	hdr = body->len;
	if (buf_add_str(body, payload) != 0 || buf_add(body, "\r\n", 2) != 0)
		return (NULL);
	*space = *p;
	space->hdr = (uint32_t)hdr;
	space->body = (struct str){ (const char *)body->data, body->len - 2 };
	space->size = (uint32_t)space->body.n;
	space->hdr_digits = (struct str){ digits[0], num_put_u64(digits[0], hdr) };
	space->size_digits = (struct str){ digits[1], num_put_u64(digits[1], space->body.n) };
	space->canonical = false;
	return (space);
}

static void
publish_hidden(struct conn *c, const struct parser_pub *p)
{
	struct blob *feeding = c->worker->feeding;
	struct buf body = BUF_INIT(SIZE_MAX / 2);
	struct parser_pub space;
	char digits[2][24];

	if ((p = hidden(p, &body, &space, digits)) != NULL) {
		c->worker->feeding = NULL; /* the body lies elsewhere */
		publish(c, p, NULL);
		c->worker->feeding = feeding;
	} else {
		conn_log(c, LOG_LVL_ERROR, "No memory for a message that is not to be traced");
	}
	buf_free(&body);
}

/* The message goes on its way. */
static void
count_in(struct conn *c, const struct parser_pub *p)
{
	struct worker *w = c->worker;

	if (log_traces())
		trace_payload(c, p->body, p->hdr);
	c->in_msgs++;
	c->in_bytes += p->size;
	w->stats.in_msgs++;
	w->stats.in_bytes += p->size;
}

/* `sent` is the message as it came, p the same under its mapped subject. */
static void
publish_asked(struct conn *c, const struct parser_pub *sent, const struct parser_pub *p)
{
	struct str headers = { sent->body.p, sent->hdr };
	struct msg_trace *t;
	enum msg_trace_start start = msg_trace_begin(c, headers, sent->subject, sent->size, &t);

	if (start == MSG_TRACE_DROP)
		return;
	count_in(c, p);
	if (start == MSG_TRACE_HIDE) {
		publish_hidden(c, p);
		return;
	}
	if (p != sent)
		msg_trace_mapped(t, p->subject);
	publish(c, p, t);
	msg_trace_done(c->worker, t);
	msg_trace_send(c->worker); /* not all of a read at once: one event may be large */
}

enum parser_next
client_pub(struct conn *c, const struct parser_pub *p)
{
	const struct parser_pub *sent = p;
	struct worker *w = c->worker;
	struct parser_pub space;

	if (c->limits->mappings != NULL)
		p = mapped(c, p, &space);
	if (w->roles_unready && client_must_hold(c, p))
		return (PARSER_HOLD);
	client_active(c);
	if (p->hdr != 0 && trace_request_likely((struct str){ p->body.p, p->hdr })) {
		publish_asked(c, sent, p);
	} else {
		count_in(c, p);
		publish(c, p, NULL);
	}
	/* One read of messages to thousands would be a turn of seconds, for all connections of the worker. */
	if (w->receivers_left == 0 && c->state == CONN_OPEN)
		return (PARSER_PAUSE);
	return (client_next(c));
}
