/*
 * Linux: change of user and root directory as root; then, as anybody, no new privileges, landlock
 * for files and TCP, seccomp-bpf for everything else.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/ctl.h"
#include "common/log.h"
#include "common/mono.h"
#include "common/num.h"
#include "common/sandbox.h"
#include "common/sandbox_calls.h"
#include "common/sandbox_table.h"

/* Landlock's interface, declared here: Debian 12's kernel headers are older than the kernels. */
#define LANDLOCK_CREATE_RULESET 444
#define LANDLOCK_ADD_RULE 445
#define LANDLOCK_RESTRICT_SELF 446
#define LANDLOCK_VERSION 1u
#define LANDLOCK_PATH_BENEATH 1

struct landlock_attr {
	uint64_t fs, net, scoped;
};

struct landlock_beneath {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

#define LANDLOCK_FS_ALL 0x1fffULL	    /* version 1: all of files and directories */
#define LANDLOCK_FS_REFER (1ULL << 13)	    /* 2 */
#define LANDLOCK_FS_TRUNCATE (1ULL << 14)   /* 3 */
#define LANDLOCK_NET_ALL 3ULL		    /* 4: bind and connect of TCP */
#define LANDLOCK_FS_IOCTL (1ULL << 15)	    /* 5 */
#define LANDLOCK_SCOPE_ALL 3ULL		    /* 6: abstract sockets, signals */
#define LANDLOCK_FS_EXECUTE 1ULL

bool
sandbox_separates_users(void)
{
	char map[256];
	unsigned long inside, outside, count = 0;
	ssize_t n;
	int fd;

	if (geteuid() != 0)
		return (false);
	if ((fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC)) == -1)
		return (true);
	n = read(fd, map, sizeof(map) - 1);
	close(fd);
	if (n <= 0)
		return (true);
	map[n] = '\0';
	/* A container with a single uid has no other user to change to. */
	if (sscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3 && count == 1 &&
	    strchr(map, '\n') == map + n - 1)
		return (false);
	return (true);
}

/* ---- user and root directory ---- */

/* An empty directory that nobody can put anything into: installed, or made and removed at once. */
static int
enter_empty(struct err *e)
{
	static const char *const places[] = { "/run", "/tmp", "/dev/shm" };
	char path[64];
	struct stat st;

	if (stat(EMPTYDIR, &st) == 0 && st.st_uid == 0 && (st.st_mode & 022) == 0 &&
	    chdir(EMPTYDIR) == 0)
		return (0);
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/natsd-empty-XXXXXX", places[i]);
		if (mkdtemp(path) == NULL)
			continue;
		if (chdir(path) == 0 && rmdir(path) == 0)
			return (0);
		rmdir(path);
	}
	return (err_set(e, "no empty directory to be confined to: make " EMPTYDIR));
}

static int
change_root(const char *root, struct err *e)
{
	if (root == NULL ? enter_empty(e) != 0 : chdir(root) != 0)
		return (root == NULL ? -1 : err_sys(e, "enter %s", root));
	if (chroot(".") != 0)
		return (err_sys(e, "confine to the root directory"));
	return (0);
}

static int
change_user(const struct passwd *pw, struct err *e)
{
	if (setgroups(1, &pw->pw_gid) != 0)
		return (err_sys(e, "set groups of %s", pw->pw_name));
	if (setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) != 0)
		return (err_sys(e, "change group to %s", pw->pw_name));
	if (setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0)
		return (err_sys(e, "change user to %s", pw->pw_name));
	return (0);
}

/* The change of user clears the parent-death signal; a parent that died between is seen here. */
static int
renew_death_signal(pid_t parent, struct err *e)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		return (err_sys(e, "parent-death signal"));
	if (getppid() != parent)
		return (err_set(e, "the supervisor is gone"));
	return (0);
}

static int
drop_root(const struct sandbox_row *row, const struct sandbox_request *rq, struct err *e)
{
	pid_t parent = getppid();
	struct passwd *pw;

	errno = 0;
	if ((pw = getpwnam(row->user)) == NULL)
		return (err_set(e, "no user %s", row->user));
	if (change_root(rq->root, e) != 0 || change_user(pw, e) != 0)
		return (-1);
	return (renew_death_signal(parent, e));
}

