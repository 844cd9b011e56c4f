/* Whatever is packed is read again as it was, by a reader that knows only the description. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/snappy.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/unsnappy.h"

static void
must(bool ok)
{
	if (!ok)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf out = BUF_INIT(SIZE_MAX / 2);
	uint8_t *back = malloc(n + 1);

	must(back != NULL && snappy_frame(&out, p, n) == 0);
	must(unsnappy(back, n, out.data, out.len) == n);
	must(n == 0 || memcmp(back, p, n) == 0);
	buf_free(&out);
	free(back);
	return (0);
}
