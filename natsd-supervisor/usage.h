/*
 * usage - what the processes of this natsd use, from /proc; a jailed front cannot look itself.
 */
#ifndef SUPERVISOR_USAGE_H
#define SUPERVISOR_USAGE_H

#include <stdint.h>
#include <sys/types.h>

struct usage {
	uint64_t cpu_ns;    /* user and system, since each process started */
	uint64_t rss_bytes; /* proportional where the kernel tells, else resident */
};

/* usage_of - the sum over n processes; one that is gone counts nothing. */
struct usage usage_of(const pid_t *, unsigned n);

#endif
