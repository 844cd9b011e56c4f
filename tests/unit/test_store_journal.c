/*
 * The journal over all three disks: what is acknowledged is there after every power cut, fault and
 * flipped bit, and nothing is there that was not written.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "common/disk_faulty.h"
#include "common/disk_memory.h"
#include "common/journal.h"
#include "common/journal_priv.h"
#include "tests/unit/seed.h"
#include "tests/unit/unit.h"

#define SEGMENT JOURNAL_SEGMENT_MIN
#define RECORDS_MAX 4096u

static const struct journal_options small = { .segment_bytes = SEGMENT, .segments = 4,
	.policy = JOURNAL_DURABLE };

/* Record i is made of i: what is read back needs no book. */
static size_t
record_size(uint32_t i)
{
	return (i % 7 == 6 ? 700 : 4 + i * 13 % 60);
}

static void
record_fill(uint32_t i, uint8_t *p)
{
	memset(p, (int)(i * 31 + 7) & 0xff, record_size(i));
	memcpy(p, &i, sizeof(i));
}

static int
put(struct journal_writer *w, uint32_t i)
{
	uint8_t *p = journal_begin(w, record_size(i));

	if (p == NULL)
		return (-1);
	record_fill(i, p);
	journal_end(w, (uint16_t)(1 + i % 5), 1 + i % 3, record_size(i));
	return (0);
}

struct found {
	uint32_t list[RECORDS_MAX];
	unsigned count;
	unsigned damage, notes;
	bool verbose;
};

static int
found_apply(void *arg, const struct journal_entry *e, struct err *err)
{
	struct found *f = arg;
	uint8_t expect[1024];
	uint32_t i;

	(void)err;
	ck_assert_uint_ge(e->payload.n, sizeof(i));
	memcpy(&i, e->payload.p, sizeof(i));
	record_fill(i, expect);
	ck_assert_uint_eq(e->payload.n, record_size(i));
	ck_assert_int_eq(memcmp(e->payload.p, expect, e->payload.n), 0);
	ck_assert_uint_eq(e->owner, 1 + i % 3);
	ck_assert_uint_eq(e->type, 1 + i % 5);
	ck_assert_uint_lt(f->count, RECORDS_MAX);
	f->list[f->count++] = i;
	return (0);
}

static void
found_report(void *arg, bool damage, const char *text)
{
	struct found *f = arg;

	if (damage)
		f->damage++;
	else
		f->notes++;
	if (f->verbose)
		printf("%s: %s\n", damage ? "damage" : "note", text);
}

static struct journal *
open_journal(struct disk *d, const struct journal_options *o, struct found *f)
{
	struct journal_replay replay = { .apply = found_apply, .report = found_report, .arg = f };
	struct journal *j;
	struct err err;

	memset(f, 0, sizeof(*f));
	j = journal_open(d, DISK_ROOT, o, &replay, &err);
	if (j == NULL)
		ck_abort_msg("%s", err.text);
	return (j);
}

static void
run_all(struct journal *j)
{
	while (journal_run(j) == JOURNAL_RAN)
		;
}

START_TEST(comes_back)
{
	struct journal_options o = small;
	struct disk *d = disk_memory(1 << 24);
	struct found f;
	struct journal *j;
	struct journal_writer *w;
	uint32_t n = 0;
	uint64_t ticket;

	o.segments = 16;
	j = open_journal(d, &o, &f);
	w = journal_writer_new(j, &DOORBELL_NONE);
	ck_assert_uint_eq(f.count, 0);
	for (int round = 0; round < 3; round++) {
		for (int k = 0; k < 20; k++) {
			for (uint32_t r = 0; r < 1 + n % 5; r++)
				ck_assert_int_eq(put(w, n++), 0);
			ticket = journal_submit(w);
			ck_assert_uint_eq(journal_done(w), ticket - 1);
			run_all(j);
			ck_assert_uint_eq(journal_done(w), ticket);
		}
		journal_free(j);
		j = open_journal(d, &o, &f);
		w = journal_writer_new(j, &DOORBELL_NONE);
		ck_assert_uint_eq(f.count, n);
		ck_assert_uint_eq(f.damage, 0);
		for (uint32_t i = 0; i < n; i++)
			ck_assert_uint_eq(f.list[i], i);
	}
	journal_free(j);
	disk_free(d);
}
END_TEST

