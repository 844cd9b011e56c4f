/*
 * A configuration file's text to options: nothing that the parts make of a tree is refused by the
 * child that it is for.
 */
#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/access.h"
#include "natsd-supervisor/access_resolve.h"
#include "natsd-supervisor/options_tree.h"
#include "tests/fuzz/fuzz.h"

static int
no_file(void *ctx, const char *path, char **data, size_t *n, struct err *e)
{
	(void)ctx;
	(void)path;
	(void)data;
	(void)n;
	return (err_set(e, "no files here"));
}

static const struct conf_reader no_files = { .read = no_file };

static void
hand_over(const struct options *o)
{
	struct options got;
	struct err e;
	uint8_t *p;
	size_t n;

	if (options_init(&got, &e) != 0)
		return;
	if (options_encode(o, ROLE_FRONT, &p, &n, &e) == 0) {
		assert(options_decode(&got, p, n, &e) == 0);
		assert(access_equal(o->access, got.access));
		options_encoded_free(p, n);
	}
	options_free(&got);
}

static void
load(const struct conf *c)
{
	struct report report = REPORT_INIT;
	bool authorization = false;
	struct options o;
	struct err e;

	if (options_init(&o, &e) != 0)
		return;
	access_free(o.access);
	if ((o.access = access_new_bare(&e)) != NULL) {
		options_tree(&o, c, "x", &report, &authorization);
		if (report.errors.len == 0 && access_resolve(&o, authorization, "nats-01234567", &e) == 0) {
			(void)access_check(&o, &e);
			(void)access_warns(&o);
			hand_over(&o);
		}
	}
	report_free(&report);
	options_free(&o);
}

/* Files of this machine are no business of a fuzzer. */
static bool
names_files(struct str text)
{
	for (size_t i = 0; i + 5 <= text.n; i++)
		if (strncasecmp(text.p + i, "_file", 5) == 0)
			return (true);
	return (false);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { .p = (const char *)data, .n = size };
	struct conf *c;

	if (names_files(text))
		return (0);
	if ((c = conf_parse_text(text, "x", &no_files, NULL)) == NULL)
		return (0);
	load(c);
	conf_free(c);
	return (0);
}
