/* A list of users: with a password, or with an nkey. */
#include "config.h"

#include <ctype.h>
#include <string.h>

#include "common/buf.h"
#include "common/nkey.h"
#include "common/quote.h"
#include "natsd-supervisor/access_tree.h"

/* ---- kinds of connections ---- */

static unsigned
type_of(struct str name)
{
	static const struct {
		const char *name;
		unsigned bit;
	} types[] = { { "STANDARD", ACCESS_STANDARD }, { "WEBSOCKET", ACCESS_WEBSOCKET },
		{ "LEAFNODE", ACCESS_LEAFNODE }, { "LEAFNODE_WS", ACCESS_LEAFNODE_WS },
		{ "MQTT", ACCESS_MQTT }, { "MQTT_WS", ACCESS_MQTT_WS },
		{ "IN_PROCESS", ACCESS_IN_PROCESS } };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (loader_key(name, types[i].name))
			return (types[i].bit);
	return (0);
}

static void
add_unknown(struct buf *unknown, struct str name)
{
	char quoted[QUOTE_TEXT_MAX], upper[QUOTE_TEXT_MAX];
	size_t n = name.n < sizeof(upper) ? name.n : sizeof(upper);

	for (size_t i = 0; i < n; i++)
		upper[i] = (char)toupper((unsigned char)name.p[i]);
	(void)buf_addf(unknown, "%s%s", unknown->len > 0 ? " " : "",
	    quote((struct str){ .p = upper, .n = n }, quoted));
}

static void
add_type(unsigned *types, struct buf *unknown, struct str name)
{
	unsigned bit = type_of(name);

	*types |= bit;
	if (bit == 0)
		add_unknown(unknown, name);
}

/* A string or an array of strings, in any letter case. */
static void
set_types(struct access_tree *t, struct access_user *u, const struct conf_value *v)
{
	struct buf unknown = BUF_INIT(LOADER_TEXT_MAX);

	if (v->kind == CONF_STRING) {
		add_type(&u->types, &unknown, v->string);
	} else if (v->kind != CONF_ARRAY) {
		loader_error(t->l, "error parsing allowed connection types: unsupported type %s",
		    conf_type_name(v));
	} else {
		for (size_t i = 0; i < v->array.n; i++) {
			const struct conf_value *name = v->array.at[i];

			if (name->kind == CONF_STRING)
				add_type(&u->types, &unknown, name->string);
			else
				loader_error_at(t->l, name, "error parsing allowed connection types: "
				    "unsupported type in array %s", conf_type_name(name));
		}
	}
	if (unknown.len > 0)
		loader_error_at(t->l, v, "invalid connection types [" STR_FMT "]",
		    STR_ARG(buf_str(&unknown)));
	buf_free(&unknown);
}

/* ---- one user ---- */

static void
set_string(struct access_tree *t, struct str *to, const struct conf_value *v)
{
	if (loader_want(t->l, v, CONF_STRING))
		(void)access_keep(t, to, v->string);
}

static void
user_item(struct access_tree *t, struct access_user *u, const struct conf_item *item)
{
	const struct conf_value *v = item->value;

	loader_item(t->l, item);
	if (loader_key(item->key, "nkey"))
		set_string(t, &u->nkey, v);
	else if (loader_key(item->key, "user|username"))
		set_string(t, &u->name, v);
	else if (loader_key(item->key, "pass|password"))
		set_string(t, &u->password, v);
	else if (loader_key(item->key, "permission|permissions|authorization"))
		u->permissions = access_permissions(t, v);
	else if (loader_key(item->key, "allowed_connection_types|connection_types|clients"))
		set_types(t, u, v);
	else if (!loader_key(item->key, "proxy_required"))
		loader_unknown(t->l, item);
	else if (loader_want(t->l, v, CONF_BOOL))
		u->proxy_required = v->boolean;
}

/* A user or an nkey, not both and not neither. */
static bool
check_user(struct access_tree *t, const struct access_user *u)
{
	uint8_t key[NKEY_KEY_BYTES];

	if (u->nkey.n == 0 && u->name.n == 0)
		loader_error(t->l, "User entry requires a user");
	else if (u->nkey.n > 0 && nkey_decode(u->nkey, NKEY_USER, key) != 0)
		loader_error(t->l, "Not a valid public nkey for a user");
	else if (u->nkey.n > 0 && (u->name.n > 0 || u->password.n > 0))
		loader_error(t->l, "Nkey users do not take usernames or passwords");
	else
		return (true);
	return (false);
}

/* False: the rest of the list is not worth reading, as nats-server drops it. */
static bool
one_user(struct access_tree *t, const struct conf_value *v, uint32_t account)
{
	struct access_user u = { .account = account }, *to;
	size_t errors = t->l->report->errors.len;
	char text[LOADER_TEXT_MAX];
	struct err e;

	loader_look(t->l, v);
	if (v->kind != CONF_MAP) {
		loader_error(t->l, "Expected user entry to be a map/struct, got %s",
		    loader_text(v, text));
		return (true);
	}
	for (size_t i = 0; i < v->map.n; i++)
		user_item(t, &u, &v->map.at[i]);
	if (v->map.n > 0)
		loader_look(t->l, v->map.at[v->map.n - 1].value);
	if (t->l->report->errors.len != errors)
		return (true);
	if (!check_user(t, &u))
		return (false);
	if ((to = access_add_user(t->a, &e)) == NULL) {
		loader_error(t->l, "%s", e.text);
		return (false);
	}
	*to = u;
	return (true);
}

/* ---- the list ---- */

void
access_users(struct access_tree *t, const struct conf_value *v, uint32_t account, bool nowhere)
{
	char text[LOADER_TEXT_MAX];

	if (v->kind != CONF_ARRAY) {
		if (nowhere)
			loader_error_nowhere(t->l, "Expected users field to be an array, got %s",
			    loader_text(v, text));
		else
			loader_error(t->l, "Expected users field to be an array, got %s",
			    loader_text(v, text));
		return;
	}
	for (size_t i = 0; i < v->array.n; i++)
		if (!one_user(t, v->array.at[i], account))
			return;
}

bool
access_users_unique(struct access_tree *t, size_t first, const struct conf_value *at)
{
	char quoted[QUOTE_TEXT_MAX];

	for (size_t i = first; i < t->a->nusers; i++) {
		const struct access_user *u = &t->a->users[i];
		bool nkey = u->nkey.n > 0;
		struct str name = nkey ? u->nkey : u->name;
		int rc = names_add(&t->users, name);

		if (rc == 1)
			continue;
		if (rc < 0)
			loader_error_at(t->l, at, "out of memory");
		else
			loader_error_at(t->l, at, "Duplicate %s %s detected", nkey ? "nkey" : "user",
			    quote(name, quoted));
		return (false);
	}
	return (true);
}

void
access_users_default(struct access_tree *t, size_t first, const struct access_permissions *defaults)
{
	for (size_t i = first; i < t->a->nusers; i++)
		if (t->a->users[i].permissions == NULL)
			t->a->users[i].permissions = defaults;
}
