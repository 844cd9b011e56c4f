#include "config.h"

#include "common/num.h"
#include "natsd-supervisor/tls_tree.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/duration.h"
#include "common/quote.h"
#include "natsd-supervisor/tls_block.h"

#define FIRST_AUTO_NS 50000000LL

/* A setter: false when it told a mistake. */
typedef bool setter(struct tls_block *, const struct conf_item *);

/* ---- simple keys ---- */

static bool
take_file(struct tls_block *b, const struct conf_item *item, const struct conf_value **to)
{
	char name[32];

	if (item->value->kind == CONF_STRING) {
		*to = item->value;
		return (true);
	}
	for (size_t i = 0; i <= item->key.n && i < sizeof(name); i++)
		name[i] = i == item->key.n ? '\0' : (char)tolower((unsigned char)item->key.p[i]);
	loader_error(b->l, "error parsing tls config, expected '%s' to be filename", name);
	return (false);
}

static bool
set_cert_file(struct tls_block *b, const struct conf_item *item)
{
	return (take_file(b, item, &b->cert_file));
}

static bool
set_key_file(struct tls_block *b, const struct conf_item *item)
{
	return (take_file(b, item, &b->key_file));
}

static bool
set_ca_file(struct tls_block *b, const struct conf_item *item)
{
	return (take_file(b, item, &b->ca_file));
}

static bool
take_bool(struct tls_block *b, const struct conf_item *item, const char *name, bool *to)
{
	if (item->value->kind == CONF_BOOL) {
		*to = item->value->boolean;
		return (true);
	}
	loader_error(b->l, "error parsing tls config, expected '%s' to be a boolean", name);
	return (false);
}

static bool
set_insecure(struct tls_block *b, const struct conf_item *item)
{
	return (take_bool(b, item, "insecure", &b->t->insecure));
}

static bool
set_verify(struct tls_block *b, const struct conf_item *item)
{
	return (take_bool(b, item, "verify", &b->t->verify));
}

static bool
set_map(struct tls_block *b, const struct conf_item *item)
{
	return (take_bool(b, item, "verify_and_map", &b->t->map));
}

static bool
set_known_urls(struct tls_block *b, const struct conf_item *item)
{
	bool on;

	if (!take_bool(b, item, "verify_cert_and_check_known_urls", &on))
		return (false);
	if (on)
		loader_error(b->l, "verify_cert_and_check_known_urls not supported in this context");
	return (!on);
}

static bool
set_allow_insecure(struct tls_block *b, const struct conf_item *item)
{
	return (take_bool(b, item, "allow_insecure_cipher_suites", &b->allow_insecure));
}

static bool
set_timeout(struct tls_block *b, const struct conf_item *item)
{
	return (loader_seconds(b->l, item->value, "tls", &b->t->timeout_ns));
}

static bool
set_rate_limit(struct tls_block *b, const struct conf_item *item)
{
	if (item->value->kind == CONF_INT) {
		b->t->rate_limit = item->value->integer;
		return (true);
	}
	loader_error(b->l, "error parsing tls config, 'connection_rate_limit' wrong type");
	return (false);
}

static bool
set_min_version(struct tls_block *b, const struct conf_item *item)
{
	struct str s = item->value->kind == CONF_STRING ? item->value->string : STR_NONE;
	char text[LOADER_TEXT_MAX];

	if (item->value->kind != CONF_STRING)
		loader_error(b->l, "error parsing tls config: 'min_version' wrong type: %s",
		    loader_text(item->value, text));
	else if (str_eq(s, STR("1.0")) || str_eq(s, STR("1.1")))
		loader_error(b->l, "error parsing tls config: unsupported TLS version: TLS " STR_FMT,
		    STR_ARG(s));
	else if (!str_eq(s, STR("1.2")) && !str_eq(s, STR("1.3")))
		loader_error(b->l, "error parsing tls config: unknown version: " STR_FMT, STR_ARG(s));
	else {
		b->t->min_version = str_eq(s, STR("1.2")) ? 12 : 13;
		return (true);
	}
	return (false);
}

/* ---- handshake first ---- */

