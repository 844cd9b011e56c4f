#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/shm.h"
#include "natsd-supervisor/supervise_priv.h"

/* Which text of the test's kill order is meant for this life. */
static struct str
kill_spec(const struct supervise *s, const struct child *c)
{
	const char *spec = s->setup.kill_spec, *name = role_name(c->role);
	size_t n;

	if (spec == NULL || (n = strlen(spec)) == 0)
		return (STR_NONE);
	if (strcmp(spec, "nosandbox") == 0)
		return (str_of(spec));
	if (strncmp(spec, name, strlen(name)) != 0 || spec[strlen(name)] != ':')
		return (STR_NONE);
	if (spec[n - 1] == '*')
		return ((struct str){ .p = spec, .n = n - 1 });
	return (c->life == 1 ? str_of(spec) : STR_NONE);
}

static int
say_hello(struct supervise *s, struct supervised *sd, struct err *e)
{
	struct ctl_hello m = { .stamp = CTL_STAMP,
		.role = (uint32_t)sd->child.role,
		.natsd_life = s->setup.identity->life,
		.front_threads = s->setup.front_threads,
		.dev_roles = s->setup.dev_roles,
		.cid_base = s->highest_cid,
		.kill_spec = kill_spec(s, &sd->child) };

	return (ctl_send_hello(sd->child.ctl, &m, e));
}

int
handover_config(struct supervised *sd, const struct options *o, struct err *e)
{
	struct ctl_config m = { .generation = o->generation };
	uint8_t *p;
	size_t n;
	int fd, rc;

	if (options_encode(o, sd->child.role, &p, &n, e) != 0)
		return (-1);
	fd = shm_make_sealed_copy("natsd-options", p, n, e);
	options_encoded_free(p, n);
	if (fd == -1)
		return (-1);
	rc = ctl_send_config(sd->child.ctl, &m, fd, e);
	close(fd);
	return (rc);
}

static int
give_listeners(struct supervise *s, struct supervised *sd, struct err *e)
{
	const struct supervise_setup *su = &s->setup;
	struct ctl_listener_msg client = { .kind = CTL_LISTEN_CLIENT,
		.address = str_of(s->options.bound_host) };
	struct ctl_listener_msg monitor = {
		.kind = s->options.https_port != 0 ? CTL_LISTEN_MONITOR_TLS : CTL_LISTEN_MONITOR,
		.address = str_of(s->options.http_host) };

	if (ctl_send_listener(sd->child.ctl, &client, su->client_listener, e) != 0)
		return (-1);
	if (su->monitor_listener == -1)
		return (0);
	return (ctl_send_listener(sd->child.ctl, &monitor, su->monitor_listener, e));
}

static int
give_store(struct supervise *s, struct supervised *sd, struct err *e)
{
	struct ctl_store_msg m = { .kind = CTL_STORE_VOLATILE };

	return (ctl_send_store(sd->child.ctl, &m, s->store.fd, e));
}

void
handover_peer(struct supervised *to, const struct supervised *about)
{
	static const uint32_t states[] = { [CHILD_WAITING] = CTL_PEER_WAITING,
		[CHILD_STARTING] = CTL_PEER_STARTING,
		[CHILD_UP] = CTL_PEER_UP,
		[CHILD_STOPPING] = CTL_PEER_GONE,
		[CHILD_GONE] = CTL_PEER_GONE };
	struct ctl_peer m = { .role = (uint32_t)about->child.role,
		.life = about->child.life,
		.state = states[about->child.state],
		.restarts = about->child.restarts,
		.why = str_of(about->child.why) };
	struct err e;

	if (to->child.ctl == NULL)
		return;
	if (ctl_send_peer(to->child.ctl, &m, &e) != 0)
		log_warn("%s: %s", role_program(to->child.role), e.text);
	supervise_flush(to);
}

void
handover_rings(struct supervise *s, struct supervised *to, enum role peer)
{
	uint32_t front_life = s->children[SUPERVISE_FRONT].child.life;
	struct err e;

	if (to->child.ctl == NULL)
		return;
	if (rings_hand(s->rings, to->child.ctl, to->child.role, (unsigned)peer, 0, front_life, &e) != 0)
		child_kill(&to->child, e.text);
	supervise_flush(to);
}

int
handover(struct supervise *s, struct supervised *sd, struct err *e)
{
	struct ctl_accounts accounts = { 0 };
	struct ctl_go go = { 0 };
	struct ctl *ctl = sd->child.ctl;

	if (say_hello(s, sd, e) != 0 || handover_config(sd, &s->options, e) != 0)
		return (-1);
	if (sd->child.role == ROLE_FRONT && give_listeners(s, sd, e) != 0)
		return (-1);
	if (rings_hand(s->rings, ctl, sd->child.role, 0, 1, s->children[SUPERVISE_FRONT].child.life,
		e) != 0 ||
	    ctl_send_accounts(ctl, &accounts, s->accounts, e) != 0)
		return (-1);
	if (sd->child.role == ROLE_JS && give_store(s, sd, e) != 0)
		return (-1);
	return (ctl_send_go(ctl, &go, e));
}
