/*
 * http_url - targets of requests: path, query, and what Go's router does with both.
 */
#ifndef FRONT_HTTP_URL_H
#define FRONT_HTTP_URL_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/str.h"

/* http_target_split - "/a?b", or "http://host/a?b"; the query without '?'.  -1: neither. */
int http_target_split(struct str target, struct str *path, struct str *query);

/* http_path_decode - %XX undone, into out (emptied first).  -1: a broken escape, or no memory. */
int http_path_decode(struct str raw, struct buf *out);

/*
 * http_path_clean - no duplicate slashes, no dot segments, a slash in front; a slash at the end stays.
 * http_base_clean - of the option http_base_path: the same, without a slash at the end; "/" alone
 * for the empty one.
 * Into out (emptied first).  -1: no memory.
 */
int http_path_clean(struct str path, struct buf *out);
int http_base_clean(struct str base, struct buf *out);

/* http_path_encode - appends, with %XX where a path needs it; what has one stays.  http_html - appends, escaped. */
int http_path_encode(struct str path, struct buf *out);
int http_html(struct str, struct buf *out);

/*
 * http_query_get - the first value of the key, decoded into out (emptied first).  false: the key is
 * not there, or empty, or there is no memory; out is empty then.
 */
bool http_query_get(struct str query, const char *key, struct buf *out);

#endif
