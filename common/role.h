/*
 * role - which of the programs of one natsd somebody is.
 *
 * The numbers are part of the control protocol and of the frame table (frame_list.h), where a set
 * of roles is the sum of its bits.
 */
#ifndef COMMON_ROLE_H
#define COMMON_ROLE_H

enum role {
	ROLE_SUPERVISOR = 1,
	ROLE_FRONT = 2,
	ROLE_JS = 4,
	ROLE_RAFT = 8,
};

/* role_name - "supervisor", "front", "js" or "raft"; "?" for anything else.  Static storage. */
const char *role_name(enum role);

/* role_program - "natsd-front" and so on: the name of the executable and of the man page. */
const char *role_program(enum role);

#endif
