/*
 * metrics - text format of Prometheus, version 0.0.4: families of samples.
 *
 * Names are built from our own words, except for keys of objects, which lose every byte that a name
 * may not have.  The values of labels may hold any byte; they are escaped, and what is no UTF-8 is
 * replaced.  The first shortage of memory is sticky.
 */
#ifndef FRONT_METRICS_H
#define FRONT_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/str.h"

enum metrics_type { METRICS_GAUGE, METRICS_COUNTER, METRICS_UNTYPED };

#define METRICS_NAME_MAX 256u

struct metrics {
	struct buf *to;
	char name[METRICS_NAME_MAX]; /* of the family in work */
	unsigned labels; /* of the sample in work */
	bool failed;
};

void metrics_begin(struct metrics *, struct buf *to);
int metrics_end(const struct metrics *); /* 0; -1: memory or the buf's bound */

/* metrics_family - <prefix>_<name>, of which samples follow; help NULL: the name. */
void metrics_family(struct metrics *, const char *prefix, struct str name, enum metrics_type,
    const char *help);

/* A sample: metrics_sample, any number of metrics_label, then one value. */
void metrics_sample(struct metrics *);
void metrics_label(struct metrics *, const char *name, struct str value);
void metrics_u64(struct metrics *, uint64_t);
void metrics_i64(struct metrics *, int64_t);
void metrics_num(struct metrics *, double); /* finite */

#endif
