/*
 * Items of the checklist of faults that the store alone can show, one test each.
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

	o.journal.segment_bytes = 16u << 10;
	o.journal.segments = 6;
	o.block_bytes = 4096;
	o.large_bytes = 1500;
	o.thread = false;
	o.report = report;
	o.write_age_ns = 3600 * NS_PER_S;
	reports = 0;
	store = store_open(d, &o, &err);
	if (store == NULL)
		ck_abort_msg("%s", err.text);
	return (store);
}

static struct stream *
make(struct store *store, const char *name)
{
	struct stream_config c = { .account = STR("A"), .name = str_of(name), .created = 77 };
	struct stream *s;

	ck_assert(stream_create(store, &c, &s, NULL) == STORE_OK);
	return (s);
}

static struct stream *
find(struct store *store, const char *name)
{
	struct stream *s = stream_find(store, STR("A"), str_of(name));

	ck_assert_ptr_nonnull(s);
	return (s);
}

static void
checkpoint(struct store *store)
{
	struct err err;

	if (store_checkpoint(store, &err) != STORE_OK)
		ck_abort_msg("%s", err.text);
	store_run(store);
}

/* The sequence that it got; 0: none. */
static uint64_t
put_at(struct store *store, struct stream *s, int64_t time)
{
	struct store_message m = { .subject = STR("s"), .payload = STR("a payload of some bytes"),
		.time = time };
	enum store_result result = stream_append(s, &m, NULL);

	if (result == STORE_BUSY) {
		checkpoint(store);
		result = stream_append(s, &m, NULL);
	}
	if (result != STORE_OK)
		return (0);
	if (store_wait(store, NULL) != STORE_OK)
		return (0);
	ck_assert_int_ge(m.time, time);
	return (m.seq);
}

/* ---- 13 ---- */

struct flip {
	size_t at, seen;
	uint8_t mask;
	bool journal; /* may be hit, too */
};

static void
flip_do(void *arg, const char *path, uint8_t *data, size_t n)
{
	struct flip *x = arg;

	if (strstr(path, "/lock") != NULL || (!x->journal && strstr(path, ".jnl") != NULL))
		return;
	if (x->at >= x->seen && x->at - x->seen < n)
		data[x->at - x->seen] ^= x->mask;
	x->seen += n;
}

static void
flip_one(struct disk *d, struct seed *seed, bool journal)
{
	struct flip x = { .at = SIZE_MAX, .journal = journal };

	disk_memory_each(d, flip_do, &x);
	x.at = seed_next(seed) % x.seen;
	x.mask = (uint8_t)(1u << seed_below(seed, 8));
	x.seen = 0;
	disk_memory_each(d, flip_do, &x);
}

/* A bit flips in each pause between two lives.  After a kill it spares the journal, whose last commit
 * is open until another one says that it was durable. */
START_TEST(sequences_never_go_back_faults_13)
{
	struct seed seed = seed_start("sequences");
	struct disk *d = disk_memory(64u << 20), *before;
	struct store *store = open_store(d);
	struct stream *s = make(store, "S");
	uint64_t last = 0, seq, offline = 0;

	checkpoint(store);
	for (unsigned life = 0; life < 1000; life++) {
		bool clean = seed_below(&seed, 2) == 0;

		for (unsigned n = seed_below(&seed, 6); n > 0; n--) {
			seq = put_at(store, s, 1000);
			ck_assert_uint_gt(seq, last);
			last = seq;
		}
		if (seed_below(&seed, 4) == 0)
			(void)stream_purge_keep(s, 5, &seq, NULL);
		if (seed_below(&seed, 3) == 0)
			checkpoint(store);
		if (clean)
			ck_assert_int_eq(store_close(store, NULL), 0);
		else
			store_abandon(store);
		before = disk_memory_copy(d);
		flip_one(d, &seed, clean);
		store = open_store(d);
		s = stream_find(store, STR("A"), STR("S"));
		if (s == NULL || stream_fenced(s) != NULL) { /* all of its files are left alone */
			offline++;
			store_abandon(store);
			disk_free(d);
			d = before;
			store = open_store(d);
			s = find(store, "S");
		} else {
			disk_free(before);
		}
	}
	ck_assert_uint_lt(offline, 100);
	store_abandon(store);
	disk_free(d);
}
END_TEST

