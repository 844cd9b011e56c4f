/*
 * How fast messages become durable, beside a bare loop of overwrite and fdatasync in the same directory.
 *
 * The two take turns of a tenth of a second: a disk that is slow for a while is slow for both.
 */
#include "config.h"

#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench_store.h"

#define IN_FLIGHT 1000u
#define A_TURN 125u /* messages, then it submits: the next are put while those are written */
#define SLICES 10u
#define SLICE_NS (NS_PER_S / SLICES)
#define SAMPLES_MAX 400000u
#define RECORD_PLACE 224u /* a message of 128 bytes in the journal */
#define BARE_BYTES (64u << 20)

/* What a series of slices took. */
struct series {
	double ns, cpu_us;
	uint64_t records, commits;
	double *times; /* us, of each commit; NULL: not wanted */
	size_t count;
};

static void
series_time(struct series *s, double us)
{
	if (s->times != NULL && s->count < SAMPLES_MAX)
		s->times[s->count++] = us;
}

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return ((*x > *y) - (*x < *y));
}

static double
series_median(struct series *s)
{
	if (s->count == 0)
		errx(1, "nothing was measured");
	qsort(s->times, s->count, sizeof(*s->times), by_value);
	return (s->times[s->count / 2]);
}

static double
per_second(const struct series *s, uint64_t n)
{
	return ((double)n * 1e9 / s->ns);
}

static double *
times_new(void)
{
	double *times = calloc(SAMPLES_MAX, sizeof(*times));

	if (times == NULL)
		errx(1, "out of memory");
	return (times);
}

/* ---- the store ---- */

/* An owner that looked instead would keep the processor from the thread that it waits for. */
static void
sleep_on(struct bench *b)
{
	struct pollfd fd = { .fd = b->bell.wait, .events = POLLIN };

	(void)poll(&fd, 1, 100);
	doorbell_clear(&b->bell);
}

struct load {
	unsigned in_flight;
	size_t bytes; /* of the payload */
};

/* Fills what may be in flight; how many that were. */
static unsigned
append_some(struct bench *b, const struct load *load, uint64_t sent, uint64_t acked)
{
	unsigned n = 0;
	struct store_message m;
	enum store_result r;
	struct err err;

	for (; sent + n - acked < load->in_flight && n < A_TURN; n++) {
		m = (struct store_message){ .subject = STR("bench.subject"), .time = 1,
			.payload = { .p = bench_payload, .n = load->bytes } };
		r = stream_append(b->streams[(sent + n) % b->count], &m, &err);
		if (r == STORE_BUSY)
			break;
		if (r != STORE_OK)
			errx(1, "%s", err.text);
	}
	return (n);
}

/* Appends for a slice with so many on their way, and waits for the last; checkpoints run beside it. */
static void
append_slice(struct bench *b, const struct load *load, struct series *s)
{
	uint64_t done = store_done(b->store), sent = 0, acked = 0;
	unsigned counts[JOURNAL_STAGES] = { 0 }, n;
	struct mono start = mono_now(), at;
	double cpu = bench_cpu_us();
	bool ends = false;

	(void)bench_syncs();
	while (!ends || acked < sent) {
		store_turn(b->store, mono_now());
		at = mono_now();
		ends = mono_diff_ns(at, start) >= SLICE_NS;
		n = ends ? 0 : append_some(b, load, sent, acked);
		sent += n;
		if (n > 0)
			counts[(load->in_flight == 1 ? store_submit_here(b->store) :
			    store_submit(b->store)) % JOURNAL_STAGES] = n;
		if (store_done(b->store) == done && acked < sent &&
		    (ends || n == 0 || sent - acked >= load->in_flight))
			sleep_on(b);
		for (; done < store_done(b->store); acked += counts[++done % JOURNAL_STAGES])
			;
		if (load->in_flight == 1 && n > 0 && acked == sent)
			series_time(s, (double)mono_diff_ns(mono_now(), at) / 1e3);
	}
	s->ns += (double)mono_diff_ns(mono_now(), start);
	s->cpu_us += bench_cpu_us() - cpu;
	s->records += acked;
	s->commits += bench_syncs(); /* those of a checkpoint are few */
}

/* Until each segment of the journal has been written once: what comes then is how it stays. */
static void
warm_up(struct bench *b, const struct load *load)
{
	struct journal_options o = store_options_default().journal;
	uint64_t want = (uint64_t)o.segments * o.segment_bytes, most = want / (load->bytes + 96);
	struct series s = { .ns = 0 };

	while (s.records < most)
		append_slice(b, load, &s);
}

