/* The block accounts: a list of names, or a map of what each account is (config.md 4.6). */
#include "config.h"

#include <string.h>

#include "common/nkey.h"
#include "common/num.h"
#include "common/quote.h"
#include "common/subject.h"
#include "natsd-supervisor/access_tree.h"

/* One account while its block is read. */
struct reading {
	uint32_t account; /* into t->a->accounts, which may move */
	size_t first;	  /* of its users */
	const struct conf_value *users;
	const struct access_permissions *defaults;
};

static struct access_account *
account_of(struct access_tree *t, const struct reading *r)
{
	return (&t->a->accounts[r->account]);
}

/* ---- small keys ---- */

static void
set_nkey(struct access_tree *t, struct access_account *a, const struct conf_value *v)
{
	char quoted[QUOTE_TEXT_MAX], text[LOADER_TEXT_MAX];
	uint8_t key[NKEY_KEY_BYTES];

	if (v->kind == CONF_STRING && nkey_decode(v->string, NKEY_ACCOUNT, key) == 0)
		(void)access_keep(t, &a->nkey, v->string);
	else
		loader_error(t->l, "Not a valid public nkey for an account: %s",
		    quote(v->kind == CONF_STRING ? v->string : str_of(loader_text(v, text)), quoted));
}

static void
refuse_sharing(struct access_tree *t, const struct conf_item *item, const char *key, const char *Key)
{
	if (item->value->kind != CONF_ARRAY)
		loader_error(t->l, "%s should be an array, got %s", Key, conf_type_name(item->value));
	else if (item->value->array.n > 0)
		loader_unbuilt(t->l, key, "exports and imports");
}

static void
refuse_jetstream(struct access_tree *t, const struct conf_value *v)
{
	switch (v->kind) {
	case CONF_BOOL:
		if (v->boolean)
			break;
		return;
	case CONF_STRING:
		if (loader_key(v->string, "disabled|disable"))
			return;
		if (loader_key(v->string, "enabled|enable"))
			break;
		loader_error_nowhere(t->l, "Expected 'enabled' or 'disabled' for string value, got '"
		    STR_FMT "'", STR_ARG(v->string));
		return;
	case CONF_MAP:
		break;
	case CONF_INT:
	case CONF_FLOAT:
	case CONF_TIME:
	case CONF_ARRAY:
		loader_error_nowhere(t->l, "Expected map, bool or string to define JetStream, got %s",
		    conf_type_name(v));
		return;
	}
	loader_unbuilt(t->l, "jetstream", "JetStream");
}

/* ---- limits ---- */

static void
set_limit(struct access_tree *t, int64_t *limit, const struct conf_value *v)
{
	if (loader_want(t->l, v, CONF_INT))
		*limit = v->integer;
}

static void
set_limits(struct access_tree *t, struct access_account *a, const struct conf_value *v)
{
	char text[LOADER_TEXT_MAX], quoted[QUOTE_TEXT_MAX];

	if (v->kind != CONF_MAP) {
		loader_error(t->l, "Expected account limits to be a map/struct, got %s",
		    loader_text(v, text));
		return;
	}
	for (size_t i = 0; i < v->map.n; i++) {
		const struct conf_item *item = &v->map.at[i];

		loader_item(t->l, item);
		if (loader_key(item->key, "max_connections|max_conn"))
			set_limit(t, &a->max_conns, item->value);
		else if (loader_key(item->key, "max_subscriptions|max_subs"))
			set_limit(t, &a->max_subs, item->value);
		else if (loader_key(item->key, "max_payload|max_pay"))
			set_limit(t, &a->max_payload, item->value);
		else if (loader_key(item->key, "max_leafnodes|max_leafs"))
			set_limit(t, &a->max_leafs, item->value);
		else if (!item->value->used_as_variable)
			loader_error(t->l, "Unknown field %s parsing account limits",
			    quote(item->key, quoted));
	}
}

/* ---- tracing ---- */

static bool
set_trace_dest(struct access_tree *t, struct access_account *a, struct str key,
    const struct conf_value *v)
{
	char quoted[QUOTE_TEXT_MAX];

	if (v->kind != CONF_STRING)
		loader_error(t->l, "Field %s should be a string, got %s", quote(key, quoted),
		    conf_type_name(v));
	else if (!subject_valid_publish(v->string))
		loader_error(t->l, "Trace destination %s is not valid", quote(v->string, quoted));
	else
		return (access_keep(t, &a->trace_dest, v->string));
	return (false);
}

/* "50%", "50" or 50. */
static bool
set_trace_sampling(struct access_tree *t, struct access_account *a, struct str key,
    const struct conf_value *v, bool *given)
{
	char quoted[QUOTE_TEXT_MAX];
	struct str s = v->kind == CONF_STRING ? v->string : STR_NONE;
	int64_t n = v->kind == CONF_INT ? v->integer : 0;

	if (v->kind != CONF_INT && v->kind != CONF_STRING) {
		loader_error(t->l, "Trace destination sampling field %s should be an integer or a "
		    "percentage, got %s", quote(key, quoted), conf_type_name(v));
		return (false);
	}
	if (s.n > 0 && s.p[s.n - 1] == '%')
		s.n--;
	if (v->kind == CONF_STRING && num_parse_i64(s, INT64_MIN, INT64_MAX, &n) != 0) {
		loader_error(t->l, "Invalid trace destination sampling value %s",
		    quote(v->string, quoted));
		return (false);
	}
	if (n < 1 || n > 100) {
		loader_error(t->l, "Ttrace destination sampling value %lld is invalid, needs to be "
		    "[1..100]", (long long)n);
		return (false);
	}
	a->trace_sampling = (uint32_t)n;
	*given = true;
	return (true);
}

