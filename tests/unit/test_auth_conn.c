/* Connections that authenticate, and what a reload makes of them (accounts.md 7, 8; config.md 12.7). */
#include "config.h"

#include <sys/socket.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/access.h"
#include "common/base64.h"
#include "common/nkey.h"
#include "tests/unit/front_rig.h"
#include "tests/unit/unit.h"

/* "pw" */
#define HASH4 "$2b$04$abcdefghijklmnopqrstuuyvPXIbu7xe6/CED2DzX8z6Si09MlzlW"
#define NKEY "UBO2MQV67TQTVIRV3XFTEZOACM4WLOCMCDMAWN5QVN5PI2N6JHTVDRON"
#define SEED "SUAP277QP7U4JMFFPVZHLJYEQJ2UHOTYVEIZJYAWRJXQLP4FRSEHYZJJOU"
#define OVER "-ERR 'Authorization Violation'\r\n"
#define FLAGS "\"verbose\":false,\"pedantic\":false,\"protocol\":1"
#define AS(user, pass) "{" FLAGS ",\"user\":\"" user "\",\"pass\":\"" pass "\"}"

static struct access_user *
add(struct access *a, uint32_t account, const char *name, const char *password)
{
	struct access_user *u = access_add_user(a, NULL);

	ck_assert_ptr_nonnull(u);
	a->has_users = true;
	u->account = account;
	ck_assert_int_eq(access_str(a, strlen(name) == 56 ? &u->nkey : &u->name, str_of(name),
	    NULL), 0);
	ck_assert_int_eq(access_str(a, &u->password, str_of(password), NULL), 0);
	return (u);
}

static uint32_t
add_account(struct access *a, const char *name)
{
	ck_assert_ptr_nonnull(access_add_account(a, str_of(name), NULL));
	return ((uint32_t)a->naccounts - 1);
}

/* Accounts A and B: alice, hash, twin and a key in A; bob in B; gina in $G; sys in the system
 * account. */
static void
users(struct options *o)
{
	struct access *a = o->access;
	uint32_t acc_a = add_account(a, "A"), acc_b = add_account(a, "B");

	a->timeout_ns = 20 * 1000000000LL;
	add(a, acc_a, "alice", "pw");
	add(a, acc_a, "hash", HASH4);
	add(a, acc_a, NKEY, "");
	add(a, acc_a, "twin", "pw");
	add(a, acc_b, "bob", "pw");
	add(a, 0, "gina", "pw");
	add(a, a->system_account, "sys", "pw");
}

static void
expect_over(int fd, const char *text)
{
	char c;

	if (text != NULL)
		rig_expect(fd, text);
	ck_assert_int_eq(read(fd, &c, 1), 0);
	close(fd);
}

static int
connect_raw(struct rig *r, unsigned worker)
{
	return (rig_connect(r, worker % r->n, NULL));
}

static void
send_connect(int fd, const char *json)
{
	rig_send(fd, "CONNECT ");
	rig_send(fd, json);
	rig_send(fd, "\r\n");
}

/* The account that INFO names behind the first PONG. */
static void
expect_account(int fd, const char *name)
{
	char line[2048], want[128];

	rig_sync(fd);
	rig_line(fd, line, sizeof(line));
	snprintf(want, sizeof(want), "\"remote_account\":\"%s\"", name);
	ck_assert_msg(strstr(line, want) != NULL, "%s", line);
}

static const char *const accepted[][2] = {
	{ AS("alice", "pw"), "A" }, { AS("hash", "pw"), "A" }, { AS("bob", "pw"), "B" },
	{ AS("gina", "pw"), "$G" }, { AS("sys", "pw"), "$SYS" },
};
static const char *const refused[] = {
	"{" FLAGS "}", AS("alice", "x"), AS("alice", ""), AS("hash", "x"), AS("hash", HASH4),
	AS("carol", "pw"), "{" FLAGS ",\"auth_token\":\"pw\"}", "{" FLAGS ",\"nkey\":\"" NKEY "\"}",
	"{" FLAGS ",\"user\":\"alice\",\"pass\":\"pw\",\"account\":\"A\"}",
};