static bool
set_first_word(struct tls_block *b, const struct conf_item *item)
{
	char name[QUOTE_TEXT_MAX], value[QUOTE_TEXT_MAX];
	struct str s = item->value->string;
	int64_t ns;

	if (loader_key(s, "true|on")) {
		b->t->first = true;
	} else if (loader_key(s, "false|off")) {
		b->t->first = false;
	} else if (loader_key(s, "auto|auto_fallback")) {
		b->t->first = true;
		b->t->first_delay_ns = FIRST_AUTO_NS;
	} else if (duration_parse(s, &ns, NULL) == 0) {
		b->t->first = true;
		b->t->first_delay_ns = ns > 0 ? ns : 0; /* without time to fall back it is strict */
	} else {
		loader_error(b->l, "field %s's value %s is invalid", quote(item->key, name),
		    quote(s, value));
		return (false);
	}
	return (true);
}

static bool
set_first(struct tls_block *b, const struct conf_item *item)
{
	char name[QUOTE_TEXT_MAX];

	if (item->value->kind == CONF_STRING)
		return (set_first_word(b, item));
	if (item->value->kind == CONF_BOOL) {
		b->t->first = item->value->boolean;
		return (true);
	}
	loader_error(b->l, "field %s should be a boolean or a string, got %s", quote(item->key, name),
	    conf_type_name(item->value));
	return (false);
}

/* ---- suites and groups ---- */

static bool
set_suites(struct tls_block *b, const struct conf_item *item)
{
	const struct conf_value *v = item->value, *name;
	int index;

	if (!loader_want(b->l, v, CONF_ARRAY))
		return (false);
	if (v->array.n == 0) {
		loader_error(b->l, "error parsing tls config, 'cipher_suites' cannot be empty");
		return (false);
	}
	for (size_t i = 0; i < v->array.n; i++) {
		name = v->array.at[i];
		if (!loader_want(b->l, name, CONF_STRING))
			return (false);
		if ((index = tls_suite_find(name->string)) < 0) {
			loader_error(b->l, "unrecognized cipher " STR_FMT, STR_ARG(name->string));
			return (false);
		}
		b->suites |= (tls_name_set)1 << index;
		if (tls_suite_insecure(index))
			(void)buf_addf(&b->insecure, "%s%s", b->insecure.len > 0 ? ", " : "",
			    tls_suite_name(index));
	}
	return (true);
}

static bool
set_groups(struct tls_block *b, const struct conf_item *item)
{
	const struct conf_value *v = item->value, *name;
	int index;

	if (!loader_want(b->l, v, CONF_ARRAY))
		return (false);
	if (v->array.n == 0) {
		loader_error(b->l, "error parsing tls config, 'curve_preferences' cannot be empty");
		return (false);
	}
	for (size_t i = 0; i < v->array.n; i++) {
		name = v->array.at[i];
		if (!loader_want(b->l, name, CONF_STRING))
			return (false);
		if ((index = tls_group_find(name->string)) < 0)
			loader_error(b->l, "unrecognized curve preference " STR_FMT,
			    STR_ARG(name->string));
		else if (!tls_group_offered(index))
			loader_error(b->l, "curve preference " STR_FMT
			    " is not offered by this OpenSSL library", STR_ARG(name->string));
		else {
			b->groups |= (tls_name_set)1 << index;
			continue;
		}
		return (false);
	}
	return (true);
}

/* ---- pinned certificates ---- */

