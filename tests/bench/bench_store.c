/*
 * bench_store - one measurement of the store, in a directory of the caller's; tests/bench/run store
 * makes a table of them.
 *
 *	bench_store <directory> <what> [number...]
 *
 * Each line is a name, a tab, a number, and where there is one a tab and the yardstick, which was
 * measured in the same run on the same directory.
 */
#include "config.h"

#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/mono.h"
#include "natsd-js/store/store.h"

#define IN_FLIGHT 1000u
#define STREAMS 1000u
#define BUDGET (64u << 20)
#define LOOK_NS (150 * NS_PER_US)

#define LARGE (256u << 10)
#define LARGE_IN_FLIGHT 32u

static char payload[LARGE];
static int64_t run_ns = 1 * NS_PER_S;
static const char *top;
static int dir;

struct bench {
	struct disk *disk;
	struct store *store;
	struct doorbell bell;
	struct stream *streams[STREAMS];
	unsigned count;
};

static void
row(const char *name, double value, double yardstick)
{
	printf("%s\t%.3f", name, value);
	if (yardstick > 0)
		printf("\t%.3f", yardstick);
	printf("\n");
	fflush(stdout);
}

/* ---- the store ---- */

static void
bench_open(struct bench *b, enum journal_policy policy, bool index)
{
	struct store_options o = store_options_default();
	char path[512];
	struct err err;

	memset(b, 0, sizeof(*b));
	if (doorbell_make(&b->bell, &err) != 0)
		errx(1, "%s", err.text);
	snprintf(path, sizeof(path), "%s/index", top);
	o.journal.policy = policy;
	o.done = b->bell;
	if (index) { /* the share of a budget of 64 MiB */
		o.index = path;
		o.write_cache = BUDGET / 4;
		o.subject_cache = BUDGET / 8;
		o.read_cache = BUDGET / 8;
	}
	b->disk = disk_posix(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	b->store = store_open(b->disk, &o, &err);
	if (b->store == NULL)
		errx(1, "%s", err.text);
}

static void
bench_streams(struct bench *b, unsigned count)
{
	struct err err;
	char name[20];

	for (unsigned i = 0; i < count; i++) {
		struct stream_config c = { .account = STR("BENCH"), .created = 1 };

		snprintf(name, sizeof(name), "s%u", i);
		c.name = str_of(name);
		if (stream_create(b->store, &c, &b->streams[i], &err) != STORE_OK)
			errx(1, "%s", err.text);
	}
	b->count = count;
	if (store_wait(b->store, &err) != STORE_OK)
		errx(1, "%s", err.text);
}

static void
bench_close(struct bench *b)
{
	struct err err;

	for (unsigned i = 0; i < b->count; i++)
		(void)stream_delete(b->streams[i], &err);
	if (store_close(b->store, &err) != 0)
		errx(1, "%s", err.text);
	disk_free(b->disk);
	doorbell_close(&b->bell);
}

/* Looks for a moment, then sleeps, as an owner that expects an answer does. */
static void
sleep_on(struct bench *b, uint64_t done)
{
	struct pollfd fd = { .fd = b->bell.wait, .events = POLLIN };
	struct mono end = mono_add_ns(mono_now(), LOOK_NS);

	while (mono_before(mono_now(), end))
		if (store_done(b->store) != done)
			return;
	(void)poll(&fd, 1, 100);
	doorbell_clear(&b->bell);
}

static double
cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return ((double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
	    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec));
}

struct rate {
	double records, commits; /* a second */
	double cpu;		 /* us a record */
	double p50_us;		 /* of submits */
};

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return ((*x > *y) - (*x < *y));
}

/* Appends for a while with so many on their way; checkpoints run beside it. */
static struct rate
append(struct bench *b, unsigned in_flight, size_t bytes)
{
	uint64_t done = store_done(b->store), first = done, sent = 0, acked = 0;
	unsigned counts[JOURNAL_STAGES] = { 0 }, n;
	struct mono start = mono_now(), at = start;
	static double times[200000];
	size_t samples = 0;
	double cpu = cpu_us(), ns;
	struct store_message m;
	enum store_result r;
	struct err err;

	while (mono_diff_ns(mono_now(), start) < run_ns) {
		store_turn(b->store, mono_now());
		at = mono_now();
		for (n = 0, r = STORE_OK; sent + n - acked < in_flight && r == STORE_OK; n++) {
			m = (struct store_message){ .subject = STR("bench.subject"), .time = 1,
				.payload = { .p = payload, .n = bytes } };
			r = stream_append(b->streams[(sent + n) % b->count], &m, &err);
			if (r == STORE_BUSY)
				break;
			if (r != STORE_OK)
				errx(1, "%s", err.text);
		}
		sent += n;
		if (n > 0)
			counts[store_submit(b->store) % JOURNAL_STAGES] = n;
		if (store_done(b->store) == done)
			sleep_on(b, done);
		for (; done < store_done(b->store); acked += counts[++done % JOURNAL_STAGES])
			;
		if (in_flight == 1 && samples < 200000)
			times[samples++] = (double)mono_diff_ns(mono_now(), at) / 1e3;
	}
	ns = (double)mono_diff_ns(mono_now(), start);
	if (samples > 0)
		qsort(times, samples, sizeof(*times), by_value);
	return ((struct rate){ .records = (double)acked * 1e9 / ns,
	    .commits = (double)(done - first) * 1e9 / ns,
	    .cpu = (cpu_us() - cpu) / (double)(acked + 1),
	    .p50_us = samples > 0 ? times[samples / 2] : 0 });
}

