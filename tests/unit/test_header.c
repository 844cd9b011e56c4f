#include "config.h"

#include <check.h>
#include <stdlib.h>

#include "common/header.h"

#define BLOCK "NATS/1.0\r\nNats-Msg-Id: 7\r\nX-Nats-Msg-Id: no\r\nother:  a: b \r\nNats-Msg-Id: 8\r\n" \
	      "Empty:\r\n\r\n"

static void
want(struct str got, const char *expected)
{
	if (expected == NULL) {
		ck_assert_ptr_null(got.p);
		return;
	}
	ck_assert_ptr_nonnull(got.p);
	ck_assert_msg(str_eq(got, str_of(expected)), "got \"" STR_FMT "\", want \"%s\"",
	    STR_ARG(got), expected);
}

START_TEST(test_get)
{
	struct str block = STR(BLOCK);

	want(header_get(block, STR("Nats-Msg-Id")), "7");
	want(header_get(block, STR("other")), "a: b ");
	want(header_get(block, STR("Empty")), "");
	want(header_get(block, STR("nats-msg-id")), NULL);
	want(header_get(block, STR("Msg-Id")), NULL);
	want(header_get(block, STR("Nats")), NULL);
	want(header_get(block, STR("a")), NULL); /* inside a value */
	want(header_get(block, STR("NATS/1.0")), NULL);
	want(header_get(STR("NATS/1.0 100 A: b\r\n\r\n"), STR("NATS/1.0 100 A")), NULL);
	want(header_get(STR(""), STR("a")), NULL);
	want(header_get(STR("NATS/1.0\r\na: cut off"), STR("a")), "cut off");
}
END_TEST

static const struct {
	const char *block, *key, *value, *result;
} sets[] = {
	{ "", "A", "1", "NATS/1.0\r\nA: 1\r\n\r\n" },
	{ "NATS/1.0\r\n\r\n", "A", "1", "NATS/1.0\r\nA: 1\r\n\r\n" },
	{ "NATS/1.0 503\r\n\r\n", "A", "1", "NATS/1.0 503\r\nA: 1\r\n\r\n" },
	{ "NATS/1.0\r\nA: x\r\nB: y\r\nA: z\r\n\r\n", "A", "1", "NATS/1.0\r\nB: y\r\nA: 1\r\n\r\n" },
	{ "NATS/1.0\r\nAA: x\r\n\r\n", "A", "1", "NATS/1.0\r\nAA: x\r\nA: 1\r\n\r\n" },
	{ "NATS/1.0\r\n\r\n", "A", "1\r\nB: 2\n", "NATS/1.0\r\nA: 1  B: 2 \r\n\r\n" },
	{ "\r\n\r\n", "A", "1", "NATS/1.0\r\nA: 1\r\n\r\n" },
	{ "NATS/1.0\r\nB: y", "A", "", "NATS/1.0\r\nB: y\r\nA: \r\n\r\n" },
};

START_TEST(test_set)
{
	struct buf out = BUF_INIT(1024);

	ck_assert_int_eq(buf_add(&out, "old", 3), 0);
	ck_assert_int_eq(header_set(&out, str_of(sets[_i].block), str_of(sets[_i].key),
	    str_of(sets[_i].value)), 0);
	want(buf_str(&out), sets[_i].result);
	buf_free(&out);
}
END_TEST

START_TEST(test_set_at_the_bound)
{
	struct buf out = BUF_INIT(64);
	char value[64] = { 0 };

	ck_assert_int_eq(header_set(&out, STR_NONE, STR("A"),
	    (struct str){ .p = value, .n = sizeof(value) }), -1);
	buf_free(&out);
}
END_TEST

START_TEST(test_next)
{
	static const char *pairs[][2] = { { "Nats-Msg-Id", "7" }, { "X-Nats-Msg-Id", "no" },
		{ "other", "a: b" }, { "Nats-Msg-Id", "8" }, { "Empty", "" } };
	struct str key, value;
	size_t at = 0, i;

	for (i = 0; header_next(STR(BLOCK), &at, &key, &value); i++) {
		ck_assert_uint_lt(i, 5);
		want(key, pairs[i][0]);
		want(value, pairs[i][1]);
	}
	ck_assert_uint_eq(i, 5);

	at = 0;
	ck_assert(!header_next(STR("NATS/1.0\r\nA: 1"), &at, &key, &value));
	at = 0;
	ck_assert(!header_next(STR("NATS/1.0\r\nno colon\r\n\r\n"), &at, &key, &value));
	at = 0;
	ck_assert(header_next(STR("NATS/1.0\r\nA : \t1\t \r\n\r\n"), &at, &key, &value));
	want(key, "A ");
	want(value, "1");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("header");
	TCase *tc = tcase_create("header");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, test_get);
	tcase_add_loop_test(tc, test_set, 0, (int)(sizeof(sets) / sizeof(sets[0])));
	tcase_add_test(tc, test_set_at_the_bound);
	tcase_add_test(tc, test_next);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return (failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
