#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/ring.h"
#include "common/ring_shared.h"
#include "tests/unit/unit.h"

#define KB 1024u
#define SMALL (64 * KB)

struct pair {
	int fd;
	struct ring *producer, *consumer;
};

static void
pair_open(struct pair *pair, uint32_t bytes)
{
	struct err err;

	ck_assert_int_ne(pair->fd = ring_make(bytes, 77, &err), -1);
	ck_assert_ptr_nonnull(pair->producer = ring_attach(pair->fd, RING_PRODUCER, NULL, &err));
	ck_assert_ptr_nonnull(pair->consumer = ring_attach(pair->fd, RING_CONSUMER, NULL, &err));
}

static void
pair_close(struct pair *pair)
{
	ck_assert_str_eq(ring_why(pair->producer), "");
	ck_assert_str_eq(ring_why(pair->consumer), "");
	ring_detach(pair->producer);
	ring_detach(pair->consumer);
	close(pair->fd);
}

static uint8_t
pattern(uint32_t n, uint32_t i)
{
	return ((uint8_t)(n * 31 + i));
}

/* One record whose contents follow from n; false: no room. */
static bool
put(struct ring *r, uint32_t n, uint32_t len)
{
	uint8_t *p = ring_reserve(r, len);

	if (p == NULL)
		return (false);
	for (uint32_t i = 0; i < len; i++)
		p[i] = pattern(n, i);
	ring_commit(r, (uint16_t)(n % 1000 + 1), 0, len);
	return (true);
}

static void
expect(const struct ring_rec *rec, uint32_t n, uint32_t len)
{
	bool same = rec->type == n % 1000 + 1 && rec->len == len;

	for (uint32_t i = 0; same && i < len; i++)
		same = rec->data[i] == pattern(n, i);
	if (!same)
		ck_abort_msg("record %u of %u bytes is not what was put", n, len);
}

static void
take_one(struct ring *r, uint32_t n, uint32_t len)
{
	struct ring_rec rec;

	ck_assert_int_eq(ring_peek(r, &rec), 1);
	expect(&rec, n, len);
	ring_next(r, &rec);
	ring_release(r, rec.end);
}

START_TEST(worked_example)
{
	static const uint8_t bytes[24] = { 3, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'a', 'b',
		'c' };
	uint8_t stored[24];
	struct ring_rec rec;
	struct pair pair;
	uint8_t *p;

	pair_open(&pair, SMALL);
	ck_assert_int_eq(ring_peek(pair.consumer, &rec), 0);
	ck_assert_ptr_nonnull(p = ring_reserve(pair.producer, 10));
	memcpy(p, "abcdefghij", 10);
	ck_assert_uint_eq(ring_commit(pair.producer, 4, 0, 3), 0);
	ck_assert_int_eq(ring_peek(pair.consumer, &rec), 0);
	ring_publish(pair.producer);
	ck_assert_int_eq(ring_peek(pair.consumer, &rec), 1);
	ck_assert(rec.at == 0 && rec.end == 24 && rec.len == 3 && rec.type == 4);
	ck_assert(rec.flags == 0 && rec.verdict == 0);
	ck_assert_mem_eq(rec.data, "abc", 3);
	ck_assert_int_eq(pread(pair.fd, stored, 24, RING_HEAD_BYTES), 24);
	ck_assert_mem_eq(stored, bytes, 24);
	ring_next(pair.consumer, &rec);
	ck_assert_int_eq(ring_peek(pair.consumer, &rec), 0);
	ck_assert_uint_eq(ring_serial(pair.consumer), 77);
	ck_assert_uint_eq(ring_size(pair.producer), SMALL);
	pair_close(&pair);
}
END_TEST

START_TEST(wraps_with_every_length)
{
	struct pair pair;
	uint32_t n = 0;

	pair_open(&pair, SMALL);
	for (unsigned round = 0; round < 40; round++) {
		for (uint32_t len = 0; len <= ring_record_max(pair.producer); len += 997 + round) {
			ck_assert(put(pair.producer, n, len));
			/* a second one keeps the ring from being empty, so that it wraps */
			ck_assert(put(pair.producer, n + 1, 40));
			ring_publish(pair.producer);
			if (n > 0)
				take_one(pair.consumer, n - 1, 40);
			take_one(pair.consumer, n, len);
			n += 2;
		}
	}
	take_one(pair.consumer, n - 1, 40);
	ck_assert_uint_eq(ring_used(pair.producer), 0);
	pair_close(&pair);
}
END_TEST

