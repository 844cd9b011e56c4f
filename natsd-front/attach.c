/* HELLO to GO: what the supervisor hands over before anything runs. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/killpoint.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "common/shm.h"
#include "natsd-front/front.h"
#include "natsd-front/peer.h"

static int
take_fd(struct ctl_msg *m, int i)
{
	int fd = m->fds[i];

	m->fds[i] = -1;
	return (fd);
}

static void
arm_kill(struct str spec)
{
	char text[CTL_TEXT_MAX + 1];

	snprintf(text, sizeof(text), STR_FMT, STR_ARG(spec));
	killpoint_arm(text);
}

static int
on_hello(struct front *f, struct ctl_msg *m, struct err *e)
{
	unsigned i;

	if (ctl_get_hello(m, &f->hello) != 0 || f->hello.role != ROLE_FRONT)
		return (err_set(e, "broken HELLO"));
	if (f->hello.stamp != CTL_STAMP)
		return (err_set(e, "the supervisor is of another build"));
	if (f->hello.front_threads < 1 || f->hello.front_threads > SHARED_WORKERS_MAX)
		return (err_set(e, "%u worker threads", f->hello.front_threads));
	arm_kill(f->hello.kill_spec);
	f->cid = f->cid_told = f->hello.cid_base;
	f->bells = calloc(f->hello.front_threads, sizeof(*f->bells));
	f->threads = calloc(f->hello.front_threads, sizeof(*f->threads));
	f->status = status_new();
	if (f->bells == NULL || f->threads == NULL || f->status == NULL ||
	    turns_init(&f->turns, f->hello.front_threads) != 0)
		return (err_set(e, "no memory"));
	for (i = 0; i < f->hello.front_threads; i++)
		f->bells[i] = DOORBELL_NONE;
	return (0);
}

static int
on_config(struct front *f, struct ctl_msg *m, struct err *e)
{
	struct ctl_config c;
	uint8_t *p;
	size_t n;

	if (ctl_get_config(m, &c) != 0 || f->settings != NULL)
		return (err_set(e, "broken CONFIG"));
	if (shm_read_all(m->fds[0], OPTIONS_ENCODED_MAX, &p, &n, e) != 0)
		return (-1);
	f->settings = settings_new(p, n, e);
	explicit_bzero(p, n); /* passwords are in it */
	free(p);
	if (f->settings == NULL)
		return (-1);
	status_set_settings(f->status, f->settings);
	options_set_log(&f->settings->o);
	return (0);
}

static int
on_listener(struct front *f, struct ctl_msg *m, struct err *e)
{
	struct ctl_listener_msg l;

	if (ctl_get_listener(m, &l) != 0)
		return (err_set(e, "broken LISTENER"));
	if (l.kind == CTL_LISTEN_CLIENT && f->listen_fd < 0)
		f->listen_fd = take_fd(m, 0);
	else if ((l.kind == CTL_LISTEN_MONITOR || l.kind == CTL_LISTEN_MONITOR_TLS) &&
	    f->monitor_fd < 0) {
		f->monitor_fd = take_fd(m, 0);
		f->monitor_tls = l.kind == CTL_LISTEN_MONITOR_TLS;
	} else
		return (err_set(e, "LISTENER of kind %u", l.kind));
	return (0);
}

static int
on_bell(struct front *f, struct ctl_msg *m, struct err *e)
{
	struct ctl_bell b;

	if (ctl_get_bell(m, &b) != 0 || b.owner != ROLE_FRONT || b.thread >= f->hello.front_threads)
		return (err_set(e, "broken BELL"));
	f->bells[b.thread] = (struct doorbell){ .wait = take_fd(m, 0), .ring = take_fd(m, 1) };
	return (0);
}

