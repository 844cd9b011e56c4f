#include "config.h"

#include "common/num.h"

static bool
parse_digits(struct str s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return (false);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return (false);
		if (!num_mul_u64(v, 10, &v) || !num_add_u64(v, (uint64_t)(s.p[i] - '0'), &v))
			return (false);
	}
	*out = v;
	return (true);
}

/* The magnitude of INT64_MIN is one more than that of INT64_MAX. */
static bool
apply_sign(uint64_t magnitude, bool negative, int64_t *out)
{
	if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
		return (false);
	*out = (int64_t)(negative ? 0 - magnitude : magnitude);
	return (true);
}

int
num_parse_u64(struct str s, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t v;

	if (!parse_digits(s, &v) || v < min || v > max)
		return (-1);
	*out = v;
	return (0);
}

int
num_parse_i64(struct str s, int64_t min, int64_t max, int64_t *out)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	uint64_t magnitude;
	int64_t v;

	if (negative) {
		s.p++;
		s.n--;
	}
	if (!parse_digits(s, &magnitude) || !apply_sign(magnitude, negative, &v))
		return (-1);
	if (v < min || v > max)
		return (-1);
	*out = v;
	return (0);
}

static int
digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (c - 'A' + 10);
	return (-1);
}

/* The base that the prefix of s names; *skip: bytes of the prefix. */
static unsigned
go_base(struct str s, size_t *skip)
{
	*skip = 0;
	if (s.p[0] != '0')
		return (10);
	*skip = 2;
	if (s.n >= 3) {
		switch (s.p[1]) {
		case 'x':
		case 'X':
			return (16);
		case 'o':
		case 'O':
			return (8);
		case 'b':
		case 'B':
			return (2);
		default:
			break;
		}
	}
	*skip = 1;
	return (8);
}

int
num_parse_go_int(struct str s, int64_t *out)
{
	bool negative = false, digit_before;
	uint64_t v = 0;
	unsigned base;
	size_t i;

	if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+')) {
		negative = s.p[0] == '-';
		s.p++;
		s.n--;
	}
	if (s.n == 0)
		return (-1);
	base = go_base(s, &i);
	digit_before = i > 0; /* a prefix counts as one: 0x_1 */
	for (; i < s.n; i++) {
		int d = digit_value(s.p[i]);

		if (s.p[i] == '_' && digit_before) {
			digit_before = false;
			continue;
		}
		if (d < 0 || (unsigned)d >= base)
			return (-1);
		if (!num_mul_u64(v, base, &v) || !num_add_u64(v, (uint64_t)d, &v))
			return (-1);
		digit_before = true;
	}
	return (digit_before && apply_sign(v, negative, out) ? 0 : -1);
}

int32_t
num_parse_size(struct str s)
{
	uint64_t v;

	if (s.n > 9 || !parse_digits(s, &v))
		return (-1);
	return ((int32_t)v);
}

unsigned
num_put_u64(char *to, uint64_t v)
{
	char digits[20];
	unsigned n = 0;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	for (unsigned i = 0; i < n; i++)
		to[i] = digits[n - 1 - i];
	return (n);
}
