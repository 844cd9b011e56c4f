#include "config.h"

#include "common/conf_scalar.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The factor of a size's suffix; 0: there is no such suffix. */
static int64_t
suffix_factor(struct str suffix)
{
	static const char letters[] = "kmgtpe";
	int64_t factor = 1, binary = 1;
	char lower[4];

	if (suffix.n == 0)
		return (1);
	if (suffix.n > 3)
		return (0);
	for (size_t i = 0; i < suffix.n; i++)
		lower[i] = (char)tolower((unsigned char)suffix.p[i]);
	for (const char *l = letters; *l != '\0'; l++) {
		factor *= 1000;
		binary *= 1024;
		if (*l != lower[0])
			continue;
		if (suffix.n == 1)
			return (factor);
		if ((suffix.n == 2 && (lower[1] == 'b' || lower[1] == 'i')) ||
		    (suffix.n == 3 && lower[1] == 'i' && lower[2] == 'b'))
			return (binary);
		return (0);
	}
	return (0);
}

/* An optional '-' and digits, of which there is at least one. */
static enum conf_number
read_int(struct str s, int64_t *out)
{
	bool negative = s.n > 0 && s.p[0] == '-', large = false;
	int64_t v = 0;

	for (size_t i = negative ? 1 : 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return (CONF_NUMBER_NONE);
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, s.p[i] - '0', &v))
			large = true;
	}
	if (large || (!negative && v == INT64_MIN))
		return (CONF_NUMBER_LARGE);
	*out = negative ? v : -v;
	return (CONF_NUMBER_OK);
}

enum conf_number
conf_number_read(struct str s, int64_t *out)
{
	struct str digits = s, suffix;
	enum conf_number result;
	int64_t factor, n = 0;

	while (digits.n > 0 && isascii(digits.p[digits.n - 1]) && isalpha(digits.p[digits.n - 1]))
		digits.n--;
	suffix = (struct str){ .p = digits.p + digits.n, .n = s.n - digits.n };
	if ((result = read_int(digits, &n)) != CONF_NUMBER_OK)
		return (result);
	if ((factor = suffix_factor(suffix)) == 0)
		return (CONF_NUMBER_SUFFIX);
	*out = (int64_t)((uint64_t)n * (uint64_t)factor);
	return (CONF_NUMBER_OK);
}

static int
two_digits(const char *p)
{
	return ((p[0] - '0') * 10 + (p[1] - '0'));
}

int
conf_time_read(struct str s, int64_t *out)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	static const int before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	int64_t year, day;
	int month, mday, hour, minute, second;
	bool leap;

	if (s.n != strlen("0000-00-00T00:00:00Z"))
		return (-1);
	for (size_t i = 0; i < s.n; i++)
		if (strchr("-T:Z", s.p[i]) == NULL && (s.p[i] < '0' || s.p[i] > '9'))
			return (-1);
	year = two_digits(s.p) * 100 + two_digits(s.p + 2);
	month = two_digits(s.p + 5);
	mday = two_digits(s.p + 8);
	hour = two_digits(s.p + 11);
	minute = two_digits(s.p + 14);
	second = two_digits(s.p + 17);
	leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	if (month < 1 || month > 12 || mday < 1 || hour > 23 || minute > 59 || second > 59 ||
	    mday > days[month - 1] + (leap && month == 2 ? 1 : 0))
		return (-1);
	/* days since 0000-01-01, the year 0 being a leap year */
	day = year * 365 + (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
	day += before[month - 1] + (leap && month > 2 ? 1 : 0) + mday - 1;
	*out = (day - 719528) * 86400 + hour * 3600 + minute * 60 + second;
	return (0);
}

void
conf_time_print(int64_t s, char out[CONF_TIME_BYTES])
{
	int64_t second = s % 86400 + (s % 86400 < 0 ? 86400 : 0);
	int64_t z = (s - second) / 86400 + 719468; /* days since 0000-03-01 */
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t day = z - era * 146097; /* of 400 years */
	int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int64_t yday = day - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * yday + 2) / 153; /* from March */
	int64_t mday = yday - (153 * month + 2) / 5 + 1;

	month = month < 10 ? month + 3 : month - 9;
	year += era * 400 + (month <= 2 ? 1 : 0);
	snprintf(out, CONF_TIME_BYTES, "%04u-%02u-%02uT%02u:%02u:%02uZ",
	    (unsigned)year % 10000u, (unsigned)month % 100u, (unsigned)mday % 100u,
	    (unsigned)(second / 3600) % 100u, (unsigned)(second / 60 % 60), (unsigned)(second % 60));
}
