#include "config.h"

#include "natsd-supervisor/tls_files.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/conf.h"

/* ---- PEM ---- */

struct pem {
	char *name, *header;
	unsigned char *data;
	long n;
};

/* The next block; false: there is none any more. */
static bool
pem_next(BIO *in, struct pem *p)
{
	*p = (struct pem){ .n = 0 };
	return (PEM_read_bio(in, &p->name, &p->header, &p->data, &p->n) == 1);
}

static void
pem_free(struct pem *p)
{
	OPENSSL_free(p->name);
	OPENSSL_free(p->header);
	OPENSSL_clear_free(p->data, (size_t)p->n);
}

static bool
pem_is_key(const struct pem *p)
{
	size_t n = strlen(p->name), tail = strlen("PRIVATE KEY");

	return (n >= tail && strcmp(p->name + n - tail, "PRIVATE KEY") == 0);
}

static bool
pem_is_cert(const struct pem *p)
{
	return (strcmp(p->name, "CERTIFICATE") == 0);
}

/* The whole file, to be read; *data: what it stands on, which the caller wipes and frees. */
static BIO *
open_pem(const char *file, char **data, size_t *n, struct err *e)
{
	BIO *in;

	if (conf_reader_files.read(conf_reader_files.ctx, file, data, n, e) != 0)
		return (NULL);
	if (*n > TLS_PEM_MAX) {
		err_set(e, "read %s: larger than %u bytes", file, TLS_PEM_MAX);
	} else if ((in = BIO_new_mem_buf(*data, (int)*n)) != NULL) {
		return (in);
	} else {
		err_set(e, "out of memory");
	}
	free(*data);
	return (NULL);
}

static void
close_pem(BIO *in, char *data, size_t n)
{
	BIO_free(in);
	explicit_bzero(data, n);
	free(data);
}

/* What was written, as a string of its own. */
static char *
text_of(BIO *out, struct err *e)
{
	char *data = NULL, *text;
	long n = BIO_get_mem_data(out, &data);

	if (n < 0 || (text = malloc((size_t)n + 1)) == NULL) {
		err_set(e, "out of memory");
		return (NULL);
	}
	if (n > 0)
		memcpy(text, data, (size_t)n);
	text[n] = '\0';
	return (text);
}

static int
write_block(BIO *out, const char *name, const struct pem *p, struct err *e)
{
	if (PEM_write_bio(out, name, "", p->data, p->n) > 0)
		return (0);
	return (err_set(e, "out of memory"));
}

/* ---- what Go says when there is nothing fitting ---- */

struct skipped {
	struct buf types; /* names of blocks that are something else, with blanks between */
	unsigned n;
	bool other; /* the last of them is what belongs into the other file */
};

static void
skip(struct skipped *s, const struct pem *p, bool other)
{
	(void)buf_addf(&s->types, "%s%s", s->n > 0 ? " " : "", p->name);
	s->n++;
	s->other = other;
}

static int
no_certificate(const struct skipped *s, struct err *e)
{
	if (s->n == 0)
		return (err_set(e, "tls: failed to find any PEM data in certificate input"));
	if (s->n == 1 && s->other)
		return (err_set(e, "tls: failed to find certificate PEM data in certificate input, but did "
		    "find a private key; PEM inputs may have been switched"));
	return (err_set(e, "tls: failed to find \"CERTIFICATE\" PEM block in certificate input after "
	    "skipping PEM blocks of the following types: [" STR_FMT "]", STR_ARG(buf_str(&s->types))));
}

static int
no_key(const struct skipped *s, struct err *e)
{
	if (s->n == 0)
		return (err_set(e, "tls: failed to find any PEM data in key input"));
	if (s->n == 1 && s->other)
		return (err_set(e, "tls: found a certificate rather than a key in the PEM for the private "
		    "key"));
	return (err_set(e, "tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key "
	    "input after skipping PEM blocks of the following types: [" STR_FMT "]",
	    STR_ARG(buf_str(&s->types))));
}

/* ---- certificates ---- */

static X509 *
parse_certificate(const struct pem *p)
{
	const unsigned char *at = p->data;
	X509 *cert = d2i_X509(NULL, &at, p->n);

	if (cert != NULL && at != p->data + p->n) {
		X509_free(cert);
		return (NULL);
	}
	return (cert);
}

/* One more of a chain; the first is the leaf. */
static int
take_certificate(const struct pem *p, X509 **leaf, BIO *out, struct err *e)
{
	if (*leaf == NULL && (*leaf = parse_certificate(p)) == NULL)
		return (err_set(e, "x509: malformed certificate"));
	return (write_block(out, "CERTIFICATE", p, e));
}

static int
take_chain(BIO *in, X509 **leaf, BIO *out, struct err *e)
{
	struct skipped skipped = { .types = BUF_INIT(4096) };
	struct pem p;
	int rc = 0;

	while (rc == 0 && pem_next(in, &p)) {
		if (pem_is_cert(&p))
			rc = take_certificate(&p, leaf, out, e);
		else
			skip(&skipped, &p, pem_is_key(&p));
		pem_free(&p);
	}
	if (rc == 0 && *leaf == NULL)
		rc = no_certificate(&skipped, e);
	buf_free(&skipped.types);
	return (rc);
}

/* ---- the key ---- */

