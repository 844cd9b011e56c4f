/*
 * dn - distinguished names that stand as user names in the configuration (RFC 4514 text), compared
 * with the subject of a certificate (accounts.md 9, step 4).
 */
#ifndef FRONT_AUTH_DN_H
#define FRONT_AUTH_DN_H

#include <stdbool.h>
#include <stddef.h>

#include "natsd-front/auth/cert.h"

struct dn; /* parsed; immutable */

/* dn_parse - NULL: the text is no name, or no memory. */
struct dn *dn_parse(struct str text);
void dn_free(struct dn *); /* NULL is fine */

/* dn_equal - the same sequence; text has it in the reverse order of the certificate. */
bool dn_equal(const struct dn *, const struct cert_identity *);

/* dn_equal_unordered - the same parts, in any order. */
bool dn_equal_unordered(const struct dn *, const struct cert_identity *);

#endif
