/*
 * conn_tls - the socket of a connection that speaks TLS: one read(2) for many records, one write(2)
 * for many.  The worker has one pair of buffers for all of them.
 */
#ifndef FRONT_CONN_TLS_H
#define FRONT_CONN_TLS_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn;
struct conn_tls_room;
struct worker;

void conn_tls_room_free(struct conn_tls_room *); /* of a worker; NULL is fine */

/* conn_tls_read - like read(2), of ciphertext, which tls_open then finds. */
ssize_t conn_tls_read(struct conn *);

/* conn_tls_open - plaintext of it, at most n bytes.  The connection is closed when the other side
 * ended it or broke the rules. */
size_t conn_tls_open(struct conn *, uint8_t *to, size_t n);

/* conn_tls_hold - ciphertext that came behind the handshake: its plaintext is held as input.  False:
 * the connection is being closed. */
bool conn_tls_hold(struct conn *, const uint8_t *, size_t n);

/* conn_tls_write - like out_write: seals and writes what waits.  Bytes of plaintext that the socket
 * took; 0: it is full; -1: errno. */
ssize_t conn_tls_write(struct conn *);

/* conn_tls_send - sealed bytes of the handshake; what the socket does not take goes out later. */
void conn_tls_send(struct conn *, const uint8_t *, size_t n);

/* conn_tls_forget - what was not written will not be.  conn_tls_hang_up - our last word, if it can
 * be said at once. */
void conn_tls_forget(struct conn *);
void conn_tls_hang_up(struct conn *);

#endif