static bool
parse_pin(struct str s, uint8_t pin[TLS_PIN_BYTES])
{
	if (s.n != 2 * TLS_PIN_BYTES)
		return (false);
	for (size_t i = 0; i < TLS_PIN_BYTES; i++) {
		int high = num_hex_digit(s.p[2 * i]), low = num_hex_digit(s.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return (false);
		pin[i] = (uint8_t)(high << 4 | low);
	}
	return (true);
}

static int
pin_compare(const void *a, const void *b)
{
	return (memcmp(a, b, TLS_PIN_BYTES));
}

/* A set: sorted, each once. */
static void
sort_pins(struct tls_options *t)
{
	size_t n = 0;

	if (t->npins == 0)
		return;
	qsort(t->pins, t->npins, sizeof(*t->pins), pin_compare);
	for (size_t i = 1; i < t->npins; i++)
		if (pin_compare(t->pins[n], t->pins[i]) != 0)
			memmove(t->pins[++n], t->pins[i], TLS_PIN_BYTES);
	t->npins = n + 1;
}

static bool
set_pin(struct tls_block *b, const struct conf_value *v)
{
	char lower[QUOTE_TEXT_MAX];
	size_t n;

	if (!loader_want(b->l, v, CONF_STRING))
		return (false);
	if (parse_pin(v->string, b->t->pins[b->t->npins])) {
		b->t->npins++;
		return (true);
	}
	n = v->string.n < sizeof(lower) ? v->string.n : sizeof(lower);
	for (size_t i = 0; i < n; i++)
		lower[i] = (char)tolower((unsigned char)v->string.p[i]);
	loader_error(b->l, "error parsing tls config, 'pinned_certs' key %.*s does not look like "
	    "hex-encoded sha256 of DER encoded SubjectPublicKeyInfo", (int)n, lower);
	return (false);
}

static bool
set_pins(struct tls_block *b, const struct conf_item *item)
{
	const struct conf_value *v = item->value;

	if (v->kind != CONF_ARRAY) {
		loader_error(b->l, "error parsing tls config, expected 'pinned_certs' to be a list of "
		    "hex-encoded sha256 of DER encoded SubjectPublicKeyInfo");
		return (false);
	}
	if (v->array.n > TLS_PINS_MAX || (v->array.n > 0 &&
	    (b->t->pins = calloc(v->array.n, sizeof(*b->t->pins))) == NULL)) {
		loader_error(b->l, "too many pinned_certs");
		return (false);
	}
	for (size_t i = 0; i < v->array.n; i++)
		if (!set_pin(b, v->array.at[i]))
			return (false);
	sort_pins(b->t);
	return (true);
}

/* ---- several certificates ---- */

static bool
read_pair(struct tls_block *b, struct tls_block_pair *p, const struct conf_value *v)
{
	char name[QUOTE_TEXT_MAX];

	loader_look(b->l, v);
	if (v->kind != CONF_MAP) {
		loader_error(b->l, "error parsing certificates config: unsupported type %s",
		    conf_type_name(v));
		return (false);
	}
	for (size_t i = 0; i < v->map.n; i++) {
		const struct conf_item *item = &v->map.at[i];

		loader_item(b->l, item);
		if (item->value->kind != CONF_STRING)
			loader_error(b->l, "error parsing certificates config: unsupported type %s",
			    conf_type_name(item->value));
		else if (str_eq(item->key, STR("cert_file")))
			p->cert = item->value;
		else if (str_eq(item->key, STR("key_file")))
			p->key = item->value;
		else
			loader_error(b->l, "error parsing tls certs config, unknown field %s",
			    quote(item->key, name));
		if (p->cert != item->value && p->key != item->value)
			return (false);
	}
	if (!tls_block_empty(p->cert) && !tls_block_empty(p->key))
		return (true);
	loader_error(b->l, "error parsing certificates config: both 'cert_file' and 'cert_key' options "
	    "are required");
	return (false);
}

static bool
set_pairs(struct tls_block *b, const struct conf_item *item)
{
	const struct conf_value *v = item->value;

	if (v->kind != CONF_ARRAY) {
		loader_error(b->l, "error parsing certificates config: unsupported type %s",
		    conf_type_name(b->map));
		return (false);
	}
	free(b->pairs);
	b->npairs = 0;
	if (v->array.n > TLS_PAIRS_MAX ||
	    (b->pairs = calloc(v->array.n + 1, sizeof(*b->pairs))) == NULL) {
		loader_error(b->l, "too many certificates");
		return (false);
	}
	for (; b->npairs < v->array.n; b->npairs++)
		if (!read_pair(b, &b->pairs[b->npairs], v->array.at[b->npairs]))
			return (false);
	return (true);
}

/* ---- what only Windows has, and what is not built ---- */

static bool
set_cert_store(struct tls_block *b, const struct conf_item *item)
{
	const struct conf_value *v = item->value;

	if (v->kind != CONF_STRING || v->string.n == 0)
		loader_error(b->l, "expected 'cert_store' to be a valid non-empty string");
	else if (loader_key(v->string, "windowscurrentuser|windowslocalmachine"))
		loader_error(b->l, "cert_store not compatible with current operating system");
	else
		loader_error(b->l, "cert store type not implemented");
	return (false);
}

static bool
set_cert_match_by(struct tls_block *b, const struct conf_item *item)
{
	const struct conf_value *v = item->value;

	if (v->kind != CONF_STRING || v->string.n == 0)
		loader_error(b->l, "expected 'cert_match_by' to be a valid non-empty string");
	else if (loader_key(v->string, "subject|issuer|thumbprint"))
		return (true);
	else
		loader_error(b->l, "cert match by type not implemented");
	return (false);
}

static bool
set_cert_match(struct tls_block *b, const struct conf_item *item)
{
	if (item->value->kind == CONF_STRING && item->value->string.n > 0)
		return (true);
	loader_error(b->l, "expected 'cert_match' to be a valid non-empty string");
	return (false);
}

static bool
set_skip_invalid(struct tls_block *b, const struct conf_item *item)
{
	if (item->value->kind == CONF_BOOL)
		return (true);
	loader_error(b->l, "expected 'cert_match_skip_invalid' to be a boolean");
	return (false);
}

static bool
set_ca_certs_match(struct tls_block *b, const struct conf_item *item)
{
	const struct conf_value *v = item->value;

	for (size_t i = 0; v->kind == CONF_ARRAY && i < v->array.n; i++)
		if (v->array.at[i]->kind != CONF_STRING) {
			loader_error(b->l, "error parsing ca_cert_match: unsupported type *conf.token where "
			    "string is expected");
			return (false);
		}
	return (true);
}

static bool
set_ocsp_peer(struct tls_block *b, const struct conf_item *item)
{
	const struct conf_value *v = item->value;

	if (v->kind == CONF_BOOL && !v->boolean)
		return (true);
	if (v->kind == CONF_BOOL || v->kind == CONF_MAP)
		loader_unbuilt(b->l, "ocsp_peer", "OCSP");
	else
		loader_error(b->l, "error parsing ocsp peer config: unsupported type %s",
		    conf_type_name(b->map));
	return (false);
}

/* ---- the block ---- */

static const struct {
	const char *keys;
	setter *set;
} setters[] = {
	{ "cert_file", set_cert_file },
	{ "key_file", set_key_file },
	{ "ca_file", set_ca_file },
	{ "certs|certificates", set_pairs },
	{ "insecure", set_insecure },
	{ "verify", set_verify },
	{ "verify_and_map", set_map },
	{ "verify_cert_and_check_known_urls", set_known_urls },
	{ "allow_insecure_cipher_suites", set_allow_insecure },
	{ "cipher_suites", set_suites },
	{ "curve_preferences", set_groups },
	{ "timeout", set_timeout },
	{ "connection_rate_limit", set_rate_limit },
	{ "pinned_certs", set_pins },
	{ "min_version", set_min_version },
	{ "handshake_first|first|immediate", set_first },
	{ "cert_store", set_cert_store },
	{ "cert_match_by", set_cert_match_by },
	{ "cert_match", set_cert_match },
	{ "cert_match_skip_invalid", set_skip_invalid },
	{ "ca_certs_match", set_ca_certs_match },
	{ "ocsp_peer", set_ocsp_peer },
};

static bool
read_item(struct tls_block *b, const struct conf_item *item)
{
	char name[QUOTE_TEXT_MAX];

	loader_item(b->l, item);
	for (size_t i = 0; i < sizeof(setters) / sizeof(setters[0]); i++)
		if (loader_key(item->key, setters[i].keys))
			return (setters[i].set(b, item));
	loader_error(b->l, "error parsing tls config, unknown field %s", quote(item->key, name));
	return (false);
}

static bool
read_block(struct tls_block *b)
{
	struct err e;

	for (size_t i = 0; i < b->map->map.n; i++)
		if (!read_item(b, &b->map->map.at[i]))
			return (false);
	if (tls_block_build(b, &e) == 0)
		return (true);
	loader_error_at(b->l, b->map, "%s", e.text);
	return (false);
}

struct tls_options *
tls_tree(struct loader *l, const struct conf_value *v)
{
	struct tls_block b = { .l = l, .map = v, .insecure = BUF_INIT(ERR_TEXT_MAX) };
	struct err e;
	bool good;

	if (!loader_want(l, v, CONF_MAP))
		return (NULL);
	if ((b.t = tls_options_new(&e)) == NULL) {
		loader_error(l, "%s", e.text);
		return (NULL);
	}
	good = read_block(&b);
	free(b.pairs);
	buf_free(&b.insecure);
	if (good)
		return (b.t);
	tls_options_free(b.t);
	return (NULL);
}
