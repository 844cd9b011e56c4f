/*
 * blob - a run of memory with a count of users: what a connection has read only half, what waits to
 * be written, and payloads that several connections, also of other workers, share.
 *
 * A worker has one store; blobs come from its lists of three sizes, larger ones from malloc.  Only
 * the owner takes blobs out.  Anybody drops them: a foreign thread pushes the blob on a
 * lock-free list of the owner, who takes it back at its next shortage or blob_store_trim.
 */
#ifndef FRONT_BLOB_H
#define FRONT_BLOB_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define BLOB_SMALL 512u
#define BLOB_MEDIUM 4096u
#define BLOB_LARGE 65536u
#define BLOB_CLASSES 3u

struct blob_store;

struct blob {
	_Atomic uint32_t users;
	uint32_t class_; /* index of its list; BLOB_CLASSES: from malloc */
	struct blob_store *store;
	struct blob *next; /* in a free list */
	size_t size;	   /* of data */
	uint8_t data[];
};

struct blob_store *blob_store_new(void); /* NULL: no memory */

/* blob_store_free - frees it when its last blob has come home: other workers may still hold some.
 * The calling thread gives up ownership. */
void blob_store_free(struct blob_store *);

/* blob_store_trim - takes foreign returns back and gives all but a few unused blobs to the system;
 * the owner calls it about once a second. */
void blob_store_trim(struct blob_store *);

size_t blob_store_bytes(const struct blob_store *); /* in blobs that are out, roughly */

/* blob_new - room for at least size bytes, one user; owner of the store only.  NULL: no memory. */
struct blob *blob_new(struct blob_store *, size_t size);

/* blob_share - one more user.  blob_drop - one less; the last one gives it back.  Any thread;
 * `here`: the store of the calling worker, or NULL for a thread without one. */
static inline struct blob *
blob_share(struct blob *b)
{
	atomic_fetch_add_explicit(&b->users, 1, memory_order_relaxed);
	return (b);
}

void blob_drop(struct blob_store *here, struct blob *);

/* blob_alone - the caller is its only user: it may write to it. */
static inline int
blob_alone(const struct blob *b)
{
	return (atomic_load_explicit(&b->users, memory_order_acquire) == 1);
}

#endif
