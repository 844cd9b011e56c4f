/*
 * echo - the development role of natsd-raft: answers requests on $SYS.REQ.DEV.ECHO.RAFT.
 */
#ifndef RAFT_ECHO_H
#define RAFT_ECHO_H

#include "common/hub.h"

#define ECHO_SUBJECT "$SYS.REQ.DEV.ECHO.RAFT"

struct echo {
	uint64_t applied, replayed;
};

extern const struct hub_role echo_role; /* its context is a struct echo */

#endif
