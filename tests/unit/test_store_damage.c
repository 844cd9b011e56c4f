/*
 * What the medium does to a store: flipped bits, cut, missing, swapped and older files.  Never
 * wrong bytes, never a crash; the rest stays readable, and what is lost is named.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/disk_faulty.h"
#include "common/disk_memory.h"
#include "tests/unit/store_model.h"
#include "tests/unit/unit.h"

#define MESSAGES 60u

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
open_store(struct disk *d, struct err *err)
{
	struct store_options o = store_options_default();

	o.journal.segment_bytes = 16u << 10;
	o.journal.segments = 4;
	o.block_bytes = 2048;
	o.thread = false;
	o.report = report;
	reports = 0;
	return (store_open(d, &o, err));
}

static void
fill(unsigned i, struct store_message *m, uint8_t *memory)
{
	struct model_message mm = { .subject = (uint8_t)(i % 8), .what = i * 7 + 2,
		.time = 1000 + i };

	model_fill(&mm, m, memory);
}

/* Blocks on the disk with removals among them, and, unless `clean`, a tail in the journal. */
static struct disk *
base(bool clean)
{
	struct disk *d = disk_memory(16u << 20);
	static uint8_t memory[MODEL_MESSAGE_MAX];
	struct stream_config c = { .account = STR("A"), .name = STR("S"), .created = 5 };
	struct store_message m;
	struct store *store;
	struct stream *s;
	struct err err;

	store = open_store(d, &err);
	ck_assert(stream_create(store, &c, &s, &err) == STORE_OK);
	for (unsigned i = 1; i <= MESSAGES; i++) {
		fill(i, &m, memory);
		ck_assert(stream_append(s, &m, &err) == STORE_OK);
		if (i % 10 == 0)
			ck_assert(stream_remove(s, i - 3, &err) == STORE_OK);
		ck_assert(store_wait(store, &err) == STORE_OK);
		if (i == 40)
			ck_assert(store_checkpoint(store, &err) == STORE_OK);
	}
	ck_assert(stream_put(s, STR("key"), STR("value"), &err) == STORE_OK);
	ck_assert(store_wait(store, &err) == STORE_OK);
	if (clean)
		ck_assert_int_eq(store_close(store, &err), 0);
	else
		store_abandon(store);
	return (d);
}

struct seen {
	unsigned right, absent, damaged, error;
};

/* Reads all there is: what is read is right. */
static void
look(struct store *store, struct seen *seen)
{
	struct stream *s = stream_find(store, STR("A"), STR("S"));
	static uint8_t memory[MODEL_MESSAGE_MAX];
	struct store_message m, expect;
	struct err err;

	memset(seen, 0, sizeof(*seen));
	for (unsigned i = 1; s != NULL && i <= MESSAGES; i++) {
		switch (stream_load(s, i, &m, &err)) {
		case STORE_OK:
			fill(i, &expect, memory);
			ck_assert(str_eq(m.subject, expect.subject));
			ck_assert(str_eq(m.headers, expect.headers));
			ck_assert(str_eq(m.payload, expect.payload));
			ck_assert_int_eq(m.time, expect.time);
			seen->right++;
			break;
		case STORE_NONE:
			seen->absent++;
			break;
		case STORE_DAMAGED:
			seen->damaged++;
			break;
		case STORE_BUSY:
		case STORE_FULL:
		case STORE_ERROR:
			seen->error++;
			break;
		}
	}
}

struct flip {
	size_t at, seen;
	uint8_t mask;
	bool done;
	char path[64];
};

static void
flip_do(void *arg, const char *path, uint8_t *data, size_t n)
{
	struct flip *x = arg;

	if (!x->done && x->at >= x->seen && x->at - x->seen < n) {
		data[x->at - x->seen] ^= x->mask;
		x->done = true;
		snprintf(x->path, sizeof(x->path), "%.60s", path);
	}
	x->seen += n;
}

/* Zeros of the journal that were never written are passed over in larger steps. */
static void
flip_everywhere(bool clean, unsigned step)
{
	struct disk *d = base(clean);
	struct err err;
	struct seen seen;

	for (size_t at = 0;; at += step) {
		struct flip x = { .at = at, .mask = (uint8_t)(1u << (at + at / 64) % 8) };
		struct disk *copy = disk_memory_copy(d);
		struct store *store;

		disk_memory_each(copy, flip_do, &x);
		if (!x.done) {
			disk_free(copy);
			break;
		}
		store = open_store(copy, &err);
		ck_assert_msg(store != NULL, "%s %zu: %s", x.path, at, err.text);
		look(store, &seen);
		ck_assert_msg(seen.right >= MESSAGES - MESSAGES / 10 - 1, "%s %zu: %u right",
		    x.path, at, seen.right);
		ck_assert_msg(seen.right == MESSAGES - MESSAGES / 10 || reports > 0 ||
		    seen.damaged > 0, "%s %zu: unreported", x.path, at);
		store_abandon(store);
		disk_free(copy);
	}
	disk_free(d);
}

