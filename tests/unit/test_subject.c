#include "config.h"

#include <check.h>
#include <stdlib.h>

#include "common/subject.h"

/* One row a subject, one column a function of client.md 10.2. */
static const struct {
	struct str subject;
	bool valid, runes, sub, literal, publish, wildcard;
} validity[] = {
	/* subject		valid  runes  sub    literal publish wildcard */
	{ STR(""),		false, false, false, false,  false,  false },
	{ STR("."),		false, false, false, false,  false,  false },
	{ STR("a"),		true,  true,  true,  true,   true,   false },
	{ STR("a.b"),		true,  true,  true,  true,   true,   false },
	{ STR("a..b"),		false, false, false, false,  false,  false },
	{ STR(".a"),		false, false, false, false,  false,  false },
	{ STR("a."),		false, false, false, false,  false,  false },
	{ STR("*"),		true,  true,  true,  false,  false,  true },
	{ STR(">"),		true,  true,  true,  false,  false,  true },
	{ STR("a.*"),		true,  true,  true,  false,  false,  true },
	{ STR("a.>"),		true,  true,  true,  false,  false,  true },
	{ STR("a.>.b"),		false, false, false, false,  false,  true },
	{ STR(">.>"),		false, false, false, false,  false,  true },
	{ STR("*.*.>"),		true,  true,  true,  false,  false,  true },
	{ STR("foo*"),		true,  true,  true,  true,   true,   false },
	{ STR("*foo"),		true,  true,  true,  true,   true,   false },
	{ STR(">x.b"),		true,  true,  true,  true,   true,   false },
	{ STR("**"),		true,  true,  true,  true,   true,   false },
	{ STR("a.>>.b"),	true,  true,  true,  true,   true,   false },
	{ STR("a b"),		false, false, true,  true,   false,  false },
	{ STR("a. "),		false, false, true,  true,   false,  false },
	{ STR("a.\t.b"),	false, false, true,  true,   false,  false },
	{ STR("a\r"),		false, false, true,  true,   false,  false },
	{ STR("a\n.b"),		false, false, true,  true,   false,  false },
	{ STR("x\f"),		false, false, true,  true,   false,  false },
	{ STR("x\v"),		true,  true,  true,  true,   true,   false },
	{ STR("a.\0b"),		true,  false, true,  true,   true,   false },
	{ STR("\xc3\xa9.b"),	true,  true,  true,  true,   true,   false },
	{ STR("\xe2\x82\xac"),	true,  true,  true,  true,   true,   false },
	{ STR("\xf0\x9f\x98\x80"), true, true, true, true,   true,   false },
	{ STR("\xef\xbf\xbd"),	true,  false, true,  true,   true,   false },
	{ STR("\xff"),		true,  false, true,  true,   true,   false },
	{ STR("a\x80"),		true,  false, true,  true,   true,   false },
	{ STR("\xc0\xaf"),	true,  false, true,  true,   true,   false },
	{ STR("\xe0\x80\xaf"),	true,  false, true,  true,   true,   false },
	{ STR("\xed\xa0\x80"),	true,  false, true,  true,   true,   false },
	{ STR("\xf4\x90\x80\x80"), true, false, true, true,  true,   false },
	{ STR("\xe2\x82"),	true,  false, true,  true,   true,   false },
	{ STR("\xe2\x82.b"),	true,  false, true,  true,   true,   false },
};

START_TEST(test_validity)
{
	struct str s = validity[_i].subject;

	ck_assert_int_eq(subject_valid(s), validity[_i].valid);
	ck_assert_int_eq(subject_valid_runes(s), validity[_i].runes);
	ck_assert_int_eq(subject_valid_sub(s), validity[_i].sub);
	ck_assert_int_eq(subject_valid_literal(s), validity[_i].literal);
	ck_assert_int_eq(subject_valid_publish(s), validity[_i].publish);
	ck_assert_int_eq(subject_has_wildcard(s), validity[_i].wildcard);
}
END_TEST

static const struct {
	struct str literal, pattern;
	bool matches;
} matches[] = {
	{ STR("foo"), STR("foo"), true },
	{ STR("foo"), STR("bar"), false },
	{ STR("foo"), STR("*"), true },
	{ STR("foo"), STR(">"), true },
	{ STR("foo.bar"), STR("*"), false },
	{ STR("foo.bar"), STR(">"), true },
	{ STR("foo.bar"), STR("foo.>"), true },
	{ STR("foo"), STR("foo.>"), false },
	{ STR("foo.bar"), STR("*.bar"), true },
	{ STR("foo.bar"), STR("foo.*"), true },
	{ STR("foo.bar"), STR("foo.*.*"), false },
	{ STR("foo.bar.baz"), STR("foo.*.baz"), true },
	{ STR("foo.bar.baz"), STR("foo.bar"), false },
	{ STR("foo.bar"), STR("foo.bar.baz"), false },
	{ STR("foo.*"), STR("foo.*"), true },
	{ STR("foo.b*"), STR("foo.b*"), true },
	{ STR("foo.bar"), STR("foo.b*"), false },
	{ STR("foo.>"), STR("foo.>"), true },
	{ STR("foo..bar"), STR("foo.>"), false },
	{ STR("foo."), STR("foo.*"), false },
	{ STR(""), STR("*"), false },
	{ STR("foo"), STR(">.>"), false },
};

