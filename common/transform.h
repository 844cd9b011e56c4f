/*
 * transform - makes one subject of another (client.md 15.2): `orders.*.>` to `$1.new.>`.
 *
 * A destination token is a literal, `$N`, or one function in `{{ }}`; indexes count the `*` of the
 * source from 1.  Compiled once, then only read.
 */
#ifndef COMMON_TRANSFORM_H
#define COMMON_TRANSFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cursor.h"
#include "common/err.h"
#include "common/str.h"

struct transform;

/* Where random(n) and weights get their numbers from: uniform in [0, n), n > 0. */
struct chance {
	uint32_t (*below)(void *ctx, uint32_t n);
	void *ctx;
};

/*
 * transform_new - source empty: `>`.  strict: only wildcards may be used, and all of them must be
 * (imports, which are turned round).  NULL with nats-server's words.
 */
struct transform *transform_new(struct str source, struct str dest, bool strict, struct err *);
void transform_free(struct transform *);

/* transform_check - what else a destination of an account's mapping or of a stream must be (15.3).
 * 0; -1: the reason. */
int transform_check(struct str source, struct str dest, struct err *);

/* transform_room - bytes that the result for a subject of n bytes has at most. */
size_t transform_room(const struct transform *, size_t n);

/* transform_apply - to a subject that its source matches. */
void transform_apply(const struct transform *, struct str subject, const struct chance *,
    struct wr *out);

/* transform_match - the same for any subject.  False: it is no literal subject, or the source does
 * not match; nothing is written. */
bool transform_match(const struct transform *, struct str subject, const struct chance *,
    struct wr *out);

/* transform_tokenize - `foo.*.*` as a destination: `foo.$1.$2`, malloc'ed.  NULL: no memory. */
char *transform_tokenize(struct str source);

/* transform_hash - FNV-1a of 32 bits, going on from h; it starts at TRANSFORM_HASH_START. */
#define TRANSFORM_HASH_START 2166136261u
uint32_t transform_hash(uint32_t h, struct str);

#endif
