#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/mono.h"
#include "natsd-supervisor/logfile.h"

#define LINE_HEAD_MAX 96
#define BACKUP_SUFFIX_MAX 40

struct logfile {
	struct logfile_options options;
	char *path; /* NULL: stderr */
	int fd;
	bool colours;
	int64_t size;	/* of the file in use */
	int64_t limit;	/* grows when a rotation fails */
	uint64_t dropped, dropped_told;
};

static const struct {
	const char *name, *colour;
} levels[] = {
	[LOG_LVL_TRACE] = { "TRC", "33" },
	[LOG_LVL_DEBUG] = { "DBG", "36" },
	[LOG_LVL_INFO] = { "INF", "32" },
	[LOG_LVL_WARN] = { "WRN", "0;93" },
	[LOG_LVL_ERROR] = { "ERR", "31" },
	[LOG_LVL_FATAL] = { "FTL", "31" },
};

/* ---- files ---- */

static int
open_path(const char *path, int64_t *size, struct err *e)
{
	struct stat st;
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);

	if (fd == -1)
		return (err_sys(e, "open %s", path));
	*size = fstat(fd, &st) == 0 ? (int64_t)st.st_size : 0;
	return (fd);
}

/* The terminal or pipe we were started with: writes to it may be refused, but must not wait. */
static void
use_stderr(struct logfile *l)
{
	struct stat st;

	free(l->path);
	l->path = NULL;
	l->fd = STDERR_FILENO;
	l->size = 0;
	l->colours = fstat(STDERR_FILENO, &st) == 0 && S_ISCHR(st.st_mode);
}

static int
use_path(struct logfile *l, const char *path, struct err *e)
{
	char *copy = strdup(path);
	int64_t size;
	int fd;

	if (copy == NULL)
		return (err_set(e, "log file: no memory"));
	if ((fd = open_path(path, &size, e)) == -1) {
		free(copy);
		return (-1);
	}
	if (l->path != NULL)
		close(l->fd);
	free(l->path);
	l->path = copy;
	l->fd = fd;
	l->size = size;
	l->colours = false;
	return (0);
}

struct logfile *
logfile_open(const struct logfile_options *o, struct err *e)
{
	struct logfile *l = calloc(1, sizeof(*l));

	if (l == NULL) {
		err_set(e, "log: no memory");
		return (NULL);
	}
	use_stderr(l);
	if (logfile_reconfigure(l, o, e) != 0) {
		free(l);
		return (NULL);
	}
	return (l);
}

void
logfile_close(struct logfile *l)
{
	if (l == NULL)
		return;
	if (l->path != NULL)
		close(l->fd);
	free(l->path);
	free(l);
}

int
logfile_reconfigure(struct logfile *l, const struct logfile_options *o, struct err *e)
{
	bool named = o->path != NULL && o->path[0] != '\0';

	if (named && use_path(l, o->path, e) != 0)
		return (-1);
	if (!named && l->path != NULL) {
		close(l->fd);
		use_stderr(l);
	}
	l->options = *o;
	l->options.path = NULL; /* ours is l->path */
	l->limit = o->size_limit;
	return (0);
}

/* ---- lines ---- */

static size_t
line_head(const struct logfile *l, char out[LINE_HEAD_MAX], enum log_level level, int64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / NS_PER_S);
	char when[48] = "";
	struct tm tm;
	int n;

	if (l->options.time) {
		if (l->options.utc)
			gmtime_r(&seconds, &tm);
		else
			localtime_r(&seconds, &tm);
		n = (int)strftime(when, sizeof(when), "%Y/%m/%d %H:%M:%S", &tm);
		snprintf(when + n, sizeof(when) - (size_t)n, ".%06d ",
		    (int)(wall_ns % NS_PER_S / NS_PER_US));
	}
	if (l->colours)
		n = snprintf(out, LINE_HEAD_MAX, "[%d] %s[\033[%sm%s\033[0m] ", (int)getpid(), when,
		    levels[level].colour, levels[level].name);
	else
		n = snprintf(out, LINE_HEAD_MAX, "[%d] %s[%s] ", (int)getpid(), when,
		    levels[level].name);
	return ((size_t)n);
}

/*
 * To a pipe or terminal that is not ours alone, so that its flags must stay as they are: a piece is
 * written only when there is room for it.  How much of it was.
 */
static ssize_t
write_patient(int fd, const char *p, size_t n)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	size_t done = 0;

	while (done < n) {
		size_t piece = n - done < PIPE_BUF ? n - done : PIPE_BUF;
		ssize_t wrote;

		if (poll(&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0 ||
		    (wrote = write(fd, p + done, piece)) <= 0)
			break;
		done += (size_t)wrote;
	}
	return ((ssize_t)done);
}

static void
put_line(struct logfile *l, enum log_level level, int64_t wall_ns, struct str text, const char *end)
{
	char line[LINE_HEAD_MAX + LOG_TEXT_MAX + 2];
	size_t n = line_head(l, line, level, wall_ns), nend = strlen(end);
	ssize_t wrote;

	if (text.n > LOG_TEXT_MAX)
		text.n = LOG_TEXT_MAX;
	memcpy(line + n, text.p, text.n);
	n += text.n;
	memcpy(line + n, end, nend);
	n += nend;
	wrote = l->path != NULL ? write(l->fd, line, n) : write_patient(l->fd, line, n);
	if (wrote > 0)
		l->size += wrote;
	if (wrote == (ssize_t)n)
		return;
	/* Half a line is worse than none: the next one would be glued to it. */
	if (wrote > 0 && l->path != NULL && ftruncate(l->fd, (off_t)(l->size - wrote)) == 0)
		l->size -= wrote;
	l->dropped++;
}