START_TEST(is_used_again)
{
	struct disk *d = disk_memory(SEGMENT * 4 + 100);
	struct found f;
	struct journal *j = open_journal(d, &small, &f);
	struct journal_writer *w = journal_writer_new(j, &DOORBELL_NONE);
	uint32_t n = 0, released = 0;
	uint64_t ticket;

	for (int k = 0; k < 600; k++) {
		for (uint32_t r = 0; r < 4; r++)
			ck_assert_int_eq(put(w, n++), 0);
		ticket = journal_submit(w);
		run_all(j);
		ck_assert_uint_eq(journal_done(w), ticket);
		if (journal_free_segments(j) < 2) {
			journal_release(j, journal_done_commit(w, ticket));
			released = n;
		}
	}
	journal_free(j);
	j = open_journal(d, &small, &f);
	ck_assert_uint_eq(f.damage, 0);
	ck_assert_uint_ge(f.count, n - released);
	for (uint32_t i = 0; i < f.count; i++)
		ck_assert_uint_eq(f.list[i], n - f.count + i);
	journal_free(j);
	disk_free(d);
}
END_TEST

START_TEST(is_full)
{
	struct disk *d = disk_memory(1 << 24);
	struct found f;
	struct journal *j = open_journal(d, &small, &f);
	struct journal_writer *w = journal_writer_new(j, &DOORBELL_NONE);
	uint64_t done;
	struct err err;
	uint32_t n = 0;

	while (!journal_error(j, &err)) {
		ck_assert_int_eq(put(w, n++), 0);
		journal_submit(w);
		run_all(j);
	}
	ck_assert_int_eq(err.sys, ENOSPC);
	done = journal_done(w);
	ck_assert_int_eq(journal_run(j), JOURNAL_FAILED);
	journal_release(j, journal_synced(j));
	run_all(j);
	ck_assert_uint_eq(journal_done(w), done + 1);
	ck_assert(!journal_error(j, NULL));
	journal_free(j);
	j = open_journal(d, &small, &f);
	ck_assert_uint_eq(f.count, 1);
	ck_assert_uint_eq(f.list[0], n - 1);
	journal_free(j);
	disk_free(d);
}
END_TEST

START_TEST(refuses_what_never_fits)
{
	struct disk *d = disk_memory(1 << 24);
	struct found f;
	struct journal *j = open_journal(d, &small, &f);
	struct journal_writer *w = journal_writer_new(j, &DOORBELL_NONE);
	size_t room = journal_room(w);
	uint8_t *p;

	ck_assert_ptr_null(journal_begin(w, SEGMENT));
	ck_assert_int_eq(errno, EMSGSIZE);
	ck_assert_ptr_nonnull(journal_begin(w, room));
	p = journal_begin(w, record_size(0));
	record_fill(0, p);
	journal_end(w, 1, 1, record_size(0));
	ck_assert_ptr_null(journal_begin(w, room));
	ck_assert_int_eq(errno, EAGAIN);
	for (unsigned i = 1; i <= JOURNAL_STAGES; i++) {
		journal_submit(w);
		ck_assert_int_eq(put(w, i), i == JOURNAL_STAGES ? -1 : 0);
	}
	ck_assert_uint_eq(journal_room(w), 0);
	run_all(j);
	ck_assert_uint_gt(journal_room(w), 0);
	journal_free(j);
	disk_free(d);
}
END_TEST

/* ---- power cuts ---- */

