/*
 * The bytes of the journal: natsd-js/store/FORMAT, section 2.
 */
#include "config.h"

#include <string.h>
#include <xxhash.h>

#include "common/cursor.h"
#include "common/journal_priv.h"

#define SEGMENT_MAGIC "NATSDJNL"
#define SEGMENT_VERSION 1u
#define COMMIT_MAGIC 0x544d434au /* "JCMT" */
#define HEAD_BYTES 64u
#define HEAD_COPY 256u

static uint64_t
mix(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31);
}

/* A key that no other place of this or another journal has; 0 means none. */
uint64_t
journal_place(uint64_t id, uint64_t serial, uint64_t at)
{
	uint64_t key = mix(id + mix(serial + UINT64_C(0x9e3779b97f4a7c15) * (at + 1)));

	return (key == 0 ? 1 : key);
}

void
segment_head_encode(uint8_t *sector, const struct segment_head *h)
{
	struct wr out = wr_of(sector, HEAD_BYTES);

	memset(sector, 0, JOURNAL_SECTOR);
	wr_bytes(&out, SEGMENT_MAGIC, 8);
	wr_u32(&out, SEGMENT_VERSION);
	wr_u32(&out, 0);
	wr_u64(&out, h->id);
	wr_u64(&out, h->serial);
	wr_u64(&out, h->first);
	wr_u64(&out, h->released);
	wr_u64(&out, h->bytes);
	wr_u64(&out, XXH3_64bits(sector, HEAD_BYTES - 8));
	memcpy(sector + HEAD_COPY, sector, HEAD_BYTES);
}

static int
segment_head_decode_one(const uint8_t *p, struct segment_head *h)
{
	struct rd in = rd_of(p, HEAD_BYTES);
	struct str magic = rd_bytes(&in, 8);
	uint32_t version = rd_u32(&in), zero = rd_u32(&in);

	h->id = rd_u64(&in);
	h->serial = rd_u64(&in);
	h->first = rd_u64(&in);
	h->released = rd_u64(&in);
	h->bytes = rd_u64(&in);
	if (rd_u64(&in) != XXH3_64bits(p, HEAD_BYTES - 8))
		return (-1);
	if (memcmp(magic.p, SEGMENT_MAGIC, 8) != 0 || version != SEGMENT_VERSION || zero != 0)
		return (-1);
	return (h->serial == 0 || h->first == 0 ? -1 : 0);
}

int
segment_head_decode(const uint8_t *sector, struct segment_head *h)
{
	if (segment_head_decode_one(sector, h) == 0)
		return (0);
	return (segment_head_decode_one(sector + HEAD_COPY, h));
}

/* The check of a header stands at its end. */
static uint64_t
commit_check(const uint8_t *p, uint64_t place)
{
	return (XXH3_64bits_withSeed(p, JOURNAL_COMMIT_HEAD - 8, place));
}

void
commit_head_encode(uint8_t *p, uint64_t place, struct commit_head *h)
{
	struct wr out = wr_of(p, JOURNAL_COMMIT_HEAD);

	wr_u32(&out, COMMIT_MAGIC);
	wr_u32(&out, h->bytes);
	wr_u64(&out, h->number);
	wr_u64(&out, h->durable);
	wr_u64(&out, h->released);
	wr_u64(&out, h->link);
	wr_u32(&out, h->records);
	wr_u32(&out, 0);
	wr_u64(&out, 0);
	h->check = commit_check(p, place);
	wr_u64(&out, h->check);
}

int
commit_head_decode(const uint8_t *p, size_t n, uint64_t place, struct commit_head *h)
{
	struct rd in = rd_of(p, n);

	if (rd_u32(&in) != COMMIT_MAGIC || n < JOURNAL_COMMIT_HEAD)
		return (-1);
	h->bytes = rd_u32(&in);
	h->number = rd_u64(&in);
	h->durable = rd_u64(&in);
	h->released = rd_u64(&in);
	h->link = rd_u64(&in);
	h->records = rd_u32(&in);
	rd_u32(&in);
	rd_u64(&in);
	h->check = rd_u64(&in);
	if (h->check != commit_check(p, place))
		return (-1);
	if (h->bytes < JOURNAL_COMMIT_HEAD || h->bytes > n || h->bytes % 8 != 0)
		return (-1);
	return (h->number == 0 || h->durable >= h->number ? -1 : 0);
}

#define RECORD_HASHED 16u /* from here on */

void
journal_record_encode(uint8_t *p, uint32_t bytes, uint16_t type, uint64_t owner)
{
	struct wr out = wr_of(p, JOURNAL_RECORD_HEAD);

	wr_u64(&out, 0);
	wr_u64(&out, 0);
	wr_u32(&out, bytes);
	wr_u16(&out, type);
	wr_u16(&out, 0);
	wr_u64(&out, owner);
	memset(p + bytes, 0, journal_pad(bytes, 8) - bytes);
	out = wr_of(p + 8, 8);
	wr_u64(&out, XXH3_64bits(p + RECORD_HASHED, bytes - RECORD_HASHED));
}

int
journal_record_decode(const uint8_t *p, size_t n, uint64_t place, struct journal_record_head *h)
{
	struct rd in = rd_of(p, n);

	h->link = rd_u64(&in);
	h->check = rd_u64(&in);
	h->bytes = rd_u32(&in);
	h->type = rd_u16(&in);
	if (rd_u16(&in) != 0 || h->type == 0)
		return (-1);
	h->owner = rd_u64(&in);
	if (in.short_ || h->bytes < JOURNAL_RECORD_HEAD || journal_pad(h->bytes, 8) > n)
		return (-1);
	if ((h->check ^ place) != XXH3_64bits(p + RECORD_HASHED, h->bytes - RECORD_HASHED))
		return (-1);
	return (0);
}

uint64_t
journal_record_move(uint8_t *p, uint64_t from, uint64_t to, uint64_t link)
{
	struct rd in = rd_of(p + 8, 8);
	struct wr out = wr_of(p, 16);
	uint64_t check = rd_u64(&in) ^ from ^ to;

	wr_u64(&out, link);
	wr_u64(&out, check);
	return (check);
}

uint32_t
journal_record_bytes(const uint8_t *p)
{
	struct rd in = rd_of(p + 16, 4);

	return (rd_u32(&in));
}
