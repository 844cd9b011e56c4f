#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "natsd-front/client/trace.h"
#include "natsd-front/conn.h"
#include "natsd-front/conn_tls.h"
#include "natsd-front/deliver.h"
#include "natsd-front/slow_event.h"
#include "natsd-front/text.h"
#include "natsd-front/tls/tls.h"

#define OUT_BATCH_MAX ((size_t)64 << 20) /* bytes that one write deadline is for */
#define OUT_SOON ((size_t)128 << 10)	 /* bytes that are written before the end of the turn */
#define OUT_WRITES_MAX 64

static void
conn_mark_dirty(struct conn *c)
{
	if ((c->flags & CONN_DIRTY) != 0)
		return;
	c->flags |= CONN_DIRTY;
	c->dirty_next = c->worker->dirty.head;
	c->worker->dirty.head = c;
}

static void
conn_is_slow(struct conn *c)
{
	c->worker->stats.slow_consumers++;
	tally_slow(c->worker, c->account);
	slow_event_count(c->worker, c->account);
}

static void
conn_slow_pending(struct conn *c)
{
	conn_is_slow(c);
	conn_log(c, LOG_LVL_INFO, "Slow Consumer Detected: MaxPending of %zu Exceeded",
	    c->worker->settings->max_pending);
	conn_close(c, REASON_SLOW_PENDING);
}

/* More than the usual is waiting: write some now, look at the limits. */
static void
conn_much_waits(struct conn *c)
{
	const struct settings *s = c->worker->settings;

	if (!c->waits_write) {
		deliver_publish_rings(c->worker);
		conn_flush(c);
	}
	if (c->out.pending > s->max_pending && c->state != CONN_CLOSING)
		conn_slow_pending(c);
	else if (c->out.pending > s->stall_gate)
		c->flags |= CONN_GATED;
}

static void
conn_more_waits(struct conn *c)
{
	const struct settings *s = c->worker->settings;
	size_t soon = OUT_SOON < s->stall_gate ? OUT_SOON : s->stall_gate;

	conn_mark_dirty(c);
	if (c->out.pending > soon)
		conn_much_waits(c);
}

uint8_t *
conn_room(struct conn *c, size_t n)
{
	uint8_t *p = out_reserve(&c->out, &c->worker->mem, n);

	if (p == NULL)
		conn_no_memory(c, REASON_WRITE_ERROR, "its output");
	return (p);
}

void
conn_wrote(struct conn *c, size_t n)
{
	out_commit(&c->out, n);
	conn_more_waits(c);
}

void
conn_refer(struct conn *c, struct blob *b, size_t at, size_t n)
{
	if (out_refer(&c->out, &c->worker->mem, b, at, n) != 0)
		conn_no_memory(c, REASON_WRITE_ERROR, "its output");
	else
		conn_more_waits(c);
}

void
conn_put(struct conn *c, const void *p, size_t n)
{
	uint8_t *to;

	if (c->state == CONN_CLOSING || (c->tls != NULL && (c->flags & CONN_TLS_READY) == 0) ||
	    (to = conn_room(c, n)) == NULL)
		return; /* in the midst of a handshake nothing can be said */
	memcpy(to, p, n);
	conn_wrote(c, n);
}

void
conn_err(struct conn *c, const char *text)
{
	conn_errf(c, "%s", text);
}

void
conn_errf(struct conn *c, const char *fmt, ...)
{
	char text[TEXT_ERR_MAX];
	va_list ap;
	int n;

	memcpy(text, "-ERR '", 6);
	va_start(ap, fmt);
	n = vsnprintf(text + 6, sizeof(text) - 6 - 3, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n > sizeof(text) - 6 - 4)
		n = (int)(sizeof(text) - 6 - 4);
	if (log_traces())
		conn_log(c, LOG_LVL_TRACE, "->> [-ERR %s]", text + 6);
	memcpy(text + 6 + n, "'\r\n", 3);
	conn_put(c, text, (size_t)n + 6 + 3);
}

void
conn_ok(struct conn *c)
{
	if ((c->flags & CONN_VERBOSE) == 0)
		return;
	trace_out(c, "OK");
	conn_put(c, "+OK\r\n", 5);
}

/* ---- writing ---- */

static void
conn_gate_opens(struct conn *c)
{
	struct conn *p;

	c->flags &= ~(uint32_t)CONN_GATED;
	while ((p = c->worker->stall_wait.head) != NULL)
		conn_resume(p, CONN_PAUSE_STALL);
}

static void
conn_new_batch(struct conn *c)
{
	const struct settings *s = c->worker->settings;

	c->batch_left = c->out.pending < OUT_BATCH_MAX ? c->out.pending : OUT_BATCH_MAX;
	c->batch_bytes = c->batch_left;
	c->batch_chunks = out_chunks(&c->out);
	c->write_by = mono_add_ns(c->worker->now, s->write_deadline_ns);
}

