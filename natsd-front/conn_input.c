#include "config.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "natsd-front/auth/auth.h"
#include "natsd-front/client/client.h"
#include "natsd-front/conn.h"
#include "natsd-front/conn_input.h"
#include "natsd-front/conn_tls.h"
#include "natsd-front/tls/tls.h"

static size_t
held_bytes(const struct conn *c)
{
	return (c->held_end - c->held_at);
}

static void
held_drop(struct conn *c)
{
	if (c->held != NULL)
		blob_drop(c->worker->mem.blobs, c->held);
	c->held = NULL;
	c->held_at = c->held_end = 0;
}

/* Keeps n bytes that stand in the shared buffer, with room for the whole operation in work. */
static int
held_keep(struct conn *c, const uint8_t *p, size_t n)
{
	size_t want = parser_wants(&c->parser);

	assert(c->held == NULL);
	c->held = blob_new(c->worker->mem.blobs, want > n ? want : n);
	if (c->held == NULL)
		return (-1);
	memcpy(c->held->data, p, n);
	c->held_at = 0;
	c->held_end = n;
	return (0);
}

/* Room for `want` more bytes behind what is held. */
static int
held_grow(struct conn *c, size_t want)
{
	size_t n = held_bytes(c);
	struct blob *b;

	if (c->held->size - c->held_end >= want)
		return (0);
	b = blob_new(c->worker->mem.blobs, n + want);
	if (b == NULL)
		return (-1);
	memcpy(b->data, c->held->data + c->held_at, n);
	blob_drop(c->worker->mem.blobs, c->held);
	c->held = b;
	c->held_at = 0;
	c->held_end = n;
	return (0);
}

struct str
conn_held(const struct conn *c)
{
	return (c->held == NULL ? STR_NONE
				: (struct str){ (const char *)c->held->data + c->held_at, held_bytes(c) });
}

uint8_t *
conn_held_room(struct conn *c, size_t n)
{
	if (c->held == NULL) {
		c->held = blob_new(c->worker->mem.blobs, n);
		c->held_at = c->held_end = 0;
	} else if (held_grow(c, n) != 0) {
		return (NULL);
	}
	return (c->held == NULL ? NULL : c->held->data + c->held_end);
}

void
conn_held_add(struct conn *c, size_t n)
{
	c->held_end += n;
	if (held_bytes(c) == 0)
		held_drop(c);
}

void
conn_held_skip(struct conn *c, size_t n)
{
	c->held_at += n;
	if (held_bytes(c) == 0)
		held_drop(c);
}

static void
input_over(struct conn *c, ssize_t n)
{
	if (n == 0)
		conn_close(c, REASON_CLIENT_CLOSED);
	else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
		conn_close(c, REASON_READ_ERROR);
}

static void
input_after(struct conn *c, enum parser_end end)
{
	/* What it was paused for may be over already. */
	if (end == PARSER_PAUSED && c->paused == 0 && c->state == CONN_OPEN && c->at == NULL)
		conn_list_add(&c->worker->resume, c);
}

/* Parses n bytes that stand in the shared buffer; the rest is kept. */
static void
input_parse_shared(struct conn *c, const uint8_t *p, size_t n)
{
	enum parser_end end;
	size_t used;

	c->worker->feeding = NULL;
	used = parser_feed(&c->parser, &client_ops, c, p, n, &end);
	if (c->state == CONN_CLOSING)
		return;
	if (used < n && held_keep(c, p + used, n - used) != 0) {
		conn_no_memory(c, REASON_READ_ERROR, "what it sends");
		return;
	}
	input_after(c, end);
}

void
conn_input_held(struct conn *c)
{
	enum parser_end end;
	struct blob *b = c->held;

	if (b == NULL)
		return;
	c->worker->feeding = b;
	c->held_at += parser_feed(&c->parser, &client_ops, c, b->data + c->held_at, held_bytes(c),
	    &end);
	c->worker->feeding = NULL;
	if (c->state == CONN_CLOSING)
		return;
	if (c->held_at == c->held_end)
		held_drop(c);
	input_after(c, end);
}