START_TEST(one_bit_clean)
{
	flip_everywhere(true, getenv("NATSD_LONG") != NULL ? 1 : 7);
}
END_TEST

START_TEST(one_bit_with_a_journal)
{
	flip_everywhere(false, getenv("NATSD_LONG") != NULL ? 1 : 7);
}
END_TEST

/* ---- each length of truncation ---- */

struct cutting {
	unsigned file, seen; /* which, in the order of the walk */
	size_t to;
	size_t size; /* out */
	char path[64];
};

static void
cut_find(void *arg, const char *path, uint8_t *data, size_t n)
{
	struct cutting *x = arg;

	(void)data;
	if (x->seen++ != x->file)
		return;
	x->size = n;
	snprintf(x->path, sizeof(x->path), "%.60s", path);
}

/* The directory of the path, and its last component. */
static int
cut_open(struct disk *d, const char *path, const char **name)
{
	int dir = DISK_ROOT, next;
	char part[64];
	const char *end;

	for (; (end = strchr(path, '/')) != NULL; path = end + 1) {
		snprintf(part, sizeof(part), "%.*s", (int)(end - path), path);
		next = disk_open(d, dir, part, DISK_DIR);
		ck_assert_int_ge(next, 0);
		if (dir != DISK_ROOT)
			disk_close(d, dir);
		dir = next;
	}
	*name = path;
	return (dir);
}

static void
cut_one(struct disk *d, const struct cutting *x)
{
	struct disk *copy = disk_memory_copy(d);
	struct store_message m = { .subject = STR("s"), .payload = STR("p") };
	const char *name;
	int dir = cut_open(copy, x->path, &name), h = disk_open(copy, dir, name, DISK_WRITE);
	struct store *store;
	struct stream *s;
	struct seen seen;
	struct err err;

	ck_assert_int_ge(h, 0);
	ck_assert_int_eq(disk_truncate(copy, h, x->to), 0);
	disk_close(copy, h);
	disk_close(copy, dir);
	store = open_store(copy, &err);
	ck_assert_msg(store != NULL, "%s to %zu: %s", x->path, x->to, err.text);
	look(store, &seen);
	s = stream_find(store, STR("A"), STR("S"));
	ck_assert_msg(seen.right == MESSAGES - MESSAGES / 10 || reports > 0 || s == NULL ||
	    stream_fenced(s) != NULL, "%s to %zu: %u right, unreported", x->path, x->to,
	    seen.right);
	/* What was used is not used again. */
	if (s != NULL && stream_fenced(s) == NULL && strstr(x->path, "journal") == NULL &&
	    stream_append(s, &m, &err) == STORE_OK)
		ck_assert_msg(m.seq > MESSAGES, "%s to %zu: sequence %u again", x->path, x->to,
		    (unsigned)m.seq);
	store_abandon(store);
	disk_free(copy);
}

START_TEST(each_truncation)
{
	struct disk *d = base(_i == 0);
	size_t step = getenv("NATSD_LONG") != NULL ? 1 : 13;

	for (struct cutting x = { .file = 0 };; x.file++) {
		x.seen = 0;
		x.size = SIZE_MAX;
		disk_memory_each(d, cut_find, &x);
		if (x.size == SIZE_MAX)
			break;
		for (x.to = 0; x.to < x.size; x.to += x.to < 9000 ? step : 1000)
			cut_one(d, &x);
	}
	disk_free(d);
}
END_TEST

static int
stream_folder_open(struct disk *d, char *name, uint64_t uid)
{
	struct err err;
	int top = disk_open_dir(d, DISK_ROOT, "natsd", &err);
	int streams = disk_open_dir(d, top, "streams", &err), folder;

	snprintf(name, 20, "%016" PRIx64, uid);
	folder = disk_open(d, streams, name, DISK_DIR);
	ck_assert_int_ge(folder, 0);
	disk_close(d, top);
	disk_close(d, streams);
	return (folder);
}

