#include "config.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "natsd-front/monitor/http_chunks.h"
#include "natsd-front/monitor/http_conn.h"
#include "natsd-front/monitor/http_tls.h"
#include "natsd-front/tls/context.h"

#define READ_BYTES 16384u
#define HEAD_SECONDS 5
#define LINGER_MS 500
#define ACCEPT_PAUSE_MS 100
#define ACCEPT_BATCH 64 /* of one turn */
#define ANSWER_MAX (1u << 30)

enum http_state { HTTP_READING, HTTP_BODY, HTTP_WAITING, HTTP_WRITING, HTTP_LINGERING };

struct http_conn {
	struct http_server *server;
	TAILQ_ENTRY(http_conn) link; /* longest idle first */
	struct event *readable, *writable, *timer;
	int fd;
	struct http_tls *tls; /* NULL: plain */
	enum http_state state;
	bool close_after; /* the answer */
	struct buf in;
	size_t seen; /* bytes of in without the end of a head */
	size_t head_n;
	uint64_t skip; /* bytes of the last request's body still to come */
	struct http_request request;
	struct http_chunks chunks; /* in state BODY, where the body is read before the answer */
	struct buf out;
	size_t written;
};

struct http_server {
	struct event_base *base;
	struct event *acceptable, *accept_again;
	int fd;
	unsigned nconns;
	size_t held; /* bytes in `in` of all */
	TAILQ_HEAD(, http_conn) conns;
	void (*on_request)(struct http_conn *, void *);
	void (*on_gone)(struct http_conn *, void *);
	struct tls_context *(*tls)(void *); /* NULL: plain */
	void *ctx;
};

static void on_accept(evutil_socket_t, short, void *);
static void on_accept_again(evutil_socket_t, short, void *);
static struct http_conn *conn_new(struct http_server *, int fd);
static void conn_close(struct http_conn *);
static void close_longest_idle(struct http_server *);
static void on_readable(evutil_socket_t, short, void *);
static void on_writable(evutil_socket_t, short, void *);
static void on_timer(evutil_socket_t, short, void *);
static void look_for_request(struct http_conn *);
static void skip_chunks(struct http_conn *);
static void hand_over(struct http_conn *);
static void write_out(struct http_conn *);
static void answered(struct http_conn *);
static void linger(struct http_conn *);
static void set_timer(struct http_conn *, int ms);

struct http_server *
http_server_new(struct event_base *base, int listen_fd, void (*on_request)(struct http_conn *, void *),
    void (*on_gone)(struct http_conn *, void *), struct tls_context *(*tls)(void *), void *ctx,
    struct err *e)
{
	struct http_server *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(e, "monitoring: no memory");
		return (NULL);
	}
	s->base = base;
	s->fd = listen_fd;
	s->on_request = on_request;
	s->on_gone = on_gone;
	s->tls = tls;
	s->ctx = ctx;
	TAILQ_INIT(&s->conns);
	s->acceptable = event_new(base, listen_fd, EV_READ | EV_PERSIST, on_accept, s);
	s->accept_again = evtimer_new(base, on_accept_again, s);
	if (s->acceptable == NULL || s->accept_again == NULL || event_add(s->acceptable, NULL) != 0) {
		err_set(e, "monitoring: cannot wait for connections");
		if (s->acceptable != NULL)
			event_free(s->acceptable);
		if (s->accept_again != NULL)
			event_free(s->accept_again);
		free(s);
		return (NULL);
	}
	return (s);
}

void
http_server_free(struct http_server *s)
{
	struct http_conn *c;

	if (s == NULL)
		return;
	while ((c = TAILQ_FIRST(&s->conns)) != NULL)
		conn_close(c);
	event_free(s->acceptable);
	event_free(s->accept_again);
	close(s->fd);
	free(s);
}

const struct http_request *
http_conn_request(const struct http_conn *c)
{
	return (&c->request);
}

