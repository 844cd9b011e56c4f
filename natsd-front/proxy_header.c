#include "config.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <string.h>

#include "common/num.h"
#include "natsd-front/proxy_header.h"

#define V1_BEGIN "PROXY "
#define V1_FIELDS 5
#define V2_SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V2_SIGNATURE_BYTES 12u

enum { V2_LOCAL = 0, V2_PROXY = 1 };
enum { V2_UNSPEC = 0x00, V2_INET = 0x10, V2_INET6 = 0x20 };
enum { V2_VERSION = 0x20, V2_STREAM = 0x01 };

#define V2_INET_BYTES 12u
#define V2_INET6_BYTES 36u
#define INVALID "invalid PROXY protocol header: "
#define UNSUPPORTED "unsupported PROXY protocol feature: "

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static enum proxy_result parse_v1(struct str, struct proxy_header *, size_t *used, struct err *);
static enum proxy_result parse_v2(const uint8_t *, size_t, struct proxy_header *, size_t *used,
    struct err *);

enum proxy_result
proxy_header_parse(const uint8_t *p, size_t n, struct proxy_header *h, size_t *used, struct err *e)
{
	*h = (struct proxy_header){ .known = false };
	*used = 0;
	if (n < PROXY_BEGIN_BYTES)
		return (PROXY_MORE);
	if (memcmp(p, V1_BEGIN, PROXY_BEGIN_BYTES) == 0)
		return (parse_v1((struct str){ (const char *)p, n }, h, used, e));
	if (memcmp(p, V2_SIGNATURE, PROXY_BEGIN_BYTES) == 0)
		return (parse_v2(p, n, h, used, e));
	return (PROXY_NONE);
}

static enum proxy_result
broken(struct err *e, const char *why)
{
	err_set(e, "%s", why);
	return (PROXY_BROKEN);
}

static void
take_address(struct proxy_header *h, int family, const uint8_t *addr, uint16_t port)
{
	bool mapped = family == AF_INET6 && memcmp(addr, mapped_prefix, sizeof(mapped_prefix)) == 0;

	h->known = true;
	h->port = port;
	h->family = family == AF_INET || mapped ? AF_INET : AF_INET6;
	memcpy(h->addr, mapped ? addr + sizeof(mapped_prefix) : addr,
	    h->family == AF_INET ? 4 : 16);
}

/* ---- version 1 ---- */

static bool
is_blank(char c)
{
	return (c == ' ' || (c >= '\t' && c <= '\r'));
}

/* Fields between blanks; how many there are, also beyond max. */
static unsigned
split(struct str line, struct str *fields, unsigned max)
{
	unsigned n = 0;
	size_t i = 0, from;

	for (;;) {
		while (i < line.n && is_blank(line.p[i]))
			i++;
		if (i == line.n)
			return (n);
		from = i;
		while (i < line.n && !is_blank(line.p[i]))
			i++;
		if (n < max)
			fields[n] = (struct str){ line.p + from, i - from };
		n++;
	}
}

static bool
has_colon(struct str s)
{
	return (memchr(s.p, ':', s.n) != NULL);
}

/* The family it is written in; -1: no address. */
static int
parse_address(struct str s, uint8_t addr[16])
{
	int family = has_colon(s) ? AF_INET6 : AF_INET;
	char text[PROXY_LINE_MAX + 1];

	if (s.n >= sizeof(text) || memchr(s.p, '\0', s.n) != NULL)
		return (-1);
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return (inet_pton(family, text, addr) == 1 ? family : -1);
}

static enum proxy_result
v1_addresses(const struct str *f, struct proxy_header *h, struct err *e)
{
	uint8_t from[16], to[16];
	int from_family = parse_address(f[1], from), to_family = parse_address(f[2], to);
	bool six = str_eq(f[0], STR("TCP6"));
	uint64_t from_port, to_port;

	if (from_family < 0 || to_family < 0)
		return (broken(e, INVALID "invalid address"));
	if (num_parse_u64(f[3], 0, UINT16_MAX, &from_port) != 0)
		return (broken(e, "invalid source port"));
	if (num_parse_u64(f[4], 0, UINT16_MAX, &to_port) != 0)
		return (broken(e, "invalid dest port"));
	if (!six && !str_eq(f[0], STR("TCP4"))) {
		err_set(e, INVALID "invalid protocol " STR_FMT, STR_ARG(f[0]));
		return (PROXY_BROKEN);
	}
	if (!six && (from_family == AF_INET6 || to_family == AF_INET6))
		return (broken(e, INVALID "TCP4 with IPv6 address"));
	if (six && (from_family == AF_INET || to_family == AF_INET))
		return (broken(e, INVALID "TCP6 with IPv4 address"));
	take_address(h, from_family, from, (uint16_t)from_port);
	return (PROXY_WHOLE);
}

