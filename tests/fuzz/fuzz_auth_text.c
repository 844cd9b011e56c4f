/*
 * Text of strangers and of the configuration that authentication reads: keys, signatures, hashes,
 * names of certificates.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/nkey.h"
#include "natsd-front/auth/bcrypt.h"
#include "natsd-front/auth/dn.h"
#include "tests/fuzz/fuzz.h"

#define HASH_BYTES 60

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* What is a key is one text only. */
static void
keys(struct str s)
{
	static const enum nkey_kind kinds[] = { NKEY_ACCOUNT, NKEY_CLUSTER, NKEY_SERVER,
		NKEY_OPERATOR, NKEY_USER, NKEY_CURVE };
	char text[NKEY_PUBLIC_TEXT], seed_text[NKEY_SEED_TEXT];
	uint8_t key[NKEY_KEY_BYTES], any[NKEY_KEY_BYTES], sig[NKEY_SIG_BYTES];
	enum nkey_kind kind;
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (nkey_decode(s, kinds[i], key) == 0) {
			nkey_encode(text, kinds[i], key);
			must(str_eq(str_of(text), s));
			must(nkey_decode_any(s, any) == 0 && memcmp(any, key, sizeof(key)) == 0);
			must(!nkey_verify(key, s, (const uint8_t[NKEY_SIG_BYTES]){ 0 }));
		}
	(void)nkey_decode_any(s, any);
	if (nkey_decode_seed(s, &kind, key) == 0) {
		nkey_encode_seed(seed_text, kind, key);
		/* two bits at its end do not count */
		must(strncmp(seed_text, s.p, NKEY_SEED_TEXT - 2) == 0);
		must(nkey_sign(key, s, sig) == 0 && nkey_public(key, any) == 0);
		must(nkey_verify(any, s, sig));
	}
}

static void
base64(struct str s)
{
	uint8_t out[NKEY_SIG_BYTES];
	char text[BASE64_URL_TEXT(NKEY_SIG_BYTES)];
	size_t n = base64_decode_url(s, out, sizeof(out));

	must(n == SIZE_MAX || n <= sizeof(out));
	if (n != SIZE_MAX) {
		base64_encode_url(out, n, text);
		must(strlen(text) == s.n);
		must(s.n == 0 || memcmp(text, s.p, s.n - 1) == 0);
	}
	n = base64_decode_std(s, out, sizeof(out));
	must(n == SIZE_MAX || n <= sizeof(out));
}

/* As cheap as it can be. */
static void
hash(struct str s)
{
	char text[HASH_BYTES];

	if (!bcrypt_is(s) || s.n > sizeof(text))
		return;
	memcpy(text, s.p, s.n);
	if (s.n == sizeof(text))
		memcpy(text + 4, "04", 2);
	(void)bcrypt_check((struct str){ text, s.n }, s);
}

static void
names(struct str s)
{
	struct cert_attr attrs[3] = { { CERT_CN, s }, { CERT_OU, s }, { CERT_O, { "a", 1 } } };
	struct cert_rdn rdns[2] = { { attrs, 1 }, { attrs + 1, 2 } };
	struct cert_attr joe[1] = { { CERT_CN, { "joe", 3 } } };
	struct cert_attr two[2] = { { CERT_OU, { "x", 1 } }, { CERT_O, { "a", 1 } } };
	struct cert_rdn fixed[3] = { { joe, 1 }, { NULL, 0 }, { two, 2 } };
	struct cert_identity id = { .rdns = rdns, .nrdns = 2 };
	struct cert_identity known = { .rdns = fixed, .nrdns = 3 };
	struct dn *dn = dn_parse(s), *own;
	char text[512];
	size_t n;

	if (dn != NULL) {
		must(dn_equal_unordered(dn, &id) || !dn_equal(dn, &id));
		must(dn_equal_unordered(dn, &known) || !dn_equal(dn, &known));
		dn_free(dn);
	}
	/* What is rendered of a subject with one part is read as that part, for all its bytes. */
	id.nrdns = 1;
	n = cert_subject(&id, text, sizeof(text));
	/* A '=' in a value is not escaped there, and then read as something else. */
	if (n == SIZE_MAX || s.n == 0 || memchr(s.p, '=', s.n) != NULL)
		return;
	own = dn_parse((struct str){ text, n });
	must(own != NULL && dn_equal(own, &id));
	dn_free(own);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = { size == 0 ? "" : (const char *)data, size };

	keys(s);
	base64(s);
	hash(s);
	names(s);
	return (0);
}
