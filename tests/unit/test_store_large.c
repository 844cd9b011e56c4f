/*
 * Large records: only their heads are in the journal, their bytes lie in the block at once, and what
 * cannot be written was never stored.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/disk_faulty.h"
#include "common/disk_memory.h"
#include "natsd-js/store/store.h"
#include "tests/unit/seed.h"
#include "tests/unit/unit.h"

#define LARGE (256u << 10)
#define SMALL 100u

static unsigned reports;
static char last_report[256];

static void
report(void *arg, bool damage, const char *text)
{
	(void)arg;
	if (!damage)
		return;
	reports++;
	snprintf(last_report, sizeof(last_report), "%s", text);
}

static struct store_options
options(void)
{
	struct store_options o = store_options_default();

	o.journal.segment_bytes = 64u << 10;
	o.journal.segments = 6;
	o.block_bytes = 1u << 20;
	o.thread = false;
	o.report = report;
	o.write_age_ns = 3600 * NS_PER_S;
	return (o);
}

static struct store *
open_as(struct disk *d, const struct store_options *o)
{
	struct store *store;
	struct err err;

	reports = 0;
	store = store_open(d, o, &err);
	if (store == NULL)
		ck_abort_msg("%s", err.text);
	return (store);
}

static struct store *
open_store(struct disk *d)
{
	struct store_options o = options();

	return (open_as(d, &o));
}

static void
wait(struct store *store)
{
	struct err err;

	if (store_wait(store, &err) != STORE_OK)
		ck_abort_msg("%s", err.text);
}

static void
checkpoint(struct store *store)
{
	struct err err;

	if (store_checkpoint(store, &err) != STORE_OK)
		ck_abort_msg("%s", err.text);
}

static struct stream *
make(struct store *store, const char *name)
{
	struct stream_config c = { .account = STR("A"), .name = str_of(name), .created = 1 };
	struct stream *s;

	ck_assert(stream_create(store, &c, &s, NULL) == STORE_OK);
	checkpoint(store); /* it has a folder */
	return (s);
}

static struct stream *
find(struct store *store, const char *name)
{
	struct stream *s = stream_find(store, STR("A"), str_of(name));

	ck_assert_ptr_nonnull(s);
	return (s);
}

/* The payload of sequence seq, of n bytes: it names itself all over. */
static struct str
payload(uint64_t seq, size_t n)
{
	static char memory[4u << 20];

	memset(memory, (int)('a' + seq % 26), n);
	for (size_t i = 0; i + 16 <= n; i += 1000)
		memcpy(memory + i, &seq, sizeof(seq));
	return ((struct str){ .p = memory, .n = n });
}

static enum store_result
put(struct stream *s, uint64_t seq, size_t n)
{
	struct store_message m = { .subject = STR("large.one"), .payload = payload(seq, n),
		.time = 1000 };
	enum store_result result = stream_append(s, &m, NULL);

	if (result == STORE_OK)
		ck_assert_uint_eq(m.seq, seq);
	return (result);
}

static bool
is_there(struct stream *s, uint64_t seq, size_t n)
{
	struct store_message m;

	if (stream_load(s, seq, &m, NULL) != STORE_OK || m.payload.n != n)
		return (false);
	ck_assert(str_eq(m.payload, payload(seq, n)));
	return (true);
}

/* ---- where the bytes are ---- */

struct looking {
	const char *kind; /* of file */
	uint64_t seq;
	unsigned found;
	uint64_t bytes;
};

static void
look(void *arg, const char *path, uint8_t *data, size_t n)
{
	struct looking *x = arg;
	char text[16];

	if (strstr(path, x->kind) == NULL)
		return;
	memset(text, (int)('a' + x->seq % 26), sizeof(text));
	memcpy(text, &x->seq, sizeof(x->seq));
	for (size_t i = 0; i + sizeof(text) <= n; i++)
		x->found += memcmp(data + i, text, sizeof(text)) == 0;
	x->bytes += n;
}

static unsigned
lies_in(struct disk *d, const char *kind, uint64_t seq)
{
	struct looking x = { .kind = kind, .seq = seq };

	disk_memory_each(d, look, &x);
	return (x.found);
}

