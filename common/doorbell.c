#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include "common/doorbell.h"

/* What makes the descriptors is chosen once, below; how they are used is the same for both. */
static int make(int fds[2], struct err *);

int
doorbell_make(struct doorbell *bell, struct err *err)
{
	int fds[2];

	*bell = DOORBELL_NONE;
	if (make(fds, err) != 0)
		return (-1);
	*bell = (struct doorbell){ .wait = fds[0], .ring = fds[1] };
	return (0);
}

void
doorbell_close(struct doorbell *bell)
{
	if (bell->wait != -1)
		close(bell->wait);
	if (bell->ring != -1 && bell->ring != bell->wait)
		close(bell->ring);
	*bell = DOORBELL_NONE;
}

void
doorbell_ring(const struct doorbell *bell)
{
	const uint64_t one = 1; /* an eventfd takes eight bytes, a pipe takes any number */
	int saved_errno = errno;

	/* When it is full (EAGAIN) it rings already. */
	if (bell->ring != -1 && write(bell->ring, &one, sizeof(one)) == -1)
		errno = saved_errno;
	errno = saved_errno;
}

void
doorbell_clear(const struct doorbell *bell)
{
	uint8_t sink[512];
	int saved_errno = errno;

	if (bell->wait != -1)
		while (read(bell->wait, sink, sizeof(sink)) == sizeof(sink))
			continue;
	errno = saved_errno;
}

#ifdef HAVE_SYS_EVENTFD_H
#include <sys/eventfd.h>

static int
make(int fds[2], struct err *err)
{
	fds[0] = fds[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return (fds[0] == -1 ? err_sys(err, "eventfd") : 0);
}
#else
#include <fcntl.h>

static int
make(int fds[2], struct err *err)
{
	return (pipe2(fds, O_CLOEXEC | O_NONBLOCK) == -1 ? err_sys(err, "pipe") : 0);
}
#endif
