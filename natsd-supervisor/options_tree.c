#include "config.h"

#include "natsd-supervisor/options_tree.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/duration.h"
#include "common/num.h"
#include "common/quote.h"
#include "natsd-supervisor/access_tree.h"
#include "natsd-supervisor/loader.h"
#include "natsd-supervisor/tls_tree.h"

/* ---- values by type ---- */

static void
store_number(struct loader *l, const struct option_row *r, int64_t v)
{
	if (option_in_bounds(r, v))
		option_set_number(l->o, r, v);
	else if (r->type == OPTION_SIZE && v > r->max)
		loader_error(l, STR_FMT " value is too big", STR_ARG(l->key));
	else
		loader_error(l, STR_FMT " value %lld is not between %lld and %lld", STR_ARG(l->key),
		    (long long)v, (long long)r->min, (long long)r->max);
}

static void
store_string(struct loader *l, const struct option_row *r, struct str s)
{
	struct err e;

	if ((int64_t)s.n > r->max || (s.n > 0 && memchr(s.p, '\0', s.n) != NULL))
		loader_error(l, STR_FMT " value is longer than %lld bytes or holds a NUL", STR_ARG(l->key),
		    (long long)r->max);
	else if (option_set_string(l->o, r, s, &e) != 0)
		loader_error(l, "%s", e.text);
}

static void
set_bool(struct loader *l, const struct option_row *r, const struct conf_value *v)
{
	if (loader_want(l, v, CONF_BOOL))
		option_set_number(l->o, r, v->boolean);
}

static void
set_int(struct loader *l, const struct option_row *r, const struct conf_value *v)
{
	if (loader_want(l, v, CONF_INT))
		store_number(l, r, v->integer);
}

static void
set_string(struct loader *l, const struct option_row *r, const struct conf_value *v)
{
	if (loader_want(l, v, CONF_STRING))
		store_string(l, r, v->string);
}

/* A number without a unit is seconds, which deserves a warning. */
static void
set_duration(struct loader *l, const struct option_row *r, const struct conf_value *v)
{
	struct err e;
	int64_t ns;

	loader_look(l, v);
	if (v->kind == CONF_STRING) {
		if (duration_parse(v->string, &ns, &e) != 0)
			loader_error(l, "error parsing %s: %s", r->field, e.text);
		else
			store_number(l, r, ns);
		return;
	}
	loader_warning(l, "invalid use of field \"%s\": %s should be converted to a duration",
	    r->field, r->field);
	if (!loader_want(l, v, CONF_INT))
		return;
	if (!num_mul_i64(v->integer, 1000000000, &ns))
		loader_error(l, "%s value is too big", r->field);
	else
		store_number(l, r, ns);
}

/* One of the words, which stand for the numbers from the row's min to its max. */
static void
set_word(struct loader *l, const struct option_row *r, const struct conf_value *v,
    const struct str *words, const char *wrong)
{
	if (!loader_want(l, v, CONF_STRING))
		return;
	for (int64_t i = r->min; i <= r->max; i++)
		if (str_eq(v->string, words[i])) {
			option_set_number(l->o, r, i);
			return;
		}
	loader_error(l, "%s", wrong);
}

static void
set_policy(struct loader *l, const struct option_row *r, const struct conf_value *v)
{
	static const struct str words[] = { [POLICY_DEFAULT] = STR("default"),
		[POLICY_CLOSE] = STR("close"), [POLICY_RETRY] = STR("retry") };

	set_word(l, r, v, words, "write_timeout must be 'default', 'close' or 'retry'");
}

static void
set_level(struct loader *l, const struct option_row *r, const struct conf_value *v)
{
	static const struct str words[] = { [LOG_LVL_INFO] = STR("info"),
		[LOG_LVL_WARN] = STR("warn"), [LOG_LVL_ERROR] = STR("error") };

	set_word(l, r, v, words, "log_min must be 'info', 'warn' or 'error'");
}

