#include "config.h"

#include "natsd-supervisor/portsfile.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/json_out.h"
#include "common/path.h"

#define TEXT_MAX (1u << 20)

static void
put_url(struct json_out *j, const char *scheme, const char *host, uint16_t port)
{
	char address[LISTEN_ADDRESS_MAX], url[LISTEN_ADDRESS_MAX + 16];

	listen_address(address, host, port);
	snprintf(url, sizeof(url), "%s://%s", scheme, address);
	json_str(j, str_of(url));
}

/* The text of an interface's address; false: it has none of ours. */
static bool
interface_host(const struct sockaddr *sa, char *out, socklen_t size)
{
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	if (sa == NULL)
		return (false);
	if (sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		return (inet_ntop(AF_INET, &in.sin_addr, out, size) != NULL);
	}
	if (sa->sa_family == AF_INET6) {
		memcpy(&in6, sa, sizeof(in6));
		return (inet_ntop(AF_INET6, &in6.sin6_addr, out, size) != NULL);
	}
	return (false);
}

/* A wildcard stands for every address that this machine has. */
static void
put_interfaces(struct json_out *j, const char *scheme, uint16_t port)
{
	char host[INET6_ADDRSTRLEN];
	struct ifaddrs *all;

	if (getifaddrs(&all) != 0)
		return;
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next)
		if (interface_host(i->ifa_addr, host, sizeof(host)))
			put_url(j, scheme, host, port);
	freeifaddrs(all);
}

static void
put_listener(struct json_out *j, const char *key, const struct listener *l)
{
	if (l->fd == -1)
		return;
	json_key(j, key);
	json_array_begin(j);
	if (listen_is_wildcard(l->host))
		put_interfaces(j, l->scheme, l->port);
	else
		put_url(j, l->scheme, l->host, l->port);
	json_array_end(j);
}

/* All of the text under another name first, so that the file is never seen half written. */
static int
write_whole(const char *path, struct str text, struct err *e)
{
	char temporary[4200];
	int fd, rc = 0;

	snprintf(temporary, sizeof(temporary), "%s.tmp", path);
	if ((fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) == -1)
		return (err_sys(e, "open %s", path));
	if (write(fd, text.p, text.n) != (ssize_t)text.n)
		rc = err_sys(e, "write %s", temporary);
	close(fd);
	if (rc == 0 && rename(temporary, path) != 0)
		rc = err_sys(e, "rename %s", temporary);
	if (rc != 0)
		unlink(temporary);
	return (rc);
}

int
portsfile_write(struct portsfile *p, const char *dir, const char *argv0,
    const struct listener *client, const struct listener *monitor, struct err *e)
{
	struct buf text = BUF_INIT(TEXT_MAX);
	struct json_out j;
	char name[512];
	int rc;

	portsfile_remove(p);
	if (dir[0] == '\0')
		return (0);
	snprintf(name, sizeof(name), "%s_%d.ports", path_base(argv0), (int)getpid());
	if ((p->path = path_join(dir, name)) == NULL)
		return (err_set(e, "out of memory"));
	json_begin(&j, &text, 0);
	json_object_begin(&j);
	put_listener(&j, "nats", client);
	put_listener(&j, "monitoring", monitor);
	json_object_end(&j);
	if (json_end(&j) != 0)
		rc = err_set(e, "out of memory");
	else
		rc = write_whole(p->path, buf_str(&text), e);
	buf_free(&text);
	if (rc != 0) {
		err_wrap(e, "(%s)", p->path);
		free(p->path);
		p->path = NULL;
	}
	return (rc);
}

void
portsfile_remove(struct portsfile *p)
{
	if (p->path == NULL)
		return;
	unlink(p->path);
	free(p->path);
	p->path = NULL;
}
