/*
 * library - OpenSSL in this process: made ready before the sandbox is entered, so that it opens no
 * file later; its memory; its errors.
 */
#ifndef FRONT_TLS_LIBRARY_H
#define FRONT_TLS_LIBRARY_H

#include <openssl/bio.h>

#include "common/err.h"

/* tls_library_begin - before anything else of OpenSSL is used: no configuration file, no engines.
 * Once, in main(). */
int tls_library_begin(struct err *);

/*
 * tls_library_thread_begin - the calling thread keeps a few of the blocks that connections take and
 * give back with every record, instead of asking malloc for each.
 * tls_library_thread_end - gives them back; before the thread ends.
 */
void tls_library_thread_begin(void);
void tls_library_thread_end(void);

/* tls_library_error - the oldest error of this thread's queue as "<what>: <reason>"; empties the
 * queue.  Returns -1. */
int tls_library_error(struct err *, const char *what);

/* tls_library_bio - the method of our own BIO (bio.c); NULL: no memory.  Made by begin. */
const BIO_METHOD *tls_library_bio(void);

#endif
