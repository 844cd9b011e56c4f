/*
 * num - numbers from outside, range-checked where they enter; arithmetic that cannot wrap.
 */
#ifndef COMMON_NUM_H
#define COMMON_NUM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"

/*
 * num_parse_u64, num_parse_i64 - decimal digits (for i64 an optional leading '-'), the whole of s.
 * Return 0; -1 when s is empty, holds anything else, or lies outside min..max.
 */
int num_parse_u64(struct str s, uint64_t min, uint64_t max, uint64_t *out);
int num_parse_i64(struct str s, int64_t min, int64_t max, int64_t *out);

/*
 * num_parse_go_int - what Go's flag package takes for an int: optional sign, 0x 0o 0b 0 prefixes,
 * single underscores between digits, also after a prefix (client.md 18.1).  0 or -1.
 */
int num_parse_go_int(struct str s, int64_t *out);

/*
 * num_parse_size - a payload size as parseSize reads it: 1 to 9 digits, no sign (client.md 3.1 rule
 * 8).  The value, or -1.
 */
int32_t num_parse_size(struct str s);

/* num_hex_digit - 0..15; -1: it is none. */
static inline int
num_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	return (c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1);
}

/* Checked arithmetic: false (and *out untouched) when the result does not fit. */
static inline bool
num_add_u64(uint64_t a, uint64_t b, uint64_t *out)
{
	uint64_t v;

	if (__builtin_add_overflow(a, b, &v))
		return (false);
	*out = v;
	return (true);
}

static inline bool
num_mul_u64(uint64_t a, uint64_t b, uint64_t *out)
{
	uint64_t v;

	if (__builtin_mul_overflow(a, b, &v))
		return (false);
	*out = v;
	return (true);
}

static inline bool
num_add_i64(int64_t a, int64_t b, int64_t *out)
{
	int64_t v;

	if (__builtin_add_overflow(a, b, &v))
		return (false);
	*out = v;
	return (true);
}

static inline bool
num_mul_i64(int64_t a, int64_t b, int64_t *out)
{
	int64_t v;

	if (__builtin_mul_overflow(a, b, &v))
		return (false);
	*out = v;
	return (true);
}

/* num_put_u64 - writes v in decimal at to (20 bytes are enough), no terminator; bytes written. */
unsigned num_put_u64(char *to, uint64_t v);

#endif
