/*
 * Every row of frame_list.h goes through here: what is encoded decodes to the same, and nothing
 * else does.  A new row needs a line in `examples`; without it this does not compile.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "common/frame.h"
#include "common/frame_io.h"
#include "tests/unit/unit.h"

#define TAIL_FULL { .has_ingress = true, .ingress = { 0x1122334455667788, 9, 4096 },	\
	.has_cid = true, .cid = 77, .client = STR("127.0.0.1:4711") }

/* A full one and an empty one of each frame; the empty one is as short as the type can be. */
static const struct frame_hello full_hello = { .life = 3, .tail = TAIL_FULL };
static const struct frame_sub full_sub = { .account = 1, .sid = 1ULL << 60,
	.subject = STR("$JS.API.>"), .queue = STR("workers"), .tail = TAIL_FULL };
static const struct frame_unsub full_unsub = { .account = 65535, .sid = 5, .tail = TAIL_FULL };
static const struct frame_synced full_synced = { .life = UINT64_MAX, .tail = TAIL_FULL };
static const struct frame_msg full_msg = { .account = 2, .sid = 8, .flags = FRAME_MSG_REPLY_HEARD,
	.subject = STR("a.b"), .reply = STR("_INBOX.x"), .headers = STR("NATS/1.0\r\n\r\n"),
	.payload = STR("hello\0world"), .tail = TAIL_FULL };
static const struct frame_pub full_pub = { .account = 2, .subject = STR("a.b"),
	.reply = STR("r"), .headers = STR("NATS/1.0\r\nA: b\r\n\r\n"), .payload = STR("{}"),
	.tail = TAIL_FULL };
static const struct frame_account full_account = { .account = 3, .what = FRAME_ACCOUNT_REMOVED,
	.tail = TAIL_FULL };
static const struct frame_status_ask full_status_ask = { .token = 1234, .tail = TAIL_FULL };
static const struct frame_status full_status = { .token = 1234, .json = STR("{\"a\":1}"),
	.tail = TAIL_FULL };

static const struct frame_hello empty_hello;
static const struct frame_sub empty_sub = { .account = 1 };
static const struct frame_unsub empty_unsub = { .account = 1 };
static const struct frame_synced empty_synced;
static const struct frame_msg empty_msg = { .account = 1 };
static const struct frame_pub empty_pub = { .account = 1 };
static const struct frame_account empty_account = { .account = 1, .what = FRAME_ACCOUNT_ADDED };
static const struct frame_status_ask empty_status_ask;
static const struct frame_status empty_status;

union any_frame {
#define ANY_FIELD(NAME, name, ...) struct frame_##name name;
	FRAME_LIST(ANY_FIELD)
#undef ANY_FIELD
};

