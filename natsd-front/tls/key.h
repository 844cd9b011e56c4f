/*
 * key - a private key as an opaque handle: nobody but key.c sees what is behind it.
 *
 * What a handshake needs of it, signatures and decryption, is asked of it through the context it is
 * installed in; so the key can later live in another process, and only key.c changes.
 */
#ifndef FRONT_TLS_KEY_H
#define FRONT_TLS_KEY_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "common/err.h"

struct tls_key;

/* tls_key_from_pem - NULL: the reason.  The text stays the caller's, who wipes it. */
struct tls_key *tls_key_from_pem(const char *pem, struct err *);
void tls_key_free(struct tls_key *); /* NULL is fine */

/* tls_key_install - handshakes of that context use it; the certificate is there already, and must
 * belong to it.  The context keeps what it needs.  0; -1: the reason. */
int tls_key_install(const struct tls_key *, SSL_CTX *, struct err *);

/* tls_key_fits - whether a client that said what it can do could be shown that certificate;
 * tls_key_use - it is shown this one.  Both within a handshake.  0; -1. */
bool tls_key_fits(const struct tls_key *, SSL *, X509 *leaf, STACK_OF(X509) *chain);
int tls_key_use(const struct tls_key *, SSL *, X509 *leaf, STACK_OF(X509) *chain);

#endif
