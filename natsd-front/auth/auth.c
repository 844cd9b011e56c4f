#include "config.h"

#include <sys/random.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/quote.h"
#include "common/tls_options.h"
#include "natsd-front/auth/auth.h"
#include "natsd-front/auth/auth_bind.h"
#include "natsd-front/auth/auth_decide.h"
#include "natsd-front/auth/auth_job.h"
#include "natsd-front/client/client.h"
#include "natsd-front/client/connect.h"
#include "natsd-front/client/connect_json.h"
#include "natsd-front/conn.h"
#include "natsd-front/text.h"
#include "natsd-front/tls/tls.h"

#define NONCE_BYTES 11
#define NONCE_TEXT BASE64_URL_TEXT(NONCE_BYTES)

struct auth {
	struct connect_options said;
	const struct auth_job *job; /* under way; NULL: none */
	bool connecting;	    /* CONNECT is not done with */
	bool has_signed;	    /* let in as an nkey user */
	char nonce[NONCE_TEXT];	    /* "": none */
	char proxy[NKEY_PUBLIC_TEXT]; /* key of the trusted proxy; "": none that is known */
};

/* ---- what is kept of a connection ---- */

static struct auth *
block_of(struct conn *c)
{
	if (c->auth == NULL)
		c->auth = calloc(1, sizeof(*c->auth));
	return (c->auth);
}

static bool
says_anything(const struct connect_options *o)
{
	return (o->user.n != 0 || o->pass.n != 0 || o->auth_token.n != 0 || o->nkey.n != 0 ||
	    o->sig.n != 0 || o->proxy_sig.n != 0);
}

static struct str
said_str(struct connect_text t)
{
	return ((struct str){ t.p, t.n });
}

static struct auth_creds
creds_of(const struct conn *c)
{
	const struct connect_options *o = c->auth == NULL ? NULL : &c->auth->said;

	if (o == NULL)
		return ((struct auth_creds){ .user = STR_NONE });
	return ((struct auth_creds){ .user = said_str(o->user), .pass = said_str(o->pass),
	    .token = said_str(o->auth_token), .nkey = said_str(o->nkey), .sig = said_str(o->sig),
	    .proxy_sig = said_str(o->proxy_sig) });
}

struct connect_options *
auth_said(struct conn *c)
{
	return (c->auth == NULL ? NULL : &c->auth->said);
}

int
auth_keep(struct conn *c, struct connect_options *o)
{
	struct auth *a = block_of(c);

	if (a == NULL)
		return (-1);
	connect_options_free(&a->said);
	a->said = *o;
	*o = (struct connect_options){ .verbose = false };
	return (0);
}

void
auth_settle(struct conn *c)
{
	struct auth *a = c->auth;

	a->connecting = false;
	if (!says_anything(&a->said) && a->nonce[0] == '\0')
		auth_free(c);
}

void
auth_free(struct conn *c)
{
	if (c->auth == NULL)
		return;
	connect_options_free(&c->auth->said);
	free(c->auth);
	c->auth = NULL;
}

struct str
auth_nonce(const struct conn *c)
{
	return (c->auth == NULL ? STR_NONE : str_of(c->auth->nonce));
}

/* ---- names ---- */

const char *
auth_shown(const struct conn *c)
{
	const struct connect_options *o = c->auth == NULL ? NULL : &c->auth->said;

	if (o == NULL)
		return ("");
	if (o->nkey.n != 0)
		return (o->nkey.p);
	if (o->user.n != 0)
		return (o->user.p);
	return (o->auth_token.n != 0 ? "[REDACTED]" : "");
}

const char *
auth_text(const struct conn *c, char out[AUTH_TEXT_MAX])
{
	const struct connect_options *o = c->auth == NULL ? NULL : &c->auth->said;
	const char *shown = auth_shown(c), *kind = "User ";
	size_t n;

	if (o != NULL && o->nkey.n != 0)
		kind = "Nkey ";
	else if (o != NULL && o->user.n == 0 && o->auth_token.n != 0)
		kind = "Token ";
	n = strlen(kind);
	memcpy(out, kind, n);
	text_quote(out + n, AUTH_TEXT_MAX - n, str_of(shown[0] == '\0' ? "N/A" : shown));
	return (out);
}