START_TEST(full_then_room_again)
{
	struct pair pair;
	uint32_t n = 0, room;

	pair_open(&pair, SMALL);
	ck_assert_ptr_null(ring_reserve(pair.producer, ring_record_max(pair.producer) + 1));
	ck_assert_ptr_null(ring_reserve(pair.producer, UINT32_MAX));
	while (put(pair.producer, n, 1000))
		n++;
	ck_assert_uint_eq(n, SMALL / (16 + 1000));
	room = SMALL - n * 1016;
	ck_assert_uint_eq(ring_used(pair.producer), n * 1016);
	ck_assert(!put(pair.producer, n, room - 15));
	ck_assert(put(pair.producer, n, room - 16));
	ck_assert_uint_eq(ring_used(pair.producer), SMALL);
	ck_assert(!put(pair.producer, 0, 0));
	ring_publish(pair.producer);
	take_one(pair.consumer, 0, 1000);
	ck_assert(!put(pair.producer, 0, 1008));
	ck_assert(put(pair.producer, 0, 1000));
	ring_publish(pair.producer);
	for (uint32_t i = 1; i < n; i++)
		take_one(pair.consumer, i, 1000);
	take_one(pair.consumer, n, room - 16);
	take_one(pair.consumer, 0, 1000);
	ck_assert_uint_eq(ring_used(pair.producer), 0);
	pair_close(&pair);
}
END_TEST

START_TEST(read_is_not_released)
{
	struct ring_rec rec;
	struct pair pair;
	uint32_t n = 0;

	pair_open(&pair, SMALL);
	while (put(pair.producer, n, 500))
		n++;
	ring_publish(pair.producer);
	for (uint32_t i = 0; i < n; i++) {
		ck_assert_int_eq(ring_peek(pair.consumer, &rec), 1);
		ring_next(pair.consumer, &rec);
	}
	ck_assert_int_eq(ring_peek(pair.consumer, &rec), 0);
	ck_assert(!put(pair.producer, n, 500));
	ck_assert_uint_eq(ring_released(pair.producer), 0);
	ring_release(pair.consumer, rec.end);
	ck_assert_uint_eq(ring_released(pair.producer), rec.end);
	ck_assert(put(pair.producer, n, 500));
	pair_close(&pair);
}
END_TEST

/* The next life of a consumer begins at `released` and finds the verdicts of the one before. */
START_TEST(consumer_comes_back)
{
	struct ring_rec rec;
	struct pair pair;
	struct err err;

	pair_open(&pair, SMALL);
	for (uint32_t i = 0; i < 5; i++)
		put(pair.producer, i, 100);
	ring_publish(pair.producer);
	for (uint32_t i = 0; i < 3; i++) {
		ck_assert_int_eq(ring_peek(pair.consumer, &rec), 1);
		ring_next(pair.consumer, &rec);
		if (i == 0)
			ring_release(pair.consumer, rec.end);
		if (i == 1)
			ring_set_verdict(pair.consumer, rec.at, 0xdeadbeef);
	}
	ring_detach(pair.consumer);
	ck_assert_ptr_nonnull(pair.consumer = ring_attach(pair.fd, RING_CONSUMER, NULL, &err));
	ck_assert_int_eq(ring_peek(pair.consumer, &rec), 1);
	expect(&rec, 1, 100);
	ck_assert_uint_eq(rec.verdict, 0xdeadbeef);
	ring_next(pair.consumer, &rec);
	ck_assert_int_eq(ring_peek(pair.consumer, &rec), 1);
	expect(&rec, 2, 100);
	ck_assert_uint_eq(rec.verdict, 0);
	pair_close(&pair);
}
END_TEST

/* What was not published died with its producer. */
START_TEST(producer_comes_back)
{
	struct pair pair;
	struct err err;

	pair_open(&pair, SMALL);
	put(pair.producer, 1, 100);
	ring_publish(pair.producer);
	put(pair.producer, 2, 100);
	ring_detach(pair.producer);
	ck_assert_ptr_nonnull(pair.producer = ring_attach(pair.fd, RING_PRODUCER, NULL, &err));
	put(pair.producer, 3, 50);
	ring_publish(pair.producer);
	take_one(pair.consumer, 1, 100);
	take_one(pair.consumer, 3, 50);
	pair_close(&pair);
}
END_TEST