static struct str
trim(struct str s)
{
	while (s.n > 0 && isspace((unsigned char)s.p[0]))
		s.p++, s.n--;
	while (s.n > 0 && isspace((unsigned char)s.p[s.n - 1]))
		s.n--;
	return (s);
}

static bool
has_line(const struct buf *lines, struct str line)
{
	const char *at = (const char *)lines->data, *nl;
	size_t left = lines->len, n;

	for (; left > 0; at += n + 1, left -= n + 1) {
		nl = memchr(at, '\n', left);
		n = (size_t)(nl - at);
		if (str_eq(line, (struct str){ .p = at, .n = n }))
			return (true);
	}
	return (false);
}

/* Tags have no letter case: kept in lower case, once each. */
static void
add_tag(struct loader *l, struct buf *tags, struct str given)
{
	struct buf lower = BUF_INIT(1u << 20);
	struct str tag = trim(given);
	size_t i;

	if (tag.n == 0)
		return;
	if (memchr(tag.p, '\n', tag.n) != NULL) {
		loader_error(l, "error parsing tags: a tag holds a newline");
		return;
	}
	if (buf_add_str(&lower, tag) != 0) {
		loader_error(l, "error parsing tags: out of memory");
		return;
	}
	for (i = 0; i < lower.len; i++)
		lower.data[i] = (uint8_t)tolower(lower.data[i]);
	tag = buf_str(&lower);
	if (!has_line(tags, tag) &&
	    (buf_add_str(tags, tag) != 0 || buf_add(tags, "\n", 1) != 0))
		loader_error(l, "error parsing tags: out of memory");
	buf_free(&lower);
}

static void
set_tags(struct loader *l, const struct option_row *r, const struct conf_value *v)
{
	struct buf tags = BUF_INIT(1u << 20);

	loader_look(l, v);
	if (v->kind == CONF_STRING) {
		add_tag(l, &tags, v->string);
	} else if (v->kind == CONF_ARRAY) {
		for (size_t i = 0; i < v->array.n; i++) {
			if (v->array.at[i]->kind != CONF_STRING) {
				loader_error(l, "error parsing tags: unsupported type *conf.token where string is "
				    "expected");
				break;
			}
			add_tag(l, &tags, v->array.at[i]->string);
		}
	} else {
		loader_error(l, "error parsing tags: unsupported type %s", conf_type_name(v));
	}
	store_string(l, r, buf_str(&tags));
	buf_free(&tags);
}

static int
item_compare(const void *va, const void *vb)
{
	const struct conf_item *a = *(const struct conf_item *const *)va;
	const struct conf_item *b = *(const struct conf_item *const *)vb;

	return (str_cmp(a->key, b->key));
}

static void
add_pair(struct loader *l, struct buf *pairs, const struct conf_item *item)
{
	struct str value;

	if (!loader_want(l, item->value, CONF_STRING))
		return;
	value = item->value->string;
	if ((item->key.n > 0 && (memchr(item->key.p, '\n', item->key.n) != NULL ||
	    memchr(item->key.p, '\t', item->key.n) != NULL)) ||
	    (value.n > 0 && memchr(value.p, '\n', value.n) != NULL))
		loader_error(l, "error parsing metadata: a key or value holds a tab or newline");
	else if (buf_add_str(pairs, item->key) != 0 || buf_add(pairs, "\t", 1) != 0 ||
	    buf_add_str(pairs, value) != 0 || buf_add(pairs, "\n", 1) != 0)
		loader_error(l, "error parsing metadata: out of memory");
}

