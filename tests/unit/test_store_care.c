/*
 * What the store does by itself, and what leaves no trace: scrubbing, blocks written anew, erasure,
 * ages, digests.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/disk_memory.h"
#include "natsd-js/store/record.h"
#include "natsd-js/store/store.h"
#include "tests/unit/unit.h"

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

static struct store *
open_store(struct disk *d)
{
	struct store_options o = store_options_default();
	struct store *store;
	struct err err;

	o.journal.segment_bytes = 64u << 10;
	o.journal.segments = 6;
	o.block_bytes = 128u << 10;
	o.thread = false;
	o.report = report;
	o.care_rate = 1u << 20;
	reports = 0;
	store = store_open(d, &o, &err);
	if (store == NULL)
		ck_abort_msg("%s", err.text);
	return (store);
}

static struct stream *
make(struct store *store)
{
	struct stream_config c = { .account = STR("A"), .name = STR("S"), .created = 1 };
	struct stream *s;

	ck_assert(stream_create(store, &c, &s, NULL) == STORE_OK);
	return (s);
}

static struct stream *
find(struct store *store)
{
	struct stream *s = stream_find(store, STR("A"), STR("S"));

	ck_assert_ptr_nonnull(s);
	return (s);
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
	store_run(store);
}

static void
put(struct store *store, struct stream *s, const char *subject, const char *payload, int64_t expires)
{
	struct store_message m = { .subject = str_of(subject), .payload = str_of(payload),
		.time = 1000, .expires = expires };

	while (stream_append(s, &m, NULL) != STORE_OK)
		checkpoint(store);
	wait(store);
}

static void
fill(struct store *store, struct stream *s, unsigned n)
{
	char text[200];

	for (unsigned i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "message %u of some length, %0150u", i, i);
		put(store, s, i % 2 == 0 ? "even" : "odd", text, 0);
	}
}

/* ---- erasure ---- */

#define SECRET "the secret that nobody may read"

static void
search(void *arg, const char *path, uint8_t *data, size_t n)
{
	unsigned *found = arg;

	(void)path;
	for (size_t i = 0; i + sizeof(SECRET) - 1 <= n; i++)
		*found += memcmp(data + i, SECRET, sizeof(SECRET) - 1) == 0;
}

static unsigned
secrets(struct disk *d)
{
	unsigned found = 0;

	disk_memory_each(d, search, &found);
	return (found);
}

/* _i: before it is in its block, or after. */
START_TEST(erased_is_in_no_file_faults_18)
{
	struct disk *d = disk_memory(32u << 20);
	struct store *store = open_store(d);
	struct stream *s = make(store);
	struct store_message m;
	uint64_t cut;

	put(store, s, "a", "before", 0);
	put(store, s, "a", SECRET, 0);
	put(store, s, "a", "behind", 0);
	if (_i == 1)
		checkpoint(store);
	ck_assert_uint_gt(secrets(d), 0);
	ck_assert(stream_erase(s, 2, &cut, NULL) == STORE_OK);
	wait(store);
	ck_assert_uint_lt(store_cuts(store), cut);
	while (store_cuts(store) < cut)
		checkpoint(store);
	put(store, s, "a", "later", 0);
	checkpoint(store);
	store_run(store);
	ck_assert_uint_eq(secrets(d), 0);
	store_abandon(store);
	store = open_store(d);
	s = find(store);
	ck_assert(stream_load(s, 1, &m, NULL) == STORE_OK);
	ck_assert(stream_load(s, 2, &m, NULL) == STORE_NONE);
	ck_assert(stream_load(s, 3, &m, NULL) == STORE_OK);
	ck_assert(str_eq(m.payload, STR("behind")));
	ck_assert(stream_load(s, 4, &m, NULL) == STORE_OK);
	ck_assert_uint_eq(reports, 0);
	store_abandon(store);
	disk_free(d);
}
END_TEST

/* ---- care ---- */

