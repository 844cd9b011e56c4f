/* Who a client is: keys, hashes, certificates, the decision (accounts.md 1, 2, 7, 8, 9). */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/nkey.h"
#include "natsd-front/auth/auth_decide.h"
#include "natsd-front/auth/bcrypt.h"
#include "natsd-front/auth/dn.h"
#include "natsd-front/auth/secret.h"
#include "tests/unit/unit.h"

#define USER_PUBLIC "UBO2MQV67TQTVIRV3XFTEZOACM4WLOCMCDMAWN5QVN5PI2N6JHTVDRON"
#define USER_SEED "SUAP277QP7U4JMFFPVZHLJYEQJ2UHOTYVEIZJYAWRJXQLP4FRSEHYZJJOU"
#define ACCOUNT_PUBLIC "ABJHLOVMPA4CI6R5KLNGOB4GSLNIY7IOUPAJC4YFNDLQVIOBYQGUWVLA"
#define CURVE_SEED "SXAAXMRAEP6JWWHNB6IKFL554IE6LZVT6EY5MBRICPILTLOPHAG73I3YX4"
#define CURVE_PUBLIC "XAB3NANV3M6N7AHSQP2U5FRWKKUT7EG2ZXXABV4XVXYQRJGM4S2CZGHT"

/* ---- nkeys ---- */

START_TEST(nkey_vectors)
{
	static const uint8_t raw[] = { 0x5d, 0xa6, 0x42, 0xbe, 0xfc, 0xe1, 0x3a, 0xa2, 0x35, 0xdd,
		0xcb, 0x32, 0x65, 0xc0, 0x13, 0x39, 0x65, 0xb8, 0x4c, 0x10, 0xd8, 0x0b, 0x37, 0xb0,
		0xab, 0x7a, 0xf4, 0x69, 0xbe, 0x49, 0xe7, 0x51 };
	uint8_t key[NKEY_KEY_BYTES], seed[NKEY_KEY_BYTES], public[NKEY_KEY_BYTES];
	char text[NKEY_PUBLIC_TEXT], again[NKEY_SEED_TEXT];
	enum nkey_kind kind;

	ck_assert_int_eq(nkey_decode(STR(USER_PUBLIC), NKEY_USER, key), 0);
	ck_assert_mem_eq(key, raw, sizeof(raw));
	nkey_encode(text, NKEY_USER, key);
	ck_assert_str_eq(text, USER_PUBLIC);
	ck_assert_int_eq(nkey_decode_seed(STR(USER_SEED), &kind, seed), 0);
	ck_assert_int_eq(kind, NKEY_USER);
	ck_assert_uint_eq(seed[0], 0xfd);
	ck_assert_uint_eq(seed[31], 0x65);
	ck_assert_int_eq(nkey_public(seed, public), 0);
	ck_assert_mem_eq(public, raw, sizeof(raw));
	nkey_encode_seed(again, kind, seed);
	ck_assert_str_eq(again, USER_SEED);
	ck_assert_int_eq(nkey_decode(STR(ACCOUNT_PUBLIC), NKEY_ACCOUNT, key), 0);
	ck_assert_int_eq(nkey_decode(STR(CURVE_PUBLIC), NKEY_CURVE, key), 0);
	ck_assert_int_eq(nkey_decode_seed(STR(CURVE_SEED), &kind, seed), 0);
	ck_assert_int_eq(kind, NKEY_CURVE);
}
END_TEST

