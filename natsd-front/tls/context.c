#include "config.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "natsd-front/tls/context.h"
#include "natsd-front/tls/key.h"
#include "natsd-front/tls/library.h"
#include "natsd-front/tls/why.h"

/*
 * What nats-server's library takes and ours would refuse at its usual level: 1024-bit RSA keys of
 * certificates, and the ciphers that the file names on its own responsibility.
 */
#define SECURITY_LEVEL 1
#define TICKETS_PER_HANDSHAKE 1
#define TICKET_SECONDS (7L * 24 * 3600)

static const unsigned char session_owner[] = "natsd";

struct own { /* a certificate that we show */
	X509 *leaf;
	STACK_OF(X509) *chain; /* behind it */
	struct tls_key *key;
};

struct tls_context {
	_Atomic unsigned refs;
	SSL_CTX *ssl[TLS_USES];
	struct own *own; /* in the order of the file */
	size_t nown;
};

static int make_one(struct tls_context *, enum tls_use, const struct tls_options *, struct err *);
static int offer(SSL_CTX *, const struct tls_options *, struct err *);
static int read_all(struct tls_context *, const struct tls_options *, struct err *);
static int present(struct tls_context *, SSL_CTX *, struct err *);
static int demand(SSL_CTX *, const struct tls_options *, struct err *);

struct tls_context *
tls_context_new(const struct tls_options *o, struct err *e)
{
	struct tls_context *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		err_set(e, "no memory");
		return (NULL);
	}
	t->refs = 1;
	if (read_all(t, o, e) != 0 || make_one(t, TLS_CLIENTS, o, e) != 0 ||
	    make_one(t, TLS_MONITOR, o, e) != 0) {
		tls_context_release(t);
		return (NULL);
	}
	return (t);
}

struct tls_context *
tls_context_hold(struct tls_context *t)
{
	atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
	return (t);
}

void
tls_context_release(struct tls_context *t)
{
	size_t i;

	if (t == NULL || atomic_fetch_sub(&t->refs, 1) != 1)
		return;
	for (i = 0; i < TLS_USES; i++)
		SSL_CTX_free(t->ssl[i]);
	for (i = 0; i < t->nown; i++) {
		X509_free(t->own[i].leaf);
		sk_X509_pop_free(t->own[i].chain, X509_free);
		tls_key_free(t->own[i].key);
	}
	free(t->own);
	free(t);
}

SSL_CTX *
tls_context_ssl(const struct tls_context *t, enum tls_use use)
{
	return (t->ssl[use]);
}

static int
make_one(struct tls_context *t, enum tls_use use, const struct tls_options *o, struct err *e)
{
	SSL_CTX *ctx = t->ssl[use] = SSL_CTX_new(TLS_server_method());

	if (ctx == NULL)
		return (tls_library_error(e, "TLS"));
	SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
	SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
	    SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, TICKETS_PER_HANDSHAKE);
	SSL_CTX_set_timeout(ctx, TICKET_SECONDS);
	SSL_CTX_set_session_id_context(ctx, session_owner, sizeof(session_owner) - 1);
	if (offer(ctx, o, e) != 0 || present(t, ctx, e) != 0)
		return (-1);
	return (use == TLS_CLIENTS && o->verify ? demand(ctx, o, e) : 0);
}

static int
offer(SSL_CTX *ctx, const struct tls_options *o, struct err *e)
{
	bool no12 = o->min_version >= 13 || (o->ciphers != NULL && o->ciphers[0] == '\0');

	if (SSL_CTX_set_min_proto_version(ctx, no12 ? TLS1_3_VERSION : TLS1_2_VERSION) != 1)
		return (tls_library_error(e, "TLS version"));
	if (!no12 && o->ciphers != NULL && SSL_CTX_set_cipher_list(ctx, o->ciphers) != 1)
		return (tls_library_error(e, "cipher suites"));
	if (o->suites != NULL && o->suites[0] != '\0' &&
	    SSL_CTX_set_ciphersuites(ctx, o->suites) != 1)
		return (tls_library_error(e, "cipher suites"));
	if (o->groups != NULL && o->groups[0] != '\0' && SSL_CTX_set1_groups_list(ctx, o->groups) != 1)
		return (tls_library_error(e, "curve preferences"));
	return (0);
}

/* ---- our certificates ---- */