static uint64_t
uid_of(struct disk *d)
{
	struct err err;
	struct store *store = open_store(d, &err);
	uint64_t uid = stream_uid(stream_find(store, STR("A"), STR("S")));

	store_abandon(store);
	return (uid);
}

START_TEST(missing_block_is_named)
{
	struct disk *d = base(true);
	char name[20];
	uint64_t uid = uid_of(d);
	int folder = stream_folder_open(d, name, uid);
	struct stream_state st;
	struct store *store;
	struct stream *s;
	struct seen seen;
	struct err err;

	ck_assert_int_eq(disk_unlink(d, folder, "00000002.blk"), 0);
	disk_close(d, folder);
	store = open_store(d, &err);
	ck_assert_ptr_nonnull(store);
	s = stream_find(store, STR("A"), STR("S"));
	stream_state(s, &st);
	look(store, &seen);
	ck_assert_uint_gt(seen.damaged, 0);
	ck_assert_uint_eq(seen.damaged, st.lost);
	ck_assert_uint_eq(seen.right + seen.damaged, MESSAGES - MESSAGES / 10);
	ck_assert_uint_eq(st.last_seq, MESSAGES);
	ck_assert(strstr(last_report, "are lost") != NULL);
	store_abandon(store);
	disk_free(d);
}
END_TEST

START_TEST(swapped_blocks_are_noticed)
{
	struct disk *d = base(true);
	char name[20];
	uint64_t uid = uid_of(d);
	int folder = stream_folder_open(d, name, uid);
	struct store *store;
	struct seen seen;
	struct err err;

	ck_assert_int_eq(disk_rename(d, folder, "00000001.blk", folder, "x"), 0);
	ck_assert_int_eq(disk_rename(d, folder, "00000002.blk", folder, "00000001.blk"), 0);
	ck_assert_int_eq(disk_rename(d, folder, "x", folder, "00000002.blk"), 0);
	disk_close(d, folder);
	store = open_store(d, &err);
	look(store, &seen);
	ck_assert_uint_gt(seen.damaged, 0);
	ck_assert_uint_gt(reports, 0);
	ck_assert_uint_eq(seen.right + seen.damaged, MESSAGES - MESSAGES / 10);
	store_abandon(store);
	disk_free(d);
}
END_TEST

START_TEST(missing_state_is_offline)
{
	struct disk *d = base(true);
	char name[20];
	uint64_t uid = uid_of(d);
	int folder = stream_folder_open(d, name, uid);
	static uint8_t memory[MODEL_MESSAGE_MAX];
	struct store_message m;
	struct store *store;
	struct stream *s;
	struct err err;
	uint64_t bytes;
	int h;

	ck_assert_int_eq(disk_unlink(d, folder, "state"), 0);
	store = open_store(d, &err);
	ck_assert_ptr_nonnull(store);
	s = stream_find(store, STR("A"), STR("S"));
	ck_assert_ptr_nonnull(s);
	ck_assert_ptr_nonnull(stream_fenced(s));
	fill(1, &m, memory);
	ck_assert(stream_append(s, &m, &err) == STORE_ERROR);
	ck_assert_int_eq(store_close(store, &err), 0);
	h = disk_open(d, folder, "00000001.blk", DISK_READ); /* its files are left alone */
	ck_assert_int_ge(h, 0);
	ck_assert_int_eq(disk_size(d, h, &bytes), 0);
	ck_assert_uint_gt(bytes, 100);
	disk_close(d, h);
	disk_close(d, folder);
	disk_free(d);
}
END_TEST

START_TEST(catalogue_is_made_again)
{
	struct disk *d = base(true);
	struct err err;
	int top = disk_open_dir(d, DISK_ROOT, "natsd", &err);
	struct store *store;
	struct seen seen;

	ck_assert_int_eq(disk_unlink(d, top, "catalogue"), 0);
	ck_assert_int_eq(disk_replace(d, top, "catalogue", "NATSDCATxxxx", 12, &err), 0);
	disk_close(d, top);
	store = open_store(d, &err);
	ck_assert_ptr_nonnull(store);
	ck_assert_uint_eq(reports, 1);
	look(store, &seen);
	ck_assert_uint_eq(seen.right, MESSAGES - MESSAGES / 10);
	ck_assert_int_eq(store_close(store, &err), 0);
	store = open_store(d, &err);
	ck_assert_uint_eq(reports, 0);
	look(store, &seen);
	ck_assert_uint_eq(seen.right, MESSAGES - MESSAGES / 10);
	store_abandon(store);
	disk_free(d);
}
END_TEST

