/*
 * store_model - a slow store in memory, and the comparison of a real one with it.
 */
#ifndef TESTS_UNIT_STORE_MODEL_H
#define TESTS_UNIT_STORE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "natsd-js/store/store.h"
#include "tests/unit/seed.h"

#define MODEL_STREAMS 3u
#define MODEL_SEQS 2048u
#define MODEL_SUBJECTS 8u
#define MODEL_KEYS 4u
#define MODEL_IDS 24u
#define MODEL_WINDOW 400

struct model_message {
	bool here;
	uint8_t subject;
	uint32_t what; /* headers and payload are made of it */
	int64_t time;
	int64_t expires; /* if it says so: what */
};

struct model_id {
	uint64_t seq; /* 0: none */
	int64_t time;
};

struct model_stream {
	bool here;
	uint32_t life; /* which incarnation */
	uint64_t last;
	int64_t last_time;
	struct model_message messages[MODEL_SEQS];
	uint32_t small[MODEL_KEYS]; /* 0: none */
	uint64_t mark;
	struct model_id ids[MODEL_IDS];
	int64_t now; /* when it was changed last */
	uint32_t erased[MODEL_SEQS]; /* the how manieth erasure it was; 0: none */
	uint32_t erasures;
};

struct model {
	struct model_stream streams[MODEL_STREAMS];
};

struct str model_subject(unsigned n);
struct str model_name(unsigned stream);

/* model_fill - the message that `what` stands for, in memory of the caller's. */
#define MODEL_PAYLOAD_MAX (300u << 10)
#define MODEL_MESSAGE_MAX (MODEL_PAYLOAD_MAX + 64)
void model_fill(struct model_message *, struct store_message *, uint8_t *memory);

/* model_step - one random change to both; false: the store said BUSY, FULL or ERROR, and the model
 * was not changed.  model_look - one random look-up, compared. */
bool model_step(struct model *, struct store *, struct seed *, int64_t now);
void model_look(const struct model *, struct store *, struct seed *);

/* model_differs - NULL: the store holds what the model says; else what is different. */
const char *model_differs(const struct model *, struct store *);
const char *model_stream_differs(const struct model_stream *, struct stream *);

#endif
