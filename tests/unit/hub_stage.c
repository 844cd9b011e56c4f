#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "common/account_table.h"
#include "common/mono.h"
#include "common/options.h"
#include "common/shm.h"
#include "tests/unit/hub_stage.h"

#define WAIT_MS 20000
#define NOBODY 65534

static struct err err;

/* ---- the process ---- */

static void __attribute__((noreturn))
run_role(enum role role, int ctl, int log)
{
	const char *dir = getenv("builddir");
	char path[4096], name[32];
	char *argv[] = { name, NULL }, *envp[] = { NULL };
	int program;

	snprintf(name, sizeof(name), "%s", role_program(role));
	snprintf(path, sizeof(path), "%s/%s/%s", dir == NULL ? "." : dir, name, name);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if ((program = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		err_sys(&err, "%s", path);
	/* as anybody: what root adds to the sandbox has a test of its own */
	if (getuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
		err_sys(&err, "another user");
	ctl = fcntl(ctl, F_DUPFD, 10);
	log = fcntl(log, F_DUPFD, 10);
	program = fcntl(program, F_DUPFD_CLOEXEC, 10);
	if (dup2(ctl, CTL_FD) == -1 || dup2(log, CTL_LOG_FD) == -1)
		_exit(99);
	close(ctl);
	close(log);
	fexecve(program, argv, envp);
	_exit(98);
}

static void
spawn(struct stage *s)
{
	int ctl[2], log[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ctl), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, log), 0);
	ck_assert_int_ne(s->pid = fork(), -1);
	if (s->pid == 0)
		run_role(s->role, ctl[1], log[1]);
	close(ctl[1]);
	close(log[1]);
	s->log_fd = log[0];
	s->life++;
	ck_assert_ptr_nonnull(s->ctl = ctl_new(ctl[0], ROLE_SUPERVISOR, s->role, s->life));
}

/* What the process had to say, for whoever reads a failed test. */
static void
show_log(struct stage *s)
{
	char record[1024];
	ssize_t n;

	while ((n = recv(s->log_fd, record, sizeof(record), MSG_DONTWAIT)) > 16)
		fprintf(stderr, "%s: %.*s\n", role_name(s->role), (int)n - 16, record + 16);
}

static void
buried(struct stage *s)
{
	s->pid = -1;
	show_log(s);
	ctl_free(s->ctl);
	s->ctl = NULL;
	close(s->log_fd);
}

bool
stage_ended(struct stage *s, int *status)
{
	if (waitpid(s->pid, status, WNOHANG) != s->pid)
		return (false);
	buried(s);
	return (true);
}

int
stage_wait_end(struct stage *s)
{
	int status;

	ck_assert_int_eq(waitpid(s->pid, &status, 0), s->pid);
	buried(s);
	return (status);
}

void
stage_kill(struct stage *s)
{
	kill(s->pid, SIGKILL);
	stage_wait_end(s);
}

/* ---- the supervisor ---- */

static int
make_options(void)
{
	struct options o;
	uint8_t *p;
	size_t n;
	int fd;

	ck_assert_int_eq(options_init(&o, &err), 0);
	free(o.server_name);
	free(o.server_id);
	o.server_name = strdup("stage");
	o.server_id = strdup("NSTAGE");
	ck_assert_int_eq(options_encode(&o, ROLE_JS, &p, &n, &err), 0);
	ck_assert_int_ne(fd = shm_make_sealed_copy("options", p, n, &err), -1);
	free(p);
	options_free(&o);
	return (fd);
}

void
stage_open(struct stage *s, enum role role, int store)
{
	*s = (struct stage){ .role = role, .pid = -1 };
	ck_assert_int_ne(s->accounts = account_table_make(&err), -1);
	s->options = make_options();
	s->store = store != -1 ? store : memfd_create("store", MFD_CLOEXEC);
	ck_assert_int_ne(s->store, -1);
	ck_assert_int_eq(doorbell_make(&s->role_bell, &err), 0);
	ck_assert_int_eq(doorbell_make(&s->front_bell, &err), 0);
	front_open(&s->front, 1, &s->role_bell);
}

void
stage_close(struct stage *s)
{
	if (s->pid != -1)
		stage_kill(s);
	front_close(&s->front);
	close(s->accounts);
	close(s->options);
	close(s->store);
	doorbell_close(&s->role_bell);
	doorbell_close(&s->front_bell);
}

void
stage_try_start(struct stage *s, const char *kill_spec)
{
	struct ctl_hello hello = { .stamp = CTL_STAMP, .role = s->role,
		.natsd_life = STAGE_NATSD_LIFE, .front_threads = 1, .dev_roles = 1,
		.kill_spec = str_of(kill_spec) };

	spawn(s);
	ck_assert_int_eq(ctl_send_hello(s->ctl, &hello, &err), 0);
	ck_assert_int_eq(ctl_send_config(s->ctl, &(struct ctl_config){ 1 }, s->options, &err), 0);
	ck_assert_int_eq(ctl_send_bell(s->ctl, &(struct ctl_bell){ .owner = s->role },
	    s->role_bell.wait, s->role_bell.ring, &err), 0);
	front_hand_over(s, &s->front);
	ck_assert_int_eq(ctl_send_accounts(s->ctl, &(struct ctl_accounts){ 0 }, s->accounts, &err),
	    0);
	ck_assert_int_eq(ctl_send_store(s->ctl,
	    &(struct ctl_store_msg){ .kind = CTL_STORE_VOLATILE }, s->store, &err), 0);
	ck_assert_int_eq(ctl_send_go(s->ctl, &(struct ctl_go){ 0 }, &err), 0);
}

void
stage_start(struct stage *s, const char *kill_spec)
{
	stage_try_start(s, kill_spec);
	stage_ctl(s, CTL_READY);
}

static void
wait_readable(struct stage *s, int fd, const char *what)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, WAIT_MS) == 1)
		return;
	show_log(s);
	ck_abort_msg("%s does not come", what);
}

