#include "config.h"

#include <sys/epoll.h>

#include <unistd.h>

#include "natsd-front/base_fd.h"

int
base_fd_next(void)
{
	int n = epoll_create1(EPOLL_CLOEXEC);

	if (n >= 0)
		close(n);
	return (n);
}

int
base_fd_check(int n)
{
	struct epoll_event ev;

	return (n >= 0 && epoll_wait(n, &ev, 1, 0) >= 0 ? n : -1);
}
