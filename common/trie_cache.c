#include "config.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "common/subject.h"
#include "common/trie_cache.h"

#define WAYS 8		      /* entries a set; the least recently used of them goes */
#define BLOCK_MIN 256u	      /* bytes of an entry's block: small ones are used over and over */
#define RESULT_SUBS_MAX 65536u /* a larger result is matched anew: delivering costs far more */
#define HELD_BYTES_MAX (16u << 20) /* of all blocks; beyond it old entries are dropped */

_Static_assert(RESULT_SUBS_MAX * sizeof(void *) * 4 <= HELD_BYTES_MAX,
    "a few of the largest results fit");

/*
 * One block an entry: this, then the subscriptions, the queues, the subject.
 */
struct entry {
	uint64_t hash;
	uint64_t generation;
	uint64_t used; /* the cache's clock at the last hit */
	uint64_t hits;
	struct trie_result result; /* its arrays lie in this block */
	uint32_t account;
	uint32_t block; /* bytes */
	uint16_t subject_n;
	uint8_t first_hash;
	const char *subject;
};

struct set {
	uint32_t tags[WAYS]; /* high bits of the hash; without entry any */
	struct entry *entries[WAYS];
	uint32_t recent; /* the way of the last hit: looked at first */
};

/* What is counted of an account: a hit in its entry, and here once the entry is gone. */
struct share {
	uint64_t hits, misses;
};

#define SHARES_MAX (1u << 20) /* accounts from there on have one share together */

#define STRANGERS 4096u /* subjects asked for once that are remembered; a power of two */

struct trie_cache {
	uint32_t mask; /* sets - 1 */
	bool off;
	uint64_t clock;
	struct share *shares; /* [nshares], by account */
	uint32_t nshares;
	struct share others; /* of accounts that have none */
	size_t held; /* bytes of all blocks */
	uint32_t hand; /* the set that gives up its entries next */
	struct trie_result scratch;
	struct set *sets;
	struct entry *last; /* of the last hit: most publishers say one subject many times; NULL */
	uint32_t strangers[STRANGERS]; /* tags of subjects that found a full set */
};

static struct share *share_of(struct trie_cache *, uint32_t account);
static bool fits(const struct trie_result *, struct str subject);
static size_t block_bytes(const struct trie_result *, struct str subject);
static bool is_stranger(struct trie_cache *, const struct set *, uint64_t hash);
static struct entry *place(struct trie_cache *, struct set *, uint64_t hash, size_t bytes);
static void fill(struct entry *, const struct trie_result *, struct str subject);
static void drop(struct trie_cache *, struct entry **);
static void make_room(struct trie_cache *, const struct set *keep);

struct trie_cache *
trie_cache_new(uint32_t entries)
{
	struct trie_cache *c = calloc(1, sizeof(*c));
	uint32_t sets = 1;

	if (c == NULL)
		return (NULL);
	while (sets * WAYS < entries && sets < (1u << 24))
		sets *= 2;
	c->off = entries == 0;
	c->mask = sets - 1;
	if ((c->sets = calloc(sets, sizeof(*c->sets))) == NULL) {
		free(c);
		return (NULL);
	}
	return (c);
}

void
trie_cache_free(struct trie_cache *c)
{
	uint32_t i, way;

	if (c == NULL)
		return;
	for (i = 0; i <= c->mask; i++) {
		for (way = 0; way < WAYS; way++)
			free(c->sets[i].entries[way]);
	}
	trie_result_free(&c->scratch);
	free(c->shares);
	free(c->sets);
	free(c);
}

static inline uint64_t
key_hash(uint32_t account, struct str subject)
{
	return (subject_hash(subject) ^ account * UINT64_C(0x9e3779b97f4a7c15));
}

static inline struct set *
set_of(struct trie_cache *c, uint64_t hash)
{
	return (&c->sets[(uint32_t)hash & c->mask]);
}

/* Few subjects are longer than two words: a call of memcmp costs more than to look at them. */
static inline bool
same_bytes(const char *a, const char *b, size_t n)
{
	uint64_t a0, a1, b0, b1;
	uint32_t c0, c1, d0, d1;

	if (n < sizeof(c0) || n > 2 * sizeof(a0))
		return (memcmp(a, b, n) == 0);
	if (n < sizeof(a0)) {
		memcpy(&c0, a, sizeof(c0));
		memcpy(&d0, b, sizeof(d0));
		memcpy(&c1, a + n - sizeof(c1), sizeof(c1));
		memcpy(&d1, b + n - sizeof(d1), sizeof(d1));
		return (((c0 ^ d0) | (c1 ^ d1)) == 0);
	}
	memcpy(&a0, a, sizeof(a0));
	memcpy(&b0, b, sizeof(b0));
	memcpy(&a1, a + n - sizeof(a1), sizeof(a1));
	memcpy(&b1, b + n - sizeof(b1), sizeof(b1));
	return (((a0 ^ b0) | (a1 ^ b1)) == 0);
}

