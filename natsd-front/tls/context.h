/*
 * context - a `tls { }` block made ready for handshakes: certificate, key, what is offered and what
 * is asked of clients.
 *
 * Immutable and reference counted: settings of one generation hold it, handshakes under way and the
 * monitoring thread do too.  Connections live on with the one that they began with.
 */
#ifndef FRONT_TLS_CONTEXT_H
#define FRONT_TLS_CONTEXT_H

#include <openssl/types.h>

#include "common/err.h"
#include "common/tls_options.h"

enum tls_use {
	TLS_CLIENTS,
	TLS_MONITOR, /* never asks for a certificate */
	TLS_USES
};

struct tls_context;

struct tls_context *tls_context_new(const struct tls_options *, struct err *); /* NULL: reason */
struct tls_context *tls_context_hold(struct tls_context *);
void tls_context_release(struct tls_context *); /* NULL is fine; any thread */

/* tls_context_ssl - lives as long as the context. */
SSL_CTX *tls_context_ssl(const struct tls_context *, enum tls_use);

#endif
