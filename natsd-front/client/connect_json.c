#include "config.h"

#include <jansson.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/utf8.h"
#include "natsd-front/client/connect_json.h"

#define DEPTH_MAX 256 /* jansson recurses; nobody nests a CONNECT */

enum key_type { KEY_BOOL, KEY_INT, KEY_STR, KEY_OBJECT };

struct key {
	const char *name;
	enum key_type type;
	size_t at;
};

#define K(name, type) { #name, type, offsetof(struct connect_options, name) }
static const struct key connect_keys[] = {
	K(verbose, KEY_BOOL), K(pedantic, KEY_BOOL), K(echo, KEY_BOOL), K(tls_required, KEY_BOOL),
	K(headers, KEY_BOOL), K(no_responders, KEY_BOOL), K(new_account, KEY_BOOL),
	K(protocol, KEY_INT), K(name, KEY_STR), K(lang, KEY_STR), K(version, KEY_STR),
	K(account, KEY_STR), K(user, KEY_STR), K(pass, KEY_STR), K(auth_token, KEY_STR),
	K(jwt, KEY_STR), K(nkey, KEY_STR), K(sig, KEY_STR), K(proxy_sig, KEY_STR),
	{ "import", KEY_OBJECT, 0 }, { "export", KEY_OBJECT, 0 },
};
#define KEYS (sizeof(connect_keys) / sizeof(connect_keys[0]))

/* ---- making it fit for a stricter reader ---- */

static int
hex4(const char *p, const char *end)
{
	int v = 0, i;

	for (i = 0; i < 4; i++, p++) {
		if (p >= end)
			return (-1);
		if (*p >= '0' && *p <= '9')
			v = v * 16 + (*p - '0');
		else if ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'f')
			v = v * 16 + ((*p | 0x20) - 'a' + 10);
		else
			return (-1);
	}
	return (v);
}

static bool
is_low_surrogate(const char *p, const char *end)
{
	int v;

	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return (false);
	v = hex4(p + 2, end);
	return (v >= 0xdc00 && v <= 0xdfff);
}

/* An escape at p: how much of it to copy to *to; a lone surrogate becomes \ufffd. */
static size_t
copy_escape(char **to, const char *p, const char *end)
{
	int v = end - p >= 6 && p[1] == 'u' ? hex4(p + 2, end) : -1;
	size_t n = end - p >= 2 ? 2 : 1;

	if (v >= 0xd800 && v <= 0xdbff && is_low_surrogate(p + 6, end)) {
		n = 12;
	} else if (v >= 0xd800 && v <= 0xdfff) {
		memcpy(*to, "\\ufffd", 6);
		*to += 6;
		return (6);
	}
	memcpy(*to, p, n);
	*to += n;
	return (n);
}

/*
 * A copy that jansson takes: every invalid byte as U+FFFD.  NULL: no memory, or nested too deep.
 */
static char *
tidy(struct str in, size_t *n)
{
	char *out = malloc(in.n * 3 + 1), *to = out;
	const char *p = in.p, *end = in.p + in.n;
	bool in_string = false;
	unsigned depth = 0;
	size_t rune;

	if (out == NULL)
		return (NULL);
	while (p < end) {
		if (in_string && *p == '\\') {
			p += copy_escape(&to, p, end);
			continue;
		}
		if (*p == '"')
			in_string = !in_string;
		else if (!in_string && (*p == '{' || *p == '['))
			depth++;
		else if (!in_string && (*p == '}' || *p == ']') && depth > 0)
			depth--;
		if (depth > DEPTH_MAX) {
			free(out);
			return (NULL);
		}
		rune = utf8_rune((const uint8_t *)p, (size_t)(end - p));
		memcpy(to, rune == 0 ? "\xef\xbf\xbd" : p, rune == 0 ? 3 : rune);
		to += rune == 0 ? 3 : rune;
		p += rune == 0 ? 1 : rune;
	}
	*n = (size_t)(to - out);
	return (out);
}

static json_t *
parse(struct str json)
{
	size_t n;
	char *text = tidy(json, &n);
	json_t *root;

	if (text == NULL)
		return (NULL);
	root = json_loadb(text, n, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
	explicit_bzero(text, n);
	free(text);
	return (root);
}

/* ---- fields ---- */

static const struct key *
key_find(const char *name)
{
	size_t i;

	for (i = 0; i < KEYS; i++)
		if (strcasecmp(connect_keys[i].name, name) == 0)
			return (&connect_keys[i]);
	return (NULL);
}

static bool
key_fits(const struct key *k, const json_t *v)
{
	switch (k->type) {
	case KEY_BOOL:
		return (json_is_boolean(v));
	case KEY_INT:
		return (json_is_integer(v));
	case KEY_STR:
		return (json_is_string(v));
	case KEY_OBJECT:
		return (json_is_object(v));
	}
	return (false);
}

static int
key_store(const struct key *k, const json_t *v, struct connect_options *o)
{
	void *field = (char *)o + k->at;
	char *text;

	switch (k->type) {
	case KEY_BOOL:
		*(bool *)field = json_is_true(v);
		return (0);
	case KEY_INT:
		*(int64_t *)field = json_integer_value(v);
		return (0);
	case KEY_STR:
		text = strdup(json_string_value(v));
		if (text == NULL)
			return (-1);
		free(*(char **)field);
		*(char **)field = text;
		return (0);
	case KEY_OBJECT:
		return (0);
	}
	return (-1);
}

static int
fields_check(json_t *root)
{
	const struct key *k;
	const char *name;
	json_t *v;

	json_object_foreach(root, name, v) {
		k = key_find(name);
		if (k != NULL && !json_is_null(v) && !key_fits(k, v))
			return (-1);
	}
	return (0);
}

static int
fields_store(json_t *root, struct connect_options *o)
{
	const struct key *k;
	const char *name;
	json_t *v;

	json_object_foreach(root, name, v) {
		k = key_find(name);
		if (k != NULL && !json_is_null(v) && key_store(k, v, o) != 0)
			return (-1);
	}
	return (0);
}

int
connect_json_read(struct str json, struct connect_options *o)
{
	json_t *root = parse(json);
	int rc = -1;

	if (root == NULL)
		return (-1);
	if (json_is_null(root))
		rc = 0;
	else if (json_is_object(root) && fields_check(root) == 0)
		rc = fields_store(root, o);
	json_decref(root);
	return (rc);
}

int
connect_json_check(struct str json)
{
	json_t *root = parse(json);
	int rc = root != NULL && (json_is_object(root) || json_is_null(root)) ? 0 : -1;

	json_decref(root);
	return (rc);
}

static void
wipe(char **secret)
{
	if (*secret != NULL) {
		explicit_bzero(*secret, strlen(*secret));
		free(*secret);
	}
	*secret = NULL;
}

void
connect_options_free(struct connect_options *o)
{
	char **secrets[] = { &o->user, &o->pass, &o->auth_token, &o->jwt, &o->nkey, &o->sig,
		&o->proxy_sig };
	size_t i;

	for (i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		wipe(secrets[i]);
	free(o->name);
	free(o->lang);
	free(o->version);
	free(o->account);
	*o = (struct connect_options){ .verbose = false };
}
