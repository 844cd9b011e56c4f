#include "config.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "tests/bench/load_tls.h"

#define READ_BYTES 65536

struct load_tls {
	SSL *ssl;
};

/* Of all connections; made for the first one. */
static SSL_CTX *context;

static int
make_context(void)
{
	if (context != NULL)
		return (0);
	context = SSL_CTX_new(TLS_client_method());
	if (context == NULL)
		return (-1);
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(context, 1);
	SSL_CTX_set_default_read_buffer_len(context, READ_BYTES);
	return (0);
}

struct load_tls *
load_tls_new(int fd, struct err *e)
{
	struct load_tls *t = calloc(1, sizeof(*t));

	if (t == NULL || make_context() != 0 || (t->ssl = SSL_new(context)) == NULL ||
	    SSL_set_fd(t->ssl, fd) != 1 || SSL_connect(t->ssl) != 1) {
		err_set(e, "no TLS handshake: %s", ERR_reason_error_string(ERR_peek_last_error()));
		load_tls_free(t);
		return (NULL);
	}
	return (t);
}

void
load_tls_free(struct load_tls *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	free(t);
}

static ssize_t
failed(struct load_tls *t, int rc)
{
	switch (SSL_get_error(t->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		errno = EAGAIN;
		return (-1);
	case SSL_ERROR_ZERO_RETURN:
		return (0);
	default:
		errno = EPROTO;
		return (-1);
	}
}

ssize_t
load_tls_send(struct load_tls *t, const void *p, size_t n)
{
	size_t done;
	int rc = SSL_write_ex(t->ssl, p, n, &done);

	return (rc == 1 ? (ssize_t)done : failed(t, rc));
}

ssize_t
load_tls_recv(struct load_tls *t, void *p, size_t n)
{
	size_t done, sum = 0;
	int rc = 1;

	while (sum < n && (rc = SSL_read_ex(t->ssl, (char *)p + sum, n - sum, &done)) == 1) {
		sum += done;
		if (!SSL_has_pending(t->ssl))
			break;
	}
	return (sum > 0 ? (ssize_t)sum : failed(t, rc));
}