static const char *
status_text(int status)
{
	switch (status) {
	case 200:
		return ("200 OK");
	case 307:
		return ("307 Temporary Redirect");
	case 400:
		return ("400 Bad Request");
	case 404:
		return ("404 Not Found");
	case 417:
		return ("417 Expectation Failed");
	case 503:
		return ("503 Service Unavailable");
	default:
		return ("500 Internal Server Error");
	}
}

static const char *
connection_line(const struct http_conn *c)
{
	if (c->close_after)
		return (c->request.minor >= 1 ? "Connection: close\r\n" : "");
	return (c->request.minor == 0 ? "Connection: keep-alive\r\n" : "");
}

void
http_conn_answer(struct http_conn *c, const struct http_answer *a)
{
	bool is_head = str_eq(c->request.method, STR("HEAD"));
	time_t now = time(NULL);
	char date[64];
	struct tm tm;

	c->close_after = a->close || !c->request.keep_alive || c->request.body_n > HTTP_BODY_SKIPPED_MAX;
	if (gmtime_r(&now, &tm) == NULL ||
	    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0)
		date[0] = '\0';
	c->out.len = 0;
	if (buf_addf(&c->out, "HTTP/1.%u %s\r\n%sDate: %s\r\nContent-Length: %zu\r\n%s%s\r\n",
		c->request.minor == 0 ? 0 : 1, status_text(a->status), a->before, date, a->body.n,
		a->after, connection_line(c)) != 0 ||
	    (!is_head && buf_add_str(&c->out, a->body) != 0)) {
		log_error("monitoring: no memory for an answer");
		conn_close(c);
		return;
	}
	c->state = HTTP_WRITING;
	c->written = 0;
	write_out(c);
}

/* ---- accepting ---- */

/* Whether another one may be waiting. */
static bool
accept_one(struct http_server *s, int fd)
{
	static const struct timeval pause = { .tv_usec = ACCEPT_PAUSE_MS * 1000 };
	int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (peer == -1) {
		if (errno == EINTR || errno == ECONNABORTED)
			return (true);
		if (errno == EAGAIN)
			return (false);
		log_error("monitoring: accept: %m; waiting %d ms", ACCEPT_PAUSE_MS);
		event_del(s->acceptable);
		evtimer_add(s->accept_again, &pause);
		return (false);
	}
	if (s->nconns >= HTTP_CONNS_MAX)
		close_longest_idle(s);
	if (s->nconns >= HTTP_CONNS_MAX || conn_new(s, peer) == NULL)
		close(peer);
	return (true);
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	unsigned i;

	(void)what;
	for (i = 0; i < ACCEPT_BATCH && accept_one(arg, fd); i++)
		continue;
}

static void
on_accept_again(evutil_socket_t fd, short what, void *arg)
{
	struct http_server *s = arg;

	(void)fd;
	(void)what;
	event_add(s->acceptable, NULL);
}

static void
close_longest_idle(struct http_server *s)
{
	struct http_conn *c;

	TAILQ_FOREACH (c, &s->conns, link) {
		if (c->state == HTTP_READING || c->state == HTTP_BODY ||
		    c->state == HTTP_LINGERING) {
			conn_close(c);
			return;
		}
	}
}

/* With the certificate of this moment.  0; -1: no memory, or TLS is configured no more. */
static int
conn_begin_tls(struct http_conn *c)
{
	struct tls_context *context = c->server->tls(c->server->ctx);

	if (context == NULL)
		return (-1);
	c->tls = http_tls_new(context);
	tls_context_release(context);
	return (c->tls == NULL ? -1 : 0);
}

/* Takes fd over when it succeeds. */
static struct http_conn *
conn_new(struct http_server *s, int fd)
{
	struct http_conn *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		log_error("monitoring: no memory for a connection");
		return (NULL);
	}
	c->server = s;
	c->fd = fd;
	c->in = BUF_INIT(HTTP_HEAD_MAX + 2 * READ_BYTES);
	c->out = BUF_INIT(ANSWER_MAX);
	if (s->tls != NULL && conn_begin_tls(c) != 0)
		goto fail;
	c->readable = event_new(s->base, fd, EV_READ | EV_PERSIST, on_readable, c);
	c->writable = event_new(s->base, fd, EV_WRITE, on_writable, c);
	c->timer = evtimer_new(s->base, on_timer, c);
	if (c->readable == NULL || c->writable == NULL || c->timer == NULL ||
	    event_add(c->readable, NULL) != 0)
		goto fail;
	set_timer(c, HEAD_SECONDS * 1000);
	TAILQ_INSERT_TAIL(&s->conns, c, link);
	s->nconns++;
	return (c);
