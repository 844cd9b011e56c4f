/*
 * client - what a CLIENT connection may say and what comes of it (client.md 3 to 9).
 */
#ifndef FRONT_CLIENT_CLIENT_H
#define FRONT_CLIENT_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "natsd-front/client/parser.h"

struct conn;
struct permit;
struct sub;

extern const struct parser_ops client_ops; /* ctx: the struct conn */

/* client_begin - INFO; refuse: there are too many already, it hears so and is closed.
 * client_refuse - only that.  client_opened - its opening is over, from now on it is read. */
void client_begin(struct conn *, bool refuse);
void client_refuse(struct conn *);
void client_opened(struct conn *);

/* client_end - the connection is over: its subscriptions leave the tries. */
void client_end(struct conn *);

/* client_drop_sub - removes one subscription, e.g. at its limit. */
void client_drop_sub(struct conn *, struct sub *);

/* client_stall - it published to a slow receiver: not read for us microseconds, as far as the
 * allowance of this read goes. */
void client_stall(struct conn *, uint32_t us);

/* client_pong - the answer to a PING, and INFO behind the first one. */
void client_pong(struct conn *);

/* client_permit_moved - its user may other things now than `from` said: subscriptions that are not
 * allowed any more go (client.md 11.6).  `from` may be NULL. */
void client_permit_moved(struct conn *, const struct permit *from);

/* client_settings - a reload: limits that change at once. */
void client_settings(struct conn *);

/* client_ping_due - the ping timer fired: a PING, or the end of a stale connection (client.md
 * 6). */
void client_ping_due(struct conn *);

/* client_ping_first - the timer after a CONNECT. */
void client_ping_first(struct conn *);

#endif
