/*
 * Every forbidden act is tried in every role, as root and not; the answers are compared with a
 * table.  As root the machine need not have natsd's users: a mount namespace of the test's own
 * shows a user database that has them.
 */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/ctl.h"
#include "common/log.h"
#include "common/ring.h"
#include "common/sandbox.h"

#define NOBODY 65534

static const enum role roles[] = { ROLE_FRONT, ROLE_JS, ROLE_RAFT };

/*
 * One row an act, one column a role and whether it was root.  A set of answers where the kernel
 * decides which of its fences is met first: "EACCES|EPERM".
 */
static const struct row {
	const char *act;
	const char *front, *front_root, *js, *js_root;
} table[] = {
	/* act		 front	   front_root  js		js_root */
	{ "open-file",	 "EPERM",  "EPERM",    "EACCES",	"ENOENT" },
	{ "create-file", "EPERM",  "EPERM",    "EACCES",	"ENOENT" },
	{ "read-key",	 "EPERM",  "EPERM",    "EACCES",	"ENOENT" },
	{ "read-proc",	 "EPERM",  "EPERM",    "EACCES",	"ENOENT" },
	{ "leave-root",	 "EPERM",  "EPERM",    "EACCES",	"ENOENT" },
	{ "unlink",	 "EPERM",  "EPERM",    "EACCES",	"ENOENT" },
	{ "socket",	 "EPERM",  "EPERM",    "EPERM",		"EPERM" },
	{ "socket-udp",	 "EPERM",  "EPERM",    "EPERM",		"EPERM" },
	{ "socket-unix", "EPERM",  "EPERM",    "EPERM",		"EPERM" },
	{ "connect",	 "EPERM",  "EPERM",    "EPERM",		"EPERM" },
	{ "bind",	 "EPERM",  "EPERM",    "EPERM",		"EPERM" },
	{ "listen",	 "EPERM",  "EPERM",    "EPERM",		"EPERM" },
	{ "fork",	 "EPERM",  "EPERM",    "EPERM",		"EPERM" },
	{ "kill",	 "EPERM",  "EPERM",    "EPERM",		"EPERM" },
	{ "chroot",	 "EPERM",  "EPERM",    "EPERM",		"EPERM" },
	{ "setuid",	 "EPERM",  "EPERM",    "EPERM",		"EPERM" },
	{ "grow-ring",	 "EPERM",  "EPERM",    "EPERM",		"EPERM" },
	{ "shrink-ring", "EPERM",  "EPERM",    "EPERM",		"EPERM" },
	{ "seal-ring",	 "EPERM",  "EPERM",    "EPERM",		"EPERM" },
	/* these kill; when a probe asks, they are refused with a text of their own */
	{ "exec",	 "EACCES", "EACCES",   "EACCES",	"EACCES" },
	{ "ptrace",	 "EACCES", "EACCES",   "EACCES",	"EACCES" },
	{ "mount",	 "EACCES", "EACCES",   "EACCES",	"EACCES" },
};

static char store[] = "/tmp/natsd-test-store-XXXXXX";
static bool root_works;

/* ---- a jailed child and what it says ---- */

struct jail {
	enum role role;
	bool root;
	bool probes; /* fatal calls are refused, not fatal */
	int dir;     /* of the store */
};

static void
become_nobody(void)
{
	if (geteuid() != 0)
		return;
	if (setgroups(0, NULL) != 0 || setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) != 0)
		_exit(90);
}

