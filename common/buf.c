#include "config.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

#define BUF_FIRST_BYTES 64u

uint8_t *
buf_room(struct buf *b, size_t n)
{
	size_t need, size;
	uint8_t *data;

	assert(b->len <= b->size);
	if (b->data != NULL && n <= b->size - b->len)
		return (b->data + b->len);
	if (b->len > b->max || n > b->max - b->len)
		return (NULL);
	need = b->len + n;
	size = b->size > b->max / 2 ? b->max : b->size * 2;
	if (size < BUF_FIRST_BYTES)
		size = BUF_FIRST_BYTES;
	if (size < need)
		size = need;
	if ((data = realloc(b->data, size)) == NULL)
		return (NULL);
	b->data = data;
	b->size = size;
	return (b->data + b->len);
}

int
buf_add(struct buf *b, const void *p, size_t n)
{
	uint8_t *to;

	if (n == 0)
		return (0);
	if ((to = buf_room(b, n)) == NULL)
		return (-1);
	memcpy(to, p, n);
	b->len += n;
	return (0);
}

int
buf_add_str(struct buf *b, struct str s)
{
	return (buf_add(b, s.p, s.n));
}

int
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	uint8_t *to;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n > b->max - b->len)
		return (-1);
	/* vsnprintf wants room for its terminator; it stays behind len, and may pass max by one. */
	b->max++;
	to = buf_room(b, (size_t)n + 1);
	b->max--;
	if (to == NULL)
		return (-1);
	va_start(ap, fmt);
	vsnprintf((char *)to, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return (0);
}

void
buf_drop_front(struct buf *b, size_t n)
{
	assert(n <= b->len);
	if (n == 0)
		return;
	b->len -= n;
	memmove(b->data, b->data + n, b->len);
}

void
buf_free(struct buf *b)
{
	free(b->data);
	*b = BUF_INIT(b->max);
}
