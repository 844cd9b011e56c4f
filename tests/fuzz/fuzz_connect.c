/* The object of CONNECT: whatever it is, it is taken or refused, and refused means unchanged. */
#include "config.h"

#include <assert.h>
#include <string.h>

#include "natsd-front/client/connect_json.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct connect_options o = { .echo = true, .protocol = 42 };
	struct str json = { (const char *)data, size };

	if (connect_json_read(json, &o) != 0) {
		assert(o.echo && o.protocol == 42 && o.name == NULL && o.user == NULL);
		connect_options_free(&o);
		return (0);
	}
	assert(connect_json_check(json) == 0);
	connect_options_free(&o);
	return (0);
}