/* Overwrites n bytes at rising places of a file of zeros and syncs each time. */
static struct rate
bare(size_t n)
{
	static char zeros[1 << 20];
	static double times[200000];
	int fd = openat(dir, "bare", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t size = 64u << 20, at = 0, pad = (n + 511) / 512 * 512, count = 0;
	struct mono start, one;

	for (size_t i = 0; i < size; i += sizeof(zeros))
		if (pwrite(fd, zeros, sizeof(zeros), (off_t)i) < 0)
			err(1, "write");
	fdatasync(fd);
	for (start = mono_now(); mono_diff_ns(mono_now(), start) < run_ns && count < 200000;) {
		one = mono_now();
		if (pwrite(fd, zeros, pad, (off_t)at) < 0 || fdatasync(fd) != 0)
			err(1, "write");
		times[count++] = (double)mono_diff_ns(mono_now(), one) / 1e3;
		at = at + 2 * pad > size ? 0 : at + pad;
	}
	close(fd);
	unlinkat(dir, "bare", 0);
	qsort(times, count, sizeof(*times), by_value);
	return ((struct rate){ .p50_us = times[count / 2],
	    .commits = (double)count * 1e9 / (double)mono_diff_ns(mono_now(), start) });
}

/* ---- rows ---- */

static void
one_in_flight(void)
{
	double loop = bare(512).p50_us;
	struct bench b;

	bench_open(&b, JOURNAL_DURABLE, false);
	bench_streams(&b, 1);
	row("durable append, one in flight, p50 us", append(&b, 1, 128).p50_us, loop);
	bench_close(&b);
}

static void
many_in_flight(void)
{
	struct rate one, many, loop;
	struct bench b;

	bench_open(&b, JOURNAL_DURABLE, false);
	bench_streams(&b, 1);
	one = append(&b, IN_FLIGHT, 128);
	bench_close(&b);
	loop = bare((size_t)(one.records / one.commits * 224));
	row("durable append, 1,000 in flight, commits/s", one.commits, loop.commits);
	row("durable append, 1,000 in flight, records/s", one.records, 0);
	bench_open(&b, JOURNAL_DURABLE, false);
	bench_streams(&b, STREAMS);
	many = append(&b, IN_FLIGHT, 128);
	row("the same over 1,000 streams, records/s", many.records, one.records);
	bench_close(&b);
}

static void
not_synced(enum journal_policy policy)
{
	struct rate r;
	struct bench b;

	bench_open(&b, policy, false);
	bench_streams(&b, 1);
	r = append(&b, IN_FLIGHT, 128);
	if (policy == JOURNAL_NONE)
		row("volatile append, 128 B, records/s", r.records, 0);
	else
		row("append with sync_interval, 128 B, CPU us", r.cpu, 0);
	if (policy != JOURNAL_NONE)
		row("append with sync_interval, 1 KiB, CPU us", append(&b, IN_FLIGHT, 1024).cpu,
		    0);
	bench_close(&b);
}

/* ---- large records ---- */

/* So many bytes appended to a file that grows, and synced, each time; MiB a second. */
static double
bare_append(size_t n)
{
	int fd = openat(dir, "bare", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct mono start = mono_now();
	size_t at = 0, count = 0;

	while (mono_diff_ns(mono_now(), start) < run_ns) {
		for (size_t left = n, part; left > 0; left -= part, at += part) {
			part = left < LARGE ? left : LARGE;
			if (pwrite(fd, payload, part, (off_t)at) != (ssize_t)part)
				err(1, "write");
		}
		if (fdatasync(fd) != 0)
			err(1, "sync");
		count++;
		if (at > 64u << 20) {
			at = 0;
			if (ftruncate(fd, 0) != 0)
				err(1, "truncate");
		}
	}
	close(fd);
	unlinkat(dir, "bare", 0);
	return ((double)(count * n) / (1 << 20) * 1e9 / (double)mono_diff_ns(mono_now(), start));
}

/* Bytes that this process has written, to whatever. */
static double
written(void)
{
	FILE *f = fopen("/proc/self/io", "r");
	unsigned long long n = 0;
	char line[100];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "wchar: %llu", &n) == 1)
			break;
	if (f != NULL)
		fclose(f);
	return ((double)n);
}

