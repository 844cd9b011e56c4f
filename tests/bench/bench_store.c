/*
 * bench_store - how fast the store is, beside a bare loop of overwrite and fdatasync in the same
 * directory.  A line a row: name, natsd, yardstick, ratio.
 *
 *	bench_store <directory> [seconds]
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

#define PAYLOAD 128u
#define IN_FLIGHT 1000u
#define STREAMS 1000u

static char payload[PAYLOAD];
static int64_t run_ns = 2 * NS_PER_S;

struct bench {
	struct disk *disk;
	struct store *store;
	struct doorbell bell;
	struct stream *streams[STREAMS];
};

static void
bench_open(struct bench *b, int dir, enum journal_policy policy, unsigned streams)
{
	struct store_options o = store_options_default();
	struct err err;
	char name[20];

	if (doorbell_make(&b->bell, &err) != 0)
		errx(1, "%s", err.text);
	o.journal.policy = policy;
	o.done = b->bell;
	b->disk = disk_posix(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	b->store = store_open(b->disk, &o, &err);
	if (b->store == NULL)
		errx(1, "%s", err.text);
	for (unsigned i = 0; i < streams; i++) {
		struct stream_config c = { .account = STR("BENCH"), .created = 1 };

		snprintf(name, sizeof(name), "%d.%u", (int)policy, i);
		c.name = str_of(name);
		if (stream_create(b->store, &c, &b->streams[i], &err) != STORE_OK)
			errx(1, "%s", err.text);
	}
	if (store_wait(b->store, &err) != STORE_OK)
		errx(1, "%s", err.text);
}

static void
bench_close(struct bench *b, unsigned streams)
{
	struct err err;

	for (unsigned i = 0; i < streams; i++)
		(void)stream_delete(b->streams[i], &err);
	if (store_close(b->store, &err) != 0)
		errx(1, "%s", err.text);
	disk_free(b->disk);
	doorbell_close(&b->bell);
}

#define LOOK_NS (150 * NS_PER_US)

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

/* Appends with so many on their way at once; the checkpoints it takes are part of it.  Records/s. */
static double
append(struct bench *b, unsigned streams, unsigned in_flight, double *cpu_us)
{
	uint64_t done = 0, sent = 0, acked = 0;
	unsigned counts[JOURNAL_STAGES] = { 0 }, n;
	struct mono start = mono_now();
	struct rusage before, after;
	struct store_message m;
	struct err err;
	enum store_result r = STORE_OK;

	getrusage(RUSAGE_SELF, &before);
	done = store_done(b->store);
	while (mono_diff_ns(mono_now(), start) < run_ns) {
		store_turn(b->store, mono_now());
		for (n = 0; sent + n - acked < in_flight && r == STORE_OK;) {
			m = (struct store_message){ .subject = STR("bench.subject"), .time = 1,
				.payload = { .p = payload, .n = PAYLOAD } };
			r = stream_append(b->streams[(sent + n) % streams], &m, &err);
			if (r == STORE_OK)
				n++;
			else if (r != STORE_BUSY)
				errx(1, "%s", err.text);
		}
		r = STORE_OK;
		sent += n;
		if (n > 0)
			counts[store_submit(b->store) % JOURNAL_STAGES] = n;
		if (store_done(b->store) == done)
			sleep_on(b, done);
		for (; done < store_done(b->store); acked += counts[++done % JOURNAL_STAGES])
			;
	}
	getrusage(RUSAGE_SELF, &after);
	*cpu_us = ((double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1e6 +
	    (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec) +
	    (double)(after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1e6 +
	    (double)(after.ru_stime.tv_usec - before.ru_stime.tv_usec)) / (double)(acked + 1);
	return ((double)acked * 1e9 / (double)mono_diff_ns(mono_now(), start));
}

/* Overwrites n bytes at rising places of a file of zeros and syncs each time.  Commits/s. */
static double
bare(int dir, size_t n)
{
	static char zeros[1 << 20];
	int fd = openat(dir, "bare", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t size = 64u << 20, at = 0, pad = (n + 511) / 512 * 512;
	struct mono start;
	uint64_t count = 0;

	for (size_t i = 0; i < size; i += sizeof(zeros))
		if (pwrite(fd, zeros, sizeof(zeros), (off_t)i) < 0)
			err(1, "write");
	fdatasync(fd);
	for (start = mono_now(); mono_diff_ns(mono_now(), start) < run_ns; count++) {
		if (pwrite(fd, zeros, pad, (off_t)at) < 0 || fdatasync(fd) != 0)
			err(1, "write");
		at = at + 2 * pad > size ? 0 : at + pad;
	}
	close(fd);
	unlinkat(dir, "bare", 0);
	return ((double)count * 1e9 / (double)mono_diff_ns(mono_now(), start));
}

static void
row(const char *name, double natsd, double yardstick)
{
	printf("%s\t%.2f\t%.2f\t%.3f\n", name, natsd, yardstick,
	    yardstick == 0 ? 0 : natsd / yardstick);
	fflush(stdout);
}

static void
reads(struct bench *b)
{
	struct stream_filter *all = stream_filter_new(b->streams[0], NULL, 0);
	struct stream_state st;
	struct store_message m;
	struct mono start;
	uint64_t n = 0, seq = 0;
	struct err err;

	if (store_checkpoint(b->store, &err) != STORE_OK)
		errx(1, "%s", err.text);
	stream_state(b->streams[0], &st);
	start = mono_now();
	for (; n < 2000000 && stream_next(all, seq, &m, &err) == STORE_OK; n++)
		seq = m.seq + 1;
	row("sequential read, messages/s", (double)n * 1e9 / (double)mono_diff_ns(mono_now(), start),
	    0);
	start = mono_now();
	for (n = 0; n < 200000; n++)
		if (stream_load(b->streams[0], st.first_seq + n * 7919 % st.messages, &m, &err) !=
		    STORE_OK)
			errx(1, "%s", err.text);
	row("random load, us", (double)mono_diff_ns(mono_now(), start) / 1e3 / (double)n, 0);
	stream_filter_free(all);
}

int
main(int argc, char *argv[])
{
	int dir = argc < 2 ? -1 : open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	double rate, cpu, loop;
	struct bench b;

	if (dir < 0)
		errx(1, "usage: bench_store <directory> [seconds]");
	if (argc > 2)
		run_ns = strtol(argv[2], NULL, 10) * NS_PER_S;
	loop = bare(dir, 512);
	bench_open(&b, dir, JOURNAL_DURABLE, 1);
	rate = append(&b, 1, 1, &cpu);
	row("durable append, one in flight, /s", rate, loop);
	loop = bare(dir, IN_FLIGHT * 240);
	rate = append(&b, 1, IN_FLIGHT, &cpu);
	row("durable append, 1,000 in flight, commits/s", rate / IN_FLIGHT, loop);
	row("the same, us of CPU a record", cpu, 0);
	reads(&b);
	bench_close(&b, 1);
	bench_open(&b, dir, JOURNAL_DURABLE, STREAMS);
	row("the same over 1,000 streams, records/s", append(&b, STREAMS, IN_FLIGHT, &cpu), rate);
	bench_close(&b, STREAMS);
	bench_open(&b, dir, JOURNAL_INTERVAL, 1);
	rate = append(&b, 1, IN_FLIGHT, &cpu);
	row("append with sync_interval, records/s", rate, 0);
	row("the same, us of CPU a record", cpu, 0);
	bench_close(&b, 1);
	bench_open(&b, dir, JOURNAL_NONE, 1);
	row("volatile append, records/s", append(&b, 1, IN_FLIGHT, &cpu), 0);
	bench_close(&b, 1);
	close(dir);
	return (0);
}
