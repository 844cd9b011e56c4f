/*
 * http_request - the head of an HTTP/1.x request: first line and header lines, up to the empty line.
 *
 * Strict where Go's server is (monitoring-events.md 2.2): token names, one Host, a sane
 * Content-Length; lenient where it is: bare LF, folded lines.
 */
#ifndef FRONT_HTTP_REQUEST_H
#define FRONT_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

#define HTTP_HEAD_MAX (1u << 20) /* bytes; larger ones are answered 431 */

struct http_request {
	struct str method; /* borrowed from the input, like target */
	struct str target; /* as it stands in the first line; no control characters */
	unsigned minor;	   /* HTTP/1.minor */
	bool keep_alive;
	bool expects_more; /* of its server than to wait for the body: 417 */
	bool chunked;	   /* the body comes in chunks (http_chunks.h); body_n is 0 */
	uint64_t body_n;   /* bytes of body that follow the head */
};

/*
 * http_head_end - where the head ends in what was received, or 0 when its empty line is not there yet.
 * from: bytes that an earlier call has seen, so that nothing is looked at over and over.
 */
size_t http_head_end(struct str received, size_t from);

/*
 * http_request_parse - a whole head.  0; -1: *why is what follows "HTTP/1.1 " in the answer, for
 * instance "400 Bad Request: invalid header name", which is its body too unless another text stands
 * behind a LF; static.
 */
int http_request_parse(struct str head, struct http_request *, const char **why);

#endif
