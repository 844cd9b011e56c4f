/* role_attacker - the common part of js_attacker and raft_attacker, see role_attacker.c. */
#ifndef TESTS_ROLE_ATTACKER_H
#define TESTS_ROLE_ATTACKER_H

#include "common/hub.h"

/* role_attacker_main - runs as the role whose echo it is given; the exit code. */
int role_attacker_main(const struct hub_role *echo, void *ctx);

#endif
