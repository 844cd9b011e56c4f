#include "config.h"

#include "natsd-supervisor/tls_block.h"

#include <stdlib.h>
#include <string.h>

#include "natsd-supervisor/tls_files.h"
#include "natsd-supervisor/tls_tree.h"

#define TIMEOUT_NS 2000000000LL

/* malloc'ed; NULL: no memory. */
static char *
text_of(const struct conf_value *v)
{
	return (strndup(v->string.p, v->string.n));
}

static int
check_suites(const struct tls_block *b, struct err *e)
{
	if (b->insecure.len > 0 && !b->allow_insecure)
		return (err_set(e, "insecure cipher suites configured without "
		    "'allow_insecure_cipher_suites' option set: " STR_FMT,
		    STR_ARG(buf_str(&b->insecure))));
	for (int i = 0; b->suites >> i != 0; i++)
		if ((b->suites >> i & 1) != 0 && !tls_suite_offered(i))
			return (err_set(e, "cipher suite %s is not offered by this OpenSSL library",
			    tls_suite_name(i)));
	return (0);
}

static int
load_pair(const struct tls_block_pair *p, char **cert_pem, char **key_pem, int64_t *not_after_s, struct err *e)
{
	char *cert = text_of(p->cert), *key = text_of(p->key);
	int rc = -1;

	if (cert == NULL || key == NULL)
		err_set(e, "out of memory");
	else
		rc = tls_files_pair(cert, key, cert_pem, key_pem, not_after_s, e);
	free(cert);
	free(key);
	return (rc);
}

static int
load_single(struct tls_block *b, struct err *e)
{
	struct tls_block_pair p = { .cert = b->cert_file, .key = b->key_file };

	if (tls_block_empty(b->key_file))
		return (err_set(e, "missing 'key_file' in TLS configuration"));
	if (tls_block_empty(b->cert_file))
		return (err_set(e, "missing 'cert_file' in TLS configuration"));
	if (load_pair(&p, &b->t->cert_pem, &b->t->key_pem, &b->t->not_after_s, e) != 0)
		return (err_wrap(e, "error parsing X509 certificate/key pair"));
	return ((b->t->cert_file = text_of(b->cert_file)) == NULL ? err_set(e, "out of memory") : 0);
}

static int
load_several(struct tls_block *b, struct err *e)
{
	struct tls_options *t = b->t;

	if (b->npairs == 0)
		return (0);
	if (b->npairs > 1 && (t->more = calloc(b->npairs - 1, sizeof(*t->more))) == NULL)
		return (err_set(e, "out of memory"));
	for (size_t i = 0; i < b->npairs; i++) {
		bool first = i == 0;
		struct tls_pair *more = first ? NULL : &t->more[t->nmore];

		if (load_pair(&b->pairs[i], first ? &t->cert_pem : &more->cert_pem,
		    first ? &t->key_pem : &more->key_pem, first ? &t->not_after_s : NULL, e) != 0)
			return (err_wrap(e, "error parsing X509 certificate/key pair %zu/%zu", i + 1,
			    b->npairs));
		t->nmore += !first;
	}
	return ((t->cert_file = text_of(b->pairs[0].cert)) == NULL ? err_set(e, "out of memory") : 0);
}

static int
load_authorities(struct tls_options *t, const char *file, struct err *e)
{
	if (file != NULL)
		return (tls_files_authorities(file, &t->ca_pem, e));
	if (t->verify && (t->ca_pem = tls_files_system(e)) == NULL)
		return (-1);
	return (0);
}

static int
load_ca_file(struct tls_block *b, struct err *e)
{
	char *file = NULL;
	int rc;

	if (!tls_block_empty(b->ca_file) && (file = text_of(b->ca_file)) == NULL)
		return (err_set(e, "out of memory"));
	rc = load_authorities(b->t, file, e);
	free(file);
	return (rc);
}

int
tls_block_build(struct tls_block *b, struct err *e)
{
	struct tls_options *t = b->t;
	bool single = !tls_block_empty(b->cert_file) || !tls_block_empty(b->key_file);

	if (b->npairs > 0 && !tls_block_empty(b->cert_file))
		return (err_set(e, "error parsing tls config, cannot combine 'cert_file' option with 'certs' "
		    "option"));
	if (check_suites(b, e) != 0)
		return (-1);
	t->verify = t->verify || t->map;
	if (t->timeout_ns == 0)
		t->timeout_ns = TIMEOUT_NS;
	if ((single ? load_single(b, e) : load_several(b, e)) != 0 || load_ca_file(b, e) != 0)
		return (-1);
	return (tls_names_set(t, b->suites != 0 ? b->suites : tls_suites_default(),
	    b->groups != 0 ? b->groups : tls_groups_default(), e));
}

/* ---- the command line ---- */

static void
keep_from_file(struct tls_options *t, const struct tls_options *file)
{
	t->timeout_ns = file->timeout_ns;
	t->map = file->map;
	t->rate_limit = file->rate_limit;
	t->first = file->first;
	t->first_delay_ns = file->first_delay_ns;
}

struct tls_options *
tls_from_flags(const struct tls_options *file, const char *cert, const char *key, const char *ca,
    bool verify, struct err *e)
{
	struct tls_options *t = tls_options_new(e);

	if (t == NULL)
		return (NULL);
	if (file != NULL)
		keep_from_file(t, file);
	t->verify = verify;
	if (cert[0] == '\0')
		err_set(e, "TLS Server certificate must be present and valid");
	else if (key[0] == '\0')
		err_set(e, "TLS Server private key must be present and valid");
	else if (tls_files_pair(cert, key, &t->cert_pem, &t->key_pem, &t->not_after_s, e) != 0)
		err_wrap(e, "error parsing X509 certificate/key pair");
	else if (load_authorities(t, ca[0] != '\0' ? ca : NULL, e) == 0 &&
	    tls_string(&t->cert_file, cert, e) == 0 &&
	    tls_names_set(t, tls_suites_default(), tls_groups_default(), e) == 0)
		return (t);
	tls_options_free(t);
	return (NULL);
}