/* ---- 14 ---- */

START_TEST(times_never_decrease_faults_14)
{
	struct disk *d = disk_memory(64u << 20);
	struct store *store = open_store(d);
	struct stream *s = make(store, "S");
	int64_t hour = 3600 * NS_PER_S, now = 1000 * hour, last = 0;
	struct store_message m;
	uint64_t purged;

	for (unsigned i = 0; i < 40; i++) {
		m = (struct store_message){ .subject = STR("s"), .time = i % 4 == 3 ? now - hour : now };
		ck_assert(stream_append(s, &m, NULL) == STORE_OK);
		ck_assert_int_ge(m.time, last);
		last = m.time;
		ck_assert(store_wait(store, NULL) == STORE_OK);
		ck_assert(stream_load(s, m.seq, &m, NULL) == STORE_OK);
		ck_assert_int_eq(m.time, last);
		now += i % 2 == 0 ? NS_PER_S : -hour;
		if (i % 10 == 5) /* nothing is left that could say which was the last */
			ck_assert(stream_purge_all(s, &purged, NULL) == STORE_OK);
		if (i % 3 == 0)
			checkpoint(store);
		if (i % 5 == 0) {
			ck_assert(store_wait(store, NULL) == STORE_OK);
			store_abandon(store);
			store = open_store(d);
			s = find(store, "S");
		}
	}
	store_abandon(store);
	disk_free(d);
}
END_TEST

/* ---- 22 ---- */

static const char *const names[] = { "config", "consumer.a", "consumer.b" };

/* Each update is one commit of all three. */
static void
update(struct stream *s, uint32_t version)
{
	struct str value = { .p = (const char *)&version, .n = sizeof(version) };

	for (unsigned i = 0; i < 3; i++)
		(void)stream_put(s, str_of(names[i]), value, NULL);
}

static uint32_t
version_of(struct stream *s)
{
	uint32_t version = 0, other;
	struct str value;

	for (unsigned i = 0; i < 3; i++) {
		ck_assert(stream_get(s, str_of(names[i]), &value) == STORE_OK);
		ck_assert_uint_eq(value.n, sizeof(other));
		memcpy(&other, value.p, sizeof(other));
		ck_assert(i == 0 || other == version);
		version = other;
	}
	return (version);
}

static bool
count_key(void *arg, struct str key, struct str value)
{
	unsigned *count = arg;

	(void)key;
	(void)value;
	(*count)++;
	return (true);
}

/* 1,000 deaths at the calls of updates; each next life goes on with what it finds. */
START_TEST(config_survives_kills_faults_22)
{
	static const enum fault deaths[] = { FAULT_DIE, FAULT_DIE_HALF, FAULT_DIE_AFTER };
	struct disk *below = disk_memory(64u << 20);
	struct store *store = open_store(below);
	uint32_t acked = 1, found;
	unsigned kills = 0, keys;

	update(make(store, "S"), acked);
	checkpoint(store);
	store_abandon(store);
	for (uint64_t nth = 1; kills < 1000; nth = nth % 37 + 1) {
		struct disk *d = disk_faulty(below);
		struct fault_plan plan = { .what = deaths[kills % 3], .nth = nth,
			.kinds = FAULT_CHANGES };
		struct stream *s;

		store = open_store(d);
		s = find(store, "S");
		disk_faulty_plan(d, &plan);
		for (unsigned turn = 0; turn < 12 && !disk_faulty_hit(d); turn++) {
			update(s, acked + 1);
			if (store_wait(store, NULL) == STORE_OK)
				acked++;
			if (turn % 2 == 1)
				(void)store_checkpoint(store, NULL);
		}
		kills += disk_faulty_hit(d);
		store_abandon(store);
		disk_free(d);
		store = open_store(below);
		ck_assert_msg(reports == 0, "%s", last_report);
		s = find(store, "S");
		found = version_of(s);
		ck_assert(found == acked || found == acked + 1);
		acked = found;
		ck_assert_int_eq(stream_created(s), 77);
		keys = 0;
		stream_keys(s, count_key, &keys);
		ck_assert_uint_eq(keys, 3);
		checkpoint(store);
		store_abandon(store);
	}
	disk_free(below);
}
END_TEST

