#include "config.h"

#include <sys/socket.h>

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/tls_options.h"
#include "natsd-front/tls/library.h"
#include "natsd-front/tls/rate.h"
#include "natsd-front/tls/tls.h"
#include "tests/unit/front_rig.h"
#include "tests/unit/tls_client.h"
#include "tests/unit/unit.h"

static struct test_pair ca, client;
static void (*change_tls)(struct tls_options *);

static void
with_tls(struct options *o)
{
	struct err e = { .text = "" };
	struct test_pair own = test_pair_make("/CN=localhost", "DNS:localhost", &ca);

	o->tls = tls_options_new(&e);
	ck_assert_ptr_nonnull(o->tls);
	o->tls->cert_pem = test_pair_cert_pem(&own);
	o->tls->key_pem = test_pair_key_pem(&own);
	test_pair_free(&own);
	ck_assert_int_eq(tls_string(&o->tls->ciphers, "ECDHE-ECDSA-AES128-GCM-SHA256", &e), 0);
	if (change_tls != NULL)
		change_tls(o->tls);
}

static void
begin(struct rig *r, unsigned n, void (*change)(struct tls_options *))
{
	change_tls = change;
	rig_start(r, n, with_tls);
}

static void
verify(struct tls_options *t)
{
	t->verify = true;
	t->ca_pem = test_pair_cert_pem(&ca);
}

static void
first(struct tls_options *t)
{
	t->first = true;
}

static void
short_timeout(struct tls_options *t)
{
	t->timeout_ns = 50 * NS_PER_MS;
}

/* ---- connections ---- */

static SSL *
tls_client(struct rig *r, unsigned worker, const struct test_pair *pair, int version)
{
	return (tls_connect(rig_connect(r, worker, NULL), pair, version));
}

static void
tls_say(SSL *ssl, const char *text)
{
	tls_send(ssl, text, strlen(text));
}

static void
round_trips(SSL *sub, SSL *pub)
{
	static const size_t sizes[] = { 0, 1, 127, 4096, 16383, 16384, 16385, 65535, 65536, 1000000 };
	char line[128], want[128];
	unsigned i;

	tls_say(sub, "CONNECT {\"verbose\":false}\r\nSUB a 1\r\nPING\r\n");
	tls_expect(sub, "PONG\r\n");
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *body = malloc(sizes[i] + 2), *got = malloc(sizes[i] + 2);
		int n = snprintf(line, sizeof(line), "PUB a %zu\r\n", sizes[i]);

		memset(body, 'a' + (int)i, sizes[i]);
		memcpy(body + sizes[i], "\r\n", 2);
		tls_send(pub, line, (size_t)n);
		tls_send(pub, body, sizes[i] + 2);
		snprintf(want, sizeof(want), "MSG a 1 %zu\r\n", sizes[i]);
		tls_expect(sub, want);
		tls_recv(sub, got, sizes[i] + 2);
		ck_assert_mem_eq(got, body, sizes[i] + 2);
		free(body);
		free(got);
	}
}

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

START_TEST(test_round_trips)
{
	struct rig r;
	SSL *a, *b;

	begin(&r, 2, NULL);
	a = tls_client(&r, 0, NULL, versions[_i]);
	b = tls_client(&r, 1, NULL, versions[_i]);
	ck_assert(a != NULL && b != NULL);
	tls_say(b, "CONNECT {\"verbose\":false}\r\n");
	round_trips(a, b);
	tls_disconnect(a);
	tls_disconnect(b);
	rig_stop(&r);
}
END_TEST

START_TEST(test_first)
{
	struct local_adopt a = { .cid = 1, .family = AF_INET };
	struct rig r;
	char line[2048];
	int fds[2];
	SSL *ssl;

	begin(&r, 1, first);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	ck_assert_int_ne(fcntl(fds[0], F_SETFL, O_NONBLOCK), -1);
	a.fd = fds[0];
	atomic_fetch_add(&r.shared->pub[0].conns, 1);
	ck_assert(local_say(&r.links[0], LOCAL_ADOPT, &a, sizeof(a)));
	link_flush(&r.links[0]);
	ssl = tls_connect(fds[1], NULL, 0);
	ck_assert_ptr_nonnull(ssl);
	tls_line(ssl, line, sizeof(line));
	ck_assert_ptr_nonnull(strstr(line, "\"tls_required\":true"));
	tls_send(ssl, "PING\r\n", 6);
	tls_expect(ssl, "PONG\r\n");
	tls_disconnect(ssl);
	rig_stop(&r);
}
END_TEST