START_TEST(who_may_and_who_may_not)
{
	unsigned i, n = (unsigned)_i;
	struct rig r;
	int fd;

	rig_start(&r, n, users);
	for (i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
		fd = connect_raw(&r, i);
		send_connect(fd, accepted[i][0]);
		expect_account(fd, accepted[i][1]);
		close(fd);
	}
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		fd = connect_raw(&r, i);
		send_connect(fd, refused[i]);
		expect_over(fd, OVER);
	}
	/* the first operation must be CONNECT */
	fd = connect_raw(&r, 0);
	rig_send(fd, "PING\r\n");
	expect_over(fd, OVER);
	rig_stop(&r);
}
END_TEST

/* The nonce is signed; another nonce's signature does not help. */
static int
connect_nkey(struct rig *r, unsigned worker, bool good)
{
	char line[2048], sig_text[BASE64_URL_TEXT(NKEY_SIG_BYTES)], *nonce;
	uint8_t seed[NKEY_KEY_BYTES], sig[NKEY_SIG_BYTES];
	enum nkey_kind kind;
	int fd = rig_connect_info(r, worker % r->n, line, sizeof(line));

	ck_assert_int_eq(nkey_decode_seed(STR(SEED), &kind, seed), 0);
	nonce = strstr(line, "\"nonce\":\"");
	ck_assert_ptr_nonnull(nonce);
	nonce += strlen("\"nonce\":\"");
	ck_assert_ptr_eq(strchr(nonce, '"'), nonce + 15);
	ck_assert_int_eq(nkey_sign(seed, (struct str){ nonce, good ? 15 : 14 }, sig), 0);
	base64_encode_url(sig, sizeof(sig), sig_text);
	rig_send(fd, "CONNECT {" FLAGS ",\"nkey\":\"" NKEY "\",\"sig\":\"");
	rig_send(fd, sig_text);
	rig_send(fd, "\"}\r\n");
	return (fd);
}

START_TEST(keys)
{
	struct rig r;
	int fd;

	rig_start(&r, (unsigned)_i, users);
	fd = connect_nkey(&r, 0, true);
	expect_account(fd, "A");
	close(fd);
	fd = connect_nkey(&r, 1, false);
	expect_over(fd, OVER);
	rig_stop(&r);
}
END_TEST

/* What stands behind a CONNECT that takes a while happens afterwards, in the new account; behind
 * one that is refused, not at all. */
START_TEST(pipelined_behind)
{
	struct rig r;
	int alice, bob, gina, fd;

	rig_start(&r, (unsigned)_i, users);
	alice = rig_connect(&r, 0, AS("twin", "pw"));
	bob = rig_connect(&r, r.n - 1, AS("bob", "pw"));
	gina = rig_connect(&r, 0, AS("gina", "pw"));
	rig_send(alice, "SUB x 1\r\n");
	rig_send(bob, "SUB x 1\r\n");
	rig_send(gina, "SUB x 1\r\n");
	expect_account(alice, "A");
	expect_account(bob, "B");
	expect_account(gina, "$G");
	fd = connect_raw(&r, 1);
	rig_send(fd, "CONNECT " AS("hash", "pw") "\r\nPUB x 2\r\nhi\r\n");
	expect_account(fd, "A");
	rig_expect(alice, "MSG x 1 2\r\nhi\r\n");
	close(fd);
	fd = connect_raw(&r, 1);
	rig_send(fd, "CONNECT " AS("hash", "no") "\r\nPUB x 2\r\nno\r\nPING\r\n");
	expect_over(fd, OVER);
	fd = connect_raw(&r, 1);
	rig_send(fd, "CONNECT " AS("alice", "no") "\r\nPUB x 2\r\nno\r\nPING\r\n");
	expect_over(fd, OVER);
	rig_sync(alice);
	rig_sync(bob);
	rig_sync(gina);
	close(alice);
	close(bob);
	close(gina);
	rig_stop(&r);
}
END_TEST

START_TEST(second_connect)
{
	struct rig r;
	int c, bob;

	rig_start(&r, (unsigned)_i, users);
	bob = rig_connect(&r, r.n - 1, AS("bob", "pw"));
	rig_send(bob, "SUB > 1\r\n");
	expect_account(bob, "B");
	c = rig_connect(&r, 0, AS("alice", "pw"));
	rig_send(c, "SUB x 1\r\nPUB x 1\r\na\r\n");
	rig_expect(c, "MSG x 1 1\r\na\r\n");
	/* the name changes, the password stays what it was */
	send_connect(c, "{\"user\":\"bob\"}");
	rig_send(c, "PUB x 1\r\nb\r\n");
	rig_expect(bob, "MSG x 1 1\r\nb\r\n");
	rig_send(c, "SUB x 1\r\nPUB x 1\r\nc\r\n");
	rig_expect(c, "MSG x 1 1\r\nc\r\n");
	rig_expect(bob, "MSG x 1 1\r\nc\r\n");
	send_connect(c, "{\"pass\":\"wrong\"}");
	expect_over(c, OVER);
	close(bob);
	rig_stop(&r);
}
END_TEST

