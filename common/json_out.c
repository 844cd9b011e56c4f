#include "config.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/json_out.h"
#include "common/num.h"
#include "common/utf8.h"

#define DEPTH_MAX 60
#define DOUBLE_DIGITS 17 /* always enough to tell two doubles apart */

static void add(struct json_out *, struct str);
static void add_line(struct json_out *, unsigned depth);
static void before_value(struct json_out *);
static void open_level(struct json_out *, struct str);
static void close_level(struct json_out *, struct str);
static void add_quoted(struct json_out *, struct str);
static size_t escape(const uint8_t *, size_t left, char out[8], struct str *as);
static void add_fixed(struct json_out *, const char *digits, int ndigits, int point);
static void add_exponent(struct json_out *, const char *digits, int ndigits, int point);

void
json_begin(struct json_out *j, struct buf *to, unsigned indent)
{
	*j = (struct json_out){ .to = to, .indent = indent };
}

int
json_end(const struct json_out *j)
{
	assert(j->depth == 0 && !j->after_key);
	return (j->failed ? -1 : 0);
}

void
json_object_begin(struct json_out *j)
{
	open_level(j, STR("{"));
}

void
json_object_end(struct json_out *j)
{
	close_level(j, STR("}"));
}

void
json_array_begin(struct json_out *j)
{
	open_level(j, STR("["));
}

void
json_array_end(struct json_out *j)
{
	close_level(j, STR("]"));
}

void
json_key(struct json_out *j, const char *key)
{
	json_key_str(j, str_of(key));
}

void
json_key_str(struct json_out *j, struct str key)
{
	before_value(j);
	add_quoted(j, key);
	add(j, j->indent > 0 ? STR(": ") : STR(":"));
	j->after_key = true;
}

void
json_str(struct json_out *j, struct str s)
{
	before_value(j);
	add_quoted(j, s);
}

void
json_u64(struct json_out *j, uint64_t v)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRIu64, v);

	json_raw(j, (struct str){ .p = text, .n = (size_t)n });
}

void
json_i64(struct json_out *j, int64_t v)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRId64, v);

	json_raw(j, (struct str){ .p = text, .n = (size_t)n });
}

/* Digits as few as tell it from its neighbours, then Go's choice between the two notations. */
void
json_num(struct json_out *j, double v)
{
	char text[40], digits[DOUBLE_DIGITS];
	double size = fabs(v), read;
	const char *exponent;
	int64_t power = 0;
	int n, point;

	assert(isfinite(v));
	before_value(j);
	for (n = 1; n < DOUBLE_DIGITS; n++) {
		snprintf(text, sizeof(text), "%.*e", n - 1, size); /* d.ddde+xx */
		read = strtod(text, NULL);
		if (read <= size && read >= size)
			break;
	}
	snprintf(text, sizeof(text), "%.*e", n - 1, size);
	exponent = strchr(text, 'e');
	digits[0] = text[0];
	if (n > 1)
		memcpy(digits + 1, text + 2, (size_t)(n - 1));
	/* "e+21" or "e-07": printed a line above, so the number is there. */
	num_parse_i64(str_of(exponent[1] == '+' ? exponent + 2 : exponent + 1), -400, 400, &power);
	point = (int)power + 1;
	if (signbit(v))
		add(j, STR("-"));
	if (size > 0 && (size < 1e-6 || size >= 1e21))
		add_exponent(j, digits, n, point);
	else
		add_fixed(j, digits, n, point);
}

void
json_bool(struct json_out *j, bool v)
{
	json_raw(j, v ? STR("true") : STR("false"));
}

void
json_put_null(struct json_out *j)
{
	json_raw(j, STR("null"));
}

void
json_raw(struct json_out *j, struct str text)
{
	before_value(j);
	add(j, text);
}

static size_t
put_zone(char *to, size_t size, long offset_s)
{
	long minutes = labs(offset_s) / 60;

	if (offset_s == 0)
		return ((size_t)snprintf(to, size, "Z"));
	return ((size_t)snprintf(to, size, "%c%02ld:%02ld", offset_s < 0 ? '-' : '+',
	    minutes / 60, minutes % 60));
}

void
json_time(struct json_out *j, struct wall t, bool local)
{
	int64_t s = t.ns / NS_PER_S, ns = t.ns % NS_PER_S;
	char text[64] = "0001-01-01T00:00:00Z";
	struct tm tm;
	time_t when;
	size_t n;

	if (t.ns == INT64_MIN) {
		json_str(j, str_of(text));
		return;
	}
	if (ns < 0) {
		ns += NS_PER_S;
		s--;
	}
	when = (time_t)s;
	if ((local ? localtime_r(&when, &tm) : gmtime_r(&when, &tm)) == NULL)
		tm = (struct tm){ .tm_mday = 1 };
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	if (ns > 0) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, ".%09" PRId64, ns);
		while (text[n - 1] == '0')
			n--;
	}
	n += put_zone(text + n, sizeof(text) - n, local ? tm.tm_gmtoff : 0);
	json_str(j, (struct str){ .p = text, .n = n });
}

void
json_kstr(struct json_out *j, const char *key, struct str v)
{
	json_key(j, key);
	json_str(j, v);
}

void
json_kstr_oe(struct json_out *j, const char *key, struct str v)
{
	if (v.n > 0)
		json_kstr(j, key, v);
}

void
json_ku64(struct json_out *j, const char *key, uint64_t v)
{
	json_key(j, key);
	json_u64(j, v);
}

