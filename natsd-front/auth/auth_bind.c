#include "config.h"


#include "natsd-front/auth/auth_bind.h"
#include "natsd-front/auth/auth_table.h"
#include "natsd-front/client/client.h"
#include "natsd-front/conn.h"

#define SUBS_OVER_MS 20 /* between the error and the end of who has too many subscriptions */
#define SUBS_LOG_NS (2 * NS_PER_S)

/* What the settings say of the user's account; NULL: of $G. */
static const struct account_settings *
limits_of(const struct conn *c, const struct auth_user *u)
{
	const struct settings *s = c->worker->settings;

	return (&s->accounts[u == NULL ? 0 : u->said->account]);
}

void
auth_unbind(struct conn *c)
{
	if ((c->flags & CONN_COUNTED) != 0)
		atomic_fetch_sub_explicit(&c->account->conns, 1, memory_order_relaxed);
	c->flags &= ~(uint32_t)CONN_COUNTED;
}

/* What hangs on the user; the subscriptions that it has are looked at again. */
static void
point_at_user(struct conn *c, const struct auth_user *u)
{
	const struct permit *from = c->permit;

	c->user = u;
	c->permit = u == NULL ? NULL : u->permit;
	if (c->state != CONN_CLOSING && c->permit != from)
		client_permit_moved(c, from);
}

static void
point_at(struct conn *c, const struct account_settings *to, const struct auth_user *u)
{
	c->limits = to;
	if (c->account != to->account) {
		if (c->account != NULL)
			tally_leave(c);
		c->account = to->account;
		tally_join(c);
	}
	c->max_payload = to->max_payload;
	point_at_user(c, u);
}

/* It has as many as it may have, or more: it goes a little later. */
static void
check_subs(struct conn *c)
{
	struct worker *w = c->worker;

	if (c->limits->max_subs == SETTINGS_NO_SUBS_LIMIT || c->subs.used < c->limits->max_subs)
		return;
	if (shared_may_log(&c->account->subs_logged_ns, w->now.ns, SUBS_LOG_NS))
		conn_log(c, LOG_LVL_ERROR, "maximum subscriptions exceeded");
	conn_err(c, "maximum subscriptions exceeded");
	c->flags |= CONN_SUBS_OVER;
	c->due_at = mono_add_ms(w->now, SUBS_OVER_MS);
	conn_set_timer(c);
}

bool
auth_bind(struct conn *c, const struct auth_user *u)
{
	const struct account_settings *to = limits_of(c, u);
	uint32_t others;

	auth_unbind(c);
	point_at(c, to, u);
	others = atomic_fetch_add_explicit(&to->account->conns, 1, memory_order_relaxed);
	c->flags |= CONN_COUNTED;
	if (to->max_conns >= 0 && others >= (uint64_t)to->max_conns) {
		auth_unbind(c);
		conn_log(c, LOG_LVL_ERROR, "maximum account active connections exceeded");
		conn_err(c, "maximum account active connections exceeded");
		conn_close(c, REASON_MAX_ACCOUNT_CONNECTIONS);
		return (false);
	}
	check_subs(c);
	return (true);
}

void
auth_bind_global(struct conn *c)
{
	auth_unbind(c);
	point_at(c, limits_of(c, NULL), NULL);
	atomic_fetch_add_explicit(&c->account->conns, 1, memory_order_relaxed);
	c->flags |= CONN_COUNTED;
}

void
auth_repoint(struct conn *c, const struct auth_user *u)
{
	c->limits = limits_of(c, u);
	c->max_payload = c->limits->max_payload;
	point_at_user(c, u);
}

void
auth_repoint_same(struct conn *c, const struct settings *old)
{
	const struct settings *s = c->worker->settings;

	if (c->user != NULL)
		point_at_user(c, &s->auth->users[c->user - old->auth->users]);
	c->limits = &s->accounts[c->limits - old->accounts];
	c->max_payload = c->limits->max_payload;
}
