/* Writing a message to a subscription of this worker. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "natsd-front/client/client.h"
#include "natsd-front/client/trace.h"
#include "natsd-front/fan.h"
#include "natsd-front/grants.h"
#include "natsd-front/msg_trace.h"

#define STALL_US 2000	   /* a publisher waits for a receiver above its gate */
#define STALL_FULL_US 5000 /* at max_pending */

/* How this receiver sees the message. */
struct shape {
	const char *verb;
	size_t verb_n;
	struct str line;
	struct str body;
	bool joined;
};

bool
delivery_share(struct delivery *d)
{
	const struct msg *m = d->msg;

	if (d->blob != NULL)
		return (true);
	if (m->blob != NULL) {
		d->blob = blob_share(m->blob);
		d->blob_at = (size_t)((const uint8_t *)m->body.p - m->blob->data);
		return (true);
	}
	d->blob = blob_new(d->w->mem.blobs, m->body.n + 2);
	if (d->blob == NULL)
		return (false);
	memcpy(d->blob->data, m->body.p, m->body.n + 2);
	d->blob_at = 0;
	return (true);
}

void
delivery_lost(struct worker *w, struct conn *publisher)
{
	w->stats.dropped++;
	if (publisher != NULL)
		conn_no_memory(publisher, REASON_WRITE_ERROR, "a message of it");
}

void
delivery_end(struct delivery *d)
{
	if (d->blob != NULL)
		blob_drop(d->w->mem.blobs, d->blob);
}

static bool
make_plain_line(struct delivery *d)
{
	struct fan *f = d->w->fan;
	size_t want = MSG_LINE_MAX(d->msg->reply.n);
	char *line;

	if (d->plain_line.n != 0)
		return (true);
	if (f->line_size < want) {
		line = realloc(f->line, want);
		if (line == NULL)
			return (false);
		f->line = line;
		f->line_size = want;
	}
	d->plain_line = (struct str){ f->line, msg_line_plain(f->line, d->msg) };
	return (true);
}

static bool
shape_for(struct delivery *d, const struct conn *c, struct shape *s)
{
	const struct msg *m = d->msg;

	if (m->hdr == 0 || (c->flags & CONN_HEADERS) != 0) {
		*s = (struct shape){ m->hdr == 0 ? "MSG " : "HMSG ", m->hdr == 0 ? 4 : 5, m->line,
			m->body, m->joined };
		return (true);
	}
	if (!make_plain_line(d))
		return (false);
	*s = (struct shape){ "MSG ", 4, d->plain_line,
		{ m->body.p + m->hdr, m->body.n - m->hdr }, false };
	return (true);
}

/* "MSG subject sid", without what comes behind. */
static char *
write_head(char *p, const struct shape *s, struct str subject, struct str sid)
{
	memcpy(p, s->verb, s->verb_n);
	p += s->verb_n;
	memcpy(p, subject.p, subject.n);
	p += subject.n;
	*p++ = ' ';
	memcpy(p, sid.p, sid.n);
	return (p + sid.n);
}

static bool
write_copied(struct delivery *d, struct conn *c, const struct shape *s, struct str sid)
{
	size_t head = s->verb_n + d->msg->subject.n + 1 + sid.n;
	size_t n = head + s->line.n + s->body.n + 2;
	char *p = (char *)conn_room(c, n);

	if (p == NULL)
		return (false);
	p = write_head(p, s, d->msg->subject, sid);
	if (s->joined) {
		memcpy(p, s->line.p, s->line.n + s->body.n + 2);
	} else {
		memcpy(p, s->line.p, s->line.n);
		memcpy(p + s->line.n, s->body.p, s->body.n);
		memcpy(p + s->line.n + s->body.n, "\r\n", 2);
	}
	conn_wrote(c, n);
	return (true);
}

static bool
write_shared(struct delivery *d, struct conn *c, const struct shape *s, struct str sid)
{
	size_t n = s->verb_n + d->msg->subject.n + 1 + sid.n + s->line.n;
	size_t skip = d->msg->body.n - s->body.n;
	char *p;

	if (!delivery_share(d)) {
		conn_no_memory(c, REASON_WRITE_ERROR, "its output");
		return (false);
	}
	if ((p = (char *)conn_room(c, n)) == NULL)
		return (false);
	p = write_head(p, s, d->msg->subject, sid);
	memcpy(p, s->line.p, s->line.n);
	out_commit(&c->out, n);
	conn_refer(c, d->blob, d->blob_at + skip, s->body.n + 2);
	return (true);
}

/* The receiver is above its gate: its publisher waits a little (client.md 13.3). */
static void
stall_publisher(struct delivery *d, struct conn *slow)
{
	bool full = slow->out.pending >= d->w->settings->max_pending;
	struct local_stall stall = { d->source.conn, full ? STALL_FULL_US : STALL_US };

	slow->stalls++;
	d->w->stats.stalled++;
	if (d->publisher != NULL)
		client_stall(d->publisher, stall.us);
	else if (d->source.conn.life != 0)
		local_say(&d->w->links[d->source.worker], LOCAL_STALL, &stall, sizeof(stall));
}

