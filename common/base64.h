/*
 * base64 - signatures and nonces in text.
 */
#ifndef COMMON_BASE64_H
#define COMMON_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

/* base64_decode_url - URL alphabet without padding; base64_decode_std - the usual one, padded.  The
 * number of bytes written to out[size]; SIZE_MAX: it is none, or does not fit. */
size_t base64_decode_url(struct str text, uint8_t *out, size_t size);
size_t base64_decode_std(struct str text, uint8_t *out, size_t size);

/* base64_encode_url - without padding, terminated; out holds BASE64_URL_TEXT(n) bytes. */
#define BASE64_URL_TEXT(n) (((n) * 4 + 2) / 3 + 1)
void base64_encode_url(const uint8_t *p, size_t n, char *out);

#endif
