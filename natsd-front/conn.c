#include "config.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "natsd-front/auth/auth.h"
#include "natsd-front/client/client.h"
#include "natsd-front/closed.h"
#include "natsd-front/conn.h"
#include "natsd-front/conn_input.h"
#include "natsd-front/conn_tls.h"
#include "natsd-front/grants.h"
#include "natsd-front/opening.h"
#include "natsd-front/tls/tls.h"

#define CONN_DRAIN_READS 16 /* of what a peer still sends when we close */

/* ---- lists ---- */

void
conn_list_add(struct conn_list *list, struct conn *c)
{
	assert(c->at == NULL);
	c->next = list->head;
	c->at = &list->head;
	if (c->next != NULL)
		c->next->at = &c->next;
	list->head = c;
}

void
conn_list_remove(struct conn *c)
{
	if (c->at == NULL)
		return;
	*c->at = c->next;
	if (c->next != NULL)
		c->next->at = c->at;
	c->next = NULL;
	c->at = NULL;
}

/* ---- names ---- */

void
conn_ip(const struct conn *c, char *out)
{
	if (inet_ntop(c->family, c->addr, out, CONN_IP_MAX) == NULL)
		out[0] = '\0';
}

void
conn_client_ip(const struct conn *c, char *out)
{
	if (c->proxied == NULL)
		conn_ip(c, out);
	else if (inet_ntop(c->proxied->family, c->proxied->addr, out, CONN_IP_MAX) == NULL)
		out[0] = '\0';
}

uint16_t
conn_client_port(const struct conn *c)
{
	return (c->proxied == NULL ? c->port : c->proxied->port);
}

void
conn_log_bytes(const struct conn *c, enum log_level level, struct str text)
{
	const char *label = c->labels != NULL && c->labels->text != NULL ? c->labels->text : "";
	char ip[CONN_IP_MAX], line[LOG_TEXT_MAX];
	size_t n, left;
	int head;

	conn_ip(c, ip);
	head = snprintf(line, sizeof(line),
	    c->family == AF_INET6 ? "[%s]:%u - cid:%llu%s - " : "%s:%u - cid:%llu%s - ", ip, c->port,
	    (unsigned long long)c->cid, label);
	if (head < 0)
		return;
	n = (size_t)head < sizeof(line) ? (size_t)head : sizeof(line) - 1;
	left = sizeof(line) - n;
	memcpy(line + n, text.p, text.n < left ? text.n : left);
	log_bytes(level, line, n + (text.n < left ? text.n : left));
}

void
conn_log(const struct conn *c, enum log_level level, const char *fmt, ...)
{
	char text[LOG_TEXT_MAX / 2];
	va_list ap;
	int n;

	if (!log_wants(level))
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t)n >= sizeof(text))
		n = sizeof(text) - 1;
	conn_log_bytes(c, level, (struct str){ text, (size_t)n });
}

/* ---- begin ---- */

static void
conn_on_event(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	worker_enter(c->worker);
	c->worker->worked = true;
	if (what & EV_WRITE)
		conn_flush(c);
	if ((what & EV_READ) && c->state == CONN_OPEN)
		conn_input(c);
	else if ((what & EV_READ) && c->state == CONN_OPENING)
		opening_input(c);
}

void
conn_arm(struct conn *c)
{
	bool reads = (c->state == CONN_OPEN && c->paused == 0) ||
	    (c->state == CONN_OPENING && opening_reads(c));
	bool writes = c->waits_write && conn_unwritten(c);
	short want = (short)(EV_PERSIST | (reads ? EV_READ : 0) | (writes ? EV_WRITE : 0));

	assert(!c->worker->lent);
	if (event_initialized(&c->ev)) {
		if (event_get_events(&c->ev) == want && event_pending(&c->ev, want, NULL) != 0)
			return;
		event_del(&c->ev);
	}
	event_assign(&c->ev, c->worker->base, c->fd, want, conn_on_event, c);
	if (want != EV_PERSIST && event_add(&c->ev, NULL) != 0)
		conn_no_memory(c, REASON_READ_ERROR, "its events");
}