static void
large_records(void)
{
	struct stream_state first, last;
	double before, records;
	struct rate r;
	struct bench b;
	struct err err;

	bench_open(&b, JOURNAL_DURABLE, false);
	bench_streams(&b, 1);
	if (store_checkpoint(b.store, &err) != STORE_OK) /* it has a folder */
		errx(1, "%s", err.text);
	r = append(&b, 1, LARGE);
	row("durable append of 256 KiB, one in flight, MiB/s", r.records / 4, bare_append(LARGE));
	if (store_wait(b.store, &err) != STORE_OK)
		errx(1, "%s", err.text);
	stream_state(b.streams[0], &first);
	before = written();
	r = append(&b, LARGE_IN_FLIGHT, LARGE);
	if (store_wait(b.store, &err) != STORE_OK)
		errx(1, "%s", err.text);
	stream_state(b.streams[0], &last);
	records = (double)(last.messages - first.messages);
	before = (written() - before) / records - LARGE;
	row("durable append of 256 KiB, 32 in flight, MiB/s", r.records / 4,
	    bare_append((size_t)(r.records / r.commits * LARGE)));
	row("the same, bytes written beside each record", before, 0);
	bench_close(&b);
}

/* ---- a large stream ---- */

/* RssAnon and RssShmem, in MiB. */
static double
memory_mib(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	unsigned long kib, sum = 0;
	char line[200];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "RssAnon: %lu", &kib) == 1 ||
		    sscanf(line, "RssShmem: %lu", &kib) == 1)
			sum += kib;
	if (f != NULL)
		fclose(f);
	return ((double)sum / 1024);
}

static struct str
subject_of(uint64_t n, char *text)
{
	return ((struct str){ .p = text,
	    .n = (size_t)snprintf(text, 40, "orders.%" PRIu64 ".new", n) });
}

static bool first_only(void *, struct stream *);

static bool
first_only(void *arg, struct stream *s)
{
	*(struct stream **)arg = s;
	return (false);
}

static struct stream *
only_stream(struct bench *b)
{
	struct stream *s = NULL;

	stream_each(b->store, first_only, &s);
	if (s == NULL)
		errx(1, "no stream");
	return (s);
}

/* Every 1,000th message has the subject `rare`, the others one of so many. */
static void
build(uint64_t messages, uint64_t subjects, bool stop)
{
	double most = 0, now;
	struct store_message m;
	enum store_result r;
	struct bench b;
	struct err err;
	struct mono start = mono_now();
	char text[40];

	bench_open(&b, JOURNAL_DURABLE, true);
	bench_streams(&b, 1);
	for (uint64_t i = 0; i < messages;) {
		m = (struct store_message){ .time = (int64_t)i, .subject = i % 1000 == 999 ?
			STR("rare") : subject_of(i * 7919 % subjects, text),
			.payload = { .p = payload, .n = 128 } };
		r = stream_append(b.streams[0], &m, &err);
		if (r != STORE_OK && r != STORE_BUSY)
			errx(1, "%s", err.text);
		i += r == STORE_OK;
		if (r == STORE_OK && i % 1000 != 0)
			continue;
		store_submit(b.store);
		store_turn(b.store, mono_now());
		if (r == STORE_BUSY)
			usleep(200);
		if (i % 100000 == 0 && (now = memory_mib()) > most)
			most = now;
	}
	if (store_wait(b.store, &err) != STORE_OK)
		errx(1, "%s", err.text);
	row("append with an index, messages/s",
	    (double)messages * 1e9 / (double)mono_diff_ns(mono_now(), start), 0);
	row("memory during append, MiB", most, 0);
	b.count = 0;
	if (stop)
		bench_close(&b);
	else
		_exit(0); /* as one that was killed */
}

static void
open_it(const char *name)
{
	struct mono start = mono_now();
	struct stream_state st;
	struct store_message m;
	struct bench b;
	struct err err;

	bench_open(&b, JOURNAL_DURABLE, true);
	stream_state(only_stream(&b), &st);
	if (stream_load(only_stream(&b), st.last_seq, &m, &err) != STORE_OK)
		errx(1, "%s", err.text);
	row(name, (double)mono_diff_ns(mono_now(), start) / 1e6, 0);
	row("memory after opening, MiB", memory_mib(), 0);
	store_abandon(b.store);
}

static uint64_t
next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return (*x);
}

