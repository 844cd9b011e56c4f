#include "config.h"

#include <string.h>
#include <unistd.h>

#include "common/inbox.h"
#include "common/ring_out.h"
#include "tests/unit/unit.h"

#define RING_BYTES (1u << 16)
#define MANY 500u

struct box {
	int fd;
	struct ring *producer;
	struct inbox *in;
	struct buf scratch;
};

static void
box_attach(struct box *box)
{
	struct ring *consumer = ring_attach(box->fd, RING_CONSUMER, NULL, NULL);

	ck_assert_ptr_nonnull(consumer);
	ck_assert_ptr_nonnull(box->in = inbox_new(consumer, 0xabc));
}

static void
box_open(struct box *box)
{
	box->scratch = BUF_INIT(RING_BYTES);
	ck_assert_int_ne(box->fd = ring_make(RING_BYTES, 5, NULL), -1);
	ck_assert_ptr_nonnull(box->producer = ring_attach(box->fd, RING_PRODUCER, NULL, NULL));
	box_attach(box);
}

static void
box_close(struct box *box)
{
	inbox_free(box->in);
	ring_detach(box->producer);
	close(box->fd);
	buf_free(&box->scratch);
}

static void
put(struct box *box, uint32_t n)
{
	uint8_t *p = ring_reserve(box->producer, sizeof(n));

	ck_assert_ptr_nonnull(p);
	memcpy(p, &n, sizeof(n));
	ring_commit(box->producer, 1, 0, sizeof(n));
	ring_publish(box->producer);
}

static uint32_t
take(struct box *box, struct ring_rec *rec)
{
	uint32_t n;

	ck_assert_int_eq(inbox_take(box->in, &box->scratch, rec), 1);
	ck_assert_uint_eq(rec->len, sizeof(n));
	memcpy(&n, rec->data, sizeof(n));
	return (n);
}

START_TEST(released_follows_the_lowest_open)
{
	struct ring_rec rec[4];
	struct box box;

	box_open(&box);
	for (uint32_t i = 0; i < 4; i++) {
		put(&box, i);
		ck_assert_uint_eq(take(&box, &rec[i]), i);
	}
	ck_assert_uint_eq(inbox_open(box.in), 4);
	inbox_done(box.in, rec[2].at, rec[2].end);
	ck_assert_uint_eq(ring_released(box.producer), 0);
	inbox_done(box.in, rec[0].at, rec[0].end);
	ck_assert_uint_eq(ring_released(box.producer), rec[1].at);
	inbox_done(box.in, rec[1].at, rec[1].end);
	ck_assert_uint_eq(ring_released(box.producer), rec[3].at);
	ck_assert_uint_eq(inbox_open(box.in), 1);
	inbox_done(box.in, rec[3].at, rec[3].end);
	ck_assert_uint_eq(ring_released(box.producer), rec[3].end);
	ck_assert_uint_eq(inbox_open(box.in), 0);
	box_close(&box);
}
END_TEST

START_TEST(parts_are_finished_together)
{
	struct ring_rec rec[4];
	struct box box;

	box_open(&box);
	for (uint32_t i = 0; i < 4; i++) {
		put(&box, i);
		take(&box, &rec[i]);
	}
	inbox_done(box.in, rec[0].at, rec[2].end);
	ck_assert_uint_eq(ring_released(box.producer), rec[3].at);
	box_close(&box);
}
END_TEST

START_TEST(next_life_opens_again)
{
	struct ring_rec rec;
	struct box box;

	box_open(&box);
	for (uint32_t i = 0; i < 3; i++)
		put(&box, i);
	take(&box, &rec);
	inbox_done(box.in, rec.at, rec.end);
	take(&box, &rec);
	inbox_verdict(box.in, rec.at, verdict_make(VERDICT_STORED, 42));
	inbox_free(box.in);
	box_attach(&box);
	ck_assert_uint_eq(take(&box, &rec), 1);
	ck_assert_int_eq(verdict_kind(rec.verdict), VERDICT_STORED);
	ck_assert_uint_eq(verdict_number(rec.verdict), 42);
	ck_assert_uint_eq(inbox_ingress(box.in, &rec).life, 0xabc);
	ck_assert_uint_eq(inbox_ingress(box.in, &rec).ring, 5);
	ck_assert_uint_eq(inbox_ingress(box.in, &rec).at, rec.at);
	ck_assert_uint_eq(take(&box, &rec), 2);
	ck_assert_uint_eq(rec.verdict, 0);
	ck_assert_int_eq(inbox_take(box.in, &box.scratch, &rec), 0);
	box_close(&box);
}
END_TEST

