#include "config.h"

#include "natsd-supervisor/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BACKLOG 4096 /* the kernel cuts it to its own bound */
#define IN_USE_TRIES 60
#define IN_USE_WAIT_NS 5000000

void
listen_address(char out[LISTEN_ADDRESS_MAX], const char *host, int64_t port)
{
	const char *open = strchr(host, ':') != NULL ? "[" : "", *close = *open == '\0' ? "" : "]";

	snprintf(out, LISTEN_ADDRESS_MAX, "%s%.*s%s:%lld", open, LISTEN_HOST_MAX - 24, host, close,
	    (long long)port);
}

bool
listen_is_wildcard(const char *host)
{
	return (host[0] == '\0' || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0);
}

static int
refuse(struct err *e, const char *address, const char *call)
{
	return (err_sys(e, "listen tcp %s: %s", address, call));
}

/* Bound and listening; -1 with errno, and *call is what failed. */
static int
open_socket(const struct sockaddr *sa, socklen_t len, const char **call)
{
	int fd, on = 1, off = 0, saved;

	*call = "socket";
	if ((fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) == -1)
		return (-1);
	*call = "setsockopt";
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
		goto fail;
	if (sa->sa_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0)
		goto fail;
	*call = "bind";
	if (bind(fd, sa, len) != 0)
		goto fail;
	*call = "listen";
	if (listen(fd, BACKLOG) != 0)
		goto fail;
	return (fd);
fail:
	saved = errno;
	close(fd);
	errno = saved;
	return (-1);
}

static int
open_patiently(const struct sockaddr *sa, socklen_t len, const char **call)
{
	const struct timespec wait = { .tv_nsec = IN_USE_WAIT_NS };
	int fd = -1;

	for (int i = 0; i < IN_USE_TRIES; i++) {
		fd = open_socket(sa, len, call);
		if (fd != -1 || errno != EADDRINUSE)
			break;
		nanosleep(&wait, NULL);
	}
	return (fd);
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
	socklen_t len = sizeof(ss);
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
		return (0);
	if (ss.ss_family == AF_INET6) {
		memcpy(&in6, &ss, sizeof(in6));
		return (ntohs(in6.sin6_port));
	}
	memcpy(&in, &ss, sizeof(in));
	return (ntohs(in.sin_port));
}

/* Every address of this machine, of both versions where there are both. */
static int
open_wildcard(uint16_t port, const char *address, struct err *e)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port),
		.sin6_addr = IN6ADDR_ANY_INIT };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	const char *call;
	int fd;

	fd = open_patiently((const struct sockaddr *)&in6, sizeof(in6), &call);
	if (fd == -1 && errno != EADDRINUSE && errno != EACCES)
		fd = open_patiently((const struct sockaddr *)&in, sizeof(in), &call);
	return (fd == -1 ? refuse(e, address, call) : fd);
}

static int
open_host(const char *host, uint16_t port, const char *address, struct err *e)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *found, *use;
	const char *call;
	char service[8];
	int fd;

	snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(host, service, &hints, &found) != 0)
		return (err_set(e, "listen tcp: lookup %s: no such host", host));
	/* of a name with both versions the first of IPv4, as Go takes it */
	for (use = found; use != NULL && use->ai_family != AF_INET; use = use->ai_next)
		continue;
	if (use == NULL)
		use = found;
	if ((fd = open_patiently(use->ai_addr, use->ai_addrlen, &call)) == -1)
		refuse(e, address, call);
	freeaddrinfo(found);
	return (fd);
}

int
listen_open(struct listener *l, const char *host, int64_t port, struct err *e)
{
	uint16_t want = port < 0 ? 0 : (uint16_t)port;

	snprintf(l->host, sizeof(l->host), "%s", host);
	listen_address(l->address, host, port == -1 ? 0 : port);
	if (port < -1 || port > UINT16_MAX)
		return (err_set(e, "listen tcp: address %lld: invalid port", (long long)port));
	if (listen_is_wildcard(host))
		l->fd = open_wildcard(want, l->address, e);
	else
		l->fd = open_host(host, want, l->address, e);
	if (l->fd == -1)
		return (-1);
	l->port = port_of(l->fd);
	listen_address(l->address, host, l->port);
	return (0);
}

void
listen_close(struct listener *l)
{
	if (l->fd != -1)
		close(l->fd);
	l->fd = -1;
}
