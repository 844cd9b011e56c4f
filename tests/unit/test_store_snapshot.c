/*
 * Snapshots show one moment, whatever happens to the stream meanwhile; what is restored from one is
 * that stream, all of it or nothing.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cursor.h"
#include "common/disk_faulty.h"
#include "common/disk_memory.h"
#include "natsd-js/store/record.h"
#include "natsd-js/store/restore.h"
#include "natsd-js/store/snapshot.h"
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

static struct store *
open_with(struct disk *d, bool thread, const char *index)
{
	struct store_options o = store_options_default();
	struct store *store;
	struct err err;

	o.journal.segment_bytes = 32u << 10;
	o.journal.segments = 6;
	o.block_bytes = 4096;
	o.write_cache = 20000;
	o.write_age_ns = 3600 * NS_PER_S; /* no clock decides what a seed does */
	o.read_cache = 20000;
	o.large_bytes = 1500;
	o.thread = thread;
	o.report = report;
	o.index = index;
	o.subject_cache = 500;
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

static struct store *
open_large(struct disk *d)
{
	struct store_options o = store_options_default();
	struct err err;
	struct store *store;

	o.journal.segment_bytes = 1u << 20;
	o.journal.segments = 6;
	o.block_bytes = 1u << 20;
	o.write_cache = 2u << 20;
	o.read_cache = 1u << 20;
	o.thread = false;
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

static bool
is_long(void)
{
	return (getenv("NATSD_LONG") != NULL);
}

/* ---- taking and restoring ---- */

#define TAKEN_MAX (4u << 20)

struct taken {
	struct snapshot *snap;
	uint8_t *bytes;
	size_t n;
};

static void
take_begin(struct taken *t, struct stream *s)
{
	struct err err;

	*t = (struct taken){ .bytes = malloc(TAKEN_MAX) };
	ck_assert_ptr_nonnull(t->bytes);
	must(snapshot_begin(s, &t->snap, &err), &err);
}

/* Up to `room` bytes more; false: that was all. */
static enum store_result
take_some(struct taken *t, size_t room)
{
	size_t n;
	struct err err;
	enum store_result result = snapshot_read(t->snap, t->bytes + t->n,
	    room < TAKEN_MAX - t->n ? room : TAKEN_MAX - t->n, &n, &err);

	if (result == STORE_NONE)
		return (STORE_NONE);
	must(result, &err);
	t->n += n;
	return (n == 0 ? STORE_NONE : STORE_OK);
}

static void
take_free(struct taken *t)
{
	snapshot_end(t->snap);
	free(t->bytes);
	*t = (struct taken){ .snap = NULL };
}

static void
take_all(struct taken *t, struct stream *s)
{
	take_begin(t, s);
	while (take_some(t, 65536) == STORE_OK)
		;
	snapshot_end(t->snap);
	t->snap = NULL;
}

/* In pieces of up to `piece` bytes; the result of the first call that is neither OK nor BUSY. */
static enum store_result
restore_from(struct store *store, struct str name, const struct taken *t, size_t piece,
    struct restore **r, struct err *err)
{
	struct stream_config c = { .account = STR("ACC"), .name = name };
	enum store_result result;
	size_t at = 0, n, taken;

	while ((result = restore_begin(store, &c, r, err)) == STORE_BUSY)
		must(store_checkpoint(store, err), err);
	while (result == STORE_OK && at < t->n) {
		n = t->n - at < piece ? t->n - at : piece;
		result = restore_write(*r, t->bytes + at, n, &taken, err);
		at += taken;
		if (result == STORE_BUSY)
			result = store_checkpoint(store, err);
	}
	return (result);
}

static enum store_result
restore_finish(struct store *store, struct restore **r, struct stream **s, struct err *err)
{
	enum store_result result = STORE_OK;

	do {
		if (result == STORE_BUSY && (result = store_checkpoint(store, err)) != STORE_OK)
			return (result);
		result = restore_end(r, s, err);
	} while (result == STORE_BUSY);
	return (result);
}

static struct stream *
restored(struct store *store, struct str name, const struct taken *t, size_t piece)
{
	struct restore *r;
	struct stream *s;
	struct err err;

	must(restore_from(store, name, t, piece, &r, &err), &err);
	ck_assert_ptr_null(stream_find(store, STR("ACC"), name));
	must(restore_finish(store, &r, &s, &err), &err);
	must(store_wait(store, &err), &err);
	ck_assert_ptr_eq(stream_find(store, STR("ACC"), name), s);
	return (s);
}

/* ---- one moment ---- */

#define SNAPSHOTS 3u

struct running {
	struct taken taken;
	struct model_stream *then;
	unsigned stream;
	uint32_t life;
	bool active;
};

static void
running_begin(struct running *x, struct model *m, struct store *store, struct seed *seed)
{
	struct stream *s;

	x->stream = seed_below(seed, MODEL_STREAMS);
	s = stream_find(store, STR("ACC"), model_name(x->stream));
	if (s == NULL)
		return;
	*x->then = m->streams[x->stream];
	x->life = m->streams[x->stream].life;
	take_begin(&x->taken, s);
	x->active = true;
}

/* What was erased meanwhile it does not show: in all that it did not say yet.  Both are right. */
static void
compare(struct running *x, const struct model *m, struct stream *copy)
{
	struct store_message found;
	const char *why;

	for (uint64_t seq = 1; seq <= x->then->last; seq++)
		if (x->then->messages[seq].here &&
		    m->streams[x->stream].erased[seq] > x->then->erasures)
			x->then->messages[seq].here = stream_load(copy, seq, &found, NULL) ==
			    STORE_OK;
	why = model_stream_differs(x->then, copy);
	if (why != NULL)
		ck_abort_msg("%s", why);
}

static void
running_end(struct running *x, const struct model *m, struct seed *seed, const char *index)
{
	struct disk *d = disk_memory(64u << 20);
	struct store *store = open_with(d, false, index);
	size_t piece = seed_below(seed, 4) == 0 ? 1 + seed_below(seed, 60) :
	    1 + seed_below(seed, 40000);
	struct stream *s;

	s = restored(store, model_name(x->stream), &x->taken, piece);
	compare(x, m, s);
	store_abandon(store);
	store = open_with(d, false, index);
	s = stream_find(store, STR("ACC"), model_name(x->stream));
	ck_assert_ptr_nonnull(s);
	compare(x, m, s);
	store_abandon(store);
	disk_free(d);
	take_free(&x->taken);
	x->active = false;
}

/* A piece of each; several may be over because the stream, or the store, is. */
static void
running_step(struct running *x, const struct model *m, struct seed *seed, const char *index)
{
	enum store_result result = STORE_OK;

	for (unsigned i = seed_below(seed, 4); i > 0 && result == STORE_OK; i--)
		result = take_some(&x->taken, 1 + seed_below(seed, 3000));
	if (result == STORE_OK)
		return;
	if (!m->streams[x->stream].here || m->streams[x->stream].life != x->life) {
		take_free(&x->taken);
		x->active = false;
		return;
	}
	running_end(x, m, seed, index);
}

START_TEST(it_shows_one_moment)
{
	struct seed seed = seed_start("it_shows_one_moment");
	struct disk *d = disk_memory(64u << 20);
	struct model *m = calloc(1, sizeof(*m));
	struct running x[SNAPSHOTS] = { 0 };
	char dir[] = STORE_DIR_INIT, other[] = STORE_DIR_INIT;
	const char *index = _i == 2 ? mkdtemp(dir) : NULL, *index2 = _i == 2 ? mkdtemp(other) : NULL;
	struct store *store = open_with(d, _i == 1, index);
	struct mono now_mono = mono_now();
	unsigned turns = is_long() ? 60000 : 2500;
	int64_t now = 1000;
	struct err err;

	damage_reports = 0;
	for (unsigned i = 0; i < SNAPSHOTS; i++)
		x[i].then = calloc(1, sizeof(*x[i].then));
	for (unsigned turn = 0; turn < turns; turn++) {
		for (unsigned n = seed_below(&seed, 6); n > 0; n--)
			if (!model_step(m, store, &seed, now += 3))
				break;
		now_mono = mono_add_ms(now_mono, 150);
		store_turn(store, now_mono);
		must(store_wait(store, &err), &err);
		if (store_wants_checkpoint(store) || seed_below(&seed, 100) == 0)
			must(store_checkpoint(store, &err), &err);
		for (unsigned i = 0; i < SNAPSHOTS; i++)
			if (x[i].active)
				running_step(&x[i], m, &seed, index2);
			else if (seed_below(&seed, 10) == 0)
				running_begin(&x[i], m, store, &seed);
		if (seed_below(&seed, 400) == 0) { /* those that are read end with the store */
			store_abandon(store);
			for (unsigned i = 0; i < SNAPSHOTS; i++) {
				if (x[i].active) {
					ck_assert(take_some(&x[i].taken, 10) == STORE_NONE);
					take_free(&x[i].taken);
				}
				x[i].active = false;
			}
			store = open_with(d, _i == 1, index);
			if (model_differs(m, store) != NULL)
				ck_abort_msg("%s", model_differs(m, store));
		}
	}
	if (damage_reports != 0)
		ck_abort_msg("%s", last_report);
	for (unsigned i = 0; i < SNAPSHOTS; i++) {
		take_free(&x[i].taken);
		free(x[i].then);
	}
	ck_assert_int_eq(store_close(store, &err), 0);
	if (index != NULL) {
		store_dir_remove(index);
		store_dir_remove(index2);
	}
	disk_free(d);
	free(m);
}
END_TEST

/* ---- what goes meanwhile ---- */

static struct stream *
make(struct store *store, struct str name)
{
	struct stream_config c = { .account = STR("ACC"), .name = name, .created = 77 };
	struct stream *s;
	struct err err;

	must(stream_create(store, &c, &s, &err), &err);
	return (s);
}

static void
put_text(struct store *store, struct stream *s, const char *text)
{
	struct store_message m = { .subject = STR("a.b"), .payload = str_of(text), .time = 5 };
	struct err err;

	while (stream_append(s, &m, NULL) != STORE_OK)
		must(store_checkpoint(store, &err), &err);
}

static void
fill(struct store *store, struct stream *s, unsigned n)
{
	char text[200];

	for (unsigned i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "message %u of some length, %0100u", i, i);
		put_text(store, s, text);
	}
}

