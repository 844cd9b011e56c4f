/*
 * listen - sockets that wait for connections; bound here, accepted from by natsd-front.
 *
 * They belong to the supervisor's life: while the front is being replaced a connecting client waits in
 * the kernel's queue and is not refused.
 */
#ifndef SUPERVISOR_LISTEN_H
#define SUPERVISOR_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

#define LISTEN_HOST_MAX 256
#define LISTEN_ADDRESS_MAX (LISTEN_HOST_MAX + 16)

struct listener {
	int fd; /* -1: there is none */
	const char *scheme; /* of its URLs: what is spoken there; the owner's to say */
	char host[LISTEN_HOST_MAX]; /* as configured */
	uint16_t port;		    /* the real one */
	char address[LISTEN_ADDRESS_MAX]; /* "host:port", "[host]:port" */
};

#define LISTENER_NONE ((struct listener){ .fd = -1 })

/*
 * listen_open - port -1: a free one.  A wildcard host takes connections of both IP versions.  An
 * address that is in use is tried again for a moment: a killed supervisor's children may not be
 * reaped yet.  0; -1 with Go's words ("listen tcp 127.0.0.1:4222: bind: address already in use").
 */
int listen_open(struct listener *, const char *host, int64_t port, struct err *);
void listen_close(struct listener *);

/* listen_address - "host:port" with brackets where the host needs them. */
void listen_address(char out[LISTEN_ADDRESS_MAX], const char *host, int64_t port);

bool listen_is_wildcard(const char *host);

#endif
