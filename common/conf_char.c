#include "config.h"

#include "common/conf_char.h"

/* The zeros of Unicode 15: each is followed by its nine other digits. */
static const uint32_t zeros[] = { 0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66,
	0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946,
	0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0,
	0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450,
	0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x11f50,
	0x16a60, 0x16ac0, 0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0,
	0x1e4f0, 0x1e950, 0x1fbf0 };

static bool
is_continuation(uint8_t b)
{
	return ((b & 0xc0) == 0x80);
}

uint32_t
conf_char_decode(const char *p, size_t n, size_t *width)
{
	const uint8_t *b = (const uint8_t *)p;
	uint32_t c;
	size_t want;

	*width = 1;
	if (b[0] < 0x80)
		return (b[0]);
	if (b[0] < 0xc2 || b[0] > 0xf4)
		return (CONF_CHAR_INVALID);
	want = b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : 4;
	if (n < want)
		return (CONF_CHAR_INVALID);
	c = b[0] & (0xffu >> (want + 1));
	for (size_t i = 1; i < want; i++) {
		if (!is_continuation(b[i]))
			return (CONF_CHAR_INVALID);
		c = c << 6 | (b[i] & 0x3fu);
	}
	/* too long for its value, half of a surrogate pair, or beyond Unicode */
	if ((want == 3 && c < 0x800) || (want == 4 && c < 0x10000) || (c >= 0xd800 && c < 0xe000) ||
	    c > 0x10ffff)
		return (CONF_CHAR_INVALID);
	*width = want;
	return (c);
}

size_t
conf_char_encode(uint32_t c, char *to)
{
	uint8_t b[4];
	size_t n;

	if (c < 0x80) {
		b[0] = (uint8_t)c;
		n = 1;
	} else if (c < 0x800) {
		b[0] = (uint8_t)(0xc0 | c >> 6);
		n = 2;
	} else if (c < 0x10000) {
		b[0] = (uint8_t)(0xe0 | c >> 12);
		n = 3;
	} else {
		b[0] = (uint8_t)(0xf0 | c >> 18);
		n = 4;
	}
	for (size_t i = 1; i < n; i++)
		b[i] = (uint8_t)(0x80 | ((c >> (6 * (n - 1 - i))) & 0x3f));
	for (size_t i = 0; i < n; i++)
		to[i] = (char)b[i];
	return (n);
}

bool
conf_char_is_space(uint32_t c)
{
	if (c <= ' ')
		return (c == ' ' || (c >= '\t' && c <= '\r'));
	return (c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
	    c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000);
}

bool
conf_char_is_digit(uint32_t c)
{
	if (c < 0x80)
		return (c >= '0' && c <= '9');
	for (size_t i = 0; i < sizeof(zeros) / sizeof(zeros[0]); i++)
		if (c >= zeros[i] && c - zeros[i] < 10)
			return (true);
	return (false);
}
