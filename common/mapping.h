/*
 * mapping - what becomes of a published subject before anything else (client.md 15.1): the mappings
 * of one account, compiled, then only read.
 */
#ifndef COMMON_MAPPING_H
#define COMMON_MAPPING_H

#include <stdbool.h>
#include <stddef.h>

#include "common/access.h"
#include "common/cursor.h"
#include "common/err.h"
#include "common/str.h"
#include "common/transform.h"

struct mappings;

/* mappings_new - cluster: name of ours, empty: none; the texts stay the caller's and must live as
 * long.  NULL with nats-server's words about the first one that is wrong. */
struct mappings *mappings_new(const struct access_mapping *, size_t n, struct str cluster,
    struct err *);
void mappings_free(struct mappings *);

enum mapped {
	MAPPED_NOT,  /* no source matches: the subject stays */
	MAPPED_TO,   /* the new one was written */
	MAPPED_LOST, /* the weights say that this one is lost */
};

/* mappings_room - bytes that the new subject of one of n bytes has at most. */
size_t mappings_room(const struct mappings *, size_t n);

/* mappings_apply - the first mapping of the list that matches, one of its destinations by weight. */
enum mapped mappings_apply(const struct mappings *, struct str subject, const struct chance *,
    struct wr *out);

#endif
