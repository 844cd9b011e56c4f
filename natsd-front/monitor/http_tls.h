/*
 * http_tls - TLS of one connection of the monitoring port, with the manners of read(2) and send(2):
 * the handshake happens within the first reads, nothing waits.  The monitoring thread.
 */
#ifndef FRONT_HTTP_TLS_H
#define FRONT_HTTP_TLS_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

struct http_tls;
struct tls_context;

struct http_tls *http_tls_new(struct tls_context *); /* holds it; NULL: no memory */
void http_tls_free(struct http_tls *);		     /* NULL is fine */

/*
 * http_tls_read - bytes of plaintext; 0: the end; -1: errno, EAGAIN when more is needed first.
 * http_tls_write - likewise; EAGAIN also while the handshake is under way.
 */
ssize_t http_tls_read(struct http_tls *, int fd, void *to, size_t n);
ssize_t http_tls_write(struct http_tls *, int fd, const void *p, size_t n);

/* http_tls_holds - a read would find something without the socket.  http_tls_waits - the socket did
 * not take all that is to be sent. */
bool http_tls_holds(const struct http_tls *);
bool http_tls_waits(const struct http_tls *);

/* http_tls_say_end - our last word, if there is room for it. */
void http_tls_say_end(struct http_tls *, int fd);

#endif
