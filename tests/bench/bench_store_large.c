/*
 * One stream with many messages and subjects: built, opened, read, cared for; and many streams with none.
 */
#include "config.h"

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench_store.h"

#define LOOK_EACH 20000u   /* messages, until the memory is looked at */
#define LOOKUPS 200000u
#define COLD_LOADS 2000u
#define REMOVED_OF 450000u /* two of three of the first messages, for blocks to become sparse */

static struct str
subject_of(uint64_t n, char *text)
{
	return ((struct str){ .p = text,
	    .n = (size_t)snprintf(text, 40, "orders.%" PRIu64 ".new", n) });
}

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

static void
look(double *most)
{
	double now = bench_memory_mib();

	*most = now > *most ? now : *most;
}

static uint64_t
next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return (*x);
}

static int
by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return ((*x > *y) - (*x < *y));
}

/* ---- built ---- */

/* Every 1,000th message has the subject `rare`, the others one of so many. */
void
bench_build(uint64_t messages, uint64_t subjects, enum bench_stop stop)
{
	double most = 0, cpu = bench_cpu_us();
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
			.payload = { .p = bench_payload, .n = 128 } };
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
		if (i % LOOK_EACH == 0)
			look(&most);
	}
	if (store_wait(b.store, &err) != STORE_OK)
		errx(1, "%s", err.text);
	bench_row("append with an index, messages/s",
	    (double)messages * 1e9 / (double)mono_diff_ns(mono_now(), start), 0);
	bench_row("append with an index, CPU us", (bench_cpu_us() - cpu) / (double)messages, 0);
	look(&most);
	bench_row("memory during append, MiB", most, 0);
	if (stop == BENCH_KILLED)
		_exit(0);
	b.count = 0;
	bench_close(&b);
}

/* ---- opened ---- */

void
bench_open_it(void)
{
	struct mono start = mono_now();
	struct stream_state st;
	struct store_message m;
	struct bench b;
	struct err err;
	double most = 0;

	bench_open(&b, JOURNAL_DURABLE, true);
	stream_state(only_stream(&b), &st);
	if (stream_load(only_stream(&b), st.last_seq, &m, &err) != STORE_OK)
		errx(1, "%s", err.text);
	bench_row("opening, ms", (double)mono_diff_ns(mono_now(), start) / 1e6, 0);
	look(&most);
	bench_row("memory after opening, MiB", most, 0);
	store_abandon(b.store);
}

/* ---- read ---- */

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
	bench_row(name, (double)count * 1e9 / (double)mono_diff_ns(mono_now(), start), 0);
	printf("%s, us a match\t%.3f\n", name,
	    (double)mono_diff_ns(mono_now(), start) / 1e3 / (double)(count + 1));
	stream_filter_free(f);
}

static void
random_loads(struct stream *s, uint64_t *x)
{
	struct mono start = mono_now();
	struct stream_state st;
	struct store_message m;
	struct err err;

	stream_state(s, &st);
	for (unsigned i = 0; i < LOOKUPS; i++)
		if (stream_load(s, st.first_seq + next_random(x) % st.messages, &m, &err) !=
		    STORE_OK)
			errx(1, "%s", err.text);
	bench_row("random load, warm, us",
	    (double)mono_diff_ns(mono_now(), start) / 1e3 / (double)LOOKUPS, 0);
}

/* Twice: the first round also brings the index into the page cache. */
static void
lasts(struct bench *b, struct stream *s, uint64_t subjects, uint64_t *x, double *most)
{
	static double times[LOOKUPS];
	struct mono start = mono_now(), one;
	struct store_message m;
	struct err err;
	char text[40];

	for (unsigned round = 0; round < 2; round++) {
		start = mono_now();
		for (unsigned i = 0; i < LOOKUPS; i++) {
			one = mono_now();
			if (stream_last(s, subject_of(next_random(x) % subjects, text), UINT64_MAX,
				&m, &err) > STORE_NONE)
				errx(1, "%s", err.text);
			times[i] = (double)mono_diff_ns(mono_now(), one) / 1e3;
			if (i % 1000 == 0)
				store_turn(b->store, mono_now());
			if (i % LOOK_EACH == 0)
				look(most);
		}
	}
	bench_row("last by subject, us",
	    (double)mono_diff_ns(mono_now(), start) / 1e3 / (double)LOOKUPS, 0);
	qsort(times, LOOKUPS, sizeof(*times), by_value);
	bench_row("last by subject, p99 us", times[LOOKUPS * 99 / 100], 0);
}

