/*
 * load_tls - TLS of the load generator's connections, with the manners of send(2) and recv(2).
 */
#ifndef TESTS_BENCH_LOAD_TLS_H
#define TESTS_BENCH_LOAD_TLS_H

#include <sys/types.h>

#include <stddef.h>

#include "common/err.h"

struct load_tls;

/* load_tls_new - a handshake over a blocking socket; nothing is verified.  NULL: the reason. */
struct load_tls *load_tls_new(int fd, struct err *);
void load_tls_free(struct load_tls *); /* NULL is fine */

/* As send(2) and recv(2); -1 with EAGAIN when the socket gives, or takes, nothing now. */
ssize_t load_tls_send(struct load_tls *, const void *, size_t n);
ssize_t load_tls_recv(struct load_tls *, void *, size_t n); /* as many records as there are */

#endif