/* ---- the yardstick ---- */

struct bare {
	int fd;
	size_t at;
};

static struct bare
bare_open(void)
{
	static char zeros[1 << 20];
	struct bare b = { .fd = openat(bench_dir, "bare", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) };

	for (size_t i = 0; i < BARE_BYTES; i += sizeof(zeros))
		if (pwrite(b.fd, zeros, sizeof(zeros), (off_t)i) < 0)
			err(1, "write");
	if (fdatasync(b.fd) != 0)
		err(1, "sync");
	return (b);
}

static void
bare_close(struct bare *b)
{
	close(b->fd);
	unlinkat(bench_dir, "bare", 0);
}

/* Overwrites n bytes at rising places of a file of zeros and syncs each time. */
static void
bare_slice(struct bare *b, size_t n, struct series *s)
{
	static char bytes[1 << 20];
	size_t pad = (n + 511) / 512 * 512;
	struct mono start = mono_now(), one;

	if (pad > sizeof(bytes))
		pad = sizeof(bytes);
	while (mono_diff_ns(mono_now(), start) < SLICE_NS) {
		one = mono_now();
		if (pwrite(b->fd, bytes, pad, (off_t)b->at) < 0 || fdatasync(b->fd) != 0)
			err(1, "write");
		series_time(s, (double)mono_diff_ns(mono_now(), one) / 1e3);
		s->commits++;
		b->at = b->at + 2 * pad > BARE_BYTES ? 0 : b->at + pad;
	}
	s->ns += (double)mono_diff_ns(mono_now(), start);
}

/* ---- rows ---- */

void
bench_one_in_flight(void)
{
	struct load load = { .in_flight = 1, .bytes = 128 };
	struct series ours = { .times = times_new() }, theirs = { .times = times_new() };
	struct bare bare = bare_open();
	struct bench b;

	bench_open(&b, JOURNAL_DURABLE, false);
	bench_streams(&b, 1);
	for (unsigned i = 0; i < SLICES; i++) {
		append_slice(&b, &load, &ours);
		bare_slice(&bare, 512, &theirs);
	}
	bench_row("durable append, one in flight, p50 us", series_median(&ours),
	    series_median(&theirs));
	bench_close(&b);
	bare_close(&bare);
	free(ours.times);
	free(theirs.times);
}

void
bench_many_in_flight(void)
{
	struct load load = { .in_flight = IN_FLIGHT, .bytes = 128 };
	struct series one = { .ns = 0 }, many = { .ns = 0 }, loop = { .ns = 0 };
	struct bare bare = bare_open();
	struct bench b;

	bench_open(&b, JOURNAL_DURABLE, false);
	bench_streams(&b, 1);
	for (unsigned i = 0; i < SLICES; i++) {
		append_slice(&b, &load, &one);
		bare_slice(&bare, (size_t)(one.records / one.commits * RECORD_PLACE), &loop);
	}
	bench_row("durable append, 1,000 in flight, commits/s", per_second(&one, one.commits),
	    per_second(&loop, loop.commits));
	bench_row("durable append, 1,000 in flight, records/s", per_second(&one, one.records),
	    per_second(&loop, loop.commits));
	bench_close(&b);
	bench_open(&b, JOURNAL_DURABLE, false);
	bench_streams(&b, BENCH_STREAMS);
	for (unsigned i = 0; i < SLICES; i++)
		append_slice(&b, &load, &many);
	bench_row("the same over 1,000 streams, records/s", per_second(&many, many.records),
	    per_second(&one, one.records));
	bench_close(&b);
	bare_close(&bare);
}

/* ---- large records, which go to their blocks at once ---- */

#define LARGE_IN_FLIGHT 32u

/* So many bytes appended to a file that grows, and synced, each time. */
static void
bare_append_slice(struct bare *b, size_t n, struct series *s)
{
	struct mono start = mono_now();

	for (; mono_diff_ns(mono_now(), start) < SLICE_NS; s->records += n / BENCH_PAYLOAD) {
		for (size_t left = n, part; left > 0; left -= part, b->at += part) {
			part = left < BENCH_PAYLOAD ? left : BENCH_PAYLOAD;
			if (pwrite(b->fd, bench_payload, part, (off_t)b->at) != (ssize_t)part)
				err(1, "write");
		}
		if (fdatasync(b->fd) != 0)
			err(1, "sync");
		if (b->at > BARE_BYTES && ftruncate(b->fd, 0) == 0)
			b->at = 0;
	}
	s->ns += (double)mono_diff_ns(mono_now(), start);
}

