/*
 * Accounts and users as the front is told them: whatever decodes refers to what is there, and encodes
 * to bytes that decode to the same again.
 */
#include "config.h"

#include <assert.h>
#include <stdlib.h>

#include "common/access.h"
#include "tests/fuzz/fuzz.h"

#define BYTES_MAX (1u << 20)

static void
check_again(const struct access *a, enum role role)
{
	uint8_t *bytes = malloc(BYTES_MAX);
	struct wr out = wr_of(bytes, bytes == NULL ? 0 : BYTES_MAX);
	struct access *again;
	struct rd in;

	access_encode(a, role, &out);
	assert(wr_end(&out) == 0);
	in = rd_of(bytes, wr_len(&out));
	again = access_decode(&in, role, NULL);
	assert(again != NULL && rd_end(&in) == 0 && access_equal(a, again));
	access_free(again);
	free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_of(data, size);
	enum role role;
	struct access *a;

	role = size > 0 && data[0] != 0 ? ROLE_FRONT : ROLE_JS;
	if (size > BYTES_MAX / 4 || (a = access_decode(&in, role, NULL)) == NULL)
		return (0);
	assert(a->naccounts > 0);
	assert(a->system_account == ACCESS_NO_ACCOUNT || a->system_account < a->naccounts);
	for (size_t i = 0; i < a->nusers; i++)
		assert(a->users[i].account < a->naccounts);
	check_again(a, role);
	access_free(a);
	return (0);
}