/* The end of the line; 0: not there yet.  It is looked for behind the begin only. */
static size_t
v1_end(struct str s)
{
	size_t i, most = s.n < PROXY_LINE_MAX ? s.n : PROXY_LINE_MAX;

	for (i = PROXY_BEGIN_BYTES; i + 1 < most; i++)
		if (s.p[i] == '\r' && s.p[i + 1] == '\n')
			return (i + 2);
	return (0);
}

static enum proxy_result
parse_v1(struct str s, struct proxy_header *h, size_t *used, struct err *e)
{
	struct str fields[V1_FIELDS], line;
	size_t end = v1_end(s);
	unsigned n;

	if (end == 0)
		return (s.n < PROXY_LINE_MAX ? PROXY_MORE : broken(e, INVALID "v1 line too long"));
	*used = end;
	line = (struct str){ s.p + PROXY_BEGIN_BYTES, end - 2 - PROXY_BEGIN_BYTES };
	n = split(line, fields, V1_FIELDS);
	if (n >= 1 && str_eq(fields[0], STR("UNKNOWN")))
		return (PROXY_WHOLE);
	if (n != V1_FIELDS)
		return (broken(e, INVALID "invalid v1 format"));
	return (v1_addresses(fields, h, e));
}

/* ---- version 2 ---- */

static uint16_t
be16(const uint8_t *p)
{
	return ((uint16_t)(p[0] << 8 | p[1]));
}

/* Whether addresses of that family are to follow, and enough of them. */
static enum proxy_result
v2_check(const uint8_t *head, size_t length, struct err *e)
{
	unsigned version = head[0] & 0xf0u, command = head[0] & 0x0fu;
	unsigned family = head[1] & 0xf0u, protocol = head[1] & 0x0fu;

	if (version != V2_VERSION) {
		err_set(e, INVALID "invalid version 0x%02x", version);
		return (PROXY_BROKEN);
	}
	if (command == V2_LOCAL)
		return (PROXY_WHOLE);
	if (command != V2_PROXY) {
		err_set(e, "unknown PROXY protocol command: 0x%02x", command);
		return (PROXY_BROKEN);
	}
	if (protocol != V2_STREAM)
		return (broken(e, UNSUPPORTED "only STREAM protocol supported"));
	if (family != V2_UNSPEC && family != V2_INET && family != V2_INET6) {
		err_set(e, UNSUPPORTED "unsupported address family 0x%02x", family);
		return (PROXY_BROKEN);
	}
	if (length < (family == V2_INET ? V2_INET_BYTES : family == V2_INET6 ? V2_INET6_BYTES : 0)) {
		err_set(e, "IPv%c address data too short: %zu bytes", family == V2_INET ? '4' : '6',
		    length);
		return (PROXY_BROKEN);
	}
	return (PROXY_WHOLE);
}

static void
v2_take(const uint8_t *head, const uint8_t *body, struct proxy_header *h)
{
	if ((head[0] & 0x0fu) == V2_LOCAL)
		return;
	if ((head[1] & 0xf0u) == V2_INET)
		take_address(h, AF_INET, body, be16(body + 8));
	else if ((head[1] & 0xf0u) == V2_INET6)
		take_address(h, AF_INET6, body, be16(body + 32));
}

static enum proxy_result
parse_v2(const uint8_t *p, size_t n, struct proxy_header *h, size_t *used, struct err *e)
{
	const uint8_t *head = p + V2_SIGNATURE_BYTES;
	size_t length;
	enum proxy_result rc;

	if (n >= V2_SIGNATURE_BYTES && memcmp(p, V2_SIGNATURE, V2_SIGNATURE_BYTES) != 0)
		return (broken(e, INVALID "invalid signature"));
	if (n < PROXY_HEAD_BYTES)
		return (PROXY_MORE);
	length = be16(head + 2);
	rc = v2_check(head, length, e);
	if (rc != PROXY_WHOLE)
		return (rc);
	if (n - PROXY_HEAD_BYTES < length)
		return (PROXY_MORE);
	*used = PROXY_HEAD_BYTES + length;
	v2_take(head, p + PROXY_HEAD_BYTES, h);
	return (PROXY_WHOLE);
}
