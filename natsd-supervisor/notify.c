#include "config.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/num.h"
#include "natsd-supervisor/notify.h"

static struct {
	struct sockaddr_un address;
	socklen_t length; /* 0: nobody listens */
	uint64_t watchdog_us;
} manager;

static void
take_address(const char *path)
{
	size_t n = strlen(path);

	if (n < 2 || n > sizeof(manager.address.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	manager.address.sun_family = AF_UNIX;
	memcpy(manager.address.sun_path, path, n);
	if (path[0] == '@') /* Linux's abstract names begin with a zero byte */
		manager.address.sun_path[0] = '\0';
	manager.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

void
notify_init(void)
{
	const char *path = getenv("NOTIFY_SOCKET"), *us = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	uint64_t n;

	if (path != NULL)
		take_address(path);
	if (pid != NULL && (num_parse_u64(str_of(pid), 1, INT32_MAX, &n) != 0 || n != (uint64_t)getpid()))
		us = NULL; /* meant for another process */
	if (us != NULL && num_parse_u64(str_of(us), 1, INT64_MAX, &n) == 0)
		manager.watchdog_us = n;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void
notify_send(const char *state)
{
	int fd;

	if (manager.length == 0)
		return;
	if ((fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) == -1)
		return;
	sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&manager.address,
	    manager.length);
	close(fd);
}

uint64_t
notify_watchdog_us(void)
{
	return (manager.length == 0 ? 0 : manager.watchdog_us);
}
