/*
 * base_fd - the descriptor that an event loop waits on, which libevent does not tell.
 *
 * It becomes readable when the loop has something to do, so one loop can wait for another (gather.h).
 * A descriptor gets the lowest free number; so while no other thread runs:
 *
 *	n = base_fd_next();
 *	base = event_base_new();
 *	fd = base_fd_check(n);
 */
#ifndef FRONT_BASE_FD_H
#define FRONT_BASE_FD_H

/* base_fd_next - the number that the next descriptor will get; -1: unknown. */
int base_fd_next(void);

/* base_fd_check - n, when events can be waited for on it; else -1. */
int base_fd_check(int n);

#endif
