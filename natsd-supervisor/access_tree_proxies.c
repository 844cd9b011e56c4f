/* The block proxies: the keys of those whose connections are believed to come through a proxy. */
#include "config.h"

#include "common/nkey.h"
#include "common/quote.h"
#include "natsd-supervisor/access_tree.h"

/* False: told, and not worth an entry. */
static bool
set_key(struct access_tree *t, struct str *key, const struct conf_value *v)
{
	uint8_t raw[NKEY_KEY_BYTES];
	char quoted[QUOTE_TEXT_MAX];

	if (!loader_want(t->l, v, CONF_STRING))
		return (false);
	if (nkey_decode_any(v->string, raw) == 0)
		return (access_keep(t, key, v->string));
	loader_error(t->l, "invalid proxy key %s", quote(v->string, quoted));
	return (false);
}

static void
one_proxy(struct access_tree *t, const struct conf_value *v)
{
	struct str key = STR_NONE;
	struct err e;

	loader_look(t->l, v);
	if (v->kind != CONF_MAP) {
		loader_error(t->l, "expected proxies' trusted entry to be a map/struct, got %s",
		    conf_type_name(v));
		return;
	}
	for (size_t i = 0; i < v->map.n; i++) {
		const struct conf_item *item = &v->map.at[i];

		loader_item(t->l, item);
		if (!loader_key(item->key, "key|public_key"))
			loader_unknown(t->l, item);
		else if (!set_key(t, &key, item->value))
			return;
	}
	if (access_add_proxy(t->a, key, &e) != 0)
		loader_error(t->l, "%s", e.text);
}

static void
trusted(struct access_tree *t, const struct conf_value *v)
{
	if (v->kind != CONF_ARRAY) {
		loader_error(t->l, "expected proxies' trusted field to be an array, got %s",
		    conf_type_name(v));
		return;
	}
	for (size_t i = 0; i < v->array.n; i++)
		one_proxy(t, v->array.at[i]);
}

void
access_proxies(struct access_tree *t, const struct conf_value *v)
{
	if (v->kind != CONF_MAP) {
		loader_error(t->l, "expected proxies to be a map/struct, got %s", conf_type_name(v));
		return;
	}
	t->a->has_proxies = true;
	for (size_t i = 0; i < v->map.n; i++) {
		const struct conf_item *item = &v->map.at[i];

		loader_item(t->l, item);
		if (loader_key(item->key, "trusted"))
			trusted(t, item->value);
		else
			loader_unknown(t->l, item);
	}
}
