/*
 * Random operations on the store and on a slow model; after each turn, restart, power cut and fault
 * the store holds what the model says.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/disk_faulty.h"
#include "common/disk_memory.h"
#include "tests/unit/store_dir.h"
#include "tests/unit/store_model.h"
#include "tests/unit/unit.h"

static unsigned damage_reports;
static char last_report[256];

static void
report(void *arg, bool damage, const char *text)
{
	(void)arg;
	if (!damage)
		return;
	damage_reports++;
	snprintf(last_report, sizeof(last_report), "%s", text);
}

static struct store_options
small_options(void)
{
	struct store_options o = store_options_default();

	o.journal.segment_bytes = 32u << 10;
	o.journal.segments = 6;
	o.block_bytes = 4096;
	o.large_bytes = 1500;
	o.write_cache = 20000;
	o.write_age_ns = 3600 * NS_PER_S; /* no clock decides what a seed does */
	o.read_cache = 20000;
	o.thread = false;
	o.report = report;
	return (o);
}

/* index: path of a folder, or NULL. */
static struct store *
open_with(struct disk *d, bool thread, const char *index)
{
	struct store_options o = small_options();
	struct store *store;
	struct err err;

	o.thread = thread;
	o.index = index;
	o.subject_cache = 500; /* five of the eight subjects */
	if (thread)
		o.write_age_ns = NS_PER_MS;
	store = store_open(d, &o, &err);
	if (store == NULL)
		ck_abort_msg("%s", err.text);
	return (store);
}

static struct store *
open_store(struct disk *d)
{
	return (open_with(d, false, NULL));
}

static void
must_equal(const struct model *m, struct store *store, const char *when)
{
	const char *why = model_differs(m, store);

	if (why != NULL)
		ck_abort_msg("%s: %s", when, why);
}

static bool
is_long(void)
{
	return (getenv("NATSD_LONG") != NULL);
}

START_TEST(random_operations)
{
	struct seed seed = seed_start("random_operations");
	struct disk *d = disk_memory(64u << 20);
	struct model *m = calloc(1, sizeof(*m));
	bool thread = _i != 0; /* with threads, or by hand */
	char dir[] = STORE_DIR_INIT;
	const char *index = _i == 2 ? mkdtemp(dir) : NULL;
	struct store *store = open_with(d, thread, index);
	unsigned turns = is_long() ? 200000 : thread ? 2000 : 6000;
	struct mono now_mono = mono_now(); /* care takes steps of its own time */
	int64_t now = 1000;
	struct err err;

	damage_reports = 0;
	for (unsigned turn = 0; turn < turns; turn++) {
		for (unsigned n = seed_below(&seed, 6); n > 0; n--)
			if (!model_step(m, store, &seed, now += 3))
				break;
		store_submit(store);
		ck_assert(thread || store_run(store) != JOURNAL_FAILED);
		now_mono = mono_add_ms(now_mono, 150);
		store_turn(store, now_mono);
		if (store_wait(store, &err) != STORE_OK)
			ck_abort_msg("%s", err.text);
		if (store_wants_checkpoint(store) || seed_below(&seed, 300) == 0)
			if (store_checkpoint(store, &err) != STORE_OK)
				ck_abort_msg("%s", err.text);
		model_look(m, store, &seed);
		switch (seed_below(&seed, 200)) {
		case 0:
			if (store_close(store, &err) != 0)
				ck_abort_msg("%s", err.text);
			store = open_with(d, thread, index);
			must_equal(m, store, "after a clean stop");
			break;
		case 1:
			store_abandon(store);
			store = open_with(d, thread, index);
			must_equal(m, store, "after a kill");
			break;
		case 2:
			must_equal(m, store, "while running");
			break;
		default:
			break;
		}
	}
	if (damage_reports != 0)
		ck_abort_msg("%s", last_report);
	ck_assert_int_eq(store_close(store, &err), 0);
	if (index != NULL)
		store_dir_remove(index);
	disk_free(d);
	free(m);
}
END_TEST