static void
short_time(struct options *o)
{
	users(o);
	o->access->timeout_ns = 50 * 1000000LL;
	o->access->no_auth_user = STR("gina");
}

START_TEST(time_is_over)
{
	struct rig r;
	int fd, other;

	rig_start(&r, (unsigned)_i, short_time);
	other = rig_connect(&r, 0, AS("alice", "pw"));
	expect_account(other, "A");
	fd = connect_raw(&r, 0);
	expect_over(fd, "-ERR 'Authentication Timeout'\r\n");
	rig_sync(other);
	close(other);
	rig_stop(&r);
}
END_TEST

static void
with_no_auth(struct options *o)
{
	users(o);
	o->access->no_auth_user = STR("bob");
}

START_TEST(no_auth_user)
{
	struct rig r;
	int fd, bob;

	rig_start(&r, (unsigned)_i, with_no_auth);
	bob = rig_connect(&r, 0, AS("bob", "pw"));
	rig_send(bob, "SUB x 1\r\n");
	expect_account(bob, "B");
	fd = rig_connect(&r, r.n - 1, "{" FLAGS "}");
	expect_account(fd, "B");
	close(fd);
	fd = connect_raw(&r, 1); /* no CONNECT at all */
	rig_send(fd, "PUB x 1\r\na\r\n");
	rig_expect(bob, "MSG x 1 1\r\na\r\n");
	rig_expect(fd, "+OK\r\n");
	rig_sync(fd);
	close(fd);
	fd = rig_connect(&r, r.n - 1, "{" FLAGS ",\"pass\":\"x\"}");
	expect_over(fd, OVER);
	close(bob);
	rig_stop(&r);
}
END_TEST

static void
few_conns(struct options *o)
{
	users(o);
	o->access->accounts[2].max_conns = 2;
	o->access->accounts[3].max_subs = 2;
	o->access->accounts[3].max_payload = 10;
	o->access->no_auth_user = STR("alice");
}

START_TEST(account_limits)
{
	static const char over[] = "-ERR 'maximum account active connections exceeded'\r\n";
	struct rig r;
	int a, b, c;

	rig_start(&r, (unsigned)_i, few_conns);
	a = rig_connect(&r, 0, AS("alice", "pw"));
	expect_account(a, "A");
	b = rig_connect(&r, r.n - 1, AS("hash", "pw"));
	expect_account(b, "A");
	c = connect_raw(&r, 1);
	rig_send(c, "CONNECT " AS("twin", "pw") "\r\nPUB x 0\r\n\r\nPING\r\n");
	expect_over(c, over);
	c = connect_raw(&r, 1);
	rig_send(c, "PUB x 0\r\n\r\nPING\r\n");
	expect_over(c, over);
	/* a second CONNECT gives its own place up first */
	send_connect(a, "{}");
	rig_sync(a);
	send_connect(a, AS("bob", "pw"));
	rig_sync(a);
	c = rig_connect(&r, 1 % r.n, AS("twin", "pw"));
	expect_account(c, "A");
	rig_send(a, "SUB x 1\r\nSUB y 2\r\nSUB z 3\r\n");
	rig_expect(a, "-ERR 'maximum subscriptions exceeded'\r\n");
	rig_sync(a);
	rig_send(a, "PUB q 11\r\n");
	expect_over(a, "-ERR 'Maximum Payload Violation'\r\n");
	close(b);
	close(c);
	rig_stop(&r);
}
END_TEST

/* Gone while a helper is still at work: the answer finds nobody. */
static void
slow_hash(struct options *o)
{
	users(o);
	o->access->users[1].password =
	    STR("$2b$09$abcdefghijklmnopqrstuu/lQto0ouRfT.TDJzrf6Jc7bWMVUMBte");
}

