#include "config.h"

#include <string.h>

#include "common/subject.h"
#include "natsd-front/auth/auth.h"
#include "natsd-front/client/client.h"
#include "natsd-front/client/client_priv.h"
#include "natsd-front/client/connect.h"
#include "natsd-front/client/connect_json.h"
#include "natsd-front/client/info.h"
#include "natsd-front/client/trace.h"
#include "natsd-front/confirm.h"
#include "natsd-front/conn.h"
#include "natsd-front/deliver.h"
#include "natsd-front/grants.h"
#include "natsd-front/text.h"

#define QUOTED_MAX (TEXT_ERR_MAX - 128)

#define SUBS_LOG_NS (2 * NS_PER_S) /* the line about too many subscriptions, at most this often */
#define STALL_LOG_US 5000	   /* stalled this long in one read is worth a line */

/* Subscriptions cost more than messages: many of them at once are spread over turns, so that a turn
 * stays short for everybody else. */
static enum parser_next
client_next_sub(const struct conn *c)
{
	struct worker *w = c->worker;

	if (w->subs_left > 0)
		w->subs_left--;
	if (w->subs_left == 0 && c->state == CONN_OPEN)
		return (PARSER_PAUSE);
	return (client_next(c));
}

static const char *
quoted(char out[QUOTED_MAX], struct str s)
{
	text_quote(out, QUOTED_MAX, s);
	return (out);
}

void
client_stall(struct conn *c, uint32_t us)
{
	uint32_t left = c->stalled_us < CONN_STALL_READ_US ? CONN_STALL_READ_US - c->stalled_us : 0;
	struct worker *w = c->worker;

	if (us > left)
		us = left;
	if (us == 0)
		return;
	c->stalled_us += us;
	c->stall_us = us;
	conn_pause(c, CONN_PAUSE_STALL, mono_add_ns(w->now, us * NS_PER_US));
	if (c->stalled_us >= STALL_LOG_US &&
	    shared_may_log(&w->shared->stall_logged_ns, w->now.ns, NS_PER_S))
		conn_log(c, LOG_LVL_WARN, "Producer was stalled for a total of %ums%s%s",
		    c->stalled_us / 1000, (c->flags & CONN_LABELLED) != 0 ? " - Account:" : "",
		    (c->flags & CONN_LABELLED) != 0 ? c->account->name : "");
}

/* ---- SUB, UNSUB ---- */

/* In words as the peer's: with the queue where there is one. */
static void
violation(struct conn *c, struct str subject, struct str queue, struct str sid)
{
	char subj[QUOTED_MAX], q[QUOTED_MAX];

	quoted(subj, subject);
	if (queue.n == 0) {
		conn_errf(c, "Permissions Violation for Subscription to %s", subj);
		conn_log(c, LOG_LVL_ERROR, "Subscription Violation - Subject %s, SID " STR_FMT, subj,
		    STR_ARG(sid));
		return;
	}
	conn_errf(c, "Permissions Violation for Subscription to %s using queue %s", subj,
	    quoted(q, queue));
	conn_log(c, LOG_LVL_ERROR, "Subscription Violation - Subject %s, Queue: %s, SID " STR_FMT,
	    subj, q, STR_ARG(sid));
}

static bool
may_subscribe(struct conn *c, struct str subject, struct str queue)
{
	return (c->permit == NULL || (permit_subscribe(c->permit, subject, queue) &&
	    grants_subscribed(&c->grants, c->permit, subject, queue) == 0));
}

static bool
subscribe_allowed(struct conn *c, struct str subject, struct str queue, struct str sid)
{
	const struct settings *s = c->worker->settings;
	struct account *a = c->account;
	char subj[QUOTED_MAX];

	if (str_eq(queue, STR("_sys_")) || !may_subscribe(c, subject, queue)) {
		violation(c, subject, queue, sid);
		return (false);
	}
	if (s->o.max_sub_tokens > 0 && subject_tokens(subject) > (uint64_t)s->o.max_sub_tokens) {
		conn_errf(c, "Permissions Violation for Subscription to %s, too many tokens",
		    quoted(subj, subject));
		conn_log(c, LOG_LVL_ERROR,
		    "Subscription Violation Too Many Tokens - Subject %s, SID " STR_FMT, subj,
		    STR_ARG(sid));
		return (false);
	}
	if (c->limits->max_subs != SETTINGS_NO_SUBS_LIMIT &&
	    c->subs.used >= c->limits->max_subs) {
		if (shared_may_log(&a->subs_logged_ns, c->worker->now.ns, SUBS_LOG_NS))
			conn_log(c, LOG_LVL_ERROR, "maximum subscriptions exceeded");
		conn_err(c, "maximum subscriptions exceeded");
		return (false);
	}
	return (true);
}

