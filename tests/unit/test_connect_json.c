#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "natsd-front/client/connect_json.h"
#include "natsd-front/client/label.h"
#include "natsd-front/client/redact.h"
#include "tests/unit/unit.h"

static int
read_into(const char *json, struct connect_options *o)
{
	char why[CONNECT_WHY_MAX];

	return (connect_json_read(str_of(json), o, why));
}

START_TEST(test_absent_keys_keep_their_values)
{
	struct connect_options o = { .verbose = true, .pedantic = true, .echo = true };

	ck_assert_int_eq(read_into("{\"verbose\":false,\"name\":\"n\",\"protocol\":1}", &o), 0);
	ck_assert(!o.verbose);
	ck_assert(o.pedantic && o.echo);
	ck_assert_int_eq(o.protocol, 1);
	ck_assert_str_eq(o.name.p, "n");
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
	ck_assert_str_eq(o.lang.p, "b");
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
	ck_assert_str_eq(o.name.p, "a\xef\xbf\xbd z");
	ck_assert_str_eq(o.lang.p, "\xef\xbf\xbd!");
	connect_options_free(&o);
}
END_TEST

START_TEST(test_zero_bytes_are_kept)
{
	struct connect_options o = { .protocol = 0 };

	ck_assert_int_eq(read_into("{\"user\":\"a\\u0000b\",\"user\":\"c\\u0000d\"}", &o), 0);
	ck_assert_uint_eq(o.user.n, 3);
	ck_assert_mem_eq(o.user.p, "c\0d", 4);
	connect_options_free(&o);
}
END_TEST

/* In the order of the document, whatever the letter case. */
static const struct {
	const char *json;
	bool verbose;
} orders[] = {
	{ "{\"verbose\":false,\"verbose\":null}", false },
	{ "{\"verbose\":false,\"VERBOSE\":true}", true },
	{ "{\"VERBOSE\":true,\"verbose\":false}", false },
	{ "{\"verbose\":true,\"Verbose\":null,\"verbose\":null}", true },
	{ "{\"verbo\xc5\xbf" "e\":false}", false },
	{ "{\"verb\\u006fse\":false}", false },
	{ "{\"verbosee\":false,\"verbos\":false}", true },
};

START_TEST(test_order)
{
	struct connect_options o = { .verbose = true };

	ck_assert_int_eq(read_into(orders[_i].json, &o), 0);
	ck_assert_int_eq(o.verbose, orders[_i].verbose);
}
END_TEST

static const struct {
	const char *json, *why;
} reasons[] = {
	{ "{\"verbose\":1}",
	    "json: cannot unmarshal number into Go struct field ClientOpts.verbose of type bool" },
	{ "{\"VERBOSE\":\"x\"}",
	    "json: cannot unmarshal string into Go struct field ClientOpts.verbose of type bool" },
	{ "{\"protocol\":1.5}",
	    "json: cannot unmarshal number 1.5 into Go struct field ClientOpts.protocol of type int" },
	{ "[]", "json: cannot unmarshal array into Go value of type server.ClientOpts" },
	{ "{\"a\":tru}", "invalid character '}' in literal true (expecting 'e')" },
	{ "{\"a\":\"\x01\"}", "invalid character '\\x01' in string literal" },
	{ "\xff", "invalid character '\xc3\xbf' looking for beginning of value" },
	{ "{\"a\":\"\\", "invalid character ' ' in string escape code" },
	{ "{\"a\":1", "unexpected end of JSON input" },
};

START_TEST(test_reasons)
{
	struct connect_options o = { .protocol = 0 };
	char why[CONNECT_WHY_MAX];

	ck_assert_int_eq(connect_json_read(str_of(reasons[_i].json), &o, why), -1);
	ck_assert_str_eq(why, reasons[_i].why);
}
END_TEST