struct explorer {
	const struct journal_options *options;
	uint32_t sent, acked, released; /* records */
	bool durable;
	unsigned cuts, images, random; /* random: images a cut; 0: all */
	uint64_t seed;
};

/* What one image holds: a run of records, from the released ones to between acked and sent. */
static void
image_check(struct explorer *x, struct disk *image)
{
	struct found f;
	struct journal *j = open_journal(image, x->options, &f);
	uint32_t first = f.count == 0 ? x->released : f.list[0];

	ck_assert_uint_eq(f.damage, 0);
	ck_assert_uint_le(first, x->released);
	for (uint32_t i = 0; i < f.count; i++)
		ck_assert_uint_eq(f.list[i], first + i);
	if (x->durable)
		ck_assert_uint_ge(first + f.count, x->acked);
	ck_assert_uint_le(first + f.count, x->sent);
	journal_free(j);
	x->images++;
}

static void
cut(void *arg, struct disk *d)
{
	struct explorer *x = arg;
	struct choice c = x->random == 0 ? choice_all() : choice_seed(x->seed++);
	unsigned left = x->random;
	struct disk *image;

	x->cuts++;
	for (;;) {
		image = disk_memory_image(d, &c);
		image_check(x, image);
		disk_free(image);
		if (x->random == 0 ? !choice_next(&c) : --left == 0)
			break;
		if (x->random != 0)
			c = choice_seed(x->seed++);
	}
}

/* Each image of the second life comes from an image of the first: a cut in the recovery too. */
static void
explore(struct explorer *x, unsigned commits, unsigned records)
{
	struct disk *d = disk_memory(1 << 24);
	struct found f;
	struct journal *j = open_journal(d, x->options, &f);
	struct journal_writer *w = journal_writer_new(j, &DOORBELL_NONE);
	uint64_t ticket = 0;

	disk_memory_on_change(d, cut, x);
	for (unsigned k = 0; k < commits; k++) {
		for (unsigned r = 0; r < records; r++)
			ck_assert_int_eq(put(w, x->sent++), 0);
		ticket = journal_submit(w);
		run_all(j);
		ck_assert_uint_eq(journal_done(w), ticket);
		x->acked = x->sent;
		if (journal_free_segments(j) < 2) {
			if (x->options->policy == JOURNAL_INTERVAL) {
				journal_want_mark(j);
				run_all(j);
			}
			journal_release(j, journal_synced(j));
			x->released = x->sent;
		}
	}
	disk_memory_on_change(d, NULL, NULL);
	journal_free(j);
	disk_free(d);
	printf("%u cuts, %u images\n", x->cuts, x->images);
}

START_TEST(every_cut_of_a_short_log)
{
	struct explorer x = { .options = &small, .durable = true };

	explore(&x, 24, 9);
	ck_assert_uint_gt(x.images, 50);
}
END_TEST

START_TEST(cuts_of_a_long_log)
{
	struct seed s = seed_start("cuts_of_a_long_log");
	struct explorer x = { .options = &small, .durable = true, .random = 6,
		.seed = seed_next(&s) >> 8 };

	explore(&x, 250, 6);
}
END_TEST

START_TEST(cuts_with_interval_leave_a_prefix)
{
	const struct journal_options o = { .segment_bytes = SEGMENT, .segments = 4,
		.policy = JOURNAL_INTERVAL, .interval_ns = INT64_MAX };
	struct seed s = seed_start("cuts_with_interval");
	struct explorer x = { .options = &o, .random = 6, .seed = seed_next(&s) >> 8 };

	explore(&x, 150, 3);
}
END_TEST