/* Into the books of the worker, the connection and the account; all or nothing. */
static bool
subscribe(struct conn *c, struct str subject, struct str queue, struct str sid)
{
	struct worker *w = c->worker;
	struct sub *s = sub_new(SUB_CLIENT, sid, subject, queue);

	if (s == NULL)
		return (false);
	s->account = c->account;
	s->conn = c;
	s->worker = (uint16_t)w->index;
	s->number = ++c->subs_made;
	s->handle = slots_add(&w->subs, s);
	if (s->handle.life == 0)
		goto drop;
	if (sub_map_add(&c->subs, s) != 0)
		goto unslot;
	if (trie_insert(c->account->trie, &s->node, subject, queue) != 0)
		goto unmap;
	return (true);
unmap:
	sub_map_remove(&c->subs, s);
unslot:
	slots_remove(&w->subs, s->handle);
drop:
	sub_free(s);
	return (false);
}

void
client_drop_sub(struct conn *c, struct sub *s)
{
	if (!c->worker->stopping)
		trace_drop_sub(c, sub_sid(s));
	sub_map_remove(&c->subs, s);
	slots_remove(&c->worker->subs, s->handle);
	trie_remove(s->account->trie, &s->node);
	sub_retire(c->worker->shared->qsbr, s);
}

static enum parser_next
op_sub(void *ctx, struct str subject, struct str queue, struct str sid)
{
	struct conn *c = ctx;

	trace_args(c, "SUB", subject.p, sid.p);
	client_active(c);
	if (!subscribe_allowed(c, subject, queue, sid))
		return (client_next_sub(c));
	if (sub_map_find(&c->subs, sid) != NULL) {
		conn_ok(c);
	} else if (!subject_valid_sub(subject)) {
		conn_err(c, "Invalid Subject");
	} else if (!subscribe(c, subject, queue, sid)) {
		conn_no_memory(c, REASON_READ_ERROR, "a subscription");
	} else {
		conn_ok(c);
	}
	return (client_next_sub(c));
}

static enum parser_next
op_unsub(void *ctx, struct str sid, int32_t max)
{
	struct conn *c = ctx;
	struct sub *s = sub_map_find(&c->subs, sid);

	trace_args(c, "UNSUB", sid.p, sid.p);
	client_active(c);
	conn_ok(c);
	if (s != NULL) {
		if (max > 0 && (uint64_t)max > s->delivered)
			sub_set_max(s, (uint64_t)max);
		else
			client_drop_sub(c, s);
	}
	return (client_next_sub(c));
}

/* ---- the rest ---- */

void
client_pong(struct conn *c)
{
	c->flags &= ~(uint32_t)CONN_TRUSTED;
	conn_put(c, "PONG\r\n", 6);
	trace_out(c, "PONG");
	if ((c->flags & (CONN_CONNECTED | CONN_FIRST_PONG)) == CONN_CONNECTED) {
		c->flags |= CONN_FIRST_PONG;
		if (c->protocol >= 1)
			info_send(c, INFO_CONNECTED);
	}
}

static enum parser_next
op_ping(void *ctx)
{
	struct conn *c = ctx;

	trace_op(c, "PING", STR_NONE);
	c->active_in = c->worker->now;
	if ((c->flags & CONN_TRUSTED) == 0 || !confirm_begin(c))
		client_pong(c);
	return (client_next(c));
}

static enum parser_next
op_pong(void *ctx)
{
	struct conn *c = ctx;

	trace_op(c, "PONG", STR_NONE);
	c->pings_out = 0;
	if ((c->flags & CONN_RTT_STARTED) != 0) {
		c->rtt_ns = mono_diff_ns(mono_now(), c->rtt_from);
		if (c->rtt_ns < 1)
			c->rtt_ns = 1;
	}
	return (client_next(c));
}

static enum parser_next
op_info(void *ctx, struct str json)
{
	struct conn *c = ctx;
	char why[CONNECT_WHY_MAX];

	if (connect_json_check_info(json, why) != 0) {
		conn_log(c, LOG_LVL_ERROR, "%s", why);
		conn_close(c, REASON_PROTOCOL);
	}
	return (client_next(c));
}