START_TEST(nkey_refuses)
{
	char text[] = USER_PUBLIC;
	uint8_t key[NKEY_KEY_BYTES];
	enum nkey_kind kind;
	size_t i;

	ck_assert_int_eq(nkey_decode(STR(USER_PUBLIC), NKEY_ACCOUNT, key), -1);
	ck_assert_int_eq(nkey_decode(STR(""), NKEY_USER, key), -1);
	ck_assert_int_eq(nkey_decode(STR(USER_PUBLIC "A"), NKEY_USER, key), -1);
	ck_assert_int_eq(nkey_decode((struct str){ text, 55 }, NKEY_USER, key), -1);
	ck_assert_int_eq(nkey_decode(STR(USER_SEED), NKEY_USER, key), -1);
	ck_assert_int_eq(nkey_decode_seed(STR(USER_PUBLIC), &kind, key), -1);
	for (i = 0; i < sizeof(text) - 1; i++) {
		text[i] = text[i] == 'A' ? 'B' : 'A';
		ck_assert_int_eq(nkey_decode(str_of(text), NKEY_USER, key), -1);
		text[i] = (char)(USER_PUBLIC[i] | 0x20);
		if (text[i] != USER_PUBLIC[i])
			ck_assert_int_eq(nkey_decode(str_of(text), NKEY_USER, key), -1);
		text[i] = ' ';
		ck_assert_int_eq(nkey_decode(str_of(text), NKEY_USER, key), -1);
		text[i] = USER_PUBLIC[i];
	}
}
END_TEST

START_TEST(nkey_signs)
{
	uint8_t seed[NKEY_KEY_BYTES], key[NKEY_KEY_BYTES], sig[NKEY_SIG_BYTES];
	enum nkey_kind kind;

	ck_assert_int_eq(nkey_preload(NULL), 0);
	ck_assert_int_eq(nkey_decode_seed(STR(USER_SEED), &kind, seed), 0);
	ck_assert_int_eq(nkey_decode(STR(USER_PUBLIC), NKEY_USER, key), 0);
	ck_assert_int_eq(nkey_sign(seed, STR("nonce"), sig), 0);
	ck_assert(nkey_verify(key, STR("nonce"), sig));
	ck_assert(!nkey_verify(key, STR("Nonce"), sig));
	sig[17] ^= 4;
	ck_assert(!nkey_verify(key, STR("nonce"), sig));
}
END_TEST

START_TEST(base64_both)
{
	uint8_t out[64];
	char text[BASE64_URL_TEXT(11)];

	ck_assert_uint_eq(base64_decode_url(STR("-_-_"), out, sizeof(out)), 3);
	ck_assert_mem_eq(out, "\xfb\xff\xbf", 3);
	ck_assert_uint_eq(base64_decode_std(STR("+/+/"), out, sizeof(out)), 3);
	ck_assert_uint_eq(base64_decode_std(STR("YQ=="), out, sizeof(out)), 1);
	ck_assert_uint_eq(base64_decode_std(STR("YWI="), out, sizeof(out)), 2);
	ck_assert_uint_eq(base64_decode_url(STR("YWI"), out, sizeof(out)), 2);
	ck_assert_uint_eq(base64_decode_url(STR(""), out, sizeof(out)), 0);
	ck_assert_uint_eq(base64_decode_url(STR("YWI="), out, sizeof(out)), SIZE_MAX);
	ck_assert_uint_eq(base64_decode_std(STR("YWI"), out, sizeof(out)), SIZE_MAX);
	ck_assert_uint_eq(base64_decode_std(STR("===="), out, sizeof(out)), SIZE_MAX);
	ck_assert_uint_eq(base64_decode_url(STR("YW\nI"), out, sizeof(out)), SIZE_MAX);
	ck_assert_uint_eq(base64_decode_url(STR("a"), out, sizeof(out)), SIZE_MAX);
	ck_assert_uint_eq(base64_decode_url(STR("YWJj"), out, 2), SIZE_MAX);
	base64_encode_url((const uint8_t *)"hello world", 11, text);
	ck_assert_str_eq(text, "aGVsbG8gd29ybGQ");
}
END_TEST

/* ---- bcrypt ---- */

START_TEST(bcrypt_vectors)
{
	static const struct {
		const char *hash, *password;
		bool fits;
	} v[] = {
		{ "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U", true },
		{ "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U", true },
		{ "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*V", false },
		{ "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK", "U*U*", true },
		{ "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", "U*U*U", true },
		{ "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
		    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		    "0123456789chars after 72 are ignored", true },
		{ "$2y$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq", "\xa3", true },
		{ "$2x$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq", "\xa3", true },
		{ "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy", "", true },
		{ "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe", "U*U", false },
		{ "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeWW", "U*U", false },
		{ "$2a$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U", false },
		{ "$2a$32$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U", false },
		{ "$2a$05$CCCC!CCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U", false },
		{ "$2a$05$", "", false },
	};
	size_t i;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		ck_assert_msg(bcrypt_is(str_of(v[i].hash)), "%zu", i);
		ck_assert_msg(bcrypt_check(str_of(v[i].hash), str_of(v[i].password)) == v[i].fits,
		    "%zu", i);
	}
	ck_assert(!bcrypt_check(str_of(v[0].hash), (struct str){ "U*U\0x", 5 }));
	ck_assert(!bcrypt_is(STR("$2c$05$x")));
	ck_assert(!bcrypt_is(STR("$2a$5$x")));
	ck_assert(!bcrypt_is(STR("secret")));
	ck_assert(!bcrypt_is(STR("")));
}
END_TEST

