/*
 * sandbox - what each program may do, entered once, never left.
 *
 * One table row a role (sandbox_table in sandbox.c), one file a platform for the means:
 * sandbox_linux.c (chroot, ids, no_new_privs, landlock, seccomp-bpf), sandbox_openbsd.c (pledge,
 * unveil), sandbox_none.c (chroot and ids only; says so in the log).
 *
 *	role	    user	root directory	files		       network		exec
 *	supervisor  caller	-		all		       binds at start	its own children
 *	front	    _natsd	empty		none		       accepts, talks	no
 *	js	    _natsjs	its store	below its store	       none		no
 *	raft	    _natsraft	its logs	below its logs	       none		no
 *
 * As root: the user changes, the root directory too.  Not as root: both are left out, the
 * system-call filter and landlock still apply.  A forbidden call gets EPERM, or kills the process with
 * SIGSYS where continuing would be wrong; the supervisor reports the number of the call
 * (faults.md 88, 89).
 */
#ifndef COMMON_SANDBOX_H
#define COMMON_SANDBOX_H

#include <stdbool.h>

#include "common/err.h"
#include "common/role.h"

struct sandbox_request {
	enum role role;
	const char *root;     /* directory to be confined to as root; NULL: an empty one */
	const int *dirs;      /* descriptors of directories below which files may be used */
	unsigned ndirs;
	bool allow_probe;     /* test builds: fatal calls are refused instead, so that a probe goes on */
};

/* sandbox_users_exist - before anything starts: as root, all users of the table are there; else
 * -1 and a text that names the command that makes them. */
int sandbox_users_exist(struct err *);

/* sandbox_separates_users - are we root, with other users to change to?  In a container with a single
 * uid, root is treated as anybody. */
bool sandbox_separates_users(void);

/* sandbox_enter - no way back; before the first thread is made (landlock holds for the caller).  -1: the reason; the caller exits. */
int sandbox_enter(const struct sandbox_request *, struct err *);

/* sandbox_user_id, sandbox_group_id - whom a role becomes as root; else our own. */
unsigned sandbox_user_id(enum role);
unsigned sandbox_group_id(enum role);

/* sandbox_describe - what is in force on this machine, e.g. "seccomp, landlock 7, user _natsd". */
void sandbox_describe(char *out, unsigned size);

/*
 * sandbox_probe - tries one forbidden act and says how it ended: "EPERM", "EACCES", "ENOENT",
 * "ok" (the jail leaks), ...  acts: sandbox_probe_acts(i), NULL at the end.  An act that is
 * answered with SIGSYS does not return.
 */
const char *sandbox_probe_acts(unsigned i);
/* sandbox_probe_hold - test builds: keeps a descriptor of the same ring memory, which a role otherwise
 * closes when it has mapped it, for the acts that try to resize it. */
void sandbox_probe_hold(int ring_fd);
void sandbox_probe(const char *act, char *result, unsigned size);

#endif
