#include "config.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/mono.h"
#include "common/utf8.h"
#include "natsd-front/text.h"

/* Runes that print nothing: control, separators, format, private use.  U+0020 is below all. */
static const struct {
	uint32_t from, to;
} blanks[] = {
	{ 0x80, 0xa0 }, { 0xad, 0xad }, { 0x600, 0x605 }, { 0x61c, 0x61c }, { 0x6dd, 0x6dd },
	{ 0x70f, 0x70f }, { 0x1680, 0x1680 }, { 0x180e, 0x180e }, { 0x2000, 0x200f },
	{ 0x2028, 0x202f }, { 0x205f, 0x206f }, { 0x3000, 0x3000 }, { 0xe000, 0xf8ff },
	{ 0xfeff, 0xfeff }, { 0xfff0, 0xfffb }, { 0xfffe, 0xffff }, { 0x1d173, 0x1d17a },
	{ 0xe0000, 0xe00ff }, { 0xf0000, 0x10ffff },
};

static bool
is_blank_rune(uint32_t rune)
{
	size_t i;

	for (i = 0; i < sizeof(blanks) / sizeof(blanks[0]); i++)
		if (rune >= blanks[i].from && rune <= blanks[i].to)
			return (true);
	return (false);
}

static uint32_t
rune_of(const uint8_t *p, unsigned len)
{
	uint32_t rune = len == 1 ? p[0] : p[0] & (0x7fu >> len);
	unsigned i;

	for (i = 1; i < len; i++)
		rune = rune << 6 | (p[i] & 0x3fu);
	return (rune);
}

#define PIECE_MAX 16

/* How the rune at p stands in a quoted string; *used: input bytes. */
static unsigned
quote_one(char out[PIECE_MAX], const uint8_t *p, size_t n, unsigned *used)
{
	static const char names[] = "abtnvfr"; /* 0x07 .. 0x0d */
	unsigned len = (unsigned)utf8_rune(p, n);
	uint32_t rune;

	*used = 1;
	if (*p == '"' || *p == '\\') {
		out[0] = '\\';
		out[1] = (char)*p;
		return (2);
	}
	if (*p >= 0x07 && *p <= 0x0d) {
		out[0] = '\\';
		out[1] = names[*p - 0x07];
		return (2);
	}
	if (*p < 0x20 || *p == 0x7f || len == 0)
		return ((unsigned)snprintf(out, PIECE_MAX, "\\x%02x", *p));
	*used = len;
	rune = rune_of(p, len);
	if (len > 1 && is_blank_rune(rune))
		return ((unsigned)snprintf(out, PIECE_MAX, rune < 0x10000 ? "\\u%04x" : "\\U%08x",
		    rune));
	memcpy(out, p, len);
	return (len);
}

size_t
text_quote(char *out, size_t size, struct str s)
{
	size_t at = 0, i = 0;
	unsigned used, n;
	char piece[PIECE_MAX];

	assert(size >= 3);
	out[at++] = '"';
	while (i < s.n) {
		n = quote_one(piece, (const uint8_t *)s.p + i, s.n - i, &used);
		if (at + n + 2 > size)
			break;
		memcpy(out + at, piece, n);
		at += n;
		i += used;
	}
	out[at++] = '"';
	out[at] = '\0';
	return (at);
}

/* "1.5" without trailing zeros */
static int
put_fraction(char *out, int64_t n, int64_t unit)
{
	int len = snprintf(out, 24, "%lld", (long long)(n / unit));
	int64_t rest = n % unit;

	if (rest == 0)
		return (len);
	out[len++] = '.';
	while (rest != 0) {
		unit /= 10;
		out[len++] = (char)('0' + rest / unit);
		rest %= unit;
	}
	out[len] = '\0';
	return (len);
}

void
text_duration(char *out, int64_t ns)
{
	int64_t s = ns / NS_PER_S;
	int at = 0;

	if (ns == 0) {
		memcpy(out, "0s", 3);
		return;
	}
	if (ns < 0) {
		out[at++] = '-';
		ns = -(ns + (ns == INT64_MIN));
		s = ns / NS_PER_S;
	}
	if (ns < NS_PER_US) {
		snprintf(out + at, 24, "%lldns", (long long)ns);
	} else if (ns < NS_PER_MS) {
		at += put_fraction(out + at, ns, NS_PER_US);
		memcpy(out + at, "\xc2\xb5s", 4);
	} else if (ns < NS_PER_S) {
		at += put_fraction(out + at, ns, NS_PER_MS);
		memcpy(out + at, "ms", 3);
	} else {
		if (s >= 3600)
			at += snprintf(out + at, 24, "%lldh", (long long)(s / 3600));
		if (s >= 60)
			at += snprintf(out + at, 8, "%lldm", (long long)(s / 60 % 60));
		at += put_fraction(out + at, ns % (60 * NS_PER_S), NS_PER_S);
		memcpy(out + at, "s", 2);
	}
}
