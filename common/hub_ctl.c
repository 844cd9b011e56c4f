/* hub_ctl - what the supervisor says to a hub, and what it hears. */
#include "config.h"

#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/hub_priv.h"
#include "common/killpoint.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "common/shm.h"

static int
take_fd(struct ctl_msg *m, int i)
{
	int fd = m->fds[i];

	m->fds[i] = -1;
	return (fd);
}

static void __attribute__((noreturn))
broken(const struct ctl_msg *m)
{
	fatal("control: a %s that makes no sense here", ctl_name(m->type));
}

/* ---- configuration ---- */

static int
options_from(int fd, struct options *o, struct err *e)
{
	uint8_t *p;
	size_t n;
	int rc;

	if (shm_read_all(fd, OPTIONS_ENCODED_MAX, &p, &n, e) != 0)
		return (-1);
	if (options_init(o, e) != 0) {
		free(p);
		return (-1);
	}
	if ((rc = options_decode(o, p, n, e)) != 0)
		options_free(o);
	free(p);
	return (rc);
}

static void
use_options(struct hub *h, struct options *o)
{
	if (h->has_options)
		options_free(&h->options);
	h->options = *o;
	h->has_options = true;
	options_set_log(o);
}

/* The first configuration is used at once; a later one is kept until everybody has agreed. */
static void
on_config(struct hub *h, struct ctl_msg *m)
{
	struct ctl_config_valid answer = { 0 };
	struct ctl_config c;
	struct options o;
	struct err e;
	bool good;

	if (ctl_get_config(m, &c) != 0)
		broken(m);
	good = options_from(m->fds[0], &o, &e) == 0;
	if (!h->has_options) {
		if (!good)
			fatal("configuration: %s", e.text);
		use_options(h, &o);
		return;
	}
	if (h->next_valid)
		options_free(&h->next_options);
	h->next_valid = good;
	if (good)
		h->next_options = o;
	answer.generation = c.generation;
	answer.why = good ? STR_NONE : str_of(e.text);
	if (ctl_send_config_valid(h->ctl, &answer, &e) != 0)
		fatal("control: %s", e.text);
}

static void
on_config_verdict(struct hub *h, bool use)
{
	if (!h->next_valid)
		return;
	h->next_valid = false;
	if (use)
		use_options(h, &h->next_options);
	else
		options_free(&h->next_options);
}

/* ---- handover ---- */

static void
on_hello(struct hub *h, struct ctl_msg *m)
{
	struct ctl_hello c;

	if (ctl_get_hello(m, &c) != 0)
		broken(m);
	if (c.stamp != CTL_STAMP)
		fatal("the supervisor is another build (%08x, we %08x): install all of natsd anew",
		    c.stamp, CTL_STAMP);
	if (c.role != (uint32_t)h->role->role)
		fatal("started in the role of another");
	h->natsd_life = c.natsd_life;
	h->dev = c.dev_roles != 0;
	if ((h->kill_spec = strndup(c.kill_spec.p == NULL ? "" : c.kill_spec.p, c.kill_spec.n)) == NULL)
		fatal("control: no memory");
	killpoint_arm(h->kill_spec);
}

static void
on_bell(struct hub *h, struct ctl_msg *m)
{
	struct ctl_bell c;

	if (ctl_get_bell(m, &c) != 0 || c.owner != (uint32_t)h->role->role)
		broken(m);
	h->bell = (struct doorbell){ .wait = take_fd(m, 0), .ring = take_fd(m, 1) };
}

static void
on_ring(struct hub *h, struct ctl_msg *m)
{
	struct ctl_ring c;
	uint32_t self = (uint32_t)h->role->role;

	if (ctl_get_ring(m, &c) != 0 || (c.from == self) == (c.to == self))
		broken(m);
	hub_link_add(h, &c, take_fd(m, 0), take_fd(m, 1));
}

static void
on_accounts(struct hub *h, struct ctl_msg *m)
{
	struct err e;

	if ((h->accounts = account_table_attach(m->fds[0], false, &e)) == NULL)
		fatal("account table: %s", e.text);
}

/* ---- later ---- */