static void
set_map(struct loader *l, const struct option_row *r, const struct conf_value *v)
{
	struct buf pairs = BUF_INIT(1u << 20);
	const struct conf_item **sorted;

	loader_look(l, v);
	if (v->kind != CONF_MAP) {
		loader_error(l, "error parsing metadata: unsupported type %s", conf_type_name(v));
		return;
	}
	if ((sorted = reallocarray(NULL, v->map.n + 1, sizeof(*sorted))) == NULL) {
		loader_error(l, "error parsing metadata: out of memory");
		return;
	}
	for (size_t i = 0; i < v->map.n; i++)
		sorted[i] = &v->map.at[i];
	qsort(sorted, v->map.n, sizeof(*sorted), item_compare);
	for (size_t i = 0; i < v->map.n; i++)
		add_pair(l, &pairs, sorted[i]);
	free(sorted);
	store_string(l, r, buf_str(&pairs));
	buf_free(&pairs);
}

/* ---- options with rules of their own ---- */

/* A written 0 refuses everybody; not to write it allows the default. */
static void
set_max_connections(struct loader *l, const struct option_row *r, const struct conf_value *v)
{
	if (loader_want(l, v, CONF_INT))
		option_set_number(l->o, r, v->integer == 0 ? -1 : v->integer);
}

static void
set_max_sub_tokens(struct loader *l, const struct option_row *r, const struct conf_value *v)
{
	if (!loader_want(l, v, CONF_INT))
		return;
	if (v->integer > r->max)
		loader_error(l, STR_FMT " value is too big", STR_ARG(l->key));
	else if (v->integer <= 0)
		loader_error(l, STR_FMT " value can not be negative", STR_ARG(l->key));
	else
		option_set_number(l->o, r, v->integer);
}

/* Two options whose durations must say their unit. */
static void
set_lame_duck(struct loader *l, const struct option_row *r, const struct conf_value *v)
{
	char printed[DURATION_TEXT_MAX];
	struct err e;
	int64_t ns;

	if (!loader_want(l, v, CONF_STRING))
		return;
	if (duration_parse(v->string, &ns, &e) != 0)
		loader_error(l, "error parsing %s: %s", r->field, e.text);
	else if (ns >= r->min)
		option_set_number(l->o, r, ns);
	else if (r->min == 0)
		loader_error(l, "invalid %s, needs to be positive", r->field);
	else
		loader_error(l, "invalid %s of %s, minimum is 30 seconds", r->field,
		    duration_print(ns, printed));
}

static void
set_trace_kind(struct loader *l, const struct option_row *r, const struct conf_value *v)
{
	set_bool(l, r, v);
	if (v->kind == CONF_BOOL)
		l->o->trace = v->boolean;
}

static void
set_server_name(struct loader *l, const struct option_row *r, const struct conf_value *v)
{
	if (!loader_want(l, v, CONF_STRING))
		return;
	if (v->string.n > 0 && memchr(v->string.p, ' ', v->string.n) != NULL)
		loader_error(l, "server name cannot contain spaces");
	else
		store_string(l, r, v->string);
}

/* Only these two spellings count, and the longer one wins; others are accepted and mean nothing. */
static void
set_system_account(struct loader *l, const struct option_row *r, const struct conf_value *v)
{
	bool longer = str_eq(l->key, STR("system_account"));

	if (!longer && (!str_eq(l->key, STR("system")) || l->system_account))
		return;
	l->system_account = longer;
	if (v->kind != CONF_STRING)
		loader_error(l, "system account name must be a string");
	else
		store_string(l, r, v->string);
}

typedef void option_setter(struct loader *, const struct option_row *, const struct conf_value *);

struct special {
	const char *field;
	option_setter *set;
};

static const struct special specials[] = {
	{ "server_name", set_server_name },
	{ "system_account", set_system_account },
	{ "max_connections", set_max_connections },
	{ "max_sub_tokens", set_max_sub_tokens },
	{ "lame_duck_duration", set_lame_duck },
	{ "lame_duck_grace_period", set_lame_duck },
	{ "trace_verbose", set_trace_kind },
	{ "trace_headers", set_trace_kind },
};

