#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "natsd-front/client/parser.h"
#include "tests/unit/unit.h"

/* What the parser asked for, as text: a golden transcript compares with it. */
struct script {
	struct buf said;
	enum parser_next pub_answer; /* PARSER_GO in most tests */
	unsigned holds;		     /* op_pub answers PARSER_HOLD this often first */
	enum parser_next line_answer;
};

static void say(struct script *, const char *, ...) __attribute__((format(printf, 2, 3)));

static void
say(struct script *s, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ck_assert_int_lt(n, (int)sizeof(text));
	ck_assert_int_eq(buf_add(&s->said, text, (size_t)n), 0);
}

static enum parser_next
on_connect(void *ctx, struct str json)
{
	say(ctx, "CONNECT <" STR_FMT ">\n", STR_ARG(json));
	return (PARSER_GO);
}

static enum parser_next
on_pub_line(void *ctx, const struct parser_pub *p)
{
	struct script *s = ctx;

	say(s, "LINE <" STR_FMT "> <" STR_FMT "> %u/%u\n", STR_ARG(p->subject), STR_ARG(p->reply),
	    p->hdr, p->size);
	return (s->line_answer);
}

static enum parser_next
on_pub(void *ctx, const struct parser_pub *p)
{
	struct script *s = ctx;

	if (s->holds > 0) {
		s->holds--;
		say(s, "HOLD\n");
		return (PARSER_HOLD);
	}
	say(s, "PUB <" STR_FMT "> <" STR_FMT "> <" STR_FMT "> <" STR_FMT "> %s <" STR_FMT ">\n",
	    STR_ARG(p->subject), STR_ARG(p->reply), STR_ARG(p->hdr_digits), STR_ARG(p->size_digits),
	    p->canonical ? "as is" : "odd", STR_ARG(p->body));
	if (p->canonical)
		ck_assert_ptr_eq(p->line.p + p->line.n, p->body.p);
	ck_assert_int_eq(memcmp(p->body.p + p->body.n, "\r\n", 2), 0);
	return (s->pub_answer);
}

static enum parser_next
on_sub(void *ctx, struct str subject, struct str queue, struct str sid)
{
	say(ctx, "SUB <" STR_FMT "> <" STR_FMT "> <" STR_FMT ">\n", STR_ARG(subject),
	    STR_ARG(queue), STR_ARG(sid));
	return (PARSER_GO);
}

static enum parser_next
on_unsub(void *ctx, struct str sid, int32_t max)
{
	say(ctx, "UNSUB <" STR_FMT "> %d\n", STR_ARG(sid), max);
	return (PARSER_GO);
}

static enum parser_next
on_ping(void *ctx)
{
	say(ctx, "PING\n");
	return (PARSER_GO);
}

static enum parser_next
on_pong(void *ctx)
{
	say(ctx, "PONG\n");
	return (PARSER_GO);
}

static enum parser_next
on_info(void *ctx, struct str json)
{
	say(ctx, "INFO <" STR_FMT ">\n", STR_ARG(json));
	return (PARSER_GO);
}

static enum parser_next
on_err(void *ctx, struct str text)
{
	say(ctx, "ERR <" STR_FMT ">\n", STR_ARG(text));
	return (PARSER_CLOSE);
}

static void
on_fault(void *ctx, const struct parser_trouble *t)
{
	static const char *const names[] = { "protocol", "args", "line", "auth" };

	say(ctx, "FAULT %s\n", names[t->fault]);
}

static const struct parser_ops script_ops = {
	.op_connect = on_connect,
	.op_pub_line = on_pub_line,
	.op_pub = on_pub,
	.op_sub = on_sub,
	.op_unsub = on_unsub,
	.op_ping = on_ping,
	.op_pong = on_pong,
	.op_info = on_info,
	.op_err = on_err,
	.op_fault = on_fault,
};

#define LINE_MAX 40
#define SAID_MAX 65536

struct golden {
	const char *in;
	const char *said;
};

