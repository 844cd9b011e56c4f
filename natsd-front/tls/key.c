#include "config.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "natsd-front/tls/key.h"
#include "natsd-front/tls/library.h"

struct tls_key {
	EVP_PKEY *pkey;
};

/* An encrypted key would ask a terminal. */
static int
no_password(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return (-1);
}

struct tls_key *
tls_key_from_pem(const char *pem, struct err *e)
{
	struct tls_key *k = calloc(1, sizeof(*k));
	BIO *in = BIO_new_mem_buf(pem, -1);

	if (k == NULL || in == NULL) {
		err_set(e, "no memory");
		goto fail;
	}
	k->pkey = PEM_read_bio_PrivateKey(in, NULL, no_password, NULL);
	if (k->pkey == NULL) {
		tls_library_error(e, "private key");
		goto fail;
	}
	BIO_free(in);
	return (k);
fail:
	BIO_free(in);
	free(k);
	return (NULL);
}

void
tls_key_free(struct tls_key *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->pkey);
	free(k);
}

int
tls_key_install(const struct tls_key *k, SSL_CTX *ctx, struct err *e)
{
	if (SSL_CTX_use_PrivateKey(ctx, k->pkey) != 1 || SSL_CTX_check_private_key(ctx) != 1)
		return (tls_library_error(e, "private key"));
	return (0);
}

/* Before TLS 1.3 a suite says what kind of key it is for: one that both sides have. */
static bool
has_suite(const struct tls_key *k, const SSL *ssl)
{
	int auth = EVP_PKEY_is_a(k->pkey, "RSA") ? NID_auth_rsa : NID_auth_ecdsa;
	const STACK_OF(SSL_CIPHER) *theirs = SSL_get_client_ciphers(ssl);
	STACK_OF(SSL_CIPHER) *ours = SSL_get_ciphers(ssl);
	const SSL_CIPHER *suite;
	int i;

	if (SSL_version(ssl) == TLS1_3_VERSION)
		return (true);
	for (i = 0; theirs != NULL && i < sk_SSL_CIPHER_num(theirs); i++) {
		suite = sk_SSL_CIPHER_value(theirs, i);
		if (SSL_CIPHER_get_auth_nid(suite) == auth && sk_SSL_CIPHER_find(ours, suite) >= 0)
			return (true);
	}
	return (false);
}

bool
tls_key_fits(const struct tls_key *k, SSL *ssl, X509 *leaf, STACK_OF(X509) *chain)
{
	return (has_suite(k, ssl) &&
	    (SSL_check_chain(ssl, leaf, k->pkey, chain) & CERT_PKEY_VALID) != 0);
}

int
tls_key_use(const struct tls_key *k, SSL *ssl, X509 *leaf, STACK_OF(X509) *chain)
{
	SSL_certs_clear(ssl); /* of other kinds of keys: the library would choose again */
	return (SSL_use_cert_and_key(ssl, leaf, k->pkey, chain, 1) == 1 ? 0 : -1);
}