START_TEST(two_of_them_faults_55)
{
	struct disk *d = base(true);
	struct err err;
	struct store *store = open_store(d, &err);

	ck_assert_ptr_null(open_store(d, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "in use by pid"));
	store_abandon(store);
	store = open_store(d, &err);
	ck_assert_ptr_nonnull(store);
	store_abandon(store);
	disk_free(d);
}
END_TEST

START_TEST(theirs_is_refused)
{
	struct disk *d = disk_memory(1 << 20);
	struct err err;

	ck_assert_int_eq(disk_mkdir(d, DISK_ROOT, "jetstream"), 0);
	ck_assert_ptr_null(open_store(d, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "nats-server"));
	ck_assert_int_eq(disk_open(d, DISK_ROOT, "natsd", DISK_DIR), -1);
	disk_free(d);
}
END_TEST

static void
size_add(void *arg, const char *path, uint8_t *data, size_t n)
{
	uint64_t *sum = arg;

	(void)data;
	/* Names and sizes: what is moved, cut or grows makes another sum. */
	for (; *path != '\0'; path++)
		*sum = *sum * 31 + (unsigned char)*path;
	*sum = *sum * 31 + n;
}

static uint64_t
sizes(struct disk *d)
{
	uint64_t sum = 0;

	disk_memory_each(d, size_add, &sum);
	return (sum);
}

START_TEST(reading_damage_changes_no_size_faults_34)
{
	struct disk *d = base(true);
	struct flip x = { .mask = 4 };
	uint64_t before;
	struct store *store;
	struct seen seen;
	struct err err;
	unsigned hit = 0;

	before = sizes(d);
	for (x.done = true; x.done; x.at += 101) {
		struct disk *copy = disk_memory_copy(d);

		x.seen = 0;
		x.done = false;
		disk_memory_each(copy, flip_do, &x);
		if (x.done && strstr(x.path, ".blk") != NULL) {
			store = open_store(copy, &err);
			ck_assert_ptr_nonnull(store);
			look(store, &seen);
			hit += seen.damaged;
			store_abandon(store);
			ck_assert(sizes(copy) == before);
		}
		disk_free(copy);
	}
	ck_assert_uint_gt(hit, 0);
	disk_free(d);
}
END_TEST

/* ---- calls that fail ---- */

START_TEST(quota_is_a_full_disk_faults_52)
{
	struct disk *below = base(true), *d = disk_faulty(below);
	struct fault_plan plan = { .what = FAULT_ERROR, .error = _i == 0 ? EDQUOT : ENOSPC,
		.kinds = 1u << DISK_CALL_WRITE, .nth = 1, .for_good = true };
	const struct fault_plan none = { .what = FAULT_NONE };
	static uint8_t memory[MODEL_MESSAGE_MAX];
	struct store_message m;
	struct err err;
	struct store *store = open_store(d, &err);
	struct stream *s = stream_find(store, STR("A"), STR("S"));

	fill(1, &m, memory);
	ck_assert(stream_append(s, &m, &err) == STORE_OK);
	ck_assert(store_wait(store, &err) == STORE_OK);
	disk_faulty_plan(d, &plan);
	ck_assert(store_checkpoint(store, &err) == STORE_FULL);
	ck_assert_int_eq(err.sys, plan.error);
	ck_assert(stream_append(s, &m, &err) == STORE_FULL);
	disk_faulty_plan(d, &none);
	ck_assert(store_checkpoint(store, &err) == STORE_OK);
	ck_assert(stream_append(s, &m, &err) == STORE_OK);
	store_abandon(store);
	disk_free(d);
	disk_free(below);
}
END_TEST

/* The n-th opening of a file or folder fails while the store is opened: it says why, or the stream
 * is offline with the reason; and nothing was changed because of it. */