/* ---- 29 ---- */

struct state_flip {
	size_t bit;
	bool done;
};

static void
state_flip(void *arg, const char *path, uint8_t *data, size_t n)
{
	struct state_flip *x = arg;

	if (strstr(path, "/state") == NULL || x->bit / 8 >= n)
		return;
	data[x->bit / 8] ^= (uint8_t)(1u << x->bit % 8);
	x->done = true;
}

/* Any one bit of it: the consumer's state is the last one, from its second copy. */
START_TEST(consumer_state_has_a_second_copy_faults_29)
{
	struct disk *d = disk_memory(64u << 20), *copy;
	struct store *store = open_store(d);
	struct stream *s = make(store, "S");
	struct state_flip x = { .done = true };
	unsigned told = 0;
	struct str value;

	(void)put_at(store, s, 1000);
	ck_assert(stream_put(s, STR("consumer.a"), STR("floor 1"), NULL) == STORE_OK);
	checkpoint(store);
	ck_assert(stream_put(s, STR("consumer.a"), STR("floor 2"), NULL) == STORE_OK);
	ck_assert_int_eq(store_close(store, NULL), 0);
	for (x.bit = 0; x.done; x.bit++) {
		copy = disk_memory_copy(d);
		x.done = false;
		disk_memory_each(copy, state_flip, &x);
		store = open_store(copy);
		s = find(store, "S");
		ck_assert_ptr_null(stream_fenced(s));
		ck_assert(stream_get(s, STR("consumer.a"), &value) == STORE_OK);
		ck_assert_msg(str_eq(value, STR("floor 2")), "bit %zu", x.bit);
		told += reports;
		store_abandon(store);
		disk_free(copy);
	}
	ck_assert_uint_gt(told, 1000); /* all but those of the last batch, which is told as torn */
	disk_free(d);
}
END_TEST

/* ---- 35 ---- */

#define MESSAGES 200u

struct payload_flip {
	uint64_t seq; /* which */
	bool done;
};

/* Payload of sequence n: n, all over. */
static void
payload_flip(void *arg, const char *path, uint8_t *data, size_t n)
{
	struct payload_flip *x = arg;
	uint64_t look[3] = { x->seq, x->seq, x->seq };

	if (strstr(path, ".blk") == NULL)
		return;
	for (size_t i = 0; i + sizeof(look) <= n; i++)
		if (memcmp(data + i, look, sizeof(look)) == 0) {
			data[i + 9] ^= 1;
			x->done = true;
			return;
		}
}

START_TEST(lost_names_exactly_those_faults_35)
{
	struct disk *d = disk_memory(64u << 20);
	struct store *store = open_store(d);
	struct stream *s = make(store, "S");
	struct seed seed = seed_start("lost");
	bool hit[MESSAGES + 1] = { false };
	struct stream_state st;
	struct store_message m;
	unsigned hits = 0;

	for (uint64_t i = 1; i <= MESSAGES; i++) {
		uint64_t payload[250];
		size_t n = i % 20 == 0 ? sizeof(payload) : 64; /* some large ones */

		for (unsigned k = 0; k < 250; k++)
			payload[k] = 0x0101010101010000 + i;
		m = (struct store_message){ .subject = STR("s"), .time = 1,
			.payload = { .p = (const char *)payload, .n = n } };
		while (stream_append(s, &m, NULL) != STORE_OK)
			checkpoint(store);
		ck_assert(store_wait(store, NULL) == STORE_OK);
	}
	ck_assert_int_eq(store_close(store, NULL), 0);
	for (unsigned i = 0; i < 15; i++) {
		uint64_t seq = 1 + seed_below(&seed, MESSAGES);
		struct payload_flip x = { .seq = 0x0101010101010000 + seq };

		if (hit[seq])
			continue;
		disk_memory_each(d, payload_flip, &x);
		ck_assert(x.done);
		hit[seq] = true;
		hits++;
	}
	store = open_store(d);
	s = find(store, "S");
	for (uint64_t seq = 1; seq <= MESSAGES; seq++)
		ck_assert(stream_load(s, seq, &m, NULL) == (hit[seq] ? STORE_DAMAGED : STORE_OK));
	stream_state(s, &st);
	ck_assert_uint_eq(st.lost, hits);
	ck_assert_uint_eq(st.messages, MESSAGES - hits);
	ck_assert_uint_gt(reports, 0);
	store_abandon(store);
	disk_free(d);
}
END_TEST