fail:
	log_error("monitoring: no memory for a connection");
	if (c->readable != NULL)
		event_free(c->readable);
	if (c->writable != NULL)
		event_free(c->writable);
	if (c->timer != NULL)
		event_free(c->timer);
	http_tls_free(c->tls);
	free(c);
	return (NULL);
}

static void
conn_close(struct http_conn *c)
{
	struct http_server *s = c->server;

	if (c->state == HTTP_WAITING)
		s->on_gone(c, s->ctx);
	TAILQ_REMOVE(&s->conns, c, link);
	s->nconns--;
	s->held -= c->in.len;
	event_free(c->readable);
	event_free(c->writable);
	event_free(c->timer);
	http_tls_free(c->tls);
	close(c->fd);
	buf_free(&c->in);
	buf_free(&c->out);
	free(c);
}

static void
set_timer(struct http_conn *c, int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	evtimer_add(c->timer, &tv);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct http_conn *c = arg;

	(void)fd;
	(void)what;
	if ((c->state == HTTP_READING || c->state == HTTP_BODY) && c->in.len > 0)
		http_conn_refuse(c, "400 Bad Request"); /* it began, and did not come to an end */
	else
		conn_close(c);
}

/* ---- reading ---- */

/* What of the input belongs to the last request's body. */
static void
drop_body(struct http_conn *c)
{
	size_t n = c->skip < c->in.len ? (size_t)c->skip : c->in.len;

	c->skip -= n;
	c->server->held -= n;
	buf_drop_front(&c->in, n);
}

/* 1: something came; 0: not now; -1: closed. */
static int
read_some(struct http_conn *c)
{
	uint8_t *to = buf_room(&c->in, READ_BYTES);
	ssize_t n;

	if (to == NULL) {
		log_error("monitoring: no memory for a request");
		conn_close(c);
		return (-1);
	}
	n = c->tls != NULL ? http_tls_read(c->tls, c->fd, to, READ_BYTES)
			   : read(c->fd, to, READ_BYTES);
	if (n > 0) {
		c->in.len += (size_t)n;
		c->server->held += (size_t)n;
		return (1);
	}
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return (0);
	conn_close(c);
	return (-1);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct http_conn *c = arg;
	bool was_empty = c->in.len == 0 && c->skip == 0;
	bool got = false;
	int rc;

	(void)fd;
	(void)what;
	do {
		rc = read_some(c);
		got = got || rc == 1;
	} while (rc == 1 && c->tls != NULL && http_tls_holds(c->tls));
	if (rc < 0 || !got)
		return;
	if (c->state == HTTP_LINGERING) {
		c->server->held -= c->in.len;
		c->in.len = 0;
		return;
	}
	if (c->state == HTTP_BODY) {
		skip_chunks(c);
		return;
	}
	drop_body(c);
	if (was_empty && !evtimer_pending(c->timer, NULL))
		set_timer(c, HEAD_SECONDS * 1000);
	look_for_request(c);
}

static void
look_for_request(struct http_conn *c)
{
	struct str in = buf_str(&c->in);
	const char *why;
	size_t n = in.n == 0 ? 0 : http_head_end(in, c->seen);

	if (n > HTTP_HEAD_MAX || (n == 0 && in.n > HTTP_HEAD_MAX) || c->server->held > HTTP_HELD_MAX) {
		http_conn_refuse(c, "431 Request Header Fields Too Large");
		return;
	}
	c->seen = in.n;
	if (n == 0)
		return;
	c->head_n = n;
	in.n = n;
	if (http_request_parse(in, &c->request, &why) != 0) {
		http_conn_refuse(c, why);
		return;
	}
	if (c->request.chunked && c->request.keep_alive) {
		c->state = HTTP_BODY;
		c->chunks = (struct http_chunks){ .state = HTTP_CHUNKS_SIZE };
		skip_chunks(c);
		return;
	}
	hand_over(c);
}

