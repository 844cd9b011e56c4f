#include "config.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/mapping.h"
#include "common/num.h"
#include "common/tls_options.h"
#include "natsd-front/auth/auth_table.h"
#include "natsd-front/client/info.h"
#include "natsd-front/settings.h"
#include "natsd-front/shared.h"
#include "natsd-front/tls/context.h"

struct settings_count {
	_Atomic uint32_t refs;
	struct settings *settings; /* for the last one, who may free it */
};

static int
info_host(struct settings *s, const char *host, size_t n, struct err *e)
{
	s->info_host = strndup(host, n);
	return (s->info_host == NULL ? err_set(e, "no memory") : 0);
}

/* "host", "host:port", "[v6]:port": over what the listener says. */
static int
settings_advertise(struct settings *s, struct err *e)
{
	const char *a = s->o.client_advertise, *colon = strrchr(a, ':');
	size_t n = strlen(a);
	uint64_t port;

	s->info_port = s->o.bound_port;
	if (n == 0)
		return (info_host(s, s->o.bound_host, strlen(s->o.bound_host), e));
	if (colon != NULL && (a[0] == '[' ? colon > strchr(a, ']') : strchr(a, ':') == colon)) {
		if (num_parse_u64(str_of(colon + 1), 0, 65535, &port) != 0)
			return (err_set(e, "invalid ClientAdvertise value of %s", a));
		if (port != 0)
			s->info_port = (int64_t)port;
		n = (size_t)(colon - a);
	}
	if (n >= 2 && a[0] == '[' && a[n - 1] == ']') {
		a++;
		n -= 2;
	}
	return (info_host(s, a, n, e));
}

static uint32_t
subs_limit(int64_t n)
{
	return (n < 0 || n >= SETTINGS_NO_SUBS_LIMIT ? SETTINGS_NO_SUBS_LIMIT : (uint32_t)n);
}

static void
settings_limits(struct settings *s)
{
	const struct options *o = &s->o;

	s->max_payload = (int32_t)o->max_payload;
	s->max_control_line = o->max_control_line < 0 ? 0 : (uint32_t)o->max_control_line;
	s->max_subs = subs_limit(o->max_subscriptions == 0 ? -1 : o->max_subscriptions);
	s->max_conns = o->max_connections;
	s->max_pending = o->max_pending < 0 ? 0 : (size_t)o->max_pending;
	s->stall_gate = s->max_pending / 4 * 3;
	s->write_deadline_ns = o->write_deadline;
	s->ping_interval_ns = o->ping_interval;
	s->headers = !o->no_header_support;
}

/* The smaller of both; negative is no limit. */
static int64_t
lower_limit(int64_t a, int64_t b)
{
	if (a < 0 || b < 0)
		return (a < 0 ? b : a);
	return (a < b ? a : b);
}

static void
account_limits(struct account_settings *to, const struct access_account *said,
    const struct settings *s)
{
	int64_t payload = lower_limit(said->max_payload, s->max_payload);
	uint32_t subs = subs_limit(said->max_subs);

	to->said = said;
	to->max_conns = said->max_conns;
	to->max_payload = payload > INT32_MAX ? INT32_MAX : (int32_t)payload;
	to->max_subs = subs < s->max_subs ? subs : s->max_subs;
}

static int
account_mappings(struct account_settings *to, const struct access_account *said, struct err *e)
{
	if (said->nmappings == 0)
		return (0);
	to->mappings = mappings_new(said->mappings, said->nmappings, STR_NONE, e);
	return (to->mappings == NULL ? err_wrap(e, "mappings of " STR_FMT, STR_ARG(said->name)) : 0);
}

int
settings_bind(struct settings *s, struct shared *sh, struct err *e)
{
	const struct access *a = s->o.access;
	size_t i;

	for (i = 0; i < a->naccounts; i++) {
		if (i == 0)
			s->accounts[i].account = sh->global;
		else if (i == a->system_account)
			s->accounts[i].account = sh->system;
		else
			s->accounts[i].account = shared_account_named(sh, a->accounts[i].name, e);
		if (s->accounts[i].account == NULL)
			return (-1);
	}
	return (0);
}

static int
settings_access(struct settings *s, struct err *e)
{
	const struct access *a = s->o.access;
	size_t i;

	s->auth_timeout_ns = a->timeout_ns;
	s->auth = auth_table_new(a, s->o.tls != NULL && s->o.tls->map, e);
	if (s->auth == NULL)
		return (-1);
	if ((s->accounts = calloc(a->naccounts, sizeof(*s->accounts))) == NULL)
		return (err_set(e, "no memory for accounts"));
	for (i = 0; i < a->naccounts; i++) {
		account_limits(&s->accounts[i], &a->accounts[i], s);
		if (account_mappings(&s->accounts[i], &a->accounts[i], e) != 0)
			return (-1);
	}
	return (0);
}

static void
settings_free(struct settings *s)
{
	size_t i;

	tls_context_release(s->tls);
	auth_table_free(s->auth);
	for (i = 0; s->accounts != NULL && i < s->o.access->naccounts; i++)
		mappings_free(s->accounts[i].mappings);
	free(s->accounts);
	options_free(&s->o);
	free(s->info_host);
	free(s->info_head);
	free(s->info_tail);
	free(s->count);
	free(s);
}

struct settings *
settings_new(const uint8_t *p, size_t n, struct err *e)
{
	struct settings *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(e, "no memory");
		return (NULL);
	}
	if ((s->count = calloc(1, sizeof(*s->count))) == NULL) {
		err_set(e, "no memory");
		goto fail;
	}
	*s->count = (struct settings_count){ .refs = 1, .settings = s };
	if (options_init(&s->o, e) != 0)
		goto fail;
	if (options_decode(&s->o, p, n, e) != 0) {
		err_wrap(e, "configuration");
		goto fail;
	}
	settings_limits(s);
	if (settings_access(s, e) != 0) {
		err_wrap(e, "configuration");
		goto fail;
	}
	if (settings_advertise(s, e) != 0)
		goto fail;
	if (s->o.tls != NULL && (s->tls = tls_context_new(s->o.tls, e)) == NULL) {
		err_wrap(e, "tls");
		goto fail;
	}
	if (info_prepare(s) != 0) {
		err_set(e, "no memory");
		goto fail;
	}
	return (s);
fail:
	settings_free(s);
	return (NULL);
}

const struct settings *
settings_hold(const struct settings *s)
{
	atomic_fetch_add_explicit(&s->count->refs, 1, memory_order_relaxed);
	return (s);
}

void
settings_release(const struct settings *s)
{
	if (s == NULL)
		return;
	if (atomic_fetch_sub_explicit(&s->count->refs, 1, memory_order_acq_rel) == 1)
		settings_free(s->count->settings);
}
