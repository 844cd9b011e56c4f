/*
 * trie_cache - one worker's memory of match results: TRIE_CACHE_ENTRIES entries, keyed by account
 * and subject, least recently used goes; a changed generation makes an entry a miss.
 *
 * Owner: one worker; nobody else looks inside.  A hit allocates nothing and takes no lock.
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

struct trie_cache *trie_cache_new(uint32_t entries); /* 0: caching off */
void trie_cache_free(struct trie_cache *);

/*
 * trie_cache_match - the result for a subject; borrowed, valid until the next call or until the
 * caller is quiescent.  account: any number that is unique per trie for ever.  NULL: no memory.
 */
const struct trie_result *trie_cache_match(struct trie_cache *, uint32_t account, struct trie *,
    struct str subject);

void trie_cache_stats(const struct trie_cache *, struct trie_cache_stats *);

#endif