/* ---- 45 ---- */

static void
spoil(void *arg, const char *path, uint8_t *data, size_t n)
{
	(void)arg;
	if (strcmp(path, "natsd/catalogue") == 0)
		memset(data, 'x', n);
}

static void
count_quarantine(void *arg, const char *path, uint8_t *data, size_t n)
{
	unsigned *count = arg;

	*count += strstr(path, "quarantine/") != NULL && n > 0 && data[0] == 'x';
}

START_TEST(quarantine_stays_faults_45)
{
	struct disk *d = disk_memory(64u << 20);
	struct store *store = open_store(d);
	unsigned count;

	(void)put_at(store, make(store, "S"), 1);
	ck_assert_int_eq(store_close(store, NULL), 0);
	disk_memory_each(d, spoil, NULL);
	store = open_store(d);
	ck_assert_uint_gt(reports, 0); /* the log says so */
	for (unsigned life = 0; life < 4; life++) {
		struct stream *s = stream_find(store, STR("A"), STR("S"));

		if (life == 2)
			ck_assert(stream_delete(s, NULL) == STORE_OK);
		checkpoint(store);
		checkpoint(store);
		ck_assert_int_eq(store_close(store, NULL), 0);
		count = 0;
		disk_memory_each(d, count_quarantine, &count);
		ck_assert_uint_eq(count, 1);
		store = open_store(d);
	}
	store_abandon(store);
	disk_free(d);
}
END_TEST

/* ---- 48 ---- */

/* A disk on which nothing beneath one folder can be written. */
struct spoilt {
	struct disk disk;
	struct disk *below;
	const struct disk_ops *ops;
	char folder[20];
	bool on;
	unsigned refused;
	bool beneath[4096]; /* handles */
};

static struct spoilt *
spoilt_of(struct disk *d)
{
	return ((struct spoilt *)d);
}

static bool
refuse(struct spoilt *x, int handle)
{
	if (!x->on || handle < 0 || handle >= 4096 || !x->beneath[handle])
		return (false);
	x->refused++;
	errno = EIO;
	return (true);
}

static int
spoilt_open(struct disk *d, int dir, const char *name, enum disk_open how)
{
	struct spoilt *x = spoilt_of(d);
	int handle;

	if (how == DISK_CREATE && refuse(x, dir))
		return (-1);
	handle = x->ops->open(x->below, dir, name, how);
	if (handle >= 0 && handle < 4096)
		x->beneath[handle] = strcmp(name, x->folder) == 0 ||
		    (dir >= 0 && dir < 4096 && x->beneath[dir]);
	return (handle);
}

static int
spoilt_close(struct disk *d, int handle)
{
	return (spoilt_of(d)->ops->close(spoilt_of(d)->below, handle));
}

static ssize_t
spoilt_pread(struct disk *d, int handle, void *p, size_t n, uint64_t at)
{
	return (spoilt_of(d)->ops->pread(spoilt_of(d)->below, handle, p, n, at));
}

static ssize_t
spoilt_pwritev(struct disk *d, int handle, const struct iovec *iov, int n, uint64_t at)
{
	struct spoilt *x = spoilt_of(d);

	return (refuse(x, handle) ? -1 : x->ops->pwritev(x->below, handle, iov, n, at));
}

static int
spoilt_sync(struct disk *d, int handle)
{
	struct spoilt *x = spoilt_of(d);

	return (refuse(x, handle) ? -1 : x->ops->sync(x->below, handle));
}

static int
spoilt_truncate(struct disk *d, int handle, uint64_t bytes)
{
	struct spoilt *x = spoilt_of(d);

	return (refuse(x, handle) ? -1 : x->ops->truncate(x->below, handle, bytes));
}

static int
spoilt_size(struct disk *d, int handle, uint64_t *bytes)
{
	return (spoilt_of(d)->ops->size(spoilt_of(d)->below, handle, bytes));
}