START_TEST(empty_ring_starts_over)
{
	struct ring_rec rec;
	struct pair pair;
	struct err err;
	uint64_t last = 0;
	unsigned jumps = 0;

	pair_open(&pair, SMALL);
	for (uint32_t i = 0; i < 5000; i++) {
		ck_assert(put(pair.producer, i, 700));
		ring_publish(pair.producer);
		ck_assert_int_eq(ring_peek(pair.consumer, &rec), 1);
		expect(&rec, i, 700);
		ck_assert_uint_le(rec.at % SMALL, SMALL / 4 + 800);
		ck_assert_uint_ge(rec.at, last);
		jumps += rec.at != last;
		last = rec.end;
		ring_next(pair.consumer, &rec);
		ring_release(pair.consumer, rec.end);
		if (i % 7 == 0) {
			ring_detach(pair.consumer);
			pair.consumer = ring_attach(pair.fd, RING_CONSUMER, NULL, &err);
			ck_assert_ptr_nonnull(pair.consumer);
		}
		if (i % 5 == 0) {
			ring_detach(pair.producer);
			pair.producer = ring_attach(pair.fd, RING_PRODUCER, NULL, &err);
			ck_assert_ptr_nonnull(pair.producer);
		}
	}
	ck_assert_uint_gt(jumps, 100);
	pair_close(&pair);
}
END_TEST

/* A jump that is published but not yet followed: both sides may die and come back around it. */
START_TEST(comes_back_at_a_jump)
{
	struct pair pair;
	struct err err;
	uint32_t n = 0;

	pair_open(&pair, SMALL);
	while (ring_read_at(pair.consumer) < SMALL / 4) {
		put(pair.producer, n, 1000);
		ring_publish(pair.producer);
		take_one(pair.consumer, n++, 1000);
	}
	put(pair.producer, n, 200);
	ring_publish(pair.producer);
	ring_detach(pair.producer);
	ck_assert_ptr_nonnull(pair.producer = ring_attach(pair.fd, RING_PRODUCER, NULL, &err));
	ck_assert_uint_eq(ring_used(pair.producer), 216);
	ring_detach(pair.consumer);
	ck_assert_ptr_nonnull(pair.consumer = ring_attach(pair.fd, RING_CONSUMER, NULL, &err));
	ck_assert_uint_eq(ring_read_at(pair.consumer), SMALL);
	for (uint32_t i = 1; i < 64; i++)
		ck_assert(put(pair.producer, n + i, 900));
	ring_publish(pair.producer);
	take_one(pair.consumer, n, 200);
	for (uint32_t i = 1; i < 64; i++)
		take_one(pair.consumer, n + i, 900);
	pair_close(&pair);
}
END_TEST

static off_t
blocks(int fd)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	return (st.st_blocks * 512);
}

START_TEST(rest_gives_pages_back)
{
	struct ring_rec rec;
	struct pair pair;
	uint32_t n = 0;

	pair_open(&pair, 8 * KB * KB);
	while (put(pair.producer, n, 100 * KB))
		n++;
	ring_publish(pair.producer);
	ck_assert_int_gt(blocks(pair.fd), 7 * KB * KB);
	ring_rest(pair.producer);
	ring_rest(pair.producer);
	ck_assert_int_gt(blocks(pair.fd), 7 * KB * KB); /* nothing is released */
	for (uint32_t i = 0; i < n; i++)
		take_one(pair.consumer, i, 100 * KB);
	ring_rest(pair.producer);
	ck_assert_int_le(blocks(pair.fd), KB * KB + RING_HEAD_BYTES);
	for (uint32_t i = 0; i < 3 * n; i++) {
		ck_assert(put(pair.producer, i, 100 * KB));
		ring_publish(pair.producer);
		take_one(pair.consumer, i, 100 * KB);
		ring_rest(pair.producer);
	}
	ck_assert_int_le(blocks(pair.fd), KB * KB + RING_HEAD_BYTES); /* it starts over */
	ck_assert_int_eq(ring_peek(pair.consumer, &rec), 0);
	pair_close(&pair);
}
END_TEST

START_TEST(rest_waits_for_quiet)
{
	struct pair pair;
	uint32_t n;

	pair_open(&pair, 8 * KB * KB);
	for (n = 0; put(pair.producer, n, 100 * KB); n++)
		continue;
	ring_publish(pair.producer);
	for (uint32_t i = 0; i < n; i++)
		take_one(pair.consumer, i, 100 * KB);
	ring_rest(pair.producer);
	ck_assert_int_gt(blocks(pair.fd), 7 * KB * KB); /* used since the last call */
	ring_rest(pair.producer);
	ck_assert_int_le(blocks(pair.fd), KB * KB + RING_HEAD_BYTES);
	pair_close(&pair);
}
END_TEST

