#include "config.h"

#include "tests/bench/load_hist.h"

#define SUB_BITS 5u

_Static_assert(1u << SUB_BITS == LOAD_HIST_SUB, "one bucket for each value of the sub bits");

/* Values below 32 have a bucket each; above, the five bits behind the highest one choose. */
static unsigned
bucket_of(uint64_t value)
{
	unsigned top;

	if (value < LOAD_HIST_SUB)
		return ((unsigned)value);
	top = 63u - (unsigned)__builtin_clzll(value);
	return ((top - SUB_BITS + 1) * LOAD_HIST_SUB +
	    (unsigned)(value >> (top - SUB_BITS) & (LOAD_HIST_SUB - 1)));
}

static uint64_t
bucket_floor(unsigned bucket)
{
	unsigned group = bucket / LOAD_HIST_SUB;
	uint64_t sub = bucket % LOAD_HIST_SUB;

	return (group == 0 ? sub : (LOAD_HIST_SUB + sub) << (group - 1));
}

void
load_hist_add(struct load_hist *h, uint64_t value)
{
	h->bucket[bucket_of(value)]++;
	h->count++;
}

uint64_t
load_hist_at(const struct load_hist *h, unsigned permille)
{
	uint64_t seen = 0, want = (h->count * permille + 999) / 1000;
	unsigned i;

	for (i = 0; i < LOAD_HIST_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen >= want && seen > 0)
			return (bucket_floor(i));
	}
	return (0);
}
