#include "config.h"

#include "natsd-supervisor/loader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/duration.h"
#include "common/num.h"
#include "common/quote.h"

#define TEXT_MAX 1024
#define NS_PER_S 1000000000LL

/* ---- telling ---- */

static void tell(const struct conf_pos *, struct buf *, const char *, va_list)
    __attribute__((format(printf, 3, 0)));

/* at: NULL tells no place. */
static void
tell(const struct conf_pos *at, struct buf *to, const char *fmt, va_list ap)
{
	char text[TEXT_MAX];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (at == NULL)
		(void)buf_addf(to, "%s\n", text);
	else
		(void)buf_addf(to, "%s:%u:%u: %s\n", at->file == NULL ? "" : at->file, at->line,
		    at->column, text);
}

void
loader_error(struct loader *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(&l->at, &l->report->errors, fmt, ap);
	va_end(ap);
}

void
loader_warning(struct loader *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(&l->at, &l->report->warnings, fmt, ap);
	va_end(ap);
}

void
loader_error_at(struct loader *l, const struct conf_value *v, const char *fmt, ...)
{
	va_list ap;

	loader_look(l, v);
	va_start(ap, fmt);
	tell(&l->at, &l->report->errors, fmt, ap);
	va_end(ap);
}

void
loader_error_nowhere(struct loader *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(NULL, &l->report->errors, fmt, ap);
	va_end(ap);
}

void
loader_unknown(struct loader *l, const struct conf_item *item)
{
	char quoted[QUOTE_TEXT_MAX];

	if (item->value->used_as_variable)
		return;
	loader_error_at(l, item->value, "unknown field %s", quote(item->key, quoted));
}

void
loader_unbuilt(struct loader *l, const char *key, const char *feature)
{
	loader_error(l, "option \"%s\" needs %s, which this natsd does not have yet", key, feature);
}

/* ---- looking ---- */

void
loader_look(struct loader *l, const struct conf_value *v)
{
	if (v->pos.file != NULL)
		l->at = v->pos;
}

void
loader_item(struct loader *l, const struct conf_item *item)
{
	l->key = item->key;
	loader_look(l, item->value);
}

bool
loader_want(struct loader *l, const struct conf_value *v, enum conf_kind kind)
{
	struct conf_value wanted = { .kind = kind };

	loader_look(l, v);
	if (v->kind == kind)
		return (true);
	loader_error(l, "interface conversion: interface {} is %s, not %s", conf_type_name(v),
	    conf_type_name(&wanted));
	return (false);
}

bool
loader_key(struct str key, const char *names)
{
	for (const char *at = names; *at != '\0';) {
		size_t n = strcspn(at, "|");

		if (n == key.n && strncasecmp(at, key.p, n) == 0)
			return (true);
		at += n + (at[n] == '|' ? 1 : 0);
	}
	return (false);
}

/* ---- values in words ---- */

/* In scientific form with the fewest digits that give the same number again; how many behind the point. */
static int
scientific(double v, char out[LOADER_TEXT_MAX])
{
	int n = 0;

	for (; n < 17; n++) {
		snprintf(out, LOADER_TEXT_MAX, "%.*e", n, v);
		if (strtod(out, NULL) == v)
			break;
	}
	return (n);
}

const char *
loader_number_text(double v, char out[LOADER_TEXT_MAX])
{
	int digits = scientific(v, out);
	const char *e = strchr(out, 'e');
	int64_t exponent = 0;

	if (e == NULL) /* no number, or infinite */
		return (out);
	e += e[1] == '+' ? 2 : 1;
	if (num_parse_i64(str_of(e), -400, 400, &exponent) == 0 && exponent >= -4 && exponent < 6)
		snprintf(out, LOADER_TEXT_MAX, "%.*f", digits > exponent ? digits - (int)exponent : 0, v);
	return (out);
}

const char *
loader_text(const struct conf_value *v, char out[LOADER_TEXT_MAX])
{
	switch (v->kind) {
	case CONF_STRING:
		snprintf(out, LOADER_TEXT_MAX, STR_FMT, STR_ARG(v->string));
		break;
	case CONF_INT:
		snprintf(out, LOADER_TEXT_MAX, "%lld", (long long)v->integer);
		break;
	case CONF_FLOAT:
		return (loader_number_text(v->real, out));
	case CONF_BOOL:
		return (v->boolean ? "true" : "false");
	case CONF_TIME:
	case CONF_ARRAY:
		return ("[...]");
	case CONF_MAP:
		return ("map[...]");
	}
	return (out);
}

/* ---- seconds ---- */

static int64_t
seconds_of(double s)
{
	double ns = s * (double)NS_PER_S;

	if (ns >= (double)INT64_MAX)
		return (INT64_MAX);
	return (ns <= (double)INT64_MIN ? INT64_MIN : (int64_t)ns);
}

bool
loader_seconds(struct loader *l, const struct conf_value *v, const char *what, int64_t *ns)
{
	struct err e;

	loader_look(l, v);
	switch (v->kind) {
	case CONF_INT:
		*ns = seconds_of((double)v->integer);
		return (true);
	case CONF_FLOAT:
		*ns = seconds_of(v->real);
		return (true);
	case CONF_STRING:
		if (duration_parse(v->string, ns, &e) == 0)
			return (true);
		loader_error(l, "error parsing %s config, 'timeout' %s", what, e.text);
		return (false);
	case CONF_BOOL:
	case CONF_TIME:
	case CONF_ARRAY:
	case CONF_MAP:
		break;
	}
	loader_error(l, "error parsing %s config, 'timeout' wrong type", what);
	return (false);
}