static void
care(struct store *store, unsigned steps)
{
	struct mono now = mono_now();

	for (unsigned i = 0; i < steps; i++) {
		now = mono_add_ms(now, 1000);
		store_turn(store, now);
		wait(store);
	}
}

static void
sum_files(void *arg, const char *path, uint8_t *data, size_t n)
{
	uint64_t *sum = arg;

	(void)data;
	if (strstr(path, ".blk") != NULL)
		*sum += n;
}

START_TEST(sparse_blocks_are_written_anew)
{
	struct disk *d = disk_memory(64u << 20);
	struct store *store = open_store(d);
	struct stream *s = make(store);
	uint64_t before = 0, after = 0, digest, again;
	struct stream_state st;

	fill(store, s, 2000);
	for (uint64_t seq = 1; seq <= 2000; seq++) {
		if (seq % 8 != 0)
			while (stream_remove(s, seq, NULL) != STORE_OK)
				checkpoint(store);
		wait(store);
	}
	checkpoint(store);
	disk_memory_each(d, sum_files, &before);
	ck_assert(stream_digest(s, 1, 2000, &digest, NULL) == STORE_OK);
	care(store, 40);
	checkpoint(store);
	checkpoint(store);
	disk_memory_each(d, sum_files, &after);
	ck_assert_uint_lt(after, before / 2);
	ck_assert(stream_digest(s, 1, 2000, &again, NULL) == STORE_OK);
	ck_assert(digest == again);
	store_abandon(store);
	store = open_store(d);
	s = find(store);
	stream_state(s, &st);
	ck_assert_uint_eq(st.messages, 250);
	ck_assert_uint_eq(st.first_seq, 8);
	ck_assert(stream_digest(s, 1, 2000, &again, NULL) == STORE_OK);
	ck_assert(digest == again);
	ck_assert_uint_eq(reports, 0);
	store_abandon(store);
	disk_free(d);
}
END_TEST

static void
count_files(void *arg, const char *path, uint8_t *data, size_t n)
{
	unsigned *count = arg;

	(void)data;
	(void)n;
	*count += strstr(path, ".blk") != NULL;
}

/* One in a hundred stays: files do not stay tiny for ever, and the rate is kept. */
START_TEST(sparse_neighbours_become_one)
{
	struct disk *d = disk_memory(64u << 20);
	struct store *store = open_store(d);
	struct stream *s = make(store);
	uint64_t digest, again;
	struct mono now = mono_now();
	struct stream_state st;
	unsigned files = 0, steps = 0;

	fill(store, s, 12000);
	for (uint64_t seq = 1; seq <= 12000; seq++) {
		if (seq % 100 != 0)
			while (stream_remove(s, seq, NULL) != STORE_OK)
				checkpoint(store);
		if (seq % 50 == 0)
			wait(store);
	}
	wait(store);
	checkpoint(store);
	disk_memory_each(d, count_files, &files);
	ck_assert_uint_gt(files, 20);
	stream_state(s, &st);
	ck_assert(stream_digest(s, 1, 12000, &digest, NULL) == STORE_OK);
	for (unsigned i = 0; i < 400; i++) { /* 128 KiB of it are read each 125 ms */
		now = mono_add_ms(now, 100);
		store_turn(store, now);
		if (st.blocks > 20 && i < 10)
			steps++;
		wait(store);
		if (i % 20 == 19)
			checkpoint(store);
		stream_state(s, &st);
	}
	ck_assert_uint_eq(steps, 10);
	checkpoint(store);
	checkpoint(store);
	stream_state(s, &st);
	ck_assert_uint_eq(st.messages, 120);
	ck_assert_uint_le(st.blocks, 4);
	files = 0;
	disk_memory_each(d, count_files, &files);
	ck_assert_uint_le(files, 4);
	for (unsigned life = 0; life < 2; life++) {
		ck_assert(stream_digest(s, 1, 12000, &again, NULL) == STORE_OK);
		ck_assert(digest == again);
		store_abandon(store);
		store = open_store(d);
		s = find(store);
		stream_state(s, &st);
		ck_assert_uint_eq(st.messages, 120);
		ck_assert_uint_eq(st.last_seq, 12000);
		ck_assert_uint_eq(st.deleted, 12001 - st.first_seq - 120);
		ck_assert_uint_eq(reports, 0);
	}
	store_abandon(store);
	disk_free(d);
}
END_TEST