/* Lives that each end in a cut, and whose next starts from what it left. */
START_TEST(cut_after_cut)
{
	struct seed s = seed_start("cut_after_cut");
	struct disk *d = disk_memory(1 << 24), *image;
	struct explorer x = { .options = &small, .durable = true };
	struct choice c;

	for (unsigned life = 0; life < 300; life++) {
		struct found f;
		struct journal *j = open_journal(d, &small, &f);
		struct journal_writer *w = journal_writer_new(j, &DOORBELL_NONE);
		uint32_t first = f.count == 0 ? x.sent : f.list[0];

		ck_assert_uint_eq(f.damage, 0);
		ck_assert_uint_le(f.count == 0 ? x.released : first, x.released);
		if (f.count > 0 || x.released < x.acked)
			ck_assert_uint_ge(first + f.count, x.acked);
		x.sent = x.acked = f.count > 0 ? first + f.count : x.acked;
		for (unsigned k = seed_below(&s, 12); k > 0; k--) {
			for (unsigned r = 1 + seed_below(&s, 4); r > 0; r--)
				ck_assert_int_eq(put(w, x.sent++), 0);
			journal_submit(w);
			run_all(j);
			x.acked = x.sent;
			if (journal_free_segments(j) < 2 || seed_below(&s, 50) == 0) {
				journal_release(j, journal_synced(j));
				x.released = x.sent;
			}
		}
		/* One commit more, of which anything may be left. */
		if (put(w, x.sent++) == 0 && seed_below(&s, 2) == 0)
			journal_submit(w);
		run_all(j);
		if (journal_done(w) == journal_ticket(w) - 1 && journal_room(w) > 0)
			x.acked = x.sent - (journal_submit(w) > journal_done(w) ? 1 : 0);
		c = choice_seed(seed_next(&s) >> 8);
		image = disk_memory_image(d, &c);
		journal_free(j);
		disk_free(d);
		d = image;
	}
	disk_free(d);
}
END_TEST

/* ---- faults ---- */

static const enum fault faults[] = { FAULT_ERROR, FAULT_SHORT, FAULT_HALF_ERROR, FAULT_SYNC_LOST,
	FAULT_DIE, FAULT_DIE_HALF, FAULT_DIE_AFTER };

/* Runs with the n-th call failing; false when there was no n-th call. */
static bool
fault_run(enum fault what, uint64_t nth, bool for_good)
{
	struct disk *below = disk_memory(1 << 24), *d = disk_faulty(below), *image;
	struct fault_plan plan = { .what = what, .error = EIO, .nth = nth, .for_good = for_good,
		.kinds = FAULT_CHANGES | 1u << DISK_CALL_OPEN };
	const struct fault_plan none = { .what = FAULT_NONE };
	struct explorer x = { .options = &small, .durable = true };
	struct choice c = choice_seed(nth);
	struct journal_writer *w;
	struct journal *j;
	struct found f;
	bool hit;

	j = open_journal(d, &small, &f);
	w = journal_writer_new(j, &DOORBELL_NONE);
	disk_faulty_plan(d, &plan);
	for (unsigned k = 0; k < 40 && x.acked == x.sent; k++) {
		for (unsigned r = 0; r < 5; r++)
			ck_assert_int_eq(put(w, x.sent++), 0);
		journal_submit(w);
		run_all(j);
		if (journal_done(w) == journal_ticket(w) - 1)
			x.acked = x.sent;
		if (journal_free_segments(j) < 2) {
			journal_release(j, journal_synced(j));
			x.released = x.acked;
		}
	}
	hit = disk_faulty_hit(d);
	image = disk_memory_image(below, &c);
	image_check(&x, image);
	disk_free(image);
	if (what < FAULT_DIE && x.acked != x.sent) { /* the disk is well again */
		struct err err;

		disk_faulty_plan(d, &none);
		journal_release(j, journal_synced(j));
		x.released = x.acked;
		run_all(j);
		if (journal_error(j, &err))
			ck_abort_msg("call %u: %s", (unsigned)nth, err.text);
		ck_assert_uint_eq(journal_done(w), journal_ticket(w) - 1);
		x.acked = x.sent;
	}
	ck_assert(!disk_faulty_wrote_on(d));
	journal_free(j);
	image = disk_memory_image(below, &c);
	image_check(&x, image);
	disk_free(image);
	disk_free(d);
	disk_free(below);
	return (hit);
}

