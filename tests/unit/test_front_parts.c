/* The small parts of the front: handles, subscriptions by sid, answered requests, texts, rules. */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/account_table.h"
#include "common/mono.h"
#include "natsd-front/answered.h"
#include "natsd-front/msg.h"
#include "natsd-front/peer_rules.h"
#include "natsd-front/reasons.h"
#include "natsd-front/slots.h"
#include "natsd-front/sub.h"
#include "natsd-front/text.h"
#include "natsd-front/turns.h"
#include "natsd-front/worker.h"
#include "tests/unit/unit.h"

/* ---- handles ---- */

START_TEST(test_handles_die_with_their_life)
{
	struct slots s = SLOTS_INIT;
	int a, b;
	struct handle ha, hb, again;

	ck_assert_ptr_null(slots_find(&s, HANDLE_NONE));
	ha = slots_add(&s, &a);
	hb = slots_add(&s, &b);
	ck_assert_uint_ne(ha.life, 0);
	ck_assert_ptr_eq(slots_find(&s, ha), &a);
	ck_assert_ptr_eq(slots_find(&s, hb), &b);
	slots_remove(&s, ha);
	ck_assert_ptr_null(slots_find(&s, ha));
	again = slots_add(&s, &b);
	ck_assert_uint_eq(again.slot, ha.slot);
	ck_assert_uint_ne(again.life, ha.life);
	ck_assert_ptr_null(slots_find(&s, ha));
	ck_assert_ptr_null(slots_find(&s, (struct handle){ 1u << 30, 1 }));
	slots_free(&s);
}
END_TEST

START_TEST(test_many_handles)
{
	static int things[5000];
	static struct handle handles[5000];
	struct slots s = SLOTS_INIT;
	size_t i;

	for (i = 0; i < 5000; i++)
		handles[i] = slots_add(&s, &things[i]);
	for (i = 0; i < 5000; i += 2)
		slots_remove(&s, handles[i]);
	ck_assert_uint_eq(s.used, 2500);
	for (i = 0; i < 5000; i++)
		ck_assert_ptr_eq(slots_find(&s, handles[i]), i % 2 == 0 ? NULL : &things[i]);
	slots_free(&s);
}
END_TEST

START_TEST(test_removing_twice_is_a_bug)
{
	struct slots s = SLOTS_INIT;
	int a;
	struct handle h = slots_add(&s, &a);

	slots_remove(&s, h);
	slots_remove(&s, h);
}
END_TEST

/* ---- subscriptions by sid ---- */

START_TEST(test_sub_map_against_a_list)
{
	enum { SIDS = 300, TURNS = 20000 };
	static struct sub *list[SIDS];
	struct sub_map map = { .at = NULL };
	uint64_t random = 88172645463325252ull;
	unsigned turn, i, used = 0;
	char sid[32];
	struct str s;

	for (turn = 0; turn < TURNS; turn++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		i = (unsigned)(random % SIDS);
		s = (struct str){ sid, (size_t)snprintf(sid, sizeof(sid), "%u", i) };
		ck_assert_ptr_eq(sub_map_find(&map, s), list[i]);
		if (list[i] == NULL) {
			list[i] = sub_new(SUB_CLIENT, s, STR("a"), STR_NONE);
			ck_assert_int_eq(sub_map_add(&map, list[i]), 0);
			used++;
		} else {
			sub_map_remove(&map, list[i]);
			sub_free(list[i]);
			list[i] = NULL;
			used--;
		}
		ck_assert_uint_eq(map.used, used);
	}
	for (i = 0; i < SIDS; i++) {
		if (list[i] == NULL)
			continue;
		sub_map_remove(&map, list[i]);
		sub_free(list[i]);
	}
	ck_assert_ptr_null(map.at);
}
END_TEST

START_TEST(test_claims_stop_at_the_limit)
{
	struct sub *s = sub_new(SUB_CLIENT, STR("1"), STR("foo"), STR("q"));

	ck_assert(sub_claim(s));
	s->delivered = 3;
	sub_set_max(s, 5);
	ck_assert(sub_claim(s));
	ck_assert(sub_claim(s));
	ck_assert(!sub_claim(s));
	ck_assert(str_eq(sub_sid(s), STR("1")) && str_eq(sub_subject(s), STR("foo")) &&
	    str_eq(sub_queue(s), STR("q")));
	sub_free(s);
}
END_TEST

