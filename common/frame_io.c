#include "config.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/frame_io.h"

/* ---- out ---- */

/* Encoded apart, then cut into records: the rare large frame. */
static int
send_cut(struct ring_out *out, uint16_t type, const uint8_t *p, size_t n, uint64_t *at)
{
	uint32_t part = ring_record_max(ring_out_ring(out));
	uint8_t *to;

	for (bool first = true; n > 0; first = false) {
		uint32_t len = n > part ? part : (uint32_t)n;

		if ((to = ring_out_reserve(out, len)) == NULL)
			return (-1);
		memcpy(to, p, len);
		ring_out_commit(out, type, n > len ? RING_FLAG_FRAGMENT : 0, len, first ? at : NULL);
		p += len;
		n -= len;
	}
	return (0);
}

typedef void encode_fn(struct wr *, const void *);

static int
send_large(struct ring_out *out, uint16_t type, size_t size, encode_fn *encode, const void *f,
    uint64_t *at)
{
	uint8_t *p = malloc(size);
	struct wr w;
	int rc;

	if (p == NULL)
		return (-1);
	w = wr_of(p, size);
	encode(&w, f);
	assert(wr_end(&w) == 0);
	rc = send_cut(out, type, p, wr_len(&w), at);
	free(p);
	return (rc);
}

static int
send_frame(struct ring_out *out, uint16_t type, size_t size, encode_fn *encode, const void *f,
    uint64_t *at)
{
	uint8_t *to;
	struct wr w;

	if (size == SIZE_MAX)
		return (-1);
	if (size > ring_record_max(ring_out_ring(out)))
		return (send_large(out, type, size, encode, f, at));
	if ((to = ring_out_reserve(out, (uint32_t)size)) == NULL)
		return (-1);
	w = wr_of(to, size);
	encode(&w, f);
	assert(wr_end(&w) == 0);
	ring_out_commit(out, type, 0, (uint32_t)wr_len(&w), at);
	return (0);
}

#define FRAME_SEND_BODY(NAME, name, ...)					\
	static void								\
	any_##name##_encode(struct wr *out, const void *f)			\
	{									\
		frame_##name##_encode(out, f);					\
	}									\
										\
	int									\
	frame_send_##name(struct ring_out *out, const struct frame_##name *f, uint64_t *at) \
	{									\
		return (send_frame(out, FRAME_##NAME, frame_##name##_size(f),	\
		    any_##name##_encode, f, at));				\
	}
FRAME_LIST(FRAME_SEND_BODY)

/* ---- in ---- */

#define FRAME_MAX(NAME, name, code, from, to, min, max) [code] = (max),
static const uint32_t frame_max[] = { FRAME_LIST(FRAME_MAX) };

void
frame_join_init(struct frame_join *j)
{
	*j = (struct frame_join){ .parts = BUF_INIT(FRAME_MESSAGE_MAX) };
}

void
frame_join_free(struct frame_join *j)
{
	buf_free(&j->parts);
	j->open = false;
}

static int
join_start(struct frame_join *j, const struct ring_rec *rec, struct err *e)
{
	if (rec->type >= sizeof(frame_max) / sizeof(frame_max[0]) || frame_max[rec->type] == 0)
		return (err_set(e, "a cut frame of type %u, which is none", rec->type));
	j->parts.len = 0;
	j->type = rec->type;
	j->at = rec->at;
	j->verdict = rec->verdict;
	j->open = true;
	return (0);
}

int
frame_join(struct frame_join *j, const struct ring_rec *rec, struct ring_rec *whole, struct err *e)
{
	bool more = (rec->flags & RING_FLAG_FRAGMENT) != 0;

	if (!j->open && !more) {
		*whole = *rec;
		return (1);
	}
	if (!j->open && join_start(j, rec, e) != 0)
		return (-1);
	if (rec->type != j->type)
		return (err_set(e, "a %s between the parts of a %s", frame_name(rec->type),
		    frame_name(j->type)));
	if (rec->len > frame_max[j->type] - j->parts.len)
		return (err_set(e, "a cut %s grows too large", frame_name(j->type)));
	if (buf_add(&j->parts, rec->data, rec->len) != 0)
		return (err_set(e, "a cut %s: no memory", frame_name(j->type)));
	if (more)
		return (0);
	j->open = false;
	*whole = *rec;
	whole->data = j->parts.data;
	whole->len = (uint32_t)j->parts.len;
	whole->at = j->at;
	whole->verdict = j->verdict;
	return (1);
}