bool
auth_signed(const struct conn *c)
{
	return (c->auth != NULL && c->auth->has_signed);
}

const char *
auth_proxy(const struct conn *c)
{
	return (c->auth == NULL ? "" : c->auth->proxy);
}

const char *
auth_unread_name(const struct conn *c)
{
	return (c->auth == NULL ? NULL : c->auth->said.name.p);
}

const char *
auth_unread_lang(const struct conn *c)
{
	return (c->auth == NULL ? NULL : c->auth->said.lang.p);
}

const char *
auth_unread_version(const struct conn *c)
{
	return (c->auth == NULL ? NULL : c->auth->said.version.p);
}

/* ---- begin and end ---- */

static int
make_nonce(struct conn *c)
{
	uint8_t raw[NONCE_BYTES];
	struct auth *a = block_of(c);

	if (a == NULL || getrandom(raw, sizeof(raw), 0) != sizeof(raw))
		return (-1);
	base64_encode_url(raw, sizeof(raw), a->nonce);
	return (0);
}

int
auth_begin(struct conn *c)
{
	const struct auth_table *t = c->worker->settings->auth;

	auth_bind_global(c);
	c->parser.connect_only = t->required;
	return (t->nonce ? make_nonce(c) : 0);
}

void
auth_expect(struct conn *c)
{
	const struct settings *s = c->worker->settings;

	if (s->auth->required)
		c->due_at = mono_add_ns(c->worker->now, s->auth_timeout_ns);
}

void
auth_end(struct conn *c)
{
	auth_unbind(c);
	tally_leave(c);
}

void
auth_late(struct conn *c)
{
	c->due_at = (struct mono){ 0 };
	if ((c->flags & CONN_SUBS_OVER) != 0) {
		conn_close(c, REASON_MAX_SUBSCRIPTIONS);
		return;
	}
	conn_log(c, LOG_LVL_DEBUG, "Authentication Timeout");
	conn_err(c, "Authentication Timeout");
	conn_close(c, REASON_AUTH_TIMEOUT);
}

/* ---- deciding ---- */

static void
refuse_for(struct conn *c, enum reason reason)
{
	char text[AUTH_TEXT_MAX];

	if (auth_shown(c)[0] != '\0')
		conn_log(c, LOG_LVL_ERROR, "authentication error - %s", auth_text(c, text));
	else
		conn_log(c, LOG_LVL_ERROR, "authentication error");
	conn_err(c, "Authorization Violation");
	conn_close(c, reason);
}

void
auth_refuse(struct conn *c)
{
	refuse_for(c, REASON_AUTH_FAILURE);
}

static void
decide(const struct conn *c, const struct settings *s, struct auth_decision *d)
{
	struct auth_creds creds = creds_of(c);
	struct auth_facts facts = { .type = ACCESS_STANDARD,
		.maps = s->o.tls != NULL && s->o.tls->map,
		.cert = (c->flags & CONN_TLS_READY) == 0 || c->tls->peer == NULL
		    ? NULL : &c->tls->peer->identity,
		.proxy = str_of(auth_proxy(c)) };

	auth_decide(s->auth, &creds, &facts, d);
}

static int
say(struct connect_text *to, struct str s)
{
	char *copy = strndup(s.n == 0 ? "" : s.p, s.n);

	if (copy == NULL)
		return (-1);
	if (to->p != NULL)
		explicit_bzero(to->p, to->n);
	free(to->p);
	*to = (struct connect_text){ copy, s.n };
	return (0);
}

/* As if it had said so itself: it shows in monitoring, and a reload asks again. */
static int
take_user(struct conn *c, const struct auth_decision *d)
{
	char quoted[QUOTE_TEXT_MAX];
	struct connect_options *o;

	if (!d->by_no_auth && !d->by_cert)
		return (0);
	if (block_of(c) == NULL)
		return (-1);
	o = &c->auth->said;
	if (d->user->is_nkey)
		return (say(&o->nkey, d->user->name));
	if (d->by_cert && o->user.n != 0 && !str_eq(said_str(o->user), d->user->name))
		conn_log(c, LOG_LVL_WARN,
		    "User %s found in connect proto, but user required from cert",
		    quote(said_str(o->user), quoted));
	if (d->by_no_auth && say(&o->pass, d->user->said->password) != 0)
		return (-1);
	return (say(&o->user, d->user->name));
}