START_TEST(attach_refuses)
{
	struct err err;
	int fd, plain;

	ck_assert_int_ne(fd = ring_make(SMALL, 1, &err), -1);
	ck_assert_ptr_null(ring_attach(-1, RING_PRODUCER, NULL, &err));
	ck_assert_int_eq(pwrite(fd, "x", 1, 0), 1);
	ck_assert_ptr_null(ring_attach(fd, RING_PRODUCER, NULL, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "another layout"));
	close(fd);
	ck_assert_int_ne(plain = open("/tmp", O_TMPFILE | O_RDWR, 0600), -1);
	ck_assert_int_eq(ftruncate(plain, RING_HEAD_BYTES + SMALL), 0);
	ck_assert_ptr_null(ring_attach(plain, RING_CONSUMER, NULL, &err));
	close(plain);
}
END_TEST

START_TEST(peek_of_a_copy)
{
	struct buf scratch = BUF_INIT(SMALL / 4), tiny = BUF_INIT(8);
	struct ring_rec rec;
	struct pair pair;

	pair_open(&pair, SMALL);
	put(pair.producer, 5, 0);
	put(pair.producer, 6, 300);
	ring_publish(pair.producer);
	ck_assert_int_eq(ring_take(pair.consumer, &scratch, &rec), 1);
	expect(&rec, 5, 0);
	ring_next(pair.consumer, &rec);
	ck_assert_int_eq(ring_take(pair.consumer, &scratch, &rec), 1);
	expect(&rec, 6, 300);
	ck_assert_ptr_eq(rec.data, scratch.data);
	ck_assert_int_eq(ring_take(pair.consumer, &tiny, &rec), -1);
	ck_assert(ring_dead(pair.consumer));
	ck_assert_ptr_nonnull(strstr(ring_why(pair.consumer), "no memory"));
	ck_assert(ring_sleep(pair.consumer));
	ring_detach(pair.producer);
	ring_detach(pair.consumer);
	close(pair.fd);
	buf_free(&scratch);
	buf_free(&tiny);
}
END_TEST

static bool
rung(const struct doorbell *bell)
{
	struct pollfd p = { .fd = bell->wait, .events = POLLIN };

	return (poll(&p, 1, 0) == 1);
}

START_TEST(bells_ring_only_for_sleepers)
{
	struct doorbell of_producer, of_consumer;
	struct ring *producer, *consumer;
	uint32_t n = 0, at = 0;

	ck_assert_int_eq(doorbell_make(&of_producer, NULL), 0);
	ck_assert_int_eq(doorbell_make(&of_consumer, NULL), 0);
	ck_assert_int_eq(ring_make_local(SMALL, &of_producer, &of_consumer, &producer, &consumer,
	    NULL), 0);
	put(producer, n++, 10);
	ring_publish(producer);
	ck_assert(!rung(&of_consumer));
	ck_assert(!ring_sleep(consumer));
	take_one(consumer, at++, 10);
	ck_assert(ring_sleep(consumer));
	put(producer, n++, 10);
	ck_assert(!rung(&of_consumer));
	ring_publish(producer);
	ck_assert(rung(&of_consumer));
	doorbell_clear(&of_consumer);
	put(producer, n++, 10);
	ring_publish(producer);
	ck_assert(!rung(&of_consumer)); /* once is enough */
	ring_wake(consumer);
	while (put(producer, n, 10))
		n++;
	ring_publish(producer);
	take_one(consumer, at++, 10);
	ck_assert(!rung(&of_producer));
	while (put(producer, n, 10))
		n++;
	ring_publish(producer);
	ring_want_room(producer);
	ck_assert(!put(producer, n, 10));
	take_one(consumer, at++, 10);
	ck_assert(rung(&of_producer));
	ring_detach(producer);
	ring_detach(consumer);
	doorbell_close(&of_producer);
	doorbell_close(&of_consumer);
}
END_TEST

/* ---- what a life leaves behind that died between two stores ---- */

