/*
 * notify - tells the service manager how we are (sd_notify(3)'s datagrams, without its library).
 */
#ifndef SUPERVISOR_NOTIFY_H
#define SUPERVISOR_NOTIFY_H

#include <stdint.h>

/* notify_init - reads NOTIFY_SOCKET and WATCHDOG_USEC and takes both out of the environment.
 * Without the first, everything here does nothing. */
void notify_init(void);

/* notify_send - e.g. "READY=1\nSTATUS=...".  Never blocks. */
void notify_send(const char *state);

/* notify_watchdog_us - how often the manager wants to hear WATCHDOG=1; 0: not at all. */
uint64_t notify_watchdog_us(void);

#endif