START_TEST(every_call_fails_once)
{
	uint64_t n = 1;

	while (fault_run(faults[_i], n, false))
		n++;
	ck_assert_uint_gt(n, 40);
	for (n = 1; fault_run(faults[_i], n, true); n++)
		;
}
END_TEST

/* ---- damage ---- */

#define DAMAGE_RECORDS 24u

static struct disk *
damage_base(void)
{
	struct disk *d = disk_memory(1 << 24);
	struct found f;
	struct journal *j = open_journal(d, &small, &f);
	struct journal_writer *w = journal_writer_new(j, &DOORBELL_NONE);

	for (uint32_t i = 0; i < DAMAGE_RECORDS; i++) {
		ck_assert_int_eq(put(w, i), 0);
		if (i % 4 == 3)
			journal_submit(w);
		run_all(j);
	}
	journal_want_mark(j);
	run_all(j);
	journal_free(j);
	return (d);
}

struct damage {
	size_t at; /* byte of all files, one behind the other */
	uint8_t mask;
	size_t seen;
	bool done;
};

static void
damage_do(void *arg, const char *path, uint8_t *data, size_t n)
{
	struct damage *x = arg;

	(void)path;
	if (!x->done && x->at >= x->seen && x->at - x->seen < n) {
		data[x->at - x->seen] ^= x->mask;
		x->done = true;
	}
	x->seen += n;
}

START_TEST(one_bit_costs_one_record)
{
	struct disk *d = damage_base();
	struct found f;
	struct journal *j;

	for (size_t at = 0;; at++) {
		struct damage x = { .at = at, .mask = (uint8_t)(1u << (at * 5 + at / 8) % 8) };
		struct disk *copy = disk_memory_copy(d);

		disk_memory_each(copy, damage_do, &x);
		if (!x.done) {
			disk_free(copy);
			break;
		}
		j = open_journal(copy, &small, &f);
		ck_assert_uint_ge(f.count, DAMAGE_RECORDS - 1);
		ck_assert_uint_le(f.count, DAMAGE_RECORDS);
		ck_assert(f.count == DAMAGE_RECORDS || f.damage > 0);
		for (uint32_t i = 1; i < f.count; i++)
			ck_assert_uint_lt(f.list[i - 1], f.list[i]);
		journal_free(j);
		disk_free(copy);
	}
	disk_free(d);
}
END_TEST

START_TEST(any_length_is_left)
{
	struct disk *d = damage_base();

	for (uint64_t n = 0; n < 6000; n += 61) {
		struct disk *copy = disk_memory_copy(d);
		int h = disk_open(copy, DISK_ROOT, "00000000.jnl", DISK_WRITE);
		struct found f;
		struct journal *j;

		ck_assert_int_eq(disk_truncate(copy, h, n), 0);
		disk_close(copy, h);
		j = open_journal(copy, &small, &f);
		for (uint32_t i = 0; i < f.count; i++)
			ck_assert_uint_eq(f.list[i], i);
		ck_assert(f.count == DAMAGE_RECORDS || n < 512 || f.damage > 0);
		journal_free(j);
		disk_free(copy);
	}
	disk_free(d);
}
END_TEST

