/*
 * json_out - JSON as Go's encoder writes it: keys in the order given, <, >, & and U+2028/9 escaped,
 * invalid UTF-8 as \ufffd, optional indentation (monitoring-events.md 1).
 *
 * No name here is one of jansson's, which some programs use beside it.
 *
 * Appends to a buf; the first shortage of memory is sticky (json_end tells).  Nesting is kept in a
 * 64-bit mask: at most 60 levels, asserted.
 */
#ifndef COMMON_JSON_OUT_H
#define COMMON_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/mono.h"

struct json_out {
	struct buf *to;
	unsigned indent; /* blanks a level; 0: compact */
	unsigned depth;
	uint64_t has_items; /* one bit a level */
	bool after_key;
	bool failed;
};

void json_begin(struct json_out *, struct buf *to, unsigned indent);
int json_end(const struct json_out *); /* 0; -1: memory or the buf's bound */

void json_object_begin(struct json_out *);
void json_object_end(struct json_out *);
void json_array_begin(struct json_out *);
void json_array_end(struct json_out *);
void json_key(struct json_out *, const char *key);
void json_key_str(struct json_out *, struct str key);

void json_str(struct json_out *, struct str);
void json_u64(struct json_out *, uint64_t);
void json_i64(struct json_out *, int64_t);
void json_num(struct json_out *, double); /* shortest that round-trips; finite */
void json_bool(struct json_out *, bool);
void json_put_null(struct json_out *);
void json_raw(struct json_out *, struct str); /* JSON text that is known to be well-formed */
/* RFC 3339, trailing zeros of the nanoseconds trimmed; local: with the zone's offset, which the
 * program has made known with tzset(3) before it entered its sandbox. */
#define JSON_TIME_ZERO ((struct wall){ .ns = INT64_MIN }) /* prints as Go's zero time */
void json_time(struct json_out *, struct wall, bool local);

/* key and value in one; the _oe ones leave it out when empty, 0 or false */
void json_kstr(struct json_out *, const char *key, struct str);
void json_kstr_oe(struct json_out *, const char *key, struct str);
void json_ku64(struct json_out *, const char *key, uint64_t);
void json_ku64_oe(struct json_out *, const char *key, uint64_t);
void json_ki64(struct json_out *, const char *key, int64_t);
void json_ki64_oe(struct json_out *, const char *key, int64_t);
void json_knum(struct json_out *, const char *key, double);
void json_ktime(struct json_out *, const char *key, struct wall, bool local);
void json_kbool(struct json_out *, const char *key, bool);
void json_kbool_oe(struct json_out *, const char *key, bool);

#endif
