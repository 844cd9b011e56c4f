/*
 * Elsewhere: the change of user and root directory only.  sandbox_describe says so in the log.
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

int
sandbox_enter(const struct sandbox_request *rq, struct err *e)
{
	const struct sandbox_row *row = sandbox_row(rq->role);
	struct passwd *pw;

	if (row == NULL)
		return (err_set(e, "no sandbox for the %s", role_name(rq->role)));
	if (!sandbox_separates_users())
		return (0);
	if ((pw = getpwnam(row->user)) == NULL)
		return (err_set(e, "no user %s", row->user));
	if (chdir(rq->root == NULL ? EMPTYDIR : rq->root) != 0 || chroot(".") != 0)
		return (err_sys(e, "confine to %s", rq->root == NULL ? EMPTYDIR : rq->root));
	if (setgroups(1, &pw->pw_gid) != 0 || setgid(pw->pw_gid) != 0 || setuid(pw->pw_uid) != 0)
		return (err_sys(e, "change user to %s", pw->pw_name));
	return (0);
}

void
sandbox_describe(char *out, unsigned size)
{
	snprintf(out, size, "no system-call filter on this system");
}