static void
sequential(struct stream *s, const char *name, const struct str *filter, unsigned n)
{
	struct stream_filter *f = stream_filter_new(s, filter, n);
	struct store_message m;
	struct mono start = mono_now();
	uint64_t count = 0, seq = 0;
	struct err err;

	while (stream_next(f, seq, &m, &err) == STORE_OK) {
		seq = m.seq + 1;
		count++;
	}
	row(name, (double)count * 1e9 / (double)mono_diff_ns(mono_now(), start), 0);
	printf("%s, all of it, ms\t%.3f\n", name,
	    (double)mono_diff_ns(mono_now(), start) / 1e6);
	stream_filter_free(f);
}

static void
reads(uint64_t subjects)
{
	uint64_t x = 88172645463325252u, n = 200000;
	static double times[200000];
	struct stream_state st;
	struct store_message m;
	struct mono start, one;
	struct stream *s;
	struct bench b;
	struct err err;
	char text[40];

	bench_open(&b, JOURNAL_DURABLE, true);
	s = only_stream(&b);
	stream_state(s, &st);
	sequential(s, "sequential read, all, messages/s", NULL, 0);
	sequential(s, "sequential read, 1 in 1,000, messages/s", &STR("rare"), 1);
	start = mono_now();
	for (uint64_t i = 0; i < n; i++)
		if (stream_load(s, st.first_seq + next_random(&x) % st.messages, &m, &err) !=
		    STORE_OK)
			errx(1, "%s", err.text);
	row("random load, warm, us", (double)mono_diff_ns(mono_now(), start) / 1e3 / (double)n, 0);
	for (unsigned round = 0; round < 2; round++) {
		start = mono_now();
		for (uint64_t i = 0; i < n; i++) {
			one = mono_now();
			if (stream_last(s, subject_of(next_random(&x) % subjects, text),
				UINT64_MAX, &m, &err) > STORE_NONE)
				errx(1, "%s", err.text);
			times[i] = (double)mono_diff_ns(mono_now(), one) / 1e3;
			if (i % 1000 == 0)
				store_turn(b.store, mono_now());
		}
	}
	row("last by subject, us", (double)mono_diff_ns(mono_now(), start) / 1e3 / (double)n, 0);
	qsort(times, n, sizeof(*times), by_value);
	row("last by subject, p99 us", times[n * 99 / 100], 0);
	row("memory during reads, MiB", memory_mib(), 0);
	store_abandon(b.store);
}

static void
empty_streams(unsigned count)
{
	struct stream_config c = { .account = STR("BENCH"), .created = 1 };
	struct stream *s;
	struct bench b;
	struct err err;
	enum store_result r;
	char name[20];

	bench_open(&b, JOURNAL_DURABLE, true);
	for (unsigned i = 0; i < count;) {
		snprintf(name, sizeof(name), "s%u", i);
		c.name = str_of(name);
		r = stream_create(b.store, &c, &s, &err);
		if (r != STORE_OK && r != STORE_BUSY)
			errx(1, "%s", err.text);
		i += r == STORE_OK;
		store_submit(b.store);
		store_turn(b.store, mono_now());
	}
	bench_close(&b);
}

static void
open_empty(void)
{
	double before = memory_mib();
	struct mono start = mono_now();
	struct bench b;

	bench_open(&b, JOURNAL_DURABLE, true);
	row("opening, ms", (double)mono_diff_ns(mono_now(), start) / 1e6, 0);
	row("memory, MiB", memory_mib() - before, 0);
	store_abandon(b.store);
}

static uint64_t
number(int argc, char *argv[], int i)
{
	if (i >= argc)
		errx(1, "a number is missing");
	return (strtoull(argv[i], NULL, 10));
}

int
main(int argc, char *argv[])
{
	const char *what = argc < 3 ? "" : argv[2];

	top = argc < 3 ? "." : argv[1];
	dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (argc < 3 || dir < 0)
		errx(1, "usage: bench_store <directory> <what> [number...]");
	if (strcmp(what, "one") == 0)
		one_in_flight();
	else if (strcmp(what, "many") == 0)
		many_in_flight();
	else if (strcmp(what, "large") == 0)
		large_records();
	else if (strcmp(what, "interval") == 0)
		not_synced(JOURNAL_INTERVAL);
	else if (strcmp(what, "volatile") == 0)
		not_synced(JOURNAL_NONE);
	else if (strcmp(what, "build") == 0)
		build(number(argc, argv, 3), number(argc, argv, 4), number(argc, argv, 5) != 0);
	else if (strcmp(what, "open") == 0)
		open_it("opening, ms");
	else if (strcmp(what, "reads") == 0)
		reads(number(argc, argv, 3));
	else if (strcmp(what, "empty") == 0)
		empty_streams((unsigned)number(argc, argv, 3));
	else if (strcmp(what, "open-empty") == 0)
		open_empty();
	else
		errx(1, "%s is not known", what);
	close(dir);
	return (0);
}