/* What stands behind the head belongs to the body, until its last chunk.  Like Go's server this one
 * answers when the body is over, or when it is one that nobody reads to its end. */
static void
skip_chunks(struct http_conn *c)
{
	struct str head = { (const char *)c->in.data, c->head_n };
	uint8_t *body = c->in.data + c->head_n;
	const char *why;
	size_t used;
	int rc = http_chunks_skip(&c->chunks,
	    (struct str){ (const char *)body, c->in.len - c->head_n }, &used);

	memmove(body, body + used, c->in.len - c->head_n - used);
	c->in.len -= used;
	c->server->held -= used;
	if (rc == 0)
		return;
	/* Again: the first time it stood where reading may have moved it from. */
	if (http_request_parse(head, &c->request, &why) != 0) {
		http_conn_refuse(c, why);
		return;
	}
	if (rc < 0)
		c->request.keep_alive = false;
	hand_over(c);
}

static void
hand_over(struct http_conn *c)
{
	evtimer_del(c->timer);
	event_del(c->readable);
	c->state = HTTP_WAITING;
	c->server->on_request(c, c->server->ctx);
}

void
http_conn_refuse(struct http_conn *c, const char *why)
{
	const char *lf = strchr(why, '\n');
	int n = (int)(lf == NULL ? strlen(why) : (size_t)(lf - why));

	c->close_after = true;
	c->state = HTTP_WRITING;
	c->written = 0;
	c->out.len = 0;
	event_del(c->readable);
	evtimer_del(c->timer);
	if (buf_addf(&c->out, "HTTP/1.1 %.*s\r\nContent-Type: text/plain; charset=utf-8\r\n"
		"Connection: close\r\n\r\n%s", n, why, lf == NULL ? why : lf + 1) != 0) {
		log_error("monitoring: no memory for an answer");
		conn_close(c);
		return;
	}
	write_out(c);
}

/* ---- writing ---- */

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	write_out(arg);
}

static ssize_t
send_some(struct http_conn *c, const uint8_t *p, size_t n)
{
	return (c->tls != NULL ? http_tls_write(c->tls, c->fd, p, n)
			       : send(c->fd, p, n, MSG_NOSIGNAL));
}

static void
write_out(struct http_conn *c)
{
	ssize_t n;

	while (c->written < c->out.len || (c->tls != NULL && http_tls_waits(c->tls))) {
		n = send_some(c, c->out.data + c->written, c->out.len - c->written);
		if (n >= 0) {
			c->written += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN && event_add(c->writable, NULL) == 0)
			return;
		conn_close(c);
		return;
	}
	answered(c);
}

static void
answered(struct http_conn *c)
{
	buf_free(&c->out);
	if (c->close_after) {
		linger(c);
		return;
	}
	c->server->held -= c->head_n;
	buf_drop_front(&c->in, c->head_n);
	if (c->in.len == 0)
		buf_free(&c->in);
	c->seen = 0;
	c->skip = c->request.body_n;
	drop_body(c);
	c->state = HTTP_READING;
	TAILQ_REMOVE(&c->server->conns, c, link);
	TAILQ_INSERT_TAIL(&c->server->conns, c, link);
	if (event_add(c->readable, NULL) != 0) {
		conn_close(c);
		return;
	}
	if (c->in.len > 0) {
		set_timer(c, HEAD_SECONDS * 1000);
		look_for_request(c); /* it was sent without waiting for this answer */
	}
}

static void
linger(struct http_conn *c)
{
	c->state = HTTP_LINGERING;
	c->server->held -= c->in.len;
	c->in.len = 0;
	if (c->tls != NULL)
		http_tls_say_end(c->tls, c->fd);
	if (shutdown(c->fd, SHUT_WR) != 0 || event_add(c->readable, NULL) != 0) {
		conn_close(c);
		return;
	}
	set_timer(c, LINGER_MS);
}
