/*
 * params - options of a page out of its query, refused in the words of nats-server.
 */
#ifndef FRONT_PARAMS_H
#define FRONT_PARAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/str.h"

struct params {
	struct str query;
	struct buf value; /* scratch */
	struct buf error; /* why a value was refused */
};

#define PARAMS_VALUE_MAX 65536u

void params_init(struct params *, struct str query);
void params_free(struct params *);

/* params_<type> - *out stays as it is when the key is absent or empty.  0; -1: see error. */
int params_bool(struct params *, const char *key, bool *out);
int params_int(struct params *, const char *key, int64_t *out);
int params_u64(struct params *, const char *key, uint64_t *out);

/* params_text - a copy, malloc'ed, yours; NULL when absent or empty, or without memory.  A NUL in it is
 * \1: what nothing is called either. */
char *params_text(struct params *, const char *key);

/* params_refuse - sets error.  Returns -1. */
int params_refuse(struct params *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* params_is_true - is it one of Go's words for true?  For natsd's own keys, which refuse nothing. */
bool params_is_true(struct params *, const char *key);

#endif