static void
flip(void *arg, const char *path, uint8_t *data, size_t n)
{
	const char *name = arg;

	if (strstr(path, name) != NULL && n > 5000)
		data[4000] ^= 4;
}

START_TEST(scrub_finds_a_flip_faults_44)
{
	struct disk *d = disk_memory(64u << 20);
	struct store *store = open_store(d);
	struct stream *s = make(store);
	char block[] = "00000001.blk";
	struct stream_state st;

	fill(store, s, 2000);
	checkpoint(store);
	disk_memory_each(d, flip, block);
	care(store, 40);
	stream_state(s, &st);
	ck_assert_uint_eq(st.lost, 1);
	ck_assert_uint_eq(st.messages, 1999);
	ck_assert_uint_eq(reports, 1);
	ck_assert_ptr_nonnull(strstr(last_report, "are lost"));
	store_abandon(store);
	disk_free(d);
}
END_TEST

/* So many bytes in so much time: a step is due when the one before has paid for its bytes. */
START_TEST(scrub_keeps_its_rate_faults_44)
{
	struct disk *d = disk_memory(64u << 20);
	struct store *store = open_store(d);
	struct stream *s = make(store);
	struct mono now = mono_now();
	char block[] = "00000002.blk";
	struct stream_state st;

	fill(store, s, 2000);
	checkpoint(store);
	now = mono_add_ms(now, 1000);
	store_turn(store, now); /* one block */
	disk_memory_each(d, flip, block);
	for (unsigned i = 0; i < 110; i++) /* 128 KiB take 125 ms */
		store_turn(store, mono_add_ms(now, i));
	stream_state(s, &st);
	ck_assert_uint_eq(st.lost, 0);
	store_abandon(store);
	disk_free(d);
}
END_TEST

/* ---- tombstones ---- */

struct tombs {
	unsigned nth, seen; /* which tombstone of the file is hit */
};

static void
flip_tombstone(void *arg, const char *path, uint8_t *data, size_t n)
{
	struct tombs *x = arg;

	if (strstr(path, "00000001.blk") == NULL)
		return;
	/* Records begin at multiples of 8; byte 16 of one is its type. */
	for (size_t at = 0; at + RECORD_HEAD < n; at += 8) {
		struct record r;

		record_peek(data + at, &r);
		if (r.type != RECORD_WITHIN || r.bytes < RECORD_HEAD || r.bytes > n - at ||
		    data[at + 17] != 0 || r.seq != 1)
			continue;
		if (x->seen++ == x->nth)
			data[at + RECORD_HEAD + 9] ^= 1;
	}
}

/* More pairs than the state file says: only the block knows them, twice. */
START_TEST(a_flip_brings_nothing_back_faults_17)
{
	struct disk *d = disk_memory(64u << 20);
	struct store *store = open_store(d);
	struct stream *s = make(store);
	struct tombs x = { .nth = 0 };
	struct stream_state st;

	fill(store, s, 400);
	checkpoint(store);
	for (uint64_t seq = 2; seq <= 400; seq += 2)
		ck_assert(stream_remove(s, seq, NULL) == STORE_OK);
	wait(store);
	checkpoint(store);
	store_abandon(store);
	for (; x.nth < 2; x.nth++) {
		struct disk *copy = disk_memory_copy(d);

		x.seen = 0;
		disk_memory_each(copy, flip_tombstone, &x);
		ck_assert_uint_eq(x.seen, 2);
		store = open_store(copy);
		stream_state(find(store), &st);
		ck_assert_uint_eq(st.messages, 200);
		ck_assert_uint_eq(st.lost, 0);
		store_abandon(store);
		disk_free(copy);
	}
	disk_free(d);
}
END_TEST

