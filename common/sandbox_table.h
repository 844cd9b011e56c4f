/*
 * sandbox_table - the row of a role, for the platform files.  Not for the daemons.
 */
#ifndef COMMON_SANDBOX_TABLE_H
#define COMMON_SANDBOX_TABLE_H

#include "common/role.h"
#include "common/sandbox.h"

enum sandbox_files {
	SANDBOX_FILES_NONE,  /* opens nothing, ever */
	SANDBOX_FILES_BELOW, /* below the directories it was handed, by descriptor */
};

enum sandbox_net {
	SANDBOX_NET_NONE,     /* its inherited Unix sockets only; no new socket of any family */
	SANDBOX_NET_ACCEPTED, /* also accepts from listeners it was handed */
};

struct sandbox_row {
	enum role role;
	const char *user;
	enum sandbox_files files;
	enum sandbox_net net;
};

const struct sandbox_row *sandbox_row(enum role); /* NULL: not a confined role */

#endif
