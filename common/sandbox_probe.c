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
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/sandbox.h"

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
