/* Transforms and mappings: the vectors of client.md 15 and accounts.md 22, and what the real server
 * says about wrong ones. */
#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "common/mapping.h"
#include "common/transform.h"

static uint32_t
always(void *ctx, uint32_t n)
{
	uint32_t v = *(uint32_t *)ctx;

	return (v < n ? v : n - 1);
}

static uint32_t zero;
static const struct chance lowest = { .below = always, .ctx = &zero };

static const char *
applied(const struct transform *t, const char *subject)
{
	static char out[4096];
	struct wr w = wr_of(out, transform_room(t, strlen(subject)));

	ck_assert_uint_lt(transform_room(t, strlen(subject)), sizeof(out));
	if (!transform_match(t, str_of(subject), &lowest, &w))
		return ("no match");
	ck_assert_int_eq(wr_end(&w), 0);
	out[wr_len(&w)] = '\0';
	return (out);
}

static const struct {
	const char *source, *dest, *subject, *result;
} vectors[] = {
	{ "foo", "bar", "foo", "bar" },
	{ "foo", "bar", "baz", "no match" },
	{ "*", "bar.{{partition(10)}}", "foo", "bar.3" },
	{ "*", "bar.{{partition(10)}}", "baz", "bar.0" },
	{ "*", "bar.{{partition(10)}}", "qux", "bar.9" },
	{ "*.*", "bar.{{partition(10)}}", "foo.bar", "bar.6" },
	{ "*.*", "bar.{{Partition( 10 )}}", "foo.baz", "bar.4" },
	{ "test.*", "bar.{{partition(5)}}", "test.subject", "bar.0" },
	{ "*", "{{partition(0)}}", "foo", "0" },
	{ "*", "a.{{splitfromleft(1,3)}}", "12345", "a.123.45" },
	{ "*", "a.{{SplitFromRight(1,3)}}", "12345", "a.12.345" },
	{ "*", "a.{{splitFromLeft(1,5)}}", "12345", "a.12345" },
	{ "*", "a.{{SplitFromLeft(1,0)}}", "12345", "a.12345" },
	{ "*", "a.{{ SliceFromLeft ( 1, 3 ) }}", "1234567890", "a.123.456.789.0" },
	{ "*", "a.{{SliceFromRight(1,3)}}", "1234567890", "a.1.234.567.890" },
	{ "*", "a.{{slicefromleft(1,5)}}", "1234567890", "a.12345.67890" },
	{ "*", "a.{{split(1,-)}}", "-abc-def--ghi-", "a.abc.def.ghi" },
	{ "*", "a.{{split(1,-)}}", "--abc", "a..abc" },
	{ "*", "a.{{split(1,-)}}", "abc", "a.abc" },
	{ "*", "a.{{split(1,)}}", "abc", "a.a.b.c" },
	{ "*", "a.{{left(1,3)}}", "1234", "a.123" },
	{ "*", "a.{{right(1,3)}}", "1234", "a.234" },
	{ "*", "a.{{right(1,-3)}}", "1234", "a.1234" },
	{ "*", "a.{{random(5)}}", "x", "a.0" },
	{ "foo.*.bar.*.baz", "req.$2.$1", "foo.A.bar.B.baz", "req.B.A" },
	{ "foo.*.bar.*.baz", "req.{{wildcard(2)}}.{{Wildcard( 1)}}", "foo.A.bar.B.baz", "req.B.A" },
	{ "baz.>", "my.pre.>", "baz.1.2.3", "my.pre.1.2.3" },
	{ "baz.>", "my.pre.>", "baz", "no match" },
	{ ">", ">", "a.b", "a.b" },
	{ ">", "x.>", "a.b", "x.a.b" },
	{ "", "x.>", "a.b", "x.a.b" },
	{ "*", "$x.$1", "a", "$x.a" },
	{ "foo.*", "$0.$1.$-1", "foo.a", "foo.a.foo" },
	{ "foo.*", "{{foo.$1", "foo.a", "{{foo.a" },
};

START_TEST(test_vectors)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct err e;
		struct transform *t;

		t = transform_new(str_of(vectors[i].source), str_of(vectors[i].dest), false, &e);
		ck_assert_msg(t != NULL, "row %zu: %s", i, e.text);
		ck_assert_msg(strcmp(applied(t, vectors[i].subject), vectors[i].result) == 0,
		    "row %zu: %s", i, applied(t, vectors[i].subject));
		transform_free(t);
	}
}
END_TEST

