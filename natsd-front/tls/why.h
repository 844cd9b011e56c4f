/*
 * why - why a handshake failed, in nats-server's words where it has words for it.
 */
#ifndef FRONT_TLS_WHY_H
#define FRONT_TLS_WHY_H

#include <openssl/types.h>

#include "common/err.h"

/* tls_why - of the failure this thread's error queue tells of; empties the queue. */
void tls_why(SSL *, struct err *);

/* tls_why_unverified - the library's callback while it looks at a client's certificates: remembers
 * those that fail.  Changes nothing about the outcome. */
int tls_why_unverified(int ok, X509_STORE_CTX *);

#endif
