/*
 * load - drives a NATS server and says what it took.  See usage() and load.h.
 */
#include "config.h"

#include <sys/prctl.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/mono.h"
#include "common/num.h"
#include "tests/bench/load.h"
#include "tests/bench/load_conn.h"
#include "tests/bench/load_start.h"

#define PAYLOAD_MIN 16u /* a sequence and a publisher stand in it */
#define RUNS_MAX 101u

struct mode {
	const char *name;
	int (*run)(const struct load_plan *, struct load_result *, struct err *);
};

static const struct mode modes[] = {
	{ "flow", load_flow_run },
	{ "request", load_request_run },
	{ "idle", load_idle_run },
};

static void
usage(void)
{
	fputs("usage: load flow|request|idle -p port [options]\n"
	      "       load start [-r runs] -- server argument ...	(%p: the port)\n"
	      "  -a address  of the server (127.0.0.1)\n"
	      "  -b bytes    payload (128)\n"
	      "  -P count    publishers; pairs of requester and responder (1)\n"
	      "  -S count    subjects (1)\n"
	      "  -K count    subscribers of each subject (0: publish only)\n"
	      "  -F count    requests under way in each pair (1)\n"
	      "  -c count    idle connections (10000)\n"
	      "  -n count    messages to publish, rounded up to whole writes\n"
	      "  -t ms       or the time to publish for (1000)\n"
	      "  -w ms       warm up before (0)\n"
	      "  -T          with TLS behind INFO\n"
	      "  -W          say \"ready\" and wait for a line; for the end of input after\n",
	    stderr);
	exit(2);
}

static unsigned
count_or_usage(const char *text, unsigned min, unsigned max)
{
	uint64_t v;

	if (num_parse_u64(str_of(text), min, max, &v) != 0) {
		fprintf(stderr, "load: %s is not a number from %u to %u\n", text, min, max);
		usage();
	}
	return ((unsigned)v);
}

static void
plan_parse(struct load_plan *plan, int argc, char *argv[])
{
	int ch;

	while ((ch = getopt(argc, argv, "a:p:b:P:S:K:F:c:n:t:w:TW")) != -1)
		switch (ch) {
		case 'a': plan->host = optarg; break;
		case 'p': plan->port = (uint16_t)count_or_usage(optarg, 1, 65535); break;
		case 'b':
			plan->payload = count_or_usage(optarg, PAYLOAD_MIN, LOAD_PAYLOAD_MAX);
			break;
		case 'P': plan->publishers = count_or_usage(optarg, 1, 1000); break;
		case 'S': plan->subjects = count_or_usage(optarg, 1, 100); break;
		case 'K': plan->subscribers = count_or_usage(optarg, 0, 1000); break;
		case 'F': plan->in_flight = count_or_usage(optarg, 1, 10000); break;
		case 'c': plan->connections = count_or_usage(optarg, 1, 1000000); break;
		case 'n': plan->messages = count_or_usage(optarg, 1, 1000000000); break;
		case 't': plan->ms = count_or_usage(optarg, 1, 3600000); break;
		case 'w': plan->warm_ms = count_or_usage(optarg, 0, 3600000); break;
		case 'T': plan->tls = true; break;
		case 'W': plan->wait = true; break;
		default: usage();
		}
	if (plan->port == 0 || optind != argc)
		usage();
}

int
load_wait(const struct load_plan *plan, struct err *e)
{
	char line[64];

	if (!plan->wait)
		return (0);
	puts("ready");
	fflush(stdout);
	if (fgets(line, sizeof(line), stdin) == NULL)
		return (err_set(e, "standard input ended before the run"));
	return (0);
}

int64_t
load_cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (t.tv_sec * NS_PER_S + t.tv_nsec);
}

void
load_report(const struct load_plan *plan, const struct load_result *r)
{
	double seconds = (double)r->ns / (double)NS_PER_S;

	printf("published=%llu ops=%llu seconds=%.6f ops_per_s=%.0f load_cpu_ns_per_op=%.1f",
	    (unsigned long long)r->published, (unsigned long long)r->ops, seconds,
	    (double)r->ops / seconds, (double)r->cpu_ns / (double)r->ops);
	if (r->latency.count > 0)
		printf(" p50_us=%.1f p99_us=%.1f", (double)load_hist_at(&r->latency, 500) / 1e3,
		    (double)load_hist_at(&r->latency, 990) / 1e3);
	putchar('\n');
	fflush(stdout);
	while (plan->wait && getchar() != EOF)
		continue;
}

static int
compare_ns(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return ((x > y) - (x < y));
}

static int
run_start(int argc, char *argv[], struct err *e)
{
	int64_t ns[RUNS_MAX];
	unsigned i, runs = 5;
	int ch;

	while ((ch = getopt(argc, argv, "r:")) != -1)
		switch (ch) {
		case 'r': runs = count_or_usage(optarg, 1, RUNS_MAX); break;
		default: usage();
		}
	if (optind == argc)
		usage();
	for (i = 0; i < runs; i++)
		if (load_start_once(argv + optind, &ns[i], e) != 0)
			return (-1);
	qsort(ns, runs, sizeof(ns[0]), compare_ns);
	printf("runs=%u median_us=%.0f min_us=%.0f max_us=%.0f\n", runs, (double)ns[runs / 2] / 1e3,
	    (double)ns[0] / 1e3, (double)ns[runs - 1] / 1e3);
	return (0);
}

static int
run_mode(const struct mode *mode, int argc, char *argv[], struct err *e)
{
	static struct load_result result;
	struct load_plan plan = { .host = "127.0.0.1",
		.payload = 128,
		.publishers = 1,
		.subjects = 1,
		.in_flight = 1,
		.connections = 10000,
		.ms = 1000 };

	plan_parse(&plan, argc, argv);
	return (mode->run(&plan, &result, e));
}

int
main(int argc, char *argv[])
{
	struct err e = { 0 };
	size_t i;
	int rc = 1;

	if (argc < 2)
		usage();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (strcmp(argv[1], "start") == 0) {
		rc = run_start(argc - 1, argv + 1, &e);
	} else {
		for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
			if (strcmp(argv[1], modes[i].name) == 0)
				rc = run_mode(&modes[i], argc - 1, argv + 1, &e);
		if (rc == 1)
			usage();
	}
	if (rc != 0)
		fprintf(stderr, "load: %s\n", e.text);
	return (rc == 0 ? 0 : 1);
}
