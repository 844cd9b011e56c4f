#include "config.h"

#include "common/base64.h"

static const char url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int
digit_value(char c, char plus, char slash)
{
	if (c >= 'A' && c <= 'Z')
		return (c - 'A');
	if (c >= 'a' && c <= 'z')
		return (c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (c - '0' + 52);
	return (c == plus ? 62 : c == slash ? 63 : -1);
}

/* Digits only; bits beyond the last whole byte do not count. */
static size_t
decode(struct str text, uint8_t *out, size_t size, char plus, char slash)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t i, n = 0;
	int v;

	if (text.n % 4 == 1 || text.n / 4 * 3 + text.n % 4 * 3 / 4 > size)
		return (SIZE_MAX);
	for (i = 0; i < text.n; i++) {
		if ((v = digit_value(text.p[i], plus, slash)) < 0)
			return (SIZE_MAX);
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (uint8_t)(bits >> have);
		}
	}
	return (n);
}

size_t
base64_decode_url(struct str text, uint8_t *out, size_t size)
{
	return (decode(text, out, size, '-', '_'));
}

size_t
base64_decode_std(struct str text, uint8_t *out, size_t size)
{
	if (text.n % 4 != 0)
		return (SIZE_MAX);
	if (text.n > 0 && text.p[text.n - 1] == '=')
		text.n--;
	if (text.n % 4 == 3 && text.p[text.n - 1] == '=')
		text.n--;
	return (decode(text, out, size, '+', '/'));
}

void
base64_encode_url(const uint8_t *p, size_t n, char *out)
{
	uint32_t bits = 0;
	unsigned have = 0;

	while (n-- > 0) {
		bits = bits << 8 | *p++;
		for (have += 8; have >= 6; have -= 6)
			*out++ = url_digits[bits >> (have - 6) & 63];
	}
	if (have > 0)
		*out++ = url_digits[bits << (6 - have) & 63];
	*out = '\0';
}