#define M "invalid mapping destination: "
static const struct {
	const char *source, *dest;
	bool strict;
	const char *why;
} wrong[] = {
	{ "foo.*", "bar.*", false, "invalid subject" },
	{ "foo.*", "bar.>", false, "invalid subject" },
	{ "foo.>", "bar", false, "invalid subject" },
	{ "foo..a", "bar", false, "invalid subject" },
	{ "foo", "bar.$1", false, M "wildcard index out of range in $1" },
	{ "foo.*", "bar.$2", false, M "wildcard index out of range in $2: [2]" },
	{ "foo.*", "{{wildcard(2)}}", false, M "wildcard index out of range in {{wildcard(2)}}: [2]" },
	{ "foo.*", "{{partition(2,1,3)}}", false,
	    M "wildcard index out of range in {{partition(2,1,3)}}: [3]" },
	{ "foo.*", "{{wildcard()}}", false,
	    M "not enough arguments passed to the function in {{wildcard()}}" },
	{ "foo.*", "{{wildcard(1,2)}}", false,
	    M "too many arguments passed to the function in {{wildcard(1,2)}}" },
	{ "foo.*", "{{split(1)}}", false,
	    M "not enough arguments passed to the function in {{split(1)}}" },
	{ "foo.*", "{{split(1,2,3)}}", false,
	    M "too many arguments passed to the function in {{split(1,2,3)}}" },
	{ "foo.*", "{{splitfromleft(a,2)}}", false,
	    M "function argument is invalid or in the wrong format in {{splitfromleft(a,2)}}" },
	{ "foo.*", "{{partition(4294967296)}}", false,
	    M "function argument is invalid or in the wrong format in {{partition(4294967296)}}" },
	{ "foo.*", "{{partition()}}", false,
	    M "function argument is invalid or in the wrong format in {{partition()}}" },
	{ "foo.*", "{{random(1,2)}}", false,
	    M "not enough arguments passed to the function in {{random(1,2)}}" },
	{ "foo.*", "{{nope(1)}}", false, M "unknown function in {{nope(1)}}" },
	{ "foo.*", "{{WILDCARD(1)}}", false, M "unknown function in {{WILDCARD(1)}}" },
	{ "foo.*", "{{left(1,2)}}", true,
	    M "the only mapping function allowed for import transforms is {{Wildcard()}} in {{left(1,2)}}" },
	{ "*.*", "a.$1", true, M "not using all of the token wildcard(s) in a.$1" },
};

START_TEST(test_wrong)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct err e;

		ck_assert_ptr_null(transform_new(str_of(wrong[i].source), str_of(wrong[i].dest),
		    wrong[i].strict, &e));
		ck_assert_msg(strcmp(e.text, wrong[i].why) == 0, "row %zu: %s", i, e.text);
	}
}
END_TEST

START_TEST(test_check)
{
	struct err e;

	ck_assert_int_eq(transform_check(STR("a"), STR(""), &e), 0);
	ck_assert_int_eq(transform_check(STR("a"), STR("b"), &e), 0);
	ck_assert_int_eq(transform_check(STR("a.*"), STR("b..$1"), &e), -1);
	ck_assert_str_eq(e.text, M "invalid transform");
	ck_assert_int_eq(transform_check(STR("a.>"), STR("b.>.c"), &e), -1);
	ck_assert_str_eq(e.text, M "invalid transform in c");
	ck_assert_int_eq(transform_check(STR("a.*"), STR("b.c d"), &e), -1);
	ck_assert_str_eq(e.text, M "invalid transform");
	ck_assert_int_eq(transform_check(STR("a.*"), STR("b.{{nope(1)}}"), &e), -1);
	ck_assert_str_eq(e.text, M "unknown function in {{nope(1)}}");
	ck_assert_int_eq(transform_check(STR("a.*"), STR("b.{{ left ( 1, 1 ) }}"), &e), 0);
}
END_TEST

/* ---- mappings ---- */

static const char *
mapped(const struct mappings *m, const char *subject, uint32_t dice)
{
	static char out[4096];
	struct chance c = { .below = always, .ctx = &dice };
	struct wr w = wr_of(out, mappings_room(m, strlen(subject)));

	switch (mappings_apply(m, str_of(subject), &c, &w)) {
	case MAPPED_NOT:
		return ("not");
	case MAPPED_LOST:
		return ("lost");
	case MAPPED_TO:
		break;
	}
	ck_assert_int_eq(wr_end(&w), 0);
	out[wr_len(&w)] = '\0';
	return (out);
}

#define DEST(s, c, w) { STR(s), STR(c), (w) }

START_TEST(test_weights)
{
	struct access_destination d[] = { DEST("b.$1", "", 30), DEST("c.$1", "", 50) };
	struct access_mapping m = { STR("a.*"), d, 2 };
	struct mappings *ms = mappings_new(&m, 1, STR(""), NULL);

	/* By weight: 20 for the source itself, 30, 50. */
	ck_assert_str_eq(mapped(ms, "a.x", 0), "a.x");
	ck_assert_str_eq(mapped(ms, "a.x", 19), "a.x");
	ck_assert_str_eq(mapped(ms, "a.x", 20), "b.x");
	ck_assert_str_eq(mapped(ms, "a.x", 49), "b.x");
	ck_assert_str_eq(mapped(ms, "a.x", 50), "c.x");
	ck_assert_str_eq(mapped(ms, "a.x", 99), "c.x");
	ck_assert_str_eq(mapped(ms, "a.x.y", 0), "not");
	ck_assert_str_eq(mapped(ms, "a", 0), "not");
	mappings_free(ms);
}
END_TEST

