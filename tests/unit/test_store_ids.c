/*
 * Ids of messages: known for the window and no longer, whatever becomes of the messages, and read
 * only when somebody asks.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/disk_faulty.h"
#include "common/disk_memory.h"
#include "natsd-js/store/store.h"
#include "tests/unit/unit.h"

#define WINDOW 1000

static unsigned damage_reports;

static void
report(void *arg, bool damage, const char *text)
{
	(void)arg;
	(void)text;
	damage_reports += damage;
}

static struct store *
open_store(struct disk *d)
{
	struct store_options o = store_options_default();
	struct store *store;
	struct err err;

	o.journal.segment_bytes = 1u << 20;
	o.journal.segments = 6;
	o.thread = false;
	o.report = report;
	damage_reports = 0;
	store = store_open(d, &o, &err);
	if (store == NULL)
		ck_abort_msg("%s", err.text);
	return (store);
}

static void
must(enum store_result result, const struct err *err)
{
	if (result != STORE_OK)
		ck_abort_msg("%d: %s", result, err->text);
}

static struct stream *
make(struct store *store)
{
	struct stream_config c = { .account = STR("A"), .name = STR("S"), .created = 1 };
	struct stream *s;
	struct err err;

	must(stream_create(store, &c, &s, &err), &err);
	stream_ids(s, WINDOW, 0);
	return (s);
}

static struct stream *
find(struct store *store, int64_t now)
{
	struct stream *s = stream_find(store, STR("A"), STR("S"));

	ck_assert_ptr_nonnull(s);
	stream_ids(s, WINDOW, now);
	return (s);
}

static struct str
id_of(uint64_t k)
{
	static char text[24];

	snprintf(text, sizeof(text), "id-%llu", (unsigned long long)k);
	return (str_of(text));
}

static void
put(struct store *store, struct stream *s, uint64_t k, int64_t time)
{
	struct store_message m = { .subject = STR("a"), .payload = STR("x"), .time = time,
		.id = id_of(k) };
	struct err err;

	while (stream_append(s, &m, &err) != STORE_OK)
		must(store_checkpoint(store, &err), &err);
}

static uint64_t
known(struct stream *s, uint64_t k, int64_t now)
{
	uint64_t seq;
	struct err err;
	enum store_result result = stream_id(s, id_of(k), now, &seq, &err);

	if (result == STORE_NONE)
		return (0);
	must(result, &err);
	return (seq);
}

struct files {
	unsigned count;
	uint64_t bytes;
};

static void
count_files(void *arg, const char *path, uint8_t *data, size_t n)
{
	struct files *f = arg;

	(void)data;
	if (strstr(path, ".ids") == NULL)
		return;
	f->count++;
	f->bytes += n;
}

static struct files
files_of(struct disk *d)
{
	struct files f = { .count = 0 };

	disk_memory_each(d, count_files, &f);
	return (f);
}

/* _i: by the table alone, after a kill, after a clean stop. */
START_TEST(an_id_outlives_its_message)
{
	struct disk *d = disk_memory(32u << 20);
	struct store *store = open_store(d);
	struct stream *s = make(store);
	uint64_t purged;
	struct err err;

	for (uint64_t k = 1; k <= 100; k++)
		put(store, s, k, (int64_t)k);
	must(stream_id_put(s, STR("skipped"), 100, 100, &err), &err);
	must(stream_remove(s, 7, &err), &err);
	must(stream_purge_below(s, 50, &purged, &err), &err);
	must(store_wait(store, &err), &err);
	if (_i == 1)
		store_abandon(store);
	if (_i == 2)
		ck_assert_int_eq(store_close(store, &err), 0);
	if (_i > 0) {
		store = open_store(d);
		s = find(store, 100);
	}
	for (uint64_t k = 1; k <= 100; k++)
		ck_assert_uint_eq(known(s, k, 100), k);
	ck_assert_uint_eq(known(s, 101, 100), 0);
	ck_assert(stream_id(s, STR("skipped"), 100, &purged, &err) == STORE_OK);
	/* The window is from its time up to, and without, that and the window. */
	ck_assert_uint_eq(known(s, 30, 30 + WINDOW - 1), 30);
	ck_assert_uint_eq(known(s, 30, 30 + WINDOW), 0);
	ck_assert_uint_eq(known(s, 31, 30 + WINDOW), 31);
	stream_ids(s, 10, 30 + WINDOW); /* a smaller one forgets */
	ck_assert_uint_eq(known(s, 100, 30 + WINDOW), 0);
	stream_ids(s, 0, 30 + WINDOW);
	put(store, s, 200, 30 + WINDOW);
	ck_assert_uint_eq(known(s, 200, 30 + WINDOW), 0);
	must(store_checkpoint(store, &err), &err);
	must(store_checkpoint(store, &err), &err);
	ck_assert_uint_eq(files_of(d).count, 0);
	ck_assert_uint_eq(damage_reports, 0);
	store_abandon(store);
	disk_free(d);
}
END_TEST

