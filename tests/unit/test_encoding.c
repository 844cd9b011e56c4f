/* What is packed is read again by somebody else: zlib, and a reader written from the description. */
#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "common/encoding.h"
#include "common/snappy.h"
#include "tests/unit/seed.h"
#include "tests/unit/unsnappy.h"

#define BIG ((size_t)300000)

START_TEST(test_asked)
{
	static const struct {
		const char *accept;
		enum encoding e;
		const char *name;
	} rows[] = { { "", ENCODING_NONE, NULL }, { "snappy", ENCODING_SNAPPY, "snappy" },
		{ "S2", ENCODING_SNAPPY, "snappy" }, { "gzip", ENCODING_GZIP, "gzip" },
		{ "GZip, deflate", ENCODING_GZIP, "gzip" },
		{ "gzip, snappy", ENCODING_SNAPPY, "snappy" },
		{ "xs2x", ENCODING_SNAPPY, "snappy" }, { "br", ENCODING_UNKNOWN, "identity" },
		{ "gzi", ENCODING_UNKNOWN, "identity" }, { "*", ENCODING_UNKNOWN, "identity" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(encoding_asked(str_of(rows[i].accept)), rows[i].e);
		ck_assert_pstr_eq(encoding_name(rows[i].e), rows[i].name);
	}
}
END_TEST

/* RFC 3720 B.4: CRC-32C of 32 zeros is 8a9136aa, of "123456789" e3069283; masked as the format says. */
START_TEST(test_crc)
{
	static const uint8_t zeros[32];
	uint32_t a = 0x8a9136aau, b = 0xe3069283u;

	ck_assert_uint_eq(snappy_crc(zeros, 32), ((a >> 15) | (a << 17)) + 0xa282ead8u);
	ck_assert_uint_eq(snappy_crc("123456789", 9), ((b >> 15) | (b << 17)) + 0xa282ead8u);
}
END_TEST

static void
round_trip(const uint8_t *p, size_t n, size_t most)
{
	struct buf out = BUF_INIT(SIZE_MAX / 2);
	uint8_t *back = malloc(n + 1);

	ck_assert(back != NULL);
	ck_assert_int_eq(snappy_frame(&out, p, n), 0);
	ck_assert_uint_le(out.len, most);
	ck_assert_uint_eq(unsnappy(back, n, out.data, out.len), n);
	ck_assert(n == 0 || memcmp(back, p, n) == 0);
	buf_free(&out);
	free(back);
}

static void
fill(uint8_t *p, size_t n, struct seed *s, unsigned kind)
{
	static const char words[] = "{\"type\":\"eg\",\"ts\":\"2026-11-24T12:00:00Z\",\"cid\":";
	size_t i, back;

	for (i = 0; i < n; i++) {
		if (kind == 0)
			p[i] = (uint8_t)seed_next(s);
		else if (kind == 1)
			p[i] = 'a';
		else if (kind == 2)
			p[i] = (uint8_t)words[i % (sizeof(words) - 1)];
		else if (kind == 3)
			p[i] = (uint8_t)(seed_below(s, 8) == 0 ? seed_below(s, 4) : 1);
		else if (i > 4 && seed_below(s, 20) != 0)
			p[i] = p[i - 1 - seed_below(s, 4)];
		else {
			back = seed_below(s, 70000) + 1;
			p[i] = i > back ? p[i - back] : (uint8_t)seed_next(s);
		}
	}
}

START_TEST(test_snappy)
{
	struct seed s = seed_start("snappy");
	uint8_t *p = malloc(BIG);
	size_t n;

	ck_assert(p != NULL);
	for (unsigned i = 0; i < 400; i++) {
		n = i < 40 ? i : seed_below(&s, i % 20 == 0 ? BIG : 3000);
		fill(p, n, &s, i % 5);
		round_trip(p, n, 10 + n + 8 * (n / 65536 + 1));
	}
	/* It is packed at all. */
	fill(p, BIG, &s, 2);
	round_trip(p, BIG, BIG / 10);
	for (n = 65530; n < 65545; n++)
		round_trip(p, n, n / 10);
	free(p);
}
END_TEST

/* Two literal bytes and a copy, by hand: what the test's own reader makes of it. */
START_TEST(test_reader)
{
	static const uint8_t block[] = { 6, 1 << 2, 'a', 'b', 1, 2 };
	static const uint8_t far[] = { 6, 1 << 2, 'a', 'b', 1, 3 };
	uint8_t out[6];
	struct unsnappy u = { out, 0, sizeof(out) };

	ck_assert(unsnappy_block(&u, block, sizeof(block)));
	ck_assert_mem_eq(out, "ababab", 6);
	u.n = 0;
	ck_assert(!unsnappy_block(&u, far, sizeof(far)));
}
END_TEST

START_TEST(test_gzip)
{
	struct seed s = seed_start("gzip");
	struct buf out = BUF_INIT(SIZE_MAX / 2);
	uint8_t *p = malloc(BIG), *back = malloc(BIG);
	z_stream z;

	ck_assert(p != NULL && back != NULL);
	for (unsigned i = 0; i < 20; i++) {
		size_t n = i == 0 ? 0 : seed_below(&s, BIG);

		fill(p, n, &s, i % 5);
		out.len = 0;
		ck_assert_int_eq(buf_add(&out, "head", 4), 0);
		ck_assert_int_eq(encoding_pack(ENCODING_GZIP, &out,
		    (struct str){ (const char *)p, n }), 0);
		memset(&z, 0, sizeof(z));
		ck_assert_int_eq(inflateInit2(&z, 15 + 16), Z_OK);
		z.next_in = out.data + 4;
		z.avail_in = (uInt)(out.len - 4);
		z.next_out = back;
		z.avail_out = (uInt)BIG;
		ck_assert_int_eq(inflate(&z, Z_FINISH), Z_STREAM_END);
		ck_assert_uint_eq(z.avail_in, 0);
		ck_assert_uint_eq(z.total_out, n);
		ck_assert(n == 0 || memcmp(back, p, n) == 0);
		inflateEnd(&z);
	}
	buf_free(&out);
	free(p);
	free(back);
}
END_TEST

START_TEST(test_plain_and_bounds)
{
	static const enum encoding all[] = { ENCODING_NONE, ENCODING_GZIP, ENCODING_SNAPPY,
		ENCODING_UNKNOWN };
	struct buf out = BUF_INIT(100);

	ck_assert_int_eq(encoding_pack(ENCODING_NONE, &out, STR("a")), 0);
	ck_assert_int_eq(encoding_pack(ENCODING_UNKNOWN, &out, STR("b")), 0);
	ck_assert_mem_eq(out.data, "ab", 2);
	buf_free(&out);
	for (unsigned i = 0; i < 4; i++) {
		struct buf small = BUF_INIT(4);

		ck_assert_int_eq(encoding_pack(all[i], &small, STR("does not fit")), -1);
		buf_free(&small);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("encoding");
	TCase *tc = tcase_create("encoding");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, test_asked);
	tcase_add_test(tc, test_crc);
	tcase_add_test(tc, test_reader);
	tcase_add_test(tc, test_snappy);
	tcase_add_test(tc, test_gzip);
	tcase_add_test(tc, test_plain_and_bounds);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return (failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
