#include "config.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/conf.h"
#include "common/conf_char.h"
#include "common/conf_scalar.h"
#include "common/num.h"

#define TEXT_MAX (1u << 30)
/* Room for any double without an exponent: 309 digits before the point, 17 + 323 behind it. */
#define FLOAT_TEXT_MAX 768

/* ---- JSON, for the digest ---- */

struct text {
	struct buf buf;
	bool failed; /* sticky */
};

static void
put(struct text *t, const char *p, size_t n)
{
	if (buf_add(&t->buf, p, n) != 0)
		t->failed = true;
}

static void
put_z(struct text *t, const char *z)
{
	put(t, z, strlen(z));
}

/* One character of a string as Go's encoder writes it, HTML-safe. */
static void
json_char(struct text *t, uint32_t c, const char *raw, size_t n)
{
	char escape[sizeof("\\u0000")];

	switch (c) {
	case '"':
		put_z(t, "\\\"");
		return;
	case '\\':
		put_z(t, "\\\\");
		return;
	case '\b':
		put_z(t, "\\b");
		return;
	case '\f':
		put_z(t, "\\f");
		return;
	case '\n':
		put_z(t, "\\n");
		return;
	case '\r':
		put_z(t, "\\r");
		return;
	case '\t':
		put_z(t, "\\t");
		return;
	default:
		break;
	}
	if (c < 0x20 || c == '<' || c == '>' || c == '&' || c == 0x2028 || c == 0x2029 ||
	    (c == CONF_CHAR_INVALID && n == 1)) {
		snprintf(escape, sizeof(escape), "\\u%04x", c & 0xffffu);
		put_z(t, escape);
	} else {
		put(t, raw, n);
	}
}

static void
json_string(struct text *t, struct str s)
{
	size_t width;

	put_z(t, "\"");
	for (size_t i = 0; i < s.n; i += width) {
		uint32_t c = conf_char_decode(s.p + i, s.n - i, &width);

		json_char(t, c, s.p + i, width);
	}
	put_z(t, "\"");
}

/* Of "e+09" at e; cuts it off. */
static int
read_exponent(char *e)
{
	int64_t v = 0;

	(void)num_parse_i64(str_of(e[1] == '+' ? e + 2 : e + 1), -400, 400, &v);
	*e = '\0';
	return ((int)v);
}

/* The fewest digits that read back as v, without an exponent: 1500000000, 0.000025, -0. */
static void
float_fixed(double v, char out[FLOAT_TEXT_MAX])
{
	char digits[32], *at = out;
	int precision = -1, exponent, n = 0;

	do
		snprintf(digits, sizeof(digits), "%.*e", ++precision, v);
	while (strtod(digits, NULL) < v || strtod(digits, NULL) > v);
	exponent = read_exponent(strchr(digits, 'e'));
	if (digits[0] == '-')
		*at++ = '-';
	for (const char *d = digits; *d != '\0'; d++)
		if (*d >= '0' && *d <= '9')
			digits[n++] = *d;
	if (exponent < 0) {
		*at++ = '0';
		*at++ = '.';
		for (int i = exponent + 1; i < 0; i++)
			*at++ = '0';
	}
	for (int i = 0; i < n; i++) {
		*at++ = digits[i];
		if (i == exponent && i + 1 < n)
			*at++ = '.';
	}
	for (int i = n; i <= exponent; i++)
		*at++ = '0';
	*at = '\0';
}

/* As Go's encoder: an exponent only for the very small and the very large. */
static void
json_float(struct text *t, double v)
{
	double size = v < 0 ? -v : v;
	char out[FLOAT_TEXT_MAX], *e;
	int precision = -1;

	if (size == 0 || (size >= 1e-6 && size < 1e21)) {
		float_fixed(v, out);
		put_z(t, out);
		return;
	}
	do
		snprintf(out, sizeof(out), "%.*e", ++precision, v);
	while (strtod(out, NULL) < v || strtod(out, NULL) > v);
	/* 1e-09 is written 1e-9 */
	if ((e = strstr(out, "e-0")) != NULL)
		memmove(e + 2, e + 3, strlen(e + 3) + 1);
	put_z(t, out);
}

static int
item_compare(const void *va, const void *vb)
{
	const struct conf_item *a = *(const struct conf_item *const *)va;
	const struct conf_item *b = *(const struct conf_item *const *)vb;

	return (str_cmp(a->key, b->key));
}

static void json_value(struct text *, const struct conf_value *);

static void
json_map(struct text *t, const struct conf_value *v)
{
	const struct conf_item **sorted = reallocarray(NULL, v->map.n + 1, sizeof(*sorted));

	if (sorted == NULL) {
		t->failed = true;
		return;
	}
	for (size_t i = 0; i < v->map.n; i++)
		sorted[i] = &v->map.at[i];
	qsort(sorted, v->map.n, sizeof(*sorted), item_compare);
	put_z(t, "{");
	for (size_t i = 0; i < v->map.n; i++) {
		if (i > 0)
			put_z(t, ",");
		json_string(t, sorted[i]->key);
		put_z(t, ":");
		json_value(t, sorted[i]->value);
	}
	put_z(t, "}");
	free(sorted);
}

