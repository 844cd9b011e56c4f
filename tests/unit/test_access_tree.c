/* What the blocks of a file come to: users, permissions, accounts, mappings, TLS. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/access.h"
#include "common/options.h"
#include "common/tls_options.h"
#include "natsd-supervisor/access_resolve.h"
#include "natsd-supervisor/names.h"
#include "natsd-supervisor/options_load.h"
#include "natsd-supervisor/tls_tree.h"
#include "tests/unit/unit.h"

#define GUEST "nats-01234567"
#define USER_KEY "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
#define S 1000000000LL

/* One flag of the command line, or none, and the file's text. */
static int
load(struct options *o, const char *text, const char *flag, struct report *report)
{
	char path[] = "/tmp/natsd-unit-XXXXXX";
	char config[] = "-c", program[] = "natsd", given[256];
	char *argv[] = { program, config, path, given };
	int fd = mkstemp(path), rc;
	struct cli cli;

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	snprintf(given, sizeof(given), "%s", flag == NULL ? "" : flag);
	ck_assert_int_eq(cli_parse(&cli, flag == NULL ? 3 : 4, argv, NULL), 0);
	rc = options_load(o, &cli, GUEST, false, report);
	unlink(path);
	return (rc);
}

static struct options
loaded(const char *text)
{
	struct report report = REPORT_INIT;
	struct options o;

	ck_assert_msg(load(&o, text, NULL, &report) == 0, STR_FMT, STR_ARG(buf_str(&report.errors)));
	report_free(&report);
	return (o);
}

static bool
is(struct str s, const char *text)
{
	return (str_eq(s, str_of(text)));
}

START_TEST(nothing_written)
{
	struct options o = loaded("port: 4222\n");

	ck_assert(!access_required(o.access));
	ck_assert_uint_eq(o.access->naccounts, 2);
	ck_assert(is(o.access->accounts[0].name, "$G") && is(o.access->accounts[1].name, "$SYS"));
	ck_assert_uint_eq(o.access->system_account, 1);
	ck_assert(o.access->system_made && !o.access->guest);
	ck_assert_int_eq(o.access->timeout_ns, 2 * S);
	ck_assert_ptr_null(o.tls);
	ck_assert(!access_warns(&o));
	options_free(&o);
}
END_TEST

START_TEST(users_of_authorization)
{
	struct options o = loaded("authorization {\n"
	    " timeout: 0.5\n"
	    " default_permissions { publish: \"d.>\" }\n"
	    " users: [ {user: a, password: b}\n"
	    "  {nkey: " USER_KEY ", clients: [mqtt, \"STANDARD\"]}\n"
	    "  {username: c, pass: d, permission: {sub: {deny: [\"x y.*\", z]}, allow_responses: {max: 5, "
	    "ttl: \"1s\"}}}\n"
	    "  {user: e, permissions: {}} ]\n}\n");
	const struct access *a = o.access;
	const struct access_permissions *p;

	ck_assert(access_required(a) && a->has_users);
	ck_assert_int_eq(a->timeout_ns, S / 2);
	ck_assert_uint_eq(a->nusers, 4);
	ck_assert(is(a->users[0].name, "a") && is(a->users[0].password, "b"));
	ck_assert(is(a->users[0].permissions->pub_allow.at[0].subject, "d.>"));
	ck_assert_ptr_eq(a->users[0].permissions, a->users[1].permissions);
	ck_assert(is(a->users[1].nkey, USER_KEY) && a->users[1].name.n == 0);
	ck_assert_uint_eq(a->users[1].types, ACCESS_MQTT | ACCESS_STANDARD);
	p = a->users[2].permissions;
	ck_assert(p->pub_allow.given && p->pub_allow.n == 0 && !p->sub_allow.given);
	ck_assert_uint_eq(p->sub_deny.n, 2);
	ck_assert(is(p->sub_deny.at[0].subject, "x") && is(p->sub_deny.at[0].queue, "y.*"));
	ck_assert(is(p->sub_deny.at[1].subject, "z") && p->sub_deny.at[1].queue.n == 0);
	ck_assert(p->responses && p->responses_max == 5 && p->responses_ttl_ns == S);
	p = a->users[3].permissions;
	ck_assert(p != NULL && !p->pub_allow.given && !p->responses);
	options_free(&o);
}
END_TEST

