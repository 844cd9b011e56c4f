/*
 * load_hist - a histogram of times: 32 buckets for each power of two, so a percentile is exact to
 * 3 %.
 */
#ifndef TESTS_BENCH_LOAD_HIST_H
#define TESTS_BENCH_LOAD_HIST_H

#include <stdint.h>

#define LOAD_HIST_SUB 32u
#define LOAD_HIST_BUCKETS (64u * LOAD_HIST_SUB)

struct load_hist {
	uint64_t count;
	uint64_t bucket[LOAD_HIST_BUCKETS];
};

void load_hist_add(struct load_hist *, uint64_t value);

/* load_hist_at - the value that `permille` of all lie at or below; 0 when there are none. */
uint64_t load_hist_at(const struct load_hist *, unsigned permille);

#endif
