#include "config.h"

#include <sys/types.h>
#include <sys/event.h>
#include <sys/time.h>

#include <stddef.h>
#include <unistd.h>

#include "natsd-front/base_fd.h"

int
base_fd_next(void)
{
	int n = kqueue();

	if (n >= 0)
		close(n);
	return (n);
}

int
base_fd_check(int n)
{
	const struct timespec now = { 0 };
	struct kevent ev;

	return (n >= 0 && kevent(n, NULL, 0, &ev, 1, &now) >= 0 ? n : -1);
}
