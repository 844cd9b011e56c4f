/*
 * trie - who is interested in a subject: subscriptions of one account, by token (client.md 10.3).
 *
 *	        (root)
 *	       /   |   \
 *	   orders  *    >          children by token; a wildcard child each for * and >
 *	   /    \
 *	 new    *                  a node holds a list of plain subscriptions
 *	                           and a list of queue groups, each with its members
 *
 * Writers (SUB, UNSUB, closing) hold the trie's own mutex.  Readers take no lock: they are online in
 * the qsbr domain and follow pointers stored with release order.  A removed subscription stays
 * readable until the grace period is over: the caller retires its memory with qsbr_retire *after*
 * trie_remove.
 *
 * Generations: 256 counters by hash of the first token.  A change bumps the one of its subject's
 * first token, a subject whose first token is a wildcard bumps all (by one number added to each).  Who took the counter before a
 * match may keep the result while the counter stands (trie_cache.h).
 */
#ifndef COMMON_TRIE_H
#define COMMON_TRIE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/qsbr.h"
#include "common/str.h"

struct trie;
struct trie_node;
struct trie_group;

/* Embedded first in whatever subscribes.  Written by the trie only, under its mutex.  One that was
 * removed may stand in a reader's hand: it is not inserted again before its grace period is over. */
struct trie_sub {
	struct trie_sub *_Atomic next; /* in its node's or its group's list */
	struct trie_sub *prev;
	struct trie_node *node;	  /* NULL: not in a trie */
	struct trie_group *group; /* NULL: a plain subscription */
	uint32_t weight;	  /* of a remote queue subscription; local ones 1 */
};

/* A match.  Arrays belong to the result; the subscriptions in them are borrowed (see qsbr). */
struct trie_queue {
	struct str name; /* borrowed from the trie */
	uint32_t first;	 /* members are subs[first .. first + n) of the result */
	uint32_t n;
};

struct trie_result {
	struct trie_sub **subs; /* plain ones first, then the members of each group */
	uint32_t plain;		/* how many of them are plain */
	uint32_t total;
	struct trie_queue *queues;
	uint32_t nqueues;
	uint32_t subs_size, queues_size; /* allocated */

	struct trie_group **found; /* scratch of trie_match: groups before they are joined */
	uint32_t nfound, found_size;
};

struct trie_stats {
	uint64_t subs, inserts, removes;
};

struct trie *trie_new(struct qsbr *); /* NULL: no memory */
void trie_free(struct trie *);	      /* all subscriptions were removed; no reader is left */

/*
 * trie_insert - adds sub under a subject that subject_valid_sub() accepts; queue empty: plain.
 * The subject is copied as far as needed.  0; -1: no memory, nothing changed.
 * trie_remove - takes it out; later matches do not have it.  sub->node must not be NULL.
 * Any thread.
 */
int trie_insert(struct trie *, struct trie_sub *, struct str subject, struct str queue);
void trie_remove(struct trie *, struct trie_sub *);

/*
 * trie_match - all that a literal subject reaches, into `out`, whose arrays are reused and grown.
 * Same-named groups of several nodes are joined.  A subject with an empty token reaches nothing.
 * Reader, online.  0; -1: no memory.
 */
int trie_match(struct trie *, struct str subject, struct trie_result *out);
void trie_result_free(struct trie_result *);

/* trie_has - whether anything at all would match: no allocation.  Reader, online. */
bool trie_has(struct trie *, struct str subject);

/* trie_generation - of the counter for this first-token hash (subject_first_hash); only grows. */
uint64_t trie_generation(const struct trie *, uint8_t first_hash);

void trie_stats(struct trie *, struct trie_stats *);

/*
 * trie_visit - every subscription, under the mutex; for monitoring, sweeps and reload.  fn calls
 * nothing of this trie; what it wants removed it collects.
 */
void trie_visit(struct trie *, void (*fn)(struct trie_sub *, void *), void *);

#endif
