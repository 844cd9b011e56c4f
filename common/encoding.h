/*
 * encoding - how the answer to a request may be packed: what `Accept-Encoding` asks for in a NATS
 * header (client.md 16.1, monitoring-events.md 20.4).
 */
#ifndef COMMON_ENCODING_H
#define COMMON_ENCODING_H

#include "common/buf.h"
#include "common/str.h"

enum encoding {
	ENCODING_NONE, /* nothing was asked for */
	ENCODING_GZIP,
	ENCODING_SNAPPY,
	ENCODING_UNKNOWN, /* something else was: sent as it is, and so named */
};

enum encoding encoding_asked(struct str accept);

/* encoding_name - for `Content-Encoding`; NULL for NONE. */
const char *encoding_name(enum encoding);

/* encoding_pack - plain, packed, appended to out.  0; -1: no memory, or out's bound. */
int encoding_pack(enum encoding, struct buf *out, struct str plain);

#endif
