/*
 * reload - another configuration for a running server, as a whole or not at all (config.md 12).
 */
#ifndef SUPERVISOR_RELOAD_H
#define SUPERVISOR_RELOAD_H

struct server;

/* reload_begin - reads the file again and offers it to every program.  The outcome is logged, now or
 * later; while one is under way a second request is remembered. */
void reload_begin(struct server *);

#endif