static double
mib_per_second(const struct series *s)
{
	return (per_second(s, s->records) * BENCH_PAYLOAD / (1 << 20));
}

/* Bytes that this process has written, to whatever. */
static double
written(void)
{
	FILE *f = fopen("/proc/self/io", "re");
	unsigned long long n = 0;
	char line[100];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "wchar: %llu", &n) == 1)
			break;
	if (f != NULL)
		fclose(f);
	return ((double)n);
}

static double
large_of(struct bench *b, unsigned in_flight, const char *name)
{
	struct load load = { .in_flight = in_flight, .bytes = BENCH_PAYLOAD };
	struct series ours = { .ns = 0 }, theirs = { .ns = 0 };
	struct bare bare = bare_open();
	double before, beside = 0;

	for (unsigned i = 0; i < SLICES; i++) {
		before = written();
		append_slice(b, &load, &ours);
		beside += written() - before;
		bare_append_slice(&bare, in_flight * (size_t)BENCH_PAYLOAD, &theirs);
	}
	bench_row(name, mib_per_second(&ours), mib_per_second(&theirs));
	bare_close(&bare);
	return (beside / (double)ours.records - BENCH_PAYLOAD);
}

void
bench_large_records(void)
{
	struct bench b;
	struct err err;

	bench_open(&b, JOURNAL_DURABLE, false);
	bench_streams(&b, 1);
	if (store_checkpoint(b.store, &err) != STORE_OK) /* it has a folder */
		errx(1, "%s", err.text);
	(void)large_of(&b, 1, "durable append of 256 KiB, one in flight, MiB/s");
	bench_row("the same, bytes written beside each record",
	    large_of(&b, LARGE_IN_FLIGHT, "durable append of 256 KiB, 32 in flight, MiB/s"), 0);
	bench_close(&b);
}

/* ---- not synced ---- */

/* The same bytes twice, without a store: over a file that is there, and to the end of one that grows. */
struct writing {
	int over, grows;
	size_t at;
	char *bytes;
};

static void
writing_slice(struct writing *w, size_t at_once, struct series *s)
{
	double cpu = bench_cpu_us();
	struct mono start = mono_now();

	for (; mono_diff_ns(mono_now(), start) < SLICE_NS / 4; s->records += IN_FLIGHT) {
		if (pwrite(w->over, w->bytes, at_once, (off_t)(w->at % BARE_BYTES)) < 0 ||
		    pwrite(w->grows, w->bytes, at_once, (off_t)w->at) < 0)
			err(1, "write");
		w->at += at_once;
	}
	if (fdatasync(w->over) != 0 || fdatasync(w->grows) != 0)
		err(1, "sync");
	s->cpu_us += bench_cpu_us() - cpu;
}

static void
interval_of(size_t bytes, const char *name)
{
	struct writing w = { .bytes = calloc(IN_FLIGHT, bytes + 96),
		.over = openat(bench_dir, "over", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600),
		.grows = openat(bench_dir, "grows", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) };
	struct load load = { .in_flight = IN_FLIGHT, .bytes = bytes };
	struct series s = { .ns = 0 }, yard = { .ns = 0 };
	struct bench b;

	if (w.bytes == NULL || w.over < 0 || w.grows < 0)
		err(1, "yardstick");
	bench_open(&b, JOURNAL_INTERVAL, false);
	bench_streams(&b, 1);
	warm_up(&b, &load);
	for (unsigned i = 0; i < SLICES; i++) {
		append_slice(&b, &load, &s);
		writing_slice(&w, IN_FLIGHT * (bytes + 96), &yard);
	}
	bench_row(name, s.cpu_us / (double)s.records, yard.cpu_us / (double)yard.records);
	bench_close(&b);
	free(w.bytes);
	close(w.over);
	close(w.grows);
	unlinkat(bench_dir, "over", 0);
	unlinkat(bench_dir, "grows", 0);
}

void
bench_interval(void)
{
	interval_of(128, "append with sync_interval, 128 B, CPU us");
	interval_of(1024, "append with sync_interval, 1 KiB, CPU us");
}

void
bench_volatile(void)
{
	struct load load = { .in_flight = IN_FLIGHT, .bytes = 128 };
	struct series s = { .ns = 0 };
	struct bench b;

	bench_open(&b, JOURNAL_NONE, false);
	bench_streams(&b, 1);
	for (unsigned i = 0; i < SLICES; i++)
		append_slice(&b, &load, &s);
	bench_row("volatile append, 128 B, records/s", per_second(&s, s.records), 0);
	bench_close(&b);
}