/* Before it is done, done, killed, in the file by a checkpoint, opened again. */
START_TEST(only_the_head_is_journalled)
{
	struct disk *d = disk_memory(64u << 20);
	struct store *store = open_store(d);
	struct stream *s = make(store, "S");

	ck_assert(put(s, 1, SMALL) == STORE_OK);
	ck_assert(put(s, 2, LARGE) == STORE_OK);
	ck_assert(put(s, 3, SMALL) == STORE_OK);
	ck_assert(is_there(s, 1, SMALL) && is_there(s, 2, LARGE) && is_there(s, 3, SMALL));
	wait(store);
	ck_assert(is_there(s, 1, SMALL) && is_there(s, 2, LARGE) && is_there(s, 3, SMALL));
	ck_assert_uint_gt(lies_in(d, ".jnl", 1), 0);
	ck_assert_uint_eq(lies_in(d, ".jnl", 2), 0);
	ck_assert_uint_eq(lies_in(d, ".blk", 1), 0);
	ck_assert_uint_gt(lies_in(d, ".blk", 2), 100);
	for (unsigned life = 0; life < 3; life++) {
		if (life == 2)
			checkpoint(store);
		store_abandon(store);
		store = open_store(d);
		s = find(store, "S");
		ck_assert(is_there(s, 1, SMALL) && is_there(s, 2, LARGE) && is_there(s, 3, SMALL));
		ck_assert_uint_eq(reports, 0);
	}
	ck_assert(put(s, 4, LARGE) == STORE_OK);
	wait(store);
	checkpoint(store);
	ck_assert(is_there(s, 2, LARGE) && is_there(s, 4, LARGE));
	ck_assert_uint_gt(lies_in(d, ".blk", 1), 0);
	ck_assert_int_eq(store_close(store, NULL), 0);
	store = open_store(d);
	s = find(store, "S");
	ck_assert(is_there(s, 1, SMALL) && is_there(s, 2, LARGE) && is_there(s, 4, LARGE));
	store_abandon(store);
	disk_free(d);
}
END_TEST

/* More than a segment of the journal holds. */
START_TEST(larger_than_the_journal)
{
	struct disk *d = disk_memory(64u << 20);
	struct store *store = open_store(d);
	struct stream_config c = { .account = STR("A"), .name = STR("S"), .created = 1 };
	struct stream *s;

	ck_assert(stream_create(store, &c, &s, NULL) == STORE_OK);
	ck_assert(put(s, 1, 3u << 20) == STORE_BUSY); /* there is no folder */
	wait(store);
	ck_assert(store_wants_checkpoint(store));
	checkpoint(store);
	ck_assert(put(s, 1, 3u << 20) == STORE_OK);
	wait(store);
	ck_assert(put(s, 2, SMALL) == STORE_OK);
	wait(store);
	store_abandon(store);
	store = open_store(d);
	s = find(store, "S");
	ck_assert(is_there(s, 1, 3u << 20) && is_there(s, 2, SMALL));
	store_abandon(store);
	disk_free(d);
}
END_TEST

/* So much on its way that the next one has to wait. */
START_TEST(memory_is_bounded)
{
	struct disk *d = disk_memory(64u << 20);
	struct store_options o = options();
	struct store *store;
	struct stream *s;
	unsigned n = 0;

	o.write_cache = 4 * LARGE;
	store = open_as(d, &o);
	s = make(store, "S");
	while (n < 100 && put(s, n + 1, LARGE) == STORE_OK)
		n++;
	ck_assert_uint_le(n, 2);
	ck_assert(put(s, n + 1, SMALL) == STORE_OK);
	wait(store);
	ck_assert(put(s, n + 2, LARGE) == STORE_OK);
	wait(store);
	ck_assert(put(s, n + 3, LARGE) == STORE_OK);
	wait(store);
	/* What reading back would have to hold is bounded, too. */
	ck_assert(put(s, n + 4, LARGE) == STORE_OK);
	wait(store);
	ck_assert(store_wants_checkpoint(store));
	store_abandon(store);
	disk_free(d);
}
END_TEST

/* ---- what cannot be written ---- */

static unsigned told_failed;

static void
told(void *arg, uint64_t first, uint64_t last, struct str subject, enum removal why)
{
	uint64_t *seq = arg;

	ck_assert(why == REMOVAL_FAILED);
	ck_assert(first == last && str_eq(subject, STR("large.one")));
	*seq = first;
	told_failed++;
}

