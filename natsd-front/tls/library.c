#include "config.h"

#include <malloc.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdlib.h>

#include "natsd-front/tls/bio.h"
#include "natsd-front/tls/library.h"

/* The buffers of a record's size: taken and given back with each record that is read or written. */
#define BUFFER_LEAST 16384u
#define BUFFER_MOST 20480u
#define BUFFERS_KEPT 4u

static _Thread_local struct {
	bool keeps;
	unsigned n;
	void *at[BUFFERS_KEPT];
} kept;

static BIO_METHOD *bio_method;

static void *
take_memory(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	if (n > BUFFER_LEAST && n <= BUFFER_MOST && kept.keeps) {
		if (kept.n > 0)
			return (kept.at[--kept.n]);
		return (malloc(BUFFER_MOST)); /* of any of these sizes, so that it fits each */
	}
	return (n == 0 ? NULL : malloc(n));
}

static void
give_memory(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	if (kept.keeps && kept.n < BUFFERS_KEPT && p != NULL &&
	    malloc_usable_size(p) >= BUFFER_MOST && malloc_usable_size(p) < 2 * BUFFER_MOST)
		kept.at[kept.n++] = p;
	else
		free(p);
}

static void *
change_memory(void *p, size_t n, const char *file, int line)
{
	if (p == NULL)
		return (take_memory(n, file, line));
	if (n == 0) {
		give_memory(p, file, line);
		return (NULL);
	}
	return (realloc(p, n));
}

void
tls_library_thread_begin(void)
{
	kept.keeps = true;
}

void
tls_library_thread_end(void)
{
	kept.keeps = false;
	while (kept.n > 0)
		free(kept.at[--kept.n]);
	OPENSSL_thread_stop();
}

int
tls_library_begin(struct err *e)
{
	unsigned char chance[16];

	if (bio_method != NULL)
		return (0);
	CRYPTO_set_mem_functions(take_memory, change_memory, give_memory);
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1 ||
	    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS |
	    OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL) != 1 ||
	    RAND_bytes(chance, sizeof(chance)) != 1)
		return (tls_library_error(e, "OpenSSL"));
	bio_method = tls_bio_method_new();
	if (bio_method == NULL)
		return (err_set(e, "no memory for OpenSSL"));
	return (0);
}

const BIO_METHOD *
tls_library_bio(void)
{
	return (bio_method);
}

int
tls_library_error(struct err *e, const char *what)
{
	unsigned long code = ERR_get_error();
	const char *reason = ERR_reason_error_string(code);

	ERR_clear_error();
	if (reason == NULL)
		return (err_set(e, "%s: error %lx", what, code));
	return (err_set(e, "%s: %s", what, reason));
}