static option_setter *const setters[] = {
	[OPTION_BOOL] = set_bool,
	[OPTION_INT] = set_int,
	[OPTION_SIZE] = set_int,
	[OPTION_DUR] = set_duration,
	[OPTION_STR] = set_string,
	[OPTION_TAGS] = set_tags,
	[OPTION_MAP] = set_map,
	[OPTION_POLICY] = set_policy,
	[OPTION_LEVEL] = set_level,
};

static void
set_row(struct loader *l, const struct option_row *r, const struct conf_value *v)
{
	for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++)
		if (strcmp(specials[i].field, r->field) == 0) {
			specials[i].set(l, r, v);
			return;
		}
	setters[r->type](l, r, v);
}

/* ---- host and port in one ---- */

struct listen_key {
	const char *key, *host, *port;
};

#define LISTEN_ROW(KEY, HOST, PORT, TEXT) { KEY, #HOST, #PORT },
static const struct listen_key listens[] = { OPTION_LISTEN_LIST(LISTEN_ROW) };

/* Splits "host:port" and "[host]:port" where net.SplitHostPort does. */
static bool
split_address(struct str s, struct str *host, struct str *port)
{
	const char *colon = s.n == 0 ? NULL : memrchr(s.p, ':', s.n);
	const char *close;

	if (colon == NULL)
		return (false);
	*host = (struct str){ .p = s.p, .n = (size_t)(colon - s.p) };
	*port = (struct str){ .p = colon + 1, .n = s.n - host->n - 1 };
	if (host->n > 0 && host->p[0] == '[') {
		close = memchr(s.p, ']', s.n);
		if (close == NULL || close + 1 != colon)
			return (false);
		*host = (struct str){ .p = s.p + 1, .n = (size_t)(close - s.p) - 1 };
	} else if (host->n > 0 && memchr(host->p, ':', host->n) != NULL) {
		return (false);
	}
	return ((host->n == 0 || (memchr(host->p, '[', host->n) == NULL &&
	    memchr(host->p, ']', host->n) == NULL)) &&
	    (port->n == 0 || (memchr(port->p, '[', port->n) == NULL &&
	    memchr(port->p, ']', port->n) == NULL)));
}

static void
set_listen(struct loader *l, const struct listen_key *k, const struct conf_value *v)
{
	struct str host = STR(""), port, digits;
	char quoted[QUOTE_TEXT_MAX];
	int64_t number;

	loader_look(l, v);
	if (v->kind == CONF_INT) {
		number = v->integer;
	} else if (v->kind != CONF_STRING) {
		loader_error(l, "expected port or host:port, got %s", conf_type_name(v));
		return;
	} else if (!split_address(v->string, &host, &port)) {
		loader_error(l, "could not parse address string %s", quote(v->string, quoted));
		return;
	} else {
		digits = port;
		if (digits.n > 0 && digits.p[0] == '+')
			digits.p++, digits.n--;
		if (num_parse_i64(digits, INT64_MIN, INT64_MAX, &number) != 0) {
			loader_error(l, "could not parse port %s", quote(port, quoted));
			return;
		}
	}
	store_string(l, options_row(k->host), host);
	store_number(l, options_row(k->port), number);
}

/* ---- what is not built yet ---- */

struct unbuilt {
	const char *key, *feature;
};

#define UNBUILT_ROW(KEY, FEATURE) { KEY, FEATURE },
static const struct unbuilt unbuilts[] = { OPTION_UNBUILT_LIST(UNBUILT_ROW) };

/* Values that leave a feature off. */
static bool
asks_for_nothing(const char *key, const struct conf_value *v)
{
	const struct conf_item *enabled;

	switch (v->kind) {
	case CONF_BOOL:
		return (!v->boolean);
	case CONF_INT:
		return (v->integer == 0);
	case CONF_STRING:
		return (v->string.n == 0 ||
		    (strcmp(key, "jetstream") == 0 && v->string.n >= strlen("disable") &&
		    strncasecmp(v->string.p, "disable", strlen("disable")) == 0));
	case CONF_MAP:
		if (strcmp(key, "jetstream") != 0)
			return (v->map.n == 0);
		if ((enabled = conf_find(v, "enabled")) == NULL)
			enabled = conf_find(v, "enable");
		return (enabled != NULL && enabled->value->kind == CONF_BOOL && !enabled->value->boolean);
	case CONF_ARRAY:
		return (v->array.n == 0);
	case CONF_FLOAT:
	case CONF_TIME:
		break;
	}
	return (false);
}