START_TEST(test_deep_nesting_is_refused)
{
	static char text[32768];
	struct connect_options o = { .protocol = 0 };
	struct str json = { text, sizeof(text) };
	char why[CONNECT_WHY_MAX];

	memset(text, '[', sizeof(text));
	memcpy(text, "{\"a\":", 5);
	ck_assert_int_eq(connect_json_read(json, &o, why), -1);
	ck_assert_str_eq(why, "exceeded max depth");
	ck_assert_int_eq(connect_json_check_info(json, why), -1);
	json.n = 8000;
	ck_assert_int_eq(connect_json_read(json, &o, why), -1);
	ck_assert_str_eq(why, "unexpected end of JSON input");
}
END_TEST

/* ---- what the log shows of it ---- */

static const struct {
	const char *in, *out;
} redactions[] = {
	{ "{\"pass\":\"s3cret\",\"user\":\"me\"}", "{\"pass\":\"[REDACTED]\",\"user\":\"me\"}" },
	{ "{\"PASS\" : \"s\",\"Sig\":\"x\"}", "{\"PASS\" : \"[REDACTED]\",\"Sig\":\"[REDACTED]\"}" },
	{ "{\"password\":1}", "{\"password\":[REDACTED]}" },
	{ "{\"auth_token\":\"\"}", "{\"auth_token\":\"[REDACTED]\"}" },
	{ "{\"design\":\"d\",\"a_sig\":\"e\"}", "{\"design\":\"d\",\"a_sig\":\"e\"}" },
	{ "pass=x", "pass=[REDACTED]" },
	{ "pass", "pass" },
	{ "{\"pass\":\"cut off", "{\"pass\":\"[REDACTED]" },
};

START_TEST(test_redact)
{
	char out[256];
	size_t n = redact(out, sizeof(out), str_of(redactions[_i].in));

	ck_assert_uint_eq(n, strlen(redactions[_i].out));
	ck_assert_mem_eq(out, redactions[_i].out, n);
	ck_assert_uint_le(redact(out, 3, str_of(redactions[_i].in)), 3);
}
END_TEST

/* ---- and what the connection is called from then on ---- */

static const struct {
	const char *json, *label;
} labels[] = {
	{ "{}", NULL },
	{ "{\"name\":\"n\"}", " - \"n\"" },
	{ "{\"lang\":\"c\",\"version\":\"1\",\"name\":\"a\\u0000b\"}", " - \"v1:c:a\\x00b\"" },
	{ "{\"user\":\"u\",\"auth_token\":\"t\"}", " - \"$G/user:u\"" },
	{ "{\"nkey\":\"N\",\"user\":\"u\"}", " - \"$G/nkey:N\"" },
	{ "{\"name\":\"x\",\"auth_token\":\"t\"}", " - \"x\" - \"$G/token\"" },
};

START_TEST(test_label)
{
	struct connect_options o = { .protocol = 0 };
	char *label;

	ck_assert_int_eq(read_into(labels[_i].json, &o), 0);
	label = label_make(&o, STR("$G"));
	if (labels[_i].label == NULL)
		ck_assert_ptr_null(label);
	else
		ck_assert_str_eq(label, labels[_i].label);
	free(label);
	connect_options_free(&o);
}
END_TEST

UNIT_MAIN("connect_json",
    tcase_add_test(tc, test_absent_keys_keep_their_values);
    tcase_add_test(tc, test_letter_case_duplicates_and_null);
    unit_rows(tc, test_refused, refused);
    unit_rows(tc, test_accepted, accepted);
    tcase_add_test(tc, test_invalid_text_reads_as_replacement);
    tcase_add_test(tc, test_zero_bytes_are_kept);
    unit_rows(tc, test_order, orders);
    unit_rows(tc, test_reasons, reasons);
    tcase_add_test(tc, test_deep_nesting_is_refused);
    unit_rows(tc, test_redact, redactions);
    unit_rows(tc, test_label, labels);)
