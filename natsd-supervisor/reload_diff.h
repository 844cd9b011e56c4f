/*
 * reload_diff - what is different in the next configuration: what of it refuses the reload, and what
 * is told about the rest, in the order in which nats-server compares (config.md 12.3, 12.4).
 */
#ifndef SUPERVISOR_RELOAD_DIFF_H
#define SUPERVISOR_RELOAD_DIFF_H

#include "common/err.h"
#include "common/options.h"
#include "natsd-supervisor/cli.h"

/* reload_diff_check - 0; -1: the first change that a running server cannot take. */
int reload_diff_check(const struct options *old, const struct options *next, const struct cli *,
    struct err *);

/* reload_diff_log - one line for each change that was taken. */
void reload_diff_log(const struct options *old, const struct options *next);

#endif
