#include "config.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/load_conn.h"
#include "tests/bench/load_tls.h"

#define EVENTS_MAX 256
#define CONNECT_LINES                                                                              \
	"CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"load\",\"version\":\"1\","       \
	"\"protocol\":1,\"headers\":true,\"no_responders\":true}\r\nPING\r\n"

int
load_net_open(struct load_net *net, const char *host, uint16_t port, bool tls, struct err *e)
{
	*net = (struct load_net){ .host = host, .port = port, .tls = tls,
		.progress_at = mono_now() };
	net->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (net->epoll == -1)
		return (err_sys(e, "epoll"));
	net->in = malloc(LOAD_CARRY_BYTES + LOAD_READ_BYTES);
	if (net->in == NULL) {
		close(net->epoll);
		return (err_sys(e, "read buffer"));
	}
	return (0);
}

void
load_net_close(struct load_net *net)
{
	free(net->in);
	close(net->epoll);
}

static int
connect_to(const struct load_net *net, struct err *e)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(net->port) };
	int fd, on = 1;

	if (inet_pton(AF_INET, net->host, &to.sin_addr) != 1)
		return (err_set(e, "%s is not an IPv4 address", net->host));
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return (err_sys(e, "socket"));
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
		err_sys(e, "connect to %s:%u", net->host, (unsigned)net->port);
		close(fd);
		return (-1);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return (fd);
}

static ssize_t
conn_send(struct load_conn *c, const void *p, size_t n)
{
	return (c->tls != NULL ? load_tls_send(c->tls, p, n) : send(c->fd, p, n, MSG_NOSIGNAL));
}

static ssize_t
conn_recv(struct load_conn *c, void *p, size_t n)
{
	return (c->tls != NULL ? load_tls_recv(c->tls, p, n) : recv(c->fd, p, n, 0));
}

/* Reads lines until one that begins with `want`; what stands behind it stays in `carry`. */
static int
await_line(struct load_conn *c, const char *want, struct err *e)
{
	const uint8_t *nl;
	bool found = false;
	size_t line;
	ssize_t got;

	while (!found) {
		nl = memchr(c->carry, '\n', c->carried);
		if (nl != NULL) {
			line = (size_t)(nl - c->carry) + 1;
			found = line >= 4 && memcmp(c->carry, want, 4) == 0;
			if (line >= 4 && memcmp(c->carry, "-ERR", 4) == 0)
				return (err_set(e, "%.*s", (int)line, (const char *)c->carry));
			c->carried -= line;
			memmove(c->carry, nl + 1, c->carried);
			continue;
		}
		got = conn_recv(c, c->carry + c->carried, sizeof(c->carry) - c->carried);
		if (got < 0)
			return (err_sys(e, "waiting for %s", want));
		if (got == 0)
			return (err_set(e, "closed, or a line too long, instead of %s", want));
		c->carried += (size_t)got;
	}
	return (0);
}

static int
shake_hands(struct load_conn *c, struct err *e)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };
	size_t n = sizeof(CONNECT_LINES) - 1;

	if (await_line(c, "INFO", e) != 0)
		return (-1);
	if (c->net->tls && (c->tls = load_tls_new(c->fd, e)) == NULL)
		return (-1);
	if (conn_send(c, CONNECT_LINES, n) != (ssize_t)n)
		return (err_sys(e, "CONNECT"));
	if (await_line(c, "PONG", e) != 0)
		return (-1);
	if (fcntl(c->fd, F_SETFL, O_NONBLOCK) != 0)
		return (err_sys(e, "non-blocking socket"));
	if (epoll_ctl(c->net->epoll, EPOLL_CTL_ADD, c->fd, &ev) != 0)
		return (err_sys(e, "epoll"));
	return (0);
}

int
load_conn_open(struct load_conn *c, struct load_net *net, size_t out_max, struct err *e)
{
	c->net = net;
	c->out_max = out_max;
	c->fd = connect_to(net, e);
	if (c->fd == -1)
		return (-1);
	if (out_max != 0 && (c->out = malloc(out_max)) == NULL) {
		err_sys(e, "output buffer");
		goto close_fd;
	}
	if (shake_hands(c, e) == 0)
		return (0);
	load_tls_free(c->tls);
	c->tls = NULL;
	free(c->out);
	c->out = NULL;
close_fd:
	close(c->fd);
	return (-1);
}

void
load_conn_close(struct load_conn *c)
{
	load_tls_free(c->tls);
	close(c->fd);
	free(c->out);
}

void
load_conn_expect(struct load_conn *c, const char *head, size_t line_len, size_t payload_len,
    int (*deliver)(struct load_conn *, const uint8_t *, struct err *))
{
	c->head_len = strnlen(head, LOAD_HEAD_MAX);
	memcpy(c->head, head, c->head_len);
	c->line_len = line_len;
	c->msg_len = line_len + payload_len + 2;
	c->deliver = deliver;
}

uint8_t *
load_conn_room(struct load_conn *c, size_t n)
{
	uint8_t *at;

	if (load_conn_idle(c))
		c->out_at = c->out_len = 0;
	if (n > c->out_max - c->out_len) {
		memmove(c->out, c->out + c->out_at, c->out_len - c->out_at);
		c->out_len -= c->out_at;
		c->out_at = 0;
	}
	if (n > c->out_max - c->out_len)
		return (NULL);
	at = c->out + c->out_len;
	c->out_len += n;
	return (at);
}

