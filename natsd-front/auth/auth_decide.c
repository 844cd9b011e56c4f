#include "config.h"

#include "common/base64.h"
#include "natsd-front/auth/auth_decide.h"
#include "natsd-front/auth/secret.h"

static void
refuse(struct auth_decision *d, enum reason reason)
{
	d->verdict = AUTH_REFUSE;
	d->reason = reason;
	if (reason == REASON_PROXY_REQUIRED)
		d->why = "proxy connection required";
	if (reason == REASON_PROXY_NOT_TRUSTED)
		d->why = AUTH_PROXY_WHY;
}

/* said: what the client said; wanted: what the configuration has. */
static void
compare(struct auth_decision *d, struct str wanted, bool hashed, struct str said)
{
	if (hashed) {
		d->verdict = AUTH_BCRYPT;
		d->proof = wanted;
		d->secret = said;
	} else if (secret_equal(wanted, said)) {
		d->verdict = AUTH_ACCEPT;
	} else {
		refuse(d, REASON_AUTH_FAILURE);
	}
}

/* As long as it would take for a user that exists. */
static void
refuse_unknown(struct auth_decision *d, const struct auth_creds *c)
{
	volatile bool same = secret_equal(c->pass, c->pass);

	(void)same;
	refuse(d, REASON_AUTH_FAILURE);
}

static bool
says_nothing(const struct auth_creds *c)
{
	return (c->user.n == 0 && c->pass.n == 0 && c->token.n == 0);
}

/* ---- whom it names ---- */

/* True: the nkey, or no_auth_user as one, decides. */
static bool
find_nkey(const struct auth_table *t, const struct auth_creds *c, struct auth_decision *d)
{
	if (!t->has_nkeys)
		return (false);
	if (c->nkey.n != 0) {
		d->user = auth_table_nkey(t, c->nkey);
		return (true);
	}
	if (t->no_auth == NULL || !t->no_auth->is_nkey || !says_nothing(c))
		return (false);
	d->user = t->no_auth;
	d->by_no_auth = true;
	return (true);
}

/* True: a user, or the certificate, decides. */
static bool
find_user(const struct auth_table *t, const struct auth_creds *c, const struct auth_facts *f,
    struct auth_decision *d)
{
	if (!t->has_users)
		return (false);
	if (f->maps) {
		d->user = f->cert == NULL ? NULL : cert_user(f->cert, t, f->type);
		if (f->cert == NULL)
			d->why = "User required in cert, no peer certificates found";
		d->by_cert = true;
		return (true);
	}
	if (t->no_auth != NULL && !t->no_auth->is_nkey && says_nothing(c)) {
		d->user = t->no_auth;
		d->by_no_auth = true;
		return (true);
	}
	if (c->user.n == 0)
		return (false);
	d->user = auth_table_user(t, c->user);
	return (true);
}

/* ---- whether it may ---- */

static void
check_nkey(const struct auth_table *t, const struct auth_creds *c, struct auth_decision *d)
{
	size_t n;

	if (d->user == t->no_auth) {
		d->verdict = AUTH_ACCEPT;
		return;
	}
	if (c->sig.n == 0)
		d->why = "Signature missing";
	n = base64_decode_url(c->sig, d->sig, sizeof(d->sig));
	if (n == SIZE_MAX)
		n = base64_decode_std(c->sig, d->sig, sizeof(d->sig));
	if (n == SIZE_MAX)
		d->why = "Signature not valid base64";
	if (n != sizeof(d->sig)) {
		refuse(d, REASON_AUTH_FAILURE);
		return;
	}
	d->verdict = AUTH_NKEY;
	d->proof = d->user->name;
}

static void
check_found(const struct auth_table *t, const struct auth_creds *c, const struct auth_facts *f,
    struct auth_decision *d)
{
	if (d->user == NULL)
		refuse_unknown(d, c);
	else if (!auth_user_allows(d->user, f->type))
		refuse(d, REASON_AUTH_FAILURE);
	else if (d->user->said->proxy_required && f->proxy.n == 0)
		refuse(d, REASON_PROXY_REQUIRED);
	else if (d->user->is_nkey)
		check_nkey(t, c, d);
	else if (d->by_no_auth)
		d->verdict = AUTH_ACCEPT;
	else
		compare(d, d->user->said->password, d->user->hashed, c->pass);
}

static void
check_single(const struct auth_table *t, const struct auth_creds *c, const struct auth_facts *f,
    struct auth_decision *d)
{
	const struct access *a = t->access;

	if (a->proxy_required && f->proxy.n == 0)
		refuse(d, REASON_PROXY_REQUIRED);
	else if (a->token.n != 0)
		compare(d, a->token, t->token_hashed, c->token);
	else if (a->user.n != 0 && str_eq(a->user, c->user))
		compare(d, a->password, t->password_hashed, c->pass);
	else
		refuse_unknown(d, c);
}

/* ---- the proxy that it came through ---- */

/* False: decided, as its signature is wrong or not known yet. */
static bool
check_proxy(const struct auth_table *t, const struct auth_creds *c, const struct auth_facts *f,
    struct auth_decision *d)
{
	size_t n;

	if (c->proxy_sig.n == 0 || t->nproxies == 0 || f->proxy.n != 0)
		return (true);
	n = base64_decode_url(c->proxy_sig, d->sig, sizeof(d->sig));
	if (n == sizeof(d->sig)) {
		d->verdict = AUTH_PROXY;
		return (false);
	}
	if (n == SIZE_MAX)
		d->why_first = "Proxy signature not valid base64";
	refuse(d, REASON_PROXY_NOT_TRUSTED);
	return (false);
}

void
auth_decide(const struct auth_table *t, const struct auth_creds *c, const struct auth_facts *f,
    struct auth_decision *d)
{
	*d = (struct auth_decision){ .verdict = AUTH_ACCEPT };
	if (!check_proxy(t, c, f, d) || !t->required)
		return;
	if (find_nkey(t, c, d) || find_user(t, c, f, d))
		check_found(t, c, f, d);
	else
		check_single(t, c, f, d);
}

const struct auth_user *
auth_decide_first(const struct auth_table *t, unsigned type)
{
	const struct auth_user *u = t->no_auth;

	if (u == NULL || u->is_nkey || u->said->proxy_required || !auth_user_allows(u, type))
		return (NULL);
	return (u);
}
