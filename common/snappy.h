/*
 * snappy - the framing format of Snappy, written only: what clients ask for with
 * `Accept-Encoding: snappy` in events and monitoring answers.
 *
 * Debian's library is C++, whose run-time would be larger than all of the front.
 * https://github.com/google/snappy/blob/main/framing_format.txt, format_description.txt
 */
#ifndef COMMON_SNAPPY_H
#define COMMON_SNAPPY_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/* snappy_frame - a whole stream of n bytes, appended to out.  0; -1: no memory, or out's bound. */
int snappy_frame(struct buf *out, const void *, size_t n);

/* snappy_crc - CRC-32C of bytes, as the format masks it. */
uint32_t snappy_crc(const void *, size_t n);

#endif
