#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "natsd-supervisor/child.h"

#define WRAPPER_WORDS_MAX 16

/* A sanitizer makes every turn of a role longer by about that factor (tests/system/local.mk). */
#ifdef NATSD_SANITIZED
#define SLOWER 5
#else
#define SLOWER 1
#endif

const struct child_policy child_policy = {
	.first_ms = 0,
	.step_ms = 100,
	.longest_ms = 5000,
	.useful_after_ms = 10000,
	.silent_ms = 5000 * SLOWER,
	.ping_ms = 1000,
	.eager_ms = 20,
	.eager_for_ms = 2000,
};

const char *
child_state_name(enum child_state state)
{
	static const char *const names[] = { [CHILD_WAITING] = "waiting",
		[CHILD_STARTING] = "starting",
		[CHILD_UP] = "up",
		[CHILD_STOPPING] = "stopping",
		[CHILD_GONE] = "gone" };

	return (names[state]);
}

/* ---- where the programs are ---- */

int
child_program(enum role role, char *out, size_t size, struct err *e)
{
	const char *name = role_program(role), *base;
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n > 0) {
		self[n] = '\0';
		if ((base = strrchr(self, '/')) != NULL) {
			/* In a build tree every program stands in a folder of its own name. */
			snprintf(out, size, "%.*s/../%s/%s", (int)(base - self), self, name, name);
			if (access(out, X_OK) == 0)
				return (0);
		}
	}
	snprintf(out, size, "%s/%s", LIBEXECDIR, name);
	if (access(out, X_OK) != 0)
		return (err_sys(e, "%s", out));
	return (0);
}

/* ---- the new process, between fork and exec: async-signal-safe calls only ---- */

static void
place_descriptors(int ctl, int log)
{
	/* Both may stand where the other one belongs. */
	if ((ctl = fcntl(ctl, F_DUPFD, CTL_LOG_FD + 1)) == -1 ||
	    (log = fcntl(log, F_DUPFD, CTL_LOG_FD + 1)) == -1 || dup2(ctl, CTL_FD) == -1 ||
	    dup2(log, CTL_LOG_FD) == -1)
		_exit(127);
	close_range(CTL_LOG_FD + 1, ~0U, 0);
}

static void
standard_descriptors(int err)
{
	int null = open("/dev/null", O_RDWR);

	if (err != -1)
		dup2(err, STDERR_FILENO);
	if (null != -1) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		if (null > STDERR_FILENO)
			close(null);
	}
}

static void __attribute__((noreturn))
become(const char *program, char *const *wrapper, pid_t parent, int ctl, int log, int err)
{
	static char malloc_arenas[] = "MALLOC_ARENA_MAX=2";
	char *argv[WRAPPER_WORDS_MAX + 2] = { 0 }, *envp[] = { malloc_arenas, NULL };
	sigset_t none;
	unsigned n = 0;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(127);
	standard_descriptors(err);
	place_descriptors(ctl, log);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (; wrapper != NULL && wrapper[n] != NULL && n < WRAPPER_WORDS_MAX; n++)
		argv[n] = wrapper[n];
	memcpy(&argv[n], &program, sizeof(program));
	execve(argv[0], argv, envp);
	_exit(127);
}

static void
close_taken(int log_fd, int err_fd)
{
	close(log_fd);
	if (err_fd != -1)
		close(err_fd);
}

int
child_spawn(struct child *c, const char *program, int log_fd, int err_fd, char *const *wrapper,
    struct err *e)
{
	pid_t parent = getpid(), pid;
	struct ctl *ctl;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		close_taken(log_fd, err_fd);
		return (err_sys(e, "control socket of %s", role_name(c->role)));
	}
	if ((ctl = ctl_new(pair[0], ROLE_SUPERVISOR, c->role, c->life + 1)) == NULL) {
		close(pair[0]);
		err_set(e, "control socket of %s: no memory", role_name(c->role));
		goto close_ends;
	}
	if ((pid = fork()) == 0)
		become(program, wrapper, parent, pair[1], log_fd, err_fd);
	if (pid == -1) {
		err_sys(e, "start %s", program);
		goto free_ctl;
	}
	close(pair[1]);
	close_taken(log_fd, err_fd);
	c->ctl = ctl;
	c->pid = pid;
	c->life++;
	c->useful = 0;
	c->pong = c->ping;
	c->killed_for[0] = '\0';
	c->state = CHILD_STARTING;
	c->started = c->heard = mono_now();
	return (0);
free_ctl:
	ctl_free(ctl);
close_ends:
	close(pair[1]);
	close_taken(log_fd, err_fd);
	return (-1);
}

/* ---- the end of a life ---- */

static void
describe_death(struct child *c, int status)
{
	/* Our kill may have come too late to be what ended it. */
	if (c->killed_for[0] != '\0' && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		snprintf(c->why, sizeof(c->why), "%s", c->killed_for);
	else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		snprintf(c->why, sizeof(c->why), "stopped by its sandbox (signal %d)", SIGSYS);
	else if (WIFSIGNALED(status))
		snprintf(c->why, sizeof(c->why), "killed by signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else
		snprintf(c->why, sizeof(c->why), "exit status %d", WEXITSTATUS(status));
}

static int64_t
backoff_ms(const struct child *c)
{
	int64_t ms;

	if (c->useless == 0)
		return (0);
	ms = child_policy.first_ms + (int64_t)(c->useless - 1) * child_policy.step_ms;
	return (ms > child_policy.longest_ms ? child_policy.longest_ms : ms);
}

void
child_buried(struct child *c, int status, bool asked)
{
	struct mono now = mono_now();
	bool useful = c->useful > 0 || mono_diff_ns(now, c->started) >=
	    child_policy.useful_after_ms * NS_PER_MS;

	ctl_free(c->ctl);
	c->ctl = NULL;
	c->pid = 0;
	if (asked) {
		c->state = CHILD_GONE;
		return;
	}
	describe_death(c, status);
	c->restarts++;
	c->useless = useful ? 0 : c->useless + 1;
	c->wait_until = mono_add_ms(now, backoff_ms(c));
	c->state = CHILD_WAITING;
}

void
child_kill(struct child *c, const char *why)
{
	if (c->pid == 0)
		return;
	if (c->killed_for[0] == '\0') /* what follows of it is no reason of its own */
		snprintf(c->killed_for, sizeof(c->killed_for), "%s", why);
	kill(c->pid, SIGKILL);
}