static void
count_blocks(void *arg, const char *path, uint8_t *data, size_t n)
{
	unsigned *count = arg;

	(void)data;
	(void)n;
	*count += strstr(path, ".blk") != NULL;
}

static unsigned
blocks(struct disk *d)
{
	unsigned count = 0;

	disk_memory_each(d, count_blocks, &count);
	return (count);
}

/* _i: purged while all is in files, while some waits; then the files go when it was read. */
START_TEST(what_is_purged_stays_for_it)
{
	struct disk *d = disk_memory(64u << 20);
	struct store *store = open_store(d);
	struct stream *s = make(store, STR("S")), *copy;
	uint64_t purged, digest, again;
	struct taken t;
	struct err err;

	fill(store, s, 200);
	if (_i == 0)
		must(store_checkpoint(store, &err), &err);
	ck_assert(stream_digest(s, 1, 200, &digest, NULL) == STORE_OK);
	take_begin(&t, s);
	ck_assert(take_some(&t, 3000) == STORE_OK);
	ck_assert(stream_purge_all(s, &purged, NULL) == STORE_OK);
	fill(store, s, 10);
	must(store_checkpoint(store, &err), &err);
	must(store_checkpoint(store, &err), &err);
	if (_i == 0)
		ck_assert_uint_gt(blocks(d), 3);
	while (take_some(&t, 3000) == STORE_OK)
		;
	must(store_checkpoint(store, &err), &err);
	ck_assert_uint_eq(blocks(d), 1);
	copy = restored(store, STR("COPY"), &t, 5000);
	ck_assert(stream_digest(copy, 1, 200, &again, NULL) == STORE_OK);
	ck_assert(digest == again);
	ck_assert_int_eq(stream_created(copy), 77);
	take_free(&t);
	store_abandon(store);
	disk_free(d);
}
END_TEST

