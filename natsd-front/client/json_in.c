#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/utf8.h"
#include "natsd-front/client/json_in.h"

/* ---- is it JSON at all ---- */

struct check {
	const uint8_t *at, *end;
	char *why;
	unsigned depth;
	uint8_t objects[JSON_IN_DEPTH / 8 + 1]; /* a bit for each open level: an object, not an array */
};

static bool
is_blank(uint8_t b)
{
	return (b == ' ' || b == '\t' || b == '\r' || b == '\n');
}

static bool
is_digit(uint8_t b)
{
	return (b >= '0' && b <= '9');
}

static void
skip_blanks(struct check *c)
{
	while (c->at < c->end && is_blank(*c->at))
		c->at++;
}

/* The byte as Go shows it: 'x', '\n', '\x01'; those of UTF-8 one by one, as if they were Latin-1. */
static void
show_byte(char out[16], uint8_t b)
{
	static const char names[] = "abtnvfr";

	if (b == '\'' || b == '\\')
		snprintf(out, 16, "'\\%c'", b);
	else if (b >= 0x07 && b <= 0x0d)
		snprintf(out, 16, "'\\%c'", names[b - 0x07]);
	else if (b < 0x20 || b == 0x7f)
		snprintf(out, 16, "'\\x%02x'", b);
	else if (b < 0x80)
		snprintf(out, 16, "'%c'", b);
	else if (b <= 0xa0 || b == 0xad)
		snprintf(out, 16, "'\\u%04x'", b);
	else
		snprintf(out, 16, "'%c%c'", 0xc0 | b >> 6, 0x80 | (b & 0x3f));
}

/* The byte at hand is wrong inside of a value; the end reads as a blank there. */
static int
wrong_inside(struct check *c, const char *where)
{
	char byte[16];

	show_byte(byte, c->at == c->end ? ' ' : *c->at);
	snprintf(c->why, JSON_IN_WHY, "invalid character %s %s", byte, where);
	return (-1);
}

/* The byte at hand, or the end, is wrong where blanks are not. */
static int
wrong(struct check *c, const char *where)
{
	if (c->at < c->end)
		return (wrong_inside(c, where));
	snprintf(c->why, JSON_IN_WHY, "unexpected end of JSON input");
	return (-1);
}

static bool
next_is(const struct check *c, uint8_t b)
{
	return (c->at < c->end && *c->at == b);
}

static bool
is_hex(uint8_t b)
{
	return (is_digit(b) || ((b | 0x20) >= 'a' && (b | 0x20) <= 'f'));
}

/* Behind a backslash. */
static int
check_escape(struct check *c)
{
	unsigned i;

	if (c->at == c->end || strchr("bfnrt\\/\"u", *c->at) == NULL || *c->at == '\0')
		return (wrong_inside(c, "in string escape code"));
	if (*c->at++ != 'u')
		return (0);
	for (i = 0; i < 4; i++, c->at++)
		if (c->at == c->end || !is_hex(*c->at))
			return (wrong_inside(c, "in \\u hexadecimal character escape"));
	return (0);
}

static int
check_string(struct check *c)
{
	for (c->at++; !next_is(c, '"'); ) {
		if (c->at == c->end || *c->at < 0x20)
			return (wrong(c, "in string literal"));
		if (*c->at++ == '\\' && check_escape(c) != 0)
			return (-1);
	}
	c->at++;
	return (0);
}

static int
check_digits(struct check *c, const char *where)
{
	if (c->at == c->end || !is_digit(*c->at))
		return (wrong_inside(c, where));
	while (c->at < c->end && is_digit(*c->at))
		c->at++;
	return (0);
}

static int
check_number(struct check *c)
{
	if (next_is(c, '-'))
		c->at++;
	if (next_is(c, '0'))
		c->at++;
	else if (check_digits(c, "in numeric literal") != 0)
		return (-1);
	if (next_is(c, '.')) {
		c->at++;
		if (check_digits(c, "after decimal point in numeric literal") != 0)
			return (-1);
	}
	if (next_is(c, 'e') || next_is(c, 'E')) {
		c->at++;
		if (next_is(c, '+') || next_is(c, '-'))
			c->at++;
		return (check_digits(c, "in exponent of numeric literal"));
	}
	return (0);
}

static int
check_word(struct check *c, const char *word)
{
	char where[64];
	const char *w;

	for (w = word; *w != '\0'; w++, c->at++) {
		if (next_is(c, (uint8_t)*w))
			continue;
		snprintf(where, sizeof(where), "in literal %s (expecting '%c')", word, *w);
		return (wrong_inside(c, where));
	}
	return (0);
}

