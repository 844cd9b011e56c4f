#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/account_table.h"
#include "common/frame_list.h"
#include "common/log.h"
#include "common/sandbox.h"
#include "natsd-supervisor/supervise_priv.h"

#ifdef NATSD_SANITIZED
#define REPORTS_TO_STDERR true /* the sanitizers' reports are looked for there */
#else
#define REPORTS_TO_STDERR false
#endif
#define STOP_MS 3000	      /* after that who was asked to stop is killed */
#define STARTING_SILENT 6     /* times the policy's silence: a recovery is no hang */
#define VOLATILE_BYTES_MIN (16u << 20)
#define RING_BESIDE_PAYLOAD (64u << 10) /* names and heads of a message of max_payload */

static void start_child(struct supervise *, struct supervised *);
static void stop_next(struct supervise *);

static const struct timeval stop_time = { .tv_sec = STOP_MS / 1000 };

void
supervise_tell_front(struct supervise *s, const struct supervised *about)
{
	handover_peer(&s->children[SUPERVISE_FRONT], about);
}

/* js and raft need to know of the front's lives: its rings belong to them. */
void
supervise_tell_hubs(struct supervise *s)
{
	const struct supervised *front = &s->children[SUPERVISE_FRONT];

	handover_peer(&s->children[SUPERVISE_JS], front);
	handover_peer(&s->children[SUPERVISE_RAFT], front);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct supervised *sd = arg;
	struct ctl_msg m;
	struct err e;
	int rc;

	(void)fd;
	(void)what;
	while (sd->child.ctl != NULL && (rc = ctl_recv(sd->child.ctl, &m, &e)) != 0) {
		if (rc == 1) {
			if (supervise_said(sd->owner, sd, &m) != 0) {
				rc = -1;
				err_set(&e, "a %s that makes no sense", ctl_name(m.type));
			}
			ctl_msg_close(&m);
		}
		if (rc < 0) {
			/* Gone, or not to be trusted any more; its death follows. */
			log_debug("%s: %s", role_program(sd->child.role), e.text);
			event_del(sd->readable);
			if (sd->child.state != CHILD_STOPPING)
				child_kill(&sd->child, "");
			return;
		}
	}
	supervise_flush(sd);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	supervise_flush(arg);
}

void
supervise_flush(struct supervised *sd)
{
	struct err e;

	if (sd->child.ctl == NULL || ctl_flush(sd->child.ctl, &e) != 0)
		return; /* a broken socket shows on the reading side */
	if (ctl_wants_write(sd->child.ctl) && sd->writable != NULL)
		event_add(sd->writable, NULL);
}

/* ---- lives ---- */

static void
drop_events(struct supervised *sd)
{
	if (sd->readable != NULL)
		event_free(sd->readable);
	if (sd->writable != NULL)
		event_free(sd->writable);
	sd->readable = sd->writable = NULL;
}

static int
make_events(struct supervise *s, struct supervised *sd, struct err *e)
{
	int fd = ctl_fd(sd->child.ctl);

	sd->readable = event_new(s->setup.base, fd, EV_READ | EV_PERSIST, on_readable, sd);
	sd->writable = event_new(s->setup.base, fd, EV_WRITE, on_writable, sd);
	if (sd->readable == NULL || sd->writable == NULL || event_add(sd->readable, NULL) != 0)
		return (err_set(e, "no memory"));
	return (0);
}

static int
spawn(struct supervise *s, struct supervised *sd, struct err *e)
{
	char *const *wrapper = sd->child.role == ROLE_FRONT ? s->setup.front_wrapper : NULL;
	bool own_stderr = REPORTS_TO_STDERR || wrapper != NULL;
	int log_fd = logserver_child(s->setup.log, e);
	int err_fd = own_stderr ? -1 : logserver_stderr(s->setup.log, e);

	if (log_fd == -1 || child_spawn(&sd->child, sd->program, log_fd, err_fd, wrapper, e) != 0)
		return (-1);
	if (make_events(s, sd, e) != 0 || handover(s, sd, e) != 0)
		return (-1);
	supervise_flush(sd);
	return (0);
}

/* The rings of a dead front are read to their end by js and raft; the next front has its own. */
static void
retire_rings_of_front(struct supervise *s)
{
	static const unsigned hubs[] = { SUPERVISE_JS, SUPERVISE_RAFT };
	struct err e;

	for (unsigned i = 0; i < 2; i++) {
		struct supervised *hub = &s->children[hubs[i]];

		if (hub->wanted && rings_retire(s->rings, hub->child.role,
		    s->children[SUPERVISE_FRONT].child.life, &e) != 0)
			fatal("%s", e.text);
	}
}