/* ---- power cuts ---- */

struct cuts {
	struct model acked, now;
	uint64_t seed;
	unsigned images, every, count;
	struct seed lives;
	uint64_t next_seed;
	struct disk *next; /* the image that the next life starts from; NULL: not chosen yet */
	struct model next_now;
};

/* Every image opens, and holds either what was acknowledged or the turn that was on its way too. */
static void
cut(void *arg, struct disk *d)
{
	struct cuts *x = arg;
	struct choice c = choice_seed(x->seed++);
	const char *why, *why_now;
	struct disk *image;
	struct store *store;

	if (x->count++ % x->every != 0)
		return;
	image = disk_memory_image(d, &c);
	if (x->next == NULL && seed_below(&x->lives, 400) == 0) {
		x->next = disk_memory_copy(image);
		x->next_now = x->acked;
		x->next_seed = x->seed;
	}
	damage_reports = 0;
	store = open_store(image);
	if (damage_reports != 0)
		ck_abort_msg("image %" PRIx64 ": %s", x->seed, last_report);
	why = model_differs(&x->acked, store);
	if (why != NULL) {
		char first[256];

		snprintf(first, sizeof(first), "%s", why);
		why_now = model_differs(&x->now, store);
		if (why_now != NULL)
			ck_abort_msg("image %" PRIx64 ": acked: %s; now: %s", x->seed, first,
			    why_now);
		if (x->next != NULL && x->next_seed == x->seed)
			x->next_now = x->now;
	}
	store_abandon(store);
	disk_free(image);
	x->images++;
}

static void
cuts_run(struct seed seed)
{
	struct disk *d = disk_memory(64u << 20);
	struct cuts *x = calloc(1, sizeof(*x));
	struct store *store = open_store(d);
	unsigned turns = is_long() ? 8000 : 400;
	struct mono now_mono = mono_now();
	int64_t now = 1000;
	struct err err;

	x->seed = seed_next(&seed) >> 8;
	x->lives.state = x->seed;
	x->every = 1;
	disk_memory_on_change(d, cut, x);
	for (unsigned turn = 0; turn < turns; turn++) {
		for (unsigned n = 1 + seed_below(&seed, 5); n > 0; n--)
			if (!model_step(&x->now, store, &seed, now += 3))
				break;
		ck_assert(store_wait(store, &err) == STORE_OK);
		x->acked = x->now;
		store_turn(store, now_mono = mono_add_ms(now_mono, 150)); /* care, too */
		if (store_wants_checkpoint(store) || seed_below(&seed, 4) == 0)
			if (store_checkpoint(store, &err) != STORE_OK)
				ck_abort_msg("%s", err.text);
		if (x->next != NULL) { /* the next life starts from what a cut left */
			disk_memory_on_change(d, NULL, NULL);
			store_abandon(store);
			disk_free(d);
			d = x->next;
			x->next = NULL;
			x->now = x->acked = x->next_now;
			store = open_store(d);
			must_equal(&x->acked, store, "in the next life");
			disk_memory_on_change(d, cut, x);
		}
	}
	printf("%u images\n", x->images);
	disk_memory_on_change(d, NULL, NULL);
	store_abandon(store);
	disk_free(d);
	disk_free(x->next);
	free(x);
}

START_TEST(power_cuts)
{
	cuts_run(seed_start("power_cuts"));
}
END_TEST

/* A state file that was written anew before the blocks that it does not name were gone for good; a
 * block that was emptied before it was written over what an unfinished checkpoint had left, also in
 * the folder of a stream that no catalogue knew yet; two folders of one name, and no catalogue. */
static const uint64_t found_once[] = { 0xd896, 0x2a897, 0x2e675, 0x55121, 0x123f06,
	0x2dcbe2 };

START_TEST(power_cuts_again)
{
	cuts_run((struct seed){ .state = found_once[_i] });
}
END_TEST

