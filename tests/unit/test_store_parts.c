/*
 * The parts of the store by themselves: sets of sequences, records, subjects.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "natsd-js/store/index.h"
#include "natsd-js/store/record.h"
#include "natsd-js/store/seqset.h"
#include "natsd-js/store/subjects.h"
#include "tests/unit/seed.h"
#include "tests/unit/unit.h"

#define BITS 300u

static void
set_matches(const struct seqset *s, const bool *bits)
{
	uint64_t size = 0, next, prev, count = 0;

	for (size_t i = 0; i < s->count; i++) {
		ck_assert_uint_le(s->ranges[i].first, s->ranges[i].last);
		if (i > 0)
			ck_assert_uint_gt(s->ranges[i].first, s->ranges[i - 1].last + 1);
	}
	for (unsigned i = 0; i < BITS; i++) {
		ck_assert(seqset_has(s, i) == bits[i]);
		size += bits[i];
		for (next = i; next < BITS && bits[next]; next++)
			;
		for (prev = i; prev > 0 && bits[prev]; prev--)
			;
		if (next < BITS)
			ck_assert_uint_eq(seqset_next_absent(s, i), next);
		ck_assert_uint_eq(seqset_prev_absent(s, i), bits[prev] ? 0 : prev);
		if (i >= 10 && i < 200)
			count += bits[i];
	}
	ck_assert_uint_eq(s->size, size);
	ck_assert_uint_eq(seqset_count(s, 10, 199), count);
}

START_TEST(seqset_against_bits)
{
	struct seed seed = seed_start("seqset");
	struct seqset s = { .count = 0 };
	bool bits[BITS + 1];

	for (unsigned round = 0; round < 60; round++) {
		memset(bits, 0, sizeof(bits));
		seqset_clear(&s);
		for (unsigned n = 0; n < 80; n++) {
			unsigned first = seed_below(&seed, BITS), span = seed_below(&seed, 9);
			unsigned last = first + span < BITS ? first + span : BITS - 1;

			ck_assert_int_eq(seqset_add(&s, first, last), 0);
			for (unsigned i = first; i <= last; i++)
				bits[i] = true;
			if (n % 8 == 0)
				set_matches(&s, bits);
		}
	}
	seqset_free(&s);
	ck_assert_int_eq(seqset_add(&s, UINT64_MAX - 5, UINT64_MAX), 0);
	ck_assert_int_eq(seqset_add(&s, 1, 7), 0);
	ck_assert_uint_eq(s.count, 2);
	ck_assert(seqset_has(&s, UINT64_MAX));
	seqset_free(&s);
}
END_TEST

/* The worked bytes of FORMAT, section 3. */
START_TEST(record_bytes_as_drawn)
{
	struct record r = { .type = RECORD_MESSAGE, .seq = 7, .time = 1700000000000000000,
		.subject = STR("a.b"), .payload = STR("hi"), .link = 0x01020304 }, found;
	uint8_t p[64];
	char text[200] = "";

	ck_assert_uint_eq(record_length(&r), 48);
	record_encode(p, record_place(0x1122334455667788, RECORD_IN_BLOCK, 3, 56), &r);
	for (unsigned i = 0; i < 48; i++)
		snprintf(text + 2 * i, 3, "%02x", p[i]);
	ck_assert_str_eq(text,
	    "dd91ab005b9d2557" "040302012d000000"
	    "0200030000000000" "0700000000000000"
	    "00002a36fe9c9717" "612e626869000000");
	ck_assert_int_eq(record_decode(p, 48, record_place(0x1122334455667788, RECORD_IN_BLOCK, 3,
	    56), &found), 0);
	ck_assert(str_eq(found.subject, STR("a.b")) && str_eq(found.payload, STR("hi")));
	ck_assert_uint_eq(found.seq, 7);
}
END_TEST

/* Those of section 2: what the journal has of a large one. */
START_TEST(large_bytes_as_drawn)
{
	static char xs[100000];
	static uint8_t p[100048];
	struct record r = { .type = RECORD_MESSAGE, .flags = RECORD_EARLY, .seq = 8,
		.time = 1700000001000000000, .subject = STR("a.b"),
		.payload = { .p = xs, .n = sizeof(xs) }, .link = 0x00ab91dd };
	char text[200] = "";

	memset(xs, 'x', sizeof(xs));
	ck_assert_uint_eq(record_length(&r), sizeof(p));
	record_encode(p, record_place(0x1122334455667788, RECORD_IN_BLOCK, 3, 104), &r);
	for (unsigned i = 0; i < RECORD_HEAD; i++)
		snprintf(text + 2 * i, 3, "%02x", p[i]);
	ck_assert_str_eq(text,
	    "87cb60ea42560acf" "dd91ab00cb860100"
	    "0202030000000000" "0800000000000000"
	    "00cac471fe9c9717");
}
END_TEST

