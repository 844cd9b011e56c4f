/*
 * The bytes of a snapshot, as somebody may have made them.  A first byte of 0: as they come; else
 * each record of the input is laid down with check, place and link made right, behind a head, and
 * before an end that says what was said.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/cursor.h"
#include "common/disk_memory.h"
#include "natsd-js/store/record.h"
#include "natsd-js/store/restore.h"
#include "natsd-js/store/snapshot.h"
#include "tests/fuzz/fuzz.h"

#define ID UINT64_C(0x1122334455667788)

struct out {
	uint8_t bytes[65536];
	size_t n;
	uint32_t link;
	uint64_t records, messages, counted, lost, last;
};

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static bool
put(struct out *o, struct record *r)
{
	if (record_length(r) > sizeof(o->bytes) - o->n)
		return (false);
	r->link = o->link;
	record_encode(o->bytes + o->n, record_place(o->n == 0 ? 0 : ID, RECORD_IN_SNAPSHOT, 0, o->n),
	    r);
	o->n += record_length(r);
	o->link = (uint32_t)r->check;
	o->records++;
	return (true);
}

static void
put_head(struct out *o, uint64_t last)
{
	uint8_t payload[32] = { 0 };
	struct wr out = wr_of(payload, 8);
	struct record r = { .type = RECORD_IDENTITY, .flags = 1, .seq = ID, .time = 5,
		.subject = STR("A"), .headers = STR("S"),
		.payload = { .p = (const char *)payload, .n = sizeof(payload) } };

	wr_u64(&out, last);
	must(put(o, &r));
}

static void
put_end(struct out *o)
{
	uint8_t payload[32];
	struct wr out = wr_of(payload, sizeof(payload));
	struct record r = { .type = RECORD_POINT, .seq = o->last, .time = 9,
		.payload = { .p = (const char *)payload, .n = sizeof(payload) } };

	wr_u64(&out, o->messages);
	wr_u64(&out, o->counted);
	wr_u64(&out, o->lost);
	wr_u64(&out, o->records);
	(void)put(o, &r);
}

/* A length, type and flags, then by chance the sequence that follows, or any. */
static void
put_records(struct out *o, struct rd *in)
{
	struct store_message m;
	struct record r;
	size_t len;
	uint8_t how;

	while (rd_left(in) >= 24) {
		len = rd_u16(in) % 512;
		r = (struct record){ .type = (uint8_t)(1 + rd_u8(in) % RECORD_TYPE_MAX),
			.flags = rd_u8(in) };
		how = rd_u8(in);
		r.seq = (how & 1) != 0 ? rd_u64(in) : o->last + 1;
		r.time = (how & 2) != 0 ? (int64_t)rd_u64(in) : (int64_t)(r.seq + (how >> 4));
		if (r.type == RECORD_MESSAGE && (how & 4) != 0)
			r.expires = (int64_t)rd_u64(in);
		len = len < rd_left(in) ? len : rd_left(in);
		r.subject = rd_bytes(in, len / 3);
		r.payload = rd_bytes(in, len - len / 3);
		if (!put(o, &r))
			return;
		m = (struct store_message){ .subject = r.subject, .payload = r.payload };
		o->messages += r.type == RECORD_MESSAGE;
		o->counted += r.type == RECORD_MESSAGE ? store_message_bytes(&m) : 0;
		if (r.type == RECORD_MESSAGE)
			o->last = r.seq;
		if (r.type == RECORD_REMOVED)
			o->last = (uint64_t)r.time;
		if (r.type == RECORD_REMOVED && (r.flags & 1) != 0)
			o->lost += (uint64_t)r.time - r.seq + 1;
	}
}

static void
lay_out(struct out *o, const uint8_t *data, size_t size)
{
	struct rd in = rd_of(data, size);
	uint64_t last;

	if (rd_u8(&in) == 0) {
		o->n = size - 1 < sizeof(o->bytes) ? size - 1 : sizeof(o->bytes);
		memcpy(o->bytes, data + 1, o->n);
		return;
	}
	/* What the head says has to be known before: the rest is laid down twice. */
	put_head(o, 0);
	put_records(o, &in);
	last = o->last;
	*o = (struct out){ .n = 0 };
	in = rd_of(data + 1, size - 1);
	put_head(o, last);
	put_records(o, &in);
	put_end(o);
}

/* What was taken can be taken again, and the copy is the same. */
static void
again(struct store *store, struct stream *s)
{
	struct stream_config c = { .account = STR("A"), .name = STR("COPY") };
	struct stream_state st, copied;
	struct snapshot *x;
	struct restore *r;
	struct stream *copy;
	uint8_t piece[700];
	size_t n, taken;

	must(snapshot_begin(s, &x, NULL) == STORE_OK);
	must(restore_begin(store, &c, &r, NULL) == STORE_OK);
	while (snapshot_read(x, piece, sizeof(piece), &n, NULL) == STORE_OK && n > 0)
		must(restore_write(r, piece, n, &taken, NULL) == STORE_OK && taken == n);
	snapshot_end(x);
	while (restore_end(&r, &copy, NULL) == STORE_BUSY)
		must(store_checkpoint(store, NULL) == STORE_OK);
	must(r == NULL);
	stream_state(s, &st);
	stream_state(copy, &copied);
	must(st.messages == copied.messages && st.bytes == copied.bytes &&
	    st.first_seq == copied.first_seq && st.last_seq == copied.last_seq &&
	    st.last_time == copied.last_time);
}

static struct store *
open_store(struct disk *d)
{
	struct store_options o = store_options_default();

	o.thread = false;
	o.journal.segment_bytes = JOURNAL_SEGMENT_MIN;
	o.journal.segments = 4;
	o.block_bytes = 2000;
	return (store_open(d, &o, NULL));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct out o;
	struct stream_config c = { .account = STR("A"), .name = STR("S") };
	struct disk *d = disk_memory(16u << 20);
	struct store *store = open_store(d);
	struct restore *r;
	struct stream *s = NULL;
	size_t taken;
	enum store_result result;

	o = (struct out){ .n = 0 };
	if (size > 0)
		lay_out(&o, data, size);
	must(restore_begin(store, &c, &r, NULL) == STORE_OK);
	result = restore_write(r, o.bytes, o.n, &taken, NULL);
	must(taken <= o.n);
	while (result == STORE_OK && (result = restore_end(&r, &s, NULL)) == STORE_BUSY)
		result = store_checkpoint(store, NULL);
	if (result == STORE_OK)
		again(store, s);
	else
		restore_abandon(r);
	(void)store_close(store, NULL);
	store = open_store(d);
	must(store != NULL);
	must((stream_find(store, STR("A"), STR("S")) != NULL) == (s != NULL));
	store_abandon(store);
	disk_free(d);
	return (0);
}