START_TEST(test_matches)
{
	ck_assert_int_eq(subject_matches(matches[_i].literal, matches[_i].pattern),
	    matches[_i].matches);
}
END_TEST

static const struct {
	struct str a, b;
	bool subset, collide;
} pairs[] = {
	/* a		    b		     a in b  collide */
	{ STR("foo.*"),	    STR(">"),	     true,   true },
	{ STR("foo.*"),	    STR("*.*"),	     true,   true },
	{ STR("foo.*"),	    STR("foo.*"),    true,   true },
	{ STR("foo.*"),	    STR("foo.bar"),  false,  true },
	{ STR("foo.>"),	    STR(">"),	     true,   true },
	{ STR("foo.>"),	    STR("*.>"),	     true,   true },
	{ STR("foo.>"),	    STR("foo.>"),    true,   true },
	{ STR("foo.>"),	    STR("foo.*"),    false,  true },
	{ STR("foo.>"),	    STR("foo.bar"),  false,  true },
	{ STR(">"),	    STR("*"),	     false,  true },
	{ STR(">"),	    STR(">"),	     true,   true },
	{ STR("foo..bar"),  STR("foo.*"),    false,  false },
	{ STR("foo.*"),	    STR("foo..bar"), false,  false },
	{ STR("foo.bar"),   STR("foo.bar"),  true,   true },
	{ STR("foo.bar"),   STR("foo.baz"),  false,  false },
	{ STR("foo"),	    STR("foo.*"),    false,  false },
	{ STR("foo.bar"),   STR("*.*.>"),    false,  false },
	{ STR("foo.*.bar"), STR("foo.baz.*"), false, true },
	{ STR("foo.*.bar"), STR("foo.*"),    false,  false },
	{ STR("foo.*"),	    STR("bar.>"),    false,  false },
	{ STR("foo.*.*"),   STR("foo.>"),    true,   true },
	{ STR("foo.*"),	    STR("foo.*.>"),  false,  false },
	{ STR("*.a"),	    STR("b.*"),	     false,  true },
	{ STR("*.a"),	    STR("*.b"),	     false,  false },
	{ STR("x.*foo"),    STR("*.bar"),    false,  false },
	{ STR("*.*foo"),    STR("*.bar"),    false,  true },
	{ STR("a.b"),	    STR("*foo.b"),   false,  false },
};

START_TEST(test_pairs)
{
	ck_assert_int_eq(subject_subset(pairs[_i].a, pairs[_i].b), pairs[_i].subset);
	ck_assert_int_eq(subject_collide(pairs[_i].a, pairs[_i].b), pairs[_i].collide);
	ck_assert_int_eq(subject_collide(pairs[_i].b, pairs[_i].a), pairs[_i].collide);
}
END_TEST

START_TEST(test_tokens)
{
	struct subject_iter it = subject_iter(STR("a..bc."));
	static const char *want[] = { "a", "", "bc", "" };
	struct str token;
	unsigned n = 0;

	while (subject_next(&it, &token)) {
		ck_assert_uint_lt(n, 4);
		ck_assert(str_eq(token, str_of(want[n])));
		n++;
	}
	ck_assert_uint_eq(n, 4);
	ck_assert_uint_eq(subject_tokens(STR("a..bc.")), 4);
	ck_assert_uint_eq(subject_tokens(STR("")), 1);
}
END_TEST

START_TEST(test_first_hash)
{
	ck_assert_uint_eq(subject_first_hash(STR("orders.new")), subject_first_hash(STR("orders")));
	ck_assert_uint_eq(subject_first_hash(STR("orders.new")),
	    (uint8_t)subject_hash(STR("orders")));
	ck_assert_uint_ne(subject_hash(STR("a.b")), subject_hash(STR("a.c")));
}
END_TEST

#define ROWS(table) (int)(sizeof(table) / sizeof((table)[0]))

int
main(void)
{
	Suite *suite = suite_create("subject");
	TCase *tc = tcase_create("subject");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, test_validity, 0, ROWS(validity));
	tcase_add_loop_test(tc, test_matches, 0, ROWS(matches));
	tcase_add_loop_test(tc, test_pairs, 0, ROWS(pairs));
	tcase_add_test(tc, test_tokens);
	tcase_add_test(tc, test_first_hash);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return (failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
