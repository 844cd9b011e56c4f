/*
 * logfile - where log lines end: a file that rotates, or stderr; nats-server's line format
 * (client.md 18.5).
 *
 *	[<pid>] <YYYY/MM/DD HH:MM:SS.uuuuuu> [INF] <text>\n
 *
 * pid is the supervisor's in every line.  A line that cannot be written (full disk, reader gone) is
 * dropped and counted; the first line that fits again says how many are missing.  Nothing here stops
 * the service (faults.md M6).
 */
#ifndef SUPERVISOR_LOGFILE_H
#define SUPERVISOR_LOGFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/log.h"
#include "common/str.h"

struct logfile;

struct logfile_options {
	const char *path;    /* "" or NULL: stderr */
	bool time, utc;	     /* date and time before each line; in UTC */
	int64_t size_limit;  /* bytes before the file is rotated; 0: never */
	int64_t max_files;   /* kept, the one in use included; <= 0: all */
};

/* logfile_open - 0640, appended to.  NULL: the reason (a start is refused). */
struct logfile *logfile_open(const struct logfile_options *, struct err *);
void logfile_close(struct logfile *);

/* logfile_reopen - the same path again (SIGUSR1); says so in the new file.  The old one stays in
 * use when it fails. */
int logfile_reopen(struct logfile *, struct err *);

/* logfile_reconfigure - after a reload.  -1: nothing changed. */
int logfile_reconfigure(struct logfile *, const struct logfile_options *, struct err *);

void logfile_write(struct logfile *, enum log_level, int64_t wall_ns, struct str text);

uint64_t logfile_dropped(const struct logfile *); /* lines, since the start */

#endif