void
stage_ctl(struct stage *s, enum ctl_type type)
{
	do {
		int got;

		wait_readable(s, ctl_fd(s->ctl), ctl_name((uint16_t)type));
		if ((got = ctl_recv(s->ctl, &s->msg, &err)) < 0) {
			show_log(s);
			ck_abort_msg("waiting for %s: %s", ctl_name((uint16_t)type), err.text);
		}
		if (got == 0)
			s->msg.type = 0;
	} while (s->msg.type != type);
}

/* ---- the front ---- */

void
front_open(struct stage_front *f, uint32_t life, const struct doorbell *bell)
{
	static uint64_t serial = 100;
	struct ring *producer;

	*f = (struct stage_front){ .life = life, .scratch = BUF_INIT(STAGE_RING_BYTES) };
	ck_assert_int_ne(f->to_fd = ring_make(STAGE_RING_BYTES, serial++, &err), -1);
	ck_assert_int_ne(f->from_fd = ring_make(STAGE_RING_BYTES, serial++, &err), -1);
	ck_assert_ptr_nonnull(producer = ring_attach(f->to_fd, RING_PRODUCER, bell, &err));
	ck_assert_ptr_nonnull(f->out = ring_out_new(producer, 1u << 24));
	ck_assert_ptr_nonnull(f->in = ring_attach(f->from_fd, RING_CONSUMER, bell, &err));
	frame_join_init(&f->join);
}

void
front_close(struct stage_front *f)
{
	ring_out_free(f->out);
	ring_detach(f->in);
	frame_join_free(&f->join);
	buf_free(&f->scratch);
	close(f->to_fd);
	close(f->from_fd);
}

void
front_hand_over(struct stage *s, struct stage_front *f)
{
	struct ctl_ring to = { .from = ROLE_FRONT, .to = s->role, .peer_life = f->life };
	struct ctl_ring from = { .from = s->role, .to = ROLE_FRONT, .peer_life = f->life };

	ck_assert_int_eq(ctl_send_ring(s->ctl, &to, f->to_fd, s->front_bell.ring, &err), 0);
	ck_assert_int_eq(ctl_send_ring(s->ctl, &from, f->from_fd, s->front_bell.ring, &err), 0);
}

int
front_take(struct stage_front *f, struct ring_rec *whole)
{
	struct ring_rec rec;
	int got, joined;

	ring_out_flush(f->out);
	while ((got = ring_take(f->in, &f->scratch, &rec)) == 1) {
		ring_next(f->in, &rec);
		ring_release(f->in, rec.end);
		if ((joined = frame_join(&f->join, &rec, whole, &err)) < 0)
			ck_abort_msg("%s", err.text);
		if (joined == 1)
			return (1);
	}
	if (got < 0)
		ck_abort_msg("%s", ring_why(f->in));
	return (0);
}

void
front_expect(struct stage *s, struct stage_front *f, enum frame_type type, struct ring_rec *whole)
{
	while (front_take(f, whole) == 0) {
		if (ring_sleep(f->in))
			wait_readable(s, s->front_bell.wait, frame_name((uint16_t)type));
		doorbell_clear(&s->front_bell);
		ring_wake(f->in);
	}
	ck_assert_str_eq(frame_name(whole->type), frame_name((uint16_t)type));
}

uint64_t
front_ask(struct stage_front *f, struct str payload, struct str reply)
{
	struct frame_msg msg = { .account = ACCOUNT_GLOBAL, .sid = 1, .flags = FRAME_MSG_REPLY_HEARD,
		.subject = STR("$SYS.REQ.DEV.ECHO"), .reply = reply, .payload = payload };
	uint64_t at;

	ck_assert_int_eq(frame_send_msg(f->out, &msg, &at), 0);
	ring_out_flush(f->out);
	return (at);
}
