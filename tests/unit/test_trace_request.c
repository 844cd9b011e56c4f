/* What headers say about a trace (client.md 16.1). */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "natsd-front/trace_request.h"

#define V "NATS/1.0\r\n"
#define DEST "Nats-Trace-Dest: t\r\n"

START_TEST(test_traceparent)
{
	static const struct {
		const char *value;
		bool sampled;
	} rows[] = { { "00-a-b-01", true }, { "00-a-b-00", false }, { "00-a-b-81", false },
		{ "00-a-b-7f", true }, { "00-a-b-7F", true }, { "00-a-b-7e", false },
		{ "---01", true }, { "00-a-b-1", false }, { "00-a-b-001", false }, { "a-b-01", false },
		{ "00-a-b-c-01", false }, { "00-a-b-01-", false }, { "00-a-b-0g", false },
		{ "00-a-b-g1", false }, { "00-a-b- 1", false }, { "00-a-b-+1", true }, { "", false },
		{ "01", false }, { "00-a-b-", false }, { "00-a-b-ff", false }, { "00-a-b-\x01" "1", false } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ck_assert_msg(trace_request_sampled(str_of(rows[i].value)) == rows[i].sampled,
		    "traceparent %s", rows[i].value);
}
END_TEST

/* 0: no trace; else its destination, "-" when the account's. */
static void
says(const char *headers, const char *dest, bool only)
{
	struct trace_request r;
	int rc = trace_request_read(&r, str_of(headers));

	ck_assert_msg((rc == 1) == (dest != NULL), "%s: %d", headers, rc);
	if (rc == 1) {
		ck_assert_msg(trace_request_likely(str_of(headers)), "%s", headers);
		ck_assert_msg(str_eq(r.dest, str_of(dest[0] == '-' ? "" : dest)), "%s", headers);
		ck_assert_msg(r.only == only, "%s", headers);
	}
	trace_request_free(&r);
}

START_TEST(test_read)
{
	says("", NULL, false);
	says(V "\r\n", NULL, false);
	says(V DEST "\r\n", "t", false);
	says(V "Nats-Trace-Dest:t\r\n\r\n", "t", false);
	says(V "Nats-Trace-Dest: \t t \t\r\n\r\n", "t", false);
	says(V DEST, "t", false);
	says(V "Nats-Trace-Dest: t", NULL, false);
	says(V "Nats-Trace-Dest:\r\n\r\n", NULL, false);
	says(V "nats-trace-dest: t\r\n\r\n", NULL, false);
	says(V "Nats-Trace-Dest : t\r\n\r\n", NULL, false);
	says(V " Nats-Trace-Dest: t\r\n\r\n", NULL, false);
	says("NATS/1.0 100 Idle\r\n" DEST "\r\n", NULL, false);
	says("NATS/1.0\n" DEST "\r\n", NULL, false);
	says("\r\n" DEST "\r\n", NULL, false);
	says(V "A: b\r\n" DEST "Nats-Trace-Dest: u\r\n\r\n", "t", false);
	/* Switched off: by the first one only. */
	says(V "Nats-Trace-Dest: trace disabled\r\n" DEST "\r\n", NULL, false);
	says(V DEST "Nats-Trace-Dest: trace disabled\r\n\r\n", "t", false);
	says(V "Nats-Trace-Dest: trace disabled\r\ntraceparent: 0-a-b-01\r\n\r\n", NULL, false);
	/* A line without a colon becomes part of the next key. */
	says(V "abc\r\n" DEST "\r\n", NULL, false);
	says(V "abc\r\nA: b\r\n" DEST "\r\n", "t", false);
	says(V "\r\nA: b\r\n" DEST "\r\n", "t", false);
	/* Only. */
	says(V DEST "Nats-Trace-Only: 1\r\n\r\n", "t", true);
	says(V DEST "Nats-Trace-Only: tRuE\r\n\r\n", "t", true);
	says(V DEST "Nats-Trace-Only: ON\r\n\r\n", "t", true);
	says(V DEST "Nats-Trace-Only: yes\r\n\r\n", "t", false);
	says(V DEST "Nats-Trace-Only: 0\r\nNats-Trace-Only: 1\r\n\r\n", "t", false);
	says(V DEST "Nats-Trace-only: 1\r\n\r\n", "t", false);
	says(V "Nats-Trace-Only: 1\r\n\r\n", NULL, false);
	/* Started by others. */
	says(V "traceparent: 0-a-b-01\r\n\r\n", "-", false);
	says(V "TraceParent: 0-a-b-01\r\nNats-Trace-Only: 1\r\n\r\n", "-", false);
	says(V "traceparent: 0-a-b-00\r\n\r\n", NULL, false);
	says(V "traceparent: 0-a-b-00\r\nTRACEPARENT: 0-a-b-01\r\n\r\n", "-", false);
	says(V "traceparent: 0-a-b-01\r\n" DEST "\r\n", "t", false);
}
END_TEST

START_TEST(test_pairs)
{
	struct trace_request r;
	char headers[4096] = V DEST "Nats-Trace-Origin-Account: A\r\nX: 1\r\nx: 2\r\nX: 3\r\n"
	    "Y:\r\n:z\r\n";
	size_t n;

	for (unsigned i = 0; i < 100; i++) {
		n = strlen(headers);
		snprintf(headers + n, sizeof(headers) - n, "K%u: v%u\r\n", i, i);
	}
	ck_assert_int_eq(trace_request_read(&r, str_of(headers)), 1);
	ck_assert_uint_eq(r.npairs, 105);
	ck_assert(str_eq(r.origin, STR("A")));
	ck_assert(str_eq(trace_request_get(&r, STR("X")), STR("1")));
	ck_assert(str_eq(trace_request_get(&r, STR("x")), STR("2")));
	ck_assert(str_eq(trace_request_get(&r, STR("K99")), STR("v99")));
	ck_assert(trace_request_get(&r, STR("Y")).n == 0);
	for (size_t i = 0; i < r.npairs; i++)
		ck_assert_uint_eq(r.pairs[i].place, i);
	trace_request_free(&r);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("trace_request");
	TCase *tc = tcase_create("trace_request");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, test_traceparent);
	tcase_add_test(tc, test_read);
	tcase_add_test(tc, test_pairs);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return (failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
