/*
 * tls_options - one `tls { }` block, resolved: files are read, names are looked up, defaults are
 * filled in (config.md 8).
 *
 * The supervisor makes it and checks that certificate and key belong together; the front is told
 * it.  Texts are PEM, so that the front opens no file.  Plain data with one owner.
 */
#ifndef COMMON_TLS_OPTIONS_H
#define COMMON_TLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cursor.h"
#include "common/err.h"
#include "common/str.h"

#define TLS_PIN_BYTES 32u
#define TLS_PEM_MAX (8u << 20)
#define TLS_PINS_MAX 65536u
#define TLS_PAIRS_MAX 256u

struct tls_pair {
	char *cert_pem;
	char *key_pem; /* secret: wiped when freed */
};

struct tls_options {
	char *cert_pem; /* chain, leaf first; NULL: there is none, and every handshake fails */
	char *key_pem;	/* secret: wiped when freed */
	struct tls_pair *more; /* further certificates; what a client can do chooses among all */
	size_t nmore;
	char *ca_pem;	/* of ca_file or, when verify needs one, of the system; NULL: none */
	bool verify;	/* client certificates are required and checked */
	bool map;	/* verify_and_map: the certificate names the user */
	bool insecure;
	int64_t timeout_ns; /* of a handshake */
	int64_t first_delay_ns; /* of handshake_first; 0: strict */
	bool first;		/* handshake_first */
	int min_version;	/* 12 or 13: TLS 1.2, 1.3 */
	char *ciphers;		/* OpenSSL names of TLS 1.2 suites, ':' between; "": none */
	char *suites;		/* of TLS 1.3 */
	char *groups;		/* in order of preference; all three are never NULL */
	int64_t rate_limit;	/* handshakes a second; 0: none */
	uint8_t (*pins)[TLS_PIN_BYTES]; /* SHA-256 of allowed SubjectPublicKeyInfo */
	size_t npins;		/* 0: no pinning */
	int64_t not_after_s;	/* of our leaf certificate, seconds since the epoch */
	char *cert_file;	/* as the file says it; for monitoring, reload texts and the log */
};

/* tls_string - puts a copy of s in the place of *at, which is freed; NULL stays NULL.  0; -1. */
int tls_string(char **at, const char *s, struct err *);

struct tls_options *tls_options_new(struct err *); /* defaults; NULL: no memory */
void tls_options_free(struct tls_options *);	   /* wipes the keys; NULL is fine */

/* tls_options_encode - for the front alone.  tls_options_decode - refuses what is short, or out of
 * bounds; NULL: the reason. */
void tls_options_encode(const struct tls_options *, struct wr *);
struct tls_options *tls_options_decode(struct rd *, struct err *);

/* tls_options_copy - NULL of NULL, or without memory. */
struct tls_options *tls_options_copy(const struct tls_options *, struct err *);

/* tls_options_equal - for a reload; both may be NULL. */
bool tls_options_equal(const struct tls_options *, const struct tls_options *);

#endif