static void
refuse_unbuilt(struct loader *l, const struct unbuilt *u, const struct conf_value *v)
{
	loader_look(l, v);
	if (!asks_for_nothing(u->key, v))
		loader_unbuilt(l, u->key, u->feature);
}

/* ---- keys ---- */

/* Whether one of a row's names is "<block><key>". */
static bool
row_has_key(const struct option_row *r, const char *block, struct str key)
{
	size_t nblock = strlen(block);

	for (const char *at = r->keys; *at != '\0';) {
		size_t n = strcspn(at, "|");

		if (n == nblock + key.n && strncmp(at, block, nblock) == 0 &&
		    strncasecmp(at + nblock, key.p, key.n) == 0)
			return (true);
		at += n + (at[n] == '|' ? 1 : 0);
	}
	return (false);
}

static const struct option_row *
find_row(const char *block, struct str key)
{
	const struct option_row *r;
	size_t n;

	r = options_rows(&n);
	for (size_t i = 0; i < n; i++)
		if (key.n > 0 && row_has_key(&r[i], block, key))
			return (&r[i]);
	return (NULL);
}

/* natsd's own options. */
static void
natsd_block(struct loader *l, const struct conf_value *map)
{
	const struct option_row *r;

	if (!loader_want(l, map, CONF_MAP))
		return;
	for (size_t i = 0; i < map->map.n; i++) {
		const struct conf_item *item = &map->map.at[i];

		loader_item(l, item);
		if ((r = find_row("natsd.", item->key)) != NULL)
			set_row(l, r, item->value);
		else
			loader_unknown(l, item);
	}
}

static void
set_tls(struct loader *l, const struct conf_value *v)
{
	struct tls_options *t = tls_tree(l, v);

	if (t == NULL)
		return;
	tls_options_free(l->o->tls);
	l->o->tls = t;
}

static void
root_item(struct loader *l, struct access_tree *access, const struct conf_item *item)
{
	const struct option_row *r;

	loader_item(l, item);
	if (memchr(item->key.p, '.', item->key.n) == NULL && (r = find_row("", item->key)) != NULL) {
		set_row(l, r, item->value);
		return;
	}
	for (size_t i = 0; i < sizeof(listens) / sizeof(listens[0]); i++)
		if (loader_key(item->key, listens[i].key)) {
			set_listen(l, &listens[i], item->value);
			return;
		}
	for (size_t i = 0; i < sizeof(unbuilts) / sizeof(unbuilts[0]); i++)
		if (loader_key(item->key, unbuilts[i].key)) {
			refuse_unbuilt(l, &unbuilts[i], item->value);
			return;
		}
	if (access_tree_item(access, item))
		return;
	if (loader_key(item->key, "tls"))
		set_tls(l, item->value);
	else if (loader_key(item->key, "natsd"))
		natsd_block(l, item->value);
	else
		loader_unknown(l, item);
}

void
options_tree(struct options *o, const struct conf *c, const char *file, struct report *report,
    bool *authorization)
{
	const struct conf_value *root = conf_root(c);
	struct loader l = { .o = o, .report = report };
	struct access_tree access;

	if (root->map.n == 0)
		(void)buf_addf(&report->warnings, "%s: config has no values or is empty\n", file);
	access_tree_init(&access, &l);
	for (size_t i = 0; i < root->map.n; i++)
		root_item(&l, &access, &root->map.at[i]);
	*authorization = access.authorization;
	access_tree_end(&access);
}
