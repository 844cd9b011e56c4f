#include "config.h"

#include "natsd-supervisor/reload_diff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/access.h"
#include "common/buf.h"
#include "common/duration.h"
#include "common/log.h"
#include "common/quote.h"
#include "common/tls_options.h"
#include "natsd-supervisor/loader.h"

#define VALUE_TEXT_MAX CLI_VALUE_MAX
#define NS_PER_S 1000000000.0
#define TLS_TIMEOUT_NS 2000000000LL

/* ---- values in words ---- */

/* As Go's %v prints it. */
static const char *
print_value(const struct options *o, const struct option_row *r, char out[VALUE_TEXT_MAX])
{
	static const char *const policies[] = { [POLICY_DEFAULT] = "",
		[POLICY_CLOSE] = "close", [POLICY_RETRY] = "retry" };
	static const char *const levels[] = { [LOG_LVL_INFO] = "info",
		[LOG_LVL_WARN] = "warn", [LOG_LVL_ERROR] = "error" };
	char duration[DURATION_TEXT_MAX];

	switch (r->type) {
	case OPTION_BOOL:
		return (option_number(o, r) != 0 ? "true" : "false");
	case OPTION_DUR:
		snprintf(out, VALUE_TEXT_MAX, "%s", duration_print(option_number(o, r), duration));
		break;
	case OPTION_POLICY:
		return (policies[option_number(o, r)]);
	case OPTION_LEVEL:
		return (levels[option_number(o, r)]);
	case OPTION_INT:
	case OPTION_SIZE:
		snprintf(out, VALUE_TEXT_MAX, "%lld", (long long)option_number(o, r));
		break;
	case OPTION_STR:
	case OPTION_TAGS:
	case OPTION_MAP:
		snprintf(out, VALUE_TEXT_MAX, "%s", option_string(o, r));
		break;
	}
	return (out);
}

static int
refuse(struct err *e, const char *name, const char *old, const char *next)
{
	return (err_set(e, "config reload not supported for %s: old=%s, new=%s", name, old, next));
}

/* ---- the user of those who name none, the system account ---- */

static bool
has_user(const struct access *a, const char *name)
{
	if (a->guest) /* made up after nats-server has compared */
		return (false);
	for (size_t i = 0; i < a->nusers; i++)
		if (str_eq(a->users[i].name, str_of(name)))
			return (true);
	return (false);
}

/* It may go, when the user goes as well. */
static int
check_no_auth_user(const struct options *old, const struct options *next, struct err *e)
{
	char was[VALUE_TEXT_MAX];

	snprintf(was, sizeof(was), STR_FMT, STR_ARG(old->access->no_auth_user));
	if (strcmp(was, next->no_auth_user) == 0 ||
	    (next->no_auth_user[0] == '\0' && !has_user(next->access, was)))
		return (0);
	return (refuse(e, "NoAuthUser", was, next->no_auth_user));
}

/* A $SYS that was written is named by that. */
static int
check_system_account(const struct options *old, const struct options *next, struct err *e)
{
	const struct access *a = old->access;
	bool written = a->system_account != ACCESS_NO_ACCOUNT && !a->system_made;
	const char *was = old->system_account[0] == '\0' && written ? "$SYS" : old->system_account;

	if (strcmp(was, next->system_account) == 0 ||
	    (strcmp(was, "$SYS") == 0 && next->system_account[0] == '\0'))
		return (0);
	return (refuse(e, "SystemAccount", was, next->system_account));
}

/* ---- users ---- */

static int
nkey_compare(const void *va, const void *vb)
{
	const struct access_user *a = *(const struct access_user *const *)va;
	const struct access_user *b = *(const struct access_user *const *)vb;

	return (memcmp(a->nkey.p, b->nkey.p, a->nkey.n < b->nkey.n ? a->nkey.n : b->nkey.n));
}

/* Those of the users that are nkeys, sorted; *n: how many.  NULL: no memory. */
static const struct access_user **
nkeys_of(const struct access *a, size_t *n)
{
	const struct access_user **all = reallocarray(NULL, a->nusers + 1, sizeof(*all));

	*n = 0;
	if (all == NULL)
		return (NULL);
	for (size_t i = 0; i < a->nusers; i++)
		if (a->users[i].nkey.n > 0)
			all[(*n)++] = &a->users[i];
	qsort(all, *n, sizeof(*all), nkey_compare);
	return (all);
}

/* An account other than $G never compares as equal in nats-server. */
static bool
nkey_differs(const struct access_user *a, const struct access_user *b)
{
	return (a->account != 0 || b->account != 0 || !str_eq(a->nkey, b->nkey) ||
	    a->types != b->types || a->proxy_required != b->proxy_required ||
	    !access_permissions_equal(a->permissions, b->permissions));
}

