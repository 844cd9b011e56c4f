#include "config.h"

#include "common/num.h"
#include "natsd-front/monitor/http_chunks.h"

#define DIGITS_MAX 16
#define OTHER_MAX (16u << 10) /* bytes that are no data: sizes, extensions, trailers */

/* A byte of a size; what may stand behind one: blanks, an extension, CR. */
static int
size_byte(struct http_chunks *c, char b)
{
	int digit = num_hex_digit(b);

	if (digit >= 0 && c->state != HTTP_CHUNKS_EXTENSION) {
		if (++c->digits > DIGITS_MAX)
			return (-1);
		c->left = c->left << 4 | (uint64_t)digit;
		c->state = HTTP_CHUNKS_DIGITS;
		return (0);
	}
	if (c->digits == 0 || b == '\n')
		return (-1);
	if (b == '\r')
		c->state = HTTP_CHUNKS_SIZE_LF;
	else if (c->state == HTTP_CHUNKS_EXTENSION || b == ';' || b == ' ' || b == '\t')
		c->state = HTTP_CHUNKS_EXTENSION;
	else
		return (-1);
	return (0);
}

static int
must_be(struct http_chunks *c, char b, char wanted, enum http_chunks_state next)
{
	c->state = next;
	return (b == wanted ? 0 : -1);
}

static void
begin_size(struct http_chunks *c)
{
	c->state = HTTP_CHUNKS_SIZE;
	c->digits = 0;
	c->left = 0;
}

/* A byte that is no data.  1: the last one. */
static int
one_byte(struct http_chunks *c, char b)
{
	switch (c->state) {
	case HTTP_CHUNKS_SIZE:
	case HTTP_CHUNKS_DIGITS:
	case HTTP_CHUNKS_EXTENSION:
		return (size_byte(c, b));
	case HTTP_CHUNKS_SIZE_LF:
		return (must_be(c, b, '\n', c->left == 0 ? HTTP_CHUNKS_TRAILER : HTTP_CHUNKS_DATA));
	case HTTP_CHUNKS_DATA_CR:
		return (must_be(c, b, '\r', HTTP_CHUNKS_DATA_LF));
	case HTTP_CHUNKS_DATA_LF:
		begin_size(c);
		return (b == '\n' ? 0 : -1);
	case HTTP_CHUNKS_TRAILER:
		c->state = b == '\r' ? HTTP_CHUNKS_END_LF : HTTP_CHUNKS_TRAILER_REST;
		return (b == '\n' ? -1 : 0);
	case HTTP_CHUNKS_TRAILER_REST:
		if (b == '\r')
			c->state = HTTP_CHUNKS_TRAILER_LF;
		return (b == '\n' ? -1 : 0);
	case HTTP_CHUNKS_TRAILER_LF:
		return (must_be(c, b, '\n', HTTP_CHUNKS_TRAILER));
	case HTTP_CHUNKS_END_LF:
		return (b == '\n' ? 1 : -1);
	case HTTP_CHUNKS_DATA:
		break;
	}
	return (-1);
}

static size_t
skip_data(struct http_chunks *c, size_t n)
{
	if (n > c->left)
		n = (size_t)c->left;
	c->left -= n;
	c->data += n;
	if (c->left == 0)
		c->state = HTTP_CHUNKS_DATA_CR;
	return (n);
}

int
http_chunks_skip(struct http_chunks *c, struct str in, size_t *used)
{
	int rc = 0;

	*used = 0;
	while (rc == 0 && *used < in.n) {
		if (c->state == HTTP_CHUNKS_DATA) {
			*used += skip_data(c, in.n - *used);
		} else {
			rc = one_byte(c, in.p[(*used)++]);
			c->other++;
		}
		if (c->data > HTTP_BODY_SKIPPED_MAX || c->other > OTHER_MAX)
			rc = -1;
	}
	return (rc);
}
