/*
 * http_conn - the connections of the monitoring port: HTTP/1.x, keep-alive, one request at a time.
 *
 *	READING --> WAITING --> WRITING --> READING ...
 *	  head	      page	  answer |
 *					 `-> LINGERING --> closed
 *
 * A head must be there 5 s after its first byte (the first one: after accept); 1 MiB is the most.  A
 * connection that is to be closed says so, then waits a moment for the other side, so that a reset
 * does not overtake the answer.
 *
 * The monitoring thread.
 */
#ifndef FRONT_HTTP_CONN_H
#define FRONT_HTTP_CONN_H

#include "common/buf.h"
#include "common/err.h"
#include "common/str.h"
#include "natsd-front/monitor/http_request.h"

#define HTTP_CONNS_MAX 1024u	     /* beyond it the one idle for longest is closed */
#define HTTP_HELD_MAX (64u << 20)    /* bytes of heads, of all connections */

struct event_base;
struct http_server;
struct http_conn;
struct tls_context;

struct http_answer {
	int status;
	const char *before; /* header lines before Date and Content-Length, each with CR LF; or "" */
	const char *after;  /* and behind them */
	struct str body;
	bool close; /* the connection ends behind it */
};

/*
 * http_server_new - takes the listening socket over when it succeeds.
 * on_request - a request is there; sooner or later it gets its one http_conn_answer.
 * tls - NULL: the port is plain; else it gives the context of a fresh connection, held for it.
 * on_gone - a connection ends before it was answered: forget it.
 */
struct http_server *http_server_new(struct event_base *, int listen_fd,
    void (*on_request)(struct http_conn *, void *), void (*on_gone)(struct http_conn *, void *),
    struct tls_context *(*tls)(void *), void *ctx, struct err *);
void http_server_free(struct http_server *); /* closes everything */

/* http_conn_request - the request; borrowed until it is answered. */
const struct http_request *http_conn_request(const struct http_conn *);

/* http_conn_answer - the answer to it; copies what it needs. */
void http_conn_answer(struct http_conn *, const struct http_answer *);

/* http_conn_refuse - instead of an answer: "HTTP/1.1 <why>" and the end of the connection; why as
 * http_request_parse gives it. */
void http_conn_refuse(struct http_conn *, const char *why);

#endif
