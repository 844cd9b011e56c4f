#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "natsd-front/conn.h"
#include "natsd-front/conn_input.h"
#include "natsd-front/conn_tls.h"
#include "natsd-front/tls/tls.h"

#define TURN_BYTES ((size_t)256 << 10) /* of one connection, before others have their turn */
#define SEALED_MAX (TLS_BATCH_SEALED * 2)

struct conn_tls_room {
	struct buf sealed;
	uint8_t in[TLS_READ_BYTES];
	uint8_t record[TLS_RECORD_BYTES]; /* where small pieces come together */
};

/* NULL: no memory. */
static struct conn_tls_room *
room_of(struct worker *w)
{
	if (w->tls_room == NULL) {
		w->tls_room = malloc(sizeof(*w->tls_room));
		if (w->tls_room == NULL)
			return (NULL);
		w->tls_room->sealed = BUF_INIT(SEALED_MAX);
	}
	w->tls_room->sealed.len = 0;
	return (w->tls_room);
}

void
conn_tls_room_free(struct conn_tls_room *room)
{
	if (room == NULL)
		return;
	buf_free(&room->sealed);
	free(room);
}

/* ---- reading ---- */

ssize_t
conn_tls_read(struct conn *c)
{
	struct conn_tls_room *room = room_of(c->worker);
	ssize_t n;

	if (room == NULL) {
		errno = ENOMEM;
		return (-1);
	}
	n = read(c->fd, room->in, sizeof(room->in));
	if (n > 0) {
		c->tls->io.in = room->in;
		c->tls->io.in_n = (size_t)n;
	}
	return (n);
}

size_t
conn_tls_open(struct conn *c, uint8_t *to, size_t n)
{
	struct conn_tls_room *room = room_of(c->worker);
	enum tls_result result;
	size_t got = 0;

	if (room == NULL) {
		conn_no_memory(c, REASON_READ_ERROR, "what it sends");
		return (0);
	}
	result = tls_open(c->tls, to, n, &got, &room->sealed);
	if (room->sealed.len != 0)
		conn_tls_send(c, room->sealed.data, room->sealed.len);
	if (result == TLS_OVER) {
		c->flags |= CONN_TLS_OVER;
	} else if (result == TLS_FAILED) {
		conn_log(c, LOG_LVL_DEBUG, "TLS read error%s",
		    c->tls->flooded ? ": too many non-advancing records" : "");
		conn_close(c, REASON_READ_ERROR);
	}
	return (got);
}

bool
conn_tls_hold(struct conn *c, const uint8_t *p, size_t n)
{
	size_t room = n + TLS_RECORD_BYTES, got;
	uint8_t *to;

	if (n == 0)
		return (true);
	if ((to = conn_held_room(c, room)) == NULL) {
		conn_no_memory(c, REASON_READ_ERROR, "what it sends");
		return (false);
	}
	c->tls->io.in = p;
	c->tls->io.in_n = n;
	got = conn_tls_open(c, to, room);
	conn_held_add(c, got);
	return (c->state != CONN_CLOSING);
}

/* ---- writing ---- */

/* 0: the socket is full. */
static ssize_t
write_some(int fd, const uint8_t *p, size_t n)
{
	ssize_t done;

	do
		done = write(fd, p, n);
	while (done == -1 && errno == EINTR);
	return (done == -1 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : done);
}

void
conn_tls_forget(struct conn *c)
{
	struct tls *t = c->tls;

	if (t == NULL || t->unsent == NULL)
		return;
	blob_drop(c->worker->mem.blobs, t->unsent);
	t->unsent = NULL;
	t->sealed = 0;
}

/* Sealed bytes that wait from now on, behind those that do already.  0; -1: no memory. */
static int
keep_unsent(struct conn *c, const uint8_t *p, size_t n)
{
	struct tls *t = c->tls;
	size_t have = t->unsent == NULL ? 0 : t->unsent_end - t->unsent_at;
	struct blob *b;

	if (n == 0)
		return (0);
	if ((b = blob_new(c->worker->mem.blobs, have + n)) == NULL)
		return (-1);
	if (have != 0) {
		memcpy(b->data, t->unsent->data + t->unsent_at, have);
		blob_drop(c->worker->mem.blobs, t->unsent);
	}
	memcpy(b->data + have, p, n);
	t->unsent = b;
	t->unsent_at = 0;
	t->unsent_end = have + n;
	return (0);
}

