/*
 * header - the header block of a NATS message: "NATS/1.0[ status]\r\n", "Key: value\r\n"*, "\r\n"
 * (client.md 19).  Keys are compared byte by byte.
 */
#ifndef COMMON_HEADER_H
#define COMMON_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/str.h"

/* header_get - the value of the first line of that key, blanks before it skipped; p NULL when there
 * is none. */
struct str header_get(struct str block, struct str key);

/* header_set - the block with all lines of that key removed and "key: value" as its last line; a
 * block is made when there is none.  CR and LF in the value become blanks.  Into out (emptied
 * first; block must not lie in it).  0; -1: no memory, or out's bound. */
int header_set(struct buf *out, struct str block, struct str key, struct str value);

/* header_next - iterates "key: value" lines; start with *at = 0.  false: the end, or a line without
 * CRLF or ':'.  Key verbatim up to ':', value trimmed of blanks and TABs. */
bool header_next(struct str block, size_t *at, struct str *key, struct str *value);

#endif