/* ---- landlock ---- */

static int
landlock_version(void)
{
	return ((int)syscall(LANDLOCK_CREATE_RULESET, NULL, 0, LANDLOCK_VERSION));
}

static struct landlock_attr
landlock_handled(int version)
{
	struct landlock_attr a = { .fs = LANDLOCK_FS_ALL };

	if (version >= 2)
		a.fs |= LANDLOCK_FS_REFER;
	if (version >= 3)
		a.fs |= LANDLOCK_FS_TRUNCATE;
	if (version >= 4)
		a.net = LANDLOCK_NET_ALL;
	if (version >= 5)
		a.fs |= LANDLOCK_FS_IOCTL;
	if (version >= 6)
		a.scoped = LANDLOCK_SCOPE_ALL;
	return (a);
}

static int
landlock_allow_dirs(int set, uint64_t fs, const struct sandbox_request *rq, struct err *e)
{
	for (unsigned i = 0; i < rq->ndirs; i++) {
		struct landlock_beneath b = { .allowed = fs & ~LANDLOCK_FS_EXECUTE,
			.parent = rq->dirs[i] };
		struct stat st;

		if (fstat(rq->dirs[i], &st) != 0 || !S_ISDIR(st.st_mode))
			continue; /* a single file on memory needs no rule: it is open already */
		if (syscall(LANDLOCK_ADD_RULE, set, LANDLOCK_PATH_BENEATH, &b, 0) != 0)
			return (err_sys(e, "landlock: allow a directory"));
	}
	return (0);
}

static int
landlock_enter(const struct sandbox_row *row, const struct sandbox_request *rq, struct err *e)
{
	int version = landlock_version(), set, rc = -1;
	struct landlock_attr a;
	size_t size;

	if (version < 1)
		return (0); /* a kernel without it; sandbox_describe says so */
	a = landlock_handled(version);
	size = version >= 6 ? sizeof(a) : version >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
	if ((set = (int)syscall(LANDLOCK_CREATE_RULESET, &a, size, 0)) == -1)
		return (err_sys(e, "landlock: rules"));
	if (row->files == SANDBOX_FILES_BELOW && landlock_allow_dirs(set, a.fs, rq, e) != 0)
		goto out;
	if (syscall(LANDLOCK_RESTRICT_SELF, set, 0) != 0) {
		err_sys(e, "landlock: enter");
		goto out;
	}
	rc = 0;
out:
	close(set);
	return (rc);
}

/* ---- seccomp ---- */

static int log_fd_of_trap = -1;

/*
 * A fatal call was tried: say which, then die of the signal as if there were no handler, so that the
 * supervisor sees SIGSYS.  Async-signal-safe: one send, no formatting functions.
 */
static void
on_sigsys(int sig, siginfo_t *info, void *context)
{
	static const char text[] = "sandbox: forbidden system call ";
	uint8_t record[LOG_RECORD_HEAD + sizeof(text) + 20] = { LOG_LVL_FATAL };
	size_t n = LOG_RECORD_HEAD;
	struct wall now = wall_now();
	sigset_t just;

	(void)context;
	memcpy(record + 8, &now.ns, sizeof(now.ns));
	memcpy(record + n, text, sizeof(text) - 1);
	n += sizeof(text) - 1;
	n += num_put_u64((char *)record + n, (uint64_t)(unsigned)info->si_syscall);
	if (write(log_fd_of_trap, record, n) < 0)
		n = 0; /* nobody left to tell */
	signal(sig, SIG_DFL);
	sigemptyset(&just);
	sigaddset(&just, sig);
	pthread_sigmask(SIG_UNBLOCK, &just, NULL); /* it is blocked inside its handler */
	raise(sig);
	_exit(128 + sig);
}

static int
trap_install(struct err *e)
{
	struct sigaction sa = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };

	log_fd_of_trap = CTL_LOG_FD;
	if (sigaction(SIGSYS, &sa, NULL) != 0)
		return (err_sys(e, "handler of forbidden calls"));
	return (0);
}