/* ---- answered requests ---- */

START_TEST(test_answered_once)
{
	struct answered a = { .at = NULL };
	uint64_t at;

	for (at = 0; at < 8000; at += 8)
		ck_assert_int_eq(answered_add(&a, at), 1);
	for (at = 0; at < 8000; at += 8)
		ck_assert_int_eq(answered_add(&a, at), 0);
	answered_free(&a);
}
END_TEST

/* Released alone is not enough: a second answer may still stand in the ring back. */
START_TEST(test_answered_is_kept_until_the_ring_back_was_read)
{
	struct answered a = { .at = NULL };
	uint64_t at;

	for (at = 0; at < 800; at += 8)
		answered_add(&a, at);
	answered_forget(&a, 400, 1000, 900);
	ck_assert_int_eq(answered_add(&a, 0), 0);
	answered_forget(&a, 800, 5000, 999);
	ck_assert_int_eq(answered_add(&a, 0), 0);
	answered_forget(&a, 800, 5000, 1000);
	ck_assert_int_eq(answered_add(&a, 392), 1);
	ck_assert_int_eq(answered_add(&a, 400), 0);
	answered_free(&a);
}
END_TEST

/* ---- texts ---- */

static const struct {
	struct str in;
	const char *out;
} quotes[] = {
	{ { "foo", 3 }, "\"foo\"" },
	{ { "a\"b\\c", 5 }, "\"a\\\"b\\\\c\"" },
	{ { "\n\t\r\x01\x7f", 5 }, "\"\\n\\t\\r\\x01\\x7f\"" },
	{ { "\xc3\xa4\xff", 3 }, "\"\xc3\xa4\\xff\"" },
	{ { "", 0 }, "\"\"" },
	{ { "a\0b", 3 }, "\"a\\x00b\"" },
	{ { "\xc2\xa0\xe2\x80\x8b", 5 }, "\"\\u00a0\\u200b\"" },
	{ { "\xf3\xa0\x80\x81\xf0\x9f\x98\x80", 8 }, "\"\\U000e0001\xf0\x9f\x98\x80\"" },
};

START_TEST(test_quote)
{
	char out[64];

	text_quote(out, sizeof(out), quotes[_i].in);
	ck_assert_str_eq(out, quotes[_i].out);
}
END_TEST

START_TEST(test_quote_is_cut)
{
	char out[8];

	text_quote(out, sizeof(out), STR("0123456789"));
	ck_assert_str_eq(out, "\"01234\"");
	text_quote(out, 3, STR("0123456789"));
	ck_assert_str_eq(out, "\"\"");
}
END_TEST

static const struct {
	int64_t ns;
	const char *text;
} durations[] = {
	{ 0, "0s" }, { 1, "1ns" }, { 1500, "1.5\xc2\xb5s" }, { 20 * NS_PER_MS, "20ms" },
	{ 1500 * NS_PER_MS, "1.5s" }, { 10 * NS_PER_S, "10s" }, { 90 * NS_PER_S, "1m30s" },
	{ 7200 * NS_PER_S, "2h0m0s" }, { 3661 * NS_PER_S + 1, "1h1m1.000000001s" },
	{ -2 * NS_PER_S, "-2s" },
};

START_TEST(test_duration)
{
	char out[TEXT_DURATION_MAX];

	text_duration(out, durations[_i].ns);
	ck_assert_str_eq(out, durations[_i].text);
}
END_TEST

START_TEST(test_message_lines)
{
	char out[MSG_LINE_MAX(10)];
	struct msg m = { .reply = STR("re"), .body = { "headXXXXX", 9 }, .hdr = 4 };
	size_t n;

	n = msg_line_write(out, STR("re"), 4, 9);
	ck_assert(str_eq((struct str){ out, n }, STR(" re 4 9\r\n")));
	n = msg_line_write(out, STR_NONE, 0, 0);
	ck_assert(str_eq((struct str){ out, n }, STR(" 0\r\n")));
	n = msg_line_plain(out, &m);
	ck_assert(str_eq((struct str){ out, n }, STR(" re 5\r\n")));
	n = msg_line_digits(out, STR_NONE, STR_NONE, STR("005"));
	ck_assert(str_eq((struct str){ out, n }, STR(" 005\r\n")));
}
END_TEST

