#include "config.h"

#include <stdlib.h>

#include "natsd-front/tls/handshake.h"

#define OUT_MAX (256u << 10)

struct tls_handshake *
tls_handshake_new(struct tls_context *context, enum tls_use use)
{
	struct tls_handshake *hs = calloc(1, sizeof(*hs));

	if (hs == NULL)
		return (NULL);
	hs->in = BUF_INIT(TLS_HANDSHAKE_IN_MAX);
	hs->out = BUF_INIT(OUT_MAX);
	hs->result = TLS_MORE;
	hs->tls = tls_new(context, use);
	if (hs->tls == NULL) {
		free(hs);
		return (NULL);
	}
	hs->context = tls_context_hold(context);
	return (hs);
}

void
tls_handshake_free(struct tls_handshake *hs, bool keep_tls, struct blob_store *here)
{
	if (hs == NULL)
		return;
	if (!keep_tls)
		tls_free(hs->tls, here);
	tls_context_release(hs->context);
	buf_free(&hs->in);
	buf_free(&hs->out);
	free(hs);
}

void
tls_handshake_step(struct tls_handshake *hs)
{
	struct tls *t = hs->tls;

	t->io.in = hs->in.data + hs->in_at;
	t->io.in_n = hs->in.len - hs->in_at;
	hs->result = tls_handshake(t, &hs->out, &hs->why);
	hs->in_at = hs->in.len - t->io.in_n;
	t->io.in = NULL;
	t->io.in_n = 0;
	if (hs->result == TLS_OK && tls_peer_of(t->ssl, &t->peer) != 0) {
		err_set(&hs->why, "tls: no memory for the client's certificate");
		hs->result = TLS_FAILED;
	}
}