/* PKCS #8, or what RSA and EC have of their own; never an encrypted one. */
static EVP_PKEY *
parse_key(const struct pem *p)
{
	const unsigned char *at = p->data;

	return (d2i_AutoPrivateKey(NULL, &at, p->n));
}

static int
take_key(BIO *in, EVP_PKEY **key, BIO *out, struct err *e)
{
	struct skipped skipped = { .types = BUF_INIT(4096) };
	bool found = false;
	struct pem p;
	int rc = 0;

	while (!found && pem_next(in, &p)) {
		if (!pem_is_key(&p)) {
			skip(&skipped, &p, pem_is_cert(&p));
		} else {
			found = true;
			if ((*key = parse_key(&p)) == NULL)
				rc = err_set(e, "tls: failed to parse private key");
			else
				rc = write_block(out, p.name, &p, e);
		}
		pem_free(&p);
	}
	if (!found)
		rc = no_key(&skipped, e);
	buf_free(&skipped.types);
	return (rc);
}

/* ---- a pair ---- */

static int
check_pair(X509 *leaf, EVP_PKEY *key, struct err *e)
{
	switch (EVP_PKEY_eq(X509_get0_pubkey(leaf), key)) {
	case 1:
		return (0);
	case 0:
		return (err_set(e, "tls: private key does not match public key"));
	default:
		return (err_set(e, "tls: private key type does not match public key type"));
	}
}

static int64_t
not_after(const X509 *leaf)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(X509_get0_notAfter(leaf), &tm) != 1)
		return (0);
	return (timegm(&tm));
}

static int
read_chain(const char *file, X509 **leaf, BIO *out, struct err *e)
{
	char *data;
	size_t n;
	BIO *in = open_pem(file, &data, &n, e);
	int rc;

	if (in == NULL)
		return (-1);
	rc = take_chain(in, leaf, out, e);
	close_pem(in, data, n);
	return (rc);
}

static int
read_key(const char *file, EVP_PKEY **key, BIO *out, struct err *e)
{
	char *data;
	size_t n;
	BIO *in = open_pem(file, &data, &n, e);
	int rc;

	if (in == NULL)
		return (-1);
	rc = take_key(in, key, out, e);
	close_pem(in, data, n);
	return (rc);
}

static int
texts_of(BIO *cert_out, BIO *key_out, char **cert_pem, char **key_pem, struct err *e)
{
	if ((*cert_pem = text_of(cert_out, e)) == NULL)
		return (-1);
	if ((*key_pem = text_of(key_out, e)) != NULL)
		return (0);
	free(*cert_pem);
	return (-1);
}

int
tls_files_pair(const char *cert_file, const char *key_file, char **cert_pem, char **key_pem,
    int64_t *not_after_s, struct err *e)
{
	BIO *cert_out = BIO_new(BIO_s_mem()), *key_out = BIO_new(BIO_s_secmem());
	EVP_PKEY *key = NULL;
	X509 *leaf = NULL;
	int rc = -1;

	if (cert_out == NULL || key_out == NULL)
		err_set(e, "out of memory");
	else if (read_chain(cert_file, &leaf, cert_out, e) == 0 &&
	    read_key(key_file, &key, key_out, e) == 0 && check_pair(leaf, key, e) == 0)
		rc = texts_of(cert_out, key_out, cert_pem, key_pem, e);
	if (rc == 0 && not_after_s != NULL)
		*not_after_s = not_after(leaf);
	X509_free(leaf);
	EVP_PKEY_free(key);
	BIO_free(cert_out);
	BIO_free(key_out);
	return (rc);
}

/* ---- authorities ---- */

/* Those that do not parse are passed over, as in Go's pools. */
static int
take_authorities(BIO *in, BIO *out, unsigned *taken, struct err *e)
{
	struct pem p;
	X509 *cert;
	int rc = 0;

	*taken = 0;
	while (rc == 0 && pem_next(in, &p)) {
		if (pem_is_cert(&p) && p.header[0] == '\0' && (cert = parse_certificate(&p)) != NULL) {
			rc = write_block(out, "CERTIFICATE", &p, e);
			X509_free(cert);
			(*taken)++;
		}
		pem_free(&p);
	}
	return (rc);
}

int
tls_files_authorities(const char *file, char **pem, struct err *e)
{
	BIO *in, *out;
	unsigned taken;
	char *data;
	size_t n;
	int rc = -1;

	if ((in = open_pem(file, &data, &n, e)) == NULL)
		return (-1);
	if ((out = BIO_new(BIO_s_mem())) == NULL)
		err_set(e, "out of memory");
	else if (take_authorities(in, out, &taken, e) != 0)
		;
	else if (taken == 0)
		err_set(e, "failed to parse root ca certificate");
	else if ((*pem = text_of(out, e)) != NULL)
		rc = 0;
	BIO_free(out);
	close_pem(in, data, n);
	return (rc);
}

char *
tls_files_system(struct err *e)
{
	static const char *const places[] = { "/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/pki/tls/cacert.pem",
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem" };
	const char *named = getenv("SSL_CERT_FILE");
	char *pem;

	if (named != NULL && named[0] != '\0' && tls_files_authorities(named, &pem, NULL) == 0)
		return (pem);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (tls_files_authorities(places[i], &pem, NULL) == 0)
			return (pem);
	if ((pem = strdup("")) == NULL)
		err_set(e, "out of memory");
	return (pem);
}