START_TEST(secrets)
{
	struct secret s = { .p = NULL };

	ck_assert_int_eq(secret_set(&s, STR("one")), 0);
	ck_assert(secret_equal(secret_str(&s), STR("one")));
	ck_assert_int_eq(secret_set(&s, secret_str(&s)), 0);
	ck_assert(secret_equal(secret_str(&s), STR("one")));
	ck_assert(!secret_equal(secret_str(&s), STR("ona")));
	ck_assert(!secret_equal(secret_str(&s), STR("ones")));
	ck_assert_int_eq(secret_set(&s, STR_NONE), 0);
	ck_assert(secret_equal(secret_str(&s), STR("")));
	secret_wipe(&s);
}
END_TEST

/* ---- certificates ---- */

#define ATTR(t, v) { CERT_##t, { v, sizeof(v) - 1 } }
static const struct cert_attr c_us[] = { ATTR(C, "US") }, o_syn[] = { ATTR(O, "Syn, Inc") },
	ou_two[] = { ATTR(OU, "a"), ATTR(OU, "b") }, cn_bob[] = { ATTR(CN, "bob") },
	dc_one[] = { ATTR(DC, "com") }, dc_two[] = { ATTR(DC, "acme") }, other[] = { ATTR(OTHER, "x") };
#define RDN(a) { a, sizeof(a) / sizeof((a)[0]) }
static const struct cert_rdn subject_bob[] = { RDN(c_us), RDN(o_syn), RDN(ou_two), RDN(cn_bob) },
	subject_dc[] = { RDN(dc_one), RDN(dc_two), RDN(cn_bob) },
	subject_odd[] = { RDN(other), RDN(cn_bob) };
#define SUBJECT(s) .rdns = s, .nrdns = sizeof(s) / sizeof((s)[0])

START_TEST(dn_texts)
{
	static const struct {
		const char *text;
		bool equal, unordered;
	} v[] = {
		{ "CN=bob,OU=b+OU=a,O=Syn\\, Inc,C=US", true, true },
		{ " cn = bob , ou=a+ou=b, o=Syn\\2c Inc , c=US ", true, true },
		{ "C=US,O=Syn\\, Inc,OU=a+OU=b,CN=bob", false, true },
		{ "CN=bob,OU=a,OU=b,O=Syn\\, Inc,C=US", false, false },
		{ "CN=Bob,OU=b+OU=a,O=Syn\\, Inc,C=US", false, false },
		{ "CN=bob,OU=b+OU=b,O=Syn\\, Inc,C=US", false, false },
		{ "CN=bob\\ ,OU=b+OU=a,O=Syn\\, Inc,C=US", false, false },
		{ "CN=bob", false, false },
		{ "foo=bob,OU=b+OU=a,O=Syn\\, Inc,C=US", false, false },
	};
	static const char *const bad[] = { "", "bob", "=bob", "CN=bob,", "CN=bob,x", "CN=#0101",
		"CN=a\\zz", "CN=a\\4", ",", "+", "CN=a,=b", "   ", "CN=" };
	struct cert_identity id = { SUBJECT(subject_bob) };
	struct dn *dn;
	size_t i;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		dn = dn_parse(str_of(v[i].text));
		ck_assert_msg(dn != NULL, "%s", v[i].text);
		ck_assert_msg(dn_equal(dn, &id) == v[i].equal, "%s", v[i].text);
		ck_assert_msg(dn_equal_unordered(dn, &id) == v[i].unordered, "%s", v[i].text);
		dn_free(dn);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		dn = dn_parse(str_of(bad[i]));
		/* A comma at the end is no fault, but then there is one RDN, not two. */
		if (strcmp(bad[i], "CN=bob,") != 0)
			ck_assert_msg(dn == NULL, "%s", bad[i]);
		dn_free(dn);
	}
}
END_TEST