/* A large operation: read straight to where it will be used. */
static void
input_read_held(struct conn *c)
{
	size_t want = parser_wants(&c->parser), have = held_bytes(c);
	ssize_t n;

	want = want > have ? want - have : have;
	if (held_grow(c, want) != 0) {
		conn_no_memory(c, REASON_READ_ERROR, "what it sends");
		return;
	}
	n = read(c->fd, c->held->data + c->held_end, want);
	if (n <= 0) {
		input_over(c, n);
		return;
	}
	c->held_end += (size_t)n;
	worker_drain(c->worker);
	c->worker->feed_old = have;
	conn_input_held(c);
}

static void
input_read_shared(struct conn *c)
{
	struct worker *w = c->worker;
	size_t have = held_bytes(c);
	ssize_t n;

	n = read(c->fd, w->read_buf + have, WORKER_READ_BYTES);
	if (n <= 0) {
		input_over(c, n);
		return;
	}
	if (have == 0 && c->parser.connect_only && parser_is_fresh(&c->parser)) {
		auth_first(c, w->read_buf[0]);
		if (c->state == CONN_CLOSING)
			return;
	}
	if (have != 0)
		memcpy(w->read_buf, c->held->data + c->held_at, have);
	held_drop(c);
	worker_drain(w);
	w->feed_old = have;
	input_parse_shared(c, w->read_buf, have + (size_t)n);
}

/* ---- TLS: one read of ciphertext, opened to where its plaintext is wanted ---- */

static bool
is_large(const struct conn *c)
{
	return (held_bytes(c) > WORKER_JOIN_BYTES || parser_wants(&c->parser) > WORKER_JOIN_BYTES);
}

/* The rest of a large operation, and nothing behind it. */
static void
open_large(struct conn *c)
{
	size_t want = parser_wants(&c->parser), have = held_bytes(c);

	want = want > have ? want - have : have;
	if (conn_held_room(c, want) == NULL) {
		conn_no_memory(c, REASON_READ_ERROR, "what it sends");
		return;
	}
	conn_held_add(c, conn_tls_open(c, c->held->data + c->held_end, want));
	if (c->state == CONN_OPEN)
		conn_input_held(c);
}

/* It was paused in the midst of this read. */
static void
open_for_later(struct conn *c)
{
	uint8_t *to = conn_held_room(c, TLS_READ_BYTES + TLS_RECORD_BYTES);

	if (to == NULL)
		conn_no_memory(c, REASON_READ_ERROR, "what it sends");
	else
		conn_held_add(c, conn_tls_open(c, to, TLS_READ_BYTES + TLS_RECORD_BYTES));
}

static void
open_shared(struct conn *c)
{
	struct worker *w = c->worker;
	size_t have = held_bytes(c), n;

	n = conn_tls_open(c, w->read_buf + have, WORKER_READ_BYTES);
	if (n == 0 || c->state != CONN_OPEN)
		return;
	if (have != 0)
		memcpy(w->read_buf, c->held->data + c->held_at, have);
	held_drop(c);
	input_parse_shared(c, w->read_buf, have + n);
}

static void
input_read_tls(struct conn *c)
{
	ssize_t n = conn_tls_read(c);

	if (n <= 0) {
		input_over(c, n);
		return;
	}
	worker_drain(c->worker);
	while (c->state == CONN_OPEN && tls_holds(c->tls) && (c->flags & CONN_TLS_OVER) == 0) {
		if (c->paused != 0 || c->at != NULL)
			open_for_later(c);
		else if (is_large(c))
			open_large(c);
		else
			open_shared(c);
	}
	if ((c->flags & CONN_TLS_OVER) != 0)
		conn_close(c, REASON_CLIENT_CLOSED);
}

void
conn_input(struct conn *c)
{
	struct worker *w = c->worker;

	/* What is held goes first, when its turn comes. */
	if (c->at != NULL)
		return;
	if (w->congested) {
		conn_pause(c, CONN_PAUSE_RING, (struct mono){ 0 });
		return;
	}
	c->stalled_us = 0;
	if (c->tls != NULL)
		input_read_tls(c);
	else if (is_large(c))
		input_read_held(c);
	else
		input_read_shared(c);
}