int
front_attach_ring(struct front *f, struct ctl_msg *m, struct err *e)
{
	struct ctl_ring r;
	struct doorbell peer = DOORBELL_NONE;
	struct local_peer_rings *rings;
	struct ring **end;
	bool to;
	int role;

	if (ctl_get_ring(m, &r) != 0)
		return (err_set(e, "broken RING"));
	to = r.from == ROLE_FRONT;
	role = peer_index(to ? r.to : r.from);
	if (role < 0 || (!to && r.to != ROLE_FRONT) || r.thread >= f->hello.front_threads)
		return (err_set(e, "RING from %u to %u of thread %u", r.from, r.to, r.thread));
	rings = &f->threads[r.thread].rings[role];
	end = to ? &rings->to : &rings->from;
	/* That role was replaced once more before its last rings were used. */
	if (*end != NULL) {
		ring_detach(*end);
		*end = NULL;
		close(rings->bell_fd[to]);
	}
	peer.ring = m->fds[1];
	if (KILLPOINT_BUILD)
		sandbox_probe_hold(m->fds[0]);
	*end = ring_attach(m->fds[0], to ? RING_PRODUCER : RING_CONSUMER, &peer, e);
	if (*end == NULL)
		return (err_wrap(e, "ring with natsd-%s", role_name(peer_role((unsigned)role))));
	rings->role = peer_role((unsigned)role);
	rings->bell_fd[to] = take_fd(m, 1);
	return (0);
}

static int
on_accounts(struct front *f, struct ctl_msg *m, struct err *e)
{
	struct ctl_accounts a;

	if (ctl_get_accounts(m, &a) != 0 || f->accounts != NULL)
		return (err_set(e, "broken ACCOUNTS"));
	f->accounts = account_table_attach(m->fds[0], true, e);
	return (f->accounts == NULL ? -1 : 0);
}

static int
attach_one(struct front *f, struct ctl_msg *m, struct err *e)
{
	if ((m->type == CTL_HELLO) != (f->threads == NULL))
		return (err_set(e, "%s is not the first message", ctl_name(m->type)));
	switch ((enum ctl_type)m->type) {
	case CTL_HELLO:
		return (on_hello(f, m, e));
	case CTL_CONFIG:
		return (on_config(f, m, e));
	case CTL_LISTENER:
		return (on_listener(f, m, e));
	case CTL_BELL:
		return (on_bell(f, m, e));
	case CTL_RING:
		return (front_attach_ring(f, m, e));
	case CTL_ACCOUNTS:
		return (on_accounts(f, m, e));
	case CTL_PEER:
		front_peer(f, m);
		return (0);
	case CTL_STORE:
	case CTL_GO:
	case CTL_READY:
	case CTL_PING:
	case CTL_PONG:
	case CTL_CONFIG_VALID:
	case CTL_CONFIG_USE:
	case CTL_CONFIG_DROP:
	case CTL_PEER_FAULT:
	case CTL_LAME_DUCK:
	case CTL_LAME_DONE:
	case CTL_STOP:
	case CTL_STOPPED:
	case CTL_USAGE_ASK:
	case CTL_USAGE:
	case CTL_PROBE:
	case CTL_PROBED:
	case CTL_CID:
	case CTL_DRAINED:
	case CTL_CONFIG_USED:
		break;
	}
	return (err_set(e, "%s before GO", ctl_name(m->type)));
}

static int
complete(const struct front *f, struct err *e)
{
	unsigned i;

	if (f->settings == NULL)
		return (err_set(e, "GO without a configuration"));
	for (i = 0; i < f->hello.front_threads; i++)
		if (f->bells[i].wait < 0)
			return (err_set(e, "GO without the bell of thread %u", i));
	return (0);
}

int
front_attach(struct front *f, struct err *e)
{
	struct pollfd p = { .fd = CTL_FD, .events = POLLIN };
	struct ctl_msg m;
	int rc;

	f->ctl = ctl_new(CTL_FD, ROLE_FRONT, ROLE_SUPERVISOR, 0);
	if (f->ctl == NULL)
		return (err_set(e, "no memory"));
	for (;;) {
		rc = ctl_recv(f->ctl, &m, e);
		if (rc < 0)
			return (-1);
		if (rc == 0) {
			if (poll(&p, 1, -1) == -1 && errno != EINTR)
				return (err_sys(e, "poll"));
			continue;
		}
		if (m.type == CTL_GO && f->threads != NULL) {
			ctl_msg_close(&m);
			return (complete(f, e));
		}
		rc = attach_one(f, &m, e);
		ctl_msg_close(&m);
		if (rc != 0)
			return (-1);
	}
}