START_TEST(cert_texts)
{
	static const struct cert_attr serial[] = { ATTR(SERIALNUMBER, "7") },
		street[] = { ATTR(STREET, " #1 ") }, code[] = { ATTR(POSTALCODE, "#9") },
		l[] = { ATTR(L, "x") }, st[] = { ATTR(ST, "y") }, cn_old[] = { ATTR(CN, "old") };
	static const struct cert_rdn all[] = { RDN(cn_old), RDN(st), RDN(l), RDN(street), RDN(code),
		RDN(c_us), RDN(o_syn), RDN(ou_two), RDN(cn_bob), RDN(serial) };
	struct cert_identity id = { SUBJECT(all) };
	char text[256];
	size_t n = cert_subject(&id, text, sizeof(text));

	ck_assert_uint_lt(n, sizeof(text));
	text[n] = '\0';
	ck_assert_str_eq(text, "SERIALNUMBER=7,CN=bob,OU=a+OU=b,O=Syn\\, Inc,POSTALCODE=\\#9,"
	    "STREET=\\ #1\\ ,L=x,ST=y,C=US");
	ck_assert_uint_eq(cert_subject(&id, text, 20), SIZE_MAX);
}
END_TEST

/* ---- tables ---- */

static struct access *
new_access(void)
{
	struct access *a = access_new(NULL);

	ck_assert_ptr_nonnull(a);
	a->timeout_ns = 2000000000;
	return (a);
}

static struct access_user *
add(struct access *a, const char *name, const char *password)
{
	struct access_user *u = access_add_user(a, NULL);

	ck_assert_ptr_nonnull(u);
	a->has_users = true;
	if (name[0] == 'U' && strlen(name) == NKEY_PUBLIC_TEXT - 1)
		u->nkey = str_of(name);
	else
		u->name = str_of(name);
	u->password = str_of(password);
	return (u);
}

static struct auth_table *
table(const struct access *a, bool certs)
{
	struct err e = { .text = "" };
	struct auth_table *t = auth_table_new(a, certs, &e);

	ck_assert_msg(t != NULL, "%s", e.text);
	return (t);
}

/* Names that the certificate has in different places; the first found wins. */
START_TEST(cert_users)
{
	static const struct str emails[] = { { "e@x", 3 } }, dns[] = { { "host.x", 6 } },
		uris[] = { { "spiffe://x/y", 12 } };
	static const struct {
		const char *user;
		struct cert_identity id;
		bool found;
	} v[] = {
		{ "e@x", { .emails = emails, .nemails = 1, SUBJECT(subject_bob) }, true },
		{ "host.x", { .emails = emails, .nemails = 1, .dns = dns, .ndns = 1 }, true },
		{ "spiffe://x/y", { .uris = uris, .nuris = 1 }, true },
		{ "CN=bob,OU=a+OU=b,O=Syn\\, Inc,C=US", { SUBJECT(subject_bob) }, true },
		{ "C=US,CN=bob,OU=a+OU=b,O=Syn\\, Inc", { SUBJECT(subject_bob) }, true },
		{ "CN=bob,DC=acme,DC=com", { SUBJECT(subject_dc) }, true },
		{ "CN=bob,DC=com,DC=acme", { SUBJECT(subject_dc) }, true },
		{ "CN=bob", { SUBJECT(subject_dc) }, true },
		{ "CN=bob", { SUBJECT(subject_odd) }, true },
		{ "bob", { SUBJECT(subject_bob) }, false },
		{ "CN=bob", { SUBJECT(subject_bob) }, false },
		{ "x", { .rdns = NULL }, false },
	};
	size_t i;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct access *a = new_access();
		struct auth_table *t;
		const struct auth_user *u;

		add(a, v[i].user, "");
		t = table(a, true);
		u = cert_user(&v[i].id, t, ACCESS_STANDARD);
		ck_assert_msg((u != NULL) == v[i].found, "%zu", i);
		a->users[0].types = ACCESS_MQTT;
		ck_assert_ptr_null(cert_user(&v[i].id, t, ACCESS_STANDARD));
		auth_table_free(t);
		access_free(a);
	}
}
END_TEST

