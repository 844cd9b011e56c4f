/*
 * cursor - the only way to touch bytes that somebody else wrote, and to write bytes for others.
 *
 * Both cursors are sticky: after one shortage every further read gives 0 and every further write
 * nothing, and the one check at the end (rd_end, wr_end) tells.  Integers are little endian.
 */
#ifndef COMMON_CURSOR_H
#define COMMON_CURSOR_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/str.h"

struct rd {
	const uint8_t *at;
	const uint8_t *end;
	bool short_; /* something was missing; sticky */
};

struct wr {
	uint8_t *at;
	uint8_t *start;
	uint8_t *end;
	bool full; /* something did not fit; sticky */
};

static inline struct rd
rd_of(const void *p, size_t n)
{
	return ((struct rd){ .at = p, .end = (const uint8_t *)p + n });
}

static inline size_t
rd_left(const struct rd *in)
{
	return ((size_t)(in->end - in->at));
}

static inline bool
rd_need(struct rd *in, size_t n)
{
	if (in->short_ || n > rd_left(in)) {
		in->short_ = true;
		return (false);
	}
	return (true);
}

#define CURSOR_RD(NAME, TYPE, SWAP)					\
	static inline TYPE						\
	NAME(struct rd *in)						\
	{								\
		TYPE v = 0;						\
									\
		if (rd_need(in, sizeof(v))) {				\
			memcpy(&v, in->at, sizeof(v));			\
			in->at += sizeof(v);				\
		}							\
		return (SWAP(v));					\
	}
#define CURSOR_SAME(v) (v)
CURSOR_RD(rd_u8, uint8_t, CURSOR_SAME)
CURSOR_RD(rd_u16, uint16_t, le16toh)
CURSOR_RD(rd_u32, uint32_t, le32toh)
CURSOR_RD(rd_u64, uint64_t, le64toh)
#undef CURSOR_RD

/* rd_bytes - the next n bytes, borrowed from the input; STR_NONE when they are not there. */
static inline struct str
rd_bytes(struct rd *in, size_t n)
{
	struct str s = STR_NONE;

	if (rd_need(in, n)) {
		s = (struct str){ .p = (const char *)in->at, .n = n };
		in->at += n;
	}
	return (s);
}

/* rd_str16, rd_str32 - a length and that many bytes. */
static inline struct str
rd_str16(struct rd *in)
{
	size_t n = rd_u16(in);

	return (rd_bytes(in, n));
}

static inline struct str
rd_str32(struct rd *in)
{
	size_t n = rd_u32(in);

	return (rd_bytes(in, n));
}

/* rd_end - 0 when everything was there and nothing is left over; -1: too long is as wrong as too
 * short. */
static inline int
rd_end(const struct rd *in)
{
	return (in->short_ || in->at != in->end ? -1 : 0);
}

static inline struct wr
wr_of(void *p, size_t n)
{
	return ((struct wr){ .at = p, .start = p, .end = (uint8_t *)p + n });
}

static inline size_t
wr_len(const struct wr *out)
{
	return ((size_t)(out->at - out->start));
}

static inline void
wr_bytes(struct wr *out, const void *p, size_t n)
{
	if (out->full || n > (size_t)(out->end - out->at)) {
		out->full = true;
		return;
	}
	if (n > 0)
		memcpy(out->at, p, n);
	out->at += n;
}

static inline void
wr_u8(struct wr *out, uint8_t v)
{
	wr_bytes(out, &v, sizeof(v));
}

static inline void
wr_u16(struct wr *out, uint16_t v)
{
	v = htole16(v);
	wr_bytes(out, &v, sizeof(v));
}

static inline void
wr_u32(struct wr *out, uint32_t v)
{
	v = htole32(v);
	wr_bytes(out, &v, sizeof(v));
}

static inline void
wr_u64(struct wr *out, uint64_t v)
{
	v = htole64(v);
	wr_bytes(out, &v, sizeof(v));
}

/* wr_str16, wr_str32 - a length and the bytes; a longer one than the length can say sets full. */
static inline void
wr_str16(struct wr *out, struct str s)
{
	if (s.n > UINT16_MAX)
		out->full = true;
	wr_u16(out, (uint16_t)s.n);
	wr_bytes(out, s.p, s.n);
}

static inline void
wr_str32(struct wr *out, struct str s)
{
	if (s.n > UINT32_MAX)
		out->full = true;
	wr_u32(out, (uint32_t)s.n);
	wr_bytes(out, s.p, s.n);
}

/* wr_end - 0 when everything fitted, else -1. */
static inline int
wr_end(const struct wr *out)
{
	return (out->full ? -1 : 0);
}

#endif
