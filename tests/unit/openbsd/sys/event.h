/* What OpenBSD's <sys/event.h> declares, as far as it is used: for the compile check on Linux. */
#ifndef TESTS_UNIT_OPENBSD_EVENT_H
#define TESTS_UNIT_OPENBSD_EVENT_H

#include <stdint.h>
#include <time.h>

struct kevent {
	uintptr_t ident;
	short filter;
	unsigned short flags;
	unsigned int fflags;
	int64_t data;
	void *udata;
};

int kqueue(void);
int kevent(int kq, const struct kevent *changes, int nchanges, struct kevent *events, int nevents,
    const struct timespec *timeout);

#endif