#define ANY_CODEC(NAME, name, ...)							\
	static size_t									\
	size_##name(const void *f)							\
	{										\
		return (frame_##name##_size(f));					\
	}										\
											\
	static void									\
	encode_##name(struct wr *out, const void *f)					\
	{										\
		frame_##name##_encode(out, f);						\
	}										\
											\
	static int									\
	decode_##name(struct rd *in, union any_frame *any)				\
	{										\
		return (frame_##name##_decode(in, &any->name));				\
	}										\
											\
	static int									\
	send_##name(struct ring_out *out, const void *f, uint64_t *at)			\
	{										\
		return (frame_send_##name(out, f, at));					\
	}
FRAME_LIST(ANY_CODEC)
#undef ANY_CODEC

struct example {
	const char *name;
	uint16_t type;
	size_t min;
	const void *full, *empty;
	size_t (*size)(const void *);
	void (*encode)(struct wr *, const void *);
	int (*decode)(struct rd *, union any_frame *);
	int (*send)(struct ring_out *, const void *, uint64_t *);
};

#define EXAMPLE(NAME, name, code, from, to, min, max)					\
	{ #NAME, code, min, &full_##name, &empty_##name, size_##name, encode_##name,	\
	    decode_##name, send_##name },
static const struct example examples[] = { FRAME_LIST(EXAMPLE) };
#undef EXAMPLE

static size_t
encode(const struct example *e, const void *frame, uint8_t *bytes, size_t size)
{
	struct wr out = wr_of(bytes, size);

	e->encode(&out, frame);
	ck_assert_int_eq(wr_end(&out), 0);
	ck_assert_uint_eq(wr_len(&out), e->size(frame));
	return (wr_len(&out));
}

static int
decode(const struct example *e, const uint8_t *bytes, size_t n, union any_frame *any)
{
	/* in memory of exactly that size, so that a sanitizer sees one byte too many */
	uint8_t *copy = malloc(n + 1);
	struct rd in = rd_of(copy + 1, n);
	int result;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy + 1, bytes, n);
	result = e->decode(&in, any);
	free(copy);
	return (result);
}

START_TEST(round_trip)
{
	const struct example *e = &examples[_i];
	uint8_t bytes[1024], again[1024];
	union any_frame any;
	size_t n, m;

	for (unsigned i = 0; i < 2; i++) {
		struct rd in;

		n = encode(e, i == 0 ? e->full : e->empty, bytes, sizeof(bytes));
		in = rd_of(bytes, n);
		ck_assert_int_eq(e->decode(&in, &any), 0);
		m = encode(e, &any, again, sizeof(again));
		ck_assert_uint_eq(n, m);
		ck_assert_mem_eq(bytes, again, n);
	}
	ck_assert_uint_eq(n, e->min);
	ck_assert_str_eq(frame_name(e->type), e->name);
	ck_assert_uint_ge(frame_max(e->type), e->min);
}
END_TEST

/* A full frame ends in its tail: cut between two fields it is a shorter frame, else it is none. */
START_TEST(every_cut_is_refused)
{
	const struct example *e = &examples[_i];
	uint8_t bytes[1024];
	union any_frame any;
	size_t n = encode(e, e->full, bytes, sizeof(bytes));
	size_t client = n - 4 - strlen("127.0.0.1:4711"), cid = client - 12, ingress = cid - 28;

	for (size_t cut = 0; cut < n; cut++) {
		bool whole = cut == client || cut == cid || cut == ingress;

		ck_assert_int_eq(decode(e, bytes, cut, &any), whole ? 0 : -1);
	}
}
END_TEST

START_TEST(one_byte_more_is_refused)
{
	const struct example *e = &examples[_i];
	uint8_t bytes[1024];
	union any_frame any;
	size_t n = encode(e, e->full, bytes, sizeof(bytes) - 4);

	for (size_t more = 1; more < 4; more++) {
		memset(bytes + n, 0, more);
		ck_assert_int_eq(decode(e, bytes, n + more, &any), -1);
	}
}
END_TEST

START_TEST(tail_tags)
{
	static const uint8_t unknown[] = { 200, 0, 3, 0, 'a', 'b', 'c' };
	static const uint8_t cid[] = { 2, 0, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0 };
	static const uint8_t short_cid[] = { 2, 0, 7, 0, 1, 0, 0, 0, 0, 0, 0 };
	static const uint8_t long_ingress[] = { 1, 0, 25, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	static const uint8_t not_zero[] = { 200, 1, 0, 0 }, tag_zero[] = { 0, 0, 0, 0 };
	const struct example *e = &examples[_i];
	union any_frame any;
	uint8_t bytes[1024];
	size_t n = encode(e, e->empty, bytes, sizeof(bytes));
	size_t full = encode(e, e->full, bytes, sizeof(bytes));

	memcpy(bytes + full, cid, sizeof(cid)); /* the full one has a cid */
	ck_assert_int_eq(decode(e, bytes, full + sizeof(cid), &any), -1);
	memcpy(bytes + full, unknown, sizeof(unknown));
	ck_assert_int_eq(decode(e, bytes, full + sizeof(unknown), &any), 0);
	memcpy(bytes + full + sizeof(unknown), unknown, sizeof(unknown));
	ck_assert_int_eq(decode(e, bytes, full + 2 * sizeof(unknown), &any), -1);

	encode(e, e->empty, bytes, sizeof(bytes));
	memcpy(bytes + n, short_cid, sizeof(short_cid));
	ck_assert_int_eq(decode(e, bytes, n + sizeof(short_cid), &any), -1);
	memcpy(bytes + n, long_ingress, sizeof(long_ingress));
	ck_assert_int_eq(decode(e, bytes, n + sizeof(long_ingress), &any), -1);
	memcpy(bytes + n, not_zero, sizeof(not_zero));
	ck_assert_int_eq(decode(e, bytes, n + sizeof(not_zero), &any), -1);
	memcpy(bytes + n, tag_zero, sizeof(tag_zero));
	ck_assert_int_eq(decode(e, bytes, n + sizeof(tag_zero), &any), -1);
}
END_TEST

START_TEST(fields_out_of_range)
{
	uint8_t bytes[64];
	union any_frame any;
	struct rd in;

#define REFUSED(name, ...) do {								\
	struct frame_##name f = { __VA_ARGS__ };					\
	struct wr out = wr_of(bytes, sizeof(bytes));					\
											\
	frame_##name##_encode(&out, &f);						\
	in = rd_of(bytes, wr_len(&out));						\
	ck_assert_int_eq(frame_##name##_decode(&in, &any.name), -1);			\
} while (0)
	REFUSED(sub, .account = 0);
	REFUSED(sub, .account = 65536);
	REFUSED(unsub, .account = 0);
	REFUSED(msg, .account = 1, .flags = 2);
	REFUSED(msg, .account = 0);
	REFUSED(pub, .account = 1, .flags = 1);
	REFUSED(pub, .account = UINT32_MAX);
	REFUSED(account, .account = 1, .what = 0);
	REFUSED(account, .account = 1, .what = 3);
#undef REFUSED
}
END_TEST

START_TEST(fields_too_long)
{
	static char text[UINT16_MAX + 1];
	struct str longest = { .p = text, .n = UINT16_MAX }, more = { .p = text, .n = UINT16_MAX + 1 };
	struct str huge = { .p = text, .n = SIZE_MAX };

	ck_assert_uint_eq(frame_sub_size(&(struct frame_sub){ .subject = longest }), 16 + UINT16_MAX);
	ck_assert_uint_eq(frame_sub_size(&(struct frame_sub){ .subject = more }), SIZE_MAX);
	ck_assert_uint_eq(frame_sub_size(&(struct frame_sub){ .queue = more }), SIZE_MAX);
	ck_assert_uint_eq(frame_msg_size(&(struct frame_msg){ .reply = more }), SIZE_MAX);
	ck_assert_uint_eq(frame_msg_size(&(struct frame_msg){ .payload = huge, .headers = huge }),
	    SIZE_MAX);
	ck_assert_uint_eq(frame_pub_size(&(struct frame_pub){ .payload = huge }), SIZE_MAX);
	ck_assert_uint_eq(frame_status_size(&(struct frame_status){ .json = huge }), SIZE_MAX);
	ck_assert_uint_eq(frame_hello_size(&(struct frame_hello){ .tail.client = more }), SIZE_MAX);
}
END_TEST

START_TEST(who_may_say_what)
{
	struct err err;

	ck_assert_int_eq(frame_may(ROLE_FRONT, ROLE_JS, FRAME_MSG, 28, &err), 0);
	ck_assert_int_eq(frame_may(ROLE_JS, ROLE_FRONT, FRAME_MSG, 28, &err), -1);
	ck_assert_str_eq(err.text, "js may not say MSG to front");
	ck_assert_int_eq(frame_may(ROLE_JS, ROLE_RAFT, FRAME_PUB, 28, &err), -1);
	ck_assert_int_eq(frame_may(ROLE_RAFT, ROLE_FRONT, FRAME_PUB, 20, &err), 0);
	ck_assert_int_eq(frame_may(ROLE_RAFT, ROLE_FRONT, FRAME_PUB, 19, &err), -1);
	ck_assert_str_eq(err.text, "PUB of 19 bytes from raft");
	ck_assert_int_eq(frame_may(ROLE_FRONT, ROLE_JS, FRAME_MSG, FRAME_MESSAGE_MAX + 1, &err), -1);
	ck_assert_int_eq(frame_may(ROLE_FRONT, ROLE_JS, 0, 28, &err), -1);
	ck_assert_int_eq(frame_may(ROLE_FRONT, ROLE_JS, UINT16_MAX, 28, &err), -1);
	ck_assert_int_eq(frame_may(ROLE_SUPERVISOR, ROLE_JS, FRAME_MSG, 28, &err), -1);
	ck_assert_str_eq(frame_name(0), "?");
	ck_assert_str_eq(frame_name(9999), "?");
}
END_TEST

/* ---- through a ring ---- */

#define RING_BYTES (1u << 16)

struct wire {
	struct ring_out *out;
	struct ring *consumer;
	struct frame_join join;
	struct buf scratch;
};

static void
wire_open(struct wire *wire)
{
	struct ring *producer;

	ck_assert_int_eq(ring_make_local(RING_BYTES, NULL, NULL, &producer, &wire->consumer, NULL),
	    0);
	ck_assert_ptr_nonnull(wire->out = ring_out_new(producer, 1 << 20));
	wire->scratch = BUF_INIT(RING_BYTES);
	frame_join_init(&wire->join);
}

static void
wire_close(struct wire *wire)
{
	ring_out_free(wire->out);
	ring_detach(wire->consumer);
	frame_join_free(&wire->join);
	buf_free(&wire->scratch);
}

static void
wire_take(struct wire *wire, struct ring_rec *whole)
{
	struct ring_rec rec;
	struct err err;
	int got;

	do {
		ring_out_flush(wire->out);
		ck_assert_int_eq(ring_take(wire->consumer, &wire->scratch, &rec), 1);
		ring_next(wire->consumer, &rec);
		ring_release(wire->consumer, rec.end);
		got = frame_join(&wire->join, &rec, whole, &err);
		ck_assert_int_ge(got, 0);
	} while (got == 0);
}

START_TEST(through_a_ring)
{
	const struct example *e = &examples[_i];
	struct ring_rec whole;
	struct wire wire;
	uint8_t bytes[1024];
	uint64_t at = 5;

	wire_open(&wire);
	ck_assert_int_eq(e->send(wire.out, e->full, &at), 0);
	ck_assert_uint_eq(at, 0);
	wire_take(&wire, &whole);
	ck_assert_uint_eq(whole.type, e->type);
	ck_assert_uint_eq(whole.len, encode(e, e->full, bytes, sizeof(bytes)));
	ck_assert_mem_eq(whole.data, bytes, whole.len);
	wire_close(&wire);
}
END_TEST

static const uint32_t payloads[] = { 0, 1, 16000, 16384 - 16 - 28, 16384 - 16 - 28 + 1, 16384,
	32768, 50000, RING_BYTES - 400 };

START_TEST(cut_and_joined)
{
	static uint8_t payload[RING_BYTES];
	struct frame_msg msg = { .account = 1, .sid = 1 }, got;
	struct ring_rec whole;
	struct wire wire;
	struct rd in;

	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)(i * i >> 3);
	msg.payload = (struct str){ .p = (const char *)payload, .n = payloads[_i] };
	wire_open(&wire);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_int_eq(frame_send_msg(wire.out, &msg, NULL), 0);
		ck_assert_int_eq(frame_send_hello(wire.out, &full_hello, NULL), 0);
		wire_take(&wire, &whole);
		ck_assert_uint_eq(whole.type, FRAME_MSG);
		in = rd_of(whole.data, whole.len);
		ck_assert_int_eq(frame_msg_decode(&in, &got), 0);
		ck_assert_uint_eq(got.payload.n, msg.payload.n);
		ck_assert(str_eq(got.payload, msg.payload));
		wire_take(&wire, &whole);
		ck_assert_uint_eq(whole.type, FRAME_HELLO);
	}
	wire_close(&wire);
}
END_TEST

START_TEST(larger_than_its_ring)
{
	static uint8_t payload[RING_BYTES];
	struct frame_msg msg = { .account = 1, .sid = 1,
		.payload = { .p = (const char *)payload, .n = sizeof(payload) } };
	static uint8_t json[FRAME_STATUS_MAX];
	struct frame_status status = { .json = { .p = (const char *)json, .n = sizeof(json) } };
	struct wire wire;

	wire_open(&wire);
	ck_assert_int_eq(frame_send_msg(wire.out, &msg, NULL), -1);
	ck_assert_int_eq(frame_send_status(wire.out, &status, NULL), -1);
	ck_assert_uint_eq(ring_out_listed_bytes(wire.out), 0);
	wire_close(&wire);
}
END_TEST

static int
join_of(struct frame_join *join, uint16_t type, bool more, const void *p, uint32_t n,
    struct err *err)
{
	struct ring_rec whole, rec = { .data = p, .len = n, .type = type,
		.flags = more ? RING_FLAG_FRAGMENT : 0 };

	return (frame_join(join, &rec, &whole, err));
}

START_TEST(broken_sequences)
{
	static uint8_t part[2048];
	struct frame_join join;
	struct err err;

	frame_join_init(&join);
	ck_assert_int_eq(join_of(&join, FRAME_MSG, true, part, 10, &err), 0);
	ck_assert_int_eq(join_of(&join, FRAME_PUB, false, part, 10, &err), -1);
	ck_assert_str_eq(err.text, "PUB in the middle of a cut MSG");
	ck_assert_int_eq(join_of(&join, FRAME_PUB, false, part, 10, &err), 1);
	ck_assert_int_eq(join_of(&join, FRAME_MSG, true, part, 0, &err), -1);
	ck_assert_int_eq(join_of(&join, FRAME_MSG, true, part, 1, &err), 0);
	ck_assert_int_eq(join_of(&join, FRAME_MSG, false, part, 0, &err), -1);
	ck_assert_int_eq(join_of(&join, 999, true, part, 1, &err), -1);
	ck_assert_int_eq(join_of(&join, FRAME_SYNCED, true, part, 1000, &err), 0);
	ck_assert_int_eq(join_of(&join, FRAME_SYNCED, true, part, 25, &err), -1);
	ck_assert_int_eq(join_of(&join, FRAME_SYNCED, true, part, 1000, &err), 0);
	ck_assert_int_eq(join_of(&join, FRAME_SYNCED, false, part, 24, &err), 1);
	/* a life that died in the middle; the next one says HELLO */
	ck_assert_int_eq(join_of(&join, FRAME_PUB, true, part, 10, &err), 0);
	ck_assert_int_eq(join_of(&join, FRAME_HELLO, false, part, 8, &err), 1);
	ck_assert_int_eq(join_of(&join, FRAME_PUB, false, part, 10, &err), 1);
	frame_join_free(&join);
}
END_TEST

UNIT_MAIN("frame",
    unit_rows(tc, round_trip, examples);
    unit_rows(tc, every_cut_is_refused, examples);
    unit_rows(tc, one_byte_more_is_refused, examples);
    unit_rows(tc, tail_tags, examples);
    tcase_add_test(tc, fields_out_of_range);
    tcase_add_test(tc, fields_too_long);
    tcase_add_test(tc, who_may_say_what);
    unit_rows(tc, through_a_ring, examples);
    unit_rows(tc, cut_and_joined, payloads);
    tcase_add_test(tc, larger_than_its_ring);
    tcase_add_test(tc, broken_sequences);)