START_TEST(gone_meanwhile)
{
	struct rig r;
	int i, fds[20], other;

	rig_start(&r, (unsigned)_i, slow_hash);
	other = rig_connect(&r, 0, AS("alice", "pw"));
	for (i = 0; i < 20; i++)
		fds[i] = rig_connect(&r, (unsigned)i % r.n, AS("hash", "pw"));
	expect_account(other, "A");
	for (i = 0; i < 10; i++)
		close(fds[i]);
	rig_sync(other);
	rig_stop(&r); /* with some still waiting */
	for (i = 10; i < 20; i++)
		close(fds[i]);
	close(other);
}
END_TEST

/* ---- reload ---- */

static void
others(struct options *o)
{
	struct access *a = o->access;
	uint32_t acc_b = add_account(a, "B"), acc_a = add_account(a, "A");

	a->timeout_ns = 20 * 1000000000LL;
	add(a, acc_a, "hash", HASH4);		/* as before */
	add(a, acc_b, "twin", "pw");		/* another account */
	add(a, acc_b, "bob", "new");		/* another password */
	add(a, 0, "gina", HASH4);		/* "pw" still, as a hash */
	add(a, acc_a, NKEY, "");
}

START_TEST(reload_users)
{
	int alice, hash, key, twin, bob, gina, waiting;
	struct rig r;

	rig_start(&r, (unsigned)_i, users);
	alice = rig_connect(&r, 0, AS("alice", "pw"));
	hash = rig_connect(&r, r.n - 1, AS("hash", "pw"));
	twin = rig_connect(&r, 0, AS("twin", "pw"));
	bob = rig_connect(&r, r.n - 1, AS("bob", "pw"));
	gina = rig_connect(&r, 0, AS("gina", "pw"));
	key = connect_nkey(&r, 1, true);
	waiting = connect_raw(&r, 0);
	rig_send(hash, "SUB x 1\r\n");
	expect_account(alice, "A");
	expect_account(hash, "A");
	expect_account(twin, "A");
	expect_account(bob, "B");
	expect_account(gina, "$G");
	expect_account(key, "A");
	rig_reload(&r, others);
	expect_over(alice, NULL); /* removed: silently */
	expect_over(twin, NULL);  /* moved: likewise */
	expect_over(bob, OVER);
	rig_sync(hash);
	rig_sync(gina); /* proved anew, by the hash */
	rig_send(key, "PUB x 1\r\na\r\n");
	rig_expect(hash, "MSG x 1 1\r\na\r\n");
	rig_sync(key);
	send_connect(waiting, AS("hash", "pw"));
	expect_account(waiting, "A");
	rig_reload(&r, NULL); /* nobody needs to authenticate */
	expect_over(hash, NULL);
	expect_over(gina, NULL);
	expect_over(key, NULL);
	expect_over(waiting, NULL);
	alice = rig_connect(&r, 0, "{" FLAGS "}");
	expect_account(alice, "$G");
	rig_reload(&r, users);
	expect_over(alice, OVER);
	rig_stop(&r);
}
END_TEST

static void
narrow(struct options *o)
{
	struct access *a = o->access;
	struct access_permissions *p = access_add_permissions(a, NULL);

	users(o);
	p->sub_deny.given = true;
	p->sub_deny.n = 1;
	ck_assert_ptr_nonnull(p->sub_deny.at = access_alloc(a, sizeof(*p->sub_deny.at)));
	p->sub_deny.at[0].subject = STR("no.*");
	a->users[0].permissions = p;
}

START_TEST(reload_permissions)
{
	struct rig r;
	int alice, twin;

	rig_start(&r, (unsigned)_i, users);
	alice = rig_connect(&r, 0, AS("alice", "pw"));
	twin = rig_connect(&r, r.n - 1, AS("twin", "pw"));
	rig_send(alice, "SUB no.x 1\r\nSUB yes 2\r\n");
	expect_account(alice, "A");
	expect_account(twin, "A");
	rig_reload(&r, narrow);
	rig_expect(alice,
	    "-ERR 'Permissions Violation for Subscription to \"no.x\" (sid \"1\")'\r\n");
	rig_send(twin, "PUB no.x 0\r\n\r\nPUB yes 1\r\na\r\n");
	rig_expect(alice, "MSG yes 2 1\r\na\r\n");
	rig_reload(&r, users);
	rig_sync(alice);
	rig_sync(twin);
	close(alice);
	close(twin);
	rig_stop(&r);
}
END_TEST

static void
tighter(struct options *o)
{
	users(o);
	o->access->accounts[2].max_conns = 2;
	o->access->accounts[3].max_subs = 2;
}

