/*
 * trace_request - what the headers of a message say about tracing it (client.md 16.1).  Pure.
 *
 * Keys and values are taken as nats-server takes them: a key is whatever stands before the next colon,
 * be there ends of lines in it or not.
 */
#ifndef FRONT_TRACE_REQUEST_H
#define FRONT_TRACE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "common/str.h"

#define TRACE_DEST "Nats-Trace-Dest"
#define TRACE_ONLY "Nats-Trace-Only"
#define TRACE_ORIGIN "Nats-Trace-Origin-Account"
#define TRACE_PARENT "traceparent"
#define TRACE_DISABLED "trace disabled"

struct trace_pair {
	struct str key, value;
	size_t place; /* among all of the message */
};

/* Strings lie in the headers. */
struct trace_request {
	struct trace_pair *pairs; /* all of the message, in its order */
	size_t npairs;
	struct str dest;   /* n 0: traceparent asks, the account says where to */
	struct str origin; /* n 0: not there */
	bool only;
};

/* trace_request_likely - a cheap look: false when trace_request_read would say 0. */
bool trace_request_likely(struct str headers);

/* trace_request_read - 1: they ask for a trace; 0: they do not; -1: no memory.  To be freed in all
 * cases. */
int trace_request_read(struct trace_request *, struct str headers);
void trace_request_free(struct trace_request *);

/* trace_request_get - the first value of that key; n 0: none. */
struct str trace_request_get(const struct trace_request *, struct str key);

/* trace_request_sampled - a value of traceparent: the last of four fields is two hex digits, at most
 * 7f, with bit 0 set. */
bool trace_request_sampled(struct str value);

#endif