/* Ten windows of ids: what is over leaves no file, and the last window is known exactly. */
START_TEST(files_go_when_they_are_over)
{
	struct disk *d = disk_memory(512u << 20);
	struct store *store = open_store(d);
	struct stream *s = make(store);
	uint64_t each = 300; /* at one time */
	struct files f;
	struct err err;
	int64_t now = 0;

	for (uint64_t k = 0; k < 10 * WINDOW * each; k++) {
		if (k % each == 0 && ++now % 20 == 0)
			must(store_checkpoint(store, &err), &err);
		put(store, s, k, now);
	}
	must(store_checkpoint(store, &err), &err);
	f = files_of(d);
	ck_assert_uint_le(f.bytes, 2 * WINDOW * each * 34);
	ck_assert_uint_le(f.count, 12);
	store_abandon(store);
	store = open_store(d);
	s = find(store, now);
	for (uint64_t k = 0; k < 10 * WINDOW * each; k += 997)
		ck_assert_uint_eq(known(s, k, now), k < 9 * WINDOW * each ? 0 : k + 1);
	ck_assert_uint_eq(damage_reports, 0);
	store_abandon(store);
	disk_free(d);
}
END_TEST

/* Opening asks the disk no more with many ids than with few. */
START_TEST(they_are_read_when_somebody_asks)
{
	const struct fault_plan reads = { .what = FAULT_ERROR, .error = EIO,
		.kinds = 1u << DISK_CALL_READ | 1u << DISK_CALL_OPEN };
	struct fault_plan fail = reads;
	uint64_t calls[2], seq;

	for (unsigned i = 0; i < 2; i++) {
		struct disk *below = disk_memory(64u << 20), *d = disk_faulty(below);
		struct store *store = open_store(d);
		struct stream *s = make(store);
		struct err err;

		for (uint64_t k = 0; k < (i == 0 ? 100 : 100000); k++)
			put(store, s, k, 1);
		ck_assert_int_eq(store_close(store, &err), 0);
		disk_faulty_plan(d, &reads);
		store = open_store(d);
		s = find(store, 1);
		put(store, s, 7, 1);
		calls[i] = disk_faulty_calls(d);
		fail.nth = 1;
		disk_faulty_plan(d, &fail);
		ck_assert(stream_id(s, id_of(5), 1, &seq, &err) == STORE_ERROR);
		ck_assert_int_eq(err.sys, EIO);
		disk_faulty_plan(d, &reads);
		ck_assert_uint_eq(known(s, 5, 1), 6);
		ck_assert_uint_eq(known(s, 7, 1), i == 0 ? 101 : 100001);
		seq = disk_faulty_calls(d);
		ck_assert_uint_eq(known(s, 6, 1), 7);
		ck_assert_uint_eq(disk_faulty_calls(d), seq);
		store_abandon(store);
		disk_free(d);
		disk_free(below);
	}
	/* Messages of the last block are looked at, in pieces, whatever ids they have. */
	ck_assert_uint_le(calls[1], calls[0] + 4);
}
END_TEST

