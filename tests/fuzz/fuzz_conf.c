/*
 * The configuration's parser: whatever parses prints, and what was printed parses to the same.
 * Includes are answered with the input itself, so that cycles are met.
 */
#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "tests/fuzz/fuzz.h"

static int
read_input(void *ctx, const char *path, char **data, size_t *n, struct err *e)
{
	const struct str *input = ctx;

	if (path[0] == 'x')
		return (err_set(e, "open %s: no such file or directory", path));
	if ((*data = malloc(input->n + 1)) == NULL)
		return (err_set(e, "out of memory"));
	memcpy(*data, input->p, input->n);
	*n = input->n;
	return (0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = { .p = (const char *)data, .n = size };
	struct conf_reader reader = { .read = read_input, .ctx = &input };
	char first[CONF_DIGEST_BYTES], second[CONF_DIGEST_BYTES], *printed;
	struct conf *c = size == 0 ? NULL : conf_parse_text(input, "f", &reader, NULL);

	/* what variables repeat is bounded, but not small */
	if (c == NULL || conf_root(c)->values > 100000) {
		conf_free(c);
		return (0);
	}
	assert(conf_digest(c, first, NULL) == 0);
	printed = conf_print(c);
	conf_free(c);
	if (printed == NULL)
		return (0);
	c = conf_parse_text(str_of(printed), "printed", &reader, NULL);
	assert(c != NULL);
	assert(conf_digest(c, second, NULL) == 0);
	assert(strcmp(first, second) == 0);
	conf_free(c);
	free(printed);
	return (0);
}