static struct ring_shared *
head_of(int fd)
{
	void *p = mmap(NULL, RING_HEAD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	ck_assert_ptr_ne(p, MAP_FAILED);
	return (p);
}

/* A jump was told, the record behind it never. */
START_TEST(died_before_the_jump)
{
	struct ring_shared *head;
	struct pair pair;
	uint64_t at;
	uint32_t n = 0;

	pair_open(&pair, SMALL);
	head = head_of(pair.fd);
	for (; n < 3; n++) {
		ck_assert(put(pair.producer, n, 100));
		ring_publish(pair.producer);
		take_one(pair.consumer, n, 100);
	}
	at = ring_read_at(pair.consumer);
	atomic_store(&head->skip_from, at);
	atomic_store(&head->skip_to, SMALL);
	ring_detach(pair.producer);
	ck_assert_ptr_nonnull(pair.producer = ring_attach(pair.fd, RING_PRODUCER, NULL, NULL));
	ck_assert_uint_eq(ring_used(pair.producer), 0);
	ck_assert(put(pair.producer, n, 100));
	ring_publish(pair.producer);
	take_one(pair.consumer, n, 100);
	ck_assert_uint_eq(ring_read_at(pair.consumer), at + 120);
	munmap(head, RING_HEAD_BYTES);
	pair_close(&pair);
}
END_TEST

/* The flag of a sleeper was taken down, its bell not rung. */
START_TEST(died_before_the_bell)
{
	struct doorbell bell;
	struct pair pair;

	ck_assert_int_eq(doorbell_make(&bell, NULL), 0);
	pair_open(&pair, SMALL);
	ck_assert(ring_sleep(pair.consumer));
	ck_assert(put(pair.producer, 1, 10));
	ring_publish(pair.producer); /* its bell is none */
	ring_detach(pair.producer);
	ck_assert_ptr_nonnull(pair.producer = ring_attach(pair.fd, RING_PRODUCER, &bell, NULL));
	ck_assert(rung(&bell));
	pair_close(&pair);
	doorbell_close(&bell);
}
END_TEST

/* Two threads that wait for nothing but bells: a lost wake-up would hang them. */
#define SLEEP_RECORDS 200000u

struct sleeper {
	struct ring *ring;
	struct doorbell bell;
};

static void
wait_for(const struct doorbell *bell)
{
	struct pollfd p = { .fd = bell->wait, .events = POLLIN };

	ck_assert_int_eq(poll(&p, 1, -1), 1);
	doorbell_clear(bell);
}

static uint32_t
length_of(uint32_t n)
{
	return ((n * 2654435761u) >> 24);
}

static void *
consume(void *arg)
{
	struct sleeper *self = arg;
	struct ring_rec rec;

	for (uint32_t n = 0; n < SLEEP_RECORDS;) {
		int got = ring_peek(self->ring, &rec);

		if (got < 0)
			ck_abort_msg("%s", ring_why(self->ring));
		if (got == 0) {
			if (ring_sleep(self->ring))
				wait_for(&self->bell);
			ring_wake(self->ring);
			continue;
		}
		expect(&rec, n, length_of(n));
		ring_next(self->ring, &rec);
		if (n % 3 == 0 || rec.at % 4096 < 300)
			ring_release(self->ring, rec.end);
		n++;
		if (n == SLEEP_RECORDS)
			ring_release(self->ring, rec.end);
	}
	return (NULL);
}

static void
produce(struct sleeper *self)
{
	for (uint32_t n = 0; n < SLEEP_RECORDS;) {
		if (put(self->ring, n, length_of(n))) {
			if (n++ % 5 == 0)
				ring_publish(self->ring);
			continue;
		}
		ring_publish(self->ring);
		ring_want_room(self->ring);
		if (put(self->ring, n, length_of(n)))
			n++;
		else
			wait_for(&self->bell);
	}
	ring_publish(self->ring);
}

START_TEST(sleep_protocol)
{
	struct sleeper producer, consumer;
	pthread_t thread;

	ck_assert_int_eq(doorbell_make(&producer.bell, NULL), 0);
	ck_assert_int_eq(doorbell_make(&consumer.bell, NULL), 0);
	ck_assert_int_eq(ring_make_local(SMALL, &producer.bell, &consumer.bell, &producer.ring,
	    &consumer.ring, NULL), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, consume, &consumer), 0);
	produce(&producer);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_eq(ring_used(producer.ring), 0);
	ring_detach(producer.ring);
	ring_detach(consumer.ring);
	doorbell_close(&producer.bell);
	doorbell_close(&consumer.bell);
}
END_TEST

/* Each waits for the other's next word: one lost wake-up, and nobody ever speaks again. */
#define TALK_WORDS 100000u