/* A value that holds no others. */
static int
check_scalar(struct check *c)
{
	if (c->at == c->end)
		return (wrong(c, ""));
	switch (*c->at) {
	case '"':
		return (check_string(c));
	case 't':
		return (check_word(c, "true"));
	case 'f':
		return (check_word(c, "false"));
	case 'n':
		return (check_word(c, "null"));
	default:
		if (*c->at == '-' || is_digit(*c->at))
			return (check_number(c));
		return (wrong(c, "looking for beginning of value"));
	}
}

static bool
in_object(const struct check *c)
{
	return ((c->objects[c->depth / 8] & 1u << c->depth % 8) != 0);
}

static int
check_key(struct check *c)
{
	skip_blanks(c);
	if (!next_is(c, '"'))
		return (wrong(c, "looking for beginning of object key string"));
	if (check_string(c) != 0)
		return (-1);
	skip_blanks(c);
	if (!next_is(c, ':'))
		return (wrong(c, "after object key"));
	c->at++;
	return (0);
}

/* Into an object or array.  1: it holds something. */
static int
check_open(struct check *c)
{
	bool object = *c->at++ == '{';
	unsigned bit;

	if (++c->depth > JSON_IN_DEPTH) {
		snprintf(c->why, JSON_IN_WHY, "exceeded max depth");
		return (-1);
	}
	bit = 1u << c->depth % 8;
	c->objects[c->depth / 8] = (uint8_t)((c->objects[c->depth / 8] & ~bit) | (object ? bit : 0));
	skip_blanks(c);
	if (next_is(c, object ? '}' : ']')) {
		c->at++;
		c->depth--;
		return (0);
	}
	return (object && check_key(c) != 0 ? -1 : 1);
}

/* Behind a value: out of everything that ends here.  1: another value follows; 0: that was all. */
static int
check_close(struct check *c)
{
	while (c->depth > 0) {
		skip_blanks(c);
		if (next_is(c, ',')) {
			c->at++;
			return (in_object(c) && check_key(c) != 0 ? -1 : 1);
		}
		if (!next_is(c, in_object(c) ? '}' : ']'))
			return (wrong(c, in_object(c) ? "after object key:value pair"
						      : "after array element"));
		c->at++;
		c->depth--;
	}
	return (0);
}

int
json_in_check(struct str doc, char why[JSON_IN_WHY])
{
	struct check c;
	int rc;

	c.at = (const uint8_t *)doc.p;
	c.end = c.at + doc.n;
	c.why = why;
	c.depth = 0;
	do {
		skip_blanks(&c);
		rc = next_is(&c, '{') || next_is(&c, '[') ? check_open(&c) : check_scalar(&c);
		if (rc == 0)
			rc = check_close(&c);
	} while (rc == 1);
	if (rc != 0)
		return (-1);
	skip_blanks(&c);
	return (c.at == c.end ? 0 : wrong(&c, "after top-level value"));
}

/* ---- walking through it ---- */

static size_t
behind_blanks(struct str s, size_t at)
{
	while (at < s.n && is_blank((uint8_t)s.p[at]))
		at++;
	return (at);
}

static size_t
behind_string(struct str s, size_t at)
{
	for (at++; at < s.n && s.p[at] != '"'; at++)
		if (s.p[at] == '\\')
			at++;
	return (at + 1);
}

static size_t
behind_brackets(struct str s, size_t at)
{
	size_t depth = 0;

	while (at < s.n) {
		if (s.p[at] == '"') {
			at = behind_string(s, at);
			continue;
		}
		if (s.p[at] == '{' || s.p[at] == '[')
			depth++;
		else if ((s.p[at] == '}' || s.p[at] == ']') && --depth == 0)
			return (at + 1);
		at++;
	}
	return (at);
}

static size_t
behind_word(struct str s, size_t at)
{
	while (at < s.n && !is_blank((uint8_t)s.p[at]) && strchr(",:]}", s.p[at]) == NULL)
		at++;
	return (at);
}

static enum json_kind
kind_of(char first)
{
	switch (first) {
	case '"':
		return (JSON_STRING);
	case '{':
		return (JSON_OBJECT);
	case '[':
		return (JSON_ARRAY);
	case 't':
	case 'f':
		return (JSON_BOOL);
	case 'n':
		return (JSON_NULL);
	default:
		return (JSON_NUMBER);
	}
}

/* The value at `at`; where it ends. */
static size_t
value_at(struct str s, size_t at, struct json_value *v)
{
	size_t end;

	v->kind = kind_of(s.p[at]);
	if (v->kind == JSON_STRING)
		end = behind_string(s, at);
	else if (v->kind == JSON_OBJECT || v->kind == JSON_ARRAY)
		end = behind_brackets(s, at);
	else
		end = behind_word(s, at);
	v->text = (struct str){ s.p + at, end - at };
	return (end);
}

struct json_value
json_in_value(struct str doc)
{
	struct json_value v;

	value_at(doc, behind_blanks(doc, 0), &v);
	return (v);
}

