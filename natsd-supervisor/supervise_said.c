/* supervise_said - what the programs say to us, one function a message. */
#include "config.h"

#include <unistd.h>

#include "common/log.h"
#include "common/sandbox.h"
#include "natsd-supervisor/supervise_priv.h"
#include "natsd-supervisor/usage.h"

static const struct timeval eager_time = { .tv_usec = 1 }; /* the first time; then by the policy */

static bool
all_up(const struct supervise *s)
{
	for (unsigned i = 0; i < SUPERVISE_CHILDREN; i++)
		if (s->children[i].wanted && s->children[i].child.state != CHILD_UP)
			return (false);
	return (true);
}

static void
probe_next(struct supervised *sd)
{
	const char *act = sandbox_probe_acts(sd->probe);
	struct ctl_probe m = { .what = str_of(act) };
	struct err e;

	if (act == NULL)
		log_info("probe %s: done", role_name(sd->child.role));
	else if (ctl_send_probe(sd->child.ctl, &m, &e) != 0)
		log_error("probe %s: %s", role_name(sd->child.role), e.text);
}

static int
on_ready(struct supervise *s, struct supervised *sd, struct ctl_msg *msg)
{
	struct ctl_ready m;

	if (ctl_get_ready(msg, &m) != 0)
		return (-1);
	if (sd->child.state != CHILD_STARTING)
		return (0);
	sd->child.state = CHILD_UP;
	sd->child.heard = mono_now();
	if (sd->child.life > 1)
		log_info("%s is back, life %u, after %s", role_program(sd->child.role),
		    sd->child.life, sd->child.why);
	for (unsigned i = 0; i < SUPERVISE_CHILDREN; i++)
		if (s->children[i].wanted && (&s->children[i] == sd || sd->child.role == ROLE_FRONT))
			supervise_tell_front(s, &s->children[i]);
	if (sd->child.role == ROLE_FRONT)
		supervise_tell_hubs(s);
	if (s->setup.probe)
		probe_next(sd);
	event_add(s->eager, &eager_time);
	if (!s->ready && all_up(s)) {
		s->ready = true;
		s->setup.on_ready(s->setup.ctx);
	}
	return (0);
}

static int
on_pong(struct supervise *s, struct supervised *sd, struct ctl_msg *msg)
{
	struct ctl_pong m;

	(void)s;
	if (ctl_get_pong(msg, &m) != 0)
		return (-1);
	/* A busy one may answer when it is asked again already: it lives all the same. */
	if (m.number <= sd->child.pong || m.number > sd->child.ping)
		return (0);
	sd->child.heard = mono_now();
	sd->child.pong = m.number;
	if (m.useful > sd->child.useful)
		sd->child.useful = m.useful;
	return (0);
}

static int
on_config_valid(struct supervise *s, struct supervised *sd, struct ctl_msg *msg)
{
	struct ctl_config_valid m;

	if (ctl_get_config_valid(msg, &m) != 0)
		return (-1);
	reload_answered(s, sd, m.generation, m.why);
	return (0);
}

/*
 * Somebody says that its rings with somebody else are broken.  The front is never replaced on the word
 * of js or raft: then the accuser is, on fresh rings.
 */
static int
on_peer_fault(struct supervise *s, struct supervised *sd, struct ctl_msg *msg)
{
	struct supervised *to_replace = sd;
	struct ctl_peer_fault m;

	if (ctl_get_peer_fault(msg, &m) != 0)
		return (-1);
	for (unsigned i = 0; i < SUPERVISE_CHILDREN; i++)
		if (sd->child.role == ROLE_FRONT && i != SUPERVISE_FRONT &&
		    (uint32_t)s->children[i].child.role == m.role)
			to_replace = &s->children[i];
	log_error("%s says of its rings with %s: " STR_FMT "; %s is started again on fresh ones",
	    role_program(sd->child.role), role_name((enum role)m.role), STR_ARG(m.why),
	    role_program(to_replace->child.role));
	to_replace->child.replaced_rings = true;
	child_kill(&to_replace->child, "broken rings");
	return (0);
}

