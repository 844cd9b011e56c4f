#include "config.h"

#include "common/duration.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/quote.h"

struct unit {
	const char *name;
	uint64_t ns;
};

static const struct unit units[] = {
	{ "ns", 1 },
	{ "us", 1000 },
	{ "\xc2\xb5s", 1000 }, /* micro sign */
	{ "\xce\xbcs", 1000 }, /* Greek mu */
	{ "ms", 1000000 },
	{ "s", 1000000000 },
	{ "m", 60 * 1000000000ull },
	{ "h", 3600 * 1000000000ull },
};

/* The largest magnitude: of the smallest int64_t. */
#define MAGNITUDE_MAX ((uint64_t)1 << 63)

static int
invalid(struct err *e, const char *what, struct str text)
{
	char quoted[QUOTE_TEXT_MAX];

	return (err_set(e, "time: %s duration %s", what, quote(text, quoted)));
}

static bool
is_digit(char c)
{
	return (c >= '0' && c <= '9');
}

static const struct unit *
find_unit(struct str name)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (str_eq(name, str_of(units[i].name)))
			return (&units[i]);
	return (NULL);
}

/* One "decimal unit" off the front of *s, added to *sum. */
static int
take_part(struct str *s, struct str all, uint64_t *sum, struct err *e)
{
	uint64_t whole = 0, part = 0, scale = 1, ns;
	const struct unit *unit;
	struct str name;
	char quoted[QUOTE_TEXT_MAX], quoted_all[QUOTE_TEXT_MAX];
	bool digits = false, precise = true;

	for (; s->n > 0 && is_digit(*s->p); s->p++, s->n--, digits = true) {
		if (whole > MAGNITUDE_MAX / 10)
			return (invalid(e, "invalid", all));
		if ((whole = whole * 10 + (uint64_t)(*s->p - '0')) > MAGNITUDE_MAX)
			return (invalid(e, "invalid", all));
	}
	if (s->n > 0 && *s->p == '.') {
		for (s->p++, s->n--; s->n > 0 && is_digit(*s->p); s->p++, s->n--, digits = true) {
			/* digits beyond any nanosecond are read and do not count */
			precise = precise && scale <= MAGNITUDE_MAX / 100;
			if (!precise)
				continue;
			part = part * 10 + (uint64_t)(*s->p - '0');
			scale *= 10;
		}
	}
	if (!digits)
		return (invalid(e, "invalid", all));
	for (name = (struct str){ .p = s->p }; s->n > 0 && *s->p != '.' && !is_digit(*s->p); s->n--)
		s->p++, name.n++;
	if (name.n == 0)
		return (invalid(e, "missing unit in", all));
	if ((unit = find_unit(name)) == NULL)
		return (err_set(e, "time: unknown unit %s in duration %s", quote(name, quoted),
		    quote(all, quoted_all)));
	if (whole > MAGNITUDE_MAX / unit->ns)
		return (invalid(e, "invalid", all));
	ns = whole * unit->ns + (uint64_t)((double)part * ((double)unit->ns / (double)scale));
	if (ns > MAGNITUDE_MAX || *sum + ns > MAGNITUDE_MAX)
		return (invalid(e, "invalid", all));
	*sum += ns;
	return (0);
}

int
duration_parse(struct str text, int64_t *ns, struct err *e)
{
	struct str s = text;
	bool negative = false;
	uint64_t sum = 0;

	if (s.n > 0 && (*s.p == '-' || *s.p == '+')) {
		negative = *s.p == '-';
		s.p++;
		s.n--;
	}
	if (str_eq(s, STR("0"))) {
		*ns = 0;
		return (0);
	}
	if (s.n == 0)
		return (invalid(e, "invalid", text));
	while (s.n > 0)
		if (take_part(&s, text, &sum, e) != 0)
			return (-1);
	if (!negative && sum == MAGNITUDE_MAX)
		return (invalid(e, "invalid", text));
	*ns = negative ? (int64_t)(0 - sum) : (int64_t)sum;
	return (0);
}

/* v / 10^digits without trailing zeros, behind `before`. */
static void
print_decimal(char *out, const char *before, uint64_t v, int digits, const char *unit)
{
	uint64_t scale = 1;
	char part[] = ".000000000";
	uint64_t rest;

	for (int i = 0; i < digits; i++)
		scale *= 10;
	rest = v % scale;
	for (int i = digits; i > 0; i--, rest /= 10)
		part[i] = (char)('0' + rest % 10);
	part[1 + digits] = '\0';
	for (int i = digits; i >= 0 && (part[i] == '0' || part[i] == '.'); i--)
		part[i] = '\0';
	snprintf(out, DURATION_TEXT_MAX, "%s%llu%s%s", before, (unsigned long long)(v / scale), part,
	    unit);
}

const char *
duration_print(int64_t ns, char out[DURATION_TEXT_MAX])
{
	uint64_t v = ns < 0 ? 0 - (uint64_t)ns : (uint64_t)ns, minutes = v / units[6].ns;
	char before[24] = "";

	if (ns < 0)
		before[0] = '-';
	if (v == 0)
		print_decimal(out, "", 0, 0, "s");
	else if (v < 1000)
		print_decimal(out, before, v, 0, "ns");
	else if (v < 1000000)
		print_decimal(out, before, v, 3, "\xc2\xb5s");
	else if (v < 1000000000)
		print_decimal(out, before, v, 6, "ms");
	else {
		if (minutes >= 60)
			snprintf(before, sizeof(before), "%s%lluh%llum", ns < 0 ? "-" : "",
			    (unsigned long long)(minutes / 60), (unsigned long long)(minutes % 60));
		else if (minutes > 0)
			snprintf(before, sizeof(before), "%s%llum", ns < 0 ? "-" : "",
			    (unsigned long long)minutes);
		print_decimal(out, before, v % units[6].ns, 9, "s");
	}
	return (out);
}
