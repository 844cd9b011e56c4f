/* What the supervisor says while the front runs, and what the workers say to the main thread. */
#include "config.h"

#include <event2/event.h>
#include <string.h>

#include "common/log.h"
#include "natsd-front/front.h"
#include "natsd-front/monitor/monitor.h"
#include "natsd-front/peer.h"
#include "natsd-front/probe.h"

/* ---- from the supervisor ---- */

static void
on_ping(struct front *f, struct ctl_msg *m)
{
	struct ctl_ping p;
	struct local_number n;

	if (ctl_get_ping(m, &p) != 0)
		fatal("broken PING");
	if (f->monitor != NULL && !monitor_turns(f->monitor, mono_now()))
		return; /* no answer: a thread hangs */
	n.number = p.number;
	front_tell_all(f, LOCAL_TURN, &n, sizeof(n));
}

static void
give_rings(struct front *f, unsigned role)
{
	struct local_peer_rings *r;
	unsigned i;

	for (i = 0; i < f->hello.front_threads; i++) {
		r = &f->threads[i].rings[role];
		if (r->to == NULL || r->from == NULL)
			continue;
		local_say(&f->threads[i].link, LOCAL_PEER_RINGS, r, sizeof(*r));
		*r = (struct local_peer_rings){ .to = NULL };
	}
}

void
front_peer(struct front *f, struct ctl_msg *m)
{
	struct ctl_peer p;
	struct local_peer_state st;
	int role;

	if (ctl_get_peer(m, &p) != 0)
		fatal("broken PEER");
	if (p.role == ROLE_FRONT)
		status_set_role(f->status, STATUS_FRONT, &p);
	if ((role = peer_index(p.role)) < 0)
		return;
	status_set_role(f->status, (unsigned)role, &p);
	f->peers[role] = (struct local_peer_state){ p.role, p.life, p.state };
	if (f->shared == NULL)
		return; /* told when the workers are there */
	give_rings(f, (unsigned)role);
	st = f->peers[role];
	front_tell_all(f, LOCAL_PEER_STATE, &st, sizeof(st));
}

void
front_tell_peers(struct front *f)
{
	unsigned role;

	for (role = 0; role < PEER_COUNT; role++) {
		give_rings(f, role);
		if (f->peers[role].role == 0)
			continue;
		front_tell_all(f, LOCAL_PEER_STATE, &f->peers[role], sizeof(f->peers[role]));
	}
}

static void
on_stop(struct front *f)
{
	if (f->stopping)
		return;
	f->stopping = true;
	if (f->monitor != NULL)
		monitor_quit(f->monitor);
	accept_end(f);
	front_tell_all(f, LOCAL_STOP, NULL, 0);
}

static void
on_usage(struct front *f, struct ctl_msg *m)
{
	struct ctl_usage u;

	if (ctl_get_usage(m, &u) != 0)
		fatal("broken USAGE");
	status_usage_came(f->status, &u);
}

static void
on_probe(struct front *f, struct ctl_msg *m)
{
	struct ctl_probe p;

	if (ctl_get_probe(m, &p) != 0)
		fatal("broken PROBE");
	probe_answer(f->ctl, &p);
}

static void
on_use(struct front *f, struct ctl_msg *m)
{
	struct ctl_config_use u;

	if (ctl_get_config_use(m, &u) != 0)
		fatal("broken CONFIG_USE");
	reload_use(f, u.generation);
}

static void
on_drop(struct front *f, struct ctl_msg *m)
{
	struct ctl_config_drop d;

	if (ctl_get_config_drop(m, &d) != 0)
		fatal("broken CONFIG_DROP");
	reload_drop(f, d.generation);
}

