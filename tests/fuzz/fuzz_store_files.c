/*
 * The files of a store, as somebody may have left them: one byte says which file, the rest is laid over
 * it with the checks made right again, so that what is behind them is reached.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/cursor.h"
#include "common/disk_memory.h"
#include "common/journal_priv.h"
#include "natsd-js/store/record.h"
#include "natsd-js/store/store.h"
#include "tests/fuzz/fuzz.h"

#define UID UINT64_C(0x1122334455667788)
#define FOLDER "1122334455667788"

static void
must(bool ok)
{
	if (!ok)
		abort();
}

/* Each record of the input: a length of two bytes, then head and content as they come. */
static size_t
records(const uint8_t *in, size_t n, enum record_file file, uint32_t number, uint8_t *out,
    size_t room, size_t at)
{
	size_t len;
	struct record r;

	while (n >= 24) {
		struct rd rd = rd_of(in, n);

		len = rd_u16(&rd) % 512;
		r = (struct record){ .type = (uint8_t)(1 + rd_u8(&rd) % RECORD_TYPE_MAX),
			.flags = rd_u8(&rd), .link = rd_u32(&rd), .seq = rd_u64(&rd) };
		r.time = (int64_t)rd_u64(&rd);
		if (len > rd_left(&rd))
			len = rd_left(&rd);
		r.subject = rd_bytes(&rd, len / 3);
		r.payload = rd_bytes(&rd, len - len / 3);
		if (record_length(&r) > room - at)
			break;
		record_encode(out + at, record_place(UID, file, number, at), &r);
		at += record_length(&r);
		n -= (size_t)(rd.at - in);
		in = rd.at;
	}
	return (at);
}

/* A segment with one commit of what comes. */
static size_t
segment(const uint8_t *in, size_t n, uint8_t *out, size_t room)
{
	struct segment_head head = { .id = 9, .serial = 1, .first = 1, .bytes = room };
	struct commit_head c = { .number = 1, .bytes = JOURNAL_COMMIT_HEAD };
	size_t at = JOURNAL_SECTOR + JOURNAL_COMMIT_HEAD, len;
	uint16_t type;

	memset(out, 0, room);
	segment_head_encode(out, &head);
	while (n >= 3 && at + 600 < room) {
		len = (size_t)(in[0] | (in[1] & 1) << 8) < n - 3 ?
		    (size_t)(in[0] | (in[1] & 1) << 8) : n - 3;
		type = (uint16_t)(1 + in[2] % 8);
		memcpy(out + at + JOURNAL_RECORD_HEAD, in + 3, len);
		journal_record_encode(out + at, (uint32_t)(JOURNAL_RECORD_HEAD + len), type,
		    (in[1] & 2) != 0 ? UID + 1 : UID);
		journal_record_move(out + at, 0, journal_place(9, 1, at), 0);
		len = JOURNAL_RECORD_HEAD + len;
		at += journal_pad(len, 8);
		c.records++;
		in += 3 + (len - JOURNAL_RECORD_HEAD);
		n -= 3 + (len - JOURNAL_RECORD_HEAD);
	}
	c.bytes = (uint32_t)(at - JOURNAL_SECTOR);
	commit_head_encode(out + JOURNAL_SECTOR, journal_place(9, 1, JOURNAL_SECTOR), &c);
	return (room);
}

static int
folders(struct disk *d, int *top, int *journal, int *stream)
{
	int streams;

	*top = disk_open_dir(d, DISK_ROOT, "natsd", NULL);
	*journal = disk_open_dir(d, *top, "journal", NULL);
	streams = disk_open_dir(d, *top, "streams", NULL);
	*stream = disk_open_dir(d, streams, FOLDER, NULL);
	return (streams);
}

static void
use(struct store *store)
{
	struct stream *s = stream_find(store, STR("A"), STR("S"));
	struct stream_state st;
	struct store_message m;

	if (s == NULL)
		return;
	stream_state(s, &st);
	for (uint64_t seq = st.first_seq; seq <= st.last_seq && seq - st.first_seq < 100; seq++)
		(void)stream_load(s, seq, &m, NULL);
	m = (struct store_message){ .subject = STR("x"), .payload = STR("y") };
	if (stream_append(s, &m, NULL) == STORE_OK && st.last_seq < UINT64_MAX)
		must(m.seq == st.last_seq + 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t block[32768], state[32768], part[JOURNAL_SEGMENT_MIN];
	struct record identity = { .type = RECORD_IDENTITY, .seq = UID, .subject = STR("A"),
		.headers = STR("S") };
	struct store_options o = store_options_default();
	struct disk *d = disk_memory(16u << 20);
	size_t n = size / 3, at = record_length(&identity);
	struct store *store;
	int top, journal, folder;

	o.thread = false;
	o.journal.segment_bytes = JOURNAL_SEGMENT_MIN;
	o.journal.segments = 4;
	folders(d, &top, &journal, &folder);
	record_encode(state, record_place(UID, RECORD_IN_STATE, 0, 0), &identity);
	at = records(data, n, RECORD_IN_STATE, 0, state, sizeof(state), at);
	must(disk_replace(d, folder, "state", state, at, NULL) == 0);
	at = records(data + n, n, RECORD_IN_BLOCK, 1, block, sizeof(block), 0);
	must(disk_replace(d, folder, "00000001.blk", block, at, NULL) == 0);
	at = segment(data + 2 * n, size - 2 * n, part, sizeof(part));
	must(disk_replace(d, journal, "00000000.jnl", part, at, NULL) == 0);
	store = store_open(d, &o, NULL);
	if (store != NULL) {
		use(store);
		(void)store_close(store, NULL);
		store = store_open(d, &o, NULL);
		must(store != NULL);
		use(store);
		store_abandon(store);
	}
	disk_free(d);
	return (0);
}
