#include "config.h"

#include <string.h>

#include "common/frame.h"

enum frame_tag {
	TAG_INGRESS = 1,
	TAG_CID = 2,
	TAG_CLIENT = 3,
};

#define TAG_HEAD 4u
#define INGRESS_BYTES 24u
#define TAIL_BYTES (TAG_HEAD + INGRESS_BYTES + TAG_HEAD + 8 + TAG_HEAD)

/* ---- the table ---- */

struct frame_row {
	const char *name;
	unsigned from, to;
	uint32_t min, max;
};

#define FRONT ROLE_FRONT
#define JS ROLE_JS
#define RAFT ROLE_RAFT
#define FRAME_ROW(NAME, name, code, from, to, min, max) [code] = { #NAME, from, to, min, max },
static const struct frame_row rows[] = { FRAME_LIST(FRAME_ROW) };
#undef FRAME_ROW
#undef FRONT
#undef JS
#undef RAFT

static const struct frame_row *
row_of(uint16_t type)
{
	if (type >= sizeof(rows) / sizeof(rows[0]) || rows[type].name == NULL)
		return (NULL);
	return (&rows[type]);
}

const char *
frame_name(uint16_t type)
{
	const struct frame_row *row = row_of(type);

	return (row == NULL ? "?" : row->name);
}

int
frame_may(enum role from, enum role to, uint16_t type, uint32_t len, struct err *e)
{
	const struct frame_row *row = row_of(type);

	if (row == NULL)
		return (err_set(e, "%s says frame %u, which is none", role_name(from), type));
	if ((row->from & (unsigned)from) == 0 || (row->to & (unsigned)to) == 0)
		return (err_set(e, "%s may not say %s to %s", role_name(from), row->name, role_name(to)));
	if (len < row->min || len > row->max)
		return (err_set(e, "%s from %s has %u bytes", row->name, role_name(from), len));
	return (0);
}

/* ---- the tail ---- */

static void
tag_head(struct wr *out, enum frame_tag tag, size_t n)
{
	wr_u8(out, (uint8_t)tag);
	wr_u8(out, 0);
	if (n > UINT16_MAX)
		out->full = true;
	wr_u16(out, (uint16_t)n);
}

static void
tail_encode(struct wr *out, const struct frame_tail *t)
{
	if (t->has_ingress) {
		tag_head(out, TAG_INGRESS, INGRESS_BYTES);
		wr_u64(out, t->ingress.life);
		wr_u64(out, t->ingress.ring);
		wr_u64(out, t->ingress.at);
	}
	if (t->has_cid) {
		tag_head(out, TAG_CID, 8);
		wr_u64(out, t->cid);
	}
	if (t->client.n > 0) {
		tag_head(out, TAG_CLIENT, t->client.n);
		wr_bytes(out, t->client.p, t->client.n);
	}
}

static int
tag_decode(struct rd *body, uint8_t tag, struct frame_tail *t)
{
	switch (tag) {
	case TAG_INGRESS:
		t->has_ingress = true;
		t->ingress.life = rd_u64(body);
		t->ingress.ring = rd_u64(body);
		t->ingress.at = rd_u64(body);
		return (rd_end(body));
	case TAG_CID:
		t->has_cid = true;
		t->cid = rd_u64(body);
		return (rd_end(body));
	case TAG_CLIENT:
		t->client = rd_bytes(body, rd_left(body));
		return (0);
	default:
		return (0); /* from a later version: not for us */
	}
}

static int
tail_decode(struct rd *in, struct frame_tail *t)
{
	uint64_t seen[4] = { 0 };

	*t = (struct frame_tail){ 0 };
	while (!in->short_ && rd_left(in) > 0) {
		uint8_t tag = rd_u8(in), zero = rd_u8(in);
		struct str s = rd_str16(in);
		struct rd body = rd_of(s.p, s.n);

		if (in->short_ || zero != 0 || tag == 0 || (seen[tag / 64] >> (tag % 64) & 1) != 0)
			return (-1);
		seen[tag / 64] |= 1ULL << (tag % 64);
		if (tag_decode(&body, tag, t) != 0)
			return (-1);
	}
	return (rd_end(in));
}

/* A string that its length field cannot say makes the frame one that cannot be said. */
static size_t
sum(size_t fixed, struct str a, struct str b, const struct frame_tail *t)
{
	if (a.n > UINT16_MAX || b.n > UINT16_MAX || t->client.n > UINT16_MAX)
		return (SIZE_MAX);
	return (fixed + a.n + b.n + TAIL_BYTES + t->client.n);
}

static size_t
sum_message(size_t fixed, struct str subject, struct str reply, struct str headers,
    struct str payload, const struct frame_tail *t)
{
	size_t n = sum(fixed, subject, reply, t);

	if (n == SIZE_MAX || headers.n > FRAME_MESSAGE_MAX || payload.n > FRAME_MESSAGE_MAX)
		return (SIZE_MAX);
	return (n + headers.n + payload.n);
}

/* ---- frames, each encoder beside its decoder ---- */

size_t
frame_hello_size(const struct frame_hello *f)
{
	return (sum(8, STR_NONE, STR_NONE, &f->tail));
}

void
frame_hello_encode(struct wr *out, const struct frame_hello *f)
{
	wr_u64(out, f->life);
	tail_encode(out, &f->tail);
}

int
frame_hello_decode(struct rd *in, struct frame_hello *f)
{
	f->life = rd_u64(in);
	return (tail_decode(in, &f->tail));
}