/* Files that stayed for a snapshot do not outlive the process. */
START_TEST(a_kill_leaves_no_file_of_it)
{
	struct disk *d = disk_memory(64u << 20);
	struct store *store = open_store(d);
	struct stream *s = make(store, STR("S"));
	struct taken t;
	uint64_t purged;
	struct err err;

	fill(store, s, 200);
	must(store_checkpoint(store, &err), &err);
	take_begin(&t, s);
	ck_assert(stream_purge_all(s, &purged, NULL) == STORE_OK);
	must(store_checkpoint(store, &err), &err);
	ck_assert_uint_gt(blocks(d), 3);
	store_abandon(store);
	take_free(&t);
	damage_reports = 0;
	store = open_store(d);
	must(store_checkpoint(store, &err), &err);
	ck_assert_uint_eq(blocks(d), 0);
	ck_assert_uint_eq(damage_reports, 0);
	store_abandon(store);
	disk_free(d);
}
END_TEST

#define SECRET "the secret that nobody may read"

static void
search(void *arg, const char *path, uint8_t *data, size_t n)
{
	unsigned *found = arg;

	(void)path;
	for (size_t i = 0; i + sizeof(SECRET) - 1 <= n; i++)
		*found += memcmp(data + i, SECRET, sizeof(SECRET) - 1) == 0;
}

/* _i: it stands in a block that stays for the snapshot, written anew meanwhile, or not. */
START_TEST(what_is_erased_is_in_no_byte)
{
	struct disk *d = disk_memory(64u << 20);
	struct store *store = _i == 0 ? open_store(d) : open_large(d);
	struct stream *s = make(store, STR("S")), *copy;
	struct mono now = mono_now();
	struct store_message m;
	unsigned found = 0, more = _i == 0 ? 1000 : 8000;
	struct taken t;
	struct err err;
	uint64_t cut;

	for (unsigned i = 0; i < 20; i++)
		put_text(store, s, "a message of some length");
	put_text(store, s, SECRET);
	fill(store, s, more);
	must(store_checkpoint(store, &err), &err);
	take_begin(&t, s);
	ck_assert(take_some(&t, 200) == STORE_OK);
	for (uint64_t seq = 23; _i == 1 && seq <= more; seq++)
		while (stream_remove(s, seq, NULL) != STORE_OK)
			must(store_checkpoint(store, &err), &err);
	for (unsigned i = 0; _i == 1 && i < 30; i++) {
		now = mono_add_ms(now, 1000);
		store_turn(store, now);
		must(store_wait(store, &err), &err);
	}
	must(store_checkpoint(store, &err), &err);
	ck_assert(stream_erase(s, 21, &cut, NULL) == STORE_OK);
	while (store_cuts(store) < cut)
		must(store_checkpoint(store, &err), &err);
	store_run(store);
	disk_memory_each(d, search, &found);
	ck_assert_uint_eq(found, 0);
	while (take_some(&t, 3000) == STORE_OK)
		;
	search(&found, "", t.bytes, t.n);
	ck_assert_uint_eq(found, 0);
	copy = restored(store, STR("COPY"), &t, 5000);
	ck_assert(stream_load(copy, 20, &m, NULL) == STORE_OK);
	ck_assert(stream_load(copy, 21, &m, NULL) == STORE_NONE);
	ck_assert(stream_load(copy, 22, &m, NULL) == STORE_OK);
	take_free(&t);
	store_abandon(store);
	disk_free(d);
}
END_TEST