START_TEST(test_loss)
{
	struct access_destination d[] = { DEST("a", "", 30), DEST("b", "", 20) };
	struct access_mapping m = { STR("a"), d, 2 };
	struct mappings *ms = mappings_new(&m, 1, STR(""), NULL);

	ck_assert_str_eq(mapped(ms, "a", 19), "b");
	ck_assert_str_eq(mapped(ms, "a", 49), "a");
	ck_assert_str_eq(mapped(ms, "a", 50), "lost");
	mappings_free(ms);
}
END_TEST

START_TEST(test_clusters)
{
	struct access_destination d[] = { DEST("b", "", 100), DEST("c", "west", 100),
		DEST("e", "east", 40) };
	struct access_mapping m = { STR("a"), d, 3 };
	struct mappings *none = mappings_new(&m, 1, STR(""), NULL);
	struct mappings *west = mappings_new(&m, 1, STR("west"), NULL);
	struct mappings *east = mappings_new(&m, 1, STR("east"), NULL);
	struct mappings *north = mappings_new(&m, 1, STR("north"), NULL);

	ck_assert_str_eq(mapped(none, "a", 0), "b");
	ck_assert_str_eq(mapped(north, "a", 0), "b");
	ck_assert_str_eq(mapped(west, "a", 0), "c");
	ck_assert_str_eq(mapped(east, "a", 39), "e");
	ck_assert_str_eq(mapped(east, "a", 40), "a");
	mappings_free(none);
	mappings_free(west);
	mappings_free(east);
	mappings_free(north);
}
END_TEST

START_TEST(test_order_and_partition)
{
	struct access_destination one[] = { DEST("p.{{partition(10)}}", "", 100) };
	struct access_destination two[] = { DEST("q.{{partition(10)}}", "", 100) };
	struct access_mapping m[] = { { STR("foo"), one, 1 }, { STR("*"), two, 1 },
		{ STR("baz"), one, 1 } };
	struct mappings *ms = mappings_new(m, 3, STR(""), NULL);

	/* The first one is met before the subject was cut into tokens. */
	ck_assert_str_eq(mapped(ms, "foo", 0), "p.1");
	ck_assert_str_eq(mapped(ms, "baz", 0), "q.0");
	ck_assert_str_eq(mapped(ms, "a.b", 0), "not");
	mappings_free(ms);
}
END_TEST

START_TEST(test_wrong_mappings)
{
	static const struct {
		struct access_destination d[2];
		const char *source, *why;
	} rows[] = {
		{ { DEST("b", "", 10), DEST("b", "x", 10) }, "a", "duplicate entry for \"b\"" },
		{ { DEST("b", "", 101), DEST("c", "", 10) }, "a",
		    "individual weights need to be <= 100" },
		{ { DEST("b", "", 60), DEST("c", "", 60) }, "a", "total weight needs to be <= 100" },
		{ { DEST("b", "", 60), DEST("c.*", "x", 60) }, "a", "invalid subject" },
		{ { DEST("b", "", 60), DEST("c", "x", 60) }, "a b", "invalid subject" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct access_destination d[2] = { rows[i].d[0], rows[i].d[1] };
		struct access_mapping m = { str_of(rows[i].source), d, 2 };
		struct err e;

		ck_assert_ptr_null(mappings_new(&m, 1, STR(""), &e));
		ck_assert_str_eq(e.text, rows[i].why);
	}
}
END_TEST

START_TEST(test_hash)
{
	ck_assert_uint_eq(transform_hash(TRANSFORM_HASH_START, STR("")), 2166136261u);
	ck_assert_uint_eq(transform_hash(TRANSFORM_HASH_START, STR("a")), 0xe40c292cu);
	ck_assert_uint_eq(transform_hash(TRANSFORM_HASH_START, STR("foobar")), 0xbf9cf968u);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("transform");
	TCase *tc = tcase_create("transform");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, test_vectors);
	tcase_add_test(tc, test_wrong);
	tcase_add_test(tc, test_check);
	tcase_add_test(tc, test_weights);
	tcase_add_test(tc, test_loss);
	tcase_add_test(tc, test_clusters);
	tcase_add_test(tc, test_order_and_partition);
	tcase_add_test(tc, test_wrong_mappings);
	tcase_add_test(tc, test_hash);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return (failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
