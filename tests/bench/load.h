/*
 * load - what one run is asked to do and what came of it.
 *
 * A run opens its connections, warms up, says "ready" on standard output when it was asked to
 * wait, reads a line from standard input, measures, prints one line of key=value, and waits for the
 * end of standard input before it closes anything: so whoever measures the server sees the messages
 * and nothing else.
 */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "tests/bench/load_hist.h"

struct load_plan {
	const char *host;
	uint16_t port;
	unsigned payload;     /* bytes */
	unsigned publishers;  /* or pairs of requester and responder */
	unsigned subjects;
	unsigned subscribers; /* of each subject */
	unsigned in_flight;   /* requests of each pair */
	unsigned connections; /* idle ones */
	uint64_t messages;    /* published in all; 0: as many as fit into `ms` */
	int64_t ms;
	int64_t warm_ms;
	bool wait;
	bool tls;
};

struct load_result {
	uint64_t published;
	uint64_t ops; /* deliveries; without subscribers what was published; round trips */
	int64_t ns;   /* from the first message to the last one received */
	int64_t cpu_ns; /* of the load generator */
	struct load_hist latency; /* requests: ns */
};

/* load_wait - says "ready" and waits for a line when the plan asks for it.  0; -1. */
int load_wait(const struct load_plan *, struct err *);

/* load_report - prints the result; waits for the end of input when the plan asks for it. */
void load_report(const struct load_plan *, const struct load_result *);

/* load_cpu_ns - CPU time of this process so far. */
int64_t load_cpu_ns(void);

/*
 * The kinds of run.  Each calls load_wait() when everything is connected, measures, and calls
 * load_report() before it closes anything.  The result is zeroed by the caller.  0; -1.
 */
int load_flow_run(const struct load_plan *, struct load_result *, struct err *);
int load_request_run(const struct load_plan *, struct load_result *, struct err *);
int load_idle_run(const struct load_plan *, struct load_result *, struct err *);

#endif