/* Whatever the order of finishing, released is the lowest open one; the circle grows and wraps. */
START_TEST(any_order)
{
	struct { struct ring_rec rec; bool open; } book[MANY];
	uint32_t taken = 0, seed = 7, low = 0;
	struct box box;

	box_open(&box);
	while (low < MANY) {
		uint32_t i = (seed = seed * 1664525 + 1013904223) >> 8;

		if (taken < MANY && i % 3 != 0) {
			put(&box, taken);
			ck_assert_uint_eq(take(&box, &book[taken].rec), taken);
			book[taken++].open = true;
			continue;
		}
		if (taken == low)
			continue;
		i = low + i % (taken - low);
		if (!book[i].open)
			continue;
		inbox_done(box.in, book[i].rec.at, book[i].rec.end);
		book[i].open = false;
		while (low < taken && !book[low].open)
			low++;
		ck_assert_uint_eq(ring_released(box.producer),
		    low < taken ? book[low].rec.at : ring_read_at(inbox_ring(box.in)));
	}
	ck_assert_uint_eq(inbox_open(box.in), 0);
	box_close(&box);
}
END_TEST

/* ---- ring_out ---- */

static bool
out_put(struct ring_out *out, uint32_t n, uint32_t len, uint64_t *at)
{
	uint8_t *p = ring_out_reserve(out, len + 8); /* more than is used in the end */

	if (p == NULL)
		return (false);
	memset(p, (int)n, len);
	memcpy(p, &n, sizeof(n));
	ring_out_commit(out, 9, 3, len, at);
	return (true);
}

static uint32_t
out_length(uint32_t n)
{
	return (4 + n * 37 % 3000);
}

static void
out_take(struct ring *consumer, uint32_t n)
{
	struct ring_rec rec;
	uint32_t got;

	ck_assert_int_eq(ring_peek(consumer, &rec), 1);
	ck_assert(rec.len == out_length(n) && rec.type == 9 && rec.flags == 3);
	memcpy(&got, rec.data, sizeof(got));
	ck_assert_uint_eq(got, n);
	if (rec.len > 4)
		ck_assert_uint_eq(rec.data[rec.len - 1], n & 0xff);
	ring_next(consumer, &rec);
	ring_release(consumer, rec.end);
}

START_TEST(list_keeps_order)
{
	struct ring *producer, *consumer;
	struct ring_out *out;
	uint32_t put_n = 0, got_n = 0;
	uint64_t at;

	ck_assert_int_eq(ring_make_local(RING_BYTES, NULL, NULL, &producer, &consumer, NULL), 0);
	ck_assert_ptr_nonnull(out = ring_out_new(producer, 1u << 20));
	for (unsigned round = 0; round < 200; round++) {
		for (unsigned i = 0; i < 1 + round * 7 % 300; i++) {
			if (!out_put(out, put_n, out_length(put_n), &at))
				break;
			ck_assert((at == UINT64_MAX) == (ring_out_listed_bytes(out) > 0));
			put_n++;
		}
		ring_out_flush(out);
		for (unsigned i = 0; i < 10 + round % 30 && got_n < put_n; i++) {
			struct ring_rec rec;

			if (ring_peek(consumer, &rec) == 0)
				break;
			out_take(consumer, got_n++);
		}
	}
	while (got_n < put_n) {
		ring_out_flush(out);
		out_take(consumer, got_n++);
	}
	ck_assert(ring_out_flush(out));
	ck_assert_uint_eq(ring_out_listed_bytes(out), 0);
	ck_assert(out_put(out, 1, 8, &at) && at != UINT64_MAX);
	ring_out_free(out);
	ring_detach(consumer);
}
END_TEST

START_TEST(list_has_a_bound)
{
	struct ring *producer, *consumer;
	struct ring_out *out;
	uint32_t n = 0;

	ck_assert_int_eq(ring_make_local(RING_BYTES, NULL, NULL, &producer, &consumer, NULL), 0);
	ck_assert_ptr_nonnull(out = ring_out_new(producer, 100000));
	while (out_put(out, n, 1000, NULL))
		n++;
	ck_assert_uint_le(ring_out_listed_bytes(out), 100000);
	ck_assert_uint_gt(ring_out_listed_bytes(out), 100000 - 1100);
	ck_assert_ptr_null(ring_out_reserve(out, ring_record_max(producer) + 1));
	ck_assert(!ring_out_flush(out));
	ring_out_free(out);
	ring_out_free(NULL);
	ring_detach(consumer);
}
END_TEST

UNIT_MAIN("inbox, ring_out",
    tcase_add_test(tc, released_follows_the_lowest_open);
    tcase_add_test(tc, parts_are_finished_together);
    tcase_add_test(tc, next_life_opens_again);
    tcase_add_test(tc, any_order);
    tcase_add_test(tc, list_keeps_order);
    tcase_add_test(tc, list_has_a_bound);)