START_TEST(tables)
{
	struct access *a = new_access();
	struct err e = { .text = "" };
	char names[500][16];
	struct auth_table *t;
	int i;

	for (i = 0; i < 500; i++) {
		snprintf(names[i], sizeof(names[i]), "u%d", i);
		add(a, names[i], "p");
	}
	add(a, USER_PUBLIC, "");
	t = table(a, false);
	for (i = 0; i < 500; i++)
		ck_assert_ptr_eq(auth_table_user(t, str_of(names[i])), &t->users[i]);
	ck_assert_ptr_null(auth_table_user(t, STR("u500")));
	ck_assert_ptr_null(auth_table_user(t, STR("")));
	ck_assert_ptr_null(auth_table_user(t, STR(USER_PUBLIC)));
	ck_assert_ptr_eq(auth_table_nkey(t, STR(USER_PUBLIC)), &t->users[500]);
	ck_assert(t->nonce);
	auth_table_free(t);
	add(a, "u7", "other");
	ck_assert_ptr_null(auth_table_new(a, false, &e));
	access_free(a);
	a = new_access();
	add(a, "UBO2MQV67TQTVIRV3XFTEZOACM4WLOCMCDMAWN5QVN5PI2N6JHTVDROM", "");
	ck_assert_ptr_null(auth_table_new(a, false, &e));
	access_free(a);
}
END_TEST

START_TEST(permits_are_shared)
{
	struct access *a = new_access();
	struct access_permissions *p = access_add_permissions(a, NULL);
	struct auth_table *t;
	int i;

	p->pub_deny.given = true;
	for (i = 0; i < 3; i++)
		add(a, i == 0 ? "a" : i == 1 ? "b" : "c", "")->permissions = i == 2 ? NULL : p;
	t = table(a, false);
	ck_assert_ptr_nonnull(t->users[0].permit);
	ck_assert_ptr_eq(t->users[0].permit, t->users[1].permit);
	ck_assert_ptr_null(t->users[2].permit);
	ck_assert_uint_eq(t->npermits, 1);
	auth_table_free(t);
	access_free(a);
}
END_TEST

/* ---- the decision ---- */

#define HASH "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
#define SIG_URL "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

enum setup { OPEN, GUEST, LIST, EMPTY_LIST, NO_AUTH, NO_AUTH_NKEY, SINGLE, SINGLE_HASH, TOKEN, TOKEN_HASH,
	PROXY, PROXY_SINGLE };

static struct access *
setup(enum setup how)
{
	struct access *a = new_access();

	if (how == LIST || how == NO_AUTH || how == NO_AUTH_NKEY || how == PROXY) {
		add(a, "alice", "pw");
		add(a, "hash", HASH);
		add(a, "mqtt", "pw")->types = ACCESS_MQTT;
		add(a, "std", "pw")->types = ACCESS_MQTT | ACCESS_STANDARD;
		add(a, "proxied", "pw")->proxy_required = true;
		add(a, USER_PUBLIC, "");
	}
	a->has_users = a->has_users || how == EMPTY_LIST;
	if (how == GUEST) {
		add(a, "nats-12345678", "2345678");
		a->no_auth_user = a->users[0].name;
		a->guest = true;
	}
	if (how == NO_AUTH)
		a->no_auth_user = STR("alice");
	if (how == NO_AUTH_NKEY)
		a->no_auth_user = STR(USER_PUBLIC);
	if (how == SINGLE || how == SINGLE_HASH || how == PROXY_SINGLE) {
		a->user = STR("derek");
		a->password = how == SINGLE_HASH ? STR(HASH) : STR("pw");
	}
	if (how == TOKEN || how == TOKEN_HASH)
		a->token = how == TOKEN ? STR("tok") : STR(HASH);
	a->proxy_required = how == PROXY_SINGLE;
	return (a);
}

