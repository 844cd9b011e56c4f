/*
 * subject - names that messages are addressed with: tokens between dots (client.md 10).
 *
 * A token that is `*` stands for one token, a last token that is `>` for one or more.  Bytes, no
 * letter case, no UTF-8 check.
 */
#ifndef COMMON_SUBJECT_H
#define COMMON_SUBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"

bool subject_valid(struct str);		/* IsValidSubject */
bool subject_valid_runes(struct str);	/* and no NUL, no invalid UTF-8: JetStream */
bool subject_valid_sub(struct str);	/* what SUB takes: no empty token, nothing after > */
bool subject_valid_literal(struct str); /* IsValidLiteralSubject: pedantic PUB */
bool subject_valid_publish(struct str); /* valid and no wildcard token */
bool subject_has_wildcard(struct str);	/* some token is a wildcard */

/* subject_tokens - how many, 1 for "". */
unsigned subject_tokens(struct str);

/* subject_next - cuts the next token off *rest; false when there is none left.  Start with
 * rest = the subject and more = true. */
struct subject_iter {
	struct str rest;
	bool more;
};
struct subject_iter subject_iter(struct str);
bool subject_next(struct subject_iter *, struct str *token);

/* subject_matches - does the literal subject match the pattern (which may have wildcards)? */
bool subject_matches(struct str literal, struct str pattern);

/* subject_subset - does b cover all that a (may have wildcards) covers?  isSubsetMatch. */
bool subject_subset(struct str a, struct str b);

/* subject_collide - could one literal subject match both? */
bool subject_collide(struct str a, struct str b);

/* subject_hash - of the bytes; for caches.  subject_first_hash - of the first token, 8 bits. */
uint64_t subject_hash(struct str);
uint8_t subject_first_hash(struct str);

#endif
