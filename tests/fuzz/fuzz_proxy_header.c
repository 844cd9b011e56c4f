/*
 * The begin of a connection, as a proxy may send it.
 */
#include "config.h"

#include <sys/socket.h>

#include <stdbool.h>
#include <stdlib.h>

#include "natsd-front/proxy_header.h"
#include "tests/fuzz/fuzz.h"

static void
must(bool ok)
{
	if (!ok)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header h, again;
	struct err e = { .text = "" };
	enum proxy_result rc, part;
	size_t used, used_again, n;

	rc = proxy_header_parse(data, size, &h, &used, &e);
	must(used <= size && used <= PROXY_HEADER_MAX);
	must(rc != PROXY_BROKEN || e.text[0] != '\0');
	must(!h.known || (rc == PROXY_WHOLE && (h.family == AF_INET || h.family == AF_INET6)));
	/* More bytes never take back what fewer said. */
	for (n = size < 160 ? size : 160; n-- > 0;) {
		part = proxy_header_parse(data, n, &again, &used_again, &e);
		must(part == PROXY_MORE || part == rc);
		must(part != PROXY_WHOLE || used_again == used);
	}
	return (0);
}
