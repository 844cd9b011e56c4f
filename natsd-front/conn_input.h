/*
 * conn_input - from the socket to the parser, and what is kept in between.
 *
 * A worker reads into one buffer for all its connections.  What the parser did not consume is kept
 * in a blob: the begin of a line or of a message, or all that came behind the place where the
 * connection was paused.  Little of it is put in front of the next read; a large message is read
 * straight into its blob, which then can be shared with its receivers.
 */
#ifndef FRONT_CONN_INPUT_H
#define FRONT_CONN_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

struct conn;

/* conn_input - the socket is readable: one read, parsed. */
void conn_input(struct conn *);

/* conn_input_held - goes on with what is held; the connection is not paused (any more). */
void conn_input_held(struct conn *);

/*
 * For who reads the socket before the parser does (opening.h): conn_held - what is held;
 * conn_held_room - room for n more bytes behind it, NULL: no memory; conn_held_add - n of them are
 * there now; conn_held_skip - n bytes of the front are used.
 */
struct str conn_held(const struct conn *);
uint8_t *conn_held_room(struct conn *, size_t n);
void conn_held_add(struct conn *, size_t n);
void conn_held_skip(struct conn *, size_t n);

#endif