START_TEST(foreign_files_are_left_alone)
{
	struct disk *d = damage_base();
	uint8_t *p, *q;
	size_t n, m;
	struct err err;
	struct found f;
	struct journal *j;

	p = disk_load(d, DISK_ROOT, "00000000.jnl", 1 << 20, &n);
	ck_assert_int_eq(disk_replace(d, DISK_ROOT, "00000007.jnl", p, n, &err), 0);
	p[16] ^= 1; /* both copies of the header */
	p[272] ^= 1;
	ck_assert_int_eq(disk_replace(d, DISK_ROOT, "00000008.jnl", p, n, &err), 0);
	ck_assert_int_eq(disk_replace(d, DISK_ROOT, "notes.txt", "hello", 5, &err), 0);
	j = open_journal(d, &small, &f);
	ck_assert_uint_eq(f.count, DAMAGE_RECORDS);
	ck_assert_uint_eq(f.damage, 2);
	journal_free(j);
	q = disk_load(d, DISK_ROOT, "00000008.jnl", 1 << 20, &m);
	ck_assert_uint_eq(m, n);
	ck_assert_int_eq(memcmp(p, q, n), 0);
	free(p);
	free(q);
	disk_free(d);
}
END_TEST

/* ---- the thread ---- */

struct pusher {
	struct journal_writer *w;
	struct doorbell bell;
	uint32_t from, count;
	bool here; /* it does the commit itself, when it can */
};

static void *
push(void *arg)
{
	struct pusher *p = arg;
	struct pollfd fd = { .fd = p->bell.wait, .events = POLLIN };
	uint32_t i = 0;

	while (i < p->count || journal_done(p->w) + 1 < journal_ticket(p->w)) {
		if (i < p->count && put(p->w, p->from + i) == 0) {
			i++;
			if (p->here)
				journal_submit_here(p->w);
			else if (i % 3 == 0 || i == p->count)
				journal_submit(p->w);
			continue;
		}
		journal_submit(p->w);
		(void)poll(&fd, 1, 1000);
		doorbell_clear(&p->bell);
	}
	return (NULL);
}

static const enum journal_policy policies[] = { JOURNAL_DURABLE, JOURNAL_INTERVAL, JOURNAL_NONE };

START_TEST(threads)
{
	const struct journal_options o = { .segment_bytes = 1 << 20, .segments = 8,
		.policy = policies[_i], .interval_ns = 1000000 };
	struct disk *d = disk_memory(1 << 24);
	struct pusher p[3];
	pthread_t thread[3];
	struct found f;
	struct err err;
	struct journal *j = open_journal(d, &o, &f);
	bool seen[3 * 600] = { false };

	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(doorbell_make(&p[i].bell, &err), 0);
		p[i].w = journal_writer_new(j, &p[i].bell);
		p[i].from = i * 600;
		p[i].count = 600;
		p[i].here = i == 0;
	}
	ck_assert_int_eq(journal_start(j, &err), 0);
	for (unsigned i = 0; i < 3; i++)
		pthread_create(&thread[i], NULL, push, &p[i]);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	journal_want_mark(j);
	journal_free(j);
	for (unsigned i = 0; i < 3; i++)
		doorbell_close(&p[i].bell);
	j = open_journal(d, &o, &f);
	ck_assert_uint_eq(f.count, 1800);
	for (unsigned i = 0; i < f.count; i++) {
		ck_assert(f.list[i] % 600 == 0 || seen[f.list[i] - 1]); /* in order each */
		seen[f.list[i]] = true;
	}
	journal_free(j);
	disk_free(d);
}
END_TEST

UNIT_MAIN("store_journal",
    tcase_add_test(tc, comes_back);
    tcase_add_test(tc, is_used_again);
    tcase_add_test(tc, is_full);
    tcase_add_test(tc, refuses_what_never_fits);
    tcase_add_test(tc, every_cut_of_a_short_log);
    tcase_add_test(tc, cuts_of_a_long_log);
    tcase_add_test(tc, cuts_with_interval_leave_a_prefix);
    tcase_add_test(tc, cut_after_cut);
    unit_rows(tc, every_call_fails_once, faults);
    tcase_add_test(tc, one_bit_costs_one_record);
    tcase_add_test(tc, any_length_is_left);
    tcase_add_test(tc, foreign_files_are_left_alone);
    unit_rows(tc, threads, policies);)
