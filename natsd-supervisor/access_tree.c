#include "config.h"

#include "natsd-supervisor/access_tree.h"

#include <string.h>

#include "common/quote.h"

#define NS_PER_S 1000000000LL
#define TIMEOUT_HIGH_NS (60 * NS_PER_S)

void
access_tree_init(struct access_tree *t, struct loader *l)
{
	*t = (struct access_tree){ .l = l, .a = l->o->access };
}

bool
access_keep(struct access_tree *t, struct str *to, struct str from)
{
	struct err e;

	if (from.n > ACCESS_STRING_MAX) {
		loader_error(t->l, "a text is longer than %u bytes", ACCESS_STRING_MAX);
		return (false);
	}
	if (access_str(t->a, to, from, &e) == 0)
		return (true);
	loader_error(t->l, "%s", e.text);
	return (false);
}

/* ---- authorization ---- */

/* A string of the block. */
static void
set_string(struct access_tree *t, const struct conf_value *v, struct str *to)
{
	if (loader_want(t->l, v, CONF_STRING))
		(void)access_keep(t, to, v->string);
}

static void
set_timeout(struct access_tree *t, const struct conf_item *item)
{
	char text[LOADER_TEXT_MAX], quoted[QUOTE_TEXT_MAX];
	int64_t ns;

	if (!loader_seconds(t->l, item->value, "authorization", &ns))
		return;
	if (ns > TIMEOUT_HIGH_NS)
		loader_warning(t->l, "invalid use of field %s: timeout of %s (%f seconds) is high, "
		    "consider keeping it under 60 seconds. possibly caused by unquoted duration; "
		    "use '1m' instead of 1m, for example", quote(item->key, quoted),
		    loader_text(item->value, text), (double)ns / NS_PER_S);
	t->a->timeout_ns = ns;
}

static void
set_proxy_required(struct access_tree *t, const struct conf_value *v)
{
	if (loader_want(t->l, v, CONF_BOOL))
		t->a->proxy_required = v->boolean;
}

/* One key; permissions for users without any of their own come back in *defaults. */
static void
authorization_item(struct access_tree *t, const struct conf_item *item,
    const struct access_permissions **defaults)
{
	const struct conf_value *v = item->value;

	loader_item(t->l, item);
	if (loader_key(item->key, "user|username"))
		set_string(t, v, &t->a->user);
	else if (loader_key(item->key, "pass|password"))
		set_string(t, v, &t->a->password);
	else if (loader_key(item->key, "token"))
		set_string(t, v, &t->a->token);
	else if (loader_key(item->key, "timeout"))
		set_timeout(t, item);
	else if (loader_key(item->key, "users"))
		access_users(t, v, 0, false);
	else if (loader_key(item->key, "default_permission|default_permissions|permissions"))
		*defaults = access_permissions(t, v);
	else if (loader_key(item->key, "auth_callout|auth_hook"))
		loader_unbuilt(t->l, "auth_callout", "authorization callouts");
	else if (loader_key(item->key, "proxy_required"))
		set_proxy_required(t, v);
	else
		loader_unknown(t->l, item);
}

/* What the block says together; `list`: it has users, even none. */
static void
authorization_check(struct access_tree *t, const struct conf_value *v, size_t first, bool list)
{
	const struct access *a = t->a;

	if ((a->user.n > 0 || a->password.n > 0) && a->token.n > 0)
		loader_error_at(t->l, v, "Cannot have a user/pass and token");
	else if ((list || a->nusers > 0) && a->user.n > 0)
		loader_error_at(t->l, v, "Can not have a single user/pass and a users array");
	else if ((list || a->nusers > 0) && a->token.n > 0)
		loader_error_at(t->l, v, "Can not have a token and a users array");
	else
		(void)access_users_unique(t, first, v);
}

static void
authorization(struct access_tree *t, const struct conf_value *v)
{
	const struct access_permissions *defaults = NULL;
	size_t first = t->a->nusers, errors;
	bool list = false;

	if (!loader_want(t->l, v, CONF_MAP))
		return;
	t->authorization = true;
	errors = t->l->report->errors.len;
	for (size_t i = 0; i < v->map.n; i++) {
		authorization_item(t, &v->map.at[i], &defaults);
		if (loader_key(v->map.at[i].key, "users"))
			list = true;
	}
	access_users_default(t, first, defaults);
	if (t->l->report->errors.len == errors)
		authorization_check(t, v, first, list);
}

/* ---- the root ---- */

bool
access_tree_item(struct access_tree *t, const struct conf_item *item)
{
	if (loader_key(item->key, "authorization"))
		authorization(t, item->value);
	else if (loader_key(item->key, "accounts"))
		access_accounts(t, item->value);
	else if (loader_key(item->key, "mappings|maps"))
		access_mappings(t, item->value, 0);
	else if (loader_key(item->key, "proxies"))
		access_proxies(t, item->value);
	else
		return (false);
	return (true);
}

void
access_tree_end(struct access_tree *t)
{
	t->a->has_users = t->a->nusers > 0;
	names_free(&t->users);
	*t = (struct access_tree){ .a = NULL };
}
