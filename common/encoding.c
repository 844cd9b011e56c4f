#include "config.h"

#include "common/encoding.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>
#define ZLIB_CONST /* input is not written to */
#include <zlib.h>

#include "common/snappy.h"

#define GZIP_WINDOW (15 + 16) /* zlib's way to say gzip */
#define GZIP_MEMORY 8

static bool
names(struct str accept, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= accept.n; i++)
		if (strncasecmp(accept.p + i, word, n) == 0)
			return (true);
	return (false);
}

enum encoding
encoding_asked(struct str accept)
{
	if (accept.n == 0)
		return (ENCODING_NONE);
	if (names(accept, "snappy") || names(accept, "s2"))
		return (ENCODING_SNAPPY);
	return (names(accept, "gzip") ? ENCODING_GZIP : ENCODING_UNKNOWN);
}

const char *
encoding_name(enum encoding e)
{
	switch (e) {
	case ENCODING_NONE:
		return (NULL);
	case ENCODING_GZIP:
		return ("gzip");
	case ENCODING_SNAPPY:
		return ("snappy");
	case ENCODING_UNKNOWN:
		break;
	}
	return ("identity");
}

static int
pack_gzip(struct buf *out, struct str plain)
{
	z_stream z = { .zalloc = Z_NULL };
	size_t room;
	uint8_t *to;
	int rc = Z_MEM_ERROR;

	if (plain.n > UINT32_MAX / 2 || deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
	    GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
		return (-1);
	room = deflateBound(&z, (uLong)plain.n);
	if ((to = buf_room(out, room)) != NULL) {
		z.next_in = (const Bytef *)plain.p;
		z.avail_in = (uInt)plain.n;
		z.next_out = to;
		z.avail_out = (uInt)room;
		rc = deflate(&z, Z_FINISH);
		out->len += rc == Z_STREAM_END ? z.total_out : 0;
	}
	deflateEnd(&z);
	return (rc == Z_STREAM_END ? 0 : -1);
}

int
encoding_pack(enum encoding e, struct buf *out, struct str plain)
{
	switch (e) {
	case ENCODING_GZIP:
		return (pack_gzip(out, plain));
	case ENCODING_SNAPPY:
		return (snappy_frame(out, plain.p, plain.n));
	case ENCODING_NONE:
	case ENCODING_UNKNOWN:
		break;
	}
	return (buf_add_str(out, plain));
}