/* Past the bracket or comma to what comes next; false: the end. */
static bool
next_place(const struct json_value *in, size_t *at)
{
	*at = behind_blanks(in->text, *at);
	if (in->text.p[*at] == ']' || in->text.p[*at] == '}')
		return (false);
	*at = behind_blanks(in->text, *at + 1);
	return (*at < in->text.n && in->text.p[*at] != ']' && in->text.p[*at] != '}');
}

bool
json_in_next(const struct json_value *array, size_t *at, struct json_value *v)
{
	if (!next_place(array, at))
		return (false);
	*at = value_at(array->text, *at, v);
	return (true);
}

bool
json_in_next_member(const struct json_value *object, size_t *at, struct str *key,
    struct json_value *v)
{
	struct json_value k;

	if (!next_place(object, at))
		return (false);
	*at = behind_blanks(object->text, value_at(object->text, *at, &k));
	*key = k.text;
	*at = value_at(object->text, behind_blanks(object->text, *at + 1), v);
	return (true);
}

/* ---- strings ---- */

static uint32_t
hex4(const char *p)
{
	uint32_t v = 0;
	unsigned i;

	for (i = 0; i < 4; i++)
		v = v << 4 | (uint32_t)(is_digit((uint8_t)p[i]) ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
	return (v);
}

static size_t
put_rune(char *out, uint32_t r)
{
	if (r < 0x80) {
		out[0] = (char)r;
		return (1);
	}
	if (r < 0x800) {
		out[0] = (char)(0xc0 | r >> 6);
		out[1] = (char)(0x80 | (r & 0x3f));
		return (2);
	}
	if (r < 0x10000) {
		out[0] = (char)(0xe0 | r >> 12);
		out[1] = (char)(0x80 | (r >> 6 & 0x3f));
		out[2] = (char)(0x80 | (r & 0x3f));
		return (3);
	}
	out[0] = (char)(0xf0 | r >> 18);
	out[1] = (char)(0x80 | (r >> 12 & 0x3f));
	out[2] = (char)(0x80 | (r >> 6 & 0x3f));
	out[3] = (char)(0x80 | (r & 0x3f));
	return (4);
}

#define RUNE_BAD 0xfffdu

/* \uXXXX at p, or two of them for one rune. */
static size_t
unicode_escape(const char *p, const char *end, uint32_t *rune)
{
	uint32_t low;

	*rune = hex4(p + 2);
	if (*rune < 0xd800 || *rune > 0xdfff)
		return (6);
	if (*rune <= 0xdbff && end - p >= 12 && p[6] == '\\' && p[7] == 'u') {
		low = hex4(p + 8);
		if (low >= 0xdc00 && low <= 0xdfff) {
			*rune = 0x10000 + ((*rune - 0xd800) << 10 | (low - 0xdc00));
			return (12);
		}
	}
	*rune = RUNE_BAD;
	return (6);
}

static size_t
escape(const char *p, const char *end, uint32_t *rune)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *found;

	if (p[1] == 'u')
		return (unicode_escape(p, end, rune));
	found = strchr(from, p[1]);
	*rune = (uint8_t)(found == NULL ? p[1] : to[found - from]);
	return (2);
}

size_t
json_in_text(char *out, struct str quoted)
{
	const char *p = quoted.p + 1, *end = quoted.p + quoted.n - 1;
	size_t n = 0, len;
	uint32_t rune;

	while (p < end) {
		if (*p == '\\') {
			p += escape(p, end, &rune);
			n += put_rune(out + n, rune);
			continue;
		}
		len = utf8_rune((const uint8_t *)p, (size_t)(end - p));
		if (len == 0) {
			n += put_rune(out + n, RUNE_BAD);
			p++;
			continue;
		}
		memcpy(out + n, p, len);
		n += len;
		p += len;
	}
	return (n);
}

/* ---- keys ---- */

#define KEY_MAX 64 /* bytes of a key that can name a field, escapes and all */

static char
fold(char b)
{
	return (b >= 'A' && b <= 'Z' ? (char)(b | 0x20) : b);
}

bool
json_in_key_is(struct str quoted, const char *name)
{
	char text[JSON_IN_TEXT_MAX(KEY_MAX * 6)];
	size_t n, i = 0;

	if (quoted.n > KEY_MAX * 6)
		return (false);
	n = json_in_text(text, quoted);
	while (i < n && *name != '\0') {
		if (*name == 's' && n - i >= 2 && memcmp(text + i, "\xc5\xbf", 2) == 0)
			i += 2;
		else if (*name == 'k' && n - i >= 3 && memcmp(text + i, "\xe2\x84\xaa", 3) == 0)
			i += 3;
		else if (fold(text[i]) == *name)
			i++;
		else
			return (false);
		name++;
	}
	return (i == n && *name == '\0');
}