START_TEST(it_ends_with_its_stream)
{
	struct disk *d = disk_memory(64u << 20);
	struct store *store = open_store(d);
	struct stream *s = make(store, STR("S"));
	struct taken t;
	struct err err;

	fill(store, s, 100);
	take_begin(&t, s);
	ck_assert(take_some(&t, 3000) == STORE_OK);
	must(stream_delete(s, &err), &err);
	must(store_checkpoint(store, &err), &err);
	ck_assert(take_some(&t, 3000) == STORE_NONE);
	take_free(&t);
	store_abandon(store);
	disk_free(d);
}
END_TEST

static void
flip(void *arg, const char *path, uint8_t *data, size_t n)
{
	(void)arg;
	if (strstr(path, "00000001.blk") != NULL && n > 2000)
		data[2000] ^= 4;
}

START_TEST(what_the_medium_lost_is_said)
{
	struct disk *d = disk_memory(64u << 20);
	struct store *store = open_store(d);
	struct stream *s = make(store, STR("S")), *copy;
	struct stream_state st;
	struct store_message m;
	unsigned lost = 0;
	struct taken t;
	struct err err;

	fill(store, s, 100);
	must(store_checkpoint(store, &err), &err);
	disk_memory_each(d, flip, NULL);
	take_all(&t, s);
	copy = restored(store, STR("COPY"), &t, 5000);
	stream_state(copy, &st);
	ck_assert_uint_eq(st.lost, 1);
	ck_assert_uint_eq(st.messages, 99);
	ck_assert_uint_eq(st.last_seq, 100);
	for (uint64_t seq = 1; seq <= 100; seq++)
		lost += stream_load(copy, seq, &m, NULL) == STORE_DAMAGED;
	ck_assert_uint_eq(lost, 1);
	take_free(&t);
	store_abandon(store);
	disk_free(d);
}
END_TEST

/* ---- all or nothing ---- */

struct whole { /* a stream to be restored */
	struct model_stream is;
	struct taken taken;
};

/* Fixed, with everything in it. */
static struct whole *
whole_make(unsigned steps)
{
	struct whole *w = calloc(1, sizeof(*w));
	struct model *m = calloc(1, sizeof(*m));
	struct disk *d = disk_memory(64u << 20);
	struct store *store = open_store(d);
	struct seed seed = { .state = 42 };
	struct stream *s;
	int64_t now = 1000;
	struct err err;

	for (unsigned i = 0; i < steps || !m->streams[0].here; i++) {
		(void)model_step(m, store, &seed, now += 3);
		if (store_wants_checkpoint(store))
			must(store_checkpoint(store, &err), &err);
	}
	s = stream_find(store, STR("ACC"), model_name(0));
	take_all(&w->taken, s);
	w->is = m->streams[0];
	store_abandon(store);
	disk_free(d);
	free(m);
	return (w);
}

static void
whole_free(struct whole *w)
{
	take_free(&w->taken);
	free(w);
}

static void
in_streams(void *arg, const char *path, uint8_t *data, size_t n)
{
	bool *found = arg;

	(void)data;
	(void)n;
	*found |= strstr(path, "streams/") != NULL || strstr(path, "quarantine/") != NULL;
}

static void
must_be(const struct whole *w, struct stream *s)
{
	const char *why = model_stream_differs(&w->is, s);

	if (why != NULL)
		ck_abort_msg("%s", why);
}

/* Nothing of it, or all of it; which. */
static bool
is_there(struct disk *d, const struct whole *w)
{
	struct store *store;
	bool files = false;
	struct stream *s;
	struct err err;

	damage_reports = 0;
	store = open_store(d);
	s = stream_find(store, STR("ACC"), STR("R"));
	if (s != NULL)
		must_be(w, s);
	if (damage_reports != 0)
		ck_abort_msg("%s", last_report);
	must(store_checkpoint(store, &err), &err);
	store_abandon(store);
	disk_memory_each(d, in_streams, &files);
	ck_assert(files == (s != NULL));
	return (s != NULL);
}

struct cuts {
	const struct whole *whole;
	uint64_t seed;
	unsigned images, there;
	bool acked;
};

static void
cut(void *arg, struct disk *d)
{
	struct cuts *x = arg;
	struct choice c = choice_seed(x->seed++);
	struct disk *image = disk_memory_image(d, &c);
	bool there = is_there(image, x->whole);

	ck_assert(there || !x->acked);
	x->images++;
	x->there += there;
	disk_free(image);
}

