#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/mono.h"
#include "natsd-supervisor/usage.h"

static ssize_t
read_proc(pid_t pid, const char *what, char *out, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return (-1);
	n = read(fd, out, size - 1);
	close(fd);
	if (n >= 0)
		out[n] = '\0';
	return (n);
}

static uint64_t
cpu_ns(pid_t pid)
{
	unsigned long long user, system;
	long hz = sysconf(_SC_CLK_TCK);
	char text[1024], *p;

	/* The second field is the name in parentheses and may hold anything: count from its end. */
	if (read_proc(pid, "stat", text, sizeof(text)) <= 0 || (p = strrchr(text, ')')) == NULL)
		return (0);
	if (sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2)
		return (0);
	return ((user + system) * (uint64_t)(NS_PER_S / (hz > 0 ? hz : 100)));
}

static uint64_t
memory_bytes(pid_t pid)
{
	unsigned long long kib, pages;
	char text[4096], *p;

	if (read_proc(pid, "smaps_rollup", text, sizeof(text)) > 0 &&
	    (p = strstr(text, "\nPss:")) != NULL && sscanf(p + 5, "%llu", &kib) == 1)
		return (kib * 1024);
	if (read_proc(pid, "statm", text, sizeof(text)) > 0 && sscanf(text, "%*u %llu", &pages) == 1)
		return (pages * (uint64_t)sysconf(_SC_PAGESIZE));
	return (0);
}

struct usage
usage_of(const pid_t *pids, unsigned n)
{
	struct usage u = { 0 };

	for (unsigned i = 0; i < n; i++) {
		u.cpu_ns += cpu_ns(pids[i]);
		u.rss_bytes += memory_bytes(pids[i]);
	}
	return (u);
}
