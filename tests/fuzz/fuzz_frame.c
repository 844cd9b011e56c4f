/*
 * Records as another program may put them into a ring: | type u16 | flags u16 | len u16 | len bytes |,
 * one after the other.  They are joined; every whole frame is decoded, and what decodes must say
 * the same when it is encoded and decoded again.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/frame.h"
#include "common/frame_io.h"
#include "tests/fuzz/fuzz.h"

static void
must(bool ok)
{
	if (!ok)
		abort();
}

#define TRY(NAME, name, ...)								\
	static void									\
	try_##name(struct rd in)							\
	{										\
		struct frame_##name first, second;					\
		size_t size;								\
		uint8_t *bytes;								\
		struct wr out;								\
											\
		if (frame_##name##_decode(&in, &first) != 0)				\
			return;								\
		size = frame_##name##_size(&first);					\
		must(size != SIZE_MAX);							\
		bytes = malloc(2 * size + 1);						\
		must(bytes != NULL);							\
		out = wr_of(bytes, size);						\
		frame_##name##_encode(&out, &first);					\
		must(wr_end(&out) == 0);						\
		in = rd_of(bytes, wr_len(&out));					\
		must(frame_##name##_decode(&in, &second) == 0);				\
		out = wr_of(bytes + size, size);					\
		frame_##name##_encode(&out, &second);					\
		must(wr_end(&out) == 0 && memcmp(bytes, bytes + size, wr_len(&out)) == 0); \
		free(bytes);								\
	}
FRAME_LIST(TRY)
#undef TRY

static void
try_frame(const struct ring_rec *whole)
{
	struct rd in = rd_of(whole->data, whole->len);
	struct err err;
	bool may = false;

	for (enum role from = ROLE_SUPERVISOR; from <= ROLE_RAFT; from = (enum role)(from << 1))
		for (enum role to = ROLE_SUPERVISOR; to <= ROLE_RAFT; to = (enum role)(to << 1))
			may |= frame_may(from, to, whole->type, whole->len, &err) == 0;
	if (!may)
		return;
	switch ((enum frame_type)whole->type) {
#define CASE(NAME, name, ...)			\
	case FRAME_##NAME:			\
		try_##name(in);			\
		break;
	FRAME_LIST(CASE)
#undef CASE
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd in = rd_of(data, size);
	struct frame_join join;
	struct err err;

	frame_join_init(&join);
	while (rd_left(&in) > 0) {
		struct ring_rec rec = { 0 }, whole;
		struct str bytes;

		rec.type = rd_u16(&in);
		rec.flags = rd_u16(&in);
		bytes = rd_str16(&in);
		if (in.short_)
			break;
		rec.data = (const uint8_t *)bytes.p;
		rec.len = (uint32_t)bytes.n;
		if (frame_join(&join, &rec, &whole, &err) == 1)
			try_frame(&whole);
	}
	frame_join_free(&join);
	return (0);
}