void
json_ku64_oe(struct json_out *j, const char *key, uint64_t v)
{
	if (v != 0)
		json_ku64(j, key, v);
}

void
json_ki64(struct json_out *j, const char *key, int64_t v)
{
	json_key(j, key);
	json_i64(j, v);
}

void
json_ki64_oe(struct json_out *j, const char *key, int64_t v)
{
	if (v != 0)
		json_ki64(j, key, v);
}

void
json_knum(struct json_out *j, const char *key, double v)
{
	json_key(j, key);
	json_num(j, v);
}

void
json_ktime(struct json_out *j, const char *key, struct wall v, bool local)
{
	json_key(j, key);
	json_time(j, v, local);
}

void
json_kbool(struct json_out *j, const char *key, bool v)
{
	json_key(j, key);
	json_bool(j, v);
}

void
json_kbool_oe(struct json_out *j, const char *key, bool v)
{
	if (v)
		json_kbool(j, key, v);
}

static void
add(struct json_out *j, struct str text)
{
	if (!j->failed && buf_add_str(j->to, text) != 0)
		j->failed = true;
}

static void
add_line(struct json_out *j, unsigned depth)
{
	unsigned i;

	if (j->indent == 0)
		return;
	add(j, STR("\n"));
	for (i = 0; i < depth * j->indent; i++)
		add(j, STR(" "));
}

/* What stands before a key, or before a value without one. */
static void
before_value(struct json_out *j)
{
	uint64_t bit = UINT64_C(1) << j->depth;

	if (j->after_key) {
		j->after_key = false;
		return;
	}
	if (j->depth == 0)
		return;
	if ((j->has_items & bit) != 0)
		add(j, STR(","));
	j->has_items |= bit;
	add_line(j, j->depth);
}

static void
open_level(struct json_out *j, struct str bracket)
{
	before_value(j);
	add(j, bracket);
	assert(j->depth < DEPTH_MAX);
	j->depth++;
	j->has_items &= ~(UINT64_C(1) << j->depth);
}

static void
close_level(struct json_out *j, struct str bracket)
{
	assert(j->depth > 0 && !j->after_key);
	j->depth--;
	if ((j->has_items & UINT64_C(1) << (j->depth + 1)) != 0)
		add_line(j, j->depth);
	add(j, bracket);
}

/* Runs of bytes that stand for themselves go out in one piece. */
static void
add_quoted(struct json_out *j, struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p;
	size_t from = 0, at = 0, n;
	char room[8];
	struct str as;

	add(j, STR("\""));
	while (at < s.n) {
		n = escape(p + at, s.n - at, room, &as);
		if (as.n > 0) {
			add(j, (struct str){ .p = s.p + from, .n = at - from });
			add(j, as);
			from = at + n;
		}
		at += n;
	}
	if (at > from)
		add(j, (struct str){ .p = s.p + from, .n = at - from });
	add(j, STR("\""));
}

static size_t
escape_ascii(uint8_t c, char out[8], struct str *as)
{
	switch (c) {
	case '"':
		*as = STR("\\\"");
		break;
	case '\\':
		*as = STR("\\\\");
		break;
	case '\b':
		*as = STR("\\b");
		break;
	case '\f':
		*as = STR("\\f");
		break;
	case '\n':
		*as = STR("\\n");
		break;
	case '\r':
		*as = STR("\\r");
		break;
	case '\t':
		*as = STR("\\t");
		break;
	default:
		if (c < 0x20 || c == '<' || c == '>' || c == '&') {
			snprintf(out, 8, "\\u%04x", c);
			*as = (struct str){ .p = out, .n = 6 };
		}
		break;
	}
	return (1);
}

/* Bytes of the next character; as: what is written in its place, empty when it stands for itself. */
static size_t
escape(const uint8_t *p, size_t left, char out[8], struct str *as)
{
	size_t n;

	*as = STR_NONE;
	if (p[0] < 0x80)
		return (escape_ascii(p[0], out, as));
	n = utf8_rune(p, left);
	if (n == 0) {
		*as = STR("\\ufffd");
		return (1);
	}
	if (n == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9))
		*as = p[2] == 0xa8 ? STR("\\u2028") : STR("\\u2029");
	return (n);
}

/* 0.ddd, ddd000 or dd.ddd: `point` digits stand before the point. */
static void
add_fixed(struct json_out *j, const char *digits, int ndigits, int point)
{
	int i;

	if (point <= 0) {
		add(j, STR("0."));
		for (i = point; i < 0; i++)
			add(j, STR("0"));
		add(j, (struct str){ .p = digits, .n = (size_t)ndigits });
		return;
	}
	for (i = 0; i < point; i++)
		add(j, i < ndigits ? (struct str){ .p = digits + i, .n = 1 } : STR("0"));
	if (ndigits > point) {
		add(j, STR("."));
		add(j, (struct str){ .p = digits + point, .n = (size_t)(ndigits - point) });
	}
}

static void
add_exponent(struct json_out *j, const char *digits, int ndigits, int point)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "e%c%d", point > 0 ? '+' : '-', abs(point - 1));

	add(j, (struct str){ .p = digits, .n = 1 });
	if (ndigits > 1) {
		add(j, STR("."));
		add(j, (struct str){ .p = digits + 1, .n = (size_t)(ndigits - 1) });
	}
	add(j, (struct str){ .p = text, .n = (size_t)n });
}
