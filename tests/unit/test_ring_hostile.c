/*
 * The other side of a ring is an attacker who writes anything anywhere at any time (faults.md 86,
 * 87): the victim's end becomes dead, says why, never touches memory outside and never spins.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/ring.h"
#include "common/ring_shared.h"
#include "tests/unit/unit.h"

#define SIZE (64u << 10)

/* The victim's end, and the same memory as the attacker sees it. */
struct scene {
	int fd;
	struct ring *producer, *consumer;
	struct ring_shared *head;
	uint8_t *data;
	struct buf scratch;
};

static void
scene_open(struct scene *s)
{
	void *p;

	s->scratch = BUF_INIT(SIZE);
	ck_assert_int_ne(s->fd = ring_make(SIZE, 1, NULL), -1);
	ck_assert_ptr_nonnull(s->producer = ring_attach(s->fd, RING_PRODUCER, NULL, NULL));
	ck_assert_ptr_nonnull(s->consumer = ring_attach(s->fd, RING_CONSUMER, NULL, NULL));
	p = mmap(NULL, RING_HEAD_BYTES + SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	ck_assert_ptr_ne(p, MAP_FAILED);
	s->head = p;
	s->data = (uint8_t *)p + RING_HEAD_BYTES;
}

static void
scene_close(struct scene *s)
{
	ring_detach(s->producer);
	ring_detach(s->consumer);
	munmap(s->head, RING_HEAD_BYTES + SIZE);
	close(s->fd);
	buf_free(&s->scratch);
}

static bool
put(struct ring *r, uint32_t len)
{
	uint8_t *p = ring_reserve(r, len);

	if (p == NULL)
		return (false);
	memset(p, 'x', len);
	ring_commit(r, 1, 0, len);
	ring_publish(r);
	return (true);
}

static int
take(struct scene *s, struct ring_rec *rec)
{
	return (ring_take(s->consumer, &s->scratch, rec));
}

/* Takes and releases until nothing is left. */
static void
drain(struct scene *s)
{
	struct ring_rec rec;

	while (take(s, &rec) == 1) {
		ring_next(s->consumer, &rec);
		ring_release(s->consumer, rec.end);
	}
	ck_assert(!ring_dead(s->consumer));
}

/* Some way into the ring, with cursors that are no round numbers, one record read and held. */
static void
warm_up(struct scene *s)
{
	struct ring_rec rec;

	for (unsigned i = 0; i < 50; i++) {
		ck_assert(put(s->producer, 1000 + i));
		ck_assert(put(s->producer, 8));
		drain(s);
	}
	ck_assert(put(s->producer, 100));
	ck_assert_int_eq(take(s, &rec), 1);
	ring_next(s->consumer, &rec);
}

static void
expect_dead_consumer(struct scene *s)
{
	struct ring_rec rec;

	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(take(s, &rec), -1);
	ck_assert(ring_dead(s->consumer));
	ck_assert_str_ne(ring_why(s->consumer), "");
	ck_assert(ring_sleep(s->consumer)); /* a loop over rings does not spin on it */
	ring_wake(s->consumer);
	ring_release(s->consumer, ring_read_at(s->consumer));
	ring_write_seen(s->consumer);
}

static void
expect_dead_producer(struct scene *s)
{
	for (unsigned i = 0; i < 3; i++)
		ck_assert_ptr_null(ring_reserve(s->producer, 8));
	ck_assert(ring_dead(s->producer));
	ck_assert_str_ne(ring_why(s->producer), "");
	ring_publish(s->producer);
	ring_want_room(s->producer);
	ring_rest(s->producer);
	ck_assert_uint_le(ring_used(s->producer), SIZE);
	ring_released(s->producer);
}

/* ---- cursors ---- */

static const int64_t write_lies[] = { -8, -16, 1, 4, SIZE + 8, 2 * SIZE, 2 * SIZE + 24, INT64_MAX,
	INT64_MIN };

START_TEST(write_cursor_lies)
{
	struct scene s;

	scene_open(&s);
	warm_up(&s);
	atomic_store(&s.head->write, atomic_load(&s.head->write) + (uint64_t)write_lies[_i]);
	expect_dead_consumer(&s);
	scene_close(&s);
}
END_TEST

START_TEST(write_cursor_lies_to_a_sleeper)
{
	struct scene s;

	scene_open(&s);
	warm_up(&s);
	ck_assert(ring_sleep(s.consumer));
	ring_wake(s.consumer);
	atomic_store(&s.head->write, atomic_load(&s.head->write) + (uint64_t)write_lies[_i]);
	ck_assert(!ring_sleep(s.consumer)); /* once, so that somebody looks */
	expect_dead_consumer(&s);
	scene_close(&s);
}
END_TEST

static const int64_t released_lies[] = { -8, 1, 4, 2 * SIZE, INT64_MAX, INT64_MIN, 4096, 1 << 20 };

START_TEST(released_cursor_lies)
{
	struct scene s;

	scene_open(&s);
	warm_up(&s);
	ring_used(s.producer);
	atomic_store(&s.head->released,
	    atomic_load(&s.head->released) + (uint64_t)released_lies[_i]);
	ring_used(s.producer);
	expect_dead_producer(&s);
	scene_close(&s);
}
END_TEST

START_TEST(released_cursor_in_a_jump)
{
	struct scene s;

	scene_open(&s);
	while (atomic_load(&s.head->skip_to) == 0) {
		drain(&s);
		ck_assert(put(s.producer, 1000));
	}
	atomic_store(&s.head->released, atomic_load(&s.head->skip_from) + 8);
	ring_used(s.producer);
	expect_dead_producer(&s);
	scene_close(&s);
}
END_TEST

struct jump_lie {
	int64_t from, to; /* from read, from the right target */
	int64_t write;	  /* behind the target */
};

static const struct jump_lie jump_lies[] = {
	{ 0, 8, 64 },	       /* into the middle */
	{ 0, SIZE, 64 },       /* a ring too far */
	{ 0, -(int64_t)SIZE, 64 }, /* back */
	{ 0, 0, 0 },	       /* nothing behind it */
	{ 0, 0, SIZE + 8 },    /* more than the ring behind it */
	{ 0, INT64_MIN, 64 },
	{ 8, 0, 64 },	       /* not where we stand */
};

START_TEST(jump_lies_told)
{
	const struct jump_lie *lie = &jump_lies[_i];
	uint64_t at, target;
	struct scene s;

	scene_open(&s);
	warm_up(&s);
	ring_release(s.consumer, ring_read_at(s.consumer));
	at = ring_read_at(s.consumer);
	target = (at | (SIZE - 1)) + 1;
	atomic_store(&s.head->skip_from, at + (uint64_t)lie->from);
	atomic_store(&s.head->skip_to, target + (uint64_t)lie->to);
	memset(s.data, 0, SIZE);
	atomic_store(&s.head->write, target + (uint64_t)lie->write);
	expect_dead_consumer(&s);
	scene_close(&s);
}
END_TEST

START_TEST(attach_refuses_broken_cursors)
{
	struct scene s;
	struct err err;

	scene_open(&s);
	warm_up(&s);
	atomic_fetch_add(&s.head->write, 2 * SIZE);
	ck_assert_ptr_null(ring_attach(s.fd, RING_CONSUMER, NULL, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "write cursor"));
	ck_assert_ptr_null(ring_attach(s.fd, RING_PRODUCER, NULL, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "cursors"));
	atomic_fetch_sub(&s.head->write, 2 * SIZE);
	atomic_fetch_add(&s.head->released, 3);
	ck_assert_ptr_null(ring_attach(s.fd, RING_CONSUMER, NULL, &err));
	ck_assert_ptr_null(ring_attach(s.fd, RING_PRODUCER, NULL, &err));
	atomic_store(&s.head->released, UINT64_MAX - 7);
	ck_assert_ptr_null(ring_attach(s.fd, RING_CONSUMER, NULL, &err));
	ck_assert_ptr_null(ring_attach(s.fd, RING_PRODUCER, NULL, &err));
	scene_close(&s);
}
END_TEST

START_TEST(attach_refuses_another_size)
{
	struct scene s;
	struct err err;

	scene_open(&s);
	s.head->size = 2 * SIZE;
	ck_assert_ptr_null(ring_attach(s.fd, RING_CONSUMER, NULL, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "layout"));
	scene_close(&s);
}
END_TEST

/* ---- records ---- */

static const uint32_t length_lies[] = { UINT32_MAX, 1u << 31, INT32_MAX, SIZE, SIZE / 4, 109, 105,
	UINT32_MAX - 7, UINT32_MAX - 15 };

START_TEST(length_lies_told)
{
	struct ring_rec rec;
	struct scene s;
	uint64_t at;

	scene_open(&s);
	warm_up(&s);
	at = atomic_load(&s.head->write);
	ck_assert(put(s.producer, 100)); /* 104 is the most that lies below write */
	memcpy(s.data + at % SIZE, &length_lies[_i], 4);
	ck_assert_int_eq(take(&s, &rec), -1);
	expect_dead_consumer(&s);
	scene_close(&s);
}
END_TEST

START_TEST(hole_reads_as_a_violation)
{
	struct scene s;

	scene_open(&s);
	for (unsigned i = 0; i < 100; i++)
		ck_assert(put(s.producer, 200));
	ck_assert_int_eq(fallocate(s.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    RING_HEAD_BYTES, SIZE), 0);
	expect_dead_consumer(&s);
	ck_assert_ptr_nonnull(strstr(ring_why(s.consumer), "type 0"));
	scene_close(&s);
}
END_TEST

START_TEST(hole_in_the_head)
{
	struct scene s;

	scene_open(&s);
	warm_up(&s);
	ck_assert_int_eq(fallocate(s.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
	    RING_HEAD_BYTES), 0);
	expect_dead_consumer(&s);
	ring_used(s.producer);
	expect_dead_producer(&s);
	scene_close(&s);
}
END_TEST

START_TEST(truncation_is_refused_by_the_seal)
{
	struct scene s;

	scene_open(&s);
	ck_assert_int_eq(ftruncate(s.fd, 0), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(ftruncate(s.fd, 1 << 24), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(fcntl(s.fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	ck_assert_int_eq(errno, EPERM);
	scene_close(&s);
}
END_TEST

/* ---- bytes that change between check and use ---- */

#define FLIPPED_RINGS 300u
#define FLIPPED_TURNS 20000u

struct flipper {
	uint8_t *memory;
	size_t from, to; /* what of it is attacked */
	uint32_t seed;
	_Atomic bool stop;
};

static void *
flip(void *arg)
{
	struct flipper *f = arg;

	while (!atomic_load_explicit(&f->stop, memory_order_relaxed)) {
		size_t at;

		f->seed = f->seed * 1664525 + 1013904223;
		at = f->from + (f->seed >> 8) % (f->to - f->from);
		__atomic_fetch_xor(&f->memory[at], (uint8_t)(1u << (f->seed >> 5 & 7)),
		    __ATOMIC_RELAXED);
	}
	return (NULL);
}

/* The victim consumes; what it is given lies within its own copy, whatever the ring says. */
static void
consume_flipped(struct scene *s)
{
	struct ring_rec rec;

	for (unsigned i = 0; i < FLIPPED_TURNS && !ring_dead(s->consumer); i++) {
		int got = take(s, &rec);

		if (got == 1 && (rec.len > ring_record_max(s->consumer) || rec.type == 0 ||
		    rec.len != s->scratch.len || rec.end - rec.at > SIZE / 4))
			ck_abort_msg("a record of %u bytes from %llu", rec.len,
			    (unsigned long long)rec.at);
		if (got != 1)
			continue;
		ring_next(s->consumer, &rec);
		ring_set_verdict(s->consumer, rec.at, 1);
		ring_release(s->consumer, rec.end);
	}
}

static void
produce_flipped(struct scene *s, const uint8_t *data)
{
	for (unsigned i = 0; i < FLIPPED_TURNS && !ring_dead(s->producer); i++) {
		uint8_t *p = ring_reserve(s->producer, i % 2000);

		if (p == NULL)
			continue;
		if (p < data + RING_RECORD_HEAD || p >= data + RING_RECORD_HEAD + SIZE)
			ck_abort_msg("room outside the ring");
		ring_commit(s->producer, 1, 0, i % 2000);
		ring_publish(s->producer);
		ring_rest(s->producer);
	}
}

static void
flipped(size_t from, size_t to, bool consumer, uint32_t seed)
{
	struct flipper f = { .from = from, .to = to, .seed = seed };
	const uint8_t *data;
	pthread_t thread;
	struct scene s;

	scene_open(&s);
	data = ring_reserve(s.producer, 0) - RING_RECORD_HEAD; /* position 0 */
	ring_commit(s.producer, 1, 0, 0);
	for (unsigned i = 0; i < 40; i++)
		put(s.producer, i * 40);
	f.memory = (uint8_t *)s.head;
	ck_assert_int_eq(pthread_create(&thread, NULL, flip, &f), 0);
	if (consumer)
		consume_flipped(&s);
	else
		produce_flipped(&s, data);
	atomic_store(&f.stop, true);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	scene_close(&s);
}

START_TEST(flipped_while_consuming)
{
	for (uint32_t seed = 0; seed < FLIPPED_RINGS; seed++) {
		flipped(RING_HEAD_BYTES, RING_HEAD_BYTES + SIZE / 2, true, seed);
		flipped(0, sizeof(struct ring_shared), true, seed);
	}
}
END_TEST

START_TEST(flipped_while_producing)
{
	for (uint32_t seed = 0; seed < FLIPPED_RINGS; seed++) {
		flipped(RING_HEAD_BYTES, RING_HEAD_BYTES + SIZE / 2, false, seed);
		flipped(0, sizeof(struct ring_shared), false, seed);
	}
}
END_TEST

UNIT_MAIN("hostile ring",
    unit_rows(tc, write_cursor_lies, write_lies);
    unit_rows(tc, write_cursor_lies_to_a_sleeper, write_lies);
    unit_rows(tc, released_cursor_lies, released_lies);
    tcase_add_test(tc, released_cursor_in_a_jump);
    unit_rows(tc, jump_lies_told, jump_lies);
    tcase_add_test(tc, attach_refuses_broken_cursors);
    tcase_add_test(tc, attach_refuses_another_size);
    unit_rows(tc, length_lies_told, length_lies);
    tcase_add_test(tc, hole_reads_as_a_violation);
    tcase_add_test(tc, hole_in_the_head);
    tcase_add_test(tc, truncation_is_refused_by_the_seal);
    tcase_add_test(tc, flipped_while_consuming);
    tcase_add_test(tc, flipped_while_producing);)