struct talker {
	struct ring *out, *in;
	struct doorbell bell;
	bool first;
};

static void
hear(struct talker *self, uint32_t n)
{
	struct ring_rec rec;
	int got;

	while ((got = ring_peek(self->in, &rec)) == 0) {
		if (ring_sleep(self->in))
			wait_for(&self->bell);
		ring_wake(self->in);
	}
	if (got < 0)
		ck_abort_msg("%s", ring_why(self->in));
	expect(&rec, n, n % 50);
	ring_next(self->in, &rec);
	ring_release(self->in, rec.end);
}

static void *
talk(void *arg)
{
	struct talker *self = arg;

	for (uint32_t n = 0; n < TALK_WORDS; n++) {
		if (!self->first)
			hear(self, n);
		if (!put(self->out, n, n % 50))
			ck_abort_msg("no room");
		ring_publish(self->out);
		if (self->first)
			hear(self, n);
	}
	return (NULL);
}

START_TEST(conversation)
{
	struct talker a = { .first = true }, b = { .first = false };
	pthread_t thread;

	ck_assert_int_eq(doorbell_make(&a.bell, NULL), 0);
	ck_assert_int_eq(doorbell_make(&b.bell, NULL), 0);
	ck_assert_int_eq(ring_make_local(SMALL, &a.bell, &b.bell, &a.out, &b.in, NULL), 0);
	ck_assert_int_eq(ring_make_local(SMALL, &b.bell, &a.bell, &b.out, &a.in, NULL), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, talk, &b), 0);
	talk(&a);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ring_detach(a.out);
	ring_detach(a.in);
	ring_detach(b.out);
	ring_detach(b.in);
	doorbell_close(&a.bell);
	doorbell_close(&b.bell);
}
END_TEST

static int
die_on(struct pair *pair, uint64_t at, bool fault)
{
	uint64_t where = 0;
	struct err err;
	int poison;

	if (at != UINT64_MAX)
		ring_work(pair->consumer, at);
	poison = ring_death(pair->fd, fault, &where, &err);
	ring_detach(pair->consumer);
	ck_assert_ptr_nonnull(pair->consumer = ring_attach(pair->fd, RING_CONSUMER, NULL, &err));
	if (poison == 1)
		ck_assert_uint_eq(where, at);
	return (poison);
}

START_TEST(poison)
{
	struct pair pair;

	pair_open(&pair, SMALL);
	ck_assert_int_eq(die_on(&pair, 0, false), 0);
	ck_assert_int_eq(die_on(&pair, UINT64_MAX, true), 0); /* in work on nothing */
	ck_assert_int_eq(die_on(&pair, 0, false), 0);
	ck_assert(!ring_poisoned(pair.consumer, 0));
	ck_assert_int_eq(die_on(&pair, 0, false), 1);
	ck_assert(ring_poisoned(pair.consumer, 0));
	ck_assert(!ring_poisoned(pair.consumer, 8));
	ck_assert_int_eq(die_on(&pair, 64, true), 0);
	ck_assert_int_eq(die_on(&pair, 128, true), 0);
	ck_assert_int_eq(die_on(&pair, 128, true), 1);
	ck_assert(ring_poisoned(pair.consumer, 128));
	ring_work(pair.consumer, 256);
	ring_work_done(pair.consumer);
	ck_assert_int_eq(die_on(&pair, UINT64_MAX, true), 0);
	pair_close(&pair);
}
END_TEST

UNIT_MAIN("ring",
    tcase_add_test(tc, worked_example);
    tcase_add_test(tc, wraps_with_every_length);
    tcase_add_test(tc, full_then_room_again);
    tcase_add_test(tc, read_is_not_released);
    tcase_add_test(tc, consumer_comes_back);
    tcase_add_test(tc, producer_comes_back);
    tcase_add_test(tc, empty_ring_starts_over);
    tcase_add_test(tc, comes_back_at_a_jump);
    tcase_add_test(tc, rest_gives_pages_back);
    tcase_add_test(tc, rest_waits_for_quiet);
    tcase_add_test(tc, attach_refuses);
    tcase_add_test(tc, peek_of_a_copy);
    tcase_add_test(tc, bells_ring_only_for_sleepers);
    tcase_add_test(tc, died_before_the_jump);
    tcase_add_test(tc, died_before_the_bell);
    tcase_add_test(tc, sleep_protocol);
    tcase_add_test(tc, conversation);
    tcase_add_test(tc, poison);)
