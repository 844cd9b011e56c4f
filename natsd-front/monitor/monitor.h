/*
 * monitor - the thread that serves the monitoring port (monitoring-events.md 2).
 *
 * It answers one page at a time: takes the options, gathers what the page needs (facts.h; at most a second
 * for each of its sources, then without it), and writes.  Nothing else waits for it.
 */
#ifndef FRONT_MONITOR_H
#define FRONT_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/mono.h"
#include "natsd-front/monitor/facts.h"

struct monitor;

/*
 * monitor_new - takes the listening socket over when it succeeds.  base_path: of the option, any form.
 * tls: https, with the context that status.h has at each handshake.  NULL: the reason.
 * monitor_start - makes the thread.  0; -1.
 * monitor_quit - asks it to end.  monitor_stop - and waits for that; closes everything.  NULL is fine.
 * The main thread.
 */
struct monitor *monitor_new(int listen_fd, bool tls, const struct facts_source *,
    const char *base_path, struct err *);
int monitor_start(struct monitor *, struct err *);
void monitor_quit(struct monitor *);
void monitor_stop(struct monitor *);

/* monitor_turns - for the watchdog, about once a second: has it turn, and says whether it did so in the last
 * MONITOR_HANGS_S seconds.  A large page may take a while; that is no reason to lose all clients. */
#define MONITOR_HANGS_S 30
bool monitor_turns(struct monitor *, struct mono now);

#endif
