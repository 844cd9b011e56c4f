#include "config.h"

#include "common/account_table.h"
#include "common/frame.h"

/* The words that frame_list.h uses for roles. */
enum { FRONT = ROLE_FRONT, JS = ROLE_JS, RAFT = ROLE_RAFT };

struct frame_row {
	const char *name; /* NULL: no such frame */
	unsigned from, to;
	size_t min, max;
};

#define FRAME_ROW(NAME, name, code, from, to, min, max) [code] = { #NAME, from, to, min, max },
static const struct frame_row rows[] = { FRAME_LIST(FRAME_ROW) };
#undef FRAME_ROW

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

size_t
frame_max(uint16_t type)
{
	const struct frame_row *row = row_of(type);

	return (row == NULL ? 0 : row->max);
}

int
frame_may(enum role from, enum role to, uint16_t type, uint32_t len, struct err *err)
{
	const struct frame_row *row = row_of(type);

	if (row == NULL)
		return (err_set(err, "%s said frame %u, which is none", role_name(from), type));
	if ((row->from & (unsigned)from) == 0 || (row->to & (unsigned)to) == 0)
		return (err_set(err, "%s may not say %s to %s", role_name(from), row->name,
		    role_name(to)));
	if (len < row->min || len > row->max)
		return (err_set(err, "%s of %u bytes from %s", row->name, len, role_name(from)));
	return (0);
}

/* ---- the tail ---- */

enum tail_tag { TAIL_INGRESS = 1, TAIL_CID = 2, TAIL_CLIENT = 3 };

#define TAIL_HEAD 4u
#define TAIL_INGRESS_BYTES 24u
#define TAIL_CID_BYTES 8u

static size_t
tail_size(const struct frame_tail *tail)
{
	size_t n = 0;

	if (tail->client.n > UINT16_MAX)
		return (SIZE_MAX);
	if (tail->has_ingress)
		n += TAIL_HEAD + TAIL_INGRESS_BYTES;
	if (tail->has_cid)
		n += TAIL_HEAD + TAIL_CID_BYTES;
	if (tail->client.n > 0)
		n += TAIL_HEAD + tail->client.n;
	return (n);
}

static void
tail_field(struct wr *out, enum tail_tag tag, size_t len)
{
	wr_u8(out, (uint8_t)tag);
	wr_u8(out, 0);
	wr_u16(out, (uint16_t)len);
}

static void
tail_encode(struct wr *out, const struct frame_tail *tail)
{
	if (tail->has_ingress) {
		tail_field(out, TAIL_INGRESS, TAIL_INGRESS_BYTES);
		wr_u64(out, tail->ingress.life);
		wr_u64(out, tail->ingress.ring);
		wr_u64(out, tail->ingress.at);
	}
	if (tail->has_cid) {
		tail_field(out, TAIL_CID, TAIL_CID_BYTES);
		wr_u64(out, tail->cid);
	}
	if (tail->client.n > 0) {
		tail_field(out, TAIL_CLIENT, tail->client.n);
		wr_bytes(out, tail->client.p, tail->client.n);
	}
}

static int
tail_known(struct frame_tail *tail, uint8_t tag, struct str value)
{
	struct rd in = rd_of(value.p, value.n);

	switch (tag) {
	case TAIL_INGRESS:
		tail->has_ingress = true;
		tail->ingress.life = rd_u64(&in);
		tail->ingress.ring = rd_u64(&in);
		tail->ingress.at = rd_u64(&in);
		return (rd_end(&in));
	case TAIL_CID:
		tail->has_cid = true;
		tail->cid = rd_u64(&in);
		return (rd_end(&in));
	case TAIL_CLIENT:
		tail->client = value;
		return (0);
	default:
		return (0); /* of a later build */
	}
}

/* Reads fields up to the end of the frame: what follows the fixed part is tail and nothing else. */
static int
tail_decode(struct rd *in, struct frame_tail *tail)
{
	uint64_t seen[4] = { 0 };

	*tail = (struct frame_tail){ 0 };
	while (!in->short_ && rd_left(in) > 0) {
		uint8_t tag = rd_u8(in), zero = rd_u8(in);
		struct str value = rd_str16(in);

		if (in->short_ || tag == 0 || zero != 0 || (seen[tag >> 6] >> (tag & 63) & 1) != 0)
			return (-1);
		seen[tag >> 6] |= 1ULL << (tag & 63);
		if (tail_known(tail, tag, value) != 0)
			return (-1);
	}
	return (rd_end(in));
}

