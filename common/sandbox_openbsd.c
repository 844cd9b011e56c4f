/*
 * OpenBSD: change of user and root directory as root, then unveil and pledge.
 */
#include "config.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "common/sandbox.h"
#include "common/sandbox_table.h"

bool
sandbox_separates_users(void)
{
	return (geteuid() == 0);
}

static int
drop_root(const struct sandbox_row *row, const char *root, struct err *e)
{
	struct passwd *pw;

	if ((pw = getpwnam(row->user)) == NULL)
		return (err_set(e, "no user %s", row->user));
	if (root == NULL)
		root = EMPTYDIR;
	if (chroot(root) != 0 || chdir("/") != 0)
		return (err_sys(e, "confine to %s", root));
	if (setgroups(1, &pw->pw_gid) != 0 ||
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) != 0 ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) != 0)
		return (err_sys(e, "change user to %s", pw->pw_name));
	return (0);
}

/*
 * sendfd and recvfd: rings come with the control socket.  inet without dns, rpath or unix: accepted
 * sockets only, since neither bind nor connect is reached by what the front runs.
 */
static const char *
promises(const struct sandbox_row *row)
{
	if (row->net == SANDBOX_NET_ACCEPTED)
		return ("stdio inet recvfd");
	return ("stdio rpath wpath cpath flock recvfd");
}

static int
see_only(const struct sandbox_row *row, struct err *e)
{
	/* Confined to the store by chroot as root; not as root the whole tree stays visible only
	 * through descriptors that were handed over, so nothing is unveiled by name. */
	if (row->files == SANDBOX_FILES_BELOW && sandbox_separates_users() &&
	    unveil("/", "rwc") != 0)
		return (err_sys(e, "unveil /"));
	if (unveil(NULL, NULL) != 0)
		return (err_sys(e, "unveil nothing more"));
	return (0);
}

int
sandbox_enter(const struct sandbox_request *rq, struct err *e)
{
	const struct sandbox_row *row = sandbox_row(rq->role);

	if (row == NULL)
		return (err_set(e, "no sandbox for the %s", role_name(rq->role)));
	if (sandbox_separates_users() && drop_root(row, rq->root, e) != 0)
		return (err_wrap(e, "sandbox"));
	if (see_only(row, e) != 0)
		return (err_wrap(e, "sandbox"));
	if (pledge(promises(row), NULL) != 0)
		return (err_sys(e, "sandbox: pledge"));
	return (0);
}

void
sandbox_describe(char *out, unsigned size)
{
	snprintf(out, size, "pledge, unveil");
}