/* An empty list limits nothing; responses make an allow list of what has none, in either order. */
START_TEST(empty_lists_and_responses)
{
	struct options o = loaded("authorization { users: [\n"
	    "{user: a, permissions: {publish: [], subscribe: {allow: [], deny: []}}}\n"
	    "{user: b, permissions: {allow_responses: true, publish: []}}\n"
	    "{user: c, permissions: {allow_responses: {max: 0, expires: \"0s\"}, pub: {deny: x}}}\n"
	    "{user: d, permissions: {allow_responses: {max: -1, ttl: \"-1s\"}, pub: x}}\n"
	    "{user: e, permissions: {allow_responses: false, export: x}} ]}\n");
	const struct access_user *u = o.access->users;

	ck_assert(!u[0].permissions->pub_allow.given && !u[0].permissions->sub_allow.given &&
	    !u[0].permissions->sub_deny.given);
	ck_assert(u[1].permissions->pub_allow.given && u[1].permissions->pub_allow.n == 0);
	ck_assert(u[2].permissions->pub_allow.given && u[2].permissions->pub_allow.n == 0 &&
	    u[2].permissions->pub_deny.n == 1);
	ck_assert_int_eq(u[2].permissions->responses_max, ACCESS_RESPONSES_MAX);
	ck_assert_int_eq(u[2].permissions->responses_ttl_ns, ACCESS_RESPONSES_TTL_NS);
	ck_assert_uint_eq(u[3].permissions->pub_allow.n, 1);
	ck_assert_int_eq(u[3].permissions->responses_max, -1);
	ck_assert_int_eq(u[3].permissions->responses_ttl_ns, -S);
	ck_assert(!u[4].permissions->responses && !u[4].permissions->pub_allow.given &&
	    is(u[4].permissions->sub_allow.at[0].subject, "x"));
	options_free(&o);
}
END_TEST

START_TEST(accounts)
{
	struct options o = loaded("mappings { m: n }\n"
	    "authorization { users: [{user: g}] }\n"
	    "accounts {\n"
	    " A { users: [{user: a}], default_permissions { pub: p }\n"
	    "  limits { max_conn: 1, max_subs: 2, max_payload: 3, max_leafs: 4 }\n"
	    "  mappings { \"o.*\": [{dest: \"p.$1\", weight: 60}, {dest: q, weight: \"40%\", cluster: C}] }\n"
	    "  msg_trace { dest: t, sampling: \"25%\" } }\n"
	    " B { trace_dest: u }\n}\n"
	    "system_account: B\n");
	const struct access_account *a = &o.access->accounts[1];

	ck_assert_uint_eq(o.access->naccounts, 3);
	ck_assert(is(o.access->accounts[0].mappings[0].source, "m"));
	ck_assert_uint_eq(o.access->accounts[0].mappings[0].at[0].weight, 100);
	ck_assert(is(a->name, "A") && a->max_conns == 1 && a->max_subs == 2 && a->max_payload == 3 &&
	    a->max_leafs == 4);
	ck_assert_uint_eq(a->mappings[0].n, 2);
	ck_assert(is(a->mappings[0].at[1].subject, "q") && is(a->mappings[0].at[1].cluster, "C") &&
	    a->mappings[0].at[1].weight == 40);
	ck_assert(is(a->trace_dest, "t") && a->trace_sampling == 25);
	ck_assert(is(o.access->accounts[2].trace_dest, "u"));
	ck_assert_uint_eq(o.access->accounts[2].trace_sampling, 100);
	ck_assert_uint_eq(o.access->system_account, 2);
	ck_assert_uint_eq(o.access->users[0].account, 0);
	ck_assert_uint_eq(o.access->users[1].account, 1);
	ck_assert_ptr_null(o.access->users[0].permissions);
	ck_assert(is(o.access->users[1].permissions->pub_allow.at[0].subject, "p"));
	ck_assert(!o.access->guest);
	options_free(&o);
}
END_TEST