static void
set_trace(struct access_tree *t, struct access_account *a, const struct conf_item *top)
{
	char quoted[QUOTE_TEXT_MAX], quoted_top[QUOTE_TEXT_MAX];
	const struct conf_value *v = top->value;
	bool sampling = false, good = true;

	if (v->kind == CONF_STRING) {
		(void)set_trace_dest(t, a, top->key, v);
		return;
	}
	if (v->kind != CONF_MAP) {
		loader_error(t->l, "Expected account message trace %s to be a string or a map/struct, "
		    "got %s", quote(top->key, quoted), conf_type_name(v));
		return;
	}
	for (size_t i = 0; i < v->map.n && good; i++) {
		const struct conf_item *item = &v->map.at[i];

		loader_item(t->l, item);
		if (loader_key(item->key, "dest"))
			good = set_trace_dest(t, a, item->key, item->value);
		else if (loader_key(item->key, "sampling"))
			good = set_trace_sampling(t, a, item->key, item->value, &sampling);
		else if (!item->value->used_as_variable)
			loader_error(t->l, "Unknown field %s parsing account message trace map/struct %s",
			    quote(item->key, quoted), quote(top->key, quoted_top));
	}
	if (good && sampling && a->trace_dest.n == 0) {
		loader_look(t->l, v);
		loader_warning(t->l, "Trace destination sampling ignored since no destination was set");
		a->trace_sampling = 100;
	}
}

/* ---- one account ---- */

static void
account_item(struct access_tree *t, struct reading *r, const struct conf_item *item)
{
	const struct conf_value *v = item->value;

	loader_item(t->l, item);
	if (loader_key(item->key, "nkey")) {
		set_nkey(t, account_of(t, r), v);
	} else if (loader_key(item->key, "users")) {
		r->users = v;
		access_users(t, v, r->account, true);
	} else if (loader_key(item->key, "default_permissions")) {
		r->defaults = access_permissions(t, v);
	} else if (loader_key(item->key, "mappings|maps")) {
		access_mappings(t, v, r->account);
	} else if (loader_key(item->key, "limits")) {
		set_limits(t, account_of(t, r), v);
	} else if (loader_key(item->key, "msg_trace|trace_dest")) {
		set_trace(t, account_of(t, r), item);
	} else if (loader_key(item->key, "exports")) {
		refuse_sharing(t, item, "exports", "Exports");
	} else if (loader_key(item->key, "imports")) {
		refuse_sharing(t, item, "imports", "Imports");
	} else if (loader_key(item->key, "jetstream")) {
		refuse_jetstream(t, v);
	} else {
		loader_unknown(t->l, item);
	}
}

/* The account has users: then there is no single one, and no name stands twice. */
static void
check_users(struct access_tree *t, const struct reading *r)
{
	if (t->a->nusers == r->first)
		return;
	if (t->a->user.n > 0)
		loader_error_at(t->l, r->users, "Can not have a single user/pass and accounts");
	else if (t->a->token.n > 0)
		loader_error_at(t->l, r->users, "Can not have a token and accounts");
	else
		(void)access_users_unique(t, r->first, r->users);
	access_users_default(t, r->first, r->defaults);
}

/* False: told. */
static bool
add_account(struct access_tree *t, struct str name)
{
	char quoted[QUOTE_TEXT_MAX];
	struct err e;

	if (str_eq(name, STR("$G")))
		loader_error(t->l, "%s is a Reserved Account", quote(name, quoted));
	else if (name.n == 0 || name.n > ACCESS_STRING_MAX)
		loader_error(t->l, "an account has a name of 1 to %u bytes", ACCESS_STRING_MAX);
	else if (access_add_account(t->a, name, &e) == NULL)
		loader_error(t->l, "%s", e.text);
	else
		return (true);
	return (false);
}

static void
one_account(struct access_tree *t, const struct conf_item *item)
{
	const struct conf_value *v = item->value;
	struct reading r = { .first = t->a->nusers };

	if (v->used_as_variable)
		return;
	loader_item(t->l, item);
	if (v->kind != CONF_MAP) {
		loader_error(t->l, "Expected map entries for accounts");
		return;
	}
	if (!add_account(t, item->key))
		return;
	r.account = (uint32_t)t->a->naccounts - 1;
	for (size_t i = 0; i < v->map.n; i++)
		account_item(t, &r, &v->map.at[i]);
	check_users(t, &r);
}

/* ---- the block ---- */

static void
account_names(struct access_tree *t, const struct conf_value *v)
{
	struct names seen = { .at = NULL };
	int rc = 1;

	for (size_t i = 0; i < v->array.n && rc >= 0; i++) {
		const struct conf_value *name = v->array.at[i];

		if (!loader_want(t->l, name, CONF_STRING))
			break;
		if (str_eq(name->string, STR("$G")) || (rc = names_add(&seen, name->string)) == 1)
			(void)add_account(t, name->string);
		else
			loader_error(t->l, rc == 0 ? "Duplicate Account Entry: " STR_FMT :
			    "out of memory: " STR_FMT, STR_ARG(name->string));
	}
	names_free(&seen);
}

/* Any other value is no list of accounts, and nats-server minds it as little. */
void
access_accounts(struct access_tree *t, const struct conf_value *v)
{
	if (v->kind == CONF_ARRAY)
		account_names(t, v);
	else if (v->kind == CONF_MAP)
		for (size_t i = 0; i < v->map.n; i++)
			one_account(t, &v->map.at[i]);
}