/* Of a commit with another stream's change the large record alone fails.  _i: its writing, its sync. */
START_TEST(one_that_fails_was_never_there_faults_48_49)
{
	struct disk *below = disk_memory(64u << 20), *d = disk_faulty(below), *copy;
	struct fault_plan plan = { .what = FAULT_ERROR, .error = _i == 0 ? ENOSPC : EIO, .nth = 1,
		.kinds = 1u << (_i == 0 ? DISK_CALL_WRITE : DISK_CALL_SYNC) };
	const struct fault_plan none = { .what = FAULT_NONE };
	struct store *store = open_store(d);
	struct stream *s = make(store, "S"), *other = make(store, "other");
	struct stream_state st;
	uint64_t seq = 0;

	told_failed = 0;
	stream_tell(s, told, &seq);
	ck_assert(put(s, 1, LARGE) == STORE_OK);
	wait(store);
	disk_faulty_plan(d, &plan); /* the first call of the commit is that of the record */
	ck_assert(put(other, 1, SMALL) == STORE_OK);
	ck_assert(put(s, 2, LARGE) == STORE_OK);
	ck_assert(put(s, 3, SMALL) == STORE_OK);
	wait(store);
	ck_assert(disk_faulty_hit(d));
	disk_faulty_plan(d, &none);
	ck_assert_uint_eq(told_failed, 1);
	ck_assert_uint_eq(seq, 2);
	ck_assert(stream_fenced(s) != NULL && stream_fenced(other) == NULL);
	ck_assert(put(s, 4, SMALL) == STORE_FULL);
	ck_assert(put(other, 2, LARGE) == STORE_OK);
	wait(store);
	for (unsigned life = 0; life < 2; life++) {
		stream_state(s, &st);
		ck_assert_uint_eq(st.last_seq, 3);
		ck_assert_uint_eq(st.messages, 2);
		ck_assert_uint_eq(st.lost, 0);
		ck_assert(is_there(s, 1, LARGE) && !is_there(s, 2, LARGE) && is_there(s, 3, SMALL));
		ck_assert(is_there(other, 1, SMALL) && is_there(other, 2, LARGE));
		if (life == 1)
			break;
		copy = disk_memory_copy(below); /* a crash now */
		store_abandon(open_store(copy));
		ck_assert_uint_eq(reports, 0);
		disk_free(copy);
		checkpoint(store); /* heals, in a file of another number */
		ck_assert_ptr_null(stream_fenced(s));
		ck_assert(!disk_faulty_wrote_on(d));
		ck_assert_uint_eq(lies_in(below, "00000001.blk", 3), 0);
		ck_assert_uint_gt(lies_in(below, "00000002.blk", 3), 0);
		store_abandon(store);
		store = open_store(d);
		ck_assert_uint_eq(reports, 0);
		s = find(store, "S");
		other = find(store, "other");
	}
	ck_assert(put(s, 4, LARGE) == STORE_OK);
	wait(store);
	ck_assert(is_there(s, 4, LARGE));
	store_abandon(store);
	disk_free(d);
	disk_free(below);
}
END_TEST

/* The checkpoint that counts the record as stored is on its way when it fails. */
START_TEST(a_checkpoint_with_one_that_fails)
{
	struct disk *below = disk_memory(64u << 20), *d = disk_faulty(below);
	struct fault_plan plan = { .what = FAULT_ERROR, .error = EIO, .nth = 1,
		.kinds = 1u << DISK_CALL_WRITE };
	const struct fault_plan none = { .what = FAULT_NONE };
	struct store *store = open_store(d);
	struct stream *s = make(store, "S");
	struct mono later = mono_add_ms(mono_now(), 2 * 3600 * 1000);
	uint64_t seq = 0;

	stream_tell(s, told, &seq);
	ck_assert(put(s, 1, SMALL) == STORE_OK);
	ck_assert(put(s, 2, LARGE) == STORE_OK);
	ck_assert(put(s, 3, SMALL) == STORE_OK);
	store_submit(store);
	store_turn(store, later); /* the cut, which is not durable yet */
	disk_faulty_plan(d, &plan);
	wait(store);
	ck_assert_uint_eq(seq, 2);
	disk_faulty_plan(d, &none);
	store_turn(store, later);
	store_abandon(store);
	store = open_store(d);
	s = find(store, "S");
	ck_assert(is_there(s, 1, SMALL) && !is_there(s, 2, LARGE) && is_there(s, 3, SMALL));
	ck_assert_uint_eq(reports, 0);
	checkpoint(store);
	store_abandon(store);
	store = open_store(d);
	ck_assert_uint_eq(reports, 0);
	store_abandon(store);
	disk_free(d);
	disk_free(below);
}
END_TEST

