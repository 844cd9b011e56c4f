#include "config.h"

#include <assert.h>
#include <stdlib.h>

#include "common/frame_io.h"

/* What the generated senders hand to the one that does the work. */
typedef void encode_fn(struct wr *, const void *frame);

static int
send_cut(struct ring_out *out, uint16_t type, size_t size, encode_fn *encode, const void *frame)
{
	uint8_t *whole;
	struct wr to;
	int result;

	if ((whole = malloc(size)) == NULL)
		return (-1);
	to = wr_of(whole, size);
	encode(&to, frame);
	assert(wr_end(&to) == 0);
	result = ring_out_put_parts(out, type, whole, wr_len(&to));
	free(whole);
	return (result);
}

static int
send_frame(struct ring_out *out, uint16_t type, size_t size, encode_fn *encode, const void *frame,
    uint64_t *at)
{
	uint8_t *record;
	struct wr to;

	if (size > frame_max(type))
		return (-1);
	if (size > ring_record_max(ring_out_ring(out))) {
		if (at != NULL)
			*at = UINT64_MAX;
		return (send_cut(out, type, size, encode, frame));
	}
	if ((record = ring_out_reserve(out, (uint32_t)size)) == NULL)
		return (-1);
	to = wr_of(record, size);
	encode(&to, frame);
	assert(wr_end(&to) == 0);
	ring_out_commit(out, type, 0, (uint32_t)wr_len(&to), at);
	return (0);
}

#define FRAME_SEND_BODY(NAME, name, ...)						\
	static void									\
	name##_encode_any(struct wr *to, const void *frame)				\
	{										\
		frame_##name##_encode(to, frame);					\
	}										\
											\
	int										\
	frame_send_##name(struct ring_out *out, const struct frame_##name *f, uint64_t *at) \
	{										\
		return (send_frame(out, FRAME_##NAME, frame_##name##_size(f),		\
		    name##_encode_any, f, at));						\
	}
FRAME_LIST(FRAME_SEND_BODY)
#undef FRAME_SEND_BODY

void
frame_join_init(struct frame_join *join)
{
	*join = (struct frame_join){ .parts = BUF_INIT(FRAME_MESSAGE_MAX) };
}

void
frame_join_free(struct frame_join *join)
{
	buf_free(&join->parts);
	join->open = false;
}

static int
join_first(struct frame_join *join, const struct ring_rec *rec, struct err *err)
{
	if (frame_max(rec->type) == 0)
		return (err_set(err, "frame %u, which is none", rec->type));
	join->open = true;
	join->type = rec->type;
	join->at = rec->at;
	join->verdict = rec->verdict;
	join->parts.len = 0;
	return (0);
}

static int
join_add(struct frame_join *join, const struct ring_rec *rec, struct err *err)
{
	if (rec->type != join->type)
		return (err_set(err, "%s in the middle of a cut %s", frame_name(rec->type),
		    frame_name(join->type)));
	if (rec->len == 0)
		return (err_set(err, "an empty part of a cut %s", frame_name(join->type)));
	if (rec->len > frame_max(join->type) - join->parts.len)
		return (err_set(err, "a cut %s of more than %zu bytes", frame_name(join->type),
		    frame_max(join->type)));
	if (buf_add(&join->parts, rec->data, rec->len) != 0)
		return (err_set(err, "no memory for a cut %s", frame_name(join->type)));
	return (0);
}

int
frame_join(struct frame_join *join, const struct ring_rec *rec, struct ring_rec *whole,
    struct err *err)
{
	bool more = (rec->flags & RING_FLAG_FRAGMENT) != 0;

	if (rec->type == FRAME_HELLO)
		join->open = false;
	if (!join->open && !more) {
		*whole = *rec;
		return (1);
	}
	if (!join->open && join_first(join, rec, err) != 0)
		return (-1);
	if (join_add(join, rec, err) != 0) {
		join->open = false;
		return (-1);
	}
	if (more)
		return (0);
	join->open = false;
	*whole = (struct ring_rec){ .data = join->parts.data, .len = (uint32_t)join->parts.len,
		.type = join->type, .flags = rec->flags, .verdict = join->verdict,
		.at = join->at, .end = rec->end };
	return (1);
}
