#include "config.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/log.h"
#include "natsd-front/heap.h"
#include "natsd-front/tls/bio.h"
#include "natsd-front/tls/library.h"

#define CLASS_KEPT 8u

/*
 * What the library takes and gives back with every record that is read or written: its buffer, and
 * a few small things while one is built.  Blocks of a class are all of its largest size, so that
 * one fits wherever another does.
 */
struct class {
	size_t least, most; /* bytes asked for */
	unsigned n;
	void *at[CLASS_KEPT];
};

static _Thread_local bool keeps;
static _Thread_local struct class classes[] = {
	{ .least = 17, .most = 64 },
	{ .least = 16385, .most = 20480 },
};
#define CLASSES (sizeof(classes) / sizeof(classes[0]))

static BIO_METHOD *bio_method;
static bool begins; /* one thread only, yet */

/* The library does not survive a failure in its own beginnings, so we end before it does. */
static void *
fresh_memory(size_t n)
{
	void *p = malloc(n);

	if (p == NULL && begins)
		fatal("natsd-front: no memory for OpenSSL");
	return (p);
}

static void *
take_memory(size_t n, const char *file, int line)
{
	struct class *k;

	(void)file;
	(void)line;
	for (k = classes; keeps && k < classes + CLASSES; k++)
		if (n >= k->least && n <= k->most)
			return (k->n > 0 ? k->at[--k->n] : fresh_memory(k->most));
	return (n == 0 ? NULL : fresh_memory(n));
}

static void
give_memory(void *p, const char *file, int line)
{
	size_t n = p == NULL || !keeps ? 0 : heap_usable(p);
	struct class *k;

	(void)file;
	(void)line;
	if (p == NULL)
		return;
	for (k = classes; n != 0 && k < classes + CLASSES; k++)
		if (n >= k->most && n < k->most + k->most / 4 && k->n < CLASS_KEPT) {
			k->at[k->n++] = p;
			return;
		}
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
	if ((p = realloc(p, n)) == NULL && begins)
		fatal("natsd-front: no memory for OpenSSL");
	return (p);
}

void
tls_library_thread_begin(void)
{
	keeps = true;
}

void
tls_library_thread_end(void)
{
	struct class *k;

	keeps = false;
	for (k = classes; k < classes + CLASSES; k++)
		while (k->n > 0)
			free(k->at[--k->n]);
	OPENSSL_thread_stop();
}

int
tls_library_begin(struct err *e)
{
	unsigned char chance[16];

	if (bio_method != NULL)
		return (0);
	begins = true;
	CRYPTO_set_mem_functions(take_memory, change_memory, give_memory);
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) != 1 ||
	    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS |
	    OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL) != 1 ||
	    RAND_bytes(chance, sizeof(chance)) != 1)
		return (tls_library_error(e, "OpenSSL"));
	bio_method = tls_bio_method_new();
	begins = false;
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
