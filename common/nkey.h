/*
 * nkey - keys as NATS writes them, and Ed25519 signatures by them (accounts.md 1, 2).
 *
 *	public	base32( kind(1) | key(32) | CRC-16/XMODEM of both, low byte first )	56 characters
 *	seed	base32( 0x90 | kind >> 5, kind << 3 & 0xf8 | seed(32) | CRC )		58 characters
 *
 * Upper case, no padding, nothing between.  Text comes from strangers: what is wrong in any way is
 * refused.  Any thread.
 */
#ifndef COMMON_NKEY_H
#define COMMON_NKEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/str.h"

#define NKEY_KEY_BYTES 32u
#define NKEY_SIG_BYTES 64u
#define NKEY_PUBLIC_TEXT 57u /* with its terminator */
#define NKEY_SEED_TEXT 59u

enum nkey_kind { /* the first byte; the letter is the first of the text */
	NKEY_ACCOUNT = 0,	/* A */
	NKEY_CLUSTER = 2 << 3,	/* C */
	NKEY_SERVER = 13 << 3,	/* N */
	NKEY_OPERATOR = 14 << 3, /* O */
	NKEY_USER = 20 << 3,	/* U */
	NKEY_CURVE = 23 << 3,	/* X */
};

void nkey_encode(char out[NKEY_PUBLIC_TEXT], enum nkey_kind, const uint8_t key[NKEY_KEY_BYTES]);

/* nkey_decode - the key of a public key's text of that kind; nkey_decode_any: of any kind.  0; -1: it
 * is none. */
int nkey_decode(struct str text, enum nkey_kind, uint8_t key[NKEY_KEY_BYTES]);
int nkey_decode_any(struct str text, uint8_t key[NKEY_KEY_BYTES]);

/* nkey_decode_seed - likewise of a seed; *kind: of its public key.  The caller wipes seed. */
int nkey_decode_seed(struct str text, enum nkey_kind *kind, uint8_t seed[NKEY_KEY_BYTES]);
void nkey_encode_seed(char out[NKEY_SEED_TEXT], enum nkey_kind, const uint8_t seed[NKEY_KEY_BYTES]);

/* nkey_public - the public key of an Ed25519 seed.  0; -1: the library cannot. */
int nkey_public(const uint8_t seed[NKEY_KEY_BYTES], uint8_t key[NKEY_KEY_BYTES]);

/* nkey_sign, nkey_verify - plain Ed25519 over msg.  nkey_sign: 0; -1: the library cannot. */
int nkey_sign(const uint8_t seed[NKEY_KEY_BYTES], struct str msg, uint8_t sig[NKEY_SIG_BYTES]);
bool nkey_verify(const uint8_t key[NKEY_KEY_BYTES], struct str msg,
    const uint8_t sig[NKEY_SIG_BYTES]);

/* nkey_preload - makes the library load what it needs, before no file can be opened any more.  0;
 * -1: the reason. */
int nkey_preload(struct err *);

#endif