START_TEST(a_cut_leaves_all_or_nothing)
{
	struct whole *w = whole_make(600);
	struct cuts x = { .whole = w, .seed = 1000 };
	unsigned rounds = is_long() ? 100 : 12;

	for (unsigned i = 0; i < rounds; i++) {
		struct disk *d = disk_memory(64u << 20);
		struct store *store = open_store(d);
		struct restore *r;
		struct stream *s;
		struct err err;

		disk_memory_on_change(d, cut, &x);
		x.acked = false;
		must(restore_from(store, STR("R"), &w->taken, 3000, &r, &err), &err);
		must(restore_finish(store, &r, &s, &err), &err);
		must(store_wait(store, &err), &err);
		x.acked = true;
		for (unsigned k = 0; k < 2; k++) {
			must(stream_remove(s, 0, &err) == STORE_NONE ? STORE_OK : STORE_ERROR, &err);
			must(store_checkpoint(store, &err), &err);
			cut(&x, d);
		}
		disk_memory_on_change(d, NULL, NULL);
		store_abandon(store);
		disk_free(d);
	}
	printf("%u images, %u with it\n", x.images, x.there);
	ck_assert_uint_gt(x.there, rounds);
	whole_free(w);
}
END_TEST

static const enum fault faults[] = { FAULT_ERROR, FAULT_SHORT, FAULT_HALF_ERROR, FAULT_SYNC_LOST,
	FAULT_DIE, FAULT_DIE_HALF, FAULT_DIE_AFTER };
static const int errors[] = { EIO, ENOSPC, EMFILE };

static bool
fault_run(const struct whole *w, enum fault what, int error, uint64_t nth)
{
	struct disk *below = disk_memory(64u << 20), *d = disk_faulty(below), *image;
	struct fault_plan plan = { .what = what, .error = error, .nth = nth,
		.kinds = FAULT_ALL_CALLS & ~(1u << DISK_CALL_READ | 1u << DISK_CALL_OTHER) };
	const struct fault_plan none = { .what = FAULT_NONE };
	struct store *store = open_store(d);
	struct choice c = choice_seed(nth * 5 + 1);
	struct restore *r = NULL;
	enum store_result result;
	struct stream *s;
	bool hit, there;
	struct err err;

	disk_faulty_plan(d, &plan);
	result = restore_from(store, STR("R"), &w->taken, 3000, &r, &err);
	if (result == STORE_OK)
		result = restore_finish(store, &r, &s, &err);
	if (result == STORE_OK)
		result = store_wait(store, &err);
	hit = disk_faulty_hit(d);
	if (what < FAULT_DIE) { /* one fault is survived, or said */
		disk_faulty_plan(d, &none);
		if (result == STORE_FULL || result == STORE_ERROR)
			must(store_checkpoint(store, &err), &err);
		if (result == STORE_OK)
			must_be(w, s);
	}
	image = disk_memory_image(below, &c);
	restore_abandon(r);
	store_abandon(store);
	there = is_there(image, w);
	ck_assert(there || result != STORE_OK);
	if (result == STORE_OK && what >= FAULT_DIE)
		ck_assert(!hit);
	disk_free(image);
	disk_free(d);
	disk_free(below);
	return (hit);
}

START_TEST(every_call_fails_once)
{
	struct whole *w = whole_make(300);
	uint64_t n = 1;

	while (fault_run(w, faults[_i], errors[n % 3], n))
		n++;
	printf("%u calls\n", (unsigned)n);
	ck_assert_uint_gt(n, 20);
	whole_free(w);
}
END_TEST

START_TEST(one_that_is_given_up_leaves_nothing)
{
	struct whole *w = whole_make(600);

	for (unsigned i = 0; i < 4; i++) {
		struct disk *d = disk_memory(64u << 20);
		struct store *store = open_store(d);
		struct taken half = { .bytes = w->taken.bytes, .n = w->taken.n * i / 3 };
		struct restore *r;
		struct err err;

		must(restore_from(store, STR("R"), &half, 3000, &r, &err), &err);
		if (i % 2 == 0)
			must(store_checkpoint(store, &err), &err);
		restore_abandon(r);
		must(store_checkpoint(store, &err), &err);
		ck_assert_ptr_null(stream_find(store, STR("ACC"), STR("R")));
		if (i > 1) /* or the next life finds it */
			must(store_checkpoint(store, &err), &err);
		store_abandon(store);
		ck_assert(!is_there(d, w));
		disk_free(d);
	}
	whole_free(w);
}
END_TEST

/* The name may be taken meanwhile. */
START_TEST(the_name_belongs_to_who_is_first)
{
	struct whole *w = whole_make(100);
	struct disk *d = disk_memory(64u << 20);
	struct store *store = open_store(d);
	struct stream *s, *other;
	struct restore *r, *r2;
	struct err err;

	must(restore_from(store, STR("R"), &w->taken, 3000, &r, &err), &err);
	must(restore_from(store, STR("R"), &w->taken, 3000, &r2, &err), &err);
	other = make(store, STR("R"));
	must(store_checkpoint(store, &err), &err);
	ck_assert(restore_end(&r, &s, &err) == STORE_ERROR);
	must(stream_delete(other, &err), &err);
	must(restore_finish(store, &r, &s, &err), &err);
	ck_assert(restore_end(&r2, &s, &err) == STORE_ERROR);
	ck_assert(restore_begin(store, &(struct stream_config){ .account = STR("ACC"),
		.name = STR("R") }, &r, &err) == STORE_ERROR);
	restore_abandon(r2);
	must(store_wait(store, &err), &err);
	store_abandon(store);
	ck_assert(is_there(d, w));
	disk_free(d);
	whole_free(w);
}
END_TEST