static void
control_one(struct front *f, struct ctl_msg *m)
{
	struct err e;

	switch ((enum ctl_type)m->type) {
	case CTL_PING:
		on_ping(f, m);
		return;
	case CTL_CONFIG:
		reload_offer(f, m);
		return;
	case CTL_CONFIG_USE:
		on_use(f, m);
		return;
	case CTL_CONFIG_DROP:
		on_drop(f, m);
		return;
	case CTL_RING:
		if (front_attach_ring(f, m, &e) != 0)
			fatal("%s", e.text);
		return;
	case CTL_PEER:
		front_peer(f, m);
		return;
	case CTL_LAME_DUCK:
		lame_begin(f);
		return;
	case CTL_STOP:
		on_stop(f);
		return;
	case CTL_USAGE:
		on_usage(f, m);
		return;
	case CTL_PROBE:
		on_probe(f, m);
		return;
	case CTL_BELL:	   /* a bell lives as long as its thread; the copy is closed */
	case CTL_LISTENER: /* likewise */
		return;
	case CTL_HELLO:
	case CTL_ACCOUNTS:
	case CTL_STORE:
	case CTL_GO:
	case CTL_READY:
	case CTL_PONG:
	case CTL_CONFIG_VALID:
	case CTL_PEER_FAULT:
	case CTL_LAME_DONE:
	case CTL_STOPPED:
	case CTL_USAGE_ASK:
	case CTL_PROBED:
	case CTL_CID:
	case CTL_DRAINED:
	case CTL_CONFIG_USED:
		break;
	}
	fatal("%s is not said to a running front", ctl_name(m->type));
}

void
front_control(struct front *f)
{
	struct ctl_msg m;
	struct err e;
	int rc;

	while ((rc = ctl_recv(f->ctl, &m, &e)) == 1) {
		control_one(f, &m);
		ctl_msg_close(&m);
	}
	if (rc < 0)
		fatal("natsd-front: control: %s", e.text);
	front_flush(f);
}

/* ---- from the workers ---- */

static void
on_turned(struct front *f, unsigned worker, uint64_t number)
{
	struct ctl_pong pong = { .useful = 0 };
	unsigned i;

	if (!turns_said(&f->turns, worker, number))
		return;
	pong.number = f->turns.all;
	for (i = 0; i < f->shared->nworkers; i++)
		pong.useful += atomic_load(&f->shared->pub[i].useful);
	ctl_send_pong(f->ctl, &pong, NULL);
}

static void
on_fault(struct front *f, struct local_peer_fault *p)
{
	struct ctl_peer_fault fault = { .role = p->role };

	p->why[sizeof(p->why) - 1] = '\0';
	fault.why = str_of(p->why);
	log_error("natsd-%s broke the rules of its ring: %s", role_name((enum role)p->role),
	    p->why);
	ctl_send_peer_fault(f->ctl, &fault, NULL);
}

static void
on_synced(struct front *f, uint32_t role)
{
	int i = peer_index(role);

	if (i < 0 || !f->waits_synced)
		return;
	f->synced |= 1u << i;
	if (f->synced == (1u << PEER_COUNT) - 1)
		front_open(f);
}

static void
on_stopped(struct front *f, unsigned worker)
{
	unsigned i;

	f->threads[worker].stopped = true;
	for (i = 0; i < f->shared->nworkers; i++)
		if (!f->threads[i].stopped)
			return;
	event_base_loopbreak(f->base);
}

static void
said(struct front *f, unsigned worker, const struct ring_rec *rec)
{
	struct local_peer_fault fault;
	struct local_peer_state st;
	struct local_number n;

	switch (rec->type) {
	case LOCAL_TURNED:
		memcpy(&n, rec->data, sizeof(n));
		on_turned(f, worker, n.number);
		return;
	case LOCAL_SETTINGS_USED:
		reload_used(f);
		return;
	case LOCAL_PEER_FAULT:
		memcpy(&fault, rec->data, sizeof(fault));
		on_fault(f, &fault);
		return;
	case LOCAL_SYNCED:
		memcpy(&st, rec->data, sizeof(st));
		on_synced(f, st.role);
		return;
	case LOCAL_STOPPED:
		on_stopped(f, worker);
		return;
	default:
		bug("worker %u said record %u to main", worker, rec->type);
	}
}

void
front_hear(struct front *f)
{
	struct ring_rec rec;
	struct ring *r;
	unsigned i;

	for (i = 0; i < f->shared->nworkers; i++) {
		r = f->threads[i].link.from;
		while (ring_peek(r, &rec) == 1) {
			said(f, i, &rec);
			ring_next(r, &rec);
			ring_release(r, rec.end);
		}
	}
}

void
front_usage(struct front *f)
{
	struct ctl_usage_ask ask = { .token = status_usage_wanted(f->status) };

	if (ask.token != 0)
		ctl_send_usage_ask(f->ctl, &ask, NULL);
}
