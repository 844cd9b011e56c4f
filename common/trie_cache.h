/*
 * trie_cache - one worker's memory of match results: TRIE_CACHE_ENTRIES entries, keyed by account
 * and subject; a changed generation makes an entry a miss.
 *
 * Set-associative: of the eight entries that a key can have, the least recently used one goes, but
 * only for a subject that was asked for before: inboxes that are used once drive nothing out.
 * Results of more than 64 Ki subscriptions are not kept, and all kept ones together take at most
 * 16 MiB.
 *
 * Owner: one worker; nobody else looks inside.  A hit allocates nothing and takes no lock; a miss
 * uses the memory of the entry that it replaces when that is large enough.
 */
#ifndef COMMON_TRIE_CACHE_H
#define COMMON_TRIE_CACHE_H

#include "common/trie.h"

#define TRIE_CACHE_ENTRIES 8192
#define TRIE_CACHE_SUBJECT_MAX 256 /* longer subjects are matched anew each time */

struct trie_cache;

struct trie_cache_stats {
	uint64_t hits, misses;
	uint64_t result_subs; /* sum over cached results, a queue group counts 1 */
	uint32_t entries;
	uint32_t max_fanout;
};

/* trie_cache_new - room for at least so many entries; 0: caching off.  NULL: no memory. */
struct trie_cache *trie_cache_new(uint32_t entries);
void trie_cache_free(struct trie_cache *);

/*
 * trie_cache_match - the result for a subject; borrowed, valid until the next call or until the
 * caller is quiescent.  account: a small number that is unique per trie for ever.  NULL: no memory.
 * The worker is online in the trie's qsbr domain.
 */
const struct trie_result *trie_cache_match(struct trie_cache *, uint32_t account, struct trie *,
    struct str subject);

/* trie_cache_stats - looks at all entries: for monitoring.  trie_cache_shares - by account, into out[n];
 * accounts with numbers from n on are left out. */
void trie_cache_stats(const struct trie_cache *, struct trie_cache_stats *);
void trie_cache_shares(const struct trie_cache *, struct trie_cache_stats *out, uint32_t n);

#endif
