#include "config.h"

#include <openssl/evp.h>
#include <string.h>
#include <sys/random.h>

#include "natsd-supervisor/identity.h"

#define PREFIX_SERVER (13u << 3)
#define PREFIX_CURVE (23u << 3)
#define RAW_BYTES 35 /* prefix, key, checksum */

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

/* 35 bytes are exactly 56 groups of five bits. */
static void
base32(char *out, const uint8_t raw[RAW_BYTES])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	uint32_t bits = 0;
	unsigned have = 0;

	for (int i = 0; i < RAW_BYTES; i++) {
		bits = bits << 8 | raw[i];
		for (have += 8; have >= 5; have -= 5)
			*out++ = digits[bits >> (have - 5) & 31];
	}
	*out = '\0';
}

void
identity_encode(char out[IDENTITY_TEXT], uint8_t prefix, const uint8_t key[32])
{
	uint8_t raw[RAW_BYTES];
	uint16_t crc;

	raw[0] = prefix;
	memcpy(raw + 1, key, 32);
	crc = crc16(raw, 33);
	raw[33] = (uint8_t)(crc & 0xff);
	raw[34] = (uint8_t)(crc >> 8);
	base32(out, raw);
}

static int
make_key(int type, uint8_t prefix, char out[IDENTITY_TEXT], struct err *e)
{
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(type, NULL);
	uint8_t public[32];
	size_t n = sizeof(public);
	int rc = -1;

	if (ctx == NULL || EVP_PKEY_keygen_init(ctx) <= 0 || EVP_PKEY_keygen(ctx, &key) <= 0 ||
	    EVP_PKEY_get_raw_public_key(key, public, &n) <= 0 || n != sizeof(public))
		err_set(e, "server key: OpenSSL cannot make it");
	else {
		identity_encode(out, prefix, public);
		rc = 0;
	}
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(ctx);
	return (rc);
}

int
identity_make(struct identity *id, struct err *e)
{
	if (getrandom(&id->life, sizeof(id->life), 0) != (ssize_t)sizeof(id->life))
		return (err_sys(e, "random number"));
	if (make_key(EVP_PKEY_ED25519, PREFIX_SERVER, id->server_id, e) != 0)
		return (-1);
	return (make_key(EVP_PKEY_X25519, PREFIX_CURVE, id->xkey, e));
}