static void
enter(struct jail *j)
{
	struct sandbox_request rq = { .role = j->role, .ndirs = j->role == ROLE_FRONT ? 0 : 1,
		.dirs = &j->dir, .root = j->role == ROLE_FRONT ? NULL : store,
		.allow_probe = j->probes };
	struct err e;

	if (!j->root)
		become_nobody();
	if ((j->dir = open(store, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		_exit(91);
	if (sandbox_enter(&rq, &e) != 0) {
		fprintf(stderr, "%s\n", e.text);
		_exit(92);
	}
}

/* Runs fn in a jail; what it writes to the descriptor comes back in out.  The status of waitpid. */
static int
in_jail(struct jail j, void (*fn)(struct jail *, int out), char *out, size_t size)
{
	int fds[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	fflush(NULL);
	ck_assert_int_ne(pid = fork(), -1);
	if (pid == 0) {
		close(fds[0]);
		enter(&j);
		fn(&j, fds[1]);
		_exit(0);
	}
	close(fds[1]);
	while (n + 1 < size && (got = read(fds[0], out + n, size - n - 1)) > 0)
		n += (size_t)got;
	out[n] = '\0';
	close(fds[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return (status);
}

static void
say(int out, const char *text)
{
	if (write(out, text, strlen(text)) < 0)
		_exit(93);
}

static const char *
jail_name(const struct jail *j)
{
	static const char *names[] = { "front", "front as root", "js", "js as root", "raft",
		"raft as root" };

	return (names[(j->role == ROLE_FRONT ? 0 : j->role == ROLE_JS ? 2 : 4) + j->root]);
}

static struct jail
jail_of(int i)
{
	return ((struct jail){ .role = roles[i / 2], .root = i % 2 == 1 });
}

#define JAILS 6

static bool
can_run(const struct jail *j)
{
	if (j->root && !root_works)
		printf("not as root, or no mount namespace: %s is not tried\n", jail_name(j));
	return (!j->root || root_works);
}

/* ---- forbidden acts ---- */

static void
try_all(struct jail *j, int out)
{
	char result[64], line[128];
	const char *act;
	unsigned i;

	(void)j;
	for (i = 0; (act = sandbox_probe_acts(i)) != NULL; i++) {
		sandbox_probe(act, result, sizeof(result));
		snprintf(line, sizeof(line), "%s=%s\n", act, result);
		say(out, line);
	}
}

static const char *
cell(const struct row *row, const struct jail *j)
{
	if (j->role == ROLE_FRONT)
		return (j->root ? row->front_root : row->front);
	return (j->root ? row->js_root : row->js);
}

START_TEST(test_forbidden_acts)
{
	struct jail j = jail_of(_i);
	char out[4096], want[128];
	const char *act;
	unsigned i;
	int status;

	if (!can_run(&j))
		return;
	sandbox_describe(out, sizeof(out));
	if (strstr(out, "no landlock") != NULL && j.role != ROLE_FRONT && !j.root) {
		printf("%s: files of %s are not fenced\n", out, jail_name(&j));
		return;
	}
	j.probes = true;
	status = in_jail(j, try_all, out, sizeof(out));
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: status %d after %s",
	    jail_name(&j), status, out);
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		snprintf(want, sizeof(want), "%s=%s\n", table[i].act, cell(&table[i], &j));
		ck_assert_msg(strstr(out, want) != NULL, "%s: want %s of\n%s", jail_name(&j), want,
		    out);
	}
	for (i = 0; (act = sandbox_probe_acts(i)) != NULL; i++) { /* no act without a row */
		snprintf(want, sizeof(want), "%s=", act);
		ck_assert_ptr_nonnull(strstr(out, want));
		ck_assert_uint_lt(i, sizeof(table) / sizeof(table[0]));
	}
}
END_TEST

/* ---- fatal calls: dead of SIGSYS, and the number stands in the log ---- */

static void
try_exec(struct jail *j, int out)
{
	char result[64];

	(void)j;
	sandbox_probe("exec", result, sizeof(result));
	say(out, result);
}

START_TEST(test_fatal_call_is_reported)
{
	struct jail j = jail_of(_i);
	uint8_t record[256];
	char out[256], want[80];
	int status, pair[2], log;
	ssize_t n;

	if (!can_run(&j))
		return;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	ck_assert_int_gt(log = fcntl(pair[0], F_DUPFD, 50), 0); /* out of the way of CTL_LOG_FD */
	ck_assert_int_eq(dup2(pair[1], CTL_LOG_FD), CTL_LOG_FD);
	status = in_jail(j, try_exec, out, sizeof(out));
	ck_assert_str_eq(out, "");
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "%s: status %x",
	    jail_name(&j), (unsigned)status);
	n = recv(log, record, sizeof(record) - 1, MSG_DONTWAIT);
	ck_assert_int_gt(n, LOG_RECORD_HEAD);
	record[n] = '\0';
	snprintf(want, sizeof(want), "sandbox: forbidden system call %d", (int)SYS_execve);
	ck_assert_str_eq((const char *)record + LOG_RECORD_HEAD, want);
	ck_assert_uint_eq(record[0], LOG_LVL_FATAL);
	close(log);
}
END_TEST

/* ---- what a role needs goes on working ---- */

static void *
thread(void *arg)
{
	*(int *)arg = 1;
	return (NULL);
}

static const char *
needs_of_all(void)
{
	pthread_t t;
	int fd, ran = 0;
	uint64_t one = 1;
	void *p;

	if (pthread_create(&t, NULL, thread, &ran) != 0 || pthread_join(t, NULL) != 0 || ran != 1)
		return ("thread");
	if ((fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) == -1 || write(fd, &one, 8) != 8)
		return ("eventfd");
	if (poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0) != 1 || close(fd) != 0)
		return ("poll");
	p = mmap(NULL, 1u << 22, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || madvise(p, 1u << 22, MADV_DONTNEED) != 0 || munmap(p, 1u << 22) != 0)
		return ("memory");
	p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p != MAP_FAILED)
		return ("executable memory was given");
	return (NULL);
}

static int listener = -1, dialled = -1; /* made before the jail */

static const char *
needs_of_front(void)
{
	char byte = 'x';
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;

	if (fd == -1)
		return ("accept");
	if (setsockopt(fd, IPPROTO_TCP, 1, &on, sizeof(on)) != 0 || send(fd, &byte, 1, 0) != 1 ||
	    recv(dialled, &byte, 1, 0) != 1 || shutdown(fd, SHUT_RDWR) != 0)
		return ("talk");
	return (NULL);
}

static const char *
needs_of_store(int dir)
{
	char back[4] = "";
	struct stat st;
	int fd;

	if (mkdirat(dir, "a", 0700) != 0)
		return ("mkdirat");
	if ((fd = openat(dir, "a/block", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) == -1)
		return ("openat");
	if (pwrite(fd, "abc", 3, 0) != 3 || fdatasync(fd) != 0 || ftruncate(fd, 3) != 0 ||
	    fstat(fd, &st) != 0 || pread(fd, back, 3, 0) != 3 || close(fd) != 0)
		return ("file");
	if (renameat(dir, "a/block", dir, "b") != 0 || fsync(dir) != 0)
		return ("renameat");
	if (unlinkat(dir, "b", 0) != 0 || unlinkat(dir, "a", AT_REMOVEDIR) != 0)
		return ("unlinkat");
	if (openat(dir, "../etc/passwd", O_RDONLY) != -1)
		return ("a way out of the directory");
	return (NULL);
}

static void
try_needs(struct jail *j, int out)
{
	const char *failed = needs_of_all();

	if (failed == NULL)
		failed = j->role == ROLE_FRONT ? needs_of_front() : needs_of_store(j->dir);
	say(out, failed == NULL ? "fine" : failed);
	if (failed != NULL)
		say(out, strerror(errno));
}

static void
dial(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t n = sizeof(sin);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	dialled = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&sin, sizeof(sin)), 0);
	ck_assert_int_eq(listen(listener, 4), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&sin, &n), 0);
	ck_assert_int_eq(connect(dialled, (struct sockaddr *)&sin, sizeof(sin)), 0);
}

