/*
 * sandbox_probe - forbidden acts, tried by the process that must not be able to do them.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/sandbox.h"

#define HELD_MAX 64

static struct {
	int fds[HELD_MAX];
	unsigned n;
} held; /* filled before the jail, and by the thread that probes */

void
sandbox_probe_hold(int ring_fd)
{
	if (held.n < HELD_MAX && (held.fds[held.n] = fcntl(ring_fd, F_DUPFD_CLOEXEC, 0)) != -1)
		held.n++;
}

/* Each returns 0 when the act succeeded (the jail leaks), else -1 with errno. */

static int
try_open(const char *path, int flags)
{
	int fd = openat(AT_FDCWD, path, flags, 0600);

	if (fd == -1)
		return (-1);
	close(fd);
	return (0);
}

static int
act_open_file(void)
{
	return (try_open("/etc/passwd", O_RDONLY));
}

static int
act_create_file(void)
{
	return (try_open("/tmp/natsd-probe", O_WRONLY | O_CREAT));
}

static int
act_read_key(void)
{
	return (try_open("/etc/shadow", O_RDONLY));
}

static int
act_read_proc(void)
{
	return (try_open("/proc/1/environ", O_RDONLY));
}

static int
act_leave_root(void)
{
	return (try_open("../../../../../../../../../../../../etc/passwd", O_RDONLY));
}

static int
try_socket(int family, int type)
{
	int fd = socket(family, type, 0);

	if (fd == -1)
		return (-1);
	close(fd);
	return (0);
}

static int
act_socket(void)
{
	return (try_socket(AF_INET, SOCK_STREAM));
}

static int
act_socket_udp(void)
{
	return (try_socket(AF_INET, SOCK_DGRAM));
}

static int
act_socket_unix(void)
{
	return (try_socket(AF_UNIX, SOCK_STREAM));
}

static int
act_connect(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(9) };

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	/* On a descriptor that is no socket: a filter answers before the kernel looks. */
	return (connect(0, (const struct sockaddr *)&sin, sizeof(sin)));
}

static int
act_bind(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };

	return (bind(0, (const struct sockaddr *)&sin, sizeof(sin)));
}

static int
act_listen(void)
{
	return (listen(0, 1));
}

static int
act_exec(void)
{
	char name[] = "/bin/true";
	char *const argv[] = { name, NULL };
	char *const envp[] = { NULL };

	return (execve(name, argv, envp)); /* returns only when it failed */
}

static int
act_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	if (pid == -1)
		return (-1);
	waitpid(pid, NULL, 0);
	return (0);
}

static int
act_ptrace(void)
{
	return (ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == -1 ? -1 : 0);
}

static int
act_kill(void)
{
	return (kill(getppid(), 0));
}

static int
act_mount(void)
{
	return (mount("none", "/", "tmpfs", 0, NULL));
}

static int
act_unlink(void)
{
	return (unlinkat(AT_FDCWD, "/tmp/natsd-probe-target", 0));
}

static int
act_chroot(void)
{
	return (chroot("/"));
}

static int
act_setuid(void)
{
	return (setuid(0));
}

/* Memory that is not sealed changes its size: a refusal is the seal's, not the filter's. */
static int
own_memory_resizes(void)
{
	int fd = memfd_create("probe", MFD_CLOEXEC | MFD_ALLOW_SEALING), rc;

	if (fd == -1)
		return (-1);
	rc = ftruncate(fd, 8192) == 0 && ftruncate(fd, 4096) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0 ? 0 : -1;
	close(fd);
	return (rc);
}

/* 0 when it worked for one of the rings; ENOENT: there is nothing to try it on. */
static int
each_ring(int (*try)(int fd, off_t size))
{
	struct stat st;

	if (own_memory_resizes() != 0 || held.n == 0) {
		errno = ENOENT;
		return (-1);
	}
	for (unsigned i = 0; i < held.n; i++)
		if (fstat(held.fds[i], &st) != 0 || try(held.fds[i], st.st_size) == 0)
			return (0);
	return (-1);
}

static int
grow(int fd, off_t size)
{
	return (ftruncate(fd, size * 2));
}

static int
shrink(int fd, off_t size)
{
	(void)size;
	return (ftruncate(fd, 0));
}

static int
seal(int fd, off_t size)
{
	(void)size;
	return (fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
}

static int
act_grow_ring(void)
{
	return (each_ring(grow));
}

static int
act_shrink_ring(void)
{
	return (each_ring(shrink));
}

static int
act_seal_ring(void)
{
	return (each_ring(seal));
}

static const struct act {
	const char *name;
	int (*try)(void);
} acts[] = {
	{ "open-file", act_open_file },
	{ "create-file", act_create_file },
	{ "read-key", act_read_key },
	{ "read-proc", act_read_proc },
	{ "leave-root", act_leave_root },
	{ "socket", act_socket },
	{ "socket-udp", act_socket_udp },
	{ "socket-unix", act_socket_unix },
	{ "connect", act_connect },
	{ "bind", act_bind },
	{ "listen", act_listen },
	{ "exec", act_exec },
	{ "fork", act_fork },
	{ "ptrace", act_ptrace },
	{ "kill", act_kill },
	{ "mount", act_mount },
	{ "unlink", act_unlink },
	{ "chroot", act_chroot },
	{ "setuid", act_setuid },
	{ "grow-ring", act_grow_ring },
	{ "shrink-ring", act_shrink_ring },
	{ "seal-ring", act_seal_ring },
};

const char *
sandbox_probe_acts(unsigned i)
{
	return (i < sizeof(acts) / sizeof(acts[0]) ? acts[i].name : NULL);
}

void
sandbox_probe(const char *act, char *result, unsigned size)
{
	for (unsigned i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (strcmp(acts[i].name, act) != 0)
			continue;
		errno = 0;
		if (acts[i].try() == 0)
			snprintf(result, size, "ok");
		else
			snprintf(result, size, "%s", strerrorname_np(errno));
		return;
	}
	snprintf(result, size, "no such act");
}
