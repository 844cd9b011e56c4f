/*
 * tls_client - the other side of TLS in unit tests: certificates made on the spot, and a client on a
 * blocking socket.
 */
#ifndef TESTS_UNIT_TLS_CLIENT_H
#define TESTS_UNIT_TLS_CLIENT_H

#include <openssl/ssl.h>
#include <stddef.h>

struct test_pair { /* a certificate and its key */
	X509 *cert;
	EVP_PKEY *key;
};

/* test_pair_make - subject as "/C=US/O=x/CN=y"; san as of a configuration file, "email:a@b,DNS:c", or
 * NULL; issuer NULL: it signs itself, and may sign others. */
struct test_pair test_pair_make(const char *subject, const char *san, const struct test_pair *issuer);
void test_pair_free(struct test_pair *);

/* test_pair_cert_pem, test_pair_key_pem - malloc'ed text. */
char *test_pair_cert_pem(const struct test_pair *);
char *test_pair_key_pem(const struct test_pair *);

/* tls_connect - a handshake over fd, with that certificate when it is not NULL; version of
 * SSL_CTX_set_max_proto_version, 0: any.  NULL: it failed. */
SSL *tls_connect(int fd, const struct test_pair *, int version);
void tls_disconnect(SSL *);

void tls_send(SSL *, const void *, size_t n);
void tls_recv(SSL *, void *, size_t n); /* exactly n bytes */
void tls_expect(SSL *, const char *text);
void tls_line(SSL *, char *line, size_t size);

#endif