/* The end of a PEM text is an error like any other in the queue. */
static bool
at_end(void)
{
	unsigned long code = ERR_peek_last_error();

	if (ERR_GET_LIB(code) != ERR_LIB_PEM || ERR_GET_REASON(code) != PEM_R_NO_START_LINE)
		return (false);
	ERR_clear_error();
	return (true);
}

static int
read_chain(struct own *own, BIO *in)
{
	X509 *cert;

	while ((cert = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
		if (sk_X509_push(own->chain, cert) <= 0) {
			X509_free(cert);
			return (-1);
		}
	}
	return (at_end() ? 0 : -1);
}

static int
read_own(struct own *own, const char *cert_pem, const char *key_pem, struct err *e)
{
	BIO *in = BIO_new_mem_buf(cert_pem, -1);
	int rc = -1;

	own->chain = sk_X509_new_null();
	if (in != NULL && own->chain != NULL)
		own->leaf = PEM_read_bio_X509(in, NULL, NULL, NULL);
	if (own->leaf != NULL)
		rc = read_chain(own, in);
	BIO_free(in);
	if (rc != 0)
		return (tls_library_error(e, "certificate"));
	own->key = tls_key_from_pem(key_pem, e);
	return (own->key == NULL ? -1 : 0);
}

static int
read_all(struct tls_context *t, const struct tls_options *o, struct err *e)
{
	size_t i;

	/* None is allowed: every handshake then fails. */
	if (o->cert_pem == NULL || o->key_pem == NULL)
		return (0);
	if ((t->own = calloc(o->nmore + 1, sizeof(*t->own))) == NULL)
		return (err_set(e, "no memory"));
	t->nown = o->nmore + 1;
	if (read_own(&t->own[0], o->cert_pem, o->key_pem, e) != 0)
		return (-1);
	for (i = 0; i < o->nmore; i++)
		if (read_own(&t->own[i + 1], o->more[i].cert_pem, o->more[i].key_pem, e) != 0)
			return (-1);
	return (0);
}

/* Of several the first that bears the name asked for and that the client can verify; else the first
 * of all.  The library's callback within a handshake, which holds the context. */
static int
choose(SSL *ssl, void *context)
{
	const struct tls_context *t = context;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const struct own *own = &t->own[0];
	size_t i;

	for (i = 0; i < t->nown; i++) {
		if (name != NULL && X509_check_host(t->own[i].leaf, name, 0, 0, NULL) != 1)
			continue;
		if (!tls_key_fits(t->own[i].key, ssl, t->own[i].leaf, t->own[i].chain))
			continue;
		own = &t->own[i];
		break;
	}
	return (tls_key_use(own->key, ssl, own->leaf, own->chain) == 0);
}

static int
present(struct tls_context *t, SSL_CTX *ctx, struct err *e)
{
	const struct own *own = t->own;

	if (t->nown == 0)
		return (0);
	if (SSL_CTX_use_certificate(ctx, own->leaf) != 1 ||
	    SSL_CTX_set1_chain(ctx, own->chain) != 1)
		return (tls_library_error(e, "certificate"));
	if (t->nown > 1)
		SSL_CTX_set_cert_cb(ctx, choose, t);
	return (tls_key_install(own->key, ctx, e));
}

/* ---- the clients' certificates ---- */

static int
trust(SSL_CTX *ctx, STACK_OF(X509_NAME) *names, BIO *in)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	X509_NAME *name;
	X509 *cert;
	int rc = 0;

	while (rc == 0 && (cert = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
		name = X509_NAME_dup(X509_get_subject_name(cert));
		if (X509_STORE_add_cert(store, cert) != 1 || name == NULL ||
		    sk_X509_NAME_push(names, name) <= 0) {
			X509_NAME_free(name);
			rc = -1;
		}
		X509_free(cert);
	}
	return (rc == 0 && at_end() ? 0 : -1);
}

static int
demand(SSL_CTX *ctx, const struct tls_options *o, struct err *e)
{
	STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
	BIO *in = o->ca_pem == NULL ? NULL : BIO_new_mem_buf(o->ca_pem, -1);
	int rc = 0;

	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
	    tls_why_unverified);
	if (names == NULL || (o->ca_pem != NULL && in == NULL))
		rc = err_set(e, "no memory");
	else if (in != NULL && trust(ctx, names, in) != 0)
		rc = tls_library_error(e, "certificate authorities");
	BIO_free(in);
	if (rc != 0) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return (-1);
	}
	SSL_CTX_set_client_CA_list(ctx, names);
	return (0);
}
