/*
 * The options as a child is handed them: whatever decodes is within the table's bounds, and encodes to
 * the same bytes again.
 */
#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/options.h"
#include "tests/fuzz/fuzz.h"

static void
check_bounds(const struct options *o)
{
	const struct option_row *r;
	size_t n;

	r = options_rows(&n);
	for (size_t i = 0; i < n; i++) {
		if (option_is_string(&r[i]))
			assert(strlen(option_string(o, &r[i])) <= (size_t)r[i].max ||
			    strcmp(option_string(o, &r[i]), r[i].string) == 0);
		else
			assert(option_in_bounds(&r[i], option_number(o, &r[i])));
	}
}

/* A copy is told a role in the same bytes. */
static void
check_copy(const struct options *o, enum role role, const uint8_t *p, size_t n)
{
	struct options copy;
	uint8_t *again;
	size_t again_n;

	assert(options_copy(&copy, o, NULL) == 0);
	assert(options_encode(&copy, role, &again, &again_n, NULL) == 0);
	assert(again_n == n && memcmp(again, p, n) == 0);
	options_encoded_free(again, again_n);
	options_free(&copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct options o;
	enum role role;
	uint8_t *again;
	size_t n;

	if (options_init(&o, NULL) != 0)
		return (0);
	if (options_decode(&o, data, size, NULL) == 0) {
		check_bounds(&o);
		role = (enum role)data[4];
		assert(options_encode(&o, role, &again, &n, NULL) == 0);
		/* booleans are one of two values, however they were written */
		assert(n == size);
		check_copy(&o, role, again, n);
		free(again);
	}
	options_free(&o);
	return (0);
}