START_TEST(test_certificate_wanted)
{
	struct test_pair stranger = test_pair_make("/CN=stranger", NULL, NULL);
	struct snapshot *snap;
	struct rig r;
	SSL *ssl;

	begin(&r, 1, verify);
	ck_assert_ptr_null(tls_client(&r, 0, NULL, TLS1_2_VERSION));
	ck_assert_ptr_null(tls_client(&r, 0, &stranger, TLS1_2_VERSION));
	ssl = tls_client(&r, 0, &client, versions[_i]);
	ck_assert_ptr_nonnull(ssl);
	tls_send(ssl, "PING\r\n", 6);
	tls_expect(ssl, "PONG\r\n");
	snap = snapshot_take(r.shared, SNAPSHOT_CONNS, 0, 5000);
	ck_assert_ptr_nonnull(snap);
	ck_assert_uint_eq(snap->parts[0].nconns, 1);
	ck_assert_str_eq(snap->parts[0].conns[0].tls_version, versions[_i] == TLS1_2_VERSION ? "1.2"
									      : "1.3");
	ck_assert_uint_eq(snap->parts[0].conns[0].ntls_certs, 1);
	ck_assert_str_eq(snap->parts[0].conns[0].tls_certs[0].subject,
	    "CN=jd\\,oe,OU=a+OU=b,O=nats.io,C=US,0.9.2342.19200300.100.1.25=#1303636f6d");
	snapshot_free(snap);
	tls_disconnect(ssl);
	test_pair_free(&stranger);
	rig_stop(&r);
}
END_TEST

START_TEST(test_half_a_handshake)
{
	struct rig r;
	char rest[256];
	int fd;

	begin(&r, 1, short_timeout);
	fd = rig_connect(&r, 0, NULL);
	rig_send_bytes(fd, "\x16\x03\x01\x02", 4);
	ck_assert_int_le(read(fd, rest, sizeof(rest)), 0);
	close(fd);
	fd = rig_connect(&r, 0, NULL);
	ck_assert_int_le(read(fd, rest, sizeof(rest)), 0);
	close(fd);
	rig_stop(&r);
}
END_TEST

START_TEST(test_not_tls)
{
	struct rig r;
	char rest[256];
	int fd;

	begin(&r, 1, NULL);
	fd = rig_connect(&r, 0, NULL);
	rig_send(fd, "CONNECT {}\r\n");
	ck_assert_int_le(read(fd, rest, sizeof(rest)), 0);
	close(fd);
	rig_stop(&r);
}
END_TEST

/* A peer that goes while a helper has its handshake, and one that stays when all ends. */
START_TEST(test_gone_in_the_midst)
{
	struct rig r;
	unsigned i;
	SSL *ssl;

	begin(&r, 2, NULL);
	for (i = 0; i < 50; i++) {
		BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
		SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
		int fd = rig_connect(&r, i % 2, NULL);
		char *hello;
		long n;

		ssl = SSL_new(ctx);
		SSL_set_bio(ssl, in, out);
		ck_assert_int_le(SSL_connect(ssl), 0);
		n = BIO_get_mem_data(out, &hello);
		rig_send_bytes(fd, hello, (size_t)n);
		SSL_free(ssl);
		SSL_CTX_free(ctx);
		if (i % 4 != 3)
			close(fd);
	}
	rig_stop(&r);
}
END_TEST

START_TEST(test_key_update_flood)
{
	struct rig r;
	unsigned i;
	char c;
	SSL *ssl;

	begin(&r, 1, NULL);
	ssl = tls_client(&r, 0, NULL, TLS1_3_VERSION);
	ck_assert_ptr_nonnull(ssl);
	for (i = 0; i < 8; i++) {
		ck_assert_int_eq(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED), 1);
		tls_send(ssl, "PING\r\n", 6);
		tls_expect(ssl, "PONG\r\n");
	}
	for (i = 0; i < 2 * TLS_IDLE_RECORDS_MAX; i++) {
		if (SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 ||
		    SSL_do_handshake(ssl) != 1)
			break;
	}
	ck_assert_int_le(SSL_read(ssl, &c, 1), 0);
	ERR_clear_error();
	SSL_free(ssl);
	rig_stop(&r);
}
END_TEST

/* A client of TLS 1.2 that wants another handshake does not get one, however often it asks. */
START_TEST(test_no_renegotiation)
{
	struct rig r;
	unsigned i;
	SSL *ssl;

	begin(&r, 1, NULL);
	ssl = tls_client(&r, 0, NULL, TLS1_2_VERSION);
	ck_assert_ptr_nonnull(ssl);
	tls_send(ssl, "PING\r\n", 6);
	tls_expect(ssl, "PONG\r\n");
	for (i = 0; i < 100; i++) {
		if (SSL_renegotiate(ssl) != 1 || SSL_do_handshake(ssl) != 1)
			break;
		ERR_clear_error();
	}
	ck_assert_uint_lt(i, 100);
	ERR_clear_error();
	SSL_free(ssl);
	ssl = tls_client(&r, 0, NULL, TLS1_2_VERSION);
	ck_assert_ptr_nonnull(ssl);
	tls_disconnect(ssl);
	rig_stop(&r);
}
END_TEST