static enum parser_next
op_err(void *ctx, struct str text)
{
	struct conn *c = ctx;

	conn_log(c, LOG_LVL_ERROR, "Client Error " STR_FMT, STR_ARG(text));
	conn_close(c, REASON_PARSE_ERROR);
	return (PARSER_CLOSE);
}

#define SNIPPET_MAX 32 /* bytes of the input that the log shows */

/*
 * What nats-server shows of a read: from the wrong byte on, without the last byte of the read where
 * the snippet would reach beyond it.  Its index counts from where that read began.
 */
static void
log_unknown(struct conn *c, const struct parser_trouble *t)
{
	size_t old = c->worker->feed_old, n = t->text.n;
	char text[SNIPPET_MAX * 4 + 3];

	if (n < SNIPPET_MAX)
		n--;
	else
		n = SNIPPET_MAX;
	text_quote(text, sizeof(text), (struct str){ t->text.p, n });
	conn_log(c, LOG_LVL_ERROR, "Client parser ERROR, state=%u, i=%zu: proto='%s...'", t->state,
	    t->at > old ? t->at - old : 0, text);
}

static void
log_bad_args(struct conn *c, const struct parser_trouble *t)
{
	char text[TEXT_ERR_MAX];

	trace_op(c, t->verb, t->text);
	text_quote(text, sizeof(text), t->text);
	if (strcmp(t->verb, "HPUB") == 0 && (c->flags & CONN_HEADERS) == 0)
		conn_log(c, LOG_LVL_ERROR, "message headers not supported");
	else
		conn_log(c, LOG_LVL_ERROR, "%s: %s", t->what, text);
}

static void
op_fault(void *ctx, const struct parser_trouble *t)
{
	struct conn *c = ctx;

	switch (t->fault) {
	case PARSER_FAULT_PROTOCOL:
		conn_err(c, "Unknown Protocol Operation");
		log_unknown(c, t);
		conn_close(c, REASON_PROTOCOL);
		return;
	case PARSER_FAULT_ARGS:
		log_bad_args(c, t);
		conn_close(c, REASON_PROTOCOL);
		return;
	case PARSER_FAULT_LINE:
		conn_err(c, "maximum control line exceeded");
		conn_close(c, REASON_MAX_CONTROL_LINE);
		conn_log(c, LOG_LVL_ERROR, "maximum control line exceeded");
		return;
	case PARSER_FAULT_AUTH:
		auth_refuse(c);
		return;
	}
}

static enum parser_next
op_connect(void *ctx, struct str json)
{
	struct conn *c = ctx;

	client_connect(c, json);
	return (client_next(c));
}

static enum parser_next
op_pub_line(void *ctx, const struct parser_pub *p)
{
	return (client_pub_line(ctx, p));
}

static enum parser_next
op_pub(void *ctx, const struct parser_pub *p)
{
	return (client_pub(ctx, p));
}

const struct parser_ops client_ops = {
	.op_connect = op_connect,
	.op_pub_line = op_pub_line,
	.op_pub = op_pub,
	.op_sub = op_sub,
	.op_unsub = op_unsub,
	.op_ping = op_ping,
	.op_pong = op_pong,
	.op_info = op_info,
	.op_err = op_err,
	.op_fault = op_fault,
};

void
client_refuse(struct conn *c)
{
	conn_err(c, "maximum connections exceeded");
	conn_log(c, LOG_LVL_ERROR, "maximum connections exceeded");
	conn_close(c, REASON_MAX_CONNECTIONS);
}

void
client_opened(struct conn *c)
{
	auth_expect(c);
	c->ping_at = mono_add_ns(c->worker->now, c->worker->settings->ping_interval_ns);
}

void
client_begin(struct conn *c, bool refuse)
{
	info_send(c, INFO_FIRST);
	if (refuse)
		client_refuse(c);
}

void
client_end(struct conn *c)
{
	uint32_t i = 0;

	/* Removing one may move another into its place. */
	while (c->subs.used != 0) {
		if (c->subs.at[i] != NULL)
			client_drop_sub(c, c->subs.at[i]);
		else
			i = (i + 1) & (c->subs.size - 1);
	}
}

void
client_settings(struct conn *c)
{
	c->parser.line_max = c->worker->settings->max_control_line;
}