static const struct golden goldens[] = {
	{ "PING\r\n", "PING\n" },
	{ "pInG\n", "PING\n" },
	{ "PING  \r  \n", "PING\n" },
	{ "PINGxyz and whatever\nPONG\r\n", "PING\nPONG\n" },
	{ "PONG\r\nPONG\r\n", "PONG\nPONG\n" },
	{ "+OK\r\n+ok whatever\nPING\r\n", "PING\n" },
	{ "CONNECT {\"a\":1}\r\nPING\r\n", "CONNECT <{\"a\":1}>\nPING\n" },
	{ "CONNECT{}\r\n", "CONNECT <{}>\n" },
	{ "connect \t {} \r\n", "CONNECT <{} >\n" },
	{ "INFO {}\r\n", "INFO <{}>\n" },
	{ "INFO{}\n", "INFO <{}>\n" },
	{ "-ERR 'no'\r\n", "ERR <'no'>\n" },
	{ "SUB foo 1\r\n", "SUB <foo> <> <1>\n" },
	{ "SUB \t foo \t q  22 \r\n", "SUB <foo> <q> <22>\n" },
	{ "sub foo 1\nUNSUB 1\nunsub 1 5\r\n", "SUB <foo> <> <1>\nUNSUB <1> -1\nUNSUB <1> 5\n" },
	{ "UNSUB 1 x\r\n", "UNSUB <1> -1\n" },
	{ "UNSUB 1 0000000005\r\n", "UNSUB <1> -1\n" },
	{ "PUB foo 5\r\nhello\r\n", "LINE <foo> <> 0/5\nPUB <foo> <> <> <5> as is <hello>\n" },
	{ "PUB foo bar 005\r\nhello\r\n",
	    "LINE <foo> <bar> 0/5\nPUB <foo> <bar> <> <005> as is <hello>\n" },
	{ "PUB foo 0\r\n\r\nPING\r\n", "LINE <foo> <> 0/0\nPUB <foo> <> <> <0> as is <>\nPING\n" },
	{ "PUB foo 5\nhello\r\n", "LINE <foo> <> 0/5\nPUB <foo> <> <> <5> odd <hello>\n" },
	{ "PUB \t foo\t bar  5 \r\nhello\r\n",
	    "LINE <foo> <bar> 0/5\nPUB <foo> <bar> <> <5> odd <hello>\n" },
	{ "PUB foo\t5\r\nhello\r\n", "LINE <foo> <> 0/5\nPUB <foo> <> <> <5> odd <hello>\n" },
	{ "PUB f 7\r\nPUB a\r\n\r\n", "LINE <f> <> 0/7\nPUB <f> <> <> <7> as is <PUB a\r\n>\n" },
	{ "HPUB foo 4 9\r\nhead1234X\r\n",
	    "LINE <foo> <> 4/9\nPUB <foo> <> <4> <9> as is <head1234X>\n" },
	{ "hpub foo bar 0 2\r\nhi\r\n",
	    "LINE <foo> <bar> 0/2\nPUB <foo> <bar> <0> <2> as is <hi>\n" },
	{ "HPUB foo  0 2\r\nhi\r\n", "LINE <foo> <> 0/2\nPUB <foo> <> <0> <2> odd <hi>\n" },

	/* what must fail, and how */
	{ "\r\n", "FAULT protocol\n" },
	{ " PING\r\n", "FAULT protocol\n" },
	{ "PIx", "FAULT protocol\n" },
	{ "MSG foo 1 0\r\n", "FAULT protocol\n" },
	{ "HMSG foo 1 0\r\n", "FAULT protocol\n" },
	{ "RS+ foo\r\n", "FAULT protocol\n" },
	{ "A+ foo\r\n", "FAULT protocol\n" },
	{ "LS+ foo\r\n", "FAULT protocol\n" },
	{ "PUBS foo 1\r\n", "FAULT protocol\n" },
	{ "SUBZ foo 1\r\n", "FAULT protocol\n" },
	{ "UNSUB_2\r\n", "FAULT protocol\n" },
	{ "-ERRx\r\n", "FAULT protocol\n" },
	{ "PUB foo\r\n", "FAULT args\n" },
	{ "PUB  \r\n", "FAULT args\n" },
	{ "PUB a b c d\r\n", "FAULT args\n" },
	{ "PUB a b c d e f g\r\n", "FAULT args\n" },
	{ "PUB foo -1\r\n", "FAULT args\n" },
	{ "PUB foo 1x\r\n", "FAULT args\n" },
	{ "PUB foo 1234567890\r\n", "FAULT args\n" },
	{ "PUB fo\ro 1\r\n", "FAULT args\n" },
	{ "HPUB foo 3\r\n", "FAULT args\n" },
	{ "HPUB foo 3 2\r\n", "FAULT args\n" },
	{ "HPUB foo x 2\r\n", "FAULT args\n" },
	{ "SUB foo\r\n", "FAULT args\n" },
	{ "SUB foo bar baz 22\r\n", "FAULT args\n" },
	{ "UNSUB\r\n", "FAULT protocol\n" },
	{ "UNSUB \r\n", "FAULT args\n" },
	{ "UNSUB 1 2 3\r\n", "FAULT args\n" },
	{ "PUB foo 2\r\nhello\r\n", "LINE <foo> <> 0/2\nFAULT protocol\n" },
	{ "PUB foo 5\r\nhello\r ", "LINE <foo> <> 0/5\nFAULT protocol\n" },
	{ "PUB foo 5\r\nhello\n\n", "LINE <foo> <> 0/5\nFAULT protocol\n" },
	{ "PING\r\nPUB foo 5\r\nhelloX", "PING\nLINE <foo> <> 0/5\nFAULT protocol\n" },

	/* exactly LINE_MAX bytes of argument pass, one more does not, with or without its end */
	{ "SUB 0123456789012345678901234567890123456 12\r\n",
	    "SUB <0123456789012345678901234567890123456> <> <12>\n" },
	{ "SUB 01234567890123456789012345678901234567 12\r\n", "FAULT line\n" },
	{ "SUB 01234567890123456789012345678901234567890", "FAULT line\n" },
	{ "CONNECT 01234567890123456789012345678901234567890", "FAULT line\n" },
	{ "SUB               0123456789012345678901234567890123456 12\r\n",
	    "SUB <0123456789012345678901234567890123456> <> <12>\n" },
};

