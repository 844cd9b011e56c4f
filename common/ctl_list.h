/*
 * ctl_list - every message on the control sockets between the supervisor and its children.
 *
 * Like frame_list.h: one row declares everything.  fds: how many descriptors come with it.
 * The supervisor treats every message from a child as hostile: fixed types, bounded sizes, no
 * string used as a path or command (faults.md rule 23).
 */
#ifndef COMMON_CTL_LIST_H
#define COMMON_CTL_LIST_H

#define CTL_TEXT_MAX 4096u /* bytes of a reason or name in a control message */

/* clang-format off */
#define CTL_LIST(C)									\
	/*NAME,		name,	       code, from,		 max payload,	      fds */	\
	C(HELLO,	hello,	       1,    SUPERVISOR,	 64 + CTL_TEXT_MAX,   0)	\
	C(CONFIG,	config,	       2,    SUPERVISOR,	 16,		      1)	\
	C(LISTENER,	listener,      3,    SUPERVISOR,	 16 + CTL_TEXT_MAX,   1)	\
	C(BELL,		bell,	       4,    SUPERVISOR,	 16,		      2)	\
	C(RING,		ring,	       5,    SUPERVISOR,	 32,		      2)	\
	C(ACCOUNTS,	accounts,      6,    SUPERVISOR,	 8,		      1)	\
	C(STORE,	store,	       7,    SUPERVISOR,	 8,		      1)	\
	C(GO,		go,	       8,    SUPERVISOR,	 8,		      0)	\
	C(READY,	ready,	       9,    FRONT | JS | RAFT,	 8,		      0)	\
	C(PING,		ping,	       10,   SUPERVISOR,	 16,		      0)	\
	C(PONG,		pong,	       11,   FRONT | JS | RAFT,	 32,		      0)	\
	C(CONFIG_VALID, config_valid,  12,   FRONT | JS | RAFT,	 16 + CTL_TEXT_MAX,   0)	\
	C(CONFIG_USE,	config_use,    13,   SUPERVISOR,	 16,		      0)	\
	C(CONFIG_DROP,	config_drop,   14,   SUPERVISOR,	 16,		      0)	\
	C(PEER,		peer,	       15,   SUPERVISOR,	 64 + CTL_TEXT_MAX,   0)	\
	C(PEER_FAULT,	peer_fault,    16,   FRONT | JS | RAFT,	 16 + CTL_TEXT_MAX,   0)	\
	C(LAME_DUCK,	lame_duck,     17,   SUPERVISOR,	 8,		      0)	\
	C(LAME_DONE,	lame_done,     18,   FRONT,		 8,		      0)	\
	C(STOP,		stop,	       19,   SUPERVISOR,	 8,		      0)	\
	C(STOPPED,	stopped,       20,   FRONT | JS | RAFT,	 8,		      0)	\
	C(USAGE_ASK,	usage_ask,     21,   FRONT,		 16,		      0)	\
	C(USAGE,	usage,	       22,   SUPERVISOR,	 128,		      0)	\
	C(PROBE,	probe,	       23,   SUPERVISOR,	 16 + CTL_TEXT_MAX,   0)	\
	C(PROBED,	probed,	       24,   FRONT | JS | RAFT,	 16 + CTL_TEXT_MAX,   0)	\
	C(CID,		cid,	       25,   FRONT,		 16,		      0)	\
	C(DRAINED,	drained,       26,   JS | RAFT,		 16,		      0)	\
	C(CONFIG_USED,	config_used,   27,   FRONT,		 16,		      0)
/* clang-format on */

#endif