/* Only the system account has users: others are let in as one that is made up. */
START_TEST(guest)
{
	struct options o = loaded("accounts { \"$SYS\": { users: [{user: s, pass: t}] } }\n");

	ck_assert(o.access->guest && is(o.access->no_auth_user, GUEST) && !o.access->system_made);
	ck_assert_uint_eq(o.access->nusers, 2);
	ck_assert(is(o.access->users[1].name, GUEST) && is(o.access->users[1].password, "1234567"));
	ck_assert_uint_eq(o.access->users[1].account, 0);
	ck_assert_int_eq(access_check(&o, NULL), 0);
	options_free(&o);
	o = loaded("accounts { \"$SYS\": {}, A: {} }\n");
	ck_assert(!o.access->guest && !o.access->has_users);
	options_free(&o);
	o = loaded("accounts { \"$SYS\": {} }\nauthorization {}\n");
	ck_assert(!o.access->guest);
	options_free(&o);
	o = loaded("no_system_account: true\naccounts: [A, B]\n");
	ck_assert_uint_eq(o.access->system_account, ACCESS_NO_ACCOUNT);
	ck_assert_uint_eq(o.access->naccounts, 3);
	options_free(&o);
}
END_TEST

struct warning {
	const char *text;
	bool warns;
};

#define BCRYPT "\"$2a$11$xH8dkGrty1cBNtZjhPeWJewu/YPbSU.rXJWmS6SFilOBXzmZoMk9m\""
static const struct warning warnings[] = {
	{ "authorization { user: a, pass: b }", true },
	{ "authorization { user: a, pass: " BCRYPT " }", false },
	{ "authorization { user: a, pass: \"$2z$11$x\" }", true },
	{ "authorization { user: a, pass: \"$2y$11x\" }", true },
	{ "authorization { token: a }", false },
	{ "authorization { users: [{user: a, pass: " BCRYPT "}] }", false },
	{ "authorization { users: [{user: a}] }", true },
	{ "authorization { users: [{nkey: " USER_KEY "}] }", false },
	{ "tls { verify_and_map: true }\nauthorization { users: [{user: a}] }", false },
	{ "tls { verify_and_map: true }\nauthorization { users: [{user: a, clients: MQTT}] }", true },
	{ "tls { verify_and_map: true }\nauthorization { users: [{user: a, pass: b}] }", true },
};

START_TEST(plain_passwords)
{
	struct options o = loaded(warnings[_i].text);

	ck_assert_int_eq(access_warns(&o), warnings[_i].warns);
	options_free(&o);
}
END_TEST

/* ---- TLS ---- */

START_TEST(tls_defaults)
{
	struct options o = loaded("tls {}\n");

	ck_assert_ptr_nonnull(o.tls);
	ck_assert_int_eq(o.tls->timeout_ns, 2 * S);
	ck_assert_int_eq(o.access->timeout_ns, 3 * S);
	ck_assert_int_eq(o.tls->min_version, 12);
	ck_assert_str_eq(o.tls->suites,
	    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
	ck_assert_ptr_nonnull(strstr(o.tls->ciphers, "ECDHE-RSA-AES256-GCM-SHA384"));
	ck_assert_ptr_null(strstr(o.tls->ciphers, ":AES128-SHA"));
	ck_assert_ptr_nonnull(strstr(o.tls->groups, "X25519:P-256:P-384:P-521"));
	ck_assert(!o.tls->verify && !o.tls->first && o.tls->npins == 0);
	options_free(&o);
}
END_TEST

START_TEST(tls_keys)
{
	struct options o = loaded("tls { timeout: 0.5, min_version: \"1.3\", verify_and_map: true\n"
	    "cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 ]\n"
	    "allow_insecure_cipher_suites: true, curve_preferences: [CurveP384, X25519]\n"
	    "connection_rate_limit: 7, first: \"100ms\"\n"
	    "pinned_certs: [\"BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB\",\n"
	    "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\n"
	    "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"] }\n");
	const struct tls_options *t = o.tls;

	ck_assert_int_eq(t->timeout_ns, S / 2);
	ck_assert_int_eq(o.access->timeout_ns, S + S / 2);
	ck_assert_int_eq(t->min_version, 13);
	ck_assert(t->verify && t->map);
	ck_assert_str_eq(t->ciphers, "ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA");
	ck_assert_str_eq(t->groups, "X25519:P-384");
	ck_assert_int_eq(t->rate_limit, 7);
	ck_assert(t->first && t->first_delay_ns == S / 10);
	ck_assert_uint_eq(t->npins, 2);
	ck_assert_uint_eq(t->pins[0][0], 0xaa);
	ck_assert_uint_eq(t->pins[1][31], 0xbb);
	ck_assert_ptr_nonnull(t->ca_pem); /* the system's, or nobody's */
	options_free(&o);
}
END_TEST