static bool
is_over(int fd)
{
	char text[256];
	ssize_t n;

	send(fd, "PING\r\n", 6, MSG_NOSIGNAL); /* it may be closed already */
	n = read(fd, text, sizeof(text));
	ck_assert_int_gt(n, 0);
	return (text[0] == '-');
}

START_TEST(reload_limits)
{
	struct rig r;
	int a[4], bob, i, gone = 0;

	rig_start(&r, (unsigned)_i, users);
	for (i = 0; i < 4; i++) {
		a[i] = rig_connect(&r, (unsigned)i % r.n, AS("alice", "pw"));
		expect_account(a[i], "A");
	}
	bob = rig_connect(&r, 0, AS("bob", "pw"));
	rig_send(bob, "SUB x 1\r\nSUB y 2\r\n");
	expect_account(bob, "B");
	rig_reload(&r, tighter);
	expect_over(bob, "-ERR 'maximum subscriptions exceeded'\r\n");
	for (i = 0; i < 4; i++) {
		gone += is_over(a[i]);
		close(a[i]);
	}
	ck_assert_int_eq(gone, 2);
	rig_stop(&r);
}
END_TEST

/* An answer that was asked for under the settings before is decided again. */
static void
slow_hash_gone(struct options *o)
{
	slow_hash(o);
	o->access->users[1].name = STR("renamed");
}

START_TEST(reload_meanwhile)
{
	struct rig r;
	int i, fds[8];

	rig_start(&r, (unsigned)_i, slow_hash);
	for (i = 0; i < 8; i++)
		fds[i] = rig_connect(&r, (unsigned)i % r.n, AS("hash", "pw"));
	rig_reload(&r, slow_hash_gone);
	for (i = 0; i < 8; i++)
		expect_over(fds[i], OVER);
	rig_reload(&r, slow_hash);
	for (i = 0; i < 8; i++)
		fds[i] = rig_connect(&r, (unsigned)i % r.n, AS("hash", "pw"));
	rig_reload(&r, users); /* a hash that fits: asked for anew */
	for (i = 0; i < 8; i++) {
		expect_account(fds[i], "A");
		close(fds[i]);
	}
	rig_stop(&r);
}
END_TEST

static void
hashed_token(struct options *o)
{
	o->access->token = STR(HASH4);
	o->access->timeout_ns = 20 * 1000000000LL;
}

/* Nothing was said, and now a hash is to be fitted. */
START_TEST(reload_to_a_hash)
{
	struct rig r;
	int fd, said;

	rig_start(&r, (unsigned)_i, NULL);
	fd = rig_connect(&r, 0, "{" FLAGS "}");
	said = rig_connect(&r, 0, "{" FLAGS ",\"auth_token\":\"pw\"}");
	expect_account(fd, "$G");
	expect_account(said, "$G");
	rig_reload(&r, hashed_token);
	expect_over(fd, OVER);
	rig_sync(said);
	close(said);
	rig_stop(&r);
}
END_TEST

/* Who said nothing belongs to no_auth_user from now on, and that is in another account. */
START_TEST(reload_to_no_auth_user)
{
	struct rig r;
	int fd;

	rig_start(&r, (unsigned)_i, NULL);
	fd = rig_connect(&r, 0, "{" FLAGS "}");
	rig_send(fd, "SUB x 1\r\n");
	expect_account(fd, "$G");
	rig_reload(&r, with_no_auth);
	expect_over(fd, NULL);
	fd = rig_connect(&r, 0, "{" FLAGS "}");
	expect_account(fd, "B");
	rig_reload(&r, users); /* it is bob still, who said no password but his */
	rig_sync(fd);
	close(fd);
	rig_stop(&r);
}
END_TEST

#define BOTH(test) tcase_add_loop_test(tc, test, 1, 3)
UNIT_MAIN("auth_conn",
    signal(SIGPIPE, SIG_IGN);
    BOTH(who_may_and_who_may_not);
    BOTH(keys);
    BOTH(pipelined_behind);
    BOTH(second_connect);
    BOTH(time_is_over);
    BOTH(no_auth_user);
    BOTH(account_limits);
    BOTH(gone_meanwhile);
    BOTH(reload_users);
    BOTH(reload_permissions);
    BOTH(reload_limits);
    BOTH(reload_to_a_hash);
    BOTH(reload_to_no_auth_user);
    BOTH(reload_meanwhile);)
