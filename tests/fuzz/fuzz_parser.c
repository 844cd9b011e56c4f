/*
 * The client parser: no input, however it is cut, makes it read outside of what it was given, and
 * where it is cut changes nothing of what comes out.
 *
 *	first byte: how the rest is cut
 */
#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "natsd-front/client/parser.h"
#include "tests/fuzz/fuzz.h"

#define LINE_MAX 64
#define WANT_MAX 65536 /* messages that are announced larger are refused */

struct run {
	uint64_t said; /* hash over all operations */
	unsigned ops;
};

static void
hash(struct run *r, const void *p, size_t n)
{
	const uint8_t *b = p;
	size_t i;

	for (i = 0; i < n; i++)
		r->said = (r->said ^ b[i]) * 0x100000001b3ull;
	r->said = (r->said ^ n) * 0x100000001b3ull;
}

static enum parser_next
op(void *ctx, char what, struct str a, struct str b, struct str c)
{
	struct run *r = ctx;

	hash(r, &what, 1);
	hash(r, a.p, a.n);
	hash(r, b.p, b.n);
	hash(r, c.p, c.n);
	r->ops++;
	return (PARSER_GO);
}

static enum parser_next
on_connect(void *ctx, struct str json)
{
	return (op(ctx, 'C', json, STR_NONE, STR_NONE));
}

static enum parser_next
on_pub_line(void *ctx, const struct parser_pub *p)
{
	assert(p->hdr <= p->size);
	op(ctx, 'L', p->subject, p->reply, p->size_digits);
	return (p->size > WANT_MAX ? PARSER_CLOSE : PARSER_GO);
}

static enum parser_next
on_pub(void *ctx, const struct parser_pub *p)
{
	assert(p->body.n == p->size);
	assert(memcmp(p->body.p + p->body.n, "\r\n", 2) == 0);
	assert(p->subject.n > 0);
	assert(memchr(p->subject.p, '\r', p->subject.n) == NULL);
	return (op(ctx, p->canonical ? 'P' : 'p', p->subject, p->reply, p->body));
}

static enum parser_next
on_sub(void *ctx, struct str subject, struct str queue, struct str sid)
{
	assert(subject.n > 0 && sid.n > 0);
	return (op(ctx, 'S', subject, queue, sid));
}

static enum parser_next
on_unsub(void *ctx, struct str sid, int32_t max)
{
	assert(max >= -1);
	return (op(ctx, 'U', sid, (struct str){ (const char *)&max, sizeof(max) }, STR_NONE));
}

static enum parser_next
on_word(void *ctx)
{
	return (op(ctx, 'W', STR_NONE, STR_NONE, STR_NONE));
}

static enum parser_next
on_text(void *ctx, struct str text)
{
	return (op(ctx, 'T', text, STR_NONE, STR_NONE));
}

static void
on_fault(void *ctx, const struct parser_trouble *t)
{
	op(ctx, (char)('0' + t->fault), STR_NONE, STR_NONE, STR_NONE);
}

static const struct parser_ops ops = {
	.op_connect = on_connect,
	.op_pub_line = on_pub_line,
	.op_pub = on_pub,
	.op_sub = on_sub,
	.op_unsub = on_unsub,
	.op_ping = on_word,
	.op_pong = on_word,
	.op_info = on_text,
	.op_err = on_text,
	.op_fault = on_fault,
};

/* Pieces of `piece` bytes more each; what was not consumed comes again in a block of its own. */
static struct run
run(const uint8_t *data, size_t size, size_t piece)
{
	struct run r = { .said = 0xcbf29ce484222325ull };
	enum parser_end end = PARSER_MORE;
	size_t done = 0, to = 0, used;
	struct parser p;
	uint8_t *copy;

	parser_init(&p, PARSER_CLIENT, LINE_MAX);
	while (to < size && end != PARSER_CLOSED) {
		to = size - to > piece ? to + piece : size;
		copy = malloc(to - done);
		if (copy == NULL)
			abort();
		memcpy(copy, data + done, to - done);
		used = parser_feed(&p, &ops, &r, copy, to - done, &end);
		assert(used <= to - done);
		assert(end != PARSER_PAUSED);
		free(copy);
		done += used;
	}
	return (r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run whole, cut;

	if (size < 2)
		return (0);
	whole = run(data + 1, size - 1, size);
	cut = run(data + 1, size - 1, 1u + data[0]);
	assert(whole.said == cut.said && whole.ops == cut.ops);
	return (0);
}
