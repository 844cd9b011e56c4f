#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/num.h"
#include "natsd-front/client/info.h"
#include "natsd-front/settings.h"
#include "natsd-front/tls/context.h"

/* "host", "host:port", "[v6]:port": over what the listener says. */
static int
settings_advertise(struct settings *s)
{
	const char *a = s->o.client_advertise, *colon = strrchr(a, ':');
	size_t n = strlen(a);
	uint64_t port;

	s->info_port = s->o.bound_port;
	if (n == 0) {
		s->info_host = strdup(s->o.bound_host);
		return (s->info_host == NULL ? -1 : 0);
	}
	if (colon != NULL && (a[0] == '[' ? colon > strchr(a, ']') : strchr(a, ':') == colon)) {
		if (num_parse_u64(str_of(colon + 1), 0, 65535, &port) != 0)
			return (-1);
		if (port != 0)
			s->info_port = (int64_t)port;
		n = (size_t)(colon - a);
	}
	if (n >= 2 && a[0] == '[' && a[n - 1] == ']') {
		a++;
		n -= 2;
	}
	s->info_host = strndup(a, n);
	return (s->info_host == NULL ? -1 : 0);
}

static void
settings_limits(struct settings *s)
{
	const struct options *o = &s->o;

	s->max_payload = (int32_t)o->max_payload;
	s->max_control_line = o->max_control_line < 0 ? 0 : (uint32_t)o->max_control_line;
	s->max_subs = o->max_subscriptions <= 0 ? 0
	    : o->max_subscriptions > UINT32_MAX ? UINT32_MAX
						: (uint32_t)o->max_subscriptions;
	s->max_conns = o->max_connections;
	s->max_pending = o->max_pending < 0 ? 0 : (size_t)o->max_pending;
	s->stall_gate = s->max_pending / 4 * 3;
	s->write_deadline_ns = o->write_deadline;
	s->ping_interval_ns = o->ping_interval;
	s->headers = !o->no_header_support;
}

struct settings *
settings_new(const uint8_t *p, size_t n, struct err *e)
{
	struct settings *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		err_set(e, "no memory");
		return (NULL);
	}
	if (options_init(&s->o, e) != 0)
		goto fail;
	if (options_decode(&s->o, p, n, e) != 0) {
		err_wrap(e, "configuration");
		goto fail;
	}
	settings_limits(s);
	if (settings_advertise(s) != 0) {
		err_set(e, "invalid ClientAdvertise value of %s", s->o.client_advertise);
		goto fail;
	}
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

void
settings_free(struct settings *s)
{
	if (s == NULL)
		return;
	options_free(&s->o);
	tls_context_release(s->tls);
	free(s->info_host);
	free(s->info_head);
	free(s->info_tail);
	free(s);
}