/* Deleted, and all of that forgotten but for the journal. */
START_TEST(deleted_again_it_is_not_missed)
{
	struct whole *w = whole_make(100);
	struct disk *d = disk_memory(64u << 20);
	struct store *store = open_store(d);
	struct stream *s = restored(store, STR("R"), &w->taken, 3000);
	struct err err;

	put_text(store, s, "more");
	must(stream_delete(s, &err), &err);
	for (unsigned i = 0; i < 3; i++)
		must(store_checkpoint(store, &err), &err);
	store_abandon(store);
	ck_assert(!is_there(d, w));
	disk_free(d);
	whole_free(w);
}
END_TEST

/* ---- bytes that are not right ---- */

/* The bytes are refused, and why; nothing of them is left. */
static void
must_refuse(const struct taken *t, size_t upto, const char *say)
{
	struct disk *d = disk_memory(64u << 20);
	struct store *store = open_store(d);
	struct restore *r;
	struct stream *s;
	struct err err = { .sys = 0 };
	enum store_result result = restore_from(store, STR("R"), t, 3000, &r, &err);
	unsigned at;

	if (result == STORE_OK)
		result = restore_finish(store, &r, &s, &err);
	ck_assert(result == STORE_ERROR);
	ck_assert_ptr_nonnull(strstr(err.text, say));
	ck_assert_int_eq(sscanf(strstr(err.text, "byte "), "byte %u", &at), 1);
	ck_assert_uint_le(at, upto);
	restore_abandon(r);
	ck_assert_ptr_null(stream_find(store, STR("ACC"), STR("R")));
	store_abandon(store);
	disk_free(d);
}