static enum auth_result
accept_as(struct conn *c, const struct auth_decision *d)
{
	if (take_user(c, d) != 0) {
		refuse_for(c, REASON_AUTH_FAILURE);
		return (AUTH_OVER);
	}
	if (!auth_bind(c, d->user))
		return (AUTH_OVER);
	if (c->auth != NULL)
		c->auth->has_signed = d->user != NULL && d->user->is_nkey;
	return (AUTH_DONE);
}

static void on_answer(const struct auth_job *, struct worker *);

static enum auth_result
ask_helper(struct conn *c, const struct auth_decision *d)
{
	struct auth *a = block_of(c);

	if (a != NULL)
		a->job = auth_job_start(c, d, auth_nonce(c), on_answer);
	if (a == NULL || a->job == NULL) {
		conn_log(c, LOG_LVL_WARN, "too many connections wait for authentication");
		refuse_for(c, REASON_AUTH_FAILURE);
		return (AUTH_OVER);
	}
	if (c->state == CONN_OPEN)
		conn_pause(c, CONN_PAUSE_AUTH, (struct mono){ 0 });
	c->state = CONN_AUTHENTICATING;
	return (AUTH_LATER);
}

static bool
is_connecting(const struct conn *c)
{
	return (c->auth != NULL && c->auth->connecting);
}

/* It is there already, with subscriptions, and would be in another account now. */
static bool
would_move(const struct conn *c, const struct auth_user *u)
{
	const struct settings *s = c->worker->settings;

	return (!is_connecting(c) &&
	    s->accounts[u == NULL ? 0 : u->said->account].account != c->account);
}

static enum auth_result
close_moved(struct conn *c)
{
	auth_repoint(c, NULL);
	conn_close(c, REASON_CLIENT_CLOSED);
	return (AUTH_OVER);
}

/* The user that it says to be, if it says so. */
static const struct auth_user *
named(const struct conn *c)
{
	const struct auth_table *t = c->worker->settings->auth;
	struct auth_creds creds = creds_of(c);

	return (creds.nkey.n != 0 ? auth_table_nkey(t, creds.nkey)
				  : auth_table_user(t, creds.user));
}

/* proven: what is known of its credentials: they fit this hash, or are signed by this key. */
static enum auth_result
evaluate(struct conn *c, struct str proven)
{
	struct auth_decision d;

	decide(c, c->worker->settings, &d);
	if (d.verdict != AUTH_REFUSE && d.verdict != AUTH_PROXY && would_move(c, d.user))
		return (close_moved(c));
	switch (d.verdict) {
	case AUTH_PROXY:
		if (!is_connecting(c))
			auth_repoint(c, named(c));
		return (ask_helper(c, &d));
	case AUTH_ACCEPT:
		return (accept_as(c, &d));
	case AUTH_REFUSE:
		if (d.why_first != NULL)
			conn_log(c, LOG_LVL_DEBUG, "%s", d.why_first);
		if (d.why != NULL)
			conn_log(c, LOG_LVL_DEBUG, "%s", d.why);
		auth_repoint(c, NULL);
		refuse_for(c, d.reason);
		return (AUTH_OVER);
	case AUTH_BCRYPT:
	case AUTH_NKEY:
		if (proven.n != 0 && str_eq(proven, d.proof))
			return (accept_as(c, &d));
		/* Who is there already stays what it is meanwhile, by the new rules. */
		if (!is_connecting(c))
			auth_repoint(c, d.user);
		return (ask_helper(c, &d));
	}
	return (AUTH_OVER);
}

enum auth_result
auth_connect(struct conn *c)
{
	c->due_at = (struct mono){ 0 };
	c->auth->connecting = true;
	c->auth->proxy[0] = '\0';
	auth_bind_global(c);
	return (evaluate(c, STR_NONE));
}