START_TEST(decisions)
{
	static const struct {
		enum setup how;
		struct auth_creds said;
		enum auth_verdict verdict;
		const char *user; /* NULL: nobody of the list */
		enum reason reason;
	} v[] = {
#define S(text) { text, sizeof(text) - 1 }
		{ OPEN, { .user = S("x"), .pass = S("y") }, AUTH_ACCEPT, NULL, 0 },
		{ OPEN, { .token = S("y") }, AUTH_ACCEPT, NULL, 0 },
		{ LIST, { .user = S("alice"), .pass = S("pw") }, AUTH_ACCEPT, "alice", 0 },
		{ LIST, { .user = S("alice"), .pass = S("pW") }, AUTH_REFUSE, "alice",
		    REASON_AUTH_FAILURE },
		{ LIST, { .user = S("alice") }, AUTH_REFUSE, "alice", REASON_AUTH_FAILURE },
		{ LIST, { .user = S("bob"), .pass = S("pw") }, AUTH_REFUSE, NULL,
		    REASON_AUTH_FAILURE },
		{ LIST, { .user = STR_NONE }, AUTH_REFUSE, NULL, REASON_AUTH_FAILURE },
		{ LIST, { .pass = S("pw") }, AUTH_REFUSE, NULL, REASON_AUTH_FAILURE },
		{ LIST, { .user = S("hash"), .pass = S("x") }, AUTH_BCRYPT, "hash", 0 },
		{ LIST, { .user = S("mqtt"), .pass = S("pw") }, AUTH_REFUSE, "mqtt",
		    REASON_AUTH_FAILURE },
		{ LIST, { .user = S("std"), .pass = S("pw") }, AUTH_ACCEPT, "std", 0 },
		{ LIST, { .user = S("proxied"), .pass = S("pw") }, AUTH_REFUSE, "proxied",
		    REASON_PROXY_REQUIRED },
		{ LIST, { .nkey = S(USER_PUBLIC), .sig = S(SIG_URL) }, AUTH_NKEY, USER_PUBLIC, 0 },
		{ LIST, { .nkey = S(USER_PUBLIC), .sig = S(SIG_URL "==") }, AUTH_NKEY, USER_PUBLIC,
		    0 },
		{ LIST, { .nkey = S(USER_PUBLIC), .sig = S(SIG_URL "A") }, AUTH_REFUSE, USER_PUBLIC,
		    REASON_AUTH_FAILURE },
		{ LIST, { .nkey = S(USER_PUBLIC) }, AUTH_REFUSE, USER_PUBLIC, REASON_AUTH_FAILURE },
		/* an unknown key does not fall back to the user */
		{ LIST, { .nkey = S(ACCOUNT_PUBLIC), .user = S("alice"), .pass = S("pw") },
		    AUTH_REFUSE, NULL, REASON_AUTH_FAILURE },
		/* a user's name is no key */
		{ LIST, { .user = S(USER_PUBLIC) }, AUTH_REFUSE, NULL, REASON_AUTH_FAILURE },
		{ EMPTY_LIST, { .user = S("alice") }, AUTH_REFUSE, NULL, REASON_AUTH_FAILURE },
		{ NO_AUTH, { .user = STR_NONE }, AUTH_ACCEPT, "alice", 0 },
		{ NO_AUTH, { .pass = S("x") }, AUTH_REFUSE, NULL, REASON_AUTH_FAILURE },
		{ NO_AUTH, { .token = S("x") }, AUTH_REFUSE, NULL, REASON_AUTH_FAILURE },
		{ NO_AUTH, { .user = S("alice") }, AUTH_REFUSE, "alice", REASON_AUTH_FAILURE },
		{ NO_AUTH, { .user = S("std"), .pass = S("pw") }, AUTH_ACCEPT, "std", 0 },
		{ NO_AUTH_NKEY, { .user = STR_NONE }, AUTH_ACCEPT, USER_PUBLIC, 0 },
		{ NO_AUTH_NKEY, { .nkey = S(USER_PUBLIC) }, AUTH_ACCEPT, USER_PUBLIC, 0 },
		{ NO_AUTH_NKEY, { .user = S("std"), .pass = S("pw") }, AUTH_ACCEPT, "std", 0 },
		{ SINGLE, { .user = S("derek"), .pass = S("pw") }, AUTH_ACCEPT, NULL, 0 },
		{ SINGLE, { .user = S("derek"), .pass = S("") }, AUTH_REFUSE, NULL,
		    REASON_AUTH_FAILURE },
		{ SINGLE, { .user = S("derec"), .pass = S("pw") }, AUTH_REFUSE, NULL,
		    REASON_AUTH_FAILURE },
		{ SINGLE, { .token = S("pw") }, AUTH_REFUSE, NULL, REASON_AUTH_FAILURE },
		{ SINGLE_HASH, { .user = S("derek"), .pass = S("pw") }, AUTH_BCRYPT, NULL, 0 },
		{ SINGLE_HASH, { .user = S("derec"), .pass = S("pw") }, AUTH_REFUSE, NULL,
		    REASON_AUTH_FAILURE },
		{ TOKEN, { .token = S("tok") }, AUTH_ACCEPT, NULL, 0 },
		{ TOKEN, { .token = S("tok2") }, AUTH_REFUSE, NULL, REASON_AUTH_FAILURE },
		{ TOKEN, { .user = S("tok") }, AUTH_REFUSE, NULL, REASON_AUTH_FAILURE },
		{ TOKEN, { .user = S("x"), .token = S("tok") }, AUTH_ACCEPT, NULL, 0 },
		{ TOKEN_HASH, { .token = S("tok") }, AUTH_BCRYPT, NULL, 0 },
		{ PROXY_SINGLE, { .user = S("derek"), .pass = S("pw") }, AUTH_REFUSE, NULL,
		    REASON_PROXY_REQUIRED },
#undef S
	};
	struct auth_facts facts = { .type = ACCESS_STANDARD };
	struct auth_decision d;
	size_t i;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct access *a = setup(v[i].how);
		struct auth_table *t = table(a, false);

		auth_decide(t, &v[i].said, &facts, &d);
		ck_assert_msg(d.verdict == v[i].verdict, "%zu: %d", i, d.verdict);
		if (d.verdict == AUTH_REFUSE)
			ck_assert_msg(d.reason == v[i].reason, "%zu: %d", i, d.reason);
		ck_assert_msg((d.user == NULL) == (v[i].user == NULL), "%zu", i);
		if (d.user != NULL)
			ck_assert(str_eq(d.user->name, str_of(v[i].user)));
		auth_table_free(t);
		access_free(a);
	}
}
END_TEST