START_TEST(a_flipped_bit_is_found)
{
	struct whole *w = whole_make(60);
	unsigned step = is_long() ? 1 : 37;

	for (size_t bit = 0; bit < w->taken.n * 8; bit += step) {
		w->taken.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		must_refuse(&w->taken, w->taken.n, "snapshot: ");
		w->taken.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	whole_free(w);
}
END_TEST

START_TEST(an_end_that_is_missing_is_found)
{
	struct whole *w = whole_make(60);
	struct taken t = w->taken;

	for (t.n = 0; t.n < w->taken.n; t.n += 13)
		must_refuse(&t, t.n, "it has no end");
	whole_free(w);
}
END_TEST

/* Records swapped, left out, said twice, of another snapshot, and more behind the end. */
START_TEST(records_that_do_not_belong_are_found)
{
	struct whole *w = whole_make(100), *other = whole_make(100);
	size_t at[2] = { 0, 0 };
	struct record r;
	struct taken t = { .bytes = malloc(TAKEN_MAX) };

	/* The same bytes, but for the id: each place of one is of the other. */
	ck_assert_uint_eq(w->taken.n, other->taken.n);
	record_peek(w->taken.bytes, &r);
	at[0] = record_padded(r.bytes);
	record_peek(w->taken.bytes + at[0], &r);
	at[1] = at[0] + record_padded(r.bytes);
	memcpy(t.bytes, w->taken.bytes, w->taken.n);
	memcpy(t.bytes + at[0], other->taken.bytes + at[0], at[1] - at[0]);
	t.n = w->taken.n;
	must_refuse(&t, at[0], "does not verify");
	memcpy(t.bytes, w->taken.bytes, at[0]);
	memcpy(t.bytes + at[0], w->taken.bytes + at[1], w->taken.n - at[1]);
	t.n = w->taken.n - (at[1] - at[0]);
	must_refuse(&t, at[0], "does not verify");
	memcpy(t.bytes, w->taken.bytes, at[1]);
	memcpy(t.bytes + at[1], w->taken.bytes + at[0], w->taken.n - at[0]);
	t.n = w->taken.n + at[1] - at[0];
	must_refuse(&t, at[1], "does not verify");
	memcpy(t.bytes, w->taken.bytes, w->taken.n);
	memset(t.bytes + w->taken.n, 0, 64);
	t.n = w->taken.n + 64;
	must_refuse(&t, t.n, "snapshot: ");
	free(t.bytes);
	whole_free(w);
	whole_free(other);
}
END_TEST

/* ---- bytes that verify, and make no sense ---- */

struct sealed {
	uint8_t bytes[4096];
	size_t n;
	uint32_t link;
};

#define SEALED_ID 99u

static void
seal(struct sealed *x, struct record r)
{
	r.link = x->link;
	record_encode(x->bytes + x->n,
	    record_place(x->n == 0 ? 0 : SEALED_ID, RECORD_IN_SNAPSHOT, 0, x->n), &r);
	x->link = (uint32_t)r.check;
	x->n += record_length(&r);
}

static void
seal_numbers(struct sealed *x, struct record r, const uint64_t *numbers, size_t count)
{
	uint8_t payload[64];
	struct wr out = wr_of(payload, sizeof(payload));

	for (size_t i = 0; i < count; i++)
		wr_u64(&out, numbers[i]);
	r.payload = (struct str){ .p = (const char *)payload, .n = 8 * count };
	seal(x, r);
}

static const struct senseless {
	const char *say;
	uint8_t version, types[3];
	uint64_t seqs[3], lasts[3]; /* as they come; of ranges and of the end */
	uint64_t messages, lost, records;
} senseless[] = {
	{ NULL, 1, { 2, 2, 6 }, { 1, 2, 2 }, { 0 }, 2, 0, 3 }, /* this one is right */
	{ "of no such type", 1, { 2, 8, 6 }, { 1, 2, 2 }, { 0 }, 2, 0, 3 },
	{ "does not follow", 1, { 2, 2, 6 }, { 1, 1, 2 }, { 0 }, 2, 0, 3 },
	{ "does not follow", 1, { 2, 2, 6 }, { 2, 3, 3 }, { 0 }, 2, 0, 3 },
	{ "does not follow", 1, { 2, 2, 6 }, { 1, 3, 3 }, { 0 }, 2, 0, 3 },
	{ "do not follow", 1, { 2, 3, 6 }, { 1, 2, 5 }, { 0, 9 }, 1, 0, 3 },
	{ "do not follow", 1, { 2, 3, 6 }, { 1, 2, 5 }, { 0, 1 }, 1, 0, 3 },
	{ "do not follow", 1, { 2, 3, 6 }, { 1, 3, 5 }, { 0, 5 }, 1, 0, 3 },
	{ "an end that", 1, { 2, 2, 6 }, { 1, 2, 3 }, { 0 }, 2, 0, 3 },
	{ "an end that", 1, { 2, 2, 6 }, { 1, 2, 2 }, { 0 }, 3, 0, 3 },
	{ "an end that", 1, { 2, 2, 6 }, { 1, 2, 2 }, { 0 }, 2, 1, 3 },
	{ "an end that", 1, { 2, 2, 6 }, { 1, 2, 2 }, { 0 }, 2, 0, 4 },
	{ "not known", 2, { 2, 2, 6 }, { 1, 2, 2 }, { 0 }, 2, 0, 3 },
	{ "no such size", 1, { 4, 2, 6 }, { 1, 1, 1 }, { 0 }, 1, 0, 3 },
	{ "a mark that", 1, { 5, 2, 6 }, { 1, 1, 1 }, { 0 }, 1, 0, 3 },
};

START_TEST(what_makes_no_sense_is_refused)
{
	const struct senseless *row = &senseless[_i];
	struct record head = { .type = RECORD_IDENTITY, .flags = row->version, .seq = SEALED_ID };
	struct sealed x = { .n = 0 };
	struct taken t = { .bytes = x.bytes };
	struct store *store;
	struct disk *d;

	seal_numbers(&x, head, (const uint64_t[]){ row->seqs[2], 0, 0, 0 }, 4);
	for (unsigned i = 0; i < 3; i++) {
		struct record r = { .type = row->types[i], .seq = row->seqs[i],
			.time = (int64_t)row->lasts[i] };

		if (r.type == RECORD_POINT)
			seal_numbers(&x, r, (const uint64_t[]){ row->messages,
				30 * row->messages, row->lost, row->records }, 4);
		else
			seal(&x, r);
	}
	t.n = x.n;
	if (row->say != NULL) {
		must_refuse(&t, t.n, row->say);
		return;
	}
	d = disk_memory(64u << 20);
	store = open_store(d);
	(void)restored(store, STR("R"), &t, 1000);
	store_abandon(store);
	disk_free(d);
}
END_TEST

/* The example of FORMAT, section 7. */
START_TEST(the_bytes_are_those_of_the_format)
{
	static const char expect[] = "17f9cbe47021476e000000004a00000007010100010000008877665544332211"
	    "0500000000000000415307000000000000000900000000000000010000000000"
	    "00002500000000000000000000000000"
	    "0f9b30c8de36882817f9cbe42800000003000000000000000100000000000000"
	    "0600000000000000";
	uint8_t payload[32] = { 7, [8] = 9, [16] = 1, [24] = 37 }, bytes[120];
	struct record head = { .type = RECORD_IDENTITY, .flags = 1, .time = 5, .subject = STR("A"),
		.seq = UINT64_C(0x1122334455667788), .headers = STR("S"),
		.payload = { .p = (const char *)payload, .n = sizeof(payload) } };
	struct record gap = { .type = RECORD_REMOVED, .seq = 1, .time = 6 };
	char text[2 * sizeof(bytes) + 1];

	record_encode(bytes, record_place(0, RECORD_IN_SNAPSHOT, 0, 0), &head);
	ck_assert_uint_eq(record_length(&head), 80);
	gap.link = (uint32_t)head.check;
	record_encode(bytes + 80, record_place(head.seq, RECORD_IN_SNAPSHOT, 0, 80), &gap);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		snprintf(text + 2 * (size_t)i, 3, "%02x", bytes[i]);
	ck_assert_str_eq(text, expect);
}
END_TEST

/* ---- bounded ---- */

static size_t
anonymous_bytes(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	unsigned long kb = 0;
	char line[128];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "RssAnon:", 8) == 0)
			(void)sscanf(line + 8, "%lu", &kb);
	if (f != NULL)
		fclose(f);
	return (kb * 1024);
}

#define LARGE_MESSAGES 60000u
#define LARGE_BYTES 1024u
#define LARGE_MEMORY (16u << 20)