static inline bool
is_subject(const struct entry *e, uint32_t account, struct str subject)
{
	return (e->subject_n == subject.n && e->account == account &&
	    same_bytes(e->subject, subject.p, subject.n));
}

static inline bool
is_of(const struct entry *e, uint64_t hash, uint32_t account, struct str subject)
{
	return (e != NULL && e->hash == hash && is_subject(e, account, subject));
}

static inline struct entry *
find(struct set *set, uint64_t hash, uint32_t account, struct str subject)
{
	uint32_t tag = (uint32_t)(hash >> 32), way = set->recent;

	if (set->tags[way] == tag && is_of(set->entries[way], hash, account, subject))
		return (set->entries[way]);
	for (way = 0; way < WAYS; way++) {
		if (set->tags[way] != tag || !is_of(set->entries[way], hash, account, subject))
			continue;
		set->recent = way;
		return (set->entries[way]);
	}
	return (NULL);
}

static const struct trie_result *
match_anew(struct trie_cache *c, uint32_t account, struct trie *t, struct str subject)
{
	share_of(c, account)->misses++;
	return (trie_match(t, subject, &c->scratch) == 0 ? &c->scratch : NULL);
}

/* The generation is taken before the match: a change in between makes the entry stale at once. */
static const struct trie_result *
match_and_keep(struct trie_cache *c, uint64_t hash, uint32_t account, struct trie *t,
    struct str subject)
{
	struct set *set = set_of(c, hash);
	uint8_t first_hash;
	uint64_t generation;
	const struct trie_result *result;
	struct entry *e;

	if (is_stranger(c, set, hash))
		return (match_anew(c, account, t, subject));
	first_hash = subject_first_hash(subject);
	generation = trie_generation(t, first_hash);
	result = match_anew(c, account, t, subject);
	if (result == NULL || !fits(result, subject))
		return (result);
	e = place(c, set, hash, block_bytes(result, subject));
	if (e == NULL)
		return (result); /* matched well, only not kept */
	e->hash = hash;
	e->account = account;
	e->generation = generation;
	e->first_hash = first_hash;
	e->used = ++c->clock;
	fill(e, result, subject);
	if (c->held > HELD_BYTES_MAX)
		make_room(c, set);
	return (&e->result);
}

const struct trie_result *
trie_cache_match(struct trie_cache *c, uint32_t account, struct trie *t, struct str subject)
{
	struct entry *e = c->last;
	uint64_t hash;

	if (c->off || subject.n > TRIE_CACHE_SUBJECT_MAX)
		return (match_anew(c, account, t, subject));
	if (e == NULL || !is_subject(e, account, subject)) {
		hash = key_hash(account, subject);
		e = find(set_of(c, hash), hash, account, subject);
		if (e == NULL)
			return (match_and_keep(c, hash, account, t, subject));
		c->last = e;
	}
	if (e->generation != trie_generation(t, e->first_hash))
		return (match_and_keep(c, e->hash, account, t, subject));
	e->hits++;
	e->used = ++c->clock;
	return (&e->result);
}

/* ---- figures ---- */

/* Grown by a miss, which is slow anyway. */
static struct share *
share_of(struct trie_cache *c, uint32_t account)
{
	struct share *shares;
	uint32_t n = c->nshares == 0 ? 16 : c->nshares;

	if (account < c->nshares)
		return (&c->shares[account]);
	if (account >= SHARES_MAX)
		return (&c->others);
	while (n <= account)
		n *= 2;
	if ((shares = reallocarray(c->shares, n, sizeof(*shares))) == NULL)
		return (&c->others);
	memset(shares + c->nshares, 0, (n - c->nshares) * sizeof(*shares));
	c->shares = shares;
	c->nshares = n;
	return (&c->shares[account]);
}

static void
add_entry(struct trie_cache_stats *s, const struct entry *e)
{
	uint32_t fanout = e->result.plain + e->result.nqueues;

	s->hits += e->hits;
	s->entries++;
	s->result_subs += fanout;
	if (fanout > s->max_fanout)
		s->max_fanout = fanout;
}

static void
add_share(struct trie_cache_stats *s, const struct share *share)
{
	s->hits += share->hits;
	s->misses += share->misses;
}

void
trie_cache_stats(const struct trie_cache *c, struct trie_cache_stats *out)
{
	uint32_t i, way;

	*out = (struct trie_cache_stats){ .hits = 0 };
	add_share(out, &c->others);
	for (i = 0; i < c->nshares; i++)
		add_share(out, &c->shares[i]);
	for (i = 0; i <= c->mask; i++) {
		for (way = 0; way < WAYS; way++) {
			if (c->sets[i].entries[way] != NULL)
				add_entry(out, c->sets[i].entries[way]);
		}
	}
}