static void
count_out(struct delivery *d, struct conn *c, struct sub *sub, size_t bytes)
{
	struct worker *w = d->w;

	c->out_msgs++;
	c->out_bytes += bytes;
	c->last_wall_ns = w->wall_ns;
	w->stats.out_msgs++;
	w->stats.out_bytes += bytes;
	if (++sub->delivered == sub_max(sub))
		client_drop_sub(c, sub);
}

/* The log, with the message where it was written to, before its subscription may go. */
static void
trace_here(const struct delivery *d, const struct conn *c, const struct sub *sub,
    const struct shape *s)
{
	char head[LOG_TEXT_MAX];
	struct str sid = sub_sid(sub);
	size_t n = s->verb_n + d->msg->subject.n + 1 + sid.n;

	if (sub->delivered + 1 == sub_max(sub))
		conn_log(c, LOG_LVL_DEBUG, "Auto-unsubscribe limit of %llu reached for sid '" STR_FMT
		    "'", (unsigned long long)sub_max(sub), STR_ARG(sid));
	if (!log_traces() || n > sizeof(head))
		return;
	write_head(head, s, d->msg->subject, sid);
	trace_delivery(c, (struct str){ head, n }, s->line, s->body,
	    s->body.n == d->msg->body.n ? d->msg->hdr : 0);
}

/* The limit of UNSUB with a number: the subscription goes when it is passed. */
static bool
is_at_limit(const struct delivery *d, struct sub *sub)
{
	uint64_t max = sub_max(sub);

	if (max == 0)
		return (false);
	return (sub->delivered >= max || (!d->claimed && !sub_claim(sub)));
}

/* Hardly any message is traced. */
static void
note_trace(const struct delivery *d, const struct conn *c, const struct sub *sub, const char *why)
{
	if (d->msg->trace != NULL)
		msg_trace_egress(d->msg->trace, c, sub, why);
}

/* Permissions of its connection keep this message from it (client.md 11.4). */
static bool
is_denied(const struct delivery *d, const struct conn *c, const struct sub *sub)
{
	return (c->permit != NULL && grants_filters(c->grants) &&
	    !permit_cache_deliver(d->w->permits, c->permit, d->msg->subject, sub_queue(sub)));
}

/* It may answer what it was sent (11.5). */
static void
note_reply(const struct delivery *d, struct conn *c)
{
	if (grants_delivered(&c->grants, c->permit, d->w->permits, d->msg->reply, d->w->now) != 0)
		conn_log(c, LOG_LVL_WARN, "No memory for a reply that may be answered");
}

/* Why it does not take the message, in the words of a trace; NULL: it may. */
static const char *
refusal(const struct delivery *d, const struct conn *c, const struct sub *sub)
{
	if (c == d->publisher && (c->flags & CONN_ECHO) == 0)
		return ("Not delivered because of no echo");
	if (is_denied(d, c, sub))
		return ("Not delivered because subscription denies this subject");
	if (c->state == CONN_CLOSING)
		return ("Not delivered because client is closed");
	return (NULL);
}

/* A traced message is noted and, when it is only a trace, goes no further. */
static bool
end_of_trace(struct delivery *d, struct conn *c, struct sub *sub)
{
	if (d->msg->trace == NULL || !msg_trace_only(d->msg->trace))
		return (false);
	note_trace(d, c, sub, NULL);
	if (d->claimed)
		sub_unclaim(sub);
	return (true);
}

static bool
refuse(struct delivery *d, struct conn *c, struct sub *sub, const char *why)
{
	note_trace(d, c, sub, why);
	/* What its publisher's worker claimed, and it does not take, is given back. */
	if (d->claimed)
		sub_unclaim(sub);
	return (false);
}

bool
deliver_here(struct delivery *d, struct sub *sub)
{
	struct conn *c = sub->conn;
	bool gated = d->from_client && (c->flags & CONN_GATED) != 0;
	const char *why = refusal(d, c, sub);
	struct shape shape;
	bool ok;

	if (why != NULL)
		return (refuse(d, c, sub, why));
	if (end_of_trace(d, c, sub))
		return (true);
	if (is_at_limit(d, sub)) {
		note_trace(d, c, sub,
		    "Not delivered because auto-unsubscribe exceeded");
		return (false);
	}
	if (gated && d->w->settings->o.no_fast_producer_stall) {
		sub_unclaim(sub);
		note_trace(d, c, sub, "Not delivered because fast producer not "
		    "stalled and consumer is slow");
		return (false);
	}
	if (!shape_for(d, c, &shape)) {
		conn_no_memory(c, REASON_WRITE_ERROR, "its output");
		return (false);
	}
	ok = shape.body.n < MSG_SHARE_MIN ? write_copied(d, c, &shape, sub_sid(sub))
					  : write_shared(d, c, &shape, sub_sid(sub));
	if (!ok)
		return (false);
	if (gated)
		stall_publisher(d, c);
	note_trace(d, c, sub, NULL);
	if (c->permit != NULL && d->msg->reply.n != 0)
		note_reply(d, c);
	if (log_debugs() || log_traces())
		trace_here(d, c, sub, &shape);
	count_out(d, c, sub, shape.body.n);
	return (true);
}
