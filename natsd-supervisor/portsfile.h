/*
 * portsfile - where this server listens, as JSON, for tools that let it pick its ports: the file
 * <dir>/<base of argv[0]>_<pid>.ports, whole when it appears, gone when the server is
 * (client.md 18.4).
 */
#ifndef SUPERVISOR_PORTSFILE_H
#define SUPERVISOR_PORTSFILE_H

#include "common/err.h"
#include "natsd-supervisor/listen.h"

struct portsfile {
	char *path; /* NULL: not written */
};

#define PORTSFILE_NONE ((struct portsfile){ .path = NULL })

/* portsfile_write - takes away what it wrote before and writes anew; dir "" writes nothing.  monitor
 * may have no socket.  0; -1. */
int portsfile_write(struct portsfile *, const char *dir, const char *argv0,
    const struct listener *client, const struct listener *monitor, struct err *);

void portsfile_remove(struct portsfile *);

#endif
