/* Sockets in: accepted in batches, handed to the worker with the fewest connections. */
#include "config.h"

#include <sys/socket.h>

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "natsd-front/front.h"

#define ACCEPT_BATCH 64
#define ACCEPT_RETRY_FIRST_MS 10
#define ACCEPT_RETRY_MOST_MS 1000
#define CID_BLOCK 4096u /* connection ids that the supervisor is told ahead of their use */

/* Told ahead, so that a new life of the front goes on above whatever this one gave out. */
static uint64_t
next_cid(struct front *f)
{
	struct ctl_cid told;

	if (++f->cid > f->cid_told) {
		f->cid_told = f->cid + CID_BLOCK;
		told.highest = f->cid_told;
		ctl_send_cid(f->ctl, &told, NULL);
	}
	return (f->cid);
}

static unsigned
least_loaded(const struct front *f)
{
	unsigned i, best = 0;
	uint32_t n, least = UINT32_MAX;

	for (i = 0; i < f->shared->nworkers; i++) {
		n = atomic_load_explicit(&f->shared->pub[i].conns, memory_order_relaxed);
		if (n < least) {
			least = n;
			best = i;
		}
	}
	return (best);
}

static bool
is_one_too_many(const struct front *f)
{
	int64_t max = f->settings->max_conns;

	return (max < 0 || (max > 0 && front_conns(f) >= (uint64_t)max));
}

static void
fill_address(struct local_adopt *a, const struct sockaddr_storage *ss)
{
	const struct sockaddr_in *in4 = (const struct sockaddr_in *)ss;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;

	a->family = (uint8_t)ss->ss_family;
	if (ss->ss_family == AF_INET) {
		memcpy(a->addr, &in4->sin_addr, 4);
		a->port = ntohs(in4->sin_port);
	} else if (ss->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		a->family = AF_INET;
		memcpy(a->addr, in6->sin6_addr.s6_addr + 12, 4);
		a->port = ntohs(in6->sin6_port);
	} else if (ss->ss_family == AF_INET6) {
		memcpy(a->addr, &in6->sin6_addr, 16);
		a->port = ntohs(in6->sin6_port);
	}
}

static void
hand_over(struct front *f, int fd, const struct sockaddr_storage *ss)
{
	struct local_adopt a = { .fd = fd, .refuse = is_one_too_many(f), .cid = next_cid(f) };
	unsigned to = least_loaded(f);

	fill_address(&a, ss);
	atomic_fetch_add_explicit(&f->shared->pub[to].conns, 1, memory_order_relaxed);
	if (!local_say(&f->threads[to].link, LOCAL_ADOPT, &a, sizeof(a))) {
		atomic_fetch_sub(&f->shared->pub[to].conns, 1);
		close(fd);
	}
}

static void
accept_later(struct front *f, int error)
{
	struct timeval tv;

	f->retry_ms = f->retry_ms == 0 ? ACCEPT_RETRY_FIRST_MS : f->retry_ms * 2;
	if (f->retry_ms > ACCEPT_RETRY_MOST_MS)
		f->retry_ms = ACCEPT_RETRY_MOST_MS;
	log_error("Temporary Client Accept Error(%s), sleeping %lldms", strerror(error),
	    (long long)f->retry_ms);
	event_del(f->accept_event);
	tv.tv_sec = f->retry_ms / 1000;
	tv.tv_usec = f->retry_ms % 1000 * 1000;
	event_add(f->retry_event, &tv);
}

/* 1: one was accepted; 0: none now; -1: later. */
static int
accept_one(struct front *f)
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);
	int fd = accept4(f->listen_fd, (struct sockaddr *)&ss, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		f->retry_ms = 0;
		hand_over(f, fd, &ss);
		return (1);
	}
	switch (errno) {
	case EAGAIN:
		return (0);
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		accept_later(f, errno);
		return (-1);
	case EINTR:
	case ECONNABORTED:
		return (1);
	default:
		log_error("Client Accept error: %s", strerror(errno));
		return (0);
	}
}

static void
on_listener(evutil_socket_t fd, short what, void *arg)
{
	struct front *f = arg;
	unsigned i;

	(void)fd;
	(void)what;
	for (i = 0; i < ACCEPT_BATCH && accept_one(f) == 1; i++)
		continue;
	front_flush(f);
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct front *f = arg;

	(void)fd;
	(void)what;
	if (f->accepting)
		event_add(f->accept_event, NULL);
}

#ifdef TCP_USER_TIMEOUT
void
accept_settings(struct front *f)
{
	const struct settings *s = f->settings;
	int64_t times = s->o.ping_max < 0 ? 1 : s->o.ping_max < INT32_MAX ? s->o.ping_max + 1 : INT32_MAX;
	int64_t ms = s->ping_interval_ns < 0 ? 0 : s->ping_interval_ns / NS_PER_MS;
	unsigned most = ms < INT32_MAX / times ? (unsigned)(ms * times) : INT32_MAX;

	/* Accepted sockets inherit it; 0, or a failure: the kernel's own patience. */
	if (f->listen_fd >= 0)
		setsockopt(f->listen_fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &most, sizeof(most));
}
#else
void
accept_settings(struct front *f)
{
	(void)f;
}
#endif

int
accept_begin(struct front *f, struct err *e)
{
	if (f->accepting || f->listen_fd < 0 || f->lame != LAME_NOT || f->stopping)
		return (0);
	if (f->accept_event == NULL)
		f->accept_event =
		    event_new(f->base, f->listen_fd, EV_READ | EV_PERSIST, on_listener, f);
	if (f->retry_event == NULL)
		f->retry_event = event_new(f->base, -1, 0, on_retry, f);
	if (f->accept_event == NULL || f->retry_event == NULL ||
	    event_add(f->accept_event, NULL) != 0)
		return (err_set(e, "no event for the listener"));
	accept_settings(f);
	f->accepting = true;
	status_set_listening(f->status, true);
	return (0);
}

void
accept_end(struct front *f)
{
	f->accepting = false;
	status_set_listening(f->status, false);
	if (f->accept_event != NULL)
		event_free(f->accept_event);
	if (f->retry_event != NULL)
		event_free(f->retry_event);
	f->accept_event = f->retry_event = NULL;
	if (f->listen_fd >= 0)
		close(f->listen_fd);
	f->listen_fd = -1;
}
