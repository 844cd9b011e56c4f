/*
 * rate - how many handshakes may begin in a second, over all workers (client.md 2.4).
 *
 * The window begins with the first one after the last window's end.  Any thread; a mutex for a
 * handshake is nothing.
 */
#ifndef FRONT_TLS_RATE_H
#define FRONT_TLS_RATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/mono.h"

struct tls_rate {
	pthread_mutex_t lock;
	int64_t most; /* in a window; 0: no limit */
	int64_t count;
	struct mono end; /* of the window */
	uint64_t blocked; /* since tls_rate_blocked was called last */
};

void tls_rate_init(struct tls_rate *, int64_t most);
void tls_rate_end(struct tls_rate *);

/* tls_rate_allow - one more, now; false: it is blocked, and counted as such. */
bool tls_rate_allow(struct tls_rate *, struct mono now);

/* tls_rate_blocked - how many since the last call. */
uint64_t tls_rate_blocked(struct tls_rate *);

#endif
