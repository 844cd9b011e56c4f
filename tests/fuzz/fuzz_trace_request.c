/* Headers of a message: the cheap look never misses what the whole reading finds. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "natsd-front/trace_request.h"
#include "tests/fuzz/fuzz.h"

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
lies_in(struct str part, struct str all)
{
	must(part.n == 0 || (part.p >= all.p && part.p + part.n <= all.p + all.n));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct str headers = { (const char *)p, n };
	struct trace_request r;

	if (trace_request_read(&r, headers) == 1) {
		must(trace_request_likely(headers));
		must(r.npairs > 0);
		must(!r.only || r.dest.n != 0);
		lies_in(r.dest, headers);
		lies_in(r.origin, headers);
	}
	for (size_t i = 0; i < r.npairs; i++) {
		must(r.pairs[i].key.n != 0 && r.pairs[i].value.n != 0 && r.pairs[i].place == i);
		lies_in(r.pairs[i].key, headers);
		lies_in(r.pairs[i].value, headers);
		must(memchr(r.pairs[i].key.p, ':', r.pairs[i].key.n) == NULL);
		must(memmem(r.pairs[i].value.p, r.pairs[i].value.n, "\r\n", 2) == NULL);
	}
	trace_request_free(&r);
	trace_request_sampled(headers);
	return (0);
}
