/*
 * echo_file - the effects of the echo and their marks, in one append-only file.
 *
 * A record, little endian, the next one right behind it:
 *
 *	0      4      8	      16	24	   32		 40
 *	| magic| len  | check | ring    | position | sequence  | len bytes of payload
 *
 * check: XXH3-64 of bytes 16..39 and the payload, seeded with the offset of the record, so that a record
 * in another place is none.  E.g. the first payload "hi" from position 96 of ring 7: "ECHO", 2, check,
 * 7, 96, 1, "hi": 42 bytes.
 *
 * One record is effect and mark at once: ring and position are the request it came from, so the highest
 * position of a ring is that ring's mark.  It is written by one write; a torn tail was never
 * answered and is cut off at open.
 */
#ifndef JS_ECHO_FILE_H
#define JS_ECHO_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/str.h"

struct echo_file;

/*
 * echo_file_open - store is a directory (the file `echo` in it) or itself the file; taken over.
 * echo_file_recover - reads all records: marks and sequence.  0; -1.
 */
struct echo_file *echo_file_open(int store, struct err *);
int echo_file_recover(struct echo_file *, struct err *);

/* echo_file_mark - the highest position applied of this ring; false: none yet. */
bool echo_file_mark(const struct echo_file *, uint64_t ring, uint64_t *position);

/* echo_file_find - the sequence that the request at this position got; 0: it was never applied. */
uint64_t echo_file_find(struct echo_file *, uint64_t ring, uint64_t position);

/* echo_file_append - effect and mark in one write; the sequence, from 1; 0: the reason in err. */
uint64_t echo_file_append(struct echo_file *, uint64_t ring, uint64_t position, struct str payload,
    struct err *);

/*
 * echo_file_quarantine - a request that has killed earlier lives is set aside, in the same format, in the
 * file `quarantine` beside the echo; nothing but an operator's hand removes it.  0; -1: the reason (a
 * store that is one memory file has no beside).
 */
int echo_file_quarantine(struct echo_file *, uint64_t ring, uint64_t position, struct str payload,
    struct err *);

uint64_t echo_file_last(const struct echo_file *); /* sequence; 0 when empty */

#endif
