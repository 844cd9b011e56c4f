#include "config.h"

#include "natsd-supervisor/signal_command.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/num.h"
#include "common/quote.h"

#define PIDS_MAX 1024
#define PID_TEXT_MAX 64

struct command {
	const char *name;
	int signal;
};

static const struct command commands[] = {
	{ "stop", SIGKILL },
	{ "quit", SIGINT },
	{ "term", SIGTERM },
	{ "reopen", SIGUSR1 },
	{ "ldm", SIGUSR2 },
	{ "reload", SIGHUP },
};

struct pids {
	pid_t at[PIDS_MAX];
	unsigned n;
};

/* The text of a file whole, or the text itself. */
static void
read_pid_file(const char *text, char out[PID_TEXT_MAX])
{
	int fd = open(text, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : read(fd, out, PID_TEXT_MAX - 1);

	if (fd != -1)
		close(fd);
	if (n >= 0)
		out[n] = '\0';
	else
		snprintf(out, PID_TEXT_MAX, "%s", text);
}

/* Whether a process is a server: its name, as pgrep would look for it. */
static bool
is_server(const char *pid)
{
	char path[300], name[64];
	FILE *f;
	bool yes;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	if ((f = fopen(path, "re")) == NULL)
		return (false);
	yes = fgets(name, sizeof(name), f) != NULL &&
	    (strstr(name, "nats-server") != NULL || strstr(name, "natsd-supervis") != NULL);
	fclose(f);
	return (yes);
}

static int
pid_compare(const void *a, const void *b)
{
	return (*(const pid_t *)a < *(const pid_t *)b ? -1 : *(const pid_t *)a > *(const pid_t *)b);
}

static int
find_servers(struct pids *found, struct err *e)
{
	struct dirent *entry;
	uint64_t pid;
	DIR *dir;

	found->n = 0;
	if ((dir = opendir("/proc")) == NULL)
		return (err_set(e, "unable to resolve pid, try providing one"));
	while ((entry = readdir(dir)) != NULL && found->n < PIDS_MAX)
		if (num_parse_u64(str_of(entry->d_name), 1, INT32_MAX, &pid) == 0 &&
		    (pid_t)pid != getpid() && is_server(entry->d_name))
			found->at[found->n++] = (pid_t)pid;
	closedir(dir);
	qsort(found->at, found->n, sizeof(found->at[0]), pid_compare);
	return (0);
}

static int
several(const struct pids *pids, struct err *e)
{
	char text[ERR_TEXT_MAX] = "multiple nats-server processes running:";
	size_t n = strlen(text);

	for (unsigned i = 0; i < pids->n && n < sizeof(text) - 16; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "\n%d", (int)pids->at[i]);
	return (err_set(e, "%s", text));
}

/* Sends it to all; the failures, a line each, are the reason. */
static int
send_all(const struct command *c, const struct pids *pids, const char *prefix, struct err *e)
{
	char text[ERR_TEXT_MAX] = "", pid[16], reason[128];
	size_t n = 0;

	for (unsigned i = 0; i < pids->n; i++) {
		snprintf(pid, sizeof(pid), "%d", (int)pids->at[i]);
		if (strncmp(pid, prefix, strlen(prefix)) != 0 || kill(pids->at[i], c->signal) == 0)
			continue;
		snprintf(reason, sizeof(reason), "%s", strerror(errno));
		reason[0] = (char)tolower((unsigned char)reason[0]);
		if (n < sizeof(text) - 1)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "\nsignal \"%s\" %s: %s", c->name,
			    pid, reason);
	}
	return (text[0] == '\0' ? 0 : err_set(e, "%s", text));
}

static const struct command *
find_command(struct str name, struct err *e)
{
	char quoted[QUOTE_TEXT_MAX];

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (str_eq(name, str_of(commands[i].name)))
			return (&commands[i]);
	err_set(e, "unknown signal %s", quote(name, quoted));
	return (NULL);
}

int
signal_command(const char *text, struct err *e)
{
	const char *equals = strchr(text, '='), *again;
	char pid[PID_TEXT_MAX] = "";
	const struct command *c;
	struct pids pids = { .n = 0 };
	uint64_t number = 0;
	bool all;
	size_t n;

	if (equals != NULL && (again = strchr(equals + 1, '=')) != NULL)
		return (err_set(e, "invalid signal parameters: [%s]", again + 1));
	if (equals != NULL)
		read_pid_file(equals + 1, pid);
	n = strlen(pid);
	if ((all = n > 0 && pid[n - 1] == '*'))
		pid[n - 1] = '\0';
	if (pid[0] != '\0' && num_parse_u64(str_of(pid), 1, INT32_MAX, &number) != 0)
		return (err_set(e, "invalid pid: %s", pid));
	if (pid[0] == '\0' || all) {
		if (find_servers(&pids, e) != 0)
			return (-1);
	} else {
		pids = (struct pids){ .at = { (pid_t)number }, .n = 1 };
	}
	if (pids.n > 1 && !all)
		return (several(&pids, e));
	if (pids.n == 0)
		return (err_set(e, "no nats-server processes running"));
	n = equals == NULL ? strlen(text) : (size_t)(equals - text);
	if ((c = find_command((struct str){ .p = text, .n = n }, e)) == NULL)
		return (-1);
	return (send_all(c, &pids, pid, e));
}