/* A block that has to move is not moved while another record is on its way to it, which fails, too. */
START_TEST(two_that_fail_one_after_the_other)
{
	struct disk *below = disk_memory(64u << 20), *d = disk_faulty(below);
	struct fault_plan plan = { .what = FAULT_ERROR, .error = EIO, .nth = 1,
		.kinds = 1u << DISK_CALL_WRITE };
	struct store *store = open_store(d);
	struct stream *s = make(store, "S");
	struct mono later = mono_add_ms(mono_now(), 2 * 3600 * 1000);
	uint64_t seq = 0;

	stream_tell(s, told, &seq);
	ck_assert(put(s, 1, SMALL) == STORE_OK);
	ck_assert(put(s, 2, LARGE) == STORE_OK);
	store_submit(store);
	store_turn(store, later); /* what comes now is of another commit */
	ck_assert(put(s, 3, LARGE) == STORE_OK);
	store_submit(store);
	disk_faulty_plan(d, &plan);
	store_run(store);
	store_turn(store, later);
	ck_assert_uint_eq(seq, 2);
	store_turn(store, mono_add_ms(later, 1000));
	store_turn(store, mono_add_ms(later, 1000));
	wait(store);
	ck_assert_uint_eq(seq, 3);
	for (unsigned life = 0; life < 3; life++) {
		ck_assert(is_there(s, 1, SMALL) && !is_there(s, 2, LARGE) &&
		    !is_there(s, 3, LARGE));
		checkpoint(store);
		store_abandon(store);
		store = open_store(d);
		ck_assert_uint_eq(reports, 0);
		s = find(store, "S");
	}
	store_abandon(store);
	disk_free(d);
	disk_free(below);
}
END_TEST

/* ---- damage ---- */

static void
flip(void *arg, const char *path, uint8_t *data, size_t n)
{
	size_t *at = arg;

	if (strstr(path, ".blk") != NULL && n > *at)
		data[*at] ^= 1;
}

/* Acknowledged, and only the journal knows: the sequence is named, the others are there. */
START_TEST(damage_is_named)
{
	struct disk *d = disk_memory(64u << 20), *copy;
	struct store *store = open_store(d);
	struct stream *s = make(store, "S");
	struct stream_state st;

	ck_assert(put(s, 1, LARGE) == STORE_OK);
	ck_assert(put(s, 2, SMALL) == STORE_OK);
	wait(store);
	ck_assert(put(s, 3, LARGE) == STORE_OK);
	wait(store);
	ck_assert(put(s, 4, SMALL) == STORE_OK);
	wait(store); /* says that the commit before it was durable */
	store_abandon(store);
	for (size_t at = 200; at < 2 * LARGE; at += 20011) {
		copy = disk_memory_copy(d);
		disk_memory_each(copy, flip, &at);
		store = open_store(copy);
		s = find(store, "S");
		stream_state(s, &st);
		ck_assert_uint_eq(reports, 1);
		ck_assert_ptr_nonnull(strstr(last_report, "lost"));
		ck_assert_uint_eq(st.lost, 1);
		ck_assert_uint_eq(st.last_seq, 4);
		ck_assert(is_there(s, 2, SMALL) && is_there(s, 4, SMALL));
		ck_assert(is_there(s, 1, LARGE) != is_there(s, 3, LARGE));
		store_abandon(store);
		disk_free(copy);
	}
	disk_free(d);
}
END_TEST

/* Nobody may have been told of it yet: it never happened. */
START_TEST(the_torn_end_never_happened)
{
	struct disk *d = disk_memory(64u << 20);
	struct store *store = open_store(d);
	struct stream *s = make(store, "S");
	struct stream_state st;
	size_t at = 1000;

	ck_assert(put(s, 1, LARGE) == STORE_OK);
	wait(store);
	store_abandon(store);
	disk_memory_each(d, flip, &at);
	store = open_store(d);
	s = find(store, "S");
	stream_state(s, &st);
	ck_assert_uint_eq(reports, 0);
	ck_assert_uint_eq(st.lost, 0);
	ck_assert_uint_eq(st.last_seq, 0);
	ck_assert(put(s, 1, LARGE) == STORE_OK);
	wait(store);
	ck_assert(put(s, 2, SMALL) == STORE_OK);
	wait(store);
	store_abandon(store);
	store = open_store(d);
	s = find(store, "S");
	ck_assert(is_there(s, 1, LARGE) && is_there(s, 2, SMALL));
	ck_assert_uint_eq(reports, 0);
	store_abandon(store);
	disk_free(d);
}
END_TEST

