/*
 * A key and a value, a line each, then a header block.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/header.h"
#include "tests/fuzz/fuzz.h"

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static struct str
cut_line(struct str *rest)
{
	const char *end = rest->n == 0 ? NULL : memchr(rest->p, '\n', rest->n);
	struct str line = *rest;

	if (end == NULL) {
		*rest = STR_NONE;
		return (line);
	}
	line.n = (size_t)(end - rest->p);
	rest->p += line.n + 1;
	rest->n -= line.n + 1;
	return (line);
}

/* What was set is found, and stands there once. */
static void
set_and_find(struct str block, struct str key, struct str value)
{
	struct buf out = BUF_INIT(1u << 20);
	struct str got, k, v;
	size_t at = 0, i;

	must(header_set(&out, block, key, value) == 0);
	if (key.n == 0 || memchr(key.p, '\r', key.n) != NULL || memchr(key.p, ':', key.n) != NULL)
		goto out;
	got = header_get(buf_str(&out), key);
	must(got.p != NULL && got.n <= value.n);
	for (i = 0; i < got.n; i++)
		must(got.p[i] != '\r' && got.p[i] != '\n');
	for (i = 0; header_next(buf_str(&out), &at, &k, &v);)
		i += str_eq(k, key);
	must(i <= 1);
out:
	buf_free(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { .p = (const char *)data, .n = size };
	struct str key = cut_line(&rest), value = cut_line(&rest), k, v;
	size_t at = 0;

	(void)header_get(rest, key);
	while (header_next(rest, &at, &k, &v))
		must(k.n + v.n <= rest.n);
	set_and_find(rest, key, value);
	return (0);
}