/* ---- ages ---- */

static unsigned due_calls;

static void
due(void *arg, struct stream *s)
{
	(void)arg;
	(void)s;
	due_calls++;
}

static unsigned told_ttl, told_age, told_asked;

static void
told(void *arg, uint64_t first, uint64_t last, struct str subject, enum removal why)
{
	(void)arg;
	(void)subject;
	told_ttl += why == REMOVAL_TTL ? (unsigned)(last - first + 1) : 0;
	told_age += why == REMOVAL_MAX_AGE ? (unsigned)(last - first + 1) : 0;
	told_asked += why == REMOVAL_ASKED ? (unsigned)(last - first + 1) : 0;
}

static bool
not_the_last(void *arg, const struct store_message *m, enum removal why, bool last)
{
	(void)arg;
	(void)m;
	(void)why;
	return (!last);
}

START_TEST(ages_survive_a_restart)
{
	struct disk *d = disk_memory(32u << 20);
	struct store *store = open_store(d);
	struct stream *s = make(store);
	int64_t now = wall_now().ns;
	struct mono at = mono_now(), next;
	struct store_message m;
	uint64_t purged;

	put(store, s, "a", "soon", now + NS_PER_S);
	put(store, s, "a", "never", STORE_NEVER);
	put(store, s, "b", "later", now + 100 * NS_PER_S);
	put(store, s, "b", "by age", 0);
	ck_assert_int_eq(store_close(store, NULL), 0);
	store = open_store(d);
	s = find(store);
	stream_tell(s, told, NULL);
	store_due(store, at, due, NULL);
	ck_assert(store_due_next(store, &next));
	store_due(store, mono_add_ms(at, 900), due, NULL);
	ck_assert_uint_eq(due_calls, 0);
	store_due(store, mono_add_ms(at, 1500), due, NULL);
	ck_assert_uint_eq(due_calls, 1);
	ck_assert(stream_expire(s, now + 2 * NS_PER_S, NULL, NULL, NULL) == STORE_OK);
	ck_assert_uint_eq(told_ttl, 1);
	ck_assert(stream_load(s, 1, &m, NULL) == STORE_NONE);
	ck_assert(stream_load(s, 3, &m, NULL) == STORE_OK);
	/* Time 1000 is long ago: but the one that never goes, and the last of its subject. */
	stream_max_age(s, NS_PER_S, now);
	ck_assert(stream_expire(s, now + 2 * NS_PER_S, not_the_last, NULL, NULL) == STORE_OK);
	ck_assert_uint_eq(told_age, 1);
	ck_assert(stream_load(s, 2, &m, NULL) == STORE_OK);
	ck_assert(stream_load(s, 3, &m, NULL) == STORE_NONE);
	ck_assert(stream_load(s, 4, &m, NULL) == STORE_OK);
	ck_assert(stream_purge_all(s, &purged, NULL) == STORE_OK);
	ck_assert_uint_eq(told_asked, 2);
	wait(store);
	ck_assert_int_eq(store_close(store, NULL), 0);
	disk_free(d);
}
END_TEST

UNIT_MAIN("store_care",
    tcase_add_loop_test(tc, erased_is_in_no_file_faults_18, 0, 2);
    tcase_add_test(tc, sparse_blocks_are_written_anew);
    tcase_add_test(tc, sparse_neighbours_become_one);
    tcase_add_test(tc, scrub_finds_a_flip_faults_44);
    tcase_add_test(tc, scrub_keeps_its_rate_faults_44);
    tcase_add_test(tc, a_flip_brings_nothing_back_faults_17);
    tcase_add_test(tc, ages_survive_a_restart);)
