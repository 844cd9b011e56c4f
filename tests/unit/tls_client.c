#include "config.h"

#include <check.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls_client.h"

#define DAY 86400L

static void
set_subject(X509 *cert, const char *subject)
{
	X509_NAME *name = X509_get_subject_name(cert);
	char *copy = strdup(subject), *part, *save = NULL, *eq;

	for (part = strtok_r(copy, "/", &save); part != NULL; part = strtok_r(NULL, "/", &save)) {
		eq = strchr(part, '=');
		ck_assert_ptr_nonnull(eq);
		*eq = '\0';
		ck_assert_int_eq(X509_NAME_add_entry_by_txt(name, part, MBSTRING_UTF8,
		    (const unsigned char *)eq + 1, -1, -1, 0), 1);
	}
	free(copy);
}

static void
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	ck_assert_ptr_nonnull(ext);
	ck_assert_int_eq(X509_add_ext(cert, ext, -1), 1);
	X509_EXTENSION_free(ext);
}

struct test_pair
test_pair_make(const char *subject, const char *san, const struct test_pair *issuer)
{
	struct test_pair p = { .cert = X509_new(), .key = EVP_EC_gen("P-256") };
	X509 *by = issuer == NULL ? p.cert : issuer->cert;
	static long serial;

	ck_assert(p.cert != NULL && p.key != NULL);
	X509_set_version(p.cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(p.cert), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(p.cert), -DAY);
	X509_gmtime_adj(X509_getm_notAfter(p.cert), DAY);
	X509_set_pubkey(p.cert, p.key);
	set_subject(p.cert, subject);
	X509_set_issuer_name(p.cert, X509_get_subject_name(by));
	add_extension(p.cert, by, NID_basic_constraints, issuer == NULL ? "critical,CA:TRUE"
									   : "CA:FALSE");
	if (san != NULL)
		add_extension(p.cert, by, NID_subject_alt_name, san);
	ck_assert_int_gt(X509_sign(p.cert, issuer == NULL ? p.key : issuer->key, EVP_sha256()), 0);
	return (p);
}

void
test_pair_free(struct test_pair *p)
{
	X509_free(p->cert);
	EVP_PKEY_free(p->key);
}

static char *
pem_text(BIO *out)
{
	char *data, *text;
	long n = BIO_get_mem_data(out, &data);

	text = strndup(data, (size_t)n);
	BIO_free(out);
	return (text);
}

char *
test_pair_cert_pem(const struct test_pair *p)
{
	BIO *out = BIO_new(BIO_s_mem());

	ck_assert_int_eq(PEM_write_bio_X509(out, p->cert), 1);
	return (pem_text(out));
}

char *
test_pair_key_pem(const struct test_pair *p)
{
	BIO *out = BIO_new(BIO_s_mem());

	ck_assert_int_eq(PEM_write_bio_PrivateKey(out, p->key, NULL, NULL, 0, NULL, NULL), 1);
	return (pem_text(out));
}

SSL *
tls_connect(int fd, const struct test_pair *pair, int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;

	ck_assert_ptr_nonnull(ctx);
	SSL_CTX_set_max_proto_version(ctx, version);
	if (pair != NULL) {
		ck_assert_int_eq(SSL_CTX_use_certificate(ctx, pair->cert), 1);
		ck_assert_int_eq(SSL_CTX_use_PrivateKey(ctx, pair->key), 1);
	}
	ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	ck_assert_int_eq(SSL_set_fd(ssl, fd), 1);
	if (SSL_connect(ssl) == 1)
		return (ssl);
	ERR_clear_error();
	SSL_free(ssl);
	return (NULL);
}

void
tls_disconnect(SSL *ssl)
{
	SSL_shutdown(ssl);
	SSL_free(ssl);
	ERR_clear_error();
}

void
tls_send(SSL *ssl, const void *p, size_t n)
{
	size_t done;

	ck_assert_int_eq(SSL_write_ex(ssl, p, n, &done), 1);
	ck_assert_uint_eq(done, n);
}

void
tls_recv(SSL *ssl, void *p, size_t n)
{
	size_t done, sum = 0;

	while (sum < n) {
		ck_assert_int_eq(SSL_read_ex(ssl, (char *)p + sum, n - sum, &done), 1);
		sum += done;
	}
}

void
tls_expect(SSL *ssl, const char *text)
{
	size_t n = strlen(text);
	char *got = calloc(1, n + 1);

	tls_recv(ssl, got, n);
	ck_assert_str_eq(got, text);
	free(got);
}

void
tls_line(SSL *ssl, char *line, size_t size)
{
	size_t n = 0;

	for (;;) {
		ck_assert_uint_lt(n, size - 1);
		tls_recv(ssl, line + n, 1);
		if (line[n++] == '\n')
			break;
	}
	line[n - 1] = '\0';
}
