#include "config.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "natsd-front/tls/tls.h"
#include "natsd-front/tls/why.h"

#define RECORD_ALERT 21u
#define RECORD_HANDSHAKE 22u
#define VERSION_MAJOR_END 0x10u

static void on_message(int write, int version, int type, const void *p, size_t n, SSL *ssl,
    void *arg);

struct tls *
tls_new(const struct tls_context *context, enum tls_use use)
{
	struct tls *t = calloc(1, sizeof(*t));
	BIO *bio;

	if (t == NULL)
		return (NULL);
	t->ssl = SSL_new(tls_context_ssl(context, use));
	bio = tls_bio_new(&t->io);
	if (t->ssl == NULL || bio == NULL) {
		BIO_free(bio);
		tls_free(t, NULL);
		ERR_clear_error();
		return (NULL);
	}
	SSL_set_bio(t->ssl, bio, bio);
	SSL_set_accept_state(t->ssl);
	SSL_set_msg_callback(t->ssl, on_message);
	SSL_set_msg_callback_arg(t->ssl, t);
	SSL_set_app_data(t->ssl, t);
	return (t);
}

struct tls *
tls_of(const SSL *ssl)
{
	return (SSL_get_app_data(ssl));
}

void
tls_free(struct tls *t, struct blob_store *here)
{
	if (t == NULL)
		return;
	if (t->unsent != NULL)
		blob_drop(here, t->unsent);
	tls_peer_free(t->peer);
	free(t->unverified);
	SSL_free(t->ssl);
	free(t);
}

/*
 * After the handshake the protocol's own messages are rare.  Many in a row without data are an
 * attack: the rest of the input is not looked at any more.
 */
static void
on_message(int write, int version, int type, const void *p, size_t n, SSL *ssl, void *arg)
{
	struct tls *t = arg;

	(void)version;
	(void)p;
	(void)n;
	(void)ssl;
	if (write || !t->established || type != SSL3_RT_HANDSHAKE)
		return;
	if (++t->idle_records <= TLS_IDLE_RECORDS_MAX)
		return;
	t->flooded = true;
	t->io.in_n = 0;
}

/* The library wants more input, and nothing else. */
static bool
wants_input(const struct tls *t, int rc)
{
	return (SSL_get_error(t->ssl, rc) == SSL_ERROR_WANT_READ && !t->flooded);
}

enum tls_result
tls_handshake(struct tls *t, struct buf *out, struct err *e)
{
	enum tls_result result = TLS_OK;
	int rc;

	ERR_clear_error();
	t->io.out = out;
	rc = SSL_do_handshake(t->ssl);
	if (rc == 1) {
		t->established = true;
	} else if (wants_input(t, rc)) {
		result = TLS_MORE;
	} else {
		tls_why(t->ssl, e);
		result = TLS_FAILED;
	}
	t->io.out = NULL;
	return (result);
}

enum tls_result
tls_open(struct tls *t, uint8_t *to, size_t n, size_t *got, struct buf *out)
{
	enum tls_result result = TLS_OK;
	size_t done;

	*got = 0;
	t->io.out = out;
	while (*got < n) {
		if (SSL_read_ex(t->ssl, to + *got, n - *got, &done) == 1) {
			*got += done;
			t->idle_records = 0;
			continue;
		}
		result = wants_input(t, 0) ? TLS_MORE
		    : SSL_get_error(t->ssl, 0) == SSL_ERROR_ZERO_RETURN ? TLS_OVER : TLS_FAILED;
		break;
	}
	if (result == TLS_FAILED || result == TLS_OVER)
		ERR_clear_error();
	t->io.out = NULL;
	return (result);
}

bool
tls_holds(const struct tls *t)
{
	return (t->io.in_n != 0 || SSL_pending(t->ssl) > 0);
}

int
tls_seal(struct tls *t, const uint8_t *p, size_t n, struct buf *out)
{
	size_t done;
	int rc;

	assert(n <= TLS_RECORD_BYTES);
	t->io.out = out;
	rc = SSL_write_ex(t->ssl, p, n, &done) == 1 && done == n ? 0 : -1;
	t->io.out = NULL;
	if (rc != 0)
		ERR_clear_error();
	return (rc);
}

void
tls_say_end(struct tls *t, struct buf *out)
{
	t->io.out = out;
	SSL_shutdown(t->ssl);
	t->io.out = NULL;
	ERR_clear_error();
}

/* ---- names ---- */

const char *
tls_version(const struct tls *t)
{
	return (SSL_version(t->ssl) == TLS1_3_VERSION ? "1.3" : "1.2");
}

const char *
tls_cipher(const struct tls *t)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(t->ssl);
	const char *name = cipher == NULL ? NULL : SSL_CIPHER_standard_name(cipher);

	return (name == NULL ? "" : name);
}

bool
tls_looks_like(const uint8_t *p, size_t n)
{
	return ((n < 1 || p[0] == RECORD_HANDSHAKE || p[0] == RECORD_ALERT) &&
	    (n < 2 || p[1] < VERSION_MAJOR_END));
}
