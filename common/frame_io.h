/*
 * frame_io - frames into and out of rings, with what is too large for one record cut and joined.
 */
#ifndef COMMON_FRAME_IO_H
#define COMMON_FRAME_IO_H

#include "common/frame.h"
#include "common/ring_out.h"

/*
 * frame_send_<name> - encodes into the ring or its list.  *at (may be NULL): the position of the
 * (first) record, UINT64_MAX while it is listed.  Nothing is visible to the other side before
 * ring_out_flush().  0; -1, and nothing was sent: the list is at its bound, the ring is dead, a field
 * is too long, or the frame is larger than its type allows or than the ring itself (a receiver may
 * have to hold all of it there until its answer is out).
 */
#define FRAME_SEND(NAME, name, ...) \
	int frame_send_##name(struct ring_out *, const struct frame_##name *, uint64_t *at);
FRAME_LIST(FRAME_SEND)
#undef FRAME_SEND

/*
 * frame_join - joins the records of a cut frame.  Feed it every record of one ring in order.
 * 1: *whole holds a complete frame (type, data, len; at = position of its first record, end =
 *    behind its last), valid until the next call; 0: more is needed; -1: a broken sequence, or
 *    larger than the type's max.
 * A HELLO ends what a dead life had begun: whoever keeps an inbox finishes the parts from `at` on.
 */
struct frame_join {
	struct buf parts;
	uint16_t type;
	uint64_t at;	  /* of the first record, as is the verdict */
	uint64_t verdict;
	bool open;
};

void frame_join_init(struct frame_join *);
void frame_join_free(struct frame_join *);
int frame_join(struct frame_join *, const struct ring_rec *rec, struct ring_rec *whole,
    struct err *);

#endif
