#include "config.h"

#include <string.h>

#include "natsd-front/client/connect_json.h"
#include "tests/unit/unit.h"

static int
read_into(const char *json, struct connect_options *o)
{
	return (connect_json_read(str_of(json), o));
}

START_TEST(test_absent_keys_keep_their_values)
{
	struct connect_options o = { .verbose = true, .pedantic = true, .echo = true };

	ck_assert_int_eq(read_into("{\"verbose\":false,\"name\":\"n\",\"protocol\":1}", &o), 0);
	ck_assert(!o.verbose);
	ck_assert(o.pedantic && o.echo);
	ck_assert_int_eq(o.protocol, 1);
	ck_assert_str_eq(o.name, "n");
	connect_options_free(&o);
}
END_TEST

START_TEST(test_letter_case_duplicates_and_null)
{
	struct connect_options o = { .echo = true };

	ck_assert_int_eq(read_into("{\"VERBOSE\":true,\"Echo\":null,"
				   "\"lang\":\"a\",\"lang\":\"b\"}", &o), 0);
	ck_assert(o.verbose);
	ck_assert(o.echo);
	ck_assert_str_eq(o.lang, "b");
	connect_options_free(&o);
}
END_TEST

static const char *const refused[] = {
	"", "{", "{bad", "[]", "1", "\"x\"", "{} {}", "{\"verbose\":1}", "{\"verbose\":\"true\"}",
	"{\"name\":1}", "{\"protocol\":\"1\"}", "{\"protocol\":1.5}", "{\"protocol\":true}",
	"{\"import\":\"x\"}", "{\"a\":}", "{'a':1}", "{\"a\":01}",
};

START_TEST(test_refused)
{
	struct connect_options o = { .protocol = 7 };

	ck_assert_int_eq(read_into(refused[_i], &o), -1);
	ck_assert_int_eq(o.protocol, 7);
	connect_options_free(&o);
}
END_TEST

static const char *const accepted[] = {
	"{}", " {} ", "null", "{\"unknown\":[1,{\"x\":null}]}", "{\"import\":{},\"export\":null}",
	"{\"name\":\"\\u0000\"}", "{\"name\":\"\\ud800\"}", "{\"name\":\"\\ud83d\\ude00\"}",
	"{\"name\":\"\xff\xfe\"}", "{\"na\xffme\":1}",
};

START_TEST(test_accepted)
{
	struct connect_options o = { .protocol = 7 };

	ck_assert_int_eq(read_into(accepted[_i], &o), 0);
	ck_assert_int_eq(o.protocol, 7);
	connect_options_free(&o);
}
END_TEST

START_TEST(test_invalid_text_reads_as_replacement)
{
	struct connect_options o = { .protocol = 0 };

	ck_assert_int_eq(read_into("{\"name\":\"a\xff z\",\"lang\":\"\\udc00!\"}", &o), 0);
	ck_assert_str_eq(o.name, "a\xef\xbf\xbd z");
	ck_assert_str_eq(o.lang, "\xef\xbf\xbd!");
	connect_options_free(&o);
}
END_TEST

START_TEST(test_deep_nesting_is_refused)
{
	char text[8192];
	struct connect_options o = { .protocol = 0 };

	memset(text, '[', sizeof(text));
	memcpy(text, "{\"a\":", 5);
	ck_assert_int_eq(connect_json_read((struct str){ text, sizeof(text) }, &o), -1);
	ck_assert_int_eq(connect_json_check((struct str){ text, sizeof(text) }), -1);
	connect_options_free(&o);
}
END_TEST

UNIT_MAIN("connect_json",
    tcase_add_test(tc, test_absent_keys_keep_their_values);
    tcase_add_test(tc, test_letter_case_duplicates_and_null);
    unit_rows(tc, test_refused, refused);
    unit_rows(tc, test_accepted, accepted);
    tcase_add_test(tc, test_invalid_text_reads_as_replacement);
    tcase_add_test(tc, test_deep_nesting_is_refused);)