static bool
nkeys_differ(const struct access *old, const struct access *next)
{
	size_t nold, nnext;
	const struct access_user **a = nkeys_of(old, &nold), **b = nkeys_of(next, &nnext);
	bool differ = a == NULL || b == NULL || nold != nnext;

	for (size_t i = 0; i < nold && !differ; i++)
		differ = nkey_differs(a[i], b[i]);
	free(a);
	free(b);
	return (differ);
}

/* Users and accounts count as changed each time, as in nats-server. */
static void
log_users(const struct options *old, const struct options *next)
{
	if (nkeys_differ(old->access, next->access))
		log_info("Reloaded: authorization nkey users");
	log_info("Reloaded: authorization users");
	log_info("Reloaded: accounts");
}

static void
log_user(const struct options *old, const struct options *next)
{
	if (!str_eq(old->access->user, next->access->user))
		log_info("Reloaded: authorization username");
	if (!str_eq(old->access->password, next->access->password))
		log_info("Reloaded: authorization password");
}

static void
log_token(const struct options *old, const struct options *next)
{
	if (!str_eq(old->access->token, next->access->token))
		log_info("Reloaded: authorization token");
}

static void
log_seconds(const char *what, int64_t old_ns, int64_t next_ns)
{
	char text[LOADER_TEXT_MAX];

	if (old_ns != next_ns)
		log_info("Reloaded: %s timeout = %s", what,
		    loader_number_text((double)next_ns / NS_PER_S, text));
}

static void
log_auth_timeout(const struct options *old, const struct options *next)
{
	log_seconds("authorization", old->access->timeout_ns, next->access->timeout_ns);
}

/* ---- TLS ---- */

static int
check_tls(const struct options *old, const struct options *next, const struct cli *cli, struct err *e)
{
	bool was_map = old->tls != NULL && old->tls->map, map = next->tls != NULL && next->tls->map;
	int64_t was_rate = old->tls == NULL ? 0 : old->tls->rate_limit;
	int64_t rate = next->tls == NULL ? 0 : next->tls->rate_limit;
	char from[VALUE_TEXT_MAX], to[32];
	const char *flag = cli_tls_flag(cli, from);

	if (flag != NULL) /* which is forgotten at a reload */
		return (refuse(e, flag, from, strcmp(from, "true") == 0 ? "false" : ""));
	if (was_map != map)
		return (refuse(e, "TLSMap", was_map ? "true" : "false", map ? "true" : "false"));
	if (was_rate == rate)
		return (0);
	snprintf(from, sizeof(from), "%lld", (long long)was_rate);
	snprintf(to, sizeof(to), "%lld", (long long)rate);
	return (refuse(e, "TLSRateLimit", from, to));
}

/* Certificates, authorities and rules of the handshake; the rest has lines of its own. */
static bool
tls_differs(const struct tls_options *old, const struct tls_options *next)
{
	struct tls_options a, b;

	if (old == NULL || next == NULL)
		return (old != next);
	a = *old;
	b = *next;
	a.timeout_ns = b.timeout_ns;
	a.first = b.first;
	a.first_delay_ns = b.first_delay_ns;
	a.npins = b.npins = 0;
	a.cert_file = b.cert_file;
	return (!tls_options_equal(&a, &b));
}

static bool
pins_differ(const struct tls_options *old, const struct tls_options *next)
{
	size_t nold = old == NULL ? 0 : old->npins, n = next == NULL ? 0 : next->npins;

	return (nold != n || (n > 0 && memcmp(old->pins, next->pins, n * sizeof(*old->pins)) != 0));
}

static void
log_first(const struct tls_options *old, const struct tls_options *next)
{
	bool was = old != NULL && old->first, is = next != NULL && next->first;
	int64_t was_ns = old == NULL ? 0 : old->first_delay_ns;
	int64_t ns = next == NULL ? 0 : next->first_delay_ns;
	char text[DURATION_TEXT_MAX];

	if (was != is)
		log_info("Reloaded: Client TLS handshake first: %s", is ? "true" : "false");
	if (was_ns != ns)
		log_info("Reloaded: Client TLS handshake first fallback delay: %s",
		    duration_print(ns, text));
}

static void
log_tls(const struct options *old, const struct options *next)
{
	const struct tls_options *a = old->tls, *b = next->tls;

	log_seconds("tls", a == NULL ? TLS_TIMEOUT_NS : a->timeout_ns,
	    b == NULL ? TLS_TIMEOUT_NS : b->timeout_ns);
	if (tls_differs(a, b))
		log_info("Reloaded: tls = %s", b == NULL ? "disabled" : "enabled");
	if (pins_differ(a, b))
		log_info("Reloaded: %zu pinned_certs", b == NULL ? (size_t)0 : b->npins);
	log_first(a, b);
}

