/* The object of CONNECT: whatever it is, it is taken or refused, and refused means unchanged. */
#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "natsd-front/client/connect_json.h"
#include "natsd-front/client/label.h"
#include "natsd-front/client/redact.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct connect_options o = { .echo = true, .protocol = 42 };
	struct str json = { (const char *)data, size };
	char why[CONNECT_WHY_MAX], shown[512];

	connect_json_check_info(json, why);
	assert(redact(shown, sizeof(shown), json) <= sizeof(shown));
	if (connect_json_read(json, &o, why) != 0) {
		assert(o.echo && o.protocol == 42 && o.name.p == NULL && o.user.p == NULL);
		assert(why[0] != '\0');
		connect_options_free(&o);
		return (0);
	}
	free(label_make(&o, STR("$G")));
	connect_options_free(&o);
	return (0);
}