static int
spoilt_rename(struct disk *d, int from_dir, const char *from, int to_dir, const char *to)
{
	struct spoilt *x = spoilt_of(d);

	return (refuse(x, to_dir) ? -1 : x->ops->rename(x->below, from_dir, from, to_dir, to));
}

static int
spoilt_unlink(struct disk *d, int dir, const char *name, bool is_dir)
{
	struct spoilt *x = spoilt_of(d);

	return (refuse(x, dir) ? -1 : x->ops->unlink(x->below, dir, name, is_dir));
}

static int
spoilt_mkdir(struct disk *d, int dir, const char *name)
{
	return (spoilt_of(d)->ops->mkdir(spoilt_of(d)->below, dir, name));
}

static int
spoilt_list(struct disk *d, int dir, disk_list_fn *fn, void *arg)
{
	return (spoilt_of(d)->ops->list(spoilt_of(d)->below, dir, fn, arg));
}

static int
spoilt_lock(struct disk *d, int handle)
{
	return (spoilt_of(d)->ops->lock(spoilt_of(d)->below, handle));
}

static int
spoilt_space(struct disk *d, int dir, uint64_t *bytes)
{
	return (spoilt_of(d)->ops->space(spoilt_of(d)->below, dir, bytes));
}

static const struct disk_ops spoilt_ops = { .open = spoilt_open, .close = spoilt_close,
	.pread = spoilt_pread, .pwritev = spoilt_pwritev, .sync = spoilt_sync,
	.truncate = spoilt_truncate, .size = spoilt_size, .rename = spoilt_rename,
	.unlink = spoilt_unlink, .mkdir = spoilt_mkdir, .list = spoilt_list, .lock = spoilt_lock,
	.space = spoilt_space };

/* One stream's files cannot be written: of another one each change is done as before, with no call that
 * waits; reads of the first go on, and it heals. */
START_TEST(eio_of_one_stream_stays_its_own_faults_48)
{
	struct disk *below = disk_memory(64u << 20);
	struct spoilt x = { .disk.ops = &spoilt_ops, .below = below, .ops = below->ops };
	struct store *store = open_store(&x.disk);
	struct stream *bad = make(store, "bad"), *good = make(store, "good");
	struct mono now = mono_now();
	struct store_message m;

	(void)put_at(store, bad, 1);
	checkpoint(store);
	snprintf(x.folder, sizeof(x.folder), "%016" PRIx64, stream_uid(bad));
	x.on = true;
	(void)put_at(store, bad, 1);
	for (unsigned i = 1; i <= 60; i++) {
		m = (struct store_message){ .subject = STR("s"), .time = 1 };
		ck_assert(stream_append(good, &m, NULL) == STORE_OK);
		ck_assert_uint_eq(m.seq, i);
		ck_assert(store_wait(store, NULL) == STORE_OK);
		now = mono_add_ms(now, 3600 * 1000); /* a checkpoint each time */
		store_turn(store, now);
		store_turn(store, now);
	}
	ck_assert_uint_gt(x.refused, 0);
	ck_assert_ptr_null(stream_fenced(good));
	ck_assert_ptr_nonnull(stream_fenced(bad));
	ck_assert_ptr_nonnull(strstr(stream_fenced(bad), "input/output error"));
	ck_assert(stream_load(bad, 1, &m, NULL) == STORE_OK);
	ck_assert(stream_load(bad, 2, &m, NULL) == STORE_OK);
	ck_assert(stream_append(bad, &m, NULL) == STORE_FULL);
	x.on = false;
	checkpoint(store);
	ck_assert_ptr_null(stream_fenced(bad));
	ck_assert_uint_eq(put_at(store, bad, 1), 3);
	store_abandon(store);
	disk_free(below);
}
END_TEST

UNIT_MAIN("store_faults",
    tcase_add_test(tc, sequences_never_go_back_faults_13);
    tcase_add_test(tc, times_never_decrease_faults_14);
    tcase_add_test(tc, config_survives_kills_faults_22);
    tcase_add_test(tc, consumer_state_has_a_second_copy_faults_29);
    tcase_add_test(tc, lost_names_exactly_those_faults_35);
    tcase_add_test(tc, quarantine_stays_faults_45);
    tcase_add_test(tc, eio_of_one_stream_stays_its_own_faults_48);)
