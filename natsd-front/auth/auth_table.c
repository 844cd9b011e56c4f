#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "natsd-front/auth/auth_table.h"
#include "natsd-front/auth/bcrypt.h"
#include "natsd-front/auth/dn.h"
#include "natsd-front/auth/secret.h"
#include "natsd-front/permit.h"

/* ---- looking up ---- */

/* Where the name stands, or the free slot where it belongs. */
static size_t
slot_of(const struct auth_table *t, struct str name, bool is_nkey)
{
	size_t at = XXH3_64bits_withSeed(name.p, name.n, is_nkey) & (t->nslots - 1);
	const struct auth_user *u;

	for (; t->slots[at] != 0; at = (at + 1) & (t->nslots - 1)) {
		u = &t->users[t->slots[at] - 1];
		if (u->is_nkey == is_nkey && str_eq(u->name, name))
			break;
	}
	return (at);
}

static const struct auth_user *
find(const struct auth_table *t, struct str name, bool is_nkey)
{
	size_t at;

	if (t->nslots == 0 || name.n == 0)
		return (NULL);
	at = slot_of(t, name, is_nkey);
	return (t->slots[at] == 0 ? NULL : &t->users[t->slots[at] - 1]);
}

const struct auth_user *
auth_table_user(const struct auth_table *t, struct str name)
{
	return (find(t, name, false));
}

const struct auth_user *
auth_table_nkey(const struct auth_table *t, struct str text)
{
	return (find(t, text, true));
}

bool
auth_user_allows(const struct auth_user *u, unsigned type)
{
	return (u->said->types == 0 || (u->said->types & type) != 0);
}

bool
auth_user_same(const struct auth_user *a, const struct auth_user *b)
{
	return (a->is_nkey == b->is_nkey && str_eq(a->name, b->name) &&
	    secret_equal(a->said->password, b->said->password));
}

/* ---- making ---- */

static int
add_permit(struct auth_table *t, const struct access_permissions *p, const struct permit **to,
    struct err *e)
{
	struct permit **grown, *permit;

	if ((t->npermits & (t->npermits - 1)) == 0) {
		grown = reallocarray(t->permits, t->npermits == 0 ? 1 : t->npermits * 2,
		    sizeof(*grown));
		if (grown == NULL)
			return (err_set(e, "no memory for permissions"));
		t->permits = grown;
	}
	if ((permit = permit_new(p, e)) == NULL)
		return (-1);
	t->permits[t->npermits++] = permit;
	*to = permit;
	return (0);
}

/* Default permissions stand at many users in a row. */
static int
permit_of(struct auth_table *t, size_t i, struct err *e)
{
	const struct access_user *said = &t->access->users[i];

	if (said->permissions == NULL)
		return (0);
	if (i > 0 && t->access->users[i - 1].permissions != NULL &&
	    access_permissions_equal(said->permissions, t->access->users[i - 1].permissions)) {
		t->users[i].permit = t->users[i - 1].permit;
		return (0);
	}
	return (add_permit(t, said->permissions, &t->users[i].permit, e));
}

static int
add_user(struct auth_table *t, size_t i, struct err *e)
{
	const struct access_user *said = &t->access->users[i];
	struct auth_user *u = &t->users[i];
	size_t slot;

	u->said = said;
	u->is_nkey = said->nkey.n != 0;
	u->name = u->is_nkey ? said->nkey : said->name;
	u->hashed = bcrypt_is(said->password);
	if (u->is_nkey && nkey_decode(said->nkey, NKEY_USER, u->key) != 0)
		return (err_set(e, "not a public user key: " STR_FMT, STR_ARG(said->nkey)));
	if (u->is_nkey)
		t->has_nkeys = true;
	else
		t->has_users = true;
	slot = slot_of(t, u->name, u->is_nkey);
	if (u->name.n == 0 || t->slots[slot] != 0)
		return (err_set(e, "user without a name, or there twice: " STR_FMT,
		    STR_ARG(u->name)));
	t->slots[slot] = (uint32_t)i + 1;
	t->n = i + 1;
	if (said->account >= t->access->naccounts)
		return (err_set(e, "user of an account that is not there"));
	if (t->dns != NULL && !u->is_nkey)
		t->dns[i] = dn_parse(u->name);
	return (permit_of(t, i, e));
}

static int
add_users(struct auth_table *t, bool certificates, struct err *e)
{
	size_t i, n = t->access->nusers;

	if (n == 0)
		return (0);
	for (t->nslots = 4; t->nslots < n * 2; t->nslots *= 2)
		continue;
	t->users = calloc(n, sizeof(*t->users));
	t->slots = calloc(t->nslots, sizeof(*t->slots));
	if (certificates)
		t->dns = calloc(n, sizeof(*t->dns));
	if (t->users == NULL || t->slots == NULL || (certificates && t->dns == NULL))
		return (err_set(e, "no memory for %zu users", n));
	for (i = 0; i < n; i++)
		if (add_user(t, i, e) != 0)
			return (-1);
	return (0);
}

static int
add_proxies(struct auth_table *t, struct err *e)
{
	const struct access *a = t->access;

	if (a->nproxies == 0)
		return (0);
	if ((t->proxies = calloc(a->nproxies, sizeof(*t->proxies))) == NULL)
		return (err_set(e, "no memory for %zu proxies", a->nproxies));
	for (; t->nproxies < a->nproxies; t->nproxies++) {
		struct auth_proxy *p = &t->proxies[t->nproxies];

		p->text = a->proxies[t->nproxies];
		if (nkey_decode_any(p->text, p->key) != 0)
			return (err_set(e, "not a public key: " STR_FMT, STR_ARG(p->text)));
	}
	return (0);
}

struct auth_table *
auth_table_new(const struct access *a, bool certificates, struct err *e)
{
	struct auth_table *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		err_set(e, "no memory for users");
		return (NULL);
	}
	t->access = a;
	t->required = access_required(a);
	t->token_hashed = bcrypt_is(a->token);
	t->password_hashed = bcrypt_is(a->password);
	if (add_users(t, certificates, e) != 0 || add_proxies(t, e) != 0) {
		auth_table_free(t);
		return (NULL);
	}
	t->nonce = t->has_nkeys || t->nproxies > 0;
	t->no_auth = auth_table_nkey(t, a->no_auth_user);
	if (t->no_auth == NULL)
		t->no_auth = auth_table_user(t, a->no_auth_user);
	t->says_required = t->required && (t->no_auth == NULL || a->guest);
	return (t);
}

void
auth_table_free(struct auth_table *t)
{
	size_t i;

	if (t == NULL)
		return;
	for (i = 0; t->dns != NULL && i < t->n; i++)
		dn_free(t->dns[i]);
	for (i = 0; i < t->npermits; i++)
		permit_free(t->permits[i]);
	free(t->dns);
	free(t->permits);
	free(t->users);
	free(t->slots);
	free(t->proxies);
	free(t);
}