void
trie_cache_shares(const struct trie_cache *c, struct trie_cache_stats *out, uint32_t n)
{
	const struct entry *e;
	uint32_t i, way;

	memset(out, 0, n * sizeof(*out));
	for (i = 0; i < c->nshares && i < n; i++)
		add_share(&out[i], &c->shares[i]);
	for (i = 0; i <= c->mask; i++) {
		for (way = 0; way < WAYS; way++) {
			if ((e = c->sets[i].entries[way]) != NULL && e->account < n)
				add_entry(&out[e->account], e);
		}
	}
}

/* It is about to be used for another subject, or is gone. */
static void
retire(struct trie_cache *c, struct entry *e)
{
	share_of(c, e->account)->hits += e->hits;
	e->hits = 0;
}

static bool
fits(const struct trie_result *r, struct str subject)
{
	return (r->total <= RESULT_SUBS_MAX && r->nqueues <= RESULT_SUBS_MAX && subject.n > 0);
}

static size_t
block_bytes(const struct trie_result *r, struct str subject)
{
	return (sizeof(struct entry) + r->total * sizeof(*r->subs) +
	    r->nqueues * sizeof(*r->queues) + subject.n);
}

/*
 * A subject that would drive another one out, and was not asked for lately.  Each reply of a request
 * goes to an inbox of its own: kept, they cost a cold block each (a tenth of a request's time), and
 * what is asked for again and again had to go for them.
 */
static bool
is_stranger(struct trie_cache *c, const struct set *set, uint64_t hash)
{
	uint32_t *at = &c->strangers[(hash >> 20) & (STRANGERS - 1)], tag = (uint32_t)(hash >> 32);
	unsigned way;

	if (*at == tag)
		return (false);
	for (way = 0; way < WAYS; way++)
		if (set->entries[way] == NULL || set->tags[way] == tag)
			return (false);
	*at = tag;
	return (true);
}

/*
 * The block to use in the set: the one of this key, else a free one, else the one whose last use is
 * longest ago; made larger when it must be, kept when it is large enough and not far too large.
 */
static struct entry *
place(struct trie_cache *c, struct set *set, uint64_t hash, size_t bytes)
{
	struct entry *e;
	size_t block = BLOCK_MIN;
	unsigned way, best = 0;

	for (way = 0; way < WAYS; way++) {
		e = set->entries[way];
		if (e == NULL || e->hash == hash) {
			best = way;
			if (e != NULL)
				break;
		} else if (set->entries[best] != NULL && e->used < set->entries[best]->used) {
			best = way;
		}
	}
	while (block < bytes)
		block *= 2;
	e = set->entries[best];
	if (e != NULL && (e->block < block || e->block / 4 > block)) {
		drop(c, &set->entries[best]);
		e = NULL;
	}
	if (e == NULL) {
		if ((e = malloc(block)) == NULL)
			return (NULL);
		e->block = (uint32_t)block;
		e->hits = 0;
		c->held += block;
		set->entries[best] = e;
	} else {
		retire(c, e);
	}
	set->tags[best] = (uint32_t)(hash >> 32);
	return (e);
}

static void
fill(struct entry *e, const struct trie_result *r, struct str subject)
{
	struct trie_sub **subs = (struct trie_sub **)(e + 1);
	struct trie_queue *queues = (struct trie_queue *)(subs + r->total);
	char *text = (char *)(queues + r->nqueues);

	if (r->total > 0)
		memcpy(subs, r->subs, r->total * sizeof(*subs));
	if (r->nqueues > 0)
		memcpy(queues, r->queues, r->nqueues * sizeof(*queues));
	memcpy(text, subject.p, subject.n);
	e->result = (struct trie_result){ .subs = subs, .plain = r->plain, .total = r->total,
	    .queues = queues, .nqueues = r->nqueues };
	e->subject = text;
	e->subject_n = (uint16_t)subject.n;
}

static void
drop(struct trie_cache *c, struct entry **at)
{
	if (*at == NULL)
		return;
	retire(c, *at);
	c->held -= (*at)->block;
	if (c->last == *at)
		c->last = NULL;
	free(*at);
	*at = NULL;
}

/* Set after set, so that what is used often comes back and what is not stays out. */
static void
make_room(struct trie_cache *c, const struct set *keep)
{
	uint32_t i;
	unsigned way;

	for (i = 0; i <= c->mask && c->held > HELD_BYTES_MAX; i++) {
		c->hand = (c->hand + 1) & c->mask;
		if (&c->sets[c->hand] == keep)
			continue;
		for (way = 0; way < WAYS; way++)
			drop(c, &c->sets[c->hand].entries[way]);
	}
}
