/*
 * cert - which user a client certificate is (accounts.md 9).
 *
 * Pure.  What the certificate says is copied out of it by tls into struct cert_identity; the leaf
 * certificate only.  All strings are borrowed and may hold any byte.
 */
#ifndef FRONT_AUTH_CERT_H
#define FRONT_AUTH_CERT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/str.h"

struct auth_table;
struct auth_user;

/* Attribute types that a subject may be made of, in the order of their rendering. */
enum cert_type {
	CERT_SERIALNUMBER,
	CERT_CN,
	CERT_OU,
	CERT_O,
	CERT_POSTALCODE,
	CERT_STREET,
	CERT_L,
	CERT_ST,
	CERT_C,
	CERT_DC,
	CERT_OTHER, /* anything else: the subject is then not compared as a name */
};

struct cert_attr {
	enum cert_type type;
	struct str value; /* UTF-8 */
};

struct cert_rdn { /* more than one attribute: joined by '+' in text */
	const struct cert_attr *at;
	size_t n;
};

struct cert_identity {
	const struct str *emails; /* subject alternative names, in the order of the certificate */
	size_t nemails;
	const struct str *dns;
	size_t ndns;
	const struct str *uris;
	size_t nuris;
	const struct cert_rdn *rdns; /* subject, in the order of the certificate */
	size_t nrdns;
};

#define CERT_NAME_MAX 4096u /* a rendered subject; longer ones name nobody */

/* cert_user - the user that the certificate names among those of that connection type (one bit of
 * enum access_type).  NULL: none. */
const struct auth_user *cert_user(const struct cert_identity *, const struct auth_table *,
    unsigned type);

/* cert_subject - the subject as text, in the order of enum cert_type, domain components left out.
 * The number of bytes written; SIZE_MAX: longer than size. */
size_t cert_subject(const struct cert_identity *, char *out, size_t size);

#endif
