#include "config.h"

#include <stdlib.h>

#include "natsd-front/auth/auth.h"
#include "natsd-front/client/client.h"
#include "natsd-front/client/connect.h"
#include "natsd-front/client/connect_json.h"
#include "natsd-front/client/label.h"
#include "natsd-front/client/trace.h"
#include "natsd-front/conn.h"

/* Flags that CONNECT sets. */
#define FLAGS_SAID                                                                          \
	(CONN_VERBOSE | CONN_PEDANTIC | CONN_ECHO | CONN_HEADERS_WANTED | CONN_NO_RESPONDERS | \
	    CONN_TLS_WANTED)

/* What an earlier CONNECT said is where this one starts; credentials are taken from where they were
 * kept. */
static struct connect_options
options_of(struct conn *c)
{
	struct connect_options o = { .verbose = false }, *said = auth_said(c);

	if (said != NULL) {
		o = *said;
		*said = (struct connect_options){ .verbose = false };
	}
	o.verbose = (c->flags & CONN_VERBOSE) != 0;
	o.pedantic = (c->flags & CONN_PEDANTIC) != 0;
	o.echo = (c->flags & CONN_ECHO) != 0;
	o.headers = (c->flags & CONN_HEADERS_WANTED) != 0;
	o.no_responders = (c->flags & CONN_NO_RESPONDERS) != 0;
	o.tls_required = (c->flags & CONN_TLS_WANTED) != 0;
	o.protocol = c->protocol;
	return (o);
}

static void
take_label(char **to, struct connect_text *from)
{
	if (from->p == NULL)
		return;
	free(*to);
	*to = from->p;
	*from = (struct connect_text){ NULL, 0 };
}

/* The log calls a connection by what its first CONNECT said, monitoring by what the last one did. */
static void
take_labels(struct conn *c, struct connect_options *o)
{
	char *text = NULL;

	if ((c->flags & CONN_LABELLED) == 0)
		text = label_make(o, str_of(c->account->name));
	c->flags |= CONN_LABELLED;
	if (text == NULL && o->name.p == NULL && o->lang.p == NULL && o->version.p == NULL)
		return;
	if (c->labels == NULL && (c->labels = calloc(1, sizeof(*c->labels))) == NULL) {
		free(text);
		return;
	}
	if (text != NULL)
		c->labels->text = text;
	take_label(&c->labels->name, &o->name);
	take_label(&c->labels->lang, &o->lang);
	take_label(&c->labels->version, &o->version);
}

static void
take_flags(struct conn *c, const struct connect_options *o)
{
	c->flags &= ~(uint32_t)(FLAGS_SAID | CONN_HEADERS);
	c->flags |= (o->verbose ? CONN_VERBOSE : 0u) | (o->pedantic ? CONN_PEDANTIC : 0u) |
	    (o->echo ? CONN_ECHO : 0u) | (o->headers ? CONN_HEADERS_WANTED : 0u) |
	    (o->no_responders ? CONN_NO_RESPONDERS : 0u) | (o->tls_required ? CONN_TLS_WANTED : 0u);
	if (o->headers && c->worker->settings->headers)
		c->flags |= CONN_HEADERS;
}

static void
connect_refuse(struct conn *c, const char *text, enum reason reason)
{
	conn_err(c, text);
	conn_close(c, reason);
	conn_log(c, LOG_LVL_ERROR, "%s", text);
}

/* Behind authentication: steps 10 to 13. */
static void
connect_finish(struct conn *c, struct connect_options *o)
{
	if (o->account.n != 0 || o->new_account) {
		auth_refuse(c);
		return;
	}
	take_labels(c, o);
	if (o->protocol < 0 || o->protocol > 1) {
		connect_refuse(c, "invalid client protocol", REASON_BAD_PROTOCOL_VERSION);
	} else if ((c->flags & (CONN_NO_RESPONDERS | CONN_HEADERS)) == CONN_NO_RESPONDERS) {
		connect_refuse(c, "no responders requires headers support", REASON_NO_RESPONDERS);
	} else {
		c->protocol = (uint8_t)o->protocol;
		conn_ok(c);
	}
}

void
client_connected(struct conn *c)
{
	connect_finish(c, auth_said(c));
	auth_settle(c);
}

/* Steps 8 and 9: whoever it was, it is nobody now. */
static void
authenticate(struct conn *c, bool again)
{
	if (again)
		client_end(c);
	if (auth_connect(c) == AUTH_DONE)
		client_connected(c);
}

void
client_connect(struct conn *c, struct str json)
{
	struct connect_options o = options_of(c);
	bool again = (c->flags & CONN_CONNECTED) != 0;
	char why[CONNECT_WHY_MAX];

	trace_connect(c, json);
	c->rtt_ns = mono_diff_ns(mono_now(), c->started);
	client_ping_first(c);
	if (connect_json_read(json, &o, why) != 0) {
		conn_log(c, LOG_LVL_ERROR, "%s", why);
		conn_close(c, REASON_PROTOCOL);
		auth_keep(c, &o);
		connect_options_free(&o);
		return;
	}
	c->flags |= CONN_CONNECTED;
	c->parser.connect_only = false;
	take_flags(c, &o);
	if (auth_keep(c, &o) == 0)
		authenticate(c, again);
	else
		conn_no_memory(c, REASON_READ_ERROR, "its credentials");
	connect_options_free(&o);
}
