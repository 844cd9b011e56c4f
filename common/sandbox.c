#include "config.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "common/sandbox.h"
#include "common/sandbox_table.h"

/* The rights of every process on one screen; a test tries one forbidden act a cell. */
static const struct sandbox_row rows[] = {
	/* role	       user	    files	  network     */
	{ ROLE_FRONT, "_natsd",	  SANDBOX_FILES_NONE,  SANDBOX_NET_ACCEPTED },
	{ ROLE_JS,    "_natsjs",   SANDBOX_FILES_BELOW, SANDBOX_NET_NONE },
	{ ROLE_RAFT,  "_natsraft", SANDBOX_FILES_BELOW, SANDBOX_NET_NONE },
};

const struct sandbox_row *
sandbox_row(enum role role)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].role == role)
			return (&rows[i]);
	return (NULL);
}

int
sandbox_users_exist(struct err *e)
{
	if (!sandbox_separates_users())
		return (0);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		errno = 0;
		if (getpwnam(rows[i].user) == NULL)
			return (err_set(e,
			    "no user %s for %s: make the users with \"systemd-sysusers "
			    "natsd.conf\" or \"useradd --system --home-dir / --shell "
			    "/usr/sbin/nologin %s\"",
			    rows[i].user, role_program(rows[i].role), rows[i].user));
	}
	return (0);
}

static const struct passwd *
user_of(enum role role)
{
	const struct sandbox_row *row = sandbox_row(role);

	return (row == NULL || !sandbox_separates_users() ? NULL : getpwnam(row->user));
}

unsigned
sandbox_user_id(enum role role)
{
	const struct passwd *pw = user_of(role);

	return (pw == NULL ? getuid() : pw->pw_uid);
}

unsigned
sandbox_group_id(enum role role)
{
	const struct passwd *pw = user_of(role);

	return (pw == NULL ? getgid() : pw->pw_gid);
}
