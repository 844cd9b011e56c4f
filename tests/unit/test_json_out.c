#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/json_out.h"

static void
want(struct json_out *j, const char *expected)
{
	struct str got = buf_str(j->to);

	ck_assert_int_eq(json_end(j), 0);
	ck_assert_msg(str_eq(got, str_of(expected)), "got:  " STR_FMT "\nwant: %s", STR_ARG(got),
	    expected);
	buf_free(j->to);
}

/* What Go's encoder prints for the same values. */
static const struct {
	double value;
	const char *text;
} numbers[] = {
	{ 0, "0" },
	{ -0.0, "-0" },
	{ 1, "1" },
	{ 2, "2" },
	{ 0.5, "0.5" },
	{ -1.25, "-1.25" },
	{ 100, "100" },
	{ 1e6, "1000000" },
	{ 123456789, "123456789" },
	{ 0.1, "0.1" },
	{ 0.1 + 0.2, "0.30000000000000004" },
	{ 1.0 / 3, "0.3333333333333333" },
	{ 1e-6, "0.000001" },
	{ 9.99e-7, "9.99e-7" },
	{ 1e-7, "1e-7" },
	{ 1.5e-9, "1.5e-9" },
	{ 1e20, "100000000000000000000" },
	{ 1e21, "1e+21" },
	{ 1.7976931348623157e308, "1.7976931348623157e+308" },
	{ 5e-324, "5e-324" },
	{ 0.000123, "0.000123" },
	{ 0.95, "0.95" },
	{ 12.345678901234567, "12.345678901234567" },
	{ 9007199254740993.0, "9007199254740992" },
	{ 3e-300, "3e-300" },
};

START_TEST(test_number)
{
	struct buf out = BUF_INIT(1024);
	struct json_out j;

	json_begin(&j, &out, 0);
	json_num(&j, numbers[_i].value);
	want(&j, numbers[_i].text);
}
END_TEST

