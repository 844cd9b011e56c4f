/*
 * frame_list - every frame that two programs of natsd say to each other through a ring.
 *
 * A row is all there is to declare: the enum, the names, the size checks, who may say it to whom,
 * the round-trip test, the fuzz target and the table in docs/frames.md come from it.  A row without
 * frame_<name>_encode and frame_<name>_decode does not link.  Later features add rows at the end
 * with the next free code; a code is never used again.
 *
 * min, max: bytes of the payload of one whole frame.  What is larger than a quarter of its ring
 * travels as several records of that type, all but the last flagged RING_FLAG_FRAGMENT.
 */
#ifndef COMMON_FRAME_LIST_H
#define COMMON_FRAME_LIST_H

#define FRAME_PAYLOAD_MAX (64u << 20) /* headers and payload of one message */
#define FRAME_MESSAGE_MAX (FRAME_PAYLOAD_MAX + (1u << 20)) /* subject, reply and tail too */
#define FRAME_SUBJECT_MAX (64u << 10)
#define FRAME_STATUS_MAX (1u << 20)

/* clang-format off */
#define FRAME_LIST(F)									\
	/*NAME,	      name,	   code, from,		      to,		 min, max	 */	\
	F(HELLO,      hello,	   1,	 FRONT | JS | RAFT,   FRONT | JS | RAFT, 8,   1024)		\
	F(SUB,	      sub,	   2,	 JS | RAFT,	      FRONT,		 16,  FRAME_SUBJECT_MAX) \
	F(UNSUB,      unsub,	   3,	 JS | RAFT,	      FRONT,		 12,  1024)		\
	F(SYNCED,     synced,	   4,	 JS | RAFT,	      FRONT,		 8,   1024)		\
	F(MSG,	      msg,	   5,	 FRONT,		      JS | RAFT,	 28,  FRAME_MESSAGE_MAX) \
	F(PUB,	      pub,	   6,	 JS | RAFT,	      FRONT,		 20,  FRAME_MESSAGE_MAX) \
	F(ACCOUNT,    account,	   7,	 FRONT,		      JS | RAFT,	 8,   4096)		\
	F(STATUS_ASK, status_ask,  8,	 FRONT,		      JS | RAFT,	 8,   1024)		\
	F(STATUS,     status,	   9,	 JS | RAFT,	      FRONT,		 12,  FRAME_STATUS_MAX)
/* clang-format on */

#endif