/* Lines in two records each, of many connections in turn. */
START_TEST(test_many_at_once)
{
	struct rig r;
	SSL *ssl[20];
	unsigned i;

	begin(&r, 2, NULL);
	for (i = 0; i < 20; i++) {
		ssl[i] = tls_client(&r, i % 2, NULL, versions[i % 2]);
		ck_assert_ptr_nonnull(ssl[i]);
	}
	for (i = 0; i < 20; i++)
		tls_send(ssl[i], "PI", 2);
	for (i = 20; i-- > 0;) {
		tls_send(ssl[i], "NG\r\n", 4);
		tls_expect(ssl[i], "PONG\r\n");
	}
	for (i = 0; i < 20; i++)
		tls_disconnect(ssl[i]);
	rig_stop(&r);
}
END_TEST

/* ---- parts ---- */

START_TEST(test_bio)
{
	struct buf out = BUF_INIT(64);
	struct tls_io io = { .in = (const uint8_t *)"abcdef", .in_n = 6 };
	BIO *b = tls_bio_new(&io);
	char got[8], many[60] = "";

	ck_assert_ptr_nonnull(b);
	ck_assert_int_eq(BIO_read(b, got, 4), 4);
	ck_assert_int_eq(BIO_read(b, got, 4), 2);
	ck_assert_mem_eq(got, "ef", 2);
	ck_assert_int_le(BIO_read(b, got, 4), 0);
	ck_assert_int_ne(BIO_should_retry(b), 0);
	ck_assert_int_le(BIO_write(b, "x", 1), 0);
	ck_assert_int_ne(BIO_should_retry(b), 0);
	io.out = &out;
	ck_assert_int_eq(BIO_write(b, many, 60), 60);
	ck_assert_int_le(BIO_write(b, "67890", 5), 0);
	ck_assert_uint_eq(out.len, 60);
	BIO_free(b);
	buf_free(&out);
}
END_TEST

START_TEST(test_rate)
{
	struct mono now = { .ns = 5 * NS_PER_S };
	struct tls_rate r;
	unsigned i;

	tls_rate_init(&r, 3);
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(tls_rate_allow(&r, now), i < 3);
	ck_assert_uint_eq(tls_rate_blocked(&r), 2);
	ck_assert_uint_eq(tls_rate_blocked(&r), 0);
	ck_assert(!tls_rate_allow(&r, mono_add_ms(now, 999)));
	ck_assert(tls_rate_allow(&r, mono_add_ms(now, 1000)));
	tls_rate_end(&r);
	tls_rate_init(&r, 0);
	for (i = 0; i < 100; i++)
		ck_assert(tls_rate_allow(&r, now));
	tls_rate_end(&r);
}
END_TEST

START_TEST(test_looks)
{
	ck_assert(tls_looks_like((const uint8_t *)"", 0));
	ck_assert(tls_looks_like((const uint8_t *)"\x16", 1));
	ck_assert(tls_looks_like((const uint8_t *)"\x16\x03\x01\x02\x00", 5));
	ck_assert(!tls_looks_like((const uint8_t *)"C", 1));
	ck_assert(!tls_looks_like((const uint8_t *)"\x16\x50", 2));
}
END_TEST

static void
make_pairs(void)
{
	struct err e = { .text = "" };

	ck_assert_msg(tls_library_begin(&e) == 0, "%s", e.text);
	signal(SIGPIPE, SIG_IGN);
	ca = test_pair_make("/CN=ca", NULL, NULL);
	client = test_pair_make("/DC=com/C=US/O=nats.io/OU=a/OU=b/CN=jd,oe", "email:u@nats.io", &ca);
}

static void
free_pairs(void)
{
	test_pair_free(&ca);
	test_pair_free(&client);
}

UNIT_MAIN("tls",
    tcase_add_unchecked_fixture(tc, make_pairs, free_pairs);
    tcase_add_loop_test(tc, test_round_trips, 0, 2);
    tcase_add_test(tc, test_first);
    tcase_add_loop_test(tc, test_certificate_wanted, 0, 2);
    tcase_add_test(tc, test_half_a_handshake);
    tcase_add_test(tc, test_not_tls);
    tcase_add_test(tc, test_gone_in_the_midst);
    tcase_add_test(tc, test_key_update_flood);
    tcase_add_test(tc, test_no_renegotiation);
    tcase_add_test(tc, test_many_at_once);
    tcase_add_test(tc, test_bio);
    tcase_add_test(tc, test_rate);
    tcase_add_test(tc, test_looks);)