START_TEST(test_needs)
{
	struct jail j = jail_of(_i);
	char out[256];

	if (!can_run(&j))
		return;
	dial();
	ck_assert_int_eq(in_jail(j, try_needs, out, sizeof(out)), 0);
	ck_assert_msg(strcmp(out, "fine") == 0, "%s: %s", jail_name(&j), out);
}
END_TEST

/* ---- users ---- */

START_TEST(test_missing_users_are_told_with_the_command)
{
	struct err e;

	if (geteuid() != 0 || !sandbox_separates_users()) {
		ck_assert_int_eq(sandbox_users_exist(&e), 0);
		return;
	}
	if (root_works)
		ck_assert_int_eq(umount2("/etc/passwd", MNT_DETACH), 0);
	if (sandbox_users_exist(&e) != 0)
		ck_assert_ptr_nonnull(strstr(e.text, "systemd-sysusers"));
}
END_TEST

/* A user database with natsd's users in it, in a mount namespace of this process. */
static bool
show_users(void)
{
	char path[] = "/tmp/natsd-test-passwd-XXXXXX";
	static const char text[] = "root:x:0:0::/:/bin/sh\n_natsd:x:871:871::/:/bin/false\n"
				   "_natsjs:x:872:872::/:/bin/false\n"
				   "_natsraft:x:873:873::/:/bin/false\n";
	int fd;
	bool done;

	if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return (false);
	if ((fd = mkstemp(path)) == -1)
		return (false);
	done = write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1 &&
	    fchmod(fd, 0644) == 0 && mount(path, "/etc/passwd", NULL, MS_BIND, NULL) == 0;
	close(fd);
	unlink(path);
	return (done && sandbox_separates_users());
}

int
main(void)
{
	static const char target[] = "/tmp/natsd-probe-target";
	Suite *suite = suite_create("sandbox");
	TCase *tc = tcase_create("sandbox");
	SRunner *runner = srunner_create(suite);
	int failed, fd;

	root_works = show_users();
	if (mkdtemp(store) == NULL || chmod(store, 0777) != 0)
		return (EXIT_FAILURE);
	if ((fd = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0666)) != -1)
		close(fd);
	if ((fd = ring_make(RING_BYTES_MIN, 1, NULL)) == -1)
		return (EXIT_FAILURE);
	sandbox_probe_hold(fd);
	close(fd);

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, test_forbidden_acts, 0, JAILS);
	tcase_add_loop_test(tc, test_fatal_call_is_reported, 0, JAILS);
	tcase_add_loop_test(tc, test_needs, 0, JAILS);
	tcase_add_test(tc, test_missing_users_are_told_with_the_command);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	unlink(target);
	rmdir(store);
	return (failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