START_TEST(trusted_proxies)
{
	struct access *a = setup(LIST);
	struct auth_creds said = { .user = STR("proxied"), .pass = STR("pw"), .proxy_sig = STR(SIG_URL) };
	struct auth_facts facts = { .type = ACCESS_STANDARD };
	struct auth_decision d;
	struct auth_table *t = table(a, false);

	/* nobody is trusted: the signature counts for nothing */
	auth_decide(t, &said, &facts, &d);
	ck_assert(d.verdict == AUTH_REFUSE && d.reason == REASON_PROXY_REQUIRED);
	auth_table_free(t);
	ck_assert_int_eq(access_add_proxy(a, STR(ACCOUNT_PUBLIC), NULL), 0);
	t = table(a, false);
	ck_assert(t->nonce);
	auth_decide(t, &said, &facts, &d);
	ck_assert(d.verdict == AUTH_PROXY);
	facts.proxy = STR(ACCOUNT_PUBLIC);
	auth_decide(t, &said, &facts, &d);
	ck_assert(d.verdict == AUTH_ACCEPT && str_eq(d.user->name, STR("proxied")));
	facts.proxy = STR_NONE;
	said.proxy_sig = STR("AAAA");
	auth_decide(t, &said, &facts, &d);
	ck_assert(d.verdict == AUTH_REFUSE && d.reason == REASON_PROXY_NOT_TRUSTED);
	ck_assert_ptr_null(d.why_first);
	said.proxy_sig = STR(SIG_URL "==");
	auth_decide(t, &said, &facts, &d);
	ck_assert(d.verdict == AUTH_REFUSE && d.reason == REASON_PROXY_NOT_TRUSTED);
	ck_assert_ptr_nonnull(d.why_first);
	said.proxy_sig = STR_NONE;
	auth_decide(t, &said, &facts, &d);
	ck_assert(d.verdict == AUTH_REFUSE && d.reason == REASON_PROXY_REQUIRED);
	auth_table_free(t);
	access_free(a);
}
END_TEST

