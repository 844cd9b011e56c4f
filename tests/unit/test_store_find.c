/*
 * Looking up reads what blocks say of themselves and the messages that are found, and looks through no
 * block (issue 5: "all without scanning").  Counted in bytes that come from the disk, cold.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/disk_memory.h"
#include "natsd-js/store/store.h"
#include "tests/unit/unit.h"

/* ---- a disk that counts ---- */

struct counting {
	struct disk head;
	struct disk *below;
	uint64_t bytes;
};

static struct counting *
counting_of(struct disk *d)
{
	return ((struct counting *)(void *)d);
}

#define BELOW(d) counting_of(d)->below

static int
c_open(struct disk *d, int dir, const char *name, enum disk_open how)
{
	return (BELOW(d)->ops->open(BELOW(d), dir, name, how));
}

static int
c_close(struct disk *d, int handle)
{
	return (BELOW(d)->ops->close(BELOW(d), handle));
}

static ssize_t
c_pread(struct disk *d, int handle, void *to, size_t n, uint64_t at)
{
	ssize_t got = BELOW(d)->ops->pread(BELOW(d), handle, to, n, at);

	counting_of(d)->bytes += got > 0 ? (uint64_t)got : 0;
	return (got);
}

static ssize_t
c_pwritev(struct disk *d, int handle, const struct iovec *v, int n, uint64_t at)
{
	return (BELOW(d)->ops->pwritev(BELOW(d), handle, v, n, at));
}

static int
c_sync(struct disk *d, int handle)
{
	return (BELOW(d)->ops->sync(BELOW(d), handle));
}

static int
c_truncate(struct disk *d, int handle, uint64_t n)
{
	return (BELOW(d)->ops->truncate(BELOW(d), handle, n));
}

static int
c_size(struct disk *d, int handle, uint64_t *n)
{
	return (BELOW(d)->ops->size(BELOW(d), handle, n));
}

static int
c_rename(struct disk *d, int a, const char *from, int b, const char *to)
{
	return (BELOW(d)->ops->rename(BELOW(d), a, from, b, to));
}

static int
c_unlink(struct disk *d, int dir, const char *name, bool is_dir)
{
	return (BELOW(d)->ops->unlink(BELOW(d), dir, name, is_dir));
}

static int
c_mkdir(struct disk *d, int dir, const char *name)
{
	return (BELOW(d)->ops->mkdir(BELOW(d), dir, name));
}

static int
c_list(struct disk *d, int dir, disk_list_fn *fn, void *arg)
{
	return (BELOW(d)->ops->list(BELOW(d), dir, fn, arg));
}

static int
c_lock(struct disk *d, int handle)
{
	return (BELOW(d)->ops->lock(BELOW(d), handle));
}

static int
c_space(struct disk *d, int dir, uint64_t *n)
{
	return (BELOW(d)->ops->space(BELOW(d), dir, n));
}

static void
c_free(struct disk *d)
{
	(void)d;
}

static const struct disk_ops counting_ops = { .open = c_open, .close = c_close, .pread = c_pread,
	.pwritev = c_pwritev, .sync = c_sync, .truncate = c_truncate, .size = c_size,
	.rename = c_rename, .unlink = c_unlink, .mkdir = c_mkdir, .list = c_list, .lock = c_lock,
	.space = c_space, .free = c_free };

/* ---- what is looked up ---- */

#define MESSAGES 40000u
#define RARE 1000u /* each so manieth message */

static void
must(enum store_result result, const struct err *err)
{
	if (result != STORE_OK)
		ck_abort_msg("%d: %s", result, err->text);
}

static struct store *
open_store(struct disk *d)
{
	struct store_options o = store_options_default();
	struct store *store;
	struct err err;

	o.journal.segment_bytes = 1u << 20;
	o.journal.segments = 6;
	o.block_bytes = 64u << 10;
	o.read_cache = 32u << 10; /* what some blocks say of themselves, not all */
	o.care_rate = 0;
	o.thread = false;
	store = store_open(d, &o, &err);
	if (store == NULL)
		ck_abort_msg("%s", err.text);
	return (store);
}

/* Each thousandth is of rare.0 to rare.3, each ten thousandth of w.x.made. */
static const char *
subject_of(unsigned seq, char text[32])
{
	if (seq % (10 * RARE) == RARE / 2)
		return ("w.x.made");
	if (seq % RARE == 0)
		snprintf(text, 32, "rare.%u", seq / RARE % 4);
	else
		snprintf(text, 32, "many.%u", seq % 3000);
	return (text);
}

