#include "config.h"

#include <assert.h>
#include <stdlib.h>

#include "natsd-front/blob.h"
#include "natsd-front/heap.h"

static const size_t blob_sizes[BLOB_CLASSES] = { BLOB_SMALL, BLOB_MEDIUM, BLOB_LARGE };
/* unused blobs that a trim leaves in each list: 32 KiB, 128 KiB, 256 KiB */
static const uint32_t blob_keeps[BLOB_CLASSES] = { 64, 32, 4 };

#define GIVE_BACK_BYTES ((size_t)4 << 20)

struct blob_store {
	struct blob *free_[BLOB_CLASSES];
	uint32_t nfree[BLOB_CLASSES];
	size_t out_bytes;	      /* owner's count */
	size_t idle_bytes; /* given to malloc and not taken from it again since */
	struct blob *_Atomic foreign; /* dropped by other threads */
	_Atomic uint64_t refs;	      /* blobs in existence, plus one for the owner */
};

static void
store_unref(struct blob_store *st)
{
	if (atomic_fetch_sub_explicit(&st->refs, 1, memory_order_acq_rel) == 1)
		free(st);
}

static void
blob_destroy(struct blob *b)
{
	struct blob_store *st = b->store;

	free(b);
	store_unref(st);
}

/* Only the owner: into its list, or back to malloc. */
static void
blob_home(struct blob_store *st, struct blob *b)
{
	st->out_bytes -= b->size;
	if (b->class_ == BLOB_CLASSES) {
		st->idle_bytes += b->size;
		blob_destroy(b);
		return;
	}
	b->next = st->free_[b->class_];
	st->free_[b->class_] = b;
	st->nfree[b->class_]++;
}

static void
blob_take_foreign(struct blob_store *st)
{
	struct blob *b, *next;

	if (atomic_load_explicit(&st->foreign, memory_order_relaxed) == NULL)
		return;
	b = atomic_exchange_explicit(&st->foreign, NULL, memory_order_acquire);
	for (; b != NULL; b = next) {
		next = b->next;
		blob_home(st, b);
	}
}

struct blob_store *
blob_store_new(void)
{
	struct blob_store *st = calloc(1, sizeof(*st));

	if (st != NULL)
		atomic_init(&st->refs, 1);
	return (st);
}

/* The sentinel in `foreign` that tells foreign threads that nobody will come for their blobs. */
static struct blob blob_store_closed;

void
blob_store_free(struct blob_store *st)
{
	struct blob *b, *next;
	unsigned i;

	if (st == NULL)
		return;
	b = atomic_exchange_explicit(&st->foreign, &blob_store_closed, memory_order_acq_rel);
	for (; b != NULL; b = next) {
		next = b->next;
		blob_destroy(b);
	}
	for (i = 0; i < BLOB_CLASSES; i++) {
		for (b = st->free_[i]; b != NULL; b = next) {
			next = b->next;
			blob_destroy(b);
		}
	}
	store_unref(st);
}

void
blob_store_trim(struct blob_store *st)
{
	struct blob *b;
	unsigned i;

	blob_take_foreign(st);
	for (i = 0; i < BLOB_CLASSES; i++) {
		while (st->nfree[i] > blob_keeps[i]) {
			b = st->free_[i];
			st->free_[i] = b->next;
			st->nfree[i]--;
			st->idle_bytes += b->size;
			blob_destroy(b);
		}
	}
	/* malloc keeps what lies between two blocks in use: a burst of everybody would cost for ever. */
	if (st->idle_bytes >= GIVE_BACK_BYTES) {
		st->idle_bytes = 0;
		heap_give_back();
	}
}

size_t
blob_store_bytes(const struct blob_store *st)
{
	return (st->out_bytes);
}

static struct blob *
blob_make(struct blob_store *st, uint32_t class_, size_t size)
{
	struct blob *b;

	if (size > SIZE_MAX - sizeof(*b) || (b = malloc(sizeof(*b) + size)) == NULL)
		return (NULL);
	st->idle_bytes -= size < st->idle_bytes ? size : st->idle_bytes;
	b->class_ = class_;
	b->size = size;
	b->store = st;
	atomic_fetch_add_explicit(&st->refs, 1, memory_order_relaxed);
	return (b);
}

struct blob *
blob_new(struct blob_store *st, size_t size)
{
	struct blob *b;
	uint32_t class_ = 0;

	while (class_ < BLOB_CLASSES && size > blob_sizes[class_])
		class_++;
	if (class_ == BLOB_CLASSES) {
		b = blob_make(st, class_, size);
	} else {
		if (st->free_[class_] == NULL)
			blob_take_foreign(st);
		b = st->free_[class_];
		if (b != NULL) {
			st->free_[class_] = b->next;
			st->nfree[class_]--;
		} else {
			b = blob_make(st, class_, blob_sizes[class_]);
		}
	}
	if (b == NULL)
		return (NULL);
	st->out_bytes += b->size;
	b->next = NULL;
	atomic_init(&b->users, 1);
	return (b);
}

static void
blob_push_foreign(struct blob *b)
{
	struct blob_store *st = b->store;
	struct blob *head = atomic_load_explicit(&st->foreign, memory_order_relaxed);

	do {
		if (head == &blob_store_closed) {
			blob_destroy(b);
			return;
		}
		b->next = head;
	} while (!atomic_compare_exchange_weak_explicit(&st->foreign, &head, b,
	    memory_order_release, memory_order_relaxed));
}

void
blob_drop(struct blob_store *here, struct blob *b)
{
	uint32_t users = atomic_fetch_sub_explicit(&b->users, 1, memory_order_acq_rel);

	assert(users >= 1);
	if (users != 1)
		return;
	if (here == b->store)
		blob_home(here, b);
	else
		blob_push_foreign(b);
}