static void
on_ping(struct hub *h, struct ctl_msg *m)
{
	struct ctl_ping c;
	struct ctl_pong answer;
	struct err e;

	if (ctl_get_ping(m, &c) != 0)
		broken(m);
	answer = (struct ctl_pong){ .number = c.number, .useful = h->useful };
	if (ctl_send_pong(h->ctl, &answer, &e) != 0)
		fatal("control: %s", e.text);
}

static void
on_peer(struct hub *h, struct ctl_msg *m)
{
	struct ctl_peer c;

	if (ctl_get_peer(m, &c) != 0)
		broken(m);
	/* Only the front's rings change with its life; the sibling's outlive it. */
	if (c.role == ROLE_FRONT && c.state != CTL_PEER_GONE && c.state != CTL_PEER_WAITING)
		hub_link_peer_gone(h, ROLE_FRONT, c.life);
}

static void
on_probe(struct hub *h, struct ctl_msg *m)
{
	char act[64], result[128];
	struct ctl_probed answer;
	struct ctl_probe c;
	struct err e;

	if (ctl_get_probe(m, &c) != 0 || c.what.n >= sizeof(act))
		broken(m);
	memcpy(act, c.what.p, c.what.n);
	act[c.what.n] = '\0';
	sandbox_probe(act, result, sizeof(result));
	answer.result = str_of(result);
	if (ctl_send_probed(h->ctl, &answer, &e) != 0)
		fatal("control: %s", e.text);
}

static void
handle(struct hub *h, struct ctl_msg *m)
{
	switch ((enum ctl_type)m->type) {
	case CTL_HELLO:
		on_hello(h, m);
		break;
	case CTL_CONFIG:
		on_config(h, m);
		break;
	case CTL_CONFIG_USE:
		on_config_verdict(h, true);
		break;
	case CTL_CONFIG_DROP:
		on_config_verdict(h, false);
		break;
	case CTL_BELL:
		on_bell(h, m);
		break;
	case CTL_RING:
		on_ring(h, m);
		break;
	case CTL_ACCOUNTS:
		on_accounts(h, m);
		break;
	case CTL_STORE:
		h->store = take_fd(m, 0);
		break;
	case CTL_PING:
		on_ping(h, m);
		break;
	case CTL_PEER:
		on_peer(h, m);
		break;
	case CTL_PROBE:
		on_probe(h, m);
		break;
	case CTL_STOP:
		h->stopping = true;
		break;
	case CTL_GO:
		break;
	case CTL_LISTENER:
	case CTL_READY:
	case CTL_PONG:
	case CTL_CONFIG_VALID:
	case CTL_PEER_FAULT:
	case CTL_LAME_DUCK:
	case CTL_LAME_DONE:
	case CTL_STOPPED:
	case CTL_USAGE_ASK:
	case CTL_USAGE:
	case CTL_PROBED:
	case CTL_CID:
	case CTL_DRAINED:
	case CTL_CONFIG_USED:
	default:
		broken(m);
	}
}

/* One message; 1, or 0 when there is none now.  Without the supervisor there is nothing to do. */
static int
next(struct hub *h, struct ctl_msg *m)
{
	struct err e;
	int rc = ctl_recv(h->ctl, m, &e);

	if (rc < 0) {
		log_debug("control: %s", e.text);
		exit(0);
	}
	if (rc == 1) {
		handle(h, m);
		ctl_msg_close(m);
	}
	return (rc);
}

void
hub_ctl_handover(struct hub *h)
{
	struct pollfd p = { .fd = ctl_fd(h->ctl), .events = POLLIN };
	struct ctl_msg m = { 0 };

	while (m.type != CTL_GO)
		if (next(h, &m) == 0)
			poll(&p, 1, -1);
	if (!h->has_options || h->accounts == NULL || h->bell.wait == -1)
		fatal("control: GO before the handover was whole");
}

void
hub_ctl_read(struct hub *h)
{
	struct ctl_msg m;

	while (!h->stopping && next(h, &m) == 1)
		;
}

void
hub_ctl_flush(struct hub *h)
{
	struct err e;

	if (ctl_flush(h->ctl, &e) != 0)
		exit(0);
	if (ctl_wants_write(h->ctl))
		event_add(h->ctl_write, NULL);
}
