/*
 * make_seeds - seeds of the targets that read what the supervisor tells its children, made anew from
 * configurations: their bytes are those of this build, and old ones are refused at their first field.
 *
 *	make_seeds CORPUS CONFIGURATION...
 *
 * For each configuration that is good: CORPUS/access/made-<name>-<role>, CORPUS/options/made-...; with
 * the block tls also CORPUS/tls_options/made-<name>.  `make fuzz-seeds` takes those of options_tree.
 */
#include "config.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/access.h"
#include "common/conf.h"
#include "common/options.h"
#include "common/tls_options.h"
#include "natsd-supervisor/access_resolve.h"
#include "natsd-supervisor/options_load.h"
#include "natsd-supervisor/options_tree.h"

#define BYTES_MAX (1u << 20)

static uint8_t bytes[BYTES_MAX];

static int
no_file(void *ctx, const char *path, char **data, size_t *n, struct err *e)
{
	(void)ctx;
	(void)path;
	(void)data;
	(void)n;
	return (err_set(e, "no files here"));
}

static void
put(const char *corpus, const char *target, const char *name, const char *role, const void *p, size_t n)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/made-%s%s", corpus, target, name, role);
	if ((f = fopen(path, "wb")) == NULL || fwrite(p, 1, n, f) != n || fclose(f) != 0)
		err(1, "%s", path);
}

/* Certificates are no matter of a configuration's text. */
static struct tls_options *
some_tls(const struct access *a)
{
	struct tls_options *t = tls_options_new(NULL);

	if (t == NULL || tls_string(&t->cert_pem, "certificate", NULL) != 0 ||
	    tls_string(&t->key_pem, "key", NULL) != 0 || tls_string(&t->ca_pem, "authority", NULL) != 0)
		errx(1, "no memory");
	if ((t->more = calloc(2, sizeof(*t->more))) == NULL || (t->pins = calloc(3, TLS_PIN_BYTES)) == NULL)
		errx(1, "no memory");
	t->nmore = a->nusers % 3;
	t->npins = a->naccounts % 4;
	for (size_t i = 0; i < t->nmore; i++)
		if (tls_string(&t->more[i].cert_pem, "another", NULL) != 0 ||
		    tls_string(&t->more[i].key_pem, "its key", NULL) != 0)
			errx(1, "no memory");
	return (t);
}

static void
write_seeds(struct options *o, const char *corpus, const char *name)
{
	static const struct {
		enum role role;
		const char *name;
	} roles[] = { { ROLE_FRONT, "-front" }, { ROLE_JS, "-js" }, { ROLE_RAFT, "-raft" } };
	struct wr out;
	uint8_t *p;
	size_t i, n;

	for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		out = wr_of(bytes, sizeof(bytes));
		access_encode(o->access, roles[i].role, &out);
		put(corpus, "access", name, roles[i].name, bytes, wr_len(&out));
		if (options_encode(o, roles[i].role, &p, &n, NULL) != 0)
			errx(1, "%s: cannot be encoded", name);
		put(corpus, "options", name, roles[i].name, p, n);
		options_encoded_free(p, n);
	}
	out = wr_of(bytes, sizeof(bytes));
	tls_options_encode(o->tls, &out);
	put(corpus, "tls_options", name, "", bytes, wr_len(&out));
}

static void
from_text(struct str text, const char *corpus, const char *name)
{
	static const struct conf_reader no_files = { .read = no_file };
	struct conf *c = conf_parse_text(text, "x", &no_files, NULL);
	struct report report = REPORT_INIT;
	bool authorization = false;
	struct options o;
	struct err e;

	if (c == NULL)
		return;
	if (options_init(&o, &e) != 0)
		errx(1, "%s", e.text);
	access_free(o.access);
	if ((o.access = access_new_bare(&e)) == NULL)
		errx(1, "%s", e.text);
	options_tree(&o, c, "x", &report, &authorization);
	if (report.errors.len == 0 && access_resolve(&o, authorization, "nats-01234567", &e) == 0) {
		/* The authorities of this machine are no seed. */
		if (o.tls == NULL)
			o.tls = some_tls(o.access);
		else if (o.tls->ca_pem != NULL && tls_string(&o.tls->ca_pem, "authority", NULL) != 0)
			errx(1, "no memory");
		write_seeds(&o, corpus, name);
	}
	report_free(&report);
	options_free(&o);
	conf_free(c);
}

int
main(int argc, char *argv[])
{
	static char text[BYTES_MAX];
	const char *slash;
	FILE *f;
	size_t n;

	if (argc < 3)
		errx(1, "usage: make_seeds CORPUS CONFIGURATION...");
	for (int i = 2; i < argc; i++) {
		if ((f = fopen(argv[i], "rb")) == NULL)
			err(1, "%s", argv[i]);
		n = fread(text, 1, sizeof(text), f);
		fclose(f);
		slash = strrchr(argv[i], '/');
		from_text((struct str){ text, n }, argv[1], slash == NULL ? argv[i] : slash + 1);
	}
	return (0);
}
