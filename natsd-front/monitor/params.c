#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/num.h"
#include "natsd-front/monitor/http_url.h"
#include "natsd-front/monitor/params.h"
#include "natsd-front/text.h"

#define QUOTED_MAX 4096

static bool all_digits(struct str);
static int refuse_number(struct params *, const char *kind, const char *key, const char *function,
    struct str digits);

void
params_init(struct params *p, struct str query)
{
	*p = (struct params){ .query = query, .value = BUF_INIT(PARAMS_VALUE_MAX),
		.error = BUF_INIT(PARAMS_VALUE_MAX) };
}

void
params_free(struct params *p)
{
	buf_free(&p->value);
	buf_free(&p->error);
}

static bool
find(struct params *p, const char *key)
{
	return (http_query_get(p->query, key, &p->value));
}

/* 1, 0; -1: no word for either. */
static int
truth(struct str s)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
	static const char *const no[] = { "0", "f", "F", "FALSE", "false", "False" };
	unsigned i;

	for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (str_eq(s, str_of(yes[i])))
			return (1);
		if (str_eq(s, str_of(no[i])))
			return (0);
	}
	return (-1);
}

int
params_bool(struct params *p, const char *key, bool *out)
{
	char quoted[QUOTED_MAX];
	int is;

	if (!find(p, key))
		return (0);
	if ((is = truth(buf_str(&p->value))) < 0) {
		text_quote(quoted, sizeof(quoted), buf_str(&p->value));
		return (params_refuse(p, "Error decoding boolean for '%s': strconv.ParseBool: "
		    "parsing %s: invalid syntax", key, quoted));
	}
	*out = is == 1;
	return (0);
}

int
params_int(struct params *p, const char *key, int64_t *out)
{
	struct str s, digits;

	if (!find(p, key))
		return (0);
	s = digits = buf_str(&p->value);
	if (s.p[0] == '+' || s.p[0] == '-') {
		digits.p++;
		digits.n--;
	}
	if (num_parse_i64(s.p[0] == '+' ? digits : s, INT64_MIN, INT64_MAX, out) == 0 &&
	    all_digits(digits))
		return (0);
	return (refuse_number(p, "int", key, "Atoi", digits));
}

int
params_u64(struct params *p, const char *key, uint64_t *out)
{
	if (!find(p, key) || num_parse_u64(buf_str(&p->value), 0, UINT64_MAX, out) == 0)
		return (0);
	return (refuse_number(p, "uint64", key, "ParseUint", buf_str(&p->value)));
}

char *
params_text(struct params *p, const char *key)
{
	char *nul, *text;

	if (!find(p, key) || (text = malloc(p->value.len + 1)) == NULL)
		return (NULL);
	memcpy(text, p->value.data, p->value.len);
	text[p->value.len] = '\0';
	while ((nul = memchr(text, '\0', p->value.len)) != NULL)
		*nul = '\1';
	return (text);
}

int
params_refuse(struct params *p, const char *fmt, ...)
{
	char text[QUOTED_MAX + 512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->error.len = 0;
	(void)buf_add(&p->error, text, strlen(text));
	return (-1);
}

bool
params_is_true(struct params *p, const char *key)
{
	return (find(p, key) && truth(buf_str(&p->value)) == 1);
}

static bool
all_digits(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return (false);
	}
	return (s.n > 0);
}

static int
refuse_number(struct params *p, const char *kind, const char *key, const char *function,
    struct str digits)
{
	char quoted[QUOTED_MAX];

	text_quote(quoted, sizeof(quoted), buf_str(&p->value));
	return (params_refuse(p, "Error decoding %s for '%s': strconv.%s: parsing %s: %s", kind, key,
	    function, quoted, all_digits(digits) ? "value out of range" : "invalid syntax"));
}
