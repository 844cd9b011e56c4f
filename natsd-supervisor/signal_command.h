/*
 * signal_command - `--signal CMD[=PID]`: what a second call of the binary says to a running server
 * (client.md 18.3).
 */
#ifndef SUPERVISOR_SIGNAL_COMMAND_H
#define SUPERVISOR_SIGNAL_COMMAND_H

#include "common/err.h"

/* signal_command - PID is a number, a file that holds one, or the beginning of one and '*'; without
 * it the one server that runs is meant.  0; -1 with nats-server's words. */
int signal_command(const char *text, struct err *);

#endif
