/*
 * msg - one message as the writer of protocol lines wants it: what stands behind the subscription
 * id is the same for every receiver and is one run of bytes.
 *
 *	MSG orders.new 7 _INBOX.x 5\r\nhello\r\n
 *	    |subject |   |line        |body  |		body: headers, then payload
 *
 * Everything is borrowed: from the read buffer of the publisher, a ring record, or a frame.  When
 * `blob` is not NULL, body and the CR LF behind it lie in it and may be shared instead of copied.
 */
#ifndef FRONT_MSG_H
#define FRONT_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"
#include "natsd-front/blob.h"

struct msg_trace;

#define MSG_SHARE_MIN 8192u /* bytes of a body that is shared rather than copied per receiver */

struct msg {
	struct str subject;
	struct str reply; /* n 0: none */
	struct str line;  /* " [reply ][hdr ]size\r\n"; from the server itself: two blanks in front */
	struct str body;  /* CR LF stands behind it */
	uint32_t hdr;	  /* bytes of headers at the front of body */
	bool joined;	  /* line, body and CR LF are one run */
	struct blob *blob;
	struct msg_trace *trace; /* NULL: it is not traced */
};

/* msg_line_max - bytes that msg_line_write needs at most for a reply of n bytes. */
#define MSG_LINE_MAX(reply_n) ((reply_n) + 2 * 21 + 4)

/* msg_line_write - " [reply ][hdr ]size\r\n" into out; hdr 0: without.  The length.
 * msg_line_digits - the same with digits as somebody wrote them (at most 20); hdr.n 0: without. */
size_t msg_line_write(char *out, struct str reply, size_t hdr, size_t size);
size_t msg_line_digits(char *out, struct str reply, struct str hdr, struct str size);

/*
 * msg_line_plain - the line for a receiver that knows no headers: size less hdr, blanks as in line.
 * Written into out, MSG_LINE_MAX(reply.n) bytes.
 */
size_t msg_line_plain(char *out, const struct msg *);

#endif