/* n of the m unsent bytes are written: that much of the plaintext waits no longer. */
static size_t
account(struct conn *c, size_t n, size_t m)
{
	struct tls *t = c->tls;
	size_t plain = n == m ? t->sealed : (size_t)((uint64_t)t->sealed * n / m);

	t->sealed -= plain;
	c->out.pending -= plain;
	return (plain);
}

static ssize_t
write_unsent(struct conn *c)
{
	struct tls *t = c->tls;
	size_t m = t->unsent_end - t->unsent_at;
	ssize_t n = write_some(c->fd, t->unsent->data + t->unsent_at, m);

	if (n < 0)
		return (-1);
	n = n == 0 ? 0 : n;
	t->unsent_at += (size_t)n;
	if ((size_t)n == m) {
		blob_drop(c->worker->mem.blobs, t->unsent);
		t->unsent = NULL;
	}
	return ((ssize_t)account(c, (size_t)n, m));
}

/* What the next record holds: in one piece where it lies, or small pieces brought together. */
static size_t
next_record(struct conn *c, struct conn_tls_room *room, size_t most, const uint8_t **p)
{
	struct out_seg *seg = c->out.head;
	size_t here = seg->end - seg->start, n = 0;

	if (most > TLS_RECORD_BYTES)
		most = TLS_RECORD_BYTES;
	if (here >= most || seg->next == NULL) {
		*p = seg->blob->data + seg->start;
		return (here < most ? here : most);
	}
	for (; seg != NULL && n < most; seg = seg->next) {
		here = seg->end - seg->start;
		if (here > most - n)
			here = most - n;
		memcpy(room->record + n, seg->blob->data + seg->start, here);
		n += here;
	}
	*p = room->record;
	return (n);
}

/* Bytes of plaintext sealed into room->sealed; -1. */
static ssize_t
seal_batch(struct conn *c, struct conn_tls_room *room)
{
	const uint8_t *p;
	size_t n, sum = 0;

	while (c->out.head != NULL && sum < TLS_BATCH_BYTES) {
		n = next_record(c, room, TLS_BATCH_BYTES - sum, &p);
		if (n != 0 && tls_seal(c->tls, p, n, &room->sealed) != 0) {
			errno = EPROTO;
			return (-1);
		}
		out_taken(&c->out, &c->worker->mem, n);
		sum += n;
	}
	return ((ssize_t)sum);
}

static ssize_t
write_batch(struct conn *c)
{
	struct conn_tls_room *room = room_of(c->worker);
	ssize_t sealed, n;

	if (room == NULL) {
		errno = ENOMEM;
		return (-1);
	}
	if ((sealed = seal_batch(c, room)) < 0)
		return (-1);
	n = write_some(c->fd, room->sealed.data, room->sealed.len);
	if (n < 0)
		return (-1);
	c->tls->sealed = (size_t)sealed;
	if (keep_unsent(c, room->sealed.data + n, room->sealed.len - (size_t)n) != 0) {
		errno = ENOMEM;
		return (-1);
	}
	return ((ssize_t)account(c, (size_t)n, room->sealed.len));
}

ssize_t
conn_tls_write(struct conn *c)
{
	struct tls *t = c->tls;
	ssize_t n, sum = 0;

	out_learn(&c->out);
	while ((size_t)sum < TURN_BYTES) {
		if (t->unsent != NULL) {
			if ((n = write_unsent(c)) < 0)
				return (-1);
			sum += n;
		}
		if (t->unsent != NULL || c->out.head == NULL || (c->flags & CONN_TLS_READY) == 0)
			return (sum);
		if ((n = write_batch(c)) < 0)
			return (-1);
		sum += n;
		if (t->unsent != NULL)
			return (sum);
	}
	return (sum);
}

void
conn_tls_send(struct conn *c, const uint8_t *p, size_t n)
{
	ssize_t done = n == 0 || c->tls->unsent != NULL ? 0 : write_some(c->fd, p, n);

	if (done < 0 || keep_unsent(c, p + done, n - (size_t)done) != 0) {
		conn_close(c, REASON_WRITE_ERROR);
		return;
	}
	if (c->tls->unsent != NULL && !c->waits_write) {
		c->waits_write = true;
		conn_arm(c);
	}
}

void
conn_tls_hang_up(struct conn *c)
{
	struct conn_tls_room *room;

	if (c->tls == NULL || (c->flags & CONN_TLS_READY) == 0 || c->tls->unsent != NULL ||
	    (room = room_of(c->worker)) == NULL)
		return;
	tls_say_end(c->tls, &room->sealed);
	/* It may not get out: the end of the connection says the same. */
	write_some(c->fd, room->sealed.data, room->sealed.len);
}