static int
on_usage_ask(struct supervise *s, struct supervised *sd, struct ctl_msg *msg)
{
	struct ctl_usage_ask asked;
	pid_t pids[SUPERVISE_CHILDREN + 1];
	struct mono now = mono_now();
	int64_t passed = mono_diff_ns(now, s->usage_asked);
	struct ctl_usage m = { .token = 0 };
	unsigned n = 0;
	struct usage u;
	struct err e;

	if (ctl_get_usage_ask(msg, &asked) != 0)
		return (-1);
	m.token = asked.token;
	pids[n++] = getpid();
	for (unsigned i = 0; i < SUPERVISE_CHILDREN; i++)
		if (s->children[i].child.pid != 0)
			pids[n++] = s->children[i].child.pid;
	u = usage_of(pids, n);
	m.cpu_ns = u.cpu_ns;
	m.rss_bytes = u.rss_bytes;
	m.log_dropped = logserver_dropped(s->setup.log);
	if (passed > 0 && u.cpu_ns > s->usage_cpu_ns)
		m.cpu_permille = (u.cpu_ns - s->usage_cpu_ns) * 1000 / (uint64_t)passed;
	s->usage_asked = now;
	s->usage_cpu_ns = u.cpu_ns;
	if (ctl_send_usage(sd->child.ctl, &m, &e) != 0)
		log_warn("usage: %s", e.text);
	return (0);
}

static int
on_lame_done(struct supervise *s, struct supervised *sd, struct ctl_msg *msg)
{
	struct ctl_lame_done m;

	(void)sd;
	if (ctl_get_lame_done(msg, &m) != 0)
		return (-1);
	s->setup.on_lame_done(s->setup.ctx);
	return (0);
}

static int
on_stopped(struct supervise *s, struct supervised *sd, struct ctl_msg *msg)
{
	struct ctl_stopped m;

	(void)s;
	(void)sd;
	return (ctl_get_stopped(msg, &m)); /* its exit is what counts */
}

static int
on_probed(struct supervise *s, struct supervised *sd, struct ctl_msg *msg)
{
	struct ctl_probed m;

	if (ctl_get_probed(msg, &m) != 0 || !s->setup.probe)
		return (-1);
	log_info("probe %s %s: " STR_FMT, role_name(sd->child.role),
	    sandbox_probe_acts(sd->probe++), STR_ARG(m.result));
	probe_next(sd);
	return (0);
}

static int
on_cid(struct supervise *s, struct supervised *sd, struct ctl_msg *msg)
{
	struct ctl_cid m;

	if (ctl_get_cid(msg, &m) != 0)
		return (-1);
	if (m.highest > s->highest_cid)
		s->highest_cid = m.highest;
	if (sd->child.useful == 0)
		sd->child.useful = 1; /* it has let somebody in */
	return (0);
}

static int
on_drained(struct supervise *s, struct supervised *sd, struct ctl_msg *msg)
{
	struct ctl_drained m;

	if (ctl_get_drained(msg, &m) != 0)
		return (-1);
	rings_forget(s->rings, sd->child.role, m.peer_life, m.thread);
	return (0);
}

static int
on_config_used(struct supervise *s, struct supervised *sd, struct ctl_msg *msg)
{
	struct ctl_config_used m;

	(void)sd;
	if (ctl_get_config_used(msg, &m) != 0)
		return (-1);
	reload_used(s, m.generation);
	return (0);
}

int
supervise_said(struct supervise *s, struct supervised *sd, struct ctl_msg *m)
{
	static int (*const hear[])(struct supervise *, struct supervised *, struct ctl_msg *) = {
		[CTL_READY] = on_ready,
		[CTL_PONG] = on_pong,
		[CTL_CONFIG_VALID] = on_config_valid,
		[CTL_PEER_FAULT] = on_peer_fault,
		[CTL_LAME_DONE] = on_lame_done,
		[CTL_STOPPED] = on_stopped,
		[CTL_USAGE_ASK] = on_usage_ask,
		[CTL_PROBED] = on_probed,
		[CTL_CID] = on_cid,
		[CTL_DRAINED] = on_drained,
		[CTL_CONFIG_USED] = on_config_used,
	};

	if (m->type >= sizeof(hear) / sizeof(hear[0]) || hear[m->type] == NULL)
		return (-1); /* ctl_recv has refused it */
	return (hear[m->type](s, sd, m));
}