struct first {
	const char *text;
	bool first;
	int64_t delay_ns;
};

static const struct first firsts[] = {
	{ "true", true, 0 }, { "false", false, 0 }, { "\"on\"", true, 0 }, { "\"OFF\"", false, 0 },
	{ "auto", true, S / 20 }, { "auto_fallback", true, S / 20 }, { "\"1s\"", true, S },
	{ "\"-1s\"", true, 0 }, { "\"0s\"", true, 0 },
};

START_TEST(tls_first)
{
	char text[128];
	struct options o;

	snprintf(text, sizeof(text), "tls { handshake_first: %s }\n", firsts[_i].text);
	o = loaded(text);
	ck_assert_int_eq(o.tls->first, firsts[_i].first);
	ck_assert_int_eq(o.tls->first_delay_ns, firsts[_i].delay_ns);
	options_free(&o);
}
END_TEST

/* ---- flags ---- */

START_TEST(flags_win)
{
	struct report report = REPORT_INIT;
	struct options o;

	ck_assert_int_eq(load(&o, "authorization { user: a, pass: b }\n", "--user=x", &report), 0);
	ck_assert(is(o.access->user, "x") && is(o.access->password, "b"));
	options_free(&o);
	ck_assert_int_eq(load(&o, "tls { timeout: 5 }\n", "-tls=false", &report), 0);
	ck_assert_ptr_null(o.tls);
	ck_assert_int_eq(o.access->timeout_ns, 2 * S);
	options_free(&o);
	ck_assert_int_eq(load(&o, "port: 1\n", "-tlsverify", &report), -1);
	report_free(&report);
}
END_TEST

/* ---- names ---- */

START_TEST(many_names)
{
	static char text[20000][8];
	struct names n = { .at = NULL };

	for (size_t i = 0; i < 20000; i++) {
		snprintf(text[i], sizeof(text[i]), "n%zu", i);
		ck_assert_int_eq(names_add(&n, str_of(text[i])), 1);
	}
	for (size_t i = 0; i < 20000; i++)
		ck_assert_int_eq(names_add(&n, str_of(text[i])), 0);
	ck_assert_int_eq(names_add(&n, STR("")), 1);
	ck_assert_int_eq(names_add(&n, STR_NONE), 0);
	ck_assert_uint_eq(n.n, 20001);
	names_free(&n);
}
END_TEST

UNIT_MAIN("access_tree", tcase_add_test(tc, nothing_written);
    tcase_add_test(tc, users_of_authorization); tcase_add_test(tc, empty_lists_and_responses);
    tcase_add_test(tc, accounts); tcase_add_test(tc, guest); unit_rows(tc, plain_passwords, warnings);
    tcase_add_test(tc, tls_defaults); tcase_add_test(tc, tls_keys); unit_rows(tc, tls_first, firsts);
    tcase_add_test(tc, flags_win); tcase_add_test(tc, many_names);)
