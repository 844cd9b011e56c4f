#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/duration.h"
#include "common/options.h"
#include "common/quote.h"
#include "tests/unit/unit.h"

START_TEST(defaults_are_in_bounds)
{
	const struct option_row *r;
	struct options o;
	size_t n;

	ck_assert_int_eq(options_init(&o, NULL), 0);
	r = options_rows(&n);
	for (size_t i = 0; i < n; i++) {
		ck_assert_ptr_eq(options_row(r[i].field), &r[i]);
		if (option_is_string(&r[i]))
			ck_assert_str_eq(option_string(&o, &r[i]), r[i].string);
		else
			ck_assert(option_in_bounds(&r[i], option_number(&o, &r[i])));
	}
	ck_assert_int_eq(o.port, 4222);
	ck_assert(o.logtime);
	ck_assert_str_eq(o.host, "0.0.0.0");
	options_free(&o);
}
END_TEST

/* Gives every option a value other than its default. */
static void
fill(struct options *o)
{
	const struct option_row *r;
	size_t n;

	ck_assert_int_eq(options_init(o, NULL), 0);
	r = options_rows(&n);
	for (size_t i = 0; i < n; i++) {
		if (option_is_string(&r[i]))
			ck_assert_int_eq(option_set_string(o, &r[i], str_of(r[i].field), NULL), 0);
		else
			option_set_number(o, &r[i], r[i].number == r[i].max ? r[i].min : r[i].max);
	}
	o->generation = 7;
	o->start_wall_ns = 11;
	o->config_load_wall_ns = -13;
	o->bound_port = 65535;
	o->bound_http_port = 8222;
	free(o->server_id);
	o->server_id = strdup("NABC");
}

/* A role gets its rows and nothing of the others'. */
static void
check_share(const struct options *o, enum role role)
{
	const struct option_row *r;
	struct options got, defaults;
	uint8_t *p;
	size_t n, len;
	struct err e;

	ck_assert_int_eq(options_encode(o, role, &p, &len, &e), 0);
	ck_assert_int_eq(options_init(&got, NULL), 0);
	ck_assert_int_eq(options_init(&defaults, NULL), 0);
	ck_assert_msg(options_decode(&got, p, len, &e) == 0, "%s", e.text);
	r = options_rows(&n);
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(!option_differs(&r[i], &got, (r[i].roles & role) != 0 ? o : &defaults),
		    "%s", r[i].field);
	ck_assert_uint_eq(got.generation, 7);
	ck_assert_int_eq(got.config_load_wall_ns, -13);
	ck_assert_int_eq(got.bound_port, 65535);
	ck_assert_str_eq(got.server_id, "NABC");
	options_free(&got);
	options_free(&defaults);
	free(p);
}

START_TEST(each_role_gets_its_share)
{
	struct options o;

	fill(&o);
	check_share(&o, ROLE_FRONT);
	check_share(&o, ROLE_JS);
	check_share(&o, ROLE_RAFT);
	options_free(&o);
}
END_TEST

START_TEST(short_long_and_wild_are_refused)
{
	struct options o, got;
	uint8_t *p;
	size_t n;

	fill(&o);
	ck_assert_int_eq(options_encode(&o, ROLE_FRONT, &p, &n, NULL), 0);
	p = realloc(p, n + 1);
	for (size_t len = 0; len <= n + 1; len++) {
		if (len == n)
			continue;
		ck_assert_int_eq(options_init(&got, NULL), 0);
		ck_assert_int_eq(options_decode(&got, p, len, NULL), -1);
		options_free(&got);
	}
	o.bound_port = 70000;
	free(p);
	ck_assert_int_eq(options_encode(&o, ROLE_FRONT, &p, &n, NULL), 0);
	ck_assert_int_eq(options_init(&got, NULL), 0);
	ck_assert_int_eq(options_decode(&got, p, n, NULL), -1);
	options_free(&got);
	options_free(&o);
	free(p);
}
END_TEST

START_TEST(copies_are_equal_and_apart)
{
	const struct option_row *r;
	struct options o, copy;
	size_t n;

	fill(&o);
	ck_assert_int_eq(options_copy(&copy, &o, NULL), 0);
	r = options_rows(&n);
	for (size_t i = 0; i < n; i++)
		ck_assert(!option_differs(&r[i], &o, &copy));
	options_free(&o);
	ck_assert_str_eq(copy.server_id, "NABC");
	options_free(&copy);
}
END_TEST

struct duration_case {
	const char *text;
	int64_t ns;
	const char *printed; /* or the error */
};

#define S 1000000000LL
static const struct duration_case durations[] = {
	{ "0", 0, "0s" },
	{ "5s", 5 * S, "5s" },
	{ "+2m", 120 * S, "2m0s" },
	{ "-1h", -3600 * S, "-1h0m0s" },
	{ "1h2m3.5s", 3723 * S + S / 2, "1h2m3.5s" },
	{ "1.5ms", 1500000, "1.5ms" },
	{ "250us", 250000, "250\xc2\xb5s" },
	{ "7\xce\xbcs", 7000, "7\xc2\xb5s" },
	{ "1ns", 1, "1ns" },
	{ ".5s", S / 2, "500ms" },
	{ "-9223372036854775808ns", INT64_MIN, "-2562047h47m16.854775808s" },
	{ "", -1, "time: invalid duration \"\"" },
	{ "x", -1, "time: invalid duration \"x\"" },
	{ "5", -1, "time: missing unit in duration \"5\"" },
	{ "1d", -1, "time: unknown unit \"d\" in duration \"1d\"" },
	{ "9223372036854775808ns", -1, "time: invalid duration \"9223372036854775808ns\"" },
	{ ".s", -1, "time: invalid duration \".s\"" },
	{ "3000000h", -1, "time: invalid duration \"3000000h\"" },
};

START_TEST(duration)
{
	const struct duration_case *c = &durations[_i];
	char out[DURATION_TEXT_MAX];
	struct err e = { .sys = 0 };
	int64_t ns = -1;

	if (duration_parse(str_of(c->text), &ns, &e) != 0) {
		ck_assert_str_eq(e.text, c->printed);
		return;
	}
	ck_assert_int_eq(ns, c->ns);
	ck_assert_str_eq(duration_print(ns, out), c->printed);
}
END_TEST

START_TEST(quoting)
{
	char out[QUOTE_TEXT_MAX], many[1000];

	ck_assert_str_eq(quote(STR("a\"b\\\n\x01\xff\xc2\xa0\xc3\xa9"), out),
	    "\"a\\\"b\\\\\\n\\x01\\xff\\u00a0\xc3\xa9\"");
	memset(many, 'x', sizeof(many));
	ck_assert_uint_lt(strlen(quote((struct str){ .p = many, .n = sizeof(many) }, out)),
	    QUOTE_TEXT_MAX);
	ck_assert_int_eq(out[strlen(out) - 1], '"');
}
END_TEST

UNIT_MAIN("options", tcase_add_test(tc, defaults_are_in_bounds);
    tcase_add_test(tc, each_role_gets_its_share);
    tcase_add_test(tc, short_long_and_wild_are_refused);
    tcase_add_test(tc, copies_are_equal_and_apart);
    tcase_add_loop_test(tc, duration, 0, (int)(sizeof(durations) / sizeof(durations[0])));
    tcase_add_test(tc, quoting);)
