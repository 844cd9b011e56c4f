/*
 * client_priv - between the files of client: what each operation ends with, and publishing, which has
 * a file of its own.
 */
#ifndef FRONT_CLIENT_CLIENT_PRIV_H
#define FRONT_CLIENT_CLIENT_PRIV_H

#include "natsd-front/client/parser.h"
#include "natsd-front/conn.h"

/* What the parser does next, from what became of the connection. */
static inline enum parser_next
client_next(const struct conn *c)
{
	if (c->state == CONN_CLOSING)
		return (PARSER_CLOSE);
	return (c->paused == 0 ? PARSER_GO : PARSER_PAUSE);
}

static inline void
client_active(struct conn *c)
{
	c->active_in = c->worker->now;
	c->last_wall_ns = c->worker->wall_ns;
}

/* client_pub_line - the line of a PUB or HPUB, before its payload; client_pub - all of it. */
enum parser_next client_pub_line(struct conn *, const struct parser_pub *);
enum parser_next client_pub(struct conn *, const struct parser_pub *);

#endif
