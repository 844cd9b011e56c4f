/*
 * handshake - a handshake under way: steps that run on a helper, between reads and writes of the
 * worker.
 *
 *	worker: bytes of the socket to hs->in, tls_handshake_submit --> helper: tls_handshake_step
 *	worker: hs->out to the socket, hs->result	 <-- done() --'
 *
 * While `busy` the helper has all of it, and the struct tls, but the fields of what is unsent; the
 * worker looks at nothing else and frees nothing.  A connection that ends meanwhile leaves it to
 * done().
 */
#ifndef FRONT_TLS_HANDSHAKE_H
#define FRONT_TLS_HANDSHAKE_H

#include "common/buf.h"
#include "natsd-front/helpers.h"
#include "natsd-front/tls/tls.h"

#define TLS_HANDSHAKE_IN_MAX (128u << 10) /* bytes of a client that wait for a step */

struct tls_handshake {
	struct helper_job job; /* first: helpers know no more of it */
	struct tls *tls;
	struct tls_context *context;
	struct buf in, out;
	size_t in_at; /* bytes of in that were used */
	enum tls_result result;
	struct err why;
	bool busy;
	bool begun; /* the first bytes were looked at */
};

/*
 * tls_handshake_new - with a fresh struct tls.  NULL: no memory.
 * tls_handshake_free - without the struct tls when keep_tls: it is its connection's from here on.
 */
struct tls_handshake *tls_handshake_new(struct tls_context *, enum tls_use);
void tls_handshake_free(struct tls_handshake *, bool keep_tls, struct blob_store *here);

/* tls_handshake_step - one step with what is in hs->in; any thread that has it.  At its end, when it
 * is established, tls->peer says who the client is. */
void tls_handshake_step(struct tls_handshake *);

#endif