static void
fill(struct store *store)
{
	struct stream_config c = { .account = STR("A"), .name = STR("S"), .created = 1 };
	static const char payload[128];
	struct stream *s;
	struct err err;
	char text[32];

	must(stream_create(store, &c, &s, &err), &err);
	for (unsigned seq = 1; seq <= MESSAGES; seq++) {
		struct store_message m = { .subject = str_of(subject_of(seq, text)), .time = seq,
			.payload = { .p = payload, .n = sizeof(payload) } };

		while (stream_append(s, &m, &err) != STORE_OK)
			must(store_checkpoint(store, &err), &err);
	}
	must(store_checkpoint(store, &err), &err);
	must(store_checkpoint(store, &err), &err);
}

struct cold {
	struct counting *disk;
	struct store *store;
	struct stream *stream;
};

static void
cold_open(struct cold *x)
{
	x->store = open_store(&x->disk->head);
	x->stream = stream_find(x->store, STR("A"), STR("S"));
	ck_assert_ptr_nonnull(x->stream);
	x->disk->bytes = 0;
}

static void
load(struct stream *s)
{
	struct store_message m;
	struct err err;

	must(stream_load(s, MESSAGES / 2, &m, &err), &err);
}

static void
last_of(struct stream *s)
{
	struct store_message m;
	struct err err;

	must(stream_last(s, STR("many.77"), UINT64_MAX, &m, &err), &err);
	ck_assert_uint_eq(m.seq, 39077);
}

/* All that match from a sequence on: as many as there are. */
static void
walk(struct stream *s, const struct str *subjects, unsigned n, uint64_t from, unsigned expect)
{
	struct stream_filter *f = stream_filter_new(s, subjects, n);
	struct store_message m = { .seq = 0 };
	unsigned count = 0;

	for (uint64_t at = from; stream_next(f, at, &m, NULL) == STORE_OK; at = m.seq + 1)
		count++;
	ck_assert_uint_eq(count, expect);
	stream_filter_free(f);
}

static void
next_literal(struct stream *s)
{
	walk(s, &STR("rare.1"), 1, 1, 10);
}

static void
next_wildcard(struct stream *s)
{
	walk(s, &STR("rare.*"), 1, 1, 40);
}

static void
next_several(struct stream *s)
{
	const struct str subjects[] = { STR("rare.1"), STR("w.>"), STR("none") };

	walk(s, subjects, 3, 1, 14);
}

static void
next_from_the_middle(struct stream *s)
{
	walk(s, &STR("*.*.made"), 1, MESSAGES / 2, 2);
}

static void
filtered(struct stream *s, const struct str *subjects, unsigned n, uint64_t from, unsigned expect)
{
	struct stream_filter *f = stream_filter_new(s, subjects, n);
	struct filter_state st;
	struct err err;

	must(stream_filtered(f, from, &st, &err), &err);
	ck_assert_uint_eq(st.messages, expect);
	stream_filter_free(f);
}

static void
count_all(struct stream *s)
{
	filtered(s, &STR("rare.*"), 1, 0, 40);
	filtered(s, &STR("rare.2"), 1, 0, 10);
	filtered(s, (const struct str[]){ STR("rare.2"), STR("w.*.*"), STR("rare.2") }, 3, 0, 14);
	filtered(s, &STR("many.*"), 1, 1, MESSAGES - 44);
}

static void
count_from_the_middle(struct stream *s)
{
	filtered(s, &STR("rare.*"), 1, MESSAGES / 2 + 1, 20);
	filtered(s, (const struct str[]){ STR("rare.2"), STR("w.*.*") }, 2, MESSAGES / 2 + 1, 7);
}

static void
lasts(struct stream *s)
{
	const struct str subjects[] = { STR("rare.1"), STR("rare.3"), STR("w.x.made"), STR("none") };
	struct stream_filter *f = stream_filter_new(s, subjects, 4);
	uint64_t seqs[8];
	unsigned n;
	struct err err;

	must(stream_lasts(f, UINT64_MAX, seqs, 8, &n, &err), &err);
	ck_assert_uint_eq(n, 3);
	ck_assert_uint_eq(seqs[0], 30500);
	ck_assert_uint_eq(seqs[1], 37000);
	ck_assert_uint_eq(seqs[2], 39000);
	stream_filter_free(f);
}

