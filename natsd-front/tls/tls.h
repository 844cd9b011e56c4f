/*
 * tls - the TLS side of one connection: an SSL object that works on memory.
 *
 *	socket --read--> ciphertext --tls_open--> plaintext --> parser
 *	socket <--write-- ciphertext <--tls_seal-- plaintext <-- out
 *
 * It belongs to one thread at a time: to a helper while a step of the handshake runs (handshake.h),
 * else to the worker, or the monitoring thread, of its connection.
 *
 * What is sealed and not yet taken by the socket stays here; until it is gone nothing more is
 * sealed, so that a connection holds at most one batch of it.
 */
#ifndef FRONT_TLS_TLS_H
#define FRONT_TLS_TLS_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "natsd-front/blob.h"
#include "natsd-front/tls/bio.h"
#include "natsd-front/tls/context.h"
#include "natsd-front/tls/peer.h"

#define TLS_RECORD_BYTES 16384u	    /* of plaintext, at most */
#define TLS_RECORD_OVERHEAD 320u    /* of ciphertext beyond it, more than any suite needs */
#define TLS_RECORD_HEAD 5u
#define TLS_READ_BYTES 49152u	    /* of ciphertext, in one read of a socket */
#define TLS_BATCH_BYTES 61440u	    /* of plaintext, for one write */
#define TLS_BATCH_SEALED (TLS_BATCH_BYTES + 4 * TLS_RECORD_OVERHEAD) /* fits a large blob */
#define TLS_IDLE_RECORDS_MAX 16u    /* messages of the protocol itself without data between them */

enum tls_result {
	TLS_OK,
	TLS_MORE, /* the input is used up */
	TLS_OVER, /* the other side says that it ends */
	TLS_FAILED,
};

struct tls {
	SSL *ssl;
	struct tls_io io;
	char *unverified;      /* certificates that failed, for the log; NULL: none */
	struct tls_peer *peer; /* NULL: the client showed no certificate */
	struct blob *unsent;   /* sealed, not yet written */
	size_t unsent_at, unsent_end;
	size_t sealed; /* bytes of plaintext that the unsent rest stands for */
	uint8_t idle_records;
	bool established;
	bool flooded; /* too many of them */
};

struct tls *tls_new(const struct tls_context *, enum tls_use); /* NULL: no memory */
void tls_free(struct tls *, struct blob_store *here); /* here: of blob_drop; NULL is fine */

/* tls_of - whose SSL object that is. */
struct tls *tls_of(const SSL *);

/*
 * tls_handshake - goes on with it, given io.in; what is to be sent is in *out.  TLS_OK: it is
 * established; TLS_MORE; TLS_FAILED: the reason, as nats-server words it where it has words.
 */
enum tls_result tls_handshake(struct tls *, struct buf *out, struct err *);

/* tls_open - plaintext of io.in to `to`, at most n bytes, *got of them.  TLS_OK: `to` is full, more
 * may be there.  out: for what the protocol itself answers. */
enum tls_result tls_open(struct tls *, uint8_t *to, size_t n, size_t *got, struct buf *out);

/* tls_holds - tls_open would find something without more input. */
bool tls_holds(const struct tls *);

/* tls_seal - one record of n bytes (n <= TLS_RECORD_BYTES) appended to out.  0; -1. */
int tls_seal(struct tls *, const uint8_t *p, size_t n, struct buf *out);

/* tls_say_end - our last word, appended to out. */
void tls_say_end(struct tls *, struct buf *out);

/* tls_version, tls_cipher - as nats-server names them: "1.3", "TLS_AES_128_GCM_SHA256".  Static. */
const char *tls_version(const struct tls *);
const char *tls_cipher(const struct tls *);

/* tls_looks_like - whether what a connection begins with can be a handshake at all; n bytes of it,
 * TLS_RECORD_HEAD are enough to tell. */
bool tls_looks_like(const uint8_t *p, size_t n);

#endif