/* ---- with an interval ---- */

struct prefix {
	struct store_options o;
	uint64_t seed;
	unsigned images, long_ones;
};

static size_t
size_of(uint64_t seq)
{
	return (seq % 3 == 0 ? 3000 + 100 * seq : SMALL);
}

static void
prefix_cut(void *arg, struct disk *d)
{
	struct prefix *x = arg;
	struct choice c = choice_seed(x->seed++);
	struct disk *image = disk_memory_image(d, &c);
	struct store *store = open_as(image, &x->o);
	struct stream *s = stream_find(store, STR("A"), STR("S"));
	struct stream_state st = { .last_seq = 0 };

	if (reports != 0)
		ck_abort_msg("%s", last_report);
	if (s != NULL)
		stream_state(s, &st);
	for (uint64_t seq = 1; seq <= st.last_seq; seq++)
		ck_assert(is_there(s, seq, size_of(seq)));
	x->images++;
	x->long_ones += st.last_seq > 20;
	store_abandon(store);
	disk_free(image);
}

START_TEST(cuts_with_interval_leave_a_prefix_faults_7)
{
	struct disk *d = disk_memory(64u << 20);
	struct prefix x = { .o = options(), .seed = seed_start("prefix").state };
	struct store *store;
	struct stream *s;

	x.o.journal.policy = JOURNAL_INTERVAL;
	x.o.journal.interval_ns = 0;
	x.o.large_bytes = 2000;
	x.o.block_bytes = 16u << 10;
	store = open_as(d, &x.o);
	s = make(store, "S");
	x.o.journal.interval_ns = 3600 * NS_PER_S;
	disk_memory_on_change(d, prefix_cut, &x);
	for (uint64_t seq = 1; seq <= 60; seq++) {
		ck_assert(put(s, seq, size_of(seq)) == STORE_OK);
		store_submit(store);
		store_run(store);
		if (seq % 15 == 0)
			checkpoint(store);
	}
	disk_memory_on_change(d, NULL, NULL);
	ck_assert_uint_gt(x.images, 200);
	ck_assert_uint_gt(x.long_ones, 50);
	store_abandon(store);
	disk_free(d);
}
END_TEST

/* ---- beside checkpoints ---- */

/* Blocks whose files the checkpoint's thread makes take none meanwhile. */
START_TEST(large_ones_beside_checkpoints)
{
	struct disk *d = disk_memory(256u << 20);
	struct store_options o = options();
	struct seed seed = seed_start("beside");
	struct store *store;
	struct stream *s;
	uint64_t seq = 0;

	o.thread = true;
	o.write_age_ns = NS_PER_MS;
	o.large_bytes = 2000;
	o.block_bytes = 30000;
	store = open_as(d, &o);
	s = make(store, "S");
	for (unsigned turn = 0; turn < 3000; turn++) {
		for (unsigned n = seed_below(&seed, 3); n > 0; n--)
			if (put(s, seq + 1, seed_below(&seed, 3) == 0 ? 3000 : SMALL) == STORE_OK)
				seq++;
		store_submit(store);
		store_turn(store, mono_now());
		if (seed_below(&seed, 500) == 0) {
			wait(store);
			store_abandon(store);
			store = open_as(d, &o);
			ck_assert_uint_eq(reports, 0);
			s = find(store, "S");
			for (uint64_t i = 1; i <= seq; i++)
				ck_assert(is_there(s, i, SMALL) || is_there(s, i, 3000));
		}
	}
	store_abandon(store);
	disk_free(d);
}
END_TEST

UNIT_MAIN("store_large",
    tcase_add_test(tc, only_the_head_is_journalled);
    tcase_add_test(tc, larger_than_the_journal);
    tcase_add_test(tc, memory_is_bounded);
    tcase_add_loop_test(tc, one_that_fails_was_never_there_faults_48_49, 0, 2);
    tcase_add_test(tc, a_checkpoint_with_one_that_fails);
    tcase_add_test(tc, two_that_fail_one_after_the_other);
    tcase_add_test(tc, damage_is_named);
    tcase_add_test(tc, the_torn_end_never_happened);
    tcase_add_test(tc, cuts_with_interval_leave_a_prefix_faults_7);
    tcase_add_test(tc, large_ones_beside_checkpoints);)