static void
seen(void *arg, struct str subject, const struct filter_state *st)
{
	unsigned *count = arg;

	(void)subject;
	*count += st->messages > 0;
}

static void
subjects(struct stream *s)
{
	struct stream_filter *f = stream_filter_new(s, &STR("*.*"), 1);
	unsigned count = 0;
	struct err err;

	must(stream_subjects(f, seen, &count, &err), &err);
	ck_assert_uint_eq(count, 3001);
	stream_filter_free(f);
}

static const struct look {
	const char *what;
	void (*look)(struct stream *);
	unsigned per_mille; /* of all bytes in blocks, at most */
} looks[] = {
	{ "load", load, 3 },
	{ "last of a subject", last_of, 3 },
	{ "next, literal", next_literal, 150 },
	{ "next, wildcard", next_wildcard, 170 },
	{ "next, several", next_several, 150 },
	{ "next, from the middle", next_from_the_middle, 80 },
	{ "state of filters", count_all, 0 },
	{ "state of filters, from the middle", count_from_the_middle, 170 },
	{ "last of several", lasts, 0 },
	{ "subjects", subjects, 0 },
};

static void
sum_blocks(void *arg, const char *path, uint8_t *data, size_t n)
{
	uint64_t *sum = arg;

	(void)data;
	*sum += strstr(path, ".blk") != NULL ? n : 0;
}

START_TEST(looking_up_scans_no_block)
{
	struct disk *below = disk_memory(256u << 20);
	struct counting d = { .head = { .ops = &counting_ops }, .below = below };
	struct cold x = { .disk = &d };
	uint64_t all = 0;

	x.store = open_store(&d.head);
	fill(x.store);
	store_abandon(x.store);
	disk_memory_each(below, sum_blocks, &all);
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		cold_open(&x);
		looks[i].look(x.stream);
		printf("%-36s %8u of %u bytes\n", looks[i].what, (unsigned)d.bytes, (unsigned)all);
		if (d.bytes > all * looks[i].per_mille / 1000)
			ck_abort_msg("%s: %u of %u bytes", looks[i].what, (unsigned)d.bytes,
			    (unsigned)all);
		store_abandon(x.store);
	}
	disk_free(below);
}
END_TEST

/* A subject that comes later, or comes back, is on the list of those who asked before. */
START_TEST(new_subjects_are_seen)
{
	struct disk *d = disk_memory(64u << 20);
	struct store *store = open_store(d);
	struct stream_config c = { .account = STR("A"), .name = STR("S"), .created = 1 };
	static const char payload[2000];
	struct stream_filter *f;
	struct store_message found = { .seq = 0 };
	unsigned expect = 0, count = 0;
	struct stream *s;
	struct err err;
	char text[32];

	must(stream_create(store, &c, &s, &err), &err);
	f = stream_filter_new(s, &STR("new.*"), 1);
	for (unsigned i = 0; i < 3000; i++) {
		struct store_message m = { .time = i, .payload = { .p = payload, .n = sizeof(payload) } };

		snprintf(text, sizeof(text), i % 50 == 0 ? "new.%u" : "old.%u", i / 100);
		m.subject = str_of(text);
		while (stream_append(s, &m, &err) != STORE_OK)
			must(store_checkpoint(store, &err), &err);
		if (i % 100 == 50 && i % 300 == 50)
			while (stream_remove(s, m.seq, &err) != STORE_OK)
				must(store_checkpoint(store, &err), &err);
		else
			expect += i % 50 == 0;
		if (i % 400 == 0) {
			must(store_checkpoint(store, &err), &err);
			must(store_checkpoint(store, &err), &err);
			for (uint64_t at = 1; stream_next(f, at, &found, NULL) == STORE_OK;)
				at = found.seq + 1;
		}
	}
	for (uint64_t at = 1; stream_next(f, at, &found, NULL) == STORE_OK; at = found.seq + 1)
		count++;
	ck_assert_uint_eq(count, expect);
	stream_filter_free(f);
	store_abandon(store);
	disk_free(d);
}
END_TEST

UNIT_MAIN("store_find",
    tcase_add_test(tc, looking_up_scans_no_block);
    tcase_add_test(tc, new_subjects_are_seen);)
