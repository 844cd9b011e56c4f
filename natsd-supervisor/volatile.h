/*
 * volatile - the store that outlives natsd-js and dies with the supervisor (ARCHITECTURE.md 3).
 *
 * In this order: a tmpfs of our own that is mounted nowhere (as root; gone with its last descriptor, so
 * that kill -9 of everything leaves nothing), a private directory in a tmpfs with room (removed at the
 * end), one memfd.
 */
#ifndef SUPERVISOR_VOLATILE_H
#define SUPERVISOR_VOLATILE_H

#include <stdint.h>

#include "common/err.h"

enum volatile_kind { VOLATILE_MOUNT, VOLATILE_DIR, VOLATILE_MEMFD };

struct volatile_store {
	int fd; /* a directory, or the memfd; yours */
	enum volatile_kind kind;
	char path[128]; /* VOLATILE_DIR: to be removed */
};

/* volatile_make - with room for `bytes`; owned by uid and gid when we are root.  0; -1. */
int volatile_make(struct volatile_store *, uint64_t bytes, unsigned uid, unsigned gid, struct err *);

/* volatile_remove - at the end of the supervisor's life. */
void volatile_remove(struct volatile_store *);

/* volatile_text - "a tmpfs of its own", ... for the log. */
const char *volatile_text(const struct volatile_store *);

#endif
