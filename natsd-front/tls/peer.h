/*
 * peer - what the certificates of a client say: facts for authentication and monitoring, copied out
 * of the library's objects.  Immutable, one owner.
 */
#ifndef FRONT_TLS_PEER_H
#define FRONT_TLS_PEER_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/tls_options.h"
#include "natsd-front/auth/cert.h"

#define TLS_HASH_BYTES 32u

struct tls_cert {
	const char *subject; /* as nats-server writes it: "CN=localhost,OU=nats.io,O=..." */
	uint8_t spki[TLS_HASH_BYTES], whole[TLS_HASH_BYTES]; /* SHA-256 */
};

struct tls_peer_block;

struct tls_peer {
	struct cert_identity identity; /* of the leaf */
	struct tls_cert *certs;	       /* leaf first */
	size_t ncerts;
	struct tls_peer_block *blocks; /* all memory of the above */
};

/* tls_peer_of - after a handshake.  0, *peer NULL when there is no certificate; -1: no memory, or a
 * certificate that cannot be read. */
int tls_peer_of(SSL *, struct tls_peer **);
void tls_peer_free(struct tls_peer *); /* NULL is fine */

/* tls_peer_pinned - whether the leaf is among the pinned ones; no peer never is. */
bool tls_peer_pinned(const struct tls_peer *, const struct tls_options *);

/* tls_cert_text - "<subject> SHA-256: <hex>" into out, cut to fit. */
void tls_cert_text(X509 *, char *out, size_t size);

#endif
