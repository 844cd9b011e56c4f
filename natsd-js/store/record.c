#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

#include "common/cursor.h"
#include "natsd-js/store/record.h"

#define HASHED 12u /* the check covers what stands from here on */
#define RESYNC_FACTOR 64u

static uint64_t
mix(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31);
}

uint64_t
record_place(uint64_t uid, enum record_file file, uint32_t number, uint64_t offset)
{
	return (mix(uid + mix(((uint64_t)file << 32 | number) * UINT64_C(0x9e3779b97f4a7c15) +
	    mix(offset + 1))));
}

size_t
record_length(const struct record *r)
{
	size_t n;

	if (r->subject.n > UINT16_MAX || r->headers.n > RECORD_MAX || r->payload.n > RECORD_MAX)
		return (0);
	n = RECORD_HEAD + r->subject.n + r->headers.n + r->payload.n + (r->expires != 0 ? 8 : 0);
	return (n > RECORD_MAX ? 0 : record_padded(n));
}

void
record_encode(uint8_t *to, uint64_t place, struct record *r)
{
	size_t padded = record_length(r);
	struct wr out = wr_of(to, padded);

	assert(padded != 0);
	r->bytes = (uint32_t)(RECORD_HEAD + r->subject.n + r->headers.n + r->payload.n);
	if (r->type == RECORD_MESSAGE)
		r->flags = (uint8_t)(r->flags & ~RECORD_EXPIRES);
	if (r->expires != 0) {
		r->bytes += 8;
		r->flags |= RECORD_EXPIRES;
	}
	wr_u64(&out, 0);
	wr_u32(&out, r->link);
	wr_u32(&out, r->bytes);
	wr_u8(&out, r->type);
	wr_u8(&out, r->flags);
	wr_u16(&out, (uint16_t)r->subject.n);
	wr_u32(&out, (uint32_t)r->headers.n);
	wr_u64(&out, r->seq);
	wr_u64(&out, (uint64_t)r->time);
	wr_bytes(&out, r->subject.p, r->subject.n);
	wr_bytes(&out, r->headers.p, r->headers.n);
	wr_bytes(&out, r->payload.p, r->payload.n);
	if (r->expires != 0)
		wr_u64(&out, (uint64_t)r->expires);
	memset(to + r->bytes, 0, padded - r->bytes);
	r->check = XXH3_64bits_withSeed(to + HASHED, r->bytes - HASHED, place);
	out = wr_of(to, 8);
	wr_u64(&out, r->check);
}

int
record_decode(const uint8_t *p, size_t n, uint64_t place, struct record *r)
{
	struct rd in = rd_of(p, n);
	uint16_t subject;
	uint32_t headers;

	r->check = rd_u64(&in);
	r->link = rd_u32(&in);
	r->bytes = rd_u32(&in);
	r->type = rd_u8(&in);
	r->flags = rd_u8(&in);
	subject = rd_u16(&in);
	headers = rd_u32(&in);
	r->seq = rd_u64(&in);
	r->time = (int64_t)rd_u64(&in);
	if (in.short_ || r->bytes < RECORD_HEAD || r->bytes > n || r->bytes > RECORD_MAX)
		return (-1);
	if (r->type == 0 || r->type > RECORD_TYPE_MAX || headers > r->bytes - RECORD_HEAD ||
	    subject > r->bytes - RECORD_HEAD - headers)
		return (-1);
	if (XXH3_64bits_withSeed(p + HASHED, r->bytes - HASHED, place) != r->check)
		return (-1);
	r->subject = rd_bytes(&in, subject);
	r->headers = rd_bytes(&in, headers);
	r->payload = rd_bytes(&in, r->bytes - RECORD_HEAD - subject - headers);
	r->expires = 0;
	if (r->type != RECORD_MESSAGE || (r->flags & RECORD_EXPIRES) == 0)
		return (0);
	if (r->payload.n < 8)
		return (-1);
	r->payload.n -= 8;
	in = rd_of(r->payload.p + r->payload.n, 8);
	r->expires = (int64_t)rd_u64(&in);
	return (r->expires == 0 ? -1 : 0);
}

int
record_erase(uint8_t *p, uint64_t place, uint32_t padded, uint32_t link)
{
	struct record r = { .type = RECORD_ERASED, .link = link,
		.payload = { .n = padded - RECORD_HEAD } };
	uint8_t *chance = malloc(padded);
	size_t at = 0;
	ssize_t n;

	while (chance != NULL && at < padded) {
		n = getrandom(chance + at, padded - at, 0);
		if (n < 0) {
			free(chance);
			return (-1);
		}
		at += (size_t)n;
	}
	if (chance == NULL)
		return (-1);
	r.payload.p = (const char *)chance;
	record_encode(p, place, &r);
	free(chance);
	return (0);
}

void
record_peek(const uint8_t *p, struct record *r)
{
	struct rd in = rd_of(p + HASHED, RECORD_HEAD - HASHED);

	r->bytes = rd_u32(&in);
	r->type = rd_u8(&in);
	r->flags = rd_u8(&in);
	(void)rd_bytes(&in, 6);
	r->seq = rd_u64(&in);
	r->time = (int64_t)rd_u64(&in);
}

size_t
record_find(const struct record_bytes *b, size_t at, struct record *r)
{
	size_t n = b->n, budget = at < n ? (n - at) * RESYNC_FACTOR : 0;
	struct rd in;
	uint32_t claim;

	for (; at + RECORD_HEAD <= n; at += RECORD_ALIGN) {
		in = rd_of(b->data + at + HASHED, 4);
		claim = rd_u32(&in);
		if (claim < RECORD_HEAD || claim > n - at)
			continue;
		if (claim > budget)
			return (n);
		budget -= claim;
		if (record_decode(b->data + at, n - at,
			record_place(b->uid, b->file, b->number, b->base + at), r) == 0)
			return (at);
	}
	return (n);
}
