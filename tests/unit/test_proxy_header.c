#include "config.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <string.h>

#include "natsd-front/proxy_header.h"
#include "tests/unit/unit.h"

#define SIG "\r\n\r\n\0\r\nQUIT\n"
#define BYTES(s) s, sizeof(s) - 1

static const struct {
	const char *in;
	size_t n;
	enum proxy_result result;
	size_t used;
	const char *addr; /* NULL: the socket's stands */
	unsigned port;
	const char *why; /* NULL: none */
} rows[] = {
	{ BYTES("CONNEC"), PROXY_NONE, 0, NULL, 0, NULL },
	{ BYTES("PROX"), PROXY_MORE, 0, NULL, 0, NULL },
	{ BYTES("PROXY!"), PROXY_NONE, 0, NULL, 0, NULL },
	{ BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 56324 4222\r\nPING"), PROXY_WHOLE, 39, "1.2.3.4",
	    56324, NULL },
	{ BYTES("PROXY TCP4  1.2.3.4\t5.6.7.8 0 065535\r\n"), PROXY_WHOLE, 38, "1.2.3.4", 0, NULL },
	{ BYTES("PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n"), PROXY_WHOLE, 40, "2001:db8::1", 1,
	    NULL },
	{ BYTES("PROXY TCP6 ::ffff:1.2.3.4 ::1 7 2\r\n"), PROXY_WHOLE, 35, "1.2.3.4", 7, NULL },
	{ BYTES("PROXY UNKNOWN anything at all\r\nX"), PROXY_WHOLE, 31, NULL, 0, NULL },
	{ BYTES("PROXY UNKNOWN\r\n"), PROXY_WHOLE, 15, NULL, 0, NULL },
	{ BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r"), PROXY_MORE, 0, NULL, 0, NULL },
	{ BYTES("PROXY \r\n"), PROXY_BROKEN, 8, NULL, 0, "invalid v1 format" },
	{ BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n"), PROXY_BROKEN, 30, NULL, 0,
	    "invalid v1 format" },
	{ BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n"), PROXY_BROKEN, 34, NULL, 0,
	    "invalid v1 format" },
	{ BYTES("PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n"), PROXY_BROKEN, 30, NULL, 0,
	    "invalid address" },
	{ BYTES("PROXY TCP4 ::1 ::1 1 2\r\n"), PROXY_BROKEN, 24, NULL, 0,
	    "TCP4 with IPv6 address" },
	{ BYTES("PROXY TCP6 1.2.3.4 ::1 1 2\r\n"), PROXY_BROKEN, 28, NULL, 0,
	    "TCP6 with IPv4 address" },
	{ BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n"), PROXY_BROKEN, 36, NULL, 0,
	    "invalid source port" },
	{ BYTES("PROXY TCP4 1.2.3.4 5.6.7.8 1 -2\r\n"), PROXY_BROKEN, 33, NULL, 0,
	    "invalid dest port" },
	{ BYTES("PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n"), PROXY_BROKEN, 32, NULL, 0,
	    "invalid protocol UDP4" },
	{ BYTES("\r\n\r\n\0\r"), PROXY_MORE, 0, NULL, 0, NULL },
	{ BYTES("\r\n\r\n\0\rQUITXX"), PROXY_BROKEN, 0, NULL, 0, "invalid signature" },
	{ BYTES(SIG "\x21\x11\0\x0c"), PROXY_MORE, 0, NULL, 0, NULL },
	{ BYTES(SIG "\x21\x11\0\x0c\x0a\0\0\1\x0a\0\0\2\x12\x34\x10\x7e" "C"), PROXY_WHOLE, 28,
	    "10.0.0.1", 0x1234, NULL },
	{ BYTES(SIG "\x21\x11\0\x0e\x0a\0\0\1\x0a\0\0\2\x12\x34\x10\x7e" "tt"), PROXY_WHOLE, 30,
	    "10.0.0.1", 0x1234, NULL },
	{ BYTES(SIG "\x21\x11\0\x0b\x0a\0\0\1\x0a\0\0\2\x12\x34\x10"), PROXY_BROKEN, 0, NULL, 0,
	    "IPv4 address data too short: 11 bytes" },
	{ BYTES(SIG "\x21\x21\0\x24\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
		    "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\0\7\0\10"), PROXY_WHOLE, 52,
	    "2001:db8::1", 7, NULL },
	{ BYTES(SIG "\x21\x21\0\x24\0\0\0\0\0\0\0\0\0\0\xff\xff\1\2\3\4"
		    "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\0\7\0\10"), PROXY_WHOLE, 52, "1.2.3.4",
	    7, NULL },
	{ BYTES(SIG "\x21\x21\0\x0c"), PROXY_BROKEN, 0, NULL, 0,
	    "IPv6 address data too short: 12 bytes" },
	{ BYTES(SIG "\x20\0\0\0"), PROXY_WHOLE, 16, NULL, 0, NULL },
	{ BYTES(SIG "\x20\x11\0\3abcPING"), PROXY_WHOLE, 19, NULL, 0, NULL },
	{ BYTES(SIG "\x21\1\0\2ab"), PROXY_WHOLE, 18, NULL, 0, NULL },
	{ BYTES(SIG "\x11\x11\0\x0c"), PROXY_BROKEN, 0, NULL, 0, "invalid version 0x10" },
	{ BYTES(SIG "\x22\x11\0\x0c"), PROXY_BROKEN, 0, NULL, 0,
	    "unknown PROXY protocol command: 0x02" },
	{ BYTES(SIG "\x21\x12\0\x0c"), PROXY_BROKEN, 0, NULL, 0, "only STREAM" },
	{ BYTES(SIG "\x21\x31\0\x0c"), PROXY_BROKEN, 0, NULL, 0,
	    "unsupported address family 0x30" },
	{ BYTES(SIG "\x21\x32\0\x0c"), PROXY_BROKEN, 0, NULL, 0, "only STREAM" },
};

START_TEST(test_rows)
{
	struct err e = { .text = "" };
	struct proxy_header h;
	char text[INET6_ADDRSTRLEN] = "";
	size_t used;

	ck_assert_int_eq(proxy_header_parse((const uint8_t *)rows[_i].in, rows[_i].n, &h, &used, &e),
	    rows[_i].result);
	if (rows[_i].result == PROXY_WHOLE) {
		ck_assert_uint_eq(used, rows[_i].used);
		ck_assert_int_eq(h.known, rows[_i].addr != NULL);
	}
	if (rows[_i].addr != NULL) {
		ck_assert_ptr_nonnull(inet_ntop(h.family, h.addr, text, sizeof(text)));
		ck_assert_str_eq(text, rows[_i].addr);
		ck_assert_uint_eq(h.port, rows[_i].port);
	}
	if (rows[_i].why != NULL)
		ck_assert_msg(strstr(e.text, rows[_i].why) != NULL, "%s", e.text);
}
END_TEST

/* Whatever was cut off makes it incomplete, never another answer. */
START_TEST(test_every_prefix)
{
	struct err e;
	struct proxy_header h;
	size_t n, used;

	if (rows[_i].result != PROXY_WHOLE)
		return;
	for (n = 0; n < rows[_i].used; n++)
		ck_assert_int_eq(proxy_header_parse((const uint8_t *)rows[_i].in, n, &h, &used, &e),
		    PROXY_MORE);
}
END_TEST

START_TEST(test_long_lines)
{
	uint8_t line[PROXY_LINE_MAX + 1];
	struct proxy_header h;
	struct err e;
	size_t used;

	memset(line, 'x', sizeof(line));
	memcpy(line, "PROXY UNKNOWN ", 14);
	ck_assert_int_eq(proxy_header_parse(line, PROXY_LINE_MAX - 1, &h, &used, &e), PROXY_MORE);
	ck_assert_int_eq(proxy_header_parse(line, PROXY_LINE_MAX, &h, &used, &e), PROXY_BROKEN);
	memcpy(line + PROXY_LINE_MAX - 2, "\r\n", 2);
	ck_assert_int_eq(proxy_header_parse(line, PROXY_LINE_MAX, &h, &used, &e), PROXY_WHOLE);
	memcpy(line + PROXY_LINE_MAX - 2, "x\r\n", 3);
	ck_assert_int_eq(proxy_header_parse(line, sizeof(line), &h, &used, &e), PROXY_BROKEN);
}
END_TEST

UNIT_MAIN("proxy_header",
    unit_rows(tc, test_rows, rows);
    unit_rows(tc, test_every_prefix, rows);
    tcase_add_test(tc, test_long_lines);)
