/*
 * transform_priv - between the two halves of transform: reading a token of a destination, and what
 * is made of it.
 */
#ifndef COMMON_TRANSFORM_PRIV_H
#define COMMON_TRANSFORM_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/str.h"

#define MISFIT "invalid mapping destination: "
#define MISFIT_RANGE "wildcard index out of range"
#define MISFIT_UNKNOWN "unknown function"

enum step_kind {
	STEP_LITERAL,
	STEP_REST, /* a last `>`: what the source's `>` stood for */
	STEP_WILDCARD,
	STEP_PARTITION,
	STEP_SPLIT_FROM_LEFT,
	STEP_SPLIT_FROM_RIGHT,
	STEP_SLICE_FROM_LEFT,
	STEP_SLICE_FROM_RIGHT,
	STEP_SPLIT,
	STEP_LEFT,
	STEP_RIGHT,
	STEP_RANDOM,
};

struct step { /* one token of the destination */
	enum step_kind kind;
	struct str text;   /* LITERAL: the token; SPLIT: the delimiter; both point into dest */
	int64_t number;	   /* n, or a size or position */
	uint32_t *indexes; /* tokens of the subject, from 0; the functions of one token have one */
	uint32_t nindexes;
};

/* How a destination token reads before the wildcards of the source are known. */
struct reading {
	struct step step;
	int64_t index[1]; /* of the functions of one token */
	struct str more;  /* PARTITION: the indexes, as written */
	uint32_t nindexes;
};

/* transform_read - a token of a destination.  0; -1: nats-server's words. */
int transform_read(struct str token, struct reading *, struct err *);

/* transform_looks_like_call - in double braces; transform_is_call - and a function that there is. */
bool transform_looks_like_call(struct str token);
bool transform_is_call(struct str token);

/* transform_next_arg - cuts the next one off *rest; start with *more = true. */
bool transform_next_arg(struct str *rest, bool *more, struct str *arg);

/* transform_number - as an argument is written, blanks around it. */
bool transform_number(struct str, int64_t min, int64_t max, int64_t *);

/* transform_misfit - -1, "<MISFIT><why> in <token>". */
int transform_misfit(struct err *, const char *why, struct str token);

#endif