/* ---- proxies ---- */

/* Of the single user or token; those of users may change. */
static int
check_proxy_required(const struct options *old, const struct options *next, const struct cli *cli,
    struct err *e)
{
	bool was = old->access->proxy_required, is = next->access->proxy_required;

	(void)cli;
	if (was == is)
		return (0);
	return (refuse(e, "ProxyRequired", was ? "true" : "false", is ? "true" : "false"));
}

/* Those of `from` that are not in `in`. */
static void
log_proxies_of(const struct access *from, const struct access *in, const char *what)
{
	struct buf keys = BUF_INIT(LOG_TEXT_MAX);
	char quoted[QUOTE_TEXT_MAX];

	for (size_t i = 0; i < from->nproxies; i++)
		if (!access_has_proxy(in, from->proxies[i]))
			(void)buf_addf(&keys, "%s%s", keys.len > 0 ? " " : "",
			    quote(from->proxies[i], quoted));
	if (keys.len > 0)
		log_info("Reloaded: proxies trusted keys [" STR_FMT "] were %s",
		    STR_ARG(buf_str(&keys)), what);
	buf_free(&keys);
}

static void
log_proxies(const struct options *old, const struct options *next)
{
	log_proxies_of(old->access, next->access, "removed");
	log_proxies_of(next->access, old->access, "added");
}

/* ---- the order ---- */

/* What is no row of the table, and the row before which nats-server compares it. */
struct part {
	const char *before;
	int (*check)(const struct options *, const struct options *, const struct cli *, struct err *);
	void (*log)(const struct options *, const struct options *);
};

static const struct part parts[] = {
	{ "no_auth_user", NULL, log_users },
	{ "proxy_protocol", check_proxy_required, log_user },
	{ "ping_interval", NULL, log_token },
	{ "max_control_line", NULL, log_auth_timeout },
	{ "allow_non_tls", check_tls, log_tls },
	{ "front_threads", NULL, log_proxies },
};

static const struct part *
part_before(const struct option_row *r)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strcmp(parts[i].before, r->field) == 0)
			return (&parts[i]);
	return (NULL);
}

static int
check_row(const struct option_row *r, const struct options *old, const struct options *next,
    struct err *e)
{
	char from[VALUE_TEXT_MAX], to[VALUE_TEXT_MAX];

	switch (r->reload) {
	case OPTION_RELOAD_NO:
		if (!option_differs(r, old, next))
			return (0);
		return (refuse(e, r->name, print_value(old, r, from), print_value(next, r, to)));
	case OPTION_RELOAD_RULE:
		if (strcmp(r->field, "no_auth_user") == 0)
			return (check_no_auth_user(old, next, e));
		return (check_system_account(old, next, e));
	case OPTION_RELOAD_LIVE:
	case OPTION_RELOAD_FREE:
		break;
	}
	return (0);
}

int
reload_diff_check(const struct options *old, const struct options *next, const struct cli *cli,
    struct err *e)
{
	const struct option_row *r;
	const struct part *part;
	size_t n;

	r = options_rows(&n);
	for (size_t i = 0; i < n; i++) {
		part = part_before(&r[i]);
		if (part != NULL && part->check != NULL && part->check(old, next, cli, e) != 0)
			return (-1);
		if (check_row(&r[i], old, next, e) != 0)
			return (-1);
	}
	return (0);
}

/* ---- what is told ---- */

static const char *
log_text(const struct option_row *r, const struct options *o)
{
	if (strcmp(r->field, "no_fast_producer_stall") == 0)
		return (o->no_fast_producer_stall ? "Reloaded: fast producers will not be stalled" :
		    "Reloaded: fast producers will be stalled");
	if (r->type == OPTION_TAGS)
		return ("Reloaded: tags");
	if (r->type == OPTION_MAP)
		return ("Reloaded: metadata");
	return (NULL);
}

static void
log_change(const struct option_row *r, const struct options *o)
{
	const char *text = log_text(r, o);
	char value[VALUE_TEXT_MAX];

	if (text != NULL)
		log_info("%s", text);
	else /* nats-server's own spelling of that one */
		log_info("%s: %s = %s", strcmp(r->field, "client_advertise") == 0 ? "Reload" : "Reloaded",
		    r->field, print_value(o, r, value));
}

void
reload_diff_log(const struct options *old, const struct options *next)
{
	const struct option_row *r;
	const struct part *part;
	size_t n;

	r = options_rows(&n);
	for (size_t i = 0; i < n; i++) {
		if ((part = part_before(&r[i])) != NULL)
			part->log(old, next);
		if (r[i].reload == OPTION_RELOAD_LIVE && option_differs(&r[i], old, next))
			log_change(&r[i], next);
	}
}