void
bench_read_it(uint64_t subjects)
{
	uint64_t x = 88172645463325252u;
	struct stream *s;
	struct bench b;
	double most = 0;

	bench_open(&b, JOURNAL_DURABLE, true);
	s = only_stream(&b);
	sequential(s, "sequential read, all, messages/s", NULL, 0);
	look(&most);
	sequential(s, "sequential read, 1 in 1,000, messages/s", &STR("rare"), 1);
	look(&most);
	random_loads(s, &x);
	lasts(&b, s, subjects, &x, &most);
	look(&most);
	bench_row("memory during reads, MiB", most, 0);
	store_abandon(b.store);
}

/* ---- read, and nothing of it is in memory ---- */

/* The page cache forgets all files beneath the directory. */
static void
forget_files(int dir)
{
	DIR *d = fdopendir(dir);
	struct dirent *e;
	int fd;

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		fd = openat(dirfd(d), e->d_name, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && e->d_type == DT_DIR) {
			forget_files(fd);
		} else if (fd >= 0) {
			(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
			close(fd);
		}
	}
	if (d != NULL)
		closedir(d);
}

void
bench_cold(void)
{
	static double times[COLD_LOADS];
	uint64_t x = 88172645463325252u;
	struct stream_state st;
	struct store_message m;
	struct mono one;
	struct bench b;
	struct err err;

	bench_open(&b, JOURNAL_DURABLE, true);
	stream_state(only_stream(&b), &st);
	/* The first round also learns of each block where its messages are. */
	for (unsigned round = 0; round < 2; round++) {
		forget_files(openat(bench_dir, "natsd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
		(void)bench_reads();
		for (unsigned i = 0; i < COLD_LOADS; i++) {
			one = mono_now();
			if (stream_load(only_stream(&b), st.first_seq +
				next_random(&x) % st.messages, &m, &err) != STORE_OK)
				errx(1, "%s", err.text);
			times[i] = (double)mono_diff_ns(mono_now(), one) / 1e3;
		}
		bench_row(round == 0 ? "random load, cold, of blocks not seen yet, reads" :
		    "random load, cold, reads", (double)bench_reads() / COLD_LOADS, 0);
	}
	qsort(times, COLD_LOADS, sizeof(*times), by_value);
	bench_row("random load, cold, p50 us", times[COLD_LOADS / 2], 0);
	store_abandon(b.store);
}

/* ---- cared for ---- */

/* Turns of a clock that runs fast, until each block had its turn. */
static void
care_round(struct bench *b, struct mono *now, double *most)
{
	struct stream_state st;

	stream_state(only_stream(b), &st);
	for (uint64_t i = 0; i < 2 * st.blocks + 10; i++) {
		*now = mono_add_ms(*now, 1500);
		store_turn(b->store, *now);
		look(most);
	}
}

static void
remove_some(struct bench *b, double *most)
{
	struct stream *s = only_stream(b);
	enum store_result r;
	struct err err;

	for (uint64_t seq = 1; seq <= REMOVED_OF;) {
		r = seq % 3 == 0 ? STORE_NONE : stream_remove(s, seq, &err);
		if (r != STORE_OK && r != STORE_BUSY && r != STORE_NONE)
			errx(1, "%s", err.text);
		seq += r != STORE_BUSY;
		if (r != STORE_BUSY && seq % 1000 != 0)
			continue;
		store_submit(b->store);
		store_turn(b->store, mono_now());
		if (r == STORE_BUSY)
			usleep(200);
		if (seq % LOOK_EACH == 0)
			look(most);
	}
	if (store_checkpoint(b->store, &err) != STORE_OK)
		errx(1, "%s", err.text);
	look(most);
}

void
bench_care(void)
{
	struct mono now = mono_now();
	double scrub = 0, removing = 0, rewriting = 0;
	struct stream_state before, after;
	struct bench b;

	bench_open(&b, JOURNAL_DURABLE, true);
	care_round(&b, &now, &scrub);
	bench_row("memory during scrubbing, MiB", scrub, 0);
	remove_some(&b, &removing);
	bench_row("memory during removal, MiB", removing, 0);
	stream_state(only_stream(&b), &before);
	care_round(&b, &now, &rewriting);
	stream_state(only_stream(&b), &after);
	if (before.messages != after.messages)
		errx(1, "messages went");
	bench_row("memory during compaction, MiB", rewriting, 0);
	store_abandon(b.store);
}

/* ---- many streams ---- */

void
bench_empty(unsigned count)
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

void
bench_open_empty(void)
{
	double before = bench_memory_mib();
	struct mono start = mono_now();
	struct bench b;

	bench_open(&b, JOURNAL_DURABLE, true);
	bench_row("opening, ms", (double)mono_diff_ns(mono_now(), start) / 1e6, 0);
	bench_row("memory, MiB", bench_memory_mib() - before, 0);
	store_abandon(b.store);
}
