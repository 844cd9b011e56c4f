#include "config.h"

#include "common/num.h"
#include "tests/unit/unit.h"

struct u64_case {
	const char *text;
	uint64_t min, max, want;
	int result;
};

static const struct u64_case u64_cases[] = {
	{ "0", 0, UINT64_MAX, 0, 0 },
	{ "007", 0, UINT64_MAX, 7, 0 },
	{ "18446744073709551615", 0, UINT64_MAX, UINT64_MAX, 0 },
	{ "18446744073709551616", 0, UINT64_MAX, 0, -1 },
	{ "99999999999999999999", 0, UINT64_MAX, 0, -1 },
	{ "10", 1, 10, 10, 0 },
	{ "11", 1, 10, 0, -1 },
	{ "0", 1, 10, 0, -1 },
	{ "", 0, UINT64_MAX, 0, -1 },
	{ "-1", 0, UINT64_MAX, 0, -1 },
	{ "+1", 0, UINT64_MAX, 0, -1 },
	{ " 1", 0, UINT64_MAX, 0, -1 },
	{ "1 ", 0, UINT64_MAX, 0, -1 },
	{ "1a", 0, UINT64_MAX, 0, -1 },
};

START_TEST(parse_u64)
{
	const struct u64_case *c = &u64_cases[_i];
	uint64_t v = 42;

	ck_assert_int_eq(num_parse_u64(str_of(c->text), c->min, c->max, &v), c->result);
	ck_assert_uint_eq(v, c->result == 0 ? c->want : 42);
}
END_TEST

struct i64_case {
	const char *text;
	int64_t want;
	int result;
};

static const struct i64_case i64_cases[] = {
	{ "0", 0, 0 },
	{ "-0", 0, 0 },
	{ "-9223372036854775808", INT64_MIN, 0 },
	{ "9223372036854775807", INT64_MAX, 0 },
	{ "9223372036854775808", 0, -1 },
	{ "-9223372036854775809", 0, -1 },
	{ "-", 0, -1 },
	{ "", 0, -1 },
	{ "--1", 0, -1 },
	{ "+1", 0, -1 },
};

START_TEST(parse_i64)
{
	const struct i64_case *c = &i64_cases[_i];
	int64_t v = 42;

	ck_assert_int_eq(num_parse_i64(str_of(c->text), INT64_MIN, INT64_MAX, &v), c->result);
	ck_assert_int_eq(v, c->result == 0 ? c->want : 42);
}
END_TEST

START_TEST(parse_i64_bounds)
{
	int64_t v;

	ck_assert_int_eq(num_parse_i64(STR("-5"), -5, 5, &v), 0);
	ck_assert_int_eq(num_parse_i64(STR("-6"), -5, 5, &v), -1);
	ck_assert_int_eq(num_parse_i64(STR("6"), -5, 5, &v), -1);
}
END_TEST

static const struct i64_case go_cases[] = {
	{ "4222", 4222, 0 },
	{ "-1", -1, 0 },
	{ "+1", 1, 0 },
	{ "0", 0, 0 },
	{ "-0", 0, 0 },
	{ "0x1F", 31, 0 },
	{ "0Xff", 255, 0 },
	{ "0o17", 15, 0 },
	{ "017", 15, 0 },
	{ "0b101", 5, 0 },
	{ "1_000", 1000, 0 },
	{ "0x_1", 1, 0 },
	{ "0_7", 7, 0 },
	{ "-0x8000000000000000", INT64_MIN, 0 },
	{ "0x8000000000000000", 0, -1 },
	{ "1__0", 0, -1 },
	{ "1_", 0, -1 },
	{ "_1", 0, -1 },
	{ "0x", 0, -1 },
	{ "0x_", 0, -1 },
	{ "0b2", 0, -1 },
	{ "08", 0, -1 },
	{ "", 0, -1 },
	{ "-", 0, -1 },
	{ "1.5", 0, -1 },
};

START_TEST(parse_go_int)
{
	const struct i64_case *c = &go_cases[_i];
	int64_t v = 42;

	ck_assert_int_eq(num_parse_go_int(str_of(c->text), &v), c->result);
	ck_assert_int_eq(v, c->result == 0 ? c->want : 42);
}
END_TEST

START_TEST(parse_size)
{
	ck_assert_int_eq(num_parse_size(STR("0")), 0);
	ck_assert_int_eq(num_parse_size(STR("000000012")), 12);
	ck_assert_int_eq(num_parse_size(STR("999999999")), 999999999);
	ck_assert_int_eq(num_parse_size(STR("1000000000")), -1);
	ck_assert_int_eq(num_parse_size(STR("")), -1);
	ck_assert_int_eq(num_parse_size(STR("-1")), -1);
	ck_assert_int_eq(num_parse_size(STR("1\r")), -1);
}
END_TEST

START_TEST(checked_arithmetic)
{
	uint64_t u = 42;
	int64_t i = 42;

	ck_assert(!num_add_u64(UINT64_MAX, 1, &u) && !num_mul_u64(1ULL << 32, 1ULL << 32, &u));
	ck_assert(!num_add_i64(INT64_MAX, 1, &i) && !num_mul_i64(INT64_MIN, -1, &i));
	ck_assert(u == 42 && i == 42);
	ck_assert(num_add_u64(UINT64_MAX - 1, 1, &u) && u == UINT64_MAX);
	ck_assert(num_mul_i64(INT64_MIN / 2, 2, &i) && i == INT64_MIN);
}
END_TEST

static void
put_case(uint64_t v, const char *want)
{
	char digits[20];
	unsigned n = num_put_u64(digits, v);

	ck_assert_uint_eq(n, strlen(want));
	ck_assert_mem_eq(digits, want, n);
}

START_TEST(put_u64)
{
	put_case(0, "0");
	put_case(9, "9");
	put_case(10, "10");
	put_case(UINT64_MAX, "18446744073709551615");
}
END_TEST

UNIT_MAIN("num",
    unit_rows(tc, parse_u64, u64_cases);
    unit_rows(tc, parse_i64, i64_cases);
    tcase_add_test(tc, parse_i64_bounds);
    unit_rows(tc, parse_go_int, go_cases);
    tcase_add_test(tc, parse_size);
    tcase_add_test(tc, checked_arithmetic);
    tcase_add_test(tc, put_u64);)