static void
conn_recovered(struct conn *c)
{
	int64_t left = mono_diff_ns(c->write_by, c->worker->now);
	int64_t ns = c->worker->settings->write_deadline_ns - left;

	c->flags &= ~(uint32_t)CONN_SLOW;
	conn_log(c, LOG_LVL_INFO,
	    "Slow Consumer Recovered: Flush took %.3fs with %u chunks of %zu total bytes.",
	    (double)ns / NS_PER_S, c->batch_chunks, c->batch_bytes);
}

static void
conn_all_written(struct conn *c)
{
	bool armed = c->waits_write;

	if ((c->flags & CONN_SLOW) != 0)
		conn_recovered(c);
	c->batch_left = 0;
	c->waits_write = false;
	if (c->write_by.ns != 0) {
		c->write_by = (struct mono){ 0 };
		if (armed)
			conn_set_timer(c);
	}
	if (armed)
		conn_arm(c);
	if ((c->flags & CONN_LINGER) != 0) {
		conn_list_remove(c);
		conn_list_add(&c->worker->closing, c);
	}
}

static void
conn_forget_output(struct conn *c)
{
	out_drop(&c->out, &c->worker->mem);
	conn_tls_forget(c);
	conn_all_written(c);
}

static void
conn_write_failed(struct conn *c)
{
	if (c->state == CONN_CLOSING) {
		conn_forget_output(c);
		return;
	}
	conn_log(c, LOG_LVL_DEBUG, "Error flushing: %s", strerror(errno));
	conn_close(c, REASON_WRITE_ERROR);
}

bool
conn_unwritten(const struct conn *c)
{
	return (c->out.pending != 0 || (c->tls != NULL && c->tls->unsent != NULL));
}

static ssize_t
conn_write(struct conn *c)
{
	return (c->tls != NULL ? conn_tls_write(c)
			       : out_write(&c->out, &c->worker->mem, c->fd, SIZE_MAX));
}

void
conn_flush(struct conn *c)
{
	struct worker *w = c->worker;
	size_t before;
	ssize_t n = 0;
	unsigned i;

	for (i = 0; i < OUT_WRITES_MAX && conn_unwritten(c); i++) {
		if (c->batch_left == 0)
			conn_new_batch(c);
		before = c->out.pending;
		n = conn_write(c);
		if (n < 0) {
			conn_write_failed(c);
			return;
		}
		c->batch_left -= (size_t)n < c->batch_left ? (size_t)n : c->batch_left;
		if (n == 0 || ((size_t)n < before && (size_t)n < OUT_SOON))
			break;
	}
	if ((c->flags & CONN_GATED) != 0 && c->out.pending <= w->settings->stall_gate)
		conn_gate_opens(c);
	if (!conn_unwritten(c)) {
		conn_all_written(c);
	} else if (w->lent) {
		conn_mark_dirty(c);
	} else if (!c->waits_write) {
		c->waits_write = true;
		conn_arm(c);
		conn_set_timer(c);
	}
}

void
conn_flush_dirty(struct worker *w)
{
	struct conn *c, *next = w->dirty.head;

	w->dirty.head = NULL;
	while ((c = next) != NULL) {
		next = c->dirty_next;
		c->flags &= ~(uint32_t)CONN_DIRTY;
		if (!c->waits_write && (c->state != CONN_CLOSING || reason_flushes(c->reason)))
			conn_flush(c);
	}
}

/* ---- the write deadline (client.md 13.2) ---- */

void
conn_write_late(struct conn *c)
{
	const struct settings *s = c->worker->settings;
	size_t batch = c->out.pending < OUT_BATCH_MAX ? c->out.pending : OUT_BATCH_MAX;
	bool nothing = c->batch_left >= batch;
	char deadline[TEXT_DURATION_MAX];

	if (c->state == CONN_CLOSING) {
		conn_forget_output(c);
		return;
	}
	if (c->state == CONN_OPENING) {
		conn_close(c, REASON_TLS_HANDSHAKE);
		return;
	}
	if ((c->flags & CONN_CONNECTED) != 0 || c->tls != NULL) {
		conn_is_slow(c);
		text_duration(deadline, s->write_deadline_ns);
		conn_log(c, LOG_LVL_INFO,
		    "Slow Consumer %s: WriteDeadline of %s exceeded "
		    "with %u chunks of %zu total bytes.",
		    (c->flags & CONN_SLOW) != 0 ? "State" : "Detected", deadline,
		    out_chunks(&c->out), c->out.pending);
	}
	if (s->o.write_timeout != POLICY_RETRY || nothing) {
		conn_close(c, REASON_SLOW_WRITE);
		return;
	}
	c->flags |= CONN_SLOW;
	conn_new_batch(c);
}
