/*
 * http_chunks - a chunked request body, read past: nobody here looks at bodies.
 *
 *	5;ext=1 CRLF hello CRLF   0 CRLF   Trailer: x CRLF   CRLF
 *
 * As strict as Go's server: CR LF everywhere, sizes of 1 to 16 hexadecimal digits, bounds on the data
 * and on what is not data.
 */
#ifndef FRONT_HTTP_CHUNKS_H
#define FRONT_HTTP_CHUNKS_H

#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

#define HTTP_BODY_SKIPPED_MAX (256u << 10) /* a larger request body ends the connection */

enum http_chunks_state {
	HTTP_CHUNKS_SIZE, /* begin of a size line */
	HTTP_CHUNKS_DIGITS,
	HTTP_CHUNKS_EXTENSION,
	HTTP_CHUNKS_SIZE_LF,
	HTTP_CHUNKS_DATA,
	HTTP_CHUNKS_DATA_CR,
	HTTP_CHUNKS_DATA_LF,
	HTTP_CHUNKS_TRAILER, /* begin of a line */
	HTTP_CHUNKS_TRAILER_REST,
	HTTP_CHUNKS_TRAILER_LF,
	HTTP_CHUNKS_END_LF,
};

struct http_chunks { /* zeroed: the beginning */
	enum http_chunks_state state;
	unsigned digits;
	uint64_t left;	      /* of this chunk */
	uint64_t data, other; /* bytes so far */
};

/* http_chunks_skip - past as much of `in` as belongs to the body; *used bytes of it.  1: that was the
 * end; 0: more must come; -1: it is no chunked body, or a larger one than anybody reads. */
int http_chunks_skip(struct http_chunks *, struct str in, size_t *used);

#endif