START_TEST(record_verifies_only_in_its_place)
{
	struct record r = { .type = RECORD_MESSAGE, .seq = 7, .time = -1, .subject = STR("a.b"),
		.headers = STR("NATS/1.0\r\n\r\n"), .payload = STR("hi"), .link = 9 }, found;
	uint64_t place = record_place(1, RECORD_IN_BLOCK, 3, 56);
	size_t n = record_length(&r);
	uint8_t p[128];

	record_encode(p, place, &r);
	ck_assert_int_eq(record_decode(p, n, place, &found), 0);
	ck_assert_int_eq(record_decode(p, r.bytes - 1, place, &found), -1);
	ck_assert_int_eq(record_decode(p, n, record_place(2, RECORD_IN_BLOCK, 3, 56), &found), -1);
	ck_assert_int_eq(record_decode(p, n, record_place(1, RECORD_IN_STATE, 3, 56), &found), -1);
	ck_assert_int_eq(record_decode(p, n, record_place(1, RECORD_IN_BLOCK, 4, 56), &found), -1);
	ck_assert_int_eq(record_decode(p, n, record_place(1, RECORD_IN_BLOCK, 3, 64), &found), -1);
	for (unsigned bit = 0; bit < r.bytes * 8; bit++) {
		p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		/* The link is in no check, so that a wrong one costs nothing. */
		ck_assert_int_eq(record_decode(p, n, place, &found),
		    bit / 8 >= 8 && bit / 8 < 12 ? 0 : -1);
		p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}
END_TEST

START_TEST(records_are_found_again)
{
	struct record r = { .type = RECORD_MESSAGE, .subject = STR("s"),
		.payload = STR("0123456789") }, found;
	uint8_t p[10 * 64];
	struct record_bytes bytes = { .data = p, .uid = 5, .file = RECORD_IN_BLOCK, .number = 1 };
	size_t at = 0, n = record_length(&r), next = 0;
	unsigned count = 0;

	for (unsigned i = 0; i < 10; i++, at += n) {
		r.seq = i;
		record_encode(p + at, record_place(5, RECORD_IN_BLOCK, 1, at), &r);
	}
	memset(p + 2 * n + 12, 0xff, 20); /* two of them, and a length without end */
	p[5 * n + 44] ^= 1;
	bytes.n = at;
	for (size_t k = record_find(&bytes, 0, &found); k < at;
	     k = record_find(&bytes, next, &found)) {
		ck_assert_uint_eq(k, found.seq * n);
		next = k + record_padded(found.bytes);
		count++;
	}
	ck_assert_uint_eq(count, 8);
}
END_TEST

static struct str
name(unsigned i, char *text)
{
	return ((struct str){ .p = text, .n = (size_t)snprintf(text, 20, "s.%u", i) });
}

START_TEST(subjects_come_and_go)
{
	struct seed seed = seed_start("subjects");
	struct subjects t = { .count = 0 };
	unsigned count[500] = { 0 }, live = 0;
	char text[20];

	for (unsigned n = 1; n < 40000; n++) {
		unsigned i = seed_below(&seed, 500);
		struct subject_sum *s = subjects_find(&t, name(i, text));

		ck_assert_uint_eq(s == NULL ? 0 : s->count, count[i]);
		if (seed_below(&seed, 2) == 0) {
			if (s == NULL)
				s = subjects_add(&t, name(i, text));
			live += count[i]++ == 0;
			subjects_count_in(&t, s, n);
			ck_assert_uint_eq(s->last, n);
		} else if (s != NULL && s->count > 0) {
			live -= --count[i] == 0;
			subjects_count_out(&t, s, s->last);
			if (s->count == 0 && n % 3 != 0)
				subjects_forget(&t, s);
		}
		ck_assert_uint_eq(t.count, live);
	}
	subjects_free(&t);
}
END_TEST

/* The index of one block against a list. */
START_TEST(index_against_a_list)
{
	struct seed seed = seed_start("index");
	struct index *x = index_new();
	uint8_t subject[600];
	bool there[600] = { false };
	char text[20];

	for (unsigned i = 0; i < 600; i++) {
		there[i] = seed_below(&seed, 4) != 0;
		subject[i] = (uint8_t)(seed_below(&seed, 3) == 0 ? seed_below(&seed, 200) : 1);
		if (there[i])
			ck_assert_int_eq(index_add(x, i, 100 + i, name(subject[i], text)), 0);
	}
	for (unsigned n = 0; n < 20000; n++) {
		unsigned from = seed_below(&seed, x->count), want = seed_below(&seed, 202), i = from, k;
		uint32_t found = index_find(x, name(want, text));

		while (i < 600 && !(there[i] && subject[i] == want))
			i++;
		for (k = from + 1; k > 0 && !(there[k - 1] && subject[k - 1] == want); k--)
			;
		if (found == INDEX_NONE) {
			ck_assert(i == 600 && k == 0);
			continue;
		}
		ck_assert_uint_eq(index_next(x, found, from), i == 600 ? INDEX_NONE : i);
		ck_assert_uint_eq(index_prev(x, found, from), k == 0 ? INDEX_NONE : k - 1);
	}
	index_free(x);
}
END_TEST

START_TEST(seqset_is_cut)
{
	struct seqset s = { .count = 0 };

	ck_assert_int_eq(seqset_add(&s, 3, 9), 0);
	ck_assert_int_eq(seqset_add(&s, 20, 30), 0);
	ck_assert_int_eq(seqset_add(&s, 40, 41), 0);
	seqset_cut(&s, 25);
	ck_assert_uint_eq(s.count, 2);
	ck_assert_uint_eq(s.size, 7 + 6);
	seqset_cut(&s, 12);
	ck_assert_uint_eq(s.size, 7);
	seqset_cut(&s, 2);
	ck_assert_uint_eq(s.count, 0);
	seqset_free(&s);
}
END_TEST

UNIT_MAIN("store_parts",
    tcase_add_test(tc, index_against_a_list);
    tcase_add_test(tc, seqset_is_cut);
    tcase_add_test(tc, seqset_against_bits);
    tcase_add_test(tc, record_bytes_as_drawn);
    tcase_add_test(tc, large_bytes_as_drawn);
    tcase_add_test(tc, record_verifies_only_in_its_place);
    tcase_add_test(tc, records_are_found_again);
    tcase_add_test(tc, subjects_come_and_go);)