static int
allow_list(scmp_filter_ctx f, const int *calls, uint32_t action)
{
	for (; *calls != -1; calls++) {
		int rc = seccomp_rule_add(f, action, *calls, 0);

		if (rc != 0 && rc != -EEXIST && rc != -EDOM)
			return (rc);
	}
	return (0);
}

/* Calls that are allowed for some values of their arguments only. */
static int
allow_narrow(scmp_filter_ctx f)
{
	const struct {
		int call;
		struct scmp_arg_cmp cmp;
	} narrow[] = {
		{ SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) },
		{ SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0) },
		{ SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD) },
		{ SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0) },
		{ SCMP_SYS(prlimit64), SCMP_A2(SCMP_CMP_EQ, 0, 0) }, /* asking only */
		{ SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0) },
		{ SCMP_SYS(tkill), SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0) },
	};

	for (unsigned i = 0; i < sizeof(narrow) / sizeof(narrow[0]); i++) {
		int rc = seccomp_rule_add_array(f, SCMP_ACT_ALLOW, narrow[i].call, 1, &narrow[i].cmp);

		if (rc != 0)
			return (rc);
	}
	/* Its flags cannot be looked at: libc then falls back to clone, whose can. */
	return (seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0));
}

static int
filter_fill(scmp_filter_ctx f, const struct sandbox_row *row, bool probes)
{
	int rc;

	if ((rc = allow_list(f, sandbox_calls_all, SCMP_ACT_ALLOW)) != 0 ||
	    (rc = allow_narrow(f)) != 0 ||
	    (rc = allow_list(f, sandbox_calls_build, SCMP_ACT_ALLOW)) != 0)
		return (rc);
	if (row->net == SANDBOX_NET_ACCEPTED &&
	    (rc = allow_list(f, sandbox_calls_front, SCMP_ACT_ALLOW)) != 0)
		return (rc);
	if (row->files == SANDBOX_FILES_BELOW &&
	    (rc = allow_list(f, sandbox_calls_files, SCMP_ACT_ALLOW)) != 0)
		return (rc);
	/* A probe wants an answer, not a death: what is fatal is then refused like the rest. */
	return (allow_list(f, sandbox_calls_fatal, probes ? SCMP_ACT_ERRNO(EACCES) : SCMP_ACT_TRAP));
}

static int
seccomp_enter(const struct sandbox_row *row, bool probes, struct err *e)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc;

	if (f == NULL)
		return (err_set(e, "system-call filter: no memory"));
	/* Threads that a sanitizer's runtime has made by now are confined with us. */
	if ((rc = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1)) == 0 &&
	    (rc = filter_fill(f, row, probes)) == 0)
		rc = seccomp_load(f);
	seccomp_release(f);
	if (rc != 0) {
		errno = -rc;
		return (err_sys(e, "system-call filter"));
	}
	return (0);
}

/* ---- all of it ---- */

static int
no_new_rights(struct err *e)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return (err_sys(e, "no new privileges"));
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return (err_sys(e, "close to other processes"));
	return (0);
}

int
sandbox_enter(const struct sandbox_request *rq, struct err *e)
{
	const struct sandbox_row *row = sandbox_row(rq->role);

	if (row == NULL)
		return (err_set(e, "no sandbox for the %s", role_name(rq->role)));
	if (sandbox_separates_users() && drop_root(row, rq, e) != 0)
		return (err_wrap(e, "sandbox"));
	if (trap_install(e) != 0 || no_new_rights(e) != 0 || landlock_enter(row, rq, e) != 0 ||
	    seccomp_enter(row, rq->allow_probe, e) != 0)
		return (err_wrap(e, "sandbox"));
	return (0);
}

void
sandbox_describe(char *out, unsigned size)
{
	int version = landlock_version();

	if (version >= 1)
		snprintf(out, size, "system-call filter, landlock %d", version);
	else
		snprintf(out, size, "system-call filter, no landlock in this kernel");
}