/* The sum of the parts of a frame; SIZE_MAX when one of them is. */
static size_t
sum(size_t fixed, struct str str16_a, struct str str16_b, size_t rest, size_t tail)
{
	if (str16_a.n > UINT16_MAX || str16_b.n > UINT16_MAX || rest > FRAME_MESSAGE_MAX ||
	    tail == SIZE_MAX)
		return (SIZE_MAX);
	return (fixed + str16_a.n + str16_b.n + rest + tail);
}

/* Headers and payload together; what is too long by itself must not wrap. */
static size_t
body_size(struct str headers, struct str payload)
{
	if (headers.n > FRAME_MESSAGE_MAX || payload.n > FRAME_MESSAGE_MAX)
		return (SIZE_MAX);
	return (headers.n + payload.n);
}

static bool
account_is_possible(uint32_t account)
{
	return (account > 0 && account < ACCOUNTS_MAX);
}

/* ---- HELLO: life u64 ---- */

size_t
frame_hello_size(const struct frame_hello *f)
{
	return (sum(8, STR_NONE, STR_NONE, 0, tail_size(&f->tail)));
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

/* ---- SUB: account u32, sid u64, subject str16, queue str16 ---- */

size_t
frame_sub_size(const struct frame_sub *f)
{
	return (sum(16, f->subject, f->queue, 0, tail_size(&f->tail)));
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
	if (!account_is_possible(f->account))
		return (-1);
	return (tail_decode(in, &f->tail));
}

/* ---- UNSUB: account u32, sid u64 ---- */

size_t
frame_unsub_size(const struct frame_unsub *f)
{
	return (sum(12, STR_NONE, STR_NONE, 0, tail_size(&f->tail)));
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
	if (!account_is_possible(f->account))
		return (-1);
	return (tail_decode(in, &f->tail));
}

/* ---- SYNCED: life u64 ---- */

size_t
frame_synced_size(const struct frame_synced *f)
{
	return (sum(8, STR_NONE, STR_NONE, 0, tail_size(&f->tail)));
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

/*
 * ---- MSG: account u32, sid u64, flags u32, subject str16, reply str16, headers str32,
 * payload str32 ----
 */

size_t
frame_msg_size(const struct frame_msg *f)
{
	return (sum(28, f->subject, f->reply, body_size(f->headers, f->payload),
	    tail_size(&f->tail)));
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
	if (!account_is_possible(f->account) || (f->flags & ~FRAME_MSG_REPLY_HEARD) != 0)
		return (-1);
	return (tail_decode(in, &f->tail));
}

/*
 * ---- PUB: account u32, flags u32, subject str16, reply str16, headers str32, payload str32 ----
 */

size_t
frame_pub_size(const struct frame_pub *f)
{
	return (sum(20, f->subject, f->reply, body_size(f->headers, f->payload),
	    tail_size(&f->tail)));
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
	if (!account_is_possible(f->account) || f->flags != 0)
		return (-1);
	return (tail_decode(in, &f->tail));
}

/* ---- ACCOUNT: account u32, what u32 ---- */

size_t
frame_account_size(const struct frame_account *f)
{
	return (sum(8, STR_NONE, STR_NONE, 0, tail_size(&f->tail)));
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
	if (!account_is_possible(f->account) ||
	    (f->what != FRAME_ACCOUNT_ADDED && f->what != FRAME_ACCOUNT_REMOVED))
		return (-1);
	return (tail_decode(in, &f->tail));
}

/* ---- STATUS_ASK: token u64 ---- */

size_t
frame_status_ask_size(const struct frame_status_ask *f)
{
	return (sum(8, STR_NONE, STR_NONE, 0, tail_size(&f->tail)));
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

/* ---- STATUS: token u64, json str32 ---- */

size_t
frame_status_size(const struct frame_status *f)
{
	return (sum(12, STR_NONE, STR_NONE, f->json.n, tail_size(&f->tail)));
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