static void
give_renewed_rings_of_front(struct supervise *s)
{
	handover_rings(s, &s->children[SUPERVISE_JS], ROLE_FRONT);
	handover_rings(s, &s->children[SUPERVISE_RAFT], ROLE_FRONT);
}

static void
start_child(struct supervise *s, struct supervised *sd)
{
	bool next_front = sd->child.role == ROLE_FRONT && sd->child.life > 0;
	struct err e;

	if (next_front)
		retire_rings_of_front(s);
	if (spawn(s, sd, &e) == 0) {
		sd->probe = 0;
		if (next_front) {
			give_renewed_rings_of_front(s);
			supervise_tell_hubs(s);
		}
		supervise_tell_front(s, sd);
		return;
	}
	log_error("%s: %s", role_program(sd->child.role), e.text);
	if (sd->child.pid != 0) {
		child_kill(&sd->child, e.text);
		return; /* buried and tried again like any other death */
	}
	sd->child.useless++;
	sd->child.state = CHILD_WAITING;
	sd->child.wait_until = mono_add_ms(mono_now(), child_policy.longest_ms);
}

/* Starts who has waited long enough, and comes again for who has not. */
static void
start_waiting(struct supervise *s)
{
	struct mono now = mono_now(), next = { .ns = INT64_MAX };
	struct timeval tv;
	int64_t us;

	if (s->stopping)
		return;
	for (unsigned i = 0; i < SUPERVISE_CHILDREN; i++) {
		struct supervised *sd = &s->children[i];

		if (!sd->wanted || sd->child.state != CHILD_WAITING)
			continue;
		if (!mono_before(now, sd->child.wait_until))
			start_child(s, sd);
		if (sd->child.state == CHILD_WAITING && mono_before(sd->child.wait_until, next))
			next = sd->child.wait_until;
	}
	if (next.ns == INT64_MAX)
		return;
	us = mono_diff_ns(next, now) / NS_PER_US + 1;
	tv = (struct timeval){ .tv_sec = us / 1000000, .tv_usec = us % 1000000 };
	event_add(s->wake, &tv);
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	start_waiting(arg);
}

/* By a signal that says the program was wrong, or because it hung: not by our kill or an operator's. */
static bool
died_by_fault(const struct supervised *sd, int status)
{
	if (sd->child.killed_for[0] != '\0')
		return (true);
	if (!WIFSIGNALED(status))
		return (false);
	switch (WTERMSIG(status)) {
	case SIGSEGV:
	case SIGBUS:
	case SIGABRT:
	case SIGILL:
	case SIGFPE:
	case SIGSYS:
		return (true);
	default:
		return (false);
	}
}

/* After an accusation: all rings of this one are made anew, its peers get their ends. */
static void
renew_rings_of(struct supervise *s, struct supervised *sd)
{
	struct err e;

	sd->child.replaced_rings = false;
	for (unsigned i = 0; i < SUPERVISE_CHILDREN; i++) {
		struct supervised *peer = &s->children[i];

		if (peer == sd || !peer->wanted)
			continue;
		if (rings_renew(s->rings, sd->child.role, peer->child.role, &e) != 0)
			fatal("%s", e.text);
		handover_rings(s, peer, sd->child.role);
	}
}

/* What it still said before it died; there is nobody left to kill for it. */
static void
last_words(struct supervise *s, struct supervised *sd)
{
	struct ctl_msg m;
	struct err e;
	int rc = 0;

	sd->child.pid = 0;
	while (rc == 0 && ctl_recv(sd->child.ctl, &m, &e) == 1) {
		if (m.type != CTL_READY)
			rc = supervise_said(s, sd, &m);
		ctl_msg_close(&m);
	}
}

static void
bury(struct supervise *s, struct supervised *sd, int status)
{
	bool asked = sd->child.state == CHILD_STOPPING || s->stopping;

	drop_events(sd);
	last_words(s, sd);
	child_buried(&sd->child, status, asked);
	reload_lost(s, sd);
	if (asked) {
		stop_next(s);
		return;
	}
	log_error("%s, life %u: %s", role_program(sd->child.role), sd->child.life, sd->child.why);
	if (sd->child.role == ROLE_FRONT) {
		supervise_tell_hubs(s);
		if (s->lame) {
			s->setup.on_lame_done(s->setup.ctx); /* its clients went with it */
			return;
		}
		start_waiting(s);
		return;
	}
	if (sd->child.replaced_rings)
		renew_rings_of(s, sd);
	else
		rings_death(s->rings, sd->child.role, died_by_fault(sd, status));
	supervise_tell_front(s, sd);
	start_waiting(s);
}

