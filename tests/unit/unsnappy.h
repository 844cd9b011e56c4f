/*
 * unsnappy - a reader of Snappy's framing format, written from its description alone, for tests.
 */
#ifndef TESTS_UNIT_UNSNAPPY_H
#define TESTS_UNIT_UNSNAPPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/snappy.h"

struct unsnappy {
	uint8_t *out;
	size_t n, room;
};

static inline uint32_t
unsnappy_le(const uint8_t *p, size_t n)
{
	uint32_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return (v);
}

/* One element behind its tag; false: it is wrong. */
static inline bool
unsnappy_copy(struct unsnappy *u, size_t block, size_t offset, size_t n)
{
	if (offset == 0 || offset > u->n - block || n > u->room - u->n)
		return (false);
	for (; n > 0; n--, u->n++)
		u->out[u->n] = u->out[u->n - offset];
	return (true);
}

static inline bool
unsnappy_block(struct unsnappy *u, const uint8_t *p, size_t n)
{
	const uint8_t *end = p + n;
	size_t block = u->n, want = 0, len, extra;
	unsigned shift = 0, tag;

	do {
		if (p == end || shift > 28)
			return (false);
		want |= (size_t)(*p & 0x7f) << shift;
		shift += 7;
	} while ((*p++ & 0x80) != 0);
	while (p < end) {
		tag = *p++;
		len = (tag >> 2) + 1;
		if ((tag & 3) == 0) {
			extra = len > 60 ? len - 60 : 0;
			if (extra > (size_t)(end - p))
				return (false);
			if (extra > 0)
				len = (size_t)unsnappy_le(p, extra) + 1;
			p += extra;
			if (len > (size_t)(end - p) || len > u->room - u->n)
				return (false);
			memcpy(u->out + u->n, p, len);
			u->n += len;
			p += len;
			continue;
		}
		extra = (tag & 3) == 1 ? 1 : (tag & 3) == 2 ? 2 : 4;
		if (extra > (size_t)(end - p))
			return (false);
		if ((tag & 3) == 1) {
			if (!unsnappy_copy(u, block, (size_t)(tag >> 5) << 8 | *p,
			    ((tag >> 2) & 7) + 4))
				return (false);
		} else if (!unsnappy_copy(u, block, unsnappy_le(p, extra), len)) {
			return (false);
		}
		p += extra;
	}
	return (u->n - block == want);
}

/* A whole stream; the bytes written to out, or SIZE_MAX: it is wrong. */
static inline size_t
unsnappy(uint8_t *out, size_t room, const uint8_t *p, size_t n)
{
	struct unsnappy u = { out, 0, room };
	const uint8_t *end = p + n;
	size_t len, before;

	if (n < 10 || memcmp(p, "\xff\x06\x00\x00sNaPpY", 10) != 0)
		return (SIZE_MAX);
	for (p += 10; p < end; p += 4 + len) {
		if (end - p < 8)
			return (SIZE_MAX);
		len = unsnappy_le(p + 1, 3);
		if (len < 4 || len > (size_t)(end - p) - 4 || p[0] > 1)
			return (SIZE_MAX);
		before = u.n;
		if (p[0] == 0 && !unsnappy_block(&u, p + 8, len - 4))
			return (SIZE_MAX);
		if (p[0] == 1) {
			if (len - 4 > u.room - u.n)
				return (SIZE_MAX);
			memcpy(u.out + u.n, p + 8, len - 4);
			u.n += len - 4;
		}
		if (u.n - before > 65536 ||
		    snappy_crc(u.out + before, u.n - before) != unsnappy_le(p + 4, 4))
			return (SIZE_MAX);
	}
	return (u.n);
}

#endif
