#include "config.h"

#include <openssl/evp.h>
#include <string.h>

#include "common/nkey.h"

#define PREFIX_SEED (18u << 3)
#define CRC_BYTES 2
#define PUBLIC_BYTES (1 + NKEY_KEY_BYTES + CRC_BYTES)
#define SEED_BYTES (2 + NKEY_KEY_BYTES + CRC_BYTES)

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static uint16_t
crc16(const uint8_t *p, size_t n)
{
	uint16_t crc = 0;

	while (n-- > 0) {
		crc = (uint16_t)(crc ^ (uint16_t)(*p++ << 8));
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)((crc & 0x8000) != 0 ? crc << 1 ^ 0x1021 : crc << 1);
	}
	return (crc);
}

static void
crc_put(uint8_t *p, size_t n)
{
	uint16_t crc = crc16(p, n);

	p[n] = (uint8_t)(crc & 0xff);
	p[n + 1] = (uint8_t)(crc >> 8);
}

static bool
crc_fits(const uint8_t *p, size_t n)
{
	return (crc16(p, n) == (p[n] | p[n + 1] << 8));
}

static void
base32(char *out, const uint8_t *raw, size_t n)
{
	uint32_t bits = 0;
	unsigned have = 0;

	while (n-- > 0) {
		bits = bits << 8 | *raw++;
		for (have += 8; have >= 5; have -= 5)
			*out++ = digits[bits >> (have - 5) & 31];
	}
	if (have > 0)
		*out++ = digits[bits << (5 - have) & 31];
	*out = '\0';
}

static int
digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (c - 'A');
	if (c >= '2' && c <= '7')
		return (c - '2' + 26);
	return (-1);
}

/* Exactly n bytes; bits beyond them do not count. */
static int
unbase32(struct str text, uint8_t *out, size_t n)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t i, at = 0;
	int v;

	if (text.n != (n * 8 + 4) / 5)
		return (-1);
	for (i = 0; i < text.n; i++) {
		if ((v = digit_value(text.p[i])) < 0)
			return (-1);
		bits = bits << 5 | (uint32_t)v;
		have += 5;
		if (have >= 8 && at < n) {
			out[at++] = (uint8_t)(bits >> (have - 8));
			have -= 8;
		}
	}
	return (at == n ? 0 : -1);
}

void
nkey_encode(char out[NKEY_PUBLIC_TEXT], enum nkey_kind kind, const uint8_t key[NKEY_KEY_BYTES])
{
	uint8_t raw[PUBLIC_BYTES];

	raw[0] = (uint8_t)kind;
	memcpy(raw + 1, key, NKEY_KEY_BYTES);
	crc_put(raw, 1 + NKEY_KEY_BYTES);
	base32(out, raw, sizeof(raw));
}

static int
kind_of(unsigned byte, enum nkey_kind *kind)
{
	static const enum nkey_kind kinds[] = { NKEY_ACCOUNT, NKEY_CLUSTER, NKEY_SERVER,
		NKEY_OPERATOR, NKEY_USER, NKEY_CURVE };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if ((unsigned)kinds[i] == byte) {
			*kind = kinds[i];
			return (0);
		}
	return (-1);
}

int
nkey_decode(struct str text, enum nkey_kind kind, uint8_t key[NKEY_KEY_BYTES])
{
	uint8_t raw[PUBLIC_BYTES];

	if (unbase32(text, raw, sizeof(raw)) != 0 || raw[0] != (uint8_t)kind ||
	    !crc_fits(raw, 1 + NKEY_KEY_BYTES))
		return (-1);
	memcpy(key, raw + 1, NKEY_KEY_BYTES);
	return (0);
}

int
nkey_decode_any(struct str text, uint8_t key[NKEY_KEY_BYTES])
{
	uint8_t raw[PUBLIC_BYTES];
	enum nkey_kind kind;

	if (unbase32(text, raw, sizeof(raw)) != 0 || kind_of(raw[0], &kind) != 0)
		return (-1);
	return (nkey_decode(text, kind, key));
}

void
nkey_encode_seed(char out[NKEY_SEED_TEXT], enum nkey_kind kind, const uint8_t seed[NKEY_KEY_BYTES])
{
	uint8_t raw[SEED_BYTES];

	raw[0] = (uint8_t)(PREFIX_SEED | (unsigned)kind >> 5);
	raw[1] = (uint8_t)((unsigned)kind << 3 & 0xf8);
	memcpy(raw + 2, seed, NKEY_KEY_BYTES);
	crc_put(raw, 2 + NKEY_KEY_BYTES);
	base32(out, raw, sizeof(raw));
	explicit_bzero(raw, sizeof(raw));
}

int
nkey_decode_seed(struct str text, enum nkey_kind *kind, uint8_t seed[NKEY_KEY_BYTES])
{
	uint8_t raw[SEED_BYTES];
	int rc = -1;

	if (unbase32(text, raw, sizeof(raw)) == 0 && (raw[0] & 0xf8) == PREFIX_SEED &&
	    crc_fits(raw, 2 + NKEY_KEY_BYTES) &&
	    kind_of((raw[0] & 7u) << 5 | (raw[1] & 0xf8u) >> 3, kind) == 0) {
		memcpy(seed, raw + 2, NKEY_KEY_BYTES);
		rc = 0;
	}
	explicit_bzero(raw, sizeof(raw));
	return (rc);
}

/* ---- signatures ---- */

int
nkey_public(const uint8_t seed[NKEY_KEY_BYTES], uint8_t key[NKEY_KEY_BYTES])
{
	EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, NKEY_KEY_BYTES);
	size_t n = NKEY_KEY_BYTES;
	int rc = -1;

	if (k != NULL && EVP_PKEY_get_raw_public_key(k, key, &n) == 1 && n == NKEY_KEY_BYTES)
		rc = 0;
	EVP_PKEY_free(k);
	return (rc);
}

int
nkey_sign(const uint8_t seed[NKEY_KEY_BYTES], struct str msg, uint8_t sig[NKEY_SIG_BYTES])
{
	EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, NKEY_KEY_BYTES);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = NKEY_SIG_BYTES;
	int rc = -1;

	if (k != NULL && ctx != NULL && EVP_DigestSignInit(ctx, NULL, NULL, NULL, k) == 1 &&
	    EVP_DigestSign(ctx, sig, &n, (const uint8_t *)msg.p, msg.n) == 1 &&
	    n == NKEY_SIG_BYTES)
		rc = 0;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(k);
	return (rc);
}

bool
nkey_verify(const uint8_t key[NKEY_KEY_BYTES], struct str msg, const uint8_t sig[NKEY_SIG_BYTES])
{
	EVP_PKEY *k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, NKEY_KEY_BYTES);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok;

	ok = k != NULL && ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, k) == 1 &&
	    EVP_DigestVerify(ctx, sig, NKEY_SIG_BYTES, (const uint8_t *)msg.p, msg.n) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(k);
	return (ok);
}

int
nkey_preload(struct err *e)
{
	static const uint8_t seed[NKEY_KEY_BYTES] = { 1 };
	uint8_t key[NKEY_KEY_BYTES], sig[NKEY_SIG_BYTES];

	if (nkey_public(seed, key) != 0 || nkey_sign(seed, STR("preload"), sig) != 0 ||
	    !nkey_verify(key, STR("preload"), sig))
		return (err_set(e, "OpenSSL cannot do Ed25519"));
	return (0);
}
