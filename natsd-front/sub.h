/*
 * sub - one subscription: of a client connection, or of natsd-js or natsd-raft.
 *
 * It stands in the trie of its account, where every worker meets it.  What another worker may look
 * at is written before trie_insert and never changed; what the owner changes is marked.  The memory
 * goes when no worker can hold it any more (qsbr).
 */
#ifndef FRONT_SUB_H
#define FRONT_SUB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/qsbr.h"
#include "common/str.h"
#include "common/trie.h"
#include "natsd-front/slots.h"

struct account;
struct conn;

enum sub_kind { SUB_CLIENT, SUB_ROLE };

struct sub {
	struct trie_sub node; /* first: the trie's */
	struct qsbr_head retire;
	struct account *account;
	struct conn *conn;    /* SUB_CLIENT; only its worker follows it */
	struct handle handle; /* SUB_CLIENT: among the subscriptions of its worker */
	union {
		uint64_t role_sid; /* SUB_ROLE: the role's own id of it */
		uint64_t number;   /* SUB_CLIENT: among all that its connection ever made */
	};
	uint64_t delivered;   /* owner only */
	_Atomic uint64_t max; /* written by the owner; 0: none */
	/*
	 * With a max: deliveries that publishers of any worker have laid claim to, so that they
	 * know at once whether it still takes one.  The owner's `delivered` decides: what was on
	 * its way when max was set is not in here.
	 */
	_Atomic uint64_t claimed;
	uint32_t sid_hash;
	uint16_t worker;
	uint8_t kind;
	uint8_t role; /* SUB_ROLE: index of the role (peer.h) */
	uint32_t sid_n, subject_n, queue_n;
	char text[]; /* sid, subject, queue */
};

/* sub_claim - one delivery; false: it is at its limit.  Any worker. */
static inline bool
sub_claim(struct sub *s)
{
	uint64_t max = atomic_load_explicit(&s->max, memory_order_relaxed);

	return (max == 0 ||
	    atomic_fetch_add_explicit(&s->claimed, 1, memory_order_relaxed) < max);
}

/* sub_unclaim - its owner refused what was claimed: it takes another one instead. */
static inline void
sub_unclaim(struct sub *s)
{
	if (atomic_load_explicit(&s->max, memory_order_relaxed) != 0)
		atomic_fetch_sub_explicit(&s->claimed, 1, memory_order_relaxed);
}

/* sub_set_max - owner only. */
static inline void
sub_set_max(struct sub *s, uint64_t max)
{
	atomic_store_explicit(&s->claimed, s->delivered, memory_order_relaxed);
	atomic_store_explicit(&s->max, max, memory_order_relaxed);
}

static inline uint64_t
sub_max(const struct sub *s)
{
	return (atomic_load_explicit(&s->max, memory_order_relaxed));
}

/* sub_new - memory and texts; the caller fills the rest.  NULL: no memory. */
struct sub *sub_new(enum sub_kind, struct str sid, struct str subject, struct str queue);
void sub_free(struct sub *); /* never stood in a trie */

/* sub_retire - was removed from its trie: freed once nobody can hold it. */
void sub_retire(struct qsbr *, struct sub *);

static inline struct str
sub_sid(const struct sub *s)
{
	return ((struct str){ s->text, s->sid_n });
}

static inline struct str
sub_subject(const struct sub *s)
{
	return ((struct str){ s->text + s->sid_n, s->subject_n });
}

static inline struct str
sub_queue(const struct sub *s)
{
	return ((struct str){ s->text + s->sid_n + s->subject_n, s->queue_n });
}

/*
 * sub_map - the subscriptions of one connection by their sid: open addressing, no memory while
 * empty.
 */
struct sub_map {
	struct sub **at; /* size entries, NULL: free */
	uint32_t size;	 /* a power of two, or 0 */
	uint32_t used;
};

struct sub *sub_map_find(const struct sub_map *, struct str sid);
int sub_map_add(struct sub_map *, struct sub *); /* 0; -1: no memory.  The sid is new */
void sub_map_remove(struct sub_map *, struct sub *);
void sub_map_free(struct sub_map *); /* the table, not the subscriptions */

#endif
