/*
 * pidfile - the process id for scripts: decimal digits, no newline, mode 0600 when it is new.  It is
 * not removed at the end (client.md 18.4).
 */
#ifndef SUPERVISOR_PIDFILE_H
#define SUPERVISOR_PIDFILE_H

#include "common/err.h"

/* pidfile_write - 0; -1 ("open /x/pid: no such file or directory"). */
int pidfile_write(const char *path, struct err *);

#endif
