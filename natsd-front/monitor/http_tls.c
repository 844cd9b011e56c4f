#include "config.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "natsd-front/monitor/http_tls.h"
#include "natsd-front/tls/handshake.h"

#define READ_BYTES 8192u
#define OUT_MAX (512u << 10)
#define BATCH_BYTES (64u << 10) /* sealed at once */

static const char plain_answer[] =
    "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
static const char *const plain_begins[] = { "GET /", "HEAD ", "POST ", "PUT /", "OPTIO" };

struct http_tls {
	struct tls *tls;
	struct tls_handshake *hs; /* NULL: it is over */
	struct buf in;		  /* ciphertext that came behind the handshake */
	struct buf out;		  /* sealed, not yet sent */
};

struct http_tls *
http_tls_new(struct tls_context *context)
{
	struct http_tls *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return (NULL);
	t->in = BUF_INIT(TLS_HANDSHAKE_IN_MAX);
	t->out = BUF_INIT(OUT_MAX);
	t->hs = tls_handshake_new(context, TLS_MONITOR);
	if (t->hs == NULL) {
		free(t);
		return (NULL);
	}
	t->tls = t->hs->tls;
	return (t);
}

void
http_tls_free(struct http_tls *t)
{
	if (t == NULL)
		return;
	tls_handshake_free(t->hs, true, NULL);
	tls_free(t->tls, NULL);
	buf_free(&t->in);
	buf_free(&t->out);
	free(t);
}

/* 0; -1: errno. */
static int
send_out(struct buf *out, int fd)
{
	ssize_t n = 0;

	while (out->len > 0 && n >= 0) {
		n = send(fd, out->data, out->len, MSG_NOSIGNAL);
		if (n > 0)
			buf_drop_front(out, (size_t)n);
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return (-1);
	if (out->len == 0)
		buf_free(out);
	return (0);
}

/* ---- the handshake ---- */

static void
peer_text(int fd, char *out, size_t size)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	const struct sockaddr_in *in4 = (const struct sockaddr_in *)&ss;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&ss;
	char ip[INET6_ADDRSTRLEN] = "";
	socklen_t n = sizeof(ss);

	if (getpeername(fd, (struct sockaddr *)&ss, &n) != 0)
		ss.ss_family = AF_UNSPEC;
	if (ss.ss_family == AF_INET && inet_ntop(AF_INET, &in4->sin_addr, ip, sizeof(ip)) != NULL)
		snprintf(out, size, "%s:%u", ip, ntohs(in4->sin_port));
	else if (ss.ss_family == AF_INET6 &&
	    inet_ntop(AF_INET6, &in6->sin6_addr, ip, sizeof(ip)) != NULL)
		snprintf(out, size, "[%s]:%u", ip, ntohs(in6->sin6_port));
	else
		snprintf(out, size, "?");
}

static int
handshake_failed(int fd, const char *why)
{
	char peer[INET6_ADDRSTRLEN + 16];

	peer_text(fd, peer, sizeof(peer));
	log_error("monitoring: http: TLS handshake error from %s: %s", peer, why);
	errno = EPROTO;
	return (-1);
}

/* What cannot be a handshake: a request in clear is told so. */
static int
not_tls(const struct http_tls *t, int fd)
{
	size_t i;

	for (i = 0; i < sizeof(plain_begins) / sizeof(plain_begins[0]); i++) {
		if (memcmp(t->hs->in.data, plain_begins[i], TLS_RECORD_HEAD) != 0)
			continue;
		if (send(fd, plain_answer, sizeof(plain_answer) - 1, MSG_NOSIGNAL) < 0)
			break;
		return (handshake_failed(fd, "client sent an HTTP request to an HTTPS server"));
	}
	return (handshake_failed(fd, "tls: first record does not look like a TLS handshake"));
}

static int
handshake_over(struct http_tls *t)
{
	struct tls_handshake *hs = t->hs;
	int rc = buf_add(&t->in, hs->in.data + hs->in_at, hs->in.len - hs->in_at);

	t->hs = NULL;
	tls_handshake_free(hs, true, NULL);
	if (rc != 0)
		errno = ENOMEM;
	return (rc);
}

