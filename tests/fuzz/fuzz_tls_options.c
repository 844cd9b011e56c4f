/* A TLS block as the front is told it: whatever decodes encodes to the same again. */
#include "config.h"

#include <assert.h>
#include <stdlib.h>

#include "common/tls_options.h"
#include "tests/fuzz/fuzz.h"

#define BYTES_MAX (1u << 20)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_of(data, size);
	struct tls_options *t, *again, *copy;
	uint8_t *bytes;
	struct wr out;

	if (size > BYTES_MAX / 2 || (t = tls_options_decode(&in, NULL)) == NULL)
		return (0);
	assert((bytes = malloc(BYTES_MAX)) != NULL);
	out = wr_of(bytes, BYTES_MAX);
	tls_options_encode(t, &out);
	assert(wr_end(&out) == 0);
	in = rd_of(bytes, wr_len(&out));
	again = tls_options_decode(&in, NULL);
	assert(again != NULL && rd_end(&in) == 0 && tls_options_equal(t, again));
	assert((copy = tls_options_copy(t, NULL)) != NULL && tls_options_equal(copy, t));
	copy->verify = !copy->verify;
	assert(!tls_options_equal(copy, t) && !tls_options_equal(NULL, t));
	tls_options_free(copy);
	tls_options_free(again);
	tls_options_free(t);
	free(bytes);
	return (0);
}