START_TEST(offline_with_the_reason_faults_53)
{
	static const int errors[] = { EMFILE, EACCES, EIO };
	struct disk *below = base(true), *d = disk_faulty(below);
	struct fault_plan plan = { .what = FAULT_ERROR, .error = errors[_i],
		.kinds = 1u << DISK_CALL_OPEN };
	const struct fault_plan none = { .what = FAULT_NONE };
	unsigned offline = 0, refused = 0;
	struct store *store;
	struct seen seen;
	struct err err;

	for (plan.nth = 1;; plan.nth++) {
		struct stream *s;
		bool hit;

		disk_faulty_plan(d, &plan);
		store = open_store(d, &err);
		hit = disk_faulty_hit(d);
		disk_faulty_plan(d, &none);
		s = store == NULL ? NULL : stream_find(store, STR("A"), STR("S"));
		if (store == NULL) {
			refused++;
			ck_assert_int_eq(err.sys, errors[_i]);
		} else if (stream_fenced(s) != NULL) {
			offline++;
			ck_assert_msg(strstr(stream_fenced(s), strerror(errors[_i]) + 1) != NULL,
			    "call %u: %s", (unsigned)plan.nth, stream_fenced(s));
			ck_assert(stream_append(s, &(struct store_message){ .subject = STR("x") },
			    &err) == STORE_ERROR);
		}
		store_abandon(store);
		store = open_store(d, &err);
		ck_assert_ptr_nonnull(store);
		look(store, &seen);
		ck_assert_uint_eq(seen.right, MESSAGES - MESSAGES / 10);
		store_abandon(store);
		if (!hit)
			break;
	}
	ck_assert_uint_gt(offline, 0);
	ck_assert_uint_gt(refused, 0);
	disk_free(d);
	disk_free(below);
}
END_TEST

/* ---- a full disk ---- */

START_TEST(full_disk_heals_faults_50)
{
	struct disk *d = base(true), *copy;
	static uint8_t memory[MODEL_MESSAGE_MAX];
	struct store_message m;
	struct store *store, *other;
	struct stream *s;
	struct seen seen;
	struct err err;
	enum store_result result = STORE_OK;
	unsigned i;

	store = open_store(d, &err);
	s = stream_find(store, STR("A"), STR("S"));
	store_run(store);
	fill(1, &m, memory);
	ck_assert(stream_append(s, &m, &err) == STORE_OK);
	ck_assert(store_wait(store, &err) == STORE_OK);
	disk_memory_set_capacity(d, 0);
	ck_assert(store_checkpoint(store, &err) == STORE_FULL);
	ck_assert_int_eq(err.sys, ENOSPC);
	ck_assert_ptr_nonnull(stream_fenced(s));
	ck_assert(stream_append(s, &m, &err) == STORE_FULL);
	look(store, &seen); /* reads, removals and small state go on */
	ck_assert_uint_eq(seen.right, MESSAGES - MESSAGES / 10);
	ck_assert(stream_remove(s, 1, &err) == STORE_OK);
	ck_assert(stream_put(s, STR("key"), STR("other"), &err) == STORE_OK);
	ck_assert(store_wait(store, &err) == STORE_OK);
	copy = disk_memory_copy(d); /* a crash now: what could not be written is in the journal */
	disk_memory_set_capacity(copy, 16u << 20);
	other = open_store(copy, &err);
	ck_assert(stream_load(stream_find(other, STR("A"), STR("S")), MESSAGES + 1, &m, &err) ==
	    STORE_OK);
	store_abandon(other);
	disk_free(copy);
	disk_memory_set_capacity(d, 16u << 20);
	ck_assert(store_checkpoint(store, &err) == STORE_OK);
	ck_assert_ptr_null(stream_fenced(s));
	for (i = 0; i < 300 && result == STORE_OK; i++) {
		fill(i, &m, memory);
		result = stream_append(s, &m, &err);
		ck_assert(store_wait(store, &err) == STORE_OK);
		if (store_wants_checkpoint(store))
			ck_assert(store_checkpoint(store, &err) == STORE_OK);
	}
	ck_assert_uint_eq(i, 300);
	store_abandon(store);
	disk_free(d);
}
END_TEST

UNIT_MAIN("store_damage",
    tcase_add_test(tc, one_bit_clean);
    tcase_add_test(tc, one_bit_with_a_journal);
    tcase_add_loop_test(tc, each_truncation, 0, 2);
    tcase_add_test(tc, missing_block_is_named);
    tcase_add_test(tc, swapped_blocks_are_noticed);
    tcase_add_test(tc, missing_state_is_offline);
    tcase_add_test(tc, catalogue_is_made_again);
    tcase_add_test(tc, two_of_them_faults_55);
    tcase_add_test(tc, theirs_is_refused);
    tcase_add_test(tc, reading_damage_changes_no_size_faults_34);
    tcase_add_loop_test(tc, quota_is_a_full_disk_faults_52, 0, 2);
    tcase_add_loop_test(tc, offline_with_the_reason_faults_53, 0, 3);
    tcase_add_test(tc, full_disk_heals_faults_50);)