struct away {
	uint64_t seed;
	unsigned images;
};

static void
away_cut(void *arg, struct disk *d)
{
	struct away *x = arg;

	for (unsigned i = 0; i < 20; i++, x->images++) {
		struct choice c = choice_seed(x->seed++);
		struct disk *image = disk_memory_image(d, &c);

		damage_reports = 0;
		store_abandon(open_store(image));
		if (damage_reports != 0)
			ck_abort_msg("%s", last_report);
		disk_free(image);
	}
}

/* The file of a block that went is away, or named by the state: also when the state is written anew
 * without it. */
START_TEST(unlinked_blocks_stay_away)
{
	struct stream_config c = { .account = STR("A"), .name = STR("S"), .created = 1 };
	struct store_message m = { .subject = STR("a"), .payload = STR("b"), .time = 1 };
	struct disk *d = disk_memory(64u << 20);
	struct store *store = open_store(d);
	struct away x = { .seed = 1 };
	struct stream *s;
	struct err err;

	ck_assert(stream_create(store, &c, &s, &err) == STORE_OK);
	for (unsigned i = 0; i < 10; i++)
		ck_assert(stream_append(s, &m, &err) == STORE_OK);
	ck_assert(store_checkpoint(store, &err) == STORE_OK);
	disk_memory_on_change(d, away_cut, &x);
	for (unsigned i = 0; i < 3; i++) { /* nothing else is written than a state */
		ck_assert(stream_truncate(s, 0, &err) == STORE_OK);
		ck_assert(store_checkpoint(store, &err) == STORE_OK);
		ck_assert(stream_advance(s, 3, &err) == STORE_OK);
	}
	disk_memory_on_change(d, NULL, NULL);
	ck_assert_uint_gt(x.images, 200);
	store_abandon(store);
	disk_free(d);
}
END_TEST

/* ---- faults ---- */

static const enum fault faults[] = { FAULT_ERROR, FAULT_SHORT, FAULT_HALF_ERROR, FAULT_SYNC_LOST,
	FAULT_DIE, FAULT_DIE_HALF, FAULT_DIE_AFTER };
static const int errors[] = { EIO, ENOSPC, EMFILE };

/* A fixed run with the n-th call failing; false: there was no n-th call. */
static bool
fault_run(enum fault what, int error, uint64_t nth)
{
	struct seed seed = { .state = 42 };
	struct disk *below = disk_memory(64u << 20), *d = disk_faulty(below), *image;
	struct fault_plan plan = { .what = what, .error = error, .nth = nth,
		.kinds = FAULT_ALL_CALLS & ~(1u << DISK_CALL_READ | 1u << DISK_CALL_OTHER) };
	const struct fault_plan none = { .what = FAULT_NONE };
	struct model *m = calloc(2, sizeof(*m)), *acked = m + 1;
	struct store *store = open_store(d);
	struct choice c = choice_seed(nth * 5 + 1);
	bool hit, known = true; /* the last turn is done */
	struct err err;
	int64_t now = 1000;

	disk_faulty_plan(d, &plan);
	for (unsigned turn = 0; turn < 60 && known; turn++) {
		for (unsigned n = 0; n < 4; n++)
			if (!model_step(m, store, &seed, now += 3))
				break;
		known = store_wait(store, &err) == STORE_OK;
		if (known)
			*acked = *m;
		if (turn % 12 == 11)
			(void)store_checkpoint(store, &err);
	}
	hit = disk_faulty_hit(d);
	if (what < FAULT_DIE) { /* one fault is survived, and heals */
		disk_faulty_plan(d, &none);
		ck_assert(known);
		if (store_checkpoint(store, &err) != STORE_OK)
			ck_abort_msg("call %u: %s", (unsigned)nth, err.text);
		must_equal(m, store, "after a fault");
	}
	ck_assert(!disk_faulty_wrote_on(d));
	image = disk_memory_image(below, &c);
	store_abandon(store);
	damage_reports = 0;
	store = open_store(image);
	if (damage_reports != 0)
		ck_abort_msg("call %u: %s", (unsigned)nth, last_report);
	if (known || model_differs(acked, store) != NULL)
		must_equal(m, store, "after a fault and a cut");
	store_abandon(store);
	disk_free(image);
	disk_free(d);
	disk_free(below);
	free(m);
	return (hit);
}