static void
refuse_wrong(struct conn *c, bool proxy)
{
	if (proxy)
		conn_log(c, LOG_LVL_DEBUG, "%s", AUTH_PROXY_WHY);
	refuse_for(c, proxy ? REASON_PROXY_NOT_TRUSTED : REASON_AUTH_FAILURE);
}

/* The settings may be others than those that it was found by. */
static void
take_proxy(struct conn *c, struct str key)
{
	if (key.n < sizeof(c->auth->proxy) &&
	    access_has_proxy(c->worker->settings->o.access, key))
		snprintf(c->auth->proxy, sizeof(c->auth->proxy), STR_FMT, STR_ARG(key));
}

/* A helper's answer; the connection may be gone, or its question another one by now. */
static void
on_answer(const struct auth_job *job, struct worker *w)
{
	struct conn *c = slots_find(&w->conns, auth_job_conn(job));
	bool fits = auth_job_fits(job);

	if (c == NULL || c->auth == NULL || c->auth->job != job ||
	    c->state != CONN_AUTHENTICATING)
		return;
	c->auth->job = NULL;
	if (!fits && auth_job_settings(job) == w->settings) {
		refuse_wrong(c, auth_job_is_proxy(job));
		return;
	}
	if (fits && auth_job_is_proxy(job))
		take_proxy(c, auth_job_proof(job));
	if (evaluate(c, fits && !auth_job_is_proxy(job) ? auth_job_proof(job) : STR_NONE) != AUTH_DONE)
		return;
	c->state = CONN_OPEN;
	if (c->auth->connecting)
		client_connected(c);
	conn_resume(c, CONN_PAUSE_AUTH);
}

void
auth_first(struct conn *c, uint8_t first)
{
	const struct auth_user *u;
	struct auth_decision d = { .by_no_auth = true };

	if (first == 'C' || first == 'c')
		return;
	u = auth_decide_first(c->worker->settings->auth, ACCESS_STANDARD);
	if (u == NULL)
		return;
	c->due_at = (struct mono){ 0 };
	d.user = u;
	c->flags |= CONN_CONNECTED;
	c->parser.connect_only = false;
	accept_as(c, &d);
}

/* ---- reload ---- */

/* Whoever it said to be is not there any more, or belongs to another account. */
static bool
has_moved(const struct conn *c)
{
	struct auth_creds creds = creds_of(c);
	const struct auth_user *u = named(c);

	if (creds.nkey.n == 0 && creds.user.n == 0)
		return (false);
	return (u == NULL ||
	    c->worker->settings->accounts[u->said->account].account != c->account);
}

/* What its credentials fit under the old settings, they still fit. */
static struct str
proven_by(const struct conn *c, const struct settings *old)
{
	struct auth_decision d;

	decide(c, old, &d);
	return (d.verdict == AUTH_BCRYPT || d.verdict == AUTH_NKEY ? d.proof : STR_NONE);
}

/* It came through a proxy that is not trusted any more. */
static bool
lost_proxy(const struct conn *c)
{
	const char *key = auth_proxy(c);

	return (key[0] != '\0' && !access_has_proxy(c->worker->settings->o.access, str_of(key)));
}

static void
reload_waiting(struct conn *c)
{
	auth_repoint(c, NULL);
	if (c->worker->settings->auth->required)
		return;
	c->parser.connect_only = false;
	c->due_at = (struct mono){ 0 };
}

void
auth_reload(struct conn *c, const struct settings *old, bool changed)
{
	bool waits = c->parser.connect_only && (c->flags & CONN_CONNECTED) == 0;

	if (!changed) {
		auth_repoint_same(c, old);
	} else if (c->state == CONN_CLOSING) {
		auth_repoint(c, NULL);
	} else if (lost_proxy(c)) {
		auth_repoint(c, NULL);
		refuse_for(c, REASON_PROXY_NOT_TRUSTED);
	} else if (waits) {
		reload_waiting(c);
	} else if (c->state == CONN_AUTHENTICATING && is_connecting(c)) {
		auth_repoint(c, NULL); /* decided again when the answer is there */
	} else if (has_moved(c)) {
		close_moved(c);
	} else if (c->state == CONN_AUTHENTICATING) {
		auth_repoint(c, named(c)); /* likewise */
	} else {
		evaluate(c, proven_by(c, old));
	}
}