static void __attribute__((format(printf, 3, 4)))
own_line(struct logfile *l, enum log_level level, const char *fmt, ...)
{
	char text[PATH_MAX + 256];
	va_list ap;
	int n;

	if (!log_wants(level))
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(text))
		n = (int)sizeof(text) - 1;
	put_line(l, level, wall_now().ns, (struct str){ .p = text, .n = (size_t)n }, "\n");
}

static void
tell_dropped(struct logfile *l)
{
	uint64_t missing = l->dropped - l->dropped_told, before = l->dropped;

	if (missing == 0 || !log_wants(LOG_LVL_WARN))
		return;
	own_line(l, LOG_LVL_WARN, "%llu log lines could not be written", (unsigned long long)missing);
	if (l->dropped == before)
		l->dropped_told = before;
	else
		l->dropped = before; /* this one was lost too, but says nothing new */
}

/* ---- rotation ---- */

static int
backup_compare(const void *a, const void *b)
{
	return (strcmp(*(char *const *)a, *(char *const *)b));
}

/* Is this "<base>.YYYY.MM.DD.hh.mm.ss.nnnnnnnnn"? */
static bool
is_backup(const char *name, const char *base)
{
	static const char shape[] = ".dddd.dd.dd.dd.dd.dd.ddddddddd";
	size_t n = strlen(base);

	if (strncmp(name, base, n) != 0)
		return (false);
	name += n;
	if (strlen(name) != sizeof(shape) - 1)
		return (false);
	for (size_t i = 0; i < sizeof(shape) - 1; i++)
		if (shape[i] == 'd' ? name[i] < '0' || name[i] > '9' : name[i] != shape[i])
			return (false);
	return (true);
}

static size_t
list_backups(const char *dir, const char *base, char ***names)
{
	struct dirent *d;
	size_t n = 0;
	char **more;
	DIR *entries = opendir(dir);

	*names = NULL;
	while (entries != NULL && (d = readdir(entries)) != NULL) {
		if (!is_backup(d->d_name, base))
			continue;
		if ((more = reallocarray(*names, n + 1, sizeof(**names))) == NULL)
			break;
		*names = more;
		if ((more[n] = strdup(d->d_name)) != NULL)
			n++;
	}
	if (entries != NULL)
		closedir(entries);
	if (n > 0)
		qsort(*names, n, sizeof(**names), backup_compare);
	return (n);
}

/* Oldest first, until the one in use and max_files - 1 others are left. */
static void
purge(struct logfile *l)
{
	char for_dir[PATH_MAX], for_base[PATH_MAX], path[2 * PATH_MAX];
	const char *dir, *base;
	char **names;
	size_t n, keep;

	if (l->options.max_files <= 0)
		return;
	snprintf(for_dir, sizeof(for_dir), "%s", l->path);
	snprintf(for_base, sizeof(for_base), "%s", l->path);
	dir = dirname(for_dir);
	base = basename(for_base);
	n = list_backups(dir, base, &names);
	keep = (size_t)l->options.max_files - 1;
	for (size_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		if (i + keep < n && unlink(path) == 0)
			own_line(l, LOG_LVL_INFO, "Purged log file \"%s\"", path);
		free(names[i]);
	}
	free(names);
}

static void
backup_name(const struct logfile *l, char *out, size_t size)
{
	int64_t now = wall_now().ns;
	time_t seconds = (time_t)(now / NS_PER_S);
	char suffix[BACKUP_SUFFIX_MAX];
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(suffix, sizeof(suffix), "%Y.%m.%d.%H.%M.%S", &tm);
	snprintf(out, size, "%s.%s.%09d", l->path, suffix, (int)(now % NS_PER_S));
}

static void
rotate(struct logfile *l)
{
	char backup[PATH_MAX + BACKUP_SUFFIX_MAX], text[PATH_MAX + 128];
	int64_t size;
	struct err e;
	int fd, n;

	backup_name(l, backup, sizeof(backup));
	if (rename(l->path, backup) != 0 || (fd = open_path(l->path, &size, &e)) == -1) {
		l->limit *= 2;
		own_line(l, LOG_LVL_ERROR,
		    "Unable to rotate the log file (%s), will attempt next rotation at size %lld",
		    strerror(errno), (long long)l->limit);
		return;
	}
	close(l->fd);
	l->fd = fd;
	l->size = size;
	l->limit = l->options.size_limit;
	n = snprintf(text, sizeof(text), "Rotated log, backup saved as \"%s\"", backup);
	put_line(l, LOG_LVL_INFO, wall_now().ns, (struct str){ .p = text, .n = (size_t)n }, "\r\n");
	purge(l);
}

/* ---- the outside ---- */

void
logfile_write(struct logfile *l, enum log_level level, int64_t wall_ns, struct str text)
{
	if ((unsigned)level > LOG_LVL_FATAL)
		level = LOG_LVL_ERROR; /* from a child: a number is as hostile as a text */
	tell_dropped(l);
	put_line(l, level, wall_ns, text, "\n");
	if (l->path != NULL && l->limit > 0 && l->size > l->limit)
		rotate(l);
}

int
logfile_reopen(struct logfile *l, struct err *e)
{
	char path[PATH_MAX];

	if (l->path == NULL) {
		own_line(l, LOG_LVL_WARN, "File log re-open ignored, not a file logger");
		return (0);
	}
	snprintf(path, sizeof(path), "%s", l->path);
	if (use_path(l, path, e) != 0)
		return (-1);
	own_line(l, LOG_LVL_INFO, "File log re-opened");
	if (l->limit > 0 && l->size > l->limit)
		rotate(l);
	return (0);
}

uint64_t
logfile_dropped(const struct logfile *l)
{
	return (l->dropped);
}
