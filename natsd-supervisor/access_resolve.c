#include "config.h"

#include "natsd-supervisor/access_resolve.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "common/access.h"
#include "common/num.h"
#include "common/tls_options.h"

#define NS_PER_S 1000000000LL

int
access_guest_make(char guest[ACCESS_GUEST_TEXT], struct err *e)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	size_t n = strlen("nats-");
	uint64_t chance;

	if (getrandom(&chance, sizeof(chance), 0) != (ssize_t)sizeof(chance))
		return (err_sys(e, "random number"));
	memcpy(guest, "nats-", n);
	for (; n < ACCESS_GUEST_TEXT - 1; n++) {
		guest[n] = digits[chance % (sizeof(digits) - 1)];
		chance /= sizeof(digits) - 1;
	}
	guest[n] = '\0';
	return (0);
}

/* ---- filling in ---- */

static void
resolve_timeout(struct options *o)
{
	if (o->access->timeout_ns != 0)
		return;
	if (o->tls == NULL)
		o->access->timeout_ns = ACCESS_TIMEOUT_NS;
	else if (!num_add_i64(o->tls->timeout_ns, NS_PER_S, &o->access->timeout_ns))
		o->access->timeout_ns = INT64_MAX;
}

/*
 * The one that is named; else a written $SYS; else one that is made now, unless that is not wanted.
 * *named: it stands in the file.
 */
static int
resolve_system(struct options *o, bool *named, struct err *e)
{
	struct access *a = o->access;
	bool unnamed = o->system_account[0] == '\0';

	a->system_account = access_find_account(a,
	    unnamed ? STR("$SYS") : str_of(o->system_account));
	*named = a->system_account != ACCESS_NO_ACCOUNT;
	if (*named || !unnamed || o->no_system_account)
		return (0);
	if (access_add_account(a, STR("$SYS"), e) == NULL)
		return (-1);
	a->system_account = (uint32_t)a->naccounts - 1;
	a->system_made = true;
	return (0);
}

/* Nobody but the system account has users: whoever comes is let into $G all the same. */
static int
add_guest(struct access *a, const char *guest, struct err *e)
{
	struct access_user *u = access_add_user(a, e);

	if (u == NULL || access_str(a, &u->name, str_of(guest), e) != 0 ||
	    access_str(a, &u->password, str_of(guest + strlen("nats-") + 1), e) != 0)
		return (-1);
	a->no_auth_user = u->name;
	a->guest = a->has_users = true;
	return (0);
}

int
access_resolve(struct options *o, bool authorization, const char *guest, struct err *e)
{
	struct access *a = o->access;
	bool named;

	resolve_timeout(o);
	if (access_str(a, &a->no_auth_user, str_of(o->no_auth_user), e) != 0 ||
	    resolve_system(o, &named, e) != 0)
		return (-1);
	if (named && a->naccounts == 2 && a->no_auth_user.n == 0 && !authorization)
		return (add_guest(a, guest, e));
	return (0);
}

/* ---- refusing ---- */

static bool
has_user(const struct access *a, struct str name)
{
	for (size_t i = 0; i < a->nusers; i++)
		if (str_eq(name, a->users[i].nkey.n > 0 ? a->users[i].nkey : a->users[i].name))
			return (true);
	return (false);
}

int
access_check(const struct options *o, struct err *e)
{
	const struct access *a = o->access;

	if (a->no_auth_user.n > 0 && !a->has_users)
		return (err_set(e, "no_auth_user: \"" STR_FMT "\" present, but users/nkeys are not defined",
		    STR_ARG(a->no_auth_user)));
	if (a->no_auth_user.n > 0 && !has_user(a, a->no_auth_user))
		return (err_set(e, "no_auth_user: \"" STR_FMT "\" not present as user or nkey in "
		    "authorization block or account configuration", STR_ARG(a->no_auth_user)));
	for (size_t i = 0; i < a->nproxies; i++)
		if (a->proxies[i].n == 0) /* an entry without a key */
			return (err_set(e, "proxy trusted key \"\" is invalid"));
	return (0);
}

int
access_check_system(const struct options *o, struct err *e)
{
	if (o->system_account[0] != '\0' && o->access->system_account == ACCESS_NO_ACCOUNT)
		return (err_set(e, "error resolving system account: account missing"));
	return (0);
}

/* ---- warning ---- */

/* $2a$11$... */
static bool
is_bcrypt(struct str s)
{
	return (s.n >= 7 && s.p[0] == '$' && s.p[1] == '2' && strchr("abxy", s.p[2]) != NULL &&
	    s.p[2] != '\0' && s.p[3] == '$' && s.p[4] >= '0' && s.p[4] <= '9' && s.p[5] >= '0' &&
	    s.p[5] <= '9' && s.p[6] == '$');
}

/* A user without password whom a certificate can name is no reason to warn. */
static bool
user_warns(const struct options *o, const struct access_user *u)
{
	bool mapped = o->tls != NULL && o->tls->map &&
	    (u->types == 0 || (u->types & ACCESS_STANDARD) != 0);

	if (u->nkey.n > 0 || (u->password.n == 0 && mapped))
		return (false);
	if (o->access->guest && str_eq(u->name, o->access->no_auth_user))
		return (false);
	return (!is_bcrypt(u->password));
}

bool
access_warns(const struct options *o)
{
	const struct access *a = o->access;

	if (a->password.n > 0 && !is_bcrypt(a->password))
		return (true);
	for (size_t i = 0; i < a->nusers; i++)
		if (user_warns(o, &a->users[i]))
			return (true);
	return (false);
}