START_TEST(info_flags)
{
	static const struct {
		enum setup how;
		bool required, says, nonce;
	} v[] = { { OPEN, false, false, false }, { GUEST, true, true, false }, { LIST, true, true, true },
		{ EMPTY_LIST, true, true, false }, { NO_AUTH, true, false, true },
		{ NO_AUTH_NKEY, true, false, true }, { SINGLE, true, true, false },
		{ TOKEN, true, true, false } };
	size_t i;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct access *a = setup(v[i].how);
		struct auth_table *t = table(a, false);

		ck_assert_msg(t->required == v[i].required, "%zu", i);
		ck_assert_msg(t->says_required == v[i].says, "%zu", i);
		ck_assert_msg(t->nonce == v[i].nonce, "%zu", i);
		auth_table_free(t);
		access_free(a);
	}
}
END_TEST

START_TEST(mapped_users)
{
	struct cert_identity id = { SUBJECT(subject_bob) };
	struct auth_facts facts = { .type = ACCESS_STANDARD, .maps = true };
	struct auth_creds none = { .user = STR_NONE }, pw = { .pass = STR("pw") },
		alice = { .user = STR("alice"), .pass = STR("pw") };
	struct access *a = setup(LIST);
	struct auth_decision d;
	struct auth_table *t;

	add(a, "CN=bob,OU=a+OU=b,O=Syn\\, Inc,C=US", "");
	t = table(a, true);
	auth_decide(t, &alice, &facts, &d); /* no certificate */
	ck_assert_int_eq(d.verdict, AUTH_REFUSE);
	facts.cert = &id;
	auth_decide(t, &none, &facts, &d);
	ck_assert_int_eq(d.verdict, AUTH_ACCEPT);
	ck_assert(d.by_cert && d.user == &t->users[6]);
	auth_decide(t, &alice, &facts, &d); /* the certificate decides, the password does not fit */
	ck_assert_int_eq(d.verdict, AUTH_REFUSE);
	a->users[6].password = STR("pw");
	auth_decide(t, &none, &facts, &d);
	ck_assert_int_eq(d.verdict, AUTH_REFUSE);
	auth_decide(t, &pw, &facts, &d);
	ck_assert_int_eq(d.verdict, AUTH_ACCEPT);
	auth_table_free(t);
	access_free(a);
}
END_TEST

START_TEST(first_operation)
{
	static const struct {
		const char *no_auth;
		const char *user;
	} v[] = { { "", NULL }, { "alice", "alice" }, { "mqtt", NULL }, { "std", "std" },
		{ "proxied", NULL }, { USER_PUBLIC, NULL } };
	const struct auth_user *u;
	size_t i;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		struct access *a = setup(LIST);
		struct auth_table *t;

		a->no_auth_user = str_of(v[i].no_auth);
		t = table(a, false);
		u = auth_decide_first(t, ACCESS_STANDARD);
		ck_assert_msg((u == NULL) == (v[i].user == NULL), "%zu", i);
		if (u != NULL)
			ck_assert(str_eq(u->name, str_of(v[i].user)));
		auth_table_free(t);
		access_free(a);
	}
}
END_TEST

UNIT_MAIN("auth",
    tcase_add_test(tc, nkey_vectors);
    tcase_add_test(tc, nkey_refuses);
    tcase_add_test(tc, nkey_signs);
    tcase_add_test(tc, base64_both);
    tcase_add_test(tc, bcrypt_vectors);
    tcase_add_test(tc, secrets);
    tcase_add_test(tc, dn_texts);
    tcase_add_test(tc, cert_texts);
    tcase_add_test(tc, cert_users);
    tcase_add_test(tc, tables);
    tcase_add_test(tc, permits_are_shared);
    tcase_add_test(tc, decisions);
    tcase_add_test(tc, trusted_proxies);
    tcase_add_test(tc, info_flags);
    tcase_add_test(tc, mapped_users);
    tcase_add_test(tc, first_operation);)