/* 0: goes on, or is over; -1: errno. */
static int
handshake_step(struct http_tls *t, int fd)
{
	struct tls_handshake *hs = t->hs;

	if (!hs->begun && hs->in.len < TLS_RECORD_HEAD)
		return (0);
	if (!hs->begun && !tls_looks_like(hs->in.data, hs->in.len))
		return (not_tls(t, fd));
	hs->begun = true;
	tls_handshake_step(hs);
	if (buf_add(&t->out, hs->out.data, hs->out.len) != 0 || send_out(&t->out, fd) != 0)
		return (-1);
	hs->out.len = 0;
	if (hs->result == TLS_OK)
		return (handshake_over(t));
	if (hs->result != TLS_MORE)
		return (handshake_failed(fd, hs->why.text));
	buf_drop_front(&hs->in, hs->in_at);
	hs->in_at = 0;
	return (0);
}

/* ---- reading ---- */

/* Bytes of the socket to where they belong; as read(2). */
static ssize_t
fill(struct http_tls *t, int fd)
{
	struct buf *b = t->hs != NULL ? &t->hs->in : &t->in;
	uint8_t *to = buf_room(b, READ_BYTES);
	ssize_t n;

	if (to == NULL) {
		errno = ENOMEM;
		return (-1);
	}
	n = read(fd, to, READ_BYTES);
	if (n > 0)
		b->len += (size_t)n;
	return (n);
}

static ssize_t
open_some(struct http_tls *t, int fd, void *to, size_t n)
{
	enum tls_result result;
	size_t got, before = t->in.len;

	t->tls->io.in = t->in.data;
	t->tls->io.in_n = t->in.len;
	result = tls_open(t->tls, to, n, &got, &t->out);
	buf_drop_front(&t->in, before - t->tls->io.in_n);
	t->tls->io.in_n = 0;
	if (t->in.len == 0)
		buf_free(&t->in);
	if (send_out(&t->out, fd) != 0)
		return (-1);
	if (got > 0)
		return ((ssize_t)got);
	if (result == TLS_OVER)
		return (0);
	errno = result == TLS_FAILED ? EPROTO : EAGAIN;
	return (-1);
}

ssize_t
http_tls_read(struct http_tls *t, int fd, void *to, size_t n)
{
	ssize_t had;

	if (!http_tls_holds(t) && (had = fill(t, fd)) <= 0)
		return (had);
	if (t->hs != NULL && handshake_step(t, fd) != 0)
		return (-1);
	if (t->hs != NULL) {
		errno = EAGAIN;
		return (-1);
	}
	return (open_some(t, fd, to, n));
}

bool
http_tls_holds(const struct http_tls *t)
{
	return (t->hs == NULL && (t->in.len > 0 || tls_holds(t->tls)));
}

/* ---- writing ---- */

ssize_t
http_tls_write(struct http_tls *t, int fd, const void *p, size_t n)
{
	const uint8_t *at = p;
	size_t sum = 0, here;

	if (send_out(&t->out, fd) != 0)
		return (-1);
	if (t->hs != NULL || t->out.len > 0) {
		errno = EAGAIN;
		return (-1);
	}
	while (sum < n && sum < BATCH_BYTES) {
		here = n - sum < TLS_RECORD_BYTES ? n - sum : TLS_RECORD_BYTES;
		if (tls_seal(t->tls, at + sum, here, &t->out) != 0) {
			errno = EPROTO;
			return (-1);
		}
		sum += here;
	}
	return (send_out(&t->out, fd) != 0 ? -1 : (ssize_t)sum);
}

bool
http_tls_waits(const struct http_tls *t)
{
	return (t->out.len > 0);
}

void
http_tls_say_end(struct http_tls *t, int fd)
{
	if (t->hs != NULL || t->out.len > 0)
		return;
	tls_say_end(t->tls, &t->out);
	send_out(&t->out, fd);
}