START_TEST(test_reasons)
{
	ck_assert_str_eq(reason_text(REASON_SLOW_PENDING), "Slow Consumer (Pending Bytes)");
	ck_assert(!reason_flushes(REASON_SLOW_PENDING));
	ck_assert(reason_flushes(REASON_PROTOCOL));
}
END_TEST

/* ---- who has had a turn ---- */

START_TEST(test_turns_of_the_slowest)
{
	struct turns t;

	ck_assert_int_eq(turns_init(&t, 3), 0);
	ck_assert(!turns_said(&t, 0, 1));
	ck_assert(!turns_said(&t, 1, 1));
	ck_assert(turns_said(&t, 2, 1));
	ck_assert_uint_eq(t.all, 1);
	ck_assert(!turns_said(&t, 2, 1));
	turns_free(&t);
}
END_TEST

/* All are slow, each at another time: no number is answered by all while it is the last one. */
START_TEST(test_turns_are_never_at_one_time)
{
	struct turns t;
	uint64_t ping;

	ck_assert_int_eq(turns_init(&t, 2), 0);
	ck_assert(!turns_said(&t, 0, 10));
	for (ping = 11; ping < 20; ping++) {
		ck_assert(turns_said(&t, ping % 2, ping));
		ck_assert_uint_eq(t.all, ping - 1);
	}
	ck_assert(!turns_said(&t, 1, 25));
	ck_assert_msg(!turns_said(&t, 1, 26), "worker 0 hangs");
	ck_assert_uint_eq(t.all, 18);
	turns_free(&t);
}
END_TEST

/* ---- who may say what ---- */

START_TEST(test_peer_rules)
{
	ck_assert(peer_rules_sub(PEER_JS, ACCOUNT_GLOBAL, STR("$SYS.REQ.DEV.ECHO.JS")));
	ck_assert(!peer_rules_sub(PEER_JS, ACCOUNT_GLOBAL, STR("$SYS.REQ.DEV.ECHO.RAFT")));
	ck_assert(!peer_rules_sub(PEER_JS, ACCOUNT_GLOBAL, STR("$SYS.REQ.DEV.ECHO.JS.x")));
	ck_assert(!peer_rules_sub(PEER_JS, ACCOUNT_GLOBAL, STR(">")));
	ck_assert(!peer_rules_sub(PEER_RAFT, ACCOUNT_GLOBAL, STR("$NRG.x")));
	ck_assert(peer_rules_sub(PEER_RAFT, ACCOUNT_SYSTEM, STR("$NRG.x")));
	ck_assert(!peer_rules_pub(PEER_JS, ACCOUNT_GLOBAL, STR("orders"), false));
	ck_assert(peer_rules_pub(PEER_JS, ACCOUNT_GLOBAL, STR("_INBOX.x"), true));
	ck_assert(!peer_rules_pub(PEER_JS, ACCOUNT_GLOBAL, STR("$SYS.x"), true));
	ck_assert(!peer_rules_pub(PEER_RAFT, ACCOUNT_GLOBAL, STR("$NRG.x"), true));
}
END_TEST

UNIT_MAIN("front_parts",
    tcase_add_test(tc, test_handles_die_with_their_life);
    tcase_add_test(tc, test_many_handles);
    tcase_add_test_raise_signal(tc, test_removing_twice_is_a_bug, SIGABRT);
    tcase_add_test(tc, test_sub_map_against_a_list);
    tcase_add_test(tc, test_claims_stop_at_the_limit);
    tcase_add_test(tc, test_answered_once);
    tcase_add_test(tc, test_answered_is_kept_until_the_ring_back_was_read);
    unit_rows(tc, test_quote, quotes);
    tcase_add_test(tc, test_quote_is_cut);
    unit_rows(tc, test_duration, durations);
    tcase_add_test(tc, test_message_lines);
    tcase_add_test(tc, test_reasons);
    tcase_add_test(tc, test_turns_of_the_slowest);
    tcase_add_test(tc, test_turns_are_never_at_one_time);
    tcase_add_test(tc, test_peer_rules);)