int
load_conn_text(struct load_conn *c, const char *text, struct err *e)
{
	size_t n = strlen(text);
	uint8_t *at = load_conn_room(c, n);

	if (at == NULL)
		return (err_set(e, "no room to say \"%s\"", text));
	memcpy(at, text, n);
	return (0);
}

static int
wait_for_room(struct load_conn *c, bool wait, struct err *e)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

	if (c->waits == wait)
		return (0);
	if (wait)
		ev.events |= EPOLLOUT;
	if (epoll_ctl(c->net->epoll, EPOLL_CTL_MOD, c->fd, &ev) != 0)
		return (err_sys(e, "epoll"));
	c->waits = wait;
	return (0);
}

/* A PONG may only stand between two messages: it is said when all output is away. */
static int
answer_pings(struct load_conn *c, struct err *e)
{
	while (c->pongs_due > 0) {
		if (conn_send(c, "PONG\r\n", 6) != 6)
			return (err_sys(e, "PONG"));
		c->pongs_due--;
	}
	return (0);
}

int
load_conn_flush(struct load_conn *c, struct err *e)
{
	ssize_t n;

	while (!load_conn_idle(c)) {
		n = conn_send(c, c->out + c->out_at, c->out_len - c->out_at);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return (wait_for_room(c, true, e));
		if (n < 0)
			return (err_sys(e, "send"));
		c->out_at += (size_t)n;
	}
	if (answer_pings(c, e) != 0)
		return (-1);
	return (wait_for_room(c, false, e));
}

static int
take_line(struct load_conn *c, const char *line, size_t n, struct err *e)
{
	if (n == 4 && memcmp(line, "PONG", 4) == 0) {
		c->pongs++;
		return (0);
	}
	if (n == 4 && memcmp(line, "PING", 4) == 0) {
		c->pongs_due++;
		return (load_conn_idle(c) ? answer_pings(c, e) : 0);
	}
	if (n >= 5 && memcmp(line, "INFO ", 5) == 0)
		return (0);
	return (err_set(e, "connection %u: the server said \"%.*s\"", c->number, (int)n, line));
}

static int
take_msg(struct load_conn *c, const uint8_t *msg, struct err *e)
{
	if (memcmp(msg, c->head, c->head_len) != 0 || msg[c->line_len - 1] != '\n' ||
	    msg[c->msg_len - 1] != '\n')
		return (err_set(e, "connection %u: \"%.*s\" where \"%.*s...\" was expected",
		    c->number, (int)c->line_len, (const char *)msg, (int)c->head_len, c->head));
	return (c->deliver(c, msg, e));
}

/* Everything complete in [p, p + n).  The number of bytes taken; -1. */
static ssize_t
take_all(struct load_conn *c, const uint8_t *p, size_t n, struct err *e)
{
	const uint8_t *start = p, *end = p + n, *nl;
	size_t line;

	while (p < end) {
		if (*p == 'M' && c->msg_len != 0) {
			if ((size_t)(end - p) < c->msg_len)
				break;
			if (take_msg(c, p, e) != 0)
				return (-1);
			p += c->msg_len;
			continue;
		}
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			break;
		line = (size_t)(nl - p);
		if (line > 0 && p[line - 1] == '\r')
			line--;
		if (take_line(c, (const char *)p, line, e) != 0)
			return (-1);
		p = nl + 1;
	}
	return (p - start);
}

static int
conn_read(struct load_conn *c, struct err *e)
{
	uint8_t *start = c->net->in + LOAD_CARRY_BYTES - c->carried;
	ssize_t got, taken;
	size_t have;

	got = conn_recv(c, c->net->in + LOAD_CARRY_BYTES, LOAD_READ_BYTES);
	if (got < 0)
		return (errno == EAGAIN || errno == EINTR ? 0 : err_sys(e, "recv"));
	if (got == 0)
		return (err_set(e, "connection %u: the server closed it", c->number));
	c->net->progress_at = mono_now();
	if (c->carried > 0)
		memcpy(start, c->carry, c->carried);
	have = c->carried + (size_t)got;
	taken = take_all(c, start, have, e);
	if (taken < 0)
		return (-1);
	c->carried = have - (size_t)taken;
	if (c->carried > LOAD_CARRY_BYTES)
		return (err_set(e, "connection %u: a line without an end", c->number));
	if (c->carried > 0)
		memcpy(c->carry, start + taken, c->carried);
	return (0);
}

int
load_net_turn(struct load_net *net, int wait_ms, struct err *e)
{
	struct epoll_event ev[EVENTS_MAX];
	struct load_conn *c;
	int i, n;

	n = epoll_wait(net->epoll, ev, EVENTS_MAX, wait_ms);
	if (n < 0 && errno != EINTR)
		return (err_sys(e, "epoll"));
	for (i = 0; i < n; i++) {
		c = ev[i].data.ptr;
		if ((ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && conn_read(c, e) != 0)
			return (-1);
		if ((ev[i].events & EPOLLOUT) != 0 && load_conn_flush(c, e) != 0)
			return (-1);
	}
	if (n <= 0 && mono_diff_ns(mono_now(), net->progress_at) > LOAD_STALL_MS * NS_PER_MS)
		return (err_set(e, "nothing came for %d ms", LOAD_STALL_MS));
	return (0);
}

int
load_conn_sync(struct load_conn *c, struct err *e)
{
	uint64_t want = c->pongs + 1;

	c->net->progress_at = mono_now();
	if (load_conn_text(c, "PING\r\n", e) != 0 || load_conn_flush(c, e) != 0)
		return (-1);
	while (c->pongs < want)
		if (load_net_turn(c->net, 1000, e) != 0)
			return (-1);
	return (0);
}
