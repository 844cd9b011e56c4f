/*
 * What is done for blocks nobody asks for, at a bounded rate: they are read, so that damage is found
 * while there is something to repair it from, and those with much that is dead are written anew.
 * And what replicas compare.
 */
#include "config.h"

#include <inttypes.h>
#include <xxhash.h>

#include "common/cursor.h"
#include "natsd-js/store/store_priv.h"

#define STEP_NS (100 * NS_PER_MS)
#define SPARSE_LEAST (64u << 10) /* smaller blocks are left as they are */

/* The block behind the last one; NULL: a round is over. */
static struct block *
care_next(struct store *store)
{
	struct stream *s = store_by_uid(store, store->care_uid);
	uint32_t i;

	if (s == NULL)
		s = store->all;
	else if (store->care_seq == UINT64_MAX)
		s = s->next_all;
	if (s == NULL || s->uid != store->care_uid || store->care_seq == UINT64_MAX)
		store->care_seq = 0;
	store->care_uid = s == NULL ? 0 : s->uid;
	if (s == NULL)
		return (NULL);
	i = s->offline ? s->block_count : block_find_index(s, store->care_seq);
	store->care_seq = i < s->block_count ? s->blocks[i]->last + 1 : UINT64_MAX;
	return (i < s->block_count ? s->blocks[i] : NULL);
}

/* Of all its bytes less than half are of messages that live. */
static bool
is_sparse(const struct block *b)
{
	uint64_t dead = block_numbers(b) - b->live;

	return (b->sealed && !b->is_new && b->flight == NULL && b->len >= SPARSE_LEAST &&
	    dead > b->live && b->bytes < b->len / 2);
}

static void
care_for(struct block *b)
{
	struct stream *s = b->stream;

	if (is_sparse(b) && block_rewrite(b, NULL) == 0)
		stream_touch(s);
	else
		(void)block_verify(b, NULL);
}

#define VERIFY_AT_ONCE 1000u

/* What an older life left in the index is looked at once, stream by stream. */
static void
sums_care(struct store *store)
{
	struct stream *s = store_by_uid(store, store->verify_uid);
	enum sums_result result;

	if (s == NULL || !s->sums_unseen)
		for (s = store->all; s != NULL && !s->sums_unseen; s = s->next_all)
			;
	store->verify_uid = s == NULL ? 0 : s->uid;
	if (s == NULL)
		return;
	result = sums_verify(store->sums, s->uid, VERIFY_AT_ONCE);
	s->sums_unseen = result == SUMS_OK;
	if (result != SUMS_ERROR)
		return;
	store_report(store, false, "stream %016" PRIx64 ": its index is damaged, and made again",
	    s->uid);
	s->sums_doubtful = true;
}

void
store_care(struct store *store, struct mono now)
{
	int64_t since = mono_diff_ns(now, store->care_at);
	struct block *b;

	if (store->verify_uid != 0)
		sums_care(store);
	if (store->options.care_rate == 0 || store->cutting || since < STEP_NS)
		return;
	b = care_next(store);
	store->care_at = now;
	if (b == NULL || b->len == 0)
		return;
	/* The next step waits until this one fits into the rate. */
	store->care_at.ns += (int64_t)((double)b->len / (double)store->options.care_rate * 1e9);
	care_for(b);
}

enum store_result
stream_digest(struct stream *s, uint64_t first, uint64_t last, uint64_t *digest, struct err *err)
{
	enum store_result result;
	struct store_message m;
	uint8_t head[24];
	struct wr out;

	*digest = 0;
	for (uint64_t seq = stream_live_next(s, first); seq != 0 && seq <= last;
	     seq = stream_live_next(s, seq + 1)) {
		result = stream_load(s, seq, &m, err);
		if (result != STORE_OK)
			return (result);
		out = wr_of(head, sizeof(head));
		wr_u64(&out, m.seq);
		wr_u64(&out, (uint64_t)m.time);
		wr_u32(&out, (uint32_t)m.subject.n);
		wr_u32(&out, (uint32_t)m.headers.n);
		*digest = XXH3_64bits_withSeed(head, sizeof(head), *digest);
		*digest = XXH3_64bits_withSeed(m.subject.p, m.subject.n, *digest);
		*digest = XXH3_64bits_withSeed(m.headers.p, m.headers.n, *digest);
		*digest = XXH3_64bits_withSeed(m.payload.p, m.payload.n, *digest);
	}
	return (STORE_OK);
}
