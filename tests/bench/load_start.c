#include "config.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/mono.h"
#include "tests/bench/load_start.h"

/*
 * Below the range that the kernel takes for connecting sockets: a connect to a free port inside
 * that range can meet itself.
 */
#define PORT_FIRST 15000u
#define PORTS 10000u
#define RETRY_NS 100000L
#define SILENT_MS 10000

extern char **environ;

static struct sockaddr_in
loopback(uint16_t port)
{
	return ((struct sockaddr_in){ .sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) });
}

static int
free_port(uint16_t *port, struct err *e)
{
	struct sockaddr_in at;
	unsigned i;
	int fd, rc;

	for (i = 0; i < PORTS; i++) {
		*port = (uint16_t)(PORT_FIRST + ((unsigned)getpid() + i) % PORTS);
		at = loopback(*port);
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd == -1)
			return (err_sys(e, "socket"));
		rc = bind(fd, (const struct sockaddr *)&at, sizeof(at));
		close(fd);
		if (rc == 0)
			return (0);
	}
	return (err_set(e, "no free port"));
}

/* The arguments with the port in place; freed as one block together with the texts. */
static char **
with_port(char *const argv[], uint16_t port)
{
	size_t n;
	char **out, *text;

	for (n = 0; argv[n] != NULL; n++)
		continue;
	out = calloc(1, (n + 1) * sizeof(*out) + 8);
	if (out == NULL)
		return (NULL);
	text = (char *)(out + n + 1);
	snprintf(text, 8, "%u", (unsigned)port);
	for (n = 0; argv[n] != NULL; n++)
		out[n] = strcmp(argv[n], "%p") == 0 ? text : argv[n];
	return (out);
}

static int
spawn(char *const argv[], pid_t *pid, struct err *e)
{
	posix_spawn_file_actions_t actions;
	int rc;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	rc = posix_spawnp(pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (rc == 0)
		return (0);
	errno = rc;
	return (err_sys(e, "start %s", argv[0]));
}

/* 1: the first byte was there; 0: nobody listens yet; -1. */
static int
first_byte(uint16_t port, struct err *e)
{
	struct sockaddr_in at = loopback(port);
	struct timeval patience = { .tv_sec = SILENT_MS / 1000 };
	int fd, rc = -1;
	char byte;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return (err_sys(e, "socket"));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) != 0)
		rc = errno == ECONNREFUSED ? 0 : err_sys(e, "connect");
	else if (recv(fd, &byte, 1, 0) == 1 && byte == 'I')
		rc = 1;
	else
		err_set(e, "connected, but no INFO came");
	close(fd);
	return (rc);
}

static int
wait_for_info(pid_t pid, uint16_t port, struct mono start, int64_t *ns, struct err *e)
{
	const struct timespec retry = { .tv_nsec = RETRY_NS };
	int rc, status;

	for (;;) {
		rc = first_byte(port, e);
		*ns = mono_diff_ns(mono_now(), start);
		if (rc != 0)
			return (rc == 1 ? 0 : -1);
		if (waitpid(pid, &status, WNOHANG | WNOWAIT) == pid)
			return (err_set(e, "the server ended with status %d", status));
		if (*ns > SILENT_MS * NS_PER_MS)
			return (err_set(e, "nobody listens after %d ms", SILENT_MS));
		nanosleep(&retry, NULL);
	}
}

int
load_start_once(char *const argv[], int64_t *ns, struct err *e)
{
	struct mono start;
	uint16_t port;
	char **args;
	pid_t pid;
	int rc = -1, status;

	if (free_port(&port, e) != 0)
		return (-1);
	args = with_port(argv, port);
	if (args == NULL)
		return (err_sys(e, "arguments"));
	start = mono_now();
	if (spawn(args, &pid, e) == 0) {
		rc = wait_for_info(pid, port, start, ns, e);
		kill(pid, SIGTERM);
		waitpid(pid, &status, 0);
	}
	free(args);
	return (rc);
}