/* Feeds in[0 .. n) in pieces that end at the cuts; what is not consumed comes again. */
static enum parser_end
feed_pieces(struct parser *p, struct script *s, const char *in, const size_t *cuts, size_t ncuts)
{
	size_t n = strlen(in), done = 0, to, used, i;
	enum parser_end end = PARSER_MORE;
	uint8_t *copy;

	for (i = 0; i <= ncuts && end != PARSER_CLOSED; i++) {
		to = i < ncuts ? cuts[i] : n;
		if (to == done)
			continue;
		/* A block of its own, so that a sanitizer sees a read beyond it. */
		copy = malloc(to - done);
		ck_assert_ptr_nonnull(copy);
		memcpy(copy, in + done, to - done);
		used = parser_feed(p, &script_ops, s, copy, to - done, &end);
		ck_assert_uint_le(used, to - done);
		ck_assert_uint_le(parser_wants(p), n + 1000000000u);
		done += used;
		free(copy);
	}
	return (end);
}

static void
check(const struct golden *g, const size_t *cuts, size_t ncuts)
{
	struct script s = { .said = BUF_INIT(SAID_MAX) };
	struct parser p;

	parser_init(&p, PARSER_CLIENT, LINE_MAX);
	feed_pieces(&p, &s, g->in, cuts, ncuts);
	ck_assert_int_eq(buf_add(&s.said, "", 1), 0);
	ck_assert_msg(strcmp((const char *)s.said.data, g->said) == 0,
	    "input: %s\ncut at %zu of %zu cuts\ngot:  %s\nwant: %s", g->in,
	    ncuts == 0 ? 0 : cuts[0], ncuts, (const char *)s.said.data, g->said);
	buf_free(&s.said);
}

START_TEST(test_whole)
{
	check(&goldens[_i], NULL, 0);
}
END_TEST

START_TEST(test_split_at_every_byte)
{
	size_t n = strlen(goldens[_i].in), cut, two[2];

	for (cut = 0; cut <= n; cut++)
		check(&goldens[_i], &cut, 1);
	for (two[0] = 0; two[0] <= n; two[0]++)
		for (two[1] = two[0]; two[1] <= n; two[1]++)
			check(&goldens[_i], two, 2);
}
END_TEST

START_TEST(test_byte_by_byte)
{
	size_t cuts[256], n = strlen(goldens[_i].in), i;

	for (i = 0; i < n; i++)
		cuts[i] = i + 1;
	check(&goldens[_i], cuts, n);
}
END_TEST