void
supervise_reap(struct supervise *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (unsigned i = 0; i < SUPERVISE_CHILDREN; i++)
			if (s->children[i].child.pid == pid)
				bury(s, &s->children[i], status);
}

/* ---- the watchdog ---- */

/* The answer says that every thread has turned since. */
static void
ask(struct supervise *s, struct supervised *sd)
{
	struct ctl_ping m = { .number = ++s->pings };
	struct err e;

	sd->child.ping = m.number;
	if (ctl_send_ping(sd->child.ctl, &m, &e) != 0)
		log_debug("%s: %s", role_program(sd->child.role), e.text);
	supervise_flush(sd);
}

static void
watch(struct supervise *s, struct supervised *sd, struct mono now)
{
	int64_t silence_ms = child_policy.silent_ms;

	if (sd->child.pid == 0)
		return;
	if (sd->child.state == CHILD_STARTING)
		silence_ms *= STARTING_SILENT;
	if (mono_diff_ns(now, sd->child.heard) > silence_ms * NS_PER_MS) {
		log_error("%s does not answer and is killed", role_program(sd->child.role));
		child_kill(&sd->child, "silent beyond the watchdog");
		return;
	}
	if (sd->child.state == CHILD_UP)
		ask(s, sd);
}

/* Whether this young life may have become useful since it was asked last. */
static bool
is_eager(const struct child *c, struct mono now)
{
	return (c->state == CHILD_UP && c->useful == 0 &&
	    mono_diff_ns(now, c->started) < child_policy.eager_for_ms * NS_PER_MS);
}

static void
on_eager(evutil_socket_t fd, short what, void *arg)
{
	struct timeval again = { .tv_usec = child_policy.eager_ms * 1000 };
	struct supervise *s = arg;
	struct mono now = mono_now();
	bool any = false;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < SUPERVISE_CHILDREN; i++) {
		struct supervised *sd = &s->children[i];

		if (s->stopping || !is_eager(&sd->child, now))
			continue;
		any = true;
		if (sd->child.pong == sd->child.ping)
			ask(s, sd);
	}
	if (any)
		event_add(s->eager, &again);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct supervise *s = arg;
	struct mono now = mono_now();

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < SUPERVISE_CHILDREN; i++)
		if (s->children[i].wanted && !s->stopping)
			watch(s, &s->children[i], now);
}

/* ---- the end ---- */

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct supervise *s = arg;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < SUPERVISE_CHILDREN; i++)
		child_kill(&s->children[i].child, "slow to stop");
}

static void
ask_to_stop(struct supervised *sd)
{
	struct ctl_stop m = { 0 };
	struct err e;

	if (sd->child.pid == 0 || sd->child.state == CHILD_STOPPING)
		return;
	sd->child.state = CHILD_STOPPING;
	if (ctl_send_stop(sd->child.ctl, &m, &e) != 0)
		child_kill(&sd->child, e.text);
	supervise_flush(sd);
}

/* The front first: what it still hands over is stored before js and raft go. */
static void
stop_next(struct supervise *s)
{
	bool left = false;

	if (!s->stopping)
		return;
	if (s->children[SUPERVISE_FRONT].child.pid != 0) {
		ask_to_stop(&s->children[SUPERVISE_FRONT]);
		return;
	}
	for (unsigned i = 0; i < SUPERVISE_CHILDREN; i++) {
		ask_to_stop(&s->children[i]);
		left |= s->children[i].child.pid != 0;
	}
	if (!left)
		s->setup.on_stopped(s->setup.ctx);
}

void
supervise_stop(struct supervise *s)
{
	if (s->stopping)
		return;
	s->stopping = true;
	event_add(s->deadline, &stop_time);
	stop_next(s);
}

void
supervise_lame_duck(struct supervise *s)
{
	struct supervised *front = &s->children[SUPERVISE_FRONT];
	struct ctl_lame_duck m = { 0 };
	struct err e;

	s->lame = true;
	if (front->child.ctl == NULL || ctl_send_lame_duck(front->child.ctl, &m, &e) != 0)
		s->setup.on_lame_done(s->setup.ctx);
	else
		supervise_flush(front);
}