static void
flip(void *arg, const char *path, uint8_t *data, size_t n)
{
	(void)arg;
	if (strstr(path, ".ids") != NULL)
		data[n - 20] ^= 4;
}

static void
name_of(void *arg, const char *path, uint8_t *data, size_t n)
{
	char *name = arg;

	(void)data;
	(void)n;
	if (strstr(path, ".ids") != NULL)
		snprintf(name, 20, "%s", strstr(path, ".ids") - 8);
}

/* A checkpoint with its n-th sync lost, then one that works, then a power cut; false: no n-th. */
static bool
sync_run(uint64_t nth, char name[20])
{
	struct disk *below = disk_memory(64u << 20), *d = disk_faulty(below), *image;
	const struct fault_plan plan = { .what = FAULT_SYNC_LOST, .error = EIO, .nth = nth,
		.kinds = 1u << DISK_CALL_SYNC };
	struct store *store = open_store(d);
	struct choice c = choice_seed(nth * 4); /* nothing that is not synced */
	struct stream *s = make(store);
	bool hit;
	struct err err;

	for (uint64_t k = 0; k < 40; k++) {
		if (k == 10)
			must(store_checkpoint(store, &err), &err);
		if (k == 20) {
			must(store_wait(store, &err), &err);
			disk_faulty_plan(d, &plan);
			(void)store_checkpoint(store, &err);
		}
		if (k == 30)
			must(store_checkpoint(store, &err), &err);
		put(store, s, k, 1);
	}
	hit = disk_faulty_hit(d);
	must(store_wait(store, &err), &err);
	image = disk_memory_image(below, &c);
	disk_memory_each(below, name_of, name);
	store_abandon(store);
	store = open_store(image);
	s = find(store, 1);
	for (uint64_t k = 0; k < 40; k++)
		ck_assert_uint_eq(known(s, k, 1), k + 1);
	ck_assert_uint_eq(damage_reports, 0);
	store_abandon(store);
	disk_free(image);
	disk_free(d);
	disk_free(below);
	return (hit);
}

/* What a file should hold whose sync failed stands in another one. */
START_TEST(a_file_that_failed_is_left)
{
	unsigned renewed = 0;
	char name[20] = "";

	for (uint64_t n = 1; sync_run(n, name); n++)
		renewed += strcmp(name, "00000001.ids") != 0;
	ck_assert_uint_ge(renewed, 1);
}
END_TEST

START_TEST(damage_is_said_and_costs_little)
{
	struct disk *d = disk_memory(64u << 20);
	struct store *store = open_store(d);
	struct stream *s = make(store);
	struct err err;

	put(store, s, 1, 1);
	must(store_checkpoint(store, &err), &err);
	put(store, s, 2, 1);
	ck_assert_int_eq(store_close(store, &err), 0);
	disk_memory_each(d, flip, NULL);
	store = open_store(d);
	s = find(store, 1);
	ck_assert_uint_eq(known(s, 1, 1), 1);
	ck_assert_uint_eq(known(s, 2, 1), 0);
	ck_assert_uint_eq(damage_reports, 1);
	put(store, s, 2, 1);
	put(store, s, 3, 1);
	ck_assert_int_eq(store_close(store, &err), 0);
	store = open_store(d);
	s = find(store, 1);
	ck_assert_uint_eq(known(s, 1, 1), 1);
	ck_assert_uint_eq(known(s, 3, 1), 4);
	store_abandon(store);
	disk_free(d);
}
END_TEST

UNIT_MAIN("store_ids",
    tcase_add_loop_test(tc, an_id_outlives_its_message, 0, 3);
    tcase_add_test(tc, files_go_when_they_are_over);
    tcase_add_test(tc, they_are_read_when_somebody_asks);
    tcase_add_test(tc, a_file_that_failed_is_left);
    tcase_add_test(tc, damage_is_said_and_costs_little);)