static void
json_value(struct text *t, const struct conf_value *v)
{
	char out[32];

	switch (v->kind) {
	case CONF_STRING:
		json_string(t, v->string);
		break;
	case CONF_INT:
		snprintf(out, sizeof(out), "%lld", (long long)v->integer);
		put_z(t, out);
		break;
	case CONF_FLOAT:
		json_float(t, v->real);
		break;
	case CONF_BOOL:
		put_z(t, v->boolean ? "true" : "false");
		break;
	case CONF_TIME:
		conf_time_print(v->time_s, out);
		put_z(t, "\"");
		put_z(t, out);
		put_z(t, "\"");
		break;
	case CONF_ARRAY:
		put_z(t, "[");
		for (size_t i = 0; i < v->array.n; i++) {
			if (i > 0)
				put_z(t, ",");
			json_value(t, v->array.at[i]);
		}
		put_z(t, "]");
		break;
	case CONF_MAP:
		json_map(t, v);
		break;
	}
}

int
conf_digest(const struct conf *c, char out[CONF_DIGEST_BYTES], struct err *e)
{
	struct text t = { .buf = BUF_INIT(TEXT_MAX) };
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int rc = 0;

	json_value(&t, conf_root(c));
	put_z(&t, "\n");
	if (t.failed)
		rc = err_set(e, "the digest: out of memory");
	else if (EVP_Digest(t.buf.data, t.buf.len, hash, &n, EVP_sha256(), NULL) != 1 || n != 32)
		rc = err_set(e, "the digest: SHA-256 failed");
	buf_free(&t.buf);
	if (rc != 0)
		return (-1);
	snprintf(out, CONF_DIGEST_BYTES, "sha256:");
	for (unsigned i = 0; i < n; i++)
		snprintf(out + strlen("sha256:") + 2 * i, 3, "%02x", hash[i]);
	return (0);
}

/* ---- the configuration's own language ---- */

static void print_value(struct text *, const struct conf_value *, unsigned depth);

static void
print_string(struct text *t, struct str s)
{
	char escape[sizeof("\\x00")];

	put_z(t, "\"");
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '"' || c == '\\') {
			put(t, "\\", 1);
			put(t, &s.p[i], 1);
		} else if (c < 0x20 || c == 0x7f) {
			snprintf(escape, sizeof(escape), "\\x%02x", c);
			put_z(t, escape);
		} else {
			put(t, &s.p[i], 1);
		}
	}
	put_z(t, "\"");
}

/*
 * Keys have no escapes: the quote is the one that the key does not hold.  A key that holds both was
 * written bare, which it can be again where its first letter means nothing else.
 */
static void
print_key(struct text *t, struct str key, unsigned depth)
{
	const char *quote = "\"";

	if (key.n > 0 && memchr(key.p, '"', key.n) != NULL) {
		quote = "'";
		if (memchr(key.p, '\'', key.n) != NULL) {
			quote = "";
			if (strchr(depth == 0 ? "\"'#/{" : "\"'#/}]", key.p[0]) != NULL)
				t->failed = true;
		}
	}
	put_z(t, quote);
	put(t, key.p, key.n);
	put_z(t, quote);
}

static void
print_float(struct text *t, double v)
{
	char out[FLOAT_TEXT_MAX];

	float_fixed(v, out);
	put_z(t, out);
	if (strchr(out, '.') == NULL)
		put_z(t, ".0");
}

static void
print_indent(struct text *t, unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		put_z(t, "\t");
}

static void
print_items(struct text *t, const struct conf_value *v, unsigned depth)
{
	for (size_t i = 0; i < v->map.n; i++) {
		print_indent(t, depth);
		print_key(t, v->map.at[i].key, depth);
		put_z(t, ": ");
		print_value(t, v->map.at[i].value, depth);
		put_z(t, "\n");
	}
}

static void
print_value(struct text *t, const struct conf_value *v, unsigned depth)
{
	char out[32];

	switch (v->kind) {
	case CONF_STRING:
		print_string(t, v->string);
		break;
	case CONF_INT:
		snprintf(out, sizeof(out), "%lld", (long long)v->integer);
		put_z(t, out);
		break;
	case CONF_FLOAT:
		print_float(t, v->real);
		break;
	case CONF_BOOL:
		put_z(t, v->boolean ? "true" : "false");
		break;
	case CONF_TIME:
		conf_time_print(v->time_s, out);
		put_z(t, out);
		break;
	case CONF_ARRAY:
		put_z(t, "[\n");
		for (size_t i = 0; i < v->array.n; i++) {
			print_indent(t, depth + 1);
			print_value(t, v->array.at[i], depth + 1);
			put_z(t, "\n");
		}
		print_indent(t, depth);
		put_z(t, "]");
		break;
	case CONF_MAP:
		put_z(t, "{\n");
		print_items(t, v, depth + 1);
		print_indent(t, depth);
		put_z(t, "}");
		break;
	}
}

char *
conf_print(const struct conf *c)
{
	struct text t = { .buf = BUF_INIT(TEXT_MAX) };

	print_items(&t, conf_root(c), 0);
	put(&t, "", 1);
	if (t.failed) {
		buf_free(&t.buf);
		return (NULL);
	}
	return ((char *)t.buf.data);
}
