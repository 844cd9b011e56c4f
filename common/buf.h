/*
 * buf - a growing run of bytes with one owner.
 *
 * Invariant: len <= size; data is NULL exactly when size is 0.  Growth doubles and stops at a
 * bound that the owner states; an append that would pass it, or that finds no memory, changes
 * nothing and returns -1.
 */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

struct buf {
	uint8_t *data;
	size_t len;
	size_t size;
	size_t max; /* bytes; never grows beyond */
};

#define BUF_INIT(max_bytes) ((struct buf){ .max = (max_bytes) })

/* buf_room - space for n more bytes behind len (does not change len); NULL: bound or memory. */
uint8_t *buf_room(struct buf *, size_t n);

int buf_add(struct buf *, const void *, size_t);
int buf_add_str(struct buf *, struct str);
int buf_addf(struct buf *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* buf_drop_front - forget the first n bytes (n <= len), the rest moves down. */
void buf_drop_front(struct buf *, size_t n);

/* buf_free - gives the memory back; the buf is empty and usable again, with the same bound. */
void buf_free(struct buf *);

static inline struct str
buf_str(const struct buf *b)
{
	return ((struct str){ .p = (const char *)b->data, .n = b->len });
}

#endif