START_TEST(test_hold_gives_the_same_message_again)
{
	static const char in[] = "PUB a 2\r\nhi\r\nPING\r\n";
	struct script s = { .said = BUF_INIT(SAID_MAX), .holds = 2 };
	enum parser_end end;
	struct parser p;
	size_t used, turn;

	parser_init(&p, PARSER_CLIENT, LINE_MAX);
	used = parser_feed(&p, &script_ops, &s, (const uint8_t *)in, sizeof(in) - 1, &end);
	for (turn = 0; turn < 2; turn++) {
		ck_assert_int_eq(end, PARSER_PAUSED);
		used += parser_feed(&p, &script_ops, &s, (const uint8_t *)in + used,
		    sizeof(in) - 1 - used, &end);
	}
	ck_assert_int_eq(end, PARSER_MORE);
	ck_assert_uint_eq(used, sizeof(in) - 1);
	ck_assert_int_eq(buf_add(&s.said, "", 1), 0);
	ck_assert_str_eq((const char *)s.said.data,
	    "LINE <a> <> 0/2\nHOLD\nHOLD\nPUB <a> <> <> <2> as is <hi>\nPING\n");
	buf_free(&s.said);
}
END_TEST

START_TEST(test_pause_stops_behind_the_operation)
{
	static const char in[] = "PUB a 2\r\nhi\r\nPING\r\n";
	struct script s = { .said = BUF_INIT(SAID_MAX), .pub_answer = PARSER_PAUSE };
	enum parser_end end;
	struct parser p;
	size_t used;

	parser_init(&p, PARSER_CLIENT, LINE_MAX);
	used = parser_feed(&p, &script_ops, &s, (const uint8_t *)in, sizeof(in) - 1, &end);
	ck_assert_int_eq(end, PARSER_PAUSED);
	ck_assert_uint_eq(used, sizeof("PUB a 2\r\nhi\r\n") - 1);
	used += parser_feed(&p, &script_ops, &s, (const uint8_t *)in + used, sizeof(in) - 1 - used,
	    &end);
	ck_assert_uint_eq(used, sizeof(in) - 1);
	buf_free(&s.said);
}
END_TEST

START_TEST(test_refused_line_takes_no_payload)
{
	struct golden g = { "PUB a 2\r\nhi\r\nPING\r\n", "LINE <a> <> 0/2\n" };
	struct script s = { .said = BUF_INIT(SAID_MAX), .line_answer = PARSER_CLOSE };
	struct parser p;

	parser_init(&p, PARSER_CLIENT, LINE_MAX);
	ck_assert_int_eq(feed_pieces(&p, &s, g.in, NULL, 0), PARSER_CLOSED);
	ck_assert_int_eq(buf_add(&s.said, "", 1), 0);
	ck_assert_str_eq((const char *)s.said.data, g.said);
	buf_free(&s.said);
}
END_TEST

START_TEST(test_only_connect_where_it_must_come_first)
{
	struct script s = { .said = BUF_INIT(SAID_MAX) };
	struct parser p;

	parser_init(&p, PARSER_CLIENT, LINE_MAX);
	p.connect_only = true;
	ck_assert_int_eq(feed_pieces(&p, &s, "PUB a 0\r\n\r\n", NULL, 0), PARSER_CLOSED);
	parser_init(&p, PARSER_CLIENT, LINE_MAX);
	p.connect_only = true;
	ck_assert_int_eq(feed_pieces(&p, &s, "CONNECT {}\r\n", NULL, 0), PARSER_MORE);
	ck_assert_int_eq(buf_add(&s.said, "", 1), 0);
	ck_assert_str_eq((const char *)s.said.data, "FAULT auth\nCONNECT <{}>\n");
	buf_free(&s.said);
}
END_TEST

START_TEST(test_wants_the_whole_message)
{
	static const char in[] = "PUB a 1000\r\nxx";
	struct script s = { .said = BUF_INIT(SAID_MAX) };
	enum parser_end end;
	struct parser p;
	size_t used;

	parser_init(&p, PARSER_CLIENT, LINE_MAX);
	used = parser_feed(&p, &script_ops, &s, (const uint8_t *)in, sizeof(in) - 1, &end);
	ck_assert_uint_eq(used, sizeof("PUB ") - 1);
	ck_assert_uint_eq(parser_wants(&p), sizeof("a 1000\r\n") - 1 + 1000 + 2);
	buf_free(&s.said);
}
END_TEST

UNIT_MAIN("parser",
    unit_rows(tc, test_whole, goldens);
    unit_rows(tc, test_split_at_every_byte, goldens);
    unit_rows(tc, test_byte_by_byte, goldens);
    tcase_add_test(tc, test_hold_gives_the_same_message_again);
    tcase_add_test(tc, test_pause_stops_behind_the_operation);
    tcase_add_test(tc, test_refused_line_takes_no_payload);
    tcase_add_test(tc, test_only_connect_where_it_must_come_first);
    tcase_add_test(tc, test_wants_the_whole_message);)
