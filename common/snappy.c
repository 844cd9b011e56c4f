#include "config.h"

#include "common/snappy.h"

#include <stdbool.h>
#include <string.h>

#include "common/cursor.h"

#define CHUNK_MAX 65536u /* uncompressed bytes of one chunk */
#define TABLE_BITS 12u
#define MATCH_MIN 4u
#define MARGIN 15u	 /* no match is looked for in the last bytes */

enum { CHUNK_COMPRESSED = 0x00, CHUNK_PLAIN = 0x01, CHUNK_STREAM = 0xff };

/* ---- checksum ---- */

static uint32_t
crc32c(const uint8_t *p, size_t n)
{
	uint32_t crc = 0xffffffffu;

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (0x82f63b78u & (0u - (crc & 1)));
	}
	return (~crc);
}

uint32_t
snappy_crc(const void *p, size_t n)
{
	uint32_t crc = crc32c(p, n);

	return (((crc >> 15) | (crc << 17)) + 0xa282ead8u);
}

/* ---- one block ---- */

/* Worst case of a block: nothing matches. */
static size_t
block_max(size_t n)
{
	return (32 + n + n / 6);
}

static uint32_t
load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return (v);
}

static uint32_t
slot_of(uint32_t bytes)
{
	return ((bytes * 0x1e35a7bdu) >> (32 - TABLE_BITS));
}

static void
put_literal(struct wr *out, const uint8_t *p, size_t n)
{
	if (n == 0)
		return;
	if (n <= 60) {
		wr_u8(out, (uint8_t)((n - 1) << 2));
	} else if (n <= 256) {
		wr_u8(out, 60 << 2);
		wr_u8(out, (uint8_t)(n - 1));
	} else {
		wr_u8(out, 61 << 2);
		wr_u16(out, (uint16_t)(n - 1));
	}
	wr_bytes(out, p, n);
}

/* Copies of at most 64 bytes; the last one is never shorter than 4. */
static void
put_copy(struct wr *out, size_t offset, size_t n)
{
	size_t part;

	while (n > 0) {
		part = n <= 64 ? n : n < 68 ? 60 : 64;
		if (part <= 11 && part >= 4 && offset < 2048) {
			wr_u8(out, (uint8_t)(1 | ((part - 4) << 2) | ((offset >> 8) << 5)));
			wr_u8(out, (uint8_t)offset);
		} else {
			wr_u8(out, (uint8_t)(2 | ((part - 1) << 2)));
			wr_u16(out, (uint16_t)offset);
		}
		n -= part;
	}
}

static void
put_length(struct wr *out, size_t n)
{
	for (; n >= 0x80; n >>= 7)
		wr_u8(out, (uint8_t)(n | 0x80));
	wr_u8(out, (uint8_t)n);
}

/* Greedy: the last place where the same four bytes stood. */
static void
compress(struct wr *out, const uint8_t *p, size_t n)
{
	uint16_t seen[1u << TABLE_BITS] = { 0 };
	size_t at = 0, done = 0, from, len;
	uint32_t slot;

	put_length(out, n);
	while (n >= MARGIN && at < n - MARGIN) {
		slot = slot_of(load32(p + at));
		from = seen[slot];
		seen[slot] = (uint16_t)at;
		if (from >= at || load32(p + from) != load32(p + at)) {
			at += 1 + ((at - done) >> 5); /* faster where nothing matches */
			continue;
		}
		put_literal(out, p + done, at - done);
		for (len = MATCH_MIN; at + len < n && p[from + len] == p[at + len]; len++)
			;
		put_copy(out, at - from, len);
		at += len;
		done = at;
	}
	put_literal(out, p + done, n - done);
}

/* ---- chunks ---- */

static void
chunk_head(uint8_t *head, uint8_t type, size_t n, uint32_t crc)
{
	struct wr out = wr_of(head, 8);

	n += 4;
	wr_u8(&out, type);
	wr_u16(&out, (uint16_t)n);
	wr_u8(&out, (uint8_t)(n >> 16));
	wr_u32(&out, crc);
}

static int
add_chunk(struct buf *out, const uint8_t *p, size_t n)
{
	uint8_t *to = buf_room(out, 8 + block_max(n));
	uint32_t crc = snappy_crc(p, n);
	struct wr block;

	if (to == NULL)
		return (-1);
	block = wr_of(to + 8, block_max(n));
	compress(&block, p, n);
	if (wr_end(&block) == 0 && wr_len(&block) < n - n / 8) {
		chunk_head(to, CHUNK_COMPRESSED, wr_len(&block), crc);
		out->len += 8 + wr_len(&block);
		return (0);
	}
	chunk_head(to, CHUNK_PLAIN, n, crc);
	memcpy(to + 8, p, n);
	out->len += 8 + n;
	return (0);
}

int
snappy_frame(struct buf *out, const void *from, size_t n)
{
	static const uint8_t start[] = { CHUNK_STREAM, 6, 0, 0, 's', 'N', 'a', 'P', 'p', 'Y' };
	const uint8_t *p = from;
	size_t part;

	if (buf_add(out, start, sizeof(start)) != 0)
		return (-1);
	for (; n > 0; p += part, n -= part) {
		part = n < CHUNK_MAX ? n : CHUNK_MAX;
		if (add_chunk(out, p, part) != 0)
			return (-1);
	}
	return (0);
}