size_t
frame_sub_size(const struct frame_sub *f)
{
	return (sum(16, f->subject, f->queue, &f->tail));
}

void
frame_sub_encode(struct wr *out, const struct frame_sub *f)
{
	wr_u32(out, f->account);
	wr_u64(out, f->sid);
	wr_str16(out, f->subject);
	wr_str16(out, f->queue);
	tail_encode(out, &f->tail);
}

int
frame_sub_decode(struct rd *in, struct frame_sub *f)
{
	f->account = rd_u32(in);
	f->sid = rd_u64(in);
	f->subject = rd_str16(in);
	f->queue = rd_str16(in);
	return (tail_decode(in, &f->tail));
}

size_t
frame_unsub_size(const struct frame_unsub *f)
{
	return (sum(12, STR_NONE, STR_NONE, &f->tail));
}

void
frame_unsub_encode(struct wr *out, const struct frame_unsub *f)
{
	wr_u32(out, f->account);
	wr_u64(out, f->sid);
	tail_encode(out, &f->tail);
}

int
frame_unsub_decode(struct rd *in, struct frame_unsub *f)
{
	f->account = rd_u32(in);
	f->sid = rd_u64(in);
	return (tail_decode(in, &f->tail));
}

size_t
frame_synced_size(const struct frame_synced *f)
{
	return (sum(8, STR_NONE, STR_NONE, &f->tail));
}

void
frame_synced_encode(struct wr *out, const struct frame_synced *f)
{
	wr_u64(out, f->life);
	tail_encode(out, &f->tail);
}

int
frame_synced_decode(struct rd *in, struct frame_synced *f)
{
	f->life = rd_u64(in);
	return (tail_decode(in, &f->tail));
}

size_t
frame_msg_size(const struct frame_msg *f)
{
	return (sum_message(28, f->subject, f->reply, f->headers, f->payload, &f->tail));
}

void
frame_msg_encode(struct wr *out, const struct frame_msg *f)
{
	wr_u32(out, f->account);
	wr_u64(out, f->sid);
	wr_u32(out, f->flags);
	wr_str16(out, f->subject);
	wr_str16(out, f->reply);
	wr_str32(out, f->headers);
	wr_str32(out, f->payload);
	tail_encode(out, &f->tail);
}

int
frame_msg_decode(struct rd *in, struct frame_msg *f)
{
	f->account = rd_u32(in);
	f->sid = rd_u64(in);
	f->flags = rd_u32(in);
	f->subject = rd_str16(in);
	f->reply = rd_str16(in);
	f->headers = rd_str32(in);
	f->payload = rd_str32(in);
	if ((f->flags & ~FRAME_MSG_REPLY_HEARD) != 0)
		return (-1);
	return (tail_decode(in, &f->tail));
}

size_t
frame_pub_size(const struct frame_pub *f)
{
	return (sum_message(20, f->subject, f->reply, f->headers, f->payload, &f->tail));
}

void
frame_pub_encode(struct wr *out, const struct frame_pub *f)
{
	wr_u32(out, f->account);
	wr_u32(out, f->flags);
	wr_str16(out, f->subject);
	wr_str16(out, f->reply);
	wr_str32(out, f->headers);
	wr_str32(out, f->payload);
	tail_encode(out, &f->tail);
}

int
frame_pub_decode(struct rd *in, struct frame_pub *f)
{
	f->account = rd_u32(in);
	f->flags = rd_u32(in);
	f->subject = rd_str16(in);
	f->reply = rd_str16(in);
	f->headers = rd_str32(in);
	f->payload = rd_str32(in);
	if (f->flags != 0)
		return (-1);
	return (tail_decode(in, &f->tail));
}

size_t
frame_account_size(const struct frame_account *f)
{
	return (sum(8, STR_NONE, STR_NONE, &f->tail));
}

void
frame_account_encode(struct wr *out, const struct frame_account *f)
{
	wr_u32(out, f->account);
	wr_u32(out, f->what);
	tail_encode(out, &f->tail);
}

int
frame_account_decode(struct rd *in, struct frame_account *f)
{
	f->account = rd_u32(in);
	f->what = rd_u32(in);
	if (f->what != FRAME_ACCOUNT_ADDED && f->what != FRAME_ACCOUNT_REMOVED)
		return (-1);
	return (tail_decode(in, &f->tail));
}

size_t
frame_status_ask_size(const struct frame_status_ask *f)
{
	return (sum(8, STR_NONE, STR_NONE, &f->tail));
}

void
frame_status_ask_encode(struct wr *out, const struct frame_status_ask *f)
{
	wr_u64(out, f->token);
	tail_encode(out, &f->tail);
}

int
frame_status_ask_decode(struct rd *in, struct frame_status_ask *f)
{
	f->token = rd_u64(in);
	return (tail_decode(in, &f->tail));
}

size_t
frame_status_size(const struct frame_status *f)
{
	return (f->json.n > FRAME_STATUS_MAX ? SIZE_MAX :
					       sum(12, STR_NONE, STR_NONE, &f->tail) + f->json.n);
}

void
frame_status_encode(struct wr *out, const struct frame_status *f)
{
	wr_u64(out, f->token);
	wr_str32(out, f->json);
	tail_encode(out, &f->tail);
}

int
frame_status_decode(struct rd *in, struct frame_status *f)
{
	f->token = rd_u64(in);
	f->json = rd_str32(in);
	return (tail_decode(in, &f->tail));
}
