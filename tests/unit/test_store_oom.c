/*
 * Every allocation of the store fails once: no crash, no leak, and what was acknowledged is there.
 */
#include "config.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "natsd-js/store/restore.h"
#include "natsd-js/store/snapshot.h"
#include "natsd-js/store/store.h"
#include "tests/unit/store_dir.h"
#include "tests/unit/unit.h"

static struct {
	bool on;
	unsigned nth, asked;
	long living;
} plan;

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__real_reallocarray(void *, size_t, size_t);
void __real_free(void *);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
void *__wrap_reallocarray(void *, size_t, size_t);
void __wrap_free(void *);

static bool
refused(void)
{
	return (plan.on && ++plan.asked == plan.nth);
}

static void *
counted(void *p)
{
	plan.living += plan.on && p != NULL;
	return (p);
}

void *
__wrap_malloc(size_t n)
{
	return (refused() ? NULL : counted(__real_malloc(n)));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return (refused() ? NULL : counted(__real_calloc(n, size)));
}

void *
__wrap_realloc(void *old, size_t n)
{
	void *p = refused() ? NULL : __real_realloc(old, n);

	plan.living += plan.on && old == NULL && p != NULL;
	return (p);
}

void *
__wrap_reallocarray(void *old, size_t n, size_t size)
{
	void *p = refused() ? NULL : __real_reallocarray(old, n, size);

	plan.living += plan.on && old == NULL && p != NULL;
	return (p);
}

void
__wrap_free(void *p)
{
	plan.living -= plan.on && p != NULL;
	__real_free(p);
}

static struct store *
open_store(struct disk *d)
{
	struct store_options o = store_options_default();

	o.journal.segment_bytes = 16u << 10;
	o.journal.segments = 4;
	o.block_bytes = 600;
	o.large_bytes = 200;
	o.thread = false;
	return (store_open(d, &o, NULL));
}

static const char large[300];

struct acked {
	bool created, put;
	uint64_t first, last, removed;
};

/* What is restored is whole, or not there.  Something goes while the snapshot needs it. */
static void
copy(struct store *store, struct stream *s)
{
	struct stream_config c = { .account = STR("A"), .name = STR("COPY") };
	struct snapshot *x = NULL;
	struct restore *r = NULL;
	enum store_result result = snapshot_begin(s, &x, NULL);
	struct stream *there;
	uint8_t piece[300];
	size_t n, taken;

	if (result == STORE_OK)
		result = restore_begin(store, &c, &r, NULL);
	(void)stream_remove(s, 1, NULL);
	while (result == STORE_OK && (result = snapshot_read(x, piece, sizeof(piece), &n, NULL)) ==
	    STORE_OK && n > 0)
		result = restore_write(r, piece, n, &taken, NULL);
	if (result == STORE_OK && restore_end(&r, &there, NULL) == STORE_BUSY &&
	    store_checkpoint(store, NULL) == STORE_OK &&
	    store_checkpoint(store, NULL) == STORE_OK)
		(void)restore_end(&r, &there, NULL);
	restore_abandon(r);
	snapshot_end(x);
}

/* Some of everything; what the store took and made durable is noted. */
static void
use(struct store *store, struct acked *a)
{
	struct stream_config c = { .account = STR("A"), .name = STR("S"), .created = 1 };
	struct stream *s = stream_find(store, c.account, c.name);
	struct stream_filter *f;
	struct filter_state st;
	struct store_message m;
	struct acked now = *a;

	if (s == NULL && stream_create(store, &c, &s, NULL) != STORE_OK)
		return;
	now.created = true;
	for (unsigned i = 0; i < 12; i++) {
		char subject[2] = { (char)('a' + i % 5), '\0' };

		m = (struct store_message){ .subject = str_of(subject),
			.payload = STR("a payload of some bytes, so that blocks fill up") };
		if (stream_append(s, &m, NULL) == STORE_OK)
			now.last = m.seq;
	}
	m = (struct store_message){ .subject = STR("large"), .payload = { .p = large,
		.n = sizeof(large) } };
	if (stream_append(s, &m, NULL) == STORE_OK)
		now.last = m.seq;
	if (now.removed == 0 && now.last > 3 && stream_remove(s, 3, NULL) == STORE_OK)
		now.removed = 3;
	if (stream_put(s, STR("k"), STR("v"), NULL) == STORE_OK)
		now.put = true;
	(void)stream_mark(s, 1, 2, 3, NULL);
	if (store_wait(store, NULL) == STORE_OK)
		*a = now;
	f = stream_filter_new(s, &STR("a"), 1);
	if (f != NULL) {
		(void)stream_filtered(f, 0, &st, NULL);
		(void)stream_next(f, 1, &m, NULL);
	}
	stream_filter_free(f);
	copy(store, s);
	(void)store_checkpoint(store, NULL);
}

static void
insist(bool ok, const char *what)
{
	unsigned nth = plan.nth;

	if (ok)
		return;
	plan.on = false;
	ck_abort_msg("%s, when allocation %u failed", what, nth);
}

static void
check(struct disk *d, const struct acked *a)
{
	struct store *store = open_store(d);
	struct stream *s;
	struct stream_state st;
	struct store_message m;
	struct str v;

	insist(store != NULL, "it does not open");
	s = stream_find(store, STR("A"), STR("S"));
	insist(!a->created || s != NULL, "no stream");
	for (uint64_t seq = 2; seq <= a->last; seq++) /* the first goes by the way */
		insist(stream_load(s, seq, &m, NULL) ==
		    (seq == a->removed ? STORE_NONE : STORE_OK), "a message");
	insist(!a->put || stream_get(s, STR("k"), &v) == STORE_OK, "small state");
	s = stream_find(store, STR("A"), STR("COPY"));
	if (s != NULL) {
		stream_state(s, &st);
		for (uint64_t seq = 1; seq <= st.last_seq; seq++)
			st.messages -= stream_load(s, seq, &m, NULL) == STORE_OK;
		insist(st.messages == 0 && st.lost == 0, "a message of the copy");
	}
	store_abandon(store);
}

/* false: the run asked for fewer. */
static bool
run(unsigned nth)
{
	char dir[] = STORE_DIR_INIT;
	struct acked a = { .last = 0 };
	struct store *store;
	struct disk *d;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	d = store_dir_open(dir);
	memset(&plan, 0, sizeof(plan));
	plan.nth = nth;
	plan.on = true;
	for (unsigned life = 0; life < 3; life++) {
		store = open_store(d);
		if (store == NULL)
			continue;
		use(store, &a);
		if (life == 1)
			(void)store_close(store, NULL);
		else
			store_abandon(store);
	}
	plan.on = false;
	insist(plan.living == 0, "something leaked");
	check(d, &a);
	disk_free(d);
	store_dir_remove(dir);
	return (plan.asked >= nth);
}

/* In parts, each with its own time. */
#define PARTS 4u

START_TEST(every_allocation_fails_once)
{
	unsigned n = 1 + (unsigned)_i;

	while (run(n))
		n += PARTS;
	printf("%u allocations\n", n);
	ck_assert_uint_gt(n, 100);
}
END_TEST

UNIT_MAIN("store_oom", tcase_add_loop_test(tc, every_allocation_fails_once, 0, (int)PARTS);)
