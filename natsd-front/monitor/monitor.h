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
#include "natsd-front/monitor/facts.h"

struct monitor;

/*
 * monitor_new - takes the listening socket over when it succeeds.  base_path: of the option, any form.
 * NULL: the reason.  life: the front's.
 * monitor_start - makes the thread.  0; -1.
 * monitor_stop - ends and joins it; closes everything.  NULL is fine.
 */
struct monitor *monitor_new(int listen_fd, const struct facts_source *, const char *base_path,
    uint32_t life, struct err *);
int monitor_start(struct monitor *, struct err *);
void monitor_stop(struct monitor *);

/* monitor_listening - clients can connect, or cannot any more: what /healthz goes by.  Any thread. */
void monitor_listening(struct monitor *, bool);

/* monitor_poke - have it turn; monitor_turned - the last number that it turned for (watchdog; a page in
 * work can delay it by two seconds).  The main thread. */
void monitor_poke(struct monitor *, uint64_t number);
uint64_t monitor_turned(const struct monitor *);

#endif
