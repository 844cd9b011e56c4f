#include "config.h"

#include <string.h>

#include "natsd-front/client/trace.h"
#include "natsd-front/conn.h"

#define TRACE_LINE_MAX 2048

static void
trace_in(const struct conn *c, const char *verb, const char *p, size_t n)
{
	conn_log(c, LOG_LVL_TRACE, "<<- [%s%s%.*s]", verb, n == 0 ? "" : " ",
	    (int)(n < TRACE_LINE_MAX ? n : TRACE_LINE_MAX), p);
}

void
client_trace_pub(const struct conn *c, const struct parser_pub *p)
{
	size_t n;

	if (!log_traces())
		return;
	n = p->subject.n + p->line.n;
	while (n > 0 && (p->subject.p[n - 1] == '\n' || p->subject.p[n - 1] == '\r'))
		n--;
	trace_in(c, p->hdr_digits.n != 0 ? "HPUB" : "PUB", p->subject.p, n);
}

void
client_trace_payload(const struct conn *c, const struct parser_pub *p)
{
	int64_t max;
	size_t n;

	if (!log_traces())
		return;
	max = c->worker->settings->o.max_traced_msg_len;
	n = p->body.n;
	if (max > 0 && n > (size_t)max)
		n = (size_t)max;
	conn_log(c, LOG_LVL_TRACE, "<<- MSG_PAYLOAD: [\"%.*s\"%s]",
	    (int)(n < LOG_TEXT_MAX / 8 ? n : LOG_TEXT_MAX / 8), p->body.p,
	    n < p->body.n ? "..." : "");
}

void
client_trace_sub(const struct conn *c, struct str subject, struct str queue, struct str sid)
{
	if (!log_traces())
		return;
	conn_log(c, LOG_LVL_TRACE, "<<- [SUB " STR_FMT "%s" STR_FMT " " STR_FMT "]",
	    STR_ARG(subject), queue.n != 0 ? " " : "", STR_ARG(queue), STR_ARG(sid));
}

void
client_trace_unsub(const struct conn *c, struct str sid, int max)
{
	if (!log_traces())
		return;
	if (max < 0)
		conn_log(c, LOG_LVL_TRACE, "<<- [UNSUB " STR_FMT "]", STR_ARG(sid));
	else
		conn_log(c, LOG_LVL_TRACE, "<<- [UNSUB " STR_FMT " %d]", STR_ARG(sid), max);
}

void
client_trace_word(const struct conn *c, const char *word)
{
	if (log_traces())
		conn_log(c, LOG_LVL_TRACE, "<<- [%s]", word);
}

void
client_trace_out(const struct conn *c, const char *word)
{
	if (log_traces())
		conn_log(c, LOG_LVL_TRACE, "->> [%s]", word);
}

/* Nothing of a CONNECT that could be a secret is worth the risk: only its length. */
void
client_trace_connect(const struct conn *c, struct str json)
{
	if (log_traces())
		conn_log(c, LOG_LVL_TRACE, "<<- [CONNECT (%zu bytes)]", json.n);
}