/*
 * The process dies at the n-th call, the next one finds what is in the page cache and builds on it;
 * then the power goes.  What the second life saw must not vanish.
 */
static bool
kill_then_cut(enum fault what, uint64_t nth)
{
	struct seed seed = { .state = 42 };
	struct disk *below = disk_memory(64u << 20), *d = disk_faulty(below), *image;
	struct fault_plan plan = { .what = what, .error = EIO, .nth = nth,
		.kinds = FAULT_ALL_CALLS & ~(1u << DISK_CALL_READ | 1u << DISK_CALL_OTHER) };
	struct model *m = calloc(2, sizeof(*m)), *acked = m + 1;
	struct store_options o = small_options();
	struct store *store;
	bool hit, known = true;
	struct choice c;
	struct err err;
	int64_t now = 1000;

	disk_faulty_plan(d, &plan);
	store = store_open(d, &o, &err);
	for (unsigned turn = 0; store != NULL && turn < 40 && known; turn++) {
		for (unsigned n = 0; n < 4; n++)
			if (!model_step(m, store, &seed, now += 3))
				break;
		known = store_wait(store, &err) == STORE_OK;
		if (known)
			*acked = *m;
		if (turn % 8 == 7)
			(void)store_checkpoint(store, &err);
	}
	hit = disk_faulty_hit(d);
	store_abandon(store);
	disk_free(d);
	damage_reports = 0;
	store = open_store(below);
	if (model_differs(acked, store) == NULL)
		*m = *acked;
	must_equal(m, store, "after a kill");
	for (unsigned i = 0; i < 2; i++) { /* what is released in one is used again by the next */
		while (!model_step(m, store, &seed, now += 3))
			;
		if (store_checkpoint(store, &err) != STORE_OK)
			ck_abort_msg("call %u: %s", (unsigned)nth, err.text);
	}
	store_run(store);
	store_abandon(store);
	for (uint64_t k = 0; k < 5; k++) { /* nothing un-synced, all, any */
		c = choice_seed(nth * 5 + k);
		image = disk_memory_image(below, &c);
		store = open_store(image);
		must_equal(m, store, "after a kill and a cut");
		store_abandon(store);
		disk_free(image);
	}
	if (damage_reports != 0)
		ck_abort_msg("call %u: %s", (unsigned)nth, last_report);
	disk_free(below);
	free(m);
	return (hit);
}

static const enum fault deaths[] = { FAULT_DIE, FAULT_DIE_HALF, FAULT_DIE_AFTER };

START_TEST(power_goes_after_a_kill)
{
	uint64_t n = 1;

	while (kill_then_cut(deaths[_i], n))
		n++;
	printf("%u calls\n", (unsigned)n);
	ck_assert_uint_gt(n, 100);
}
END_TEST

START_TEST(every_call_fails_once)
{
	uint64_t n = 1;

	while (fault_run(faults[_i], errors[n % 3], n))
		n++;
	printf("%u calls\n", (unsigned)n);
	ck_assert_uint_gt(n, 100);
}
END_TEST

/* Under a build that looks for races those without threads take minutes, and have nothing to say. */
static void
add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, random_operations, 0, 3);
	if (getenv("NATSD_THREADS_ONLY") != NULL)
		return;
	tcase_add_test(tc, power_cuts);
	unit_rows(tc, power_cuts_again, found_once);
	tcase_add_test(tc, unlinked_blocks_stay_away);
	unit_rows(tc, every_call_fails_once, faults);
	unit_rows(tc, power_goes_after_a_kill, deaths);
}

UNIT_MAIN("store_model", add_tests(tc);)
