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
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/bench/bench_store.h"

#define BUDGET (64u << 20)

char bench_payload[BENCH_PAYLOAD];
const char *bench_top;
int bench_dir;

void
bench_row(const char *name, double value, double yardstick)
{
	printf("%s\t%.3f", name, value);
	if (yardstick > 0)
		printf("\t%.3f", yardstick);
	printf("\n");
	fflush(stdout);
}

/* ---- a disk that counts ---- */

static struct disk_ops counting;
static ssize_t (*real_pread)(struct disk *, int, void *, size_t, uint64_t);
static int (*real_sync)(struct disk *, int);
static _Atomic uint64_t preads, syncs;

static ssize_t
counted_pread(struct disk *disk, int handle, void *to, size_t n, uint64_t at)
{
	atomic_fetch_add_explicit(&preads, 1, memory_order_relaxed);
	return (real_pread(disk, handle, to, n, at));
}

static int
counted_sync(struct disk *disk, int handle)
{
	atomic_fetch_add_explicit(&syncs, 1, memory_order_relaxed);
	return (real_sync(disk, handle));
}

uint64_t
bench_reads(void)
{
	return (atomic_exchange(&preads, 0));
}

uint64_t
bench_syncs(void)
{
	return (atomic_exchange(&syncs, 0));
}

static struct disk *
disk_counting(void)
{
	struct disk *disk = disk_posix(openat(bench_dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	if (disk == NULL)
		errx(1, "out of memory");
	counting = *disk->ops;
	real_pread = counting.pread;
	counting.pread = counted_pread;
	real_sync = counting.sync;
	counting.sync = counted_sync;
	disk->ops = &counting;
	return (disk);
}

/* ---- the store ---- */

void
bench_open(struct bench *b, enum journal_policy policy, bool index)
{
	struct store_options o = store_options_default();
	char path[512];
	struct err err;

	memset(b, 0, sizeof(*b));
	if (doorbell_make(&b->bell, &err) != 0)
		errx(1, "%s", err.text);
	snprintf(path, sizeof(path), "%s/index", bench_top);
	o.journal.policy = policy;
	o.done = b->bell;
	if (index) { /* the share of a budget of 64 MiB */
		o.index = path;
		o.write_cache = BUDGET / 4;
		o.subject_cache = BUDGET / 8;
		o.read_cache = BUDGET / 8;
	}
	b->disk = disk_counting();
	b->store = store_open(b->disk, &o, &err);
	if (b->store == NULL)
		errx(1, "%s", err.text);
}

void
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

void
bench_close(struct bench *b)
{
	struct err err;

	for (unsigned i = 0; i < b->count;)
		if (stream_delete(b->streams[i], &err) == STORE_OK)
			i++;
		else if (store_checkpoint(b->store, &err) != STORE_OK)
			errx(1, "%s", err.text);
	if (store_close(b->store, &err) != 0)
		errx(1, "%s", err.text);
	disk_free(b->disk);
	doorbell_close(&b->bell);
}

/* ---- what it takes ---- */

double
bench_cpu_us(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return ((double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
	    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec));
}

double
bench_memory_mib(void)
{
	FILE *f = fopen("/proc/self/status", "re");
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

/* ---- what is asked for ---- */

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
	static const struct {
		const char *name;
		void (*run)(void);
	} plain[] = {
		{ "one", bench_one_in_flight },
		{ "many", bench_many_in_flight },
		{ "large-records", bench_large_records },
		{ "interval", bench_interval },
		{ "volatile", bench_volatile },
		{ "open", bench_open_it },
		{ "cold", bench_cold },
		{ "care", bench_care },
		{ "open-empty", bench_open_empty },
	};
	const char *what = argc < 3 ? "" : argv[2];

	bench_top = argc < 3 ? "." : argv[1];
	bench_dir = open(bench_top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (argc < 3 || bench_dir < 0)
		errx(1, "usage: bench_store <directory> <what> [number...]");
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		if (strcmp(what, plain[i].name) == 0) {
			plain[i].run();
			return (0);
		}
	if (strcmp(what, "build") == 0)
		bench_build(number(argc, argv, 3), number(argc, argv, 4),
		    number(argc, argv, 5) != 0 ? BENCH_STOPPED : BENCH_KILLED);
	else if (strcmp(what, "reads") == 0)
		bench_read_it(number(argc, argv, 3));
	else if (strcmp(what, "empty") == 0)
		bench_empty((unsigned)number(argc, argv, 3));
	else
		errx(1, "%s is not known", what);
	return (0);
}
