#include "config.h"

#include "natsd-front/own_msg.h"

#include "natsd-front/deliver.h"
#include "natsd-front/msg.h"

/* The empty reply stands in the line, as in all that the server itself sends. */
void
own_msg_publish(struct worker *w, struct account *a, struct str subject, const struct buf *body,
    size_t hdr)
{
	char line[MSG_LINE_MAX(0) + 1];
	struct msg m = { .subject = subject, .body = buf_str(body), .hdr = (uint32_t)hdr };
	size_t n = body->len - 2;

	m.body.n = n;
	line[0] = ' ';
	m.line = (struct str){ line, 1 + msg_line_write(line + 1, STR_NONE, hdr, n) };
	deliver(w, a, &m, NULL);
}