static const struct {
	struct str value;
	const char *text;
} strings[] = {
	{ STR(""), "\"\"" },
	{ STR("foo.>"), "\"foo.\\u003e\"" },
	{ STR("a<b>&c"), "\"a\\u003cb\\u003e\\u0026c\"" },
	{ STR("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\x7f\"" },
	{ STR("\b\f\n\r\t\"\\/"), "\"\\b\\f\\n\\r\\t\\\"\\\\/\"" },
	{ STR("h\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80!"), "\"h\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80!\"" },
	{ STR("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xa7"), "\"\\u2028\\u2029\xe2\x80\xa7\"" },
	{ STR("\xff\xfe" "a\xc3"), "\"\\ufffd\\ufffda\\ufffd\"" },
	{ STR("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"" },
	{ STR("\xe2\x80"), "\"\\ufffd\\ufffd\"" },
	{ STR("\xef\xbf\xbd"), "\"\xef\xbf\xbd\"" },
};

START_TEST(test_string)
{
	struct buf out = BUF_INIT(1024);
	struct json_out j;

	json_begin(&j, &out, 0);
	json_str(&j, strings[_i].value);
	want(&j, strings[_i].text);
}
END_TEST

static const struct {
	int64_t ns;
	const char *utc, *zone; /* POSIX: -02:30 lies east */
	const char *local;
} times[] = {
	{ 0, "1970-01-01T00:00:00Z", "XXX-02:30", "1970-01-01T02:30:00+02:30" },
	{ 1, "1970-01-01T00:00:00.000000001Z", "XXX5", "1969-12-31T19:00:00.000000001-05:00" },
	{ 1500000000123456789, "2017-07-14T02:40:00.123456789Z", "XXX5",
	    "2017-07-13T21:40:00.123456789-05:00" },
	{ 1500000000120000000, "2017-07-14T02:40:00.12Z", "XXX0", "2017-07-14T02:40:00.12Z" },
	{ -1, "1969-12-31T23:59:59.999999999Z", "XXX5", "1969-12-31T18:59:59.999999999-05:00" },
	{ -1000000001, "1969-12-31T23:59:58.999999999Z", "XXX-02:30",
	    "1970-01-01T02:29:58.999999999+02:30" },
	{ INT64_MIN, "0001-01-01T00:00:00Z", "XXX5", "0001-01-01T00:00:00Z" },
};

START_TEST(test_time)
{
	struct buf out = BUF_INIT(1024);
	struct json_out j;
	char text[160];

	setenv("TZ", times[_i].zone, 1);
	tzset();
	json_begin(&j, &out, 0);
	json_array_begin(&j);
	json_time(&j, (struct wall){ .ns = times[_i].ns }, false);
	json_time(&j, (struct wall){ .ns = times[_i].ns }, true);
	json_array_end(&j);
	snprintf(text, sizeof(text), "[\"%s\",\"%s\"]", times[_i].utc, times[_i].local);
	want(&j, text);
}
END_TEST

static void
nested(struct json_out *j)
{
	json_object_begin(j);
	json_key(j, "a");
	json_array_begin(j);
	json_array_end(j);
	json_key(j, "b");
	json_object_begin(j);
	json_object_end(j);
	json_key(j, "c");
	json_array_begin(j);
	json_i64(j, -1);
	json_object_begin(j);
	json_kstr(j, "x", STR("y"));
	json_kbool(j, "z", false);
	json_object_end(j);
	json_put_null(j);
	json_raw(j, STR("true"));
	json_array_end(j);
	json_ku64(j, "big", UINT64_MAX);
	json_object_end(j);
}

START_TEST(test_compact)
{
	struct buf out = BUF_INIT(1024);
	struct json_out j;

	json_begin(&j, &out, 0);
	nested(&j);
	want(&j, "{\"a\":[],\"b\":{},\"c\":[-1,{\"x\":\"y\",\"z\":false},null,true],"
		 "\"big\":18446744073709551615}");
}
END_TEST

START_TEST(test_indented)
{
	struct buf out = BUF_INIT(1024);
	struct json_out j;

	json_begin(&j, &out, 2);
	nested(&j);
	want(&j, "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    -1,\n    {\n      \"x\": \"y\",\n"
		 "      \"z\": false\n    },\n    null,\n    true\n  ],\n"
		 "  \"big\": 18446744073709551615\n}");
}
END_TEST

START_TEST(test_left_out_when_empty)
{
	struct buf out = BUF_INIT(1024);
	struct json_out j;

	json_begin(&j, &out, 0);
	json_object_begin(&j);
	json_kstr_oe(&j, "a", STR(""));
	json_ku64_oe(&j, "b", 0);
	json_ki64_oe(&j, "c", 0);
	json_kbool_oe(&j, "d", false);
	json_ki64_oe(&j, "e", -3);
	json_kbool_oe(&j, "f", true);
	json_knum(&j, "g", 2.0);
	json_object_end(&j);
	want(&j, "{\"e\":-3,\"f\":true,\"g\":2}");
}
END_TEST

START_TEST(test_no_room_is_told_at_the_end)
{
	struct buf out = BUF_INIT(64);
	struct json_out j;
	unsigned i;

	json_begin(&j, &out, 0);
	json_array_begin(&j);
	for (i = 0; i < 64; i++)
		json_u64(&j, i);
	json_array_end(&j);
	ck_assert_int_eq(json_end(&j), -1);
	buf_free(&out);
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))

int
main(void)
{
	Suite *suite = suite_create("json_out");
	TCase *tc = tcase_create("json_out");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, test_number, 0, ROWS(numbers));
	tcase_add_loop_test(tc, test_string, 0, ROWS(strings));
	tcase_add_loop_test(tc, test_time, 0, ROWS(times));
	tcase_add_test(tc, test_compact);
	tcase_add_test(tc, test_indented);
	tcase_add_test(tc, test_left_out_when_empty);
	tcase_add_test(tc, test_no_room_is_told_at_the_end);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return (failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
