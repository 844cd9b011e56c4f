/*
 * bio - between an SSL object and the buffers of who runs it: no socket, no memory of its own.
 *
 * What the SSL object reads comes from a span, what it writes is appended to a buf; both stand in
 * struct tls_io and are set for one call.
 */
#ifndef FRONT_TLS_BIO_H
#define FRONT_TLS_BIO_H

#include <openssl/bio.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

struct tls_io {
	const uint8_t *in; /* read from here on */
	size_t in_n;
	struct buf *out; /* NULL: nothing can be written now */
};

/* tls_bio_method_new - NULL: no memory.  tls_bio_new - NULL likewise; borrows the tls_io. */
BIO_METHOD *tls_bio_method_new(void);
BIO *tls_bio_new(struct tls_io *);

#endif