/* 60 MB go through 64 KiB, and memory stays what it was but for the caches. */
START_TEST(memory_is_bounded)
{
	char dir[] = STORE_DIR_INIT;
	const char *path = mkdtemp(dir);
	struct disk *d = store_dir_open(path);
	struct store *store = open_large(d);
	struct stream_config c = { .account = STR("A"), .name = STR("COPY") };
	struct stream *s = make(store, STR("S")), *copy;
	static uint8_t payload[LARGE_BYTES], piece[65536];
	size_t n, taken, before, most = 0;
	uint64_t total = 0, digest, again;
	struct snapshot *snap;
	struct restore *r;
	enum store_result result;
	struct err err;

	for (unsigned i = 0; i < LARGE_MESSAGES; i++) {
		struct store_message m = { .subject = STR("a"), .time = 1,
			.payload = { .p = (const char *)payload, .n = sizeof(payload) } };

		memcpy(payload, &i, sizeof(i));
		while (stream_append(s, &m, NULL) != STORE_OK)
			must(store_checkpoint(store, &err), &err);
	}
	must(store_checkpoint(store, &err), &err);
	before = anonymous_bytes();
	must(snapshot_begin(s, &snap, &err), &err);
	must(restore_begin(store, &c, &r, &err), &err);
	while (snapshot_read(snap, piece, sizeof(piece), &n, &err) == STORE_OK && n > 0) {
		for (size_t at = 0; at < n; at += taken) {
			result = restore_write(r, piece + at, n - at, &taken, &err);
			if (result == STORE_BUSY)
				result = store_checkpoint(store, &err);
			must(result, &err);
		}
		total += n;
		most = most > anonymous_bytes() ? most : anonymous_bytes();
	}
	must(restore_finish(store, &r, &copy, &err), &err);
	snapshot_end(snap);
	ck_assert_uint_gt(total, (uint64_t)LARGE_MESSAGES * LARGE_BYTES);
	printf("%zu KiB more, for %u KiB\n", (most - before) / 1024, (unsigned)(total / 1024));
	if (getenv("NATSD_SANITIZED") == NULL || strcmp(getenv("NATSD_SANITIZED"), "yes") != 0)
		ck_assert_uint_lt(most, before + LARGE_MEMORY);
	ck_assert(stream_digest(s, 1, LARGE_MESSAGES, &digest, &err) == STORE_OK);
	ck_assert(stream_digest(copy, 1, LARGE_MESSAGES, &again, &err) == STORE_OK);
	ck_assert(digest == again);
	store_abandon(store);
	disk_free(d);
	store_dir_remove(path);
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

START_TEST(what_expires_is_due_when_it_is_there)
{
	struct disk *d = disk_memory(32u << 20);
	struct store *store = open_store(d);
	struct stream *s = make(store, STR("S"));
	int64_t now = wall_now().ns;
	struct mono at = mono_now();
	struct store_message m = { .subject = STR("a"), .expires = now + NS_PER_S, .time = now };
	struct restore *r;
	struct taken t;
	struct err err;

	must(stream_append(s, &m, &err), &err);
	take_all(&t, s);
	must(stream_delete(s, &err), &err);
	store_due(store, at, due, NULL);
	must(restore_from(store, STR("R"), &t, 3000, &r, &err), &err);
	store_due(store, mono_add_ms(at, 1500), due, NULL);
	ck_assert_uint_eq(due_calls, 0);
	must(restore_finish(store, &r, &s, &err), &err);
	store_due(store, mono_add_ms(at, 3000), due, NULL);
	ck_assert_uint_eq(due_calls, 1);
	ck_assert(stream_expire(s, now + 2 * NS_PER_S, NULL, NULL, &err) == STORE_OK);
	ck_assert(stream_load(s, 1, &m, NULL) == STORE_NONE);
	take_free(&t);
	store_abandon(store);
	disk_free(d);
}
END_TEST

UNIT_MAIN("store_snapshot",
    tcase_add_loop_test(tc, it_shows_one_moment, 0, 3);
    tcase_add_loop_test(tc, what_is_purged_stays_for_it, 0, 2);
    tcase_add_test(tc, a_kill_leaves_no_file_of_it);
    tcase_add_loop_test(tc, what_is_erased_is_in_no_byte, 0, 2);
    tcase_add_test(tc, it_ends_with_its_stream);
    tcase_add_test(tc, what_the_medium_lost_is_said);
    tcase_add_test(tc, a_cut_leaves_all_or_nothing);
    unit_rows(tc, every_call_fails_once, faults);
    tcase_add_test(tc, one_that_is_given_up_leaves_nothing);
    tcase_add_test(tc, the_name_belongs_to_who_is_first);
    tcase_add_test(tc, deleted_again_it_is_not_missed);
    tcase_add_test(tc, a_flipped_bit_is_found);
    tcase_add_test(tc, an_end_that_is_missing_is_found);
    tcase_add_test(tc, records_that_do_not_belong_are_found);
    unit_rows(tc, what_makes_no_sense_is_refused, senseless);
    tcase_add_test(tc, the_bytes_are_those_of_the_format);
    tcase_add_test(tc, memory_is_bounded);
    tcase_add_test(tc, what_expires_is_due_when_it_is_there);)