static struct conn *
conn_new(struct worker *w, const struct local_adopt *a)
{
	struct conn *c = pool_get(w->conn_pool);

	if (c == NULL)
		return (NULL);
	memset(c, 0, sizeof(*c));
	c->handle = slots_add(&w->conns, c);
	if (c->handle.life == 0) {
		pool_put(w->conn_pool, c);
		return (NULL);
	}
	c->worker = w;
	c->cid = a->cid;
	c->fd = a->fd;
	c->flags = CONN_VERBOSE | CONN_PEDANTIC | CONN_ECHO;
	c->state = CONN_OPEN;
	c->family = a->family;
	c->port = a->port;
	memcpy(c->addr, a->addr, sizeof(c->addr));
	c->started = w->now;
	c->start_wall_ns = c->last_wall_ns = wall_now().ns;
	parser_init(&c->parser, PARSER_CLIENT, w->settings->max_control_line);
	if (auth_begin(c) != 0) {
		auth_end(c);
		slots_remove(&w->conns, c->handle);
		pool_put(w->conn_pool, c);
		return (NULL);
	}
	return (c);
}

void
conn_adopt(struct worker *w, const struct local_adopt *a)
{
	struct conn *c = conn_new(w, a);
	int one = 1;

	if (c == NULL) {
		log_error("no memory for a connection, cid:%llu", (unsigned long long)a->cid);
		close(a->fd);
		atomic_fetch_sub(&w->shared->pub[w->index].conns, 1);
		return;
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	w->stats.total_conns++;
	conn_log(c, LOG_LVL_DEBUG, "Client connection created");
	opening_begin(c, a->refuse);
	conn_arm(c);
	conn_set_timer(c);
}

/* ---- end ---- */

void
conn_close(struct conn *c, enum reason reason)
{
	if (c->state == CONN_CLOSING)
		return;
	c->state = CONN_CLOSING;
	c->reason = (uint8_t)reason;
	conn_log(c, LOG_LVL_DEBUG, "Client connection closed: %s", reason_text(reason));
	conn_list_remove(c);
	conn_list_add(&c->worker->closing, c);
}

void
conn_no_memory(struct conn *c, enum reason reason, const char *what)
{
	if (c->state == CONN_CLOSING)
		return;
	conn_log(c, LOG_LVL_ERROR, "no memory for %s", what);
	conn_close(c, reason);
}

static void
conn_free_labels(struct conn *c)
{
	if (c->labels == NULL)
		return;
	free(c->labels->name);
	free(c->labels->lang);
	free(c->labels->version);
	free(c->labels->text);
	free(c->labels);
	c->labels = NULL;
}

/* What the peer sent and we never read would turn our close into a reset that can overtake the
 * -ERR; so the end is said first, and what is there is read away. */
static void
conn_hang_up(struct conn *c)
{
	enum reason r = (enum reason)c->reason;
	unsigned i;

	if (r != REASON_CLIENT_CLOSED && r != REASON_READ_ERROR && r != REASON_WRITE_ERROR) {
		conn_tls_hang_up(c);
		shutdown(c->fd, SHUT_WR);
		for (i = 0; i < CONN_DRAIN_READS; i++)
			if (recv(c->fd, c->worker->read_buf, WORKER_READ_BYTES, MSG_DONTWAIT) <= 0)
				break;
	}
	close(c->fd);
}

static void
conn_destroy(struct conn *c)
{
	struct worker *w = c->worker;

	assert((c->flags & CONN_DIRTY) == 0);
	conn_list_remove(c);
	wheel_stop(w->wheel, &c->timer);
	event_del(&c->ev);
	opening_end(c);
	conn_hang_up(c);
	tls_free(c->tls, w->mem.blobs);
	free(c->proxied);
	if (c->held != NULL)
		blob_drop(w->mem.blobs, c->held);
	out_drop(&c->out, &w->mem);
	conn_free_labels(c);
	auth_free(c);
	grants_free(c->grants);
	pool_put(w->conn_pool, c);
}

void
conn_free(struct conn *c)
{
	conn_destroy(c);
}

/* Off the books: nobody finds it any more.  Its memory stays while it lingers. */
static void
conn_unregister(struct conn *c)
{
	struct worker *w = c->worker;

	opening_end(c);
	closed_ring_add(w->shared->closed, c, wall_now().ns);
	client_end(c);
	auth_end(c);
	slots_remove(&w->conns, c->handle);
	atomic_fetch_sub(&w->shared->pub[w->index].conns, 1);
}

static void
conn_linger_or_destroy(struct conn *c)
{
	struct worker *w = c->worker;

	if (reason_flushes(c->reason) && c->out.pending != 0 && !c->waits_write)
		conn_flush(c);
	if (reason_flushes(c->reason) && c->reason != REASON_WRITE_ERROR && c->out.pending != 0) {
		c->flags |= CONN_LINGER;
		c->waits_write = true;
		c->ping_at = c->due_at = (struct mono){ 0 };
		conn_list_remove(c);
		conn_list_add(&w->lingering, c);
		conn_arm(c);
		conn_set_timer(c);
		return;
	}
	conn_destroy(c);
}

void
conn_end_turn(struct worker *w)
{
	struct conn *c;

	while ((c = w->closing.head) != NULL) {
		conn_list_remove(c);
		if ((c->flags & CONN_LINGER) != 0) {
			conn_destroy(c);
			continue;
		}
		conn_unregister(c);
		conn_linger_or_destroy(c);
	}
}

bool
conn_close_random(struct worker *w, enum reason reason, const char *err_text)
{
	uint32_t from, i;
	struct conn *c;

	if (w->conns.used == 0)
		return (false);
	from = worker_random(w, w->conns.size);
	for (i = 0; i < w->conns.size; i++) {
		c = slots_at(&w->conns, (from + i) % w->conns.size);
		if (c == NULL || c->state == CONN_CLOSING)
			continue;
		if (err_text != NULL)
			conn_err(c, err_text);
		conn_close(c, reason);
		return (true);
	}
	return (false);
}

void
conn_close_all(struct worker *w, enum reason reason)
{
	uint32_t i;

	for (i = 0; i < w->conns.size; i++)
		if (slots_at(&w->conns, i) != NULL)
			conn_close(slots_at(&w->conns, i), reason);
}

/* ---- its timer ---- */

void
conn_set_timer(struct conn *c)
{
	struct mono when = c->state == CONN_OPENING ? opening_until(c) : c->ping_at;

	if (c->due_at.ns != 0 && (when.ns == 0 || mono_before(c->due_at, when)))
		when = c->due_at;
	if (c->write_by.ns != 0 && (when.ns == 0 || mono_before(c->write_by, when)))
		when = c->write_by;
	if (when.ns == 0)
		wheel_stop(c->worker->wheel, &c->timer);
	else
		wheel_set(c->worker->wheel, &c->timer, when);
}

void
conn_on_timer(struct wheel_timer *t, void *worker)
{
	struct conn *c = (struct conn *)((char *)t - offsetof(struct conn, timer));
	struct worker *w = worker;

	if (c->write_by.ns != 0 && !mono_before(w->now, c->write_by))
		conn_write_late(c);
	if (c->state == CONN_OPENING && !mono_before(w->now, opening_until(c)))
		opening_late(c);
	if (c->state != CONN_CLOSING && c->due_at.ns != 0 && !mono_before(w->now, c->due_at))
		auth_late(c);
	if ((c->state == CONN_OPEN || c->state == CONN_AUTHENTICATING) &&
	    !mono_before(w->now, c->ping_at))
		client_ping_due(c);
	if (c->state != CONN_CLOSING || (c->flags & CONN_LINGER) != 0)
		conn_set_timer(c);
}