/* ---- the begin ---- */

/* A message stands in the ring as a whole until it is answered, so the ring holds the largest one. */
static uint32_t
ring_bytes(const struct options *o)
{
	uint64_t bytes = (uint64_t)o->ring_bytes, payload = FRAME_PAYLOAD_MAX;

	if (o->max_payload >= 0 && (uint64_t)o->max_payload < payload)
		payload = (uint64_t)o->max_payload;
	while (bytes < payload + RING_BESIDE_PAYLOAD)
		bytes *= 2;
	return ((uint32_t)bytes);
}

static int
make_shared(struct supervise *s, struct err *e)
{
	unsigned roles = ROLE_FRONT;

	for (unsigned i = 0; i < SUPERVISE_CHILDREN; i++)
		if (s->children[i].wanted)
			roles |= (unsigned)s->children[i].child.role;
	s->rings = rings_new(s->setup.front_threads, roles, ring_bytes(&s->options), e);
	if (s->rings == NULL || (s->accounts = account_table_make(e)) == -1)
		return (-1);
	if (!s->children[SUPERVISE_JS].wanted)
		return (0);
	if (volatile_make(&s->store, VOLATILE_BYTES_MIN, sandbox_user_id(ROLE_JS),
		sandbox_group_id(ROLE_JS), e) != 0)
		return (-1);
	log_debug("Volatile store: %s", volatile_text(&s->store));
	return (0);
}

static int
make_timers(struct supervise *s, struct err *e)
{
	struct timeval every = { .tv_sec = child_policy.ping_ms / 1000 };

	s->tick = event_new(s->setup.base, -1, EV_PERSIST, on_tick, s);
	s->eager = evtimer_new(s->setup.base, on_eager, s);
	s->wake = evtimer_new(s->setup.base, on_wake, s);
	s->deadline = evtimer_new(s->setup.base, on_deadline, s);
	if (s->tick == NULL || s->eager == NULL || s->wake == NULL || s->deadline == NULL ||
	    event_add(s->tick, &every) != 0)
		return (err_set(e, "timers: no memory"));
	return (0);
}

struct supervise *
supervise_new(const struct supervise_setup *setup, struct err *e)
{
	static const enum role roles[SUPERVISE_CHILDREN] = { ROLE_FRONT, ROLE_JS, ROLE_RAFT };
	struct supervise *s = calloc(1, sizeof(*s));

	if (s == NULL || options_copy(&s->options, setup->options, e) != 0) {
		free(s);
		return (NULL);
	}
	s->setup = *setup;
	s->setup.options = NULL; /* ours is the copy */
	s->accounts = -1;
	s->store.fd = -1;
	for (unsigned i = 0; i < SUPERVISE_CHILDREN; i++) {
		s->children[i].owner = s;
		s->children[i].child.role = roles[i];
		s->children[i].child.state = CHILD_WAITING;
		s->children[i].wanted = roles[i] == ROLE_FRONT || setup->dev_roles;
	}
	if (make_shared(s, e) != 0 || make_timers(s, e) != 0) {
		supervise_free(s);
		return (NULL);
	}
	return (s);
}

void
supervise_free(struct supervise *s)
{
	if (s == NULL)
		return;
	for (unsigned i = 0; i < SUPERVISE_CHILDREN; i++) {
		drop_events(&s->children[i]);
		child_kill(&s->children[i].child, "the end");
		ctl_free(s->children[i].child.ctl);
	}
	if (s->tick != NULL)
		event_free(s->tick);
	if (s->eager != NULL)
		event_free(s->eager);
	if (s->wake != NULL)
		event_free(s->wake);
	if (s->deadline != NULL)
		event_free(s->deadline);
	rings_free(s->rings);
	if (s->accounts != -1)
		close(s->accounts);
	volatile_remove(&s->store);
	options_free(&s->options);
	free(s);
}

int
supervise_start(struct supervise *s, struct err *e)
{
	for (unsigned i = 0; i < SUPERVISE_CHILDREN; i++) {
		struct supervised *sd = &s->children[i];

		if (sd->wanted && child_program(sd->child.role, sd->program, sizeof(sd->program), e) != 0)
			return (-1);
	}
	start_waiting(s);
	return (0);
}

const struct options *
supervise_options(const struct supervise *s)
{
	return (&s->options);
}
