#include "config.h"

#include <string.h>

#include "natsd-front/client/redact.h"
#include "natsd-front/client/trace.h"
#include "natsd-front/conn.h"
#include "natsd-front/text.h"

/* More than a line of the log takes, so that the log is what marks the cut. */
#define TRACE_LINE_MAX (LOG_TEXT_MAX + 256)

struct line {
	size_t n;
	char at[TRACE_LINE_MAX];
};

static void
line_add(struct line *l, struct str s)
{
	size_t left = sizeof(l->at) - l->n, n = s.n < left ? s.n : left;

	memcpy(l->at + l->n, s.p, n);
	l->n += n;
}

static void
line_say(const struct conn *c, const struct line *l)
{
	conn_log_bytes(c, LOG_LVL_TRACE, (struct str){ l->at, l->n });
}

void
trace_op(const struct conn *c, const char *verb, struct str args)
{
	struct line l;

	if (!log_traces())
		return;
	l.n = 0;
	line_add(&l, STR("<<- ["));
	line_add(&l, str_of(verb));
	if (args.n != 0) {
		line_add(&l, STR(" "));
		line_add(&l, args);
	}
	line_add(&l, STR("]"));
	line_say(c, &l);
}

void
trace_args(const struct conn *c, const char *verb, const char *from, const char *behind)
{
	struct str args = { from, 0 };

	if (!log_traces())
		return;
	while (*behind != '\n')
		behind++;
	args.n = (size_t)(behind - from);
	if (memchr(args.p, '\r', args.n) != NULL)
		args.n--;
	trace_op(c, verb, args);
}

/* `trace_headers` leaves the headers, without the empty line at their end. */
static struct str
payload_shown(const struct conn *c, struct str body, uint32_t hdr)
{
	if (!c->worker->settings->o.trace_headers)
		return (body);
	return ((struct str){ body.p, hdr > 4 ? hdr - 4 : 0 });
}

static void
say_payload(const struct conn *c, struct str arrow, struct str body, uint32_t hdr)
{
	int64_t max = c->worker->settings->o.max_traced_msg_len;
	struct line l;
	bool cut;

	body = payload_shown(c, body, hdr);
	if (body.n == 0)
		return;
	cut = max > 0 && body.n > (uint64_t)max;
	if (cut)
		body.n = (size_t)max;
	l.n = 0;
	line_add(&l, arrow);
	line_add(&l, STR(" MSG_PAYLOAD: ["));
	l.n += text_quote(l.at + l.n, sizeof(l.at) - l.n, body);
	if (cut) {
		l.n--;
		line_add(&l, STR("...\""));
	}
	line_add(&l, STR("]"));
	line_say(c, &l);
}

void
trace_payload(const struct conn *c, struct str body, uint32_t hdr)
{
	if (log_traces())
		say_payload(c, STR("<<-"), body, hdr);
}

void
trace_delivery(const struct conn *c, struct str head, struct str line, struct str body, uint32_t hdr)
{
	struct line l;

	l.n = 0;
	line_add(&l, STR("->> ["));
	line_add(&l, head);
	line_add(&l, (struct str){ line.p, line.n - 2 });
	line_add(&l, STR("]"));
	line_say(c, &l);
	say_payload(c, STR("->>"), body, hdr);
}

void
trace_connect(const struct conn *c, struct str json)
{
	char text[LOG_TEXT_MAX];

	if (log_traces())
		trace_op(c, "CONNECT", (struct str){ text, redact(text, sizeof(text), json) });
}

void
trace_out(const struct conn *c, const char *word)
{
	if (log_traces())
		conn_log(c, LOG_LVL_TRACE, "->> [%s]", word);
}

void
trace_drop_sub(const struct conn *c, struct str sid)
{
	if (log_traces())
		conn_log(c, LOG_LVL_TRACE, "<-> [DELSUB " STR_FMT "]", STR_ARG(sid));
}
