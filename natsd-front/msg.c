#include "config.h"

#include <string.h>

#include "common/num.h"
#include "natsd-front/msg.h"

size_t
msg_line_digits(char *out, struct str reply, struct str hdr, struct str size)
{
	const struct str *parts[] = { &reply, &hdr, &size };
	char *at = out;
	unsigned i;

	for (i = 0; i < 3; i++) {
		if (parts[i]->n == 0)
			continue;
		*at++ = ' ';
		memcpy(at, parts[i]->p, parts[i]->n);
		at += parts[i]->n;
	}
	*at++ = '\r';
	*at++ = '\n';
	return ((size_t)(at - out));
}

size_t
msg_line_write(char *out, struct str reply, size_t hdr, size_t size)
{
	char h[20], s[20];
	struct str hdr_digits = { h, hdr == 0 ? 0 : num_put_u64(h, hdr) };
	struct str size_digits = { s, num_put_u64(s, size) };

	return (msg_line_digits(out, reply, hdr_digits, size_digits));
}

size_t
msg_line_plain(char *out, const struct msg *m)
{
	size_t blank = m->reply.n == 0 && m->line.n > 1 && m->line.p[1] == ' ';

	out[0] = ' ';
	return (blank + msg_line_write(out + blank, m->reply, 0, m->body.n - m->hdr));
}
