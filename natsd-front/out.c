#include "config.h"

#include <sys/types.h>
#include <sys/uio.h>

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "natsd-front/out.h"

#define OUT_IOV_MAX 256
#define OUT_SEGS_PER_SLAB 100

int
out_mem_init(struct out_mem *mem)
{
	mem->blobs = blob_store_new();
	mem->segs = pool_new(sizeof(struct out_seg), OUT_SEGS_PER_SLAB, 0);
	if (mem->blobs == NULL || mem->segs == NULL) {
		out_mem_free(mem);
		return (-1);
	}
	return (0);
}

void
out_mem_free(struct out_mem *mem)
{
	if (mem->segs != NULL)
		pool_free(mem->segs);
	blob_store_free(mem->blobs);
	*mem = (struct out_mem){ .segs = NULL };
}

static void
out_append(struct out *o, struct out_seg *seg)
{
	seg->next = NULL;
	if (o->tail == NULL)
		o->head = seg;
	else
		o->tail->next = seg;
	o->tail = seg;
}

static size_t
out_next_size(const struct out *o, size_t n)
{
	size_t expect = o->pending + (o->pending == 0 ? o->usual : o->pending);
	size_t size = expect <= BLOB_SMALL ? BLOB_SMALL
	    : expect <= BLOB_MEDIUM	   ? BLOB_MEDIUM
					   : BLOB_LARGE;

	return (size < n ? n : size);
}

uint8_t *
out_reserve_slow(struct out *o, struct out_mem *mem, size_t n)
{
	struct out_seg *seg = pool_get(mem->segs);

	if (seg == NULL)
		return (NULL);
	seg->blob = blob_new(mem->blobs, out_next_size(o, n));
	if (seg->blob == NULL) {
		pool_put(mem->segs, seg);
		return (NULL);
	}
	seg->start = seg->end = 0;
	seg->limit = seg->blob->size;
	out_append(o, seg);
	return (seg->blob->data);
}

int
out_copy(struct out *o, struct out_mem *mem, const void *p, size_t n)
{
	uint8_t *to = out_reserve(o, mem, n);

	if (to == NULL)
		return (-1);
	memcpy(to, p, n);
	out_commit(o, n);
	return (0);
}

int
out_refer(struct out *o, struct out_mem *mem, struct blob *b, size_t at, size_t n)
{
	struct out_seg *seg;

	assert(at <= b->size && n <= b->size - at);
	if ((seg = pool_get(mem->segs)) == NULL)
		return (-1);
	seg->blob = blob_share(b);
	seg->start = at;
	seg->end = seg->limit = at + n;
	out_append(o, seg);
	o->pending += n;
	return (0);
}

static void
out_drop_head(struct out *o, struct out_mem *mem)
{
	struct out_seg *seg = o->head;

	o->head = seg->next;
	if (o->head == NULL)
		o->tail = NULL;
	blob_drop(mem->blobs, seg->blob);
	pool_put(mem->segs, seg);
}

void
out_taken(struct out *o, struct out_mem *mem, size_t n)
{
	size_t here;

	while (o->head != NULL) {
		here = o->head->end - o->head->start;
		if (n < here) {
			o->head->start += n;
			return;
		}
		n -= here;
		out_drop_head(o, mem);
	}
	assert(n == 0);
}

ssize_t
out_write(struct out *o, struct out_mem *mem, int fd, size_t max)
{
	struct iovec iov[OUT_IOV_MAX];
	struct out_seg *seg;
	ssize_t n;
	int niov = 0;

	for (seg = o->head; seg != NULL && niov < OUT_IOV_MAX && max > 0; seg = seg->next) {
		size_t here = seg->end - seg->start;

		if (here > max)
			here = max;
		iov[niov++] = (struct iovec){ seg->blob->data + seg->start, here };
		max -= here;
	}
	if (niov == 0)
		return (0);
	out_learn(o);
	do {
		n = niov == 1 ? write(fd, iov[0].iov_base, iov[0].iov_len) : writev(fd, iov, niov);
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		return (errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1);
	out_taken(o, mem, (size_t)n);
	o->pending -= (size_t)n;
	return (n);
}

unsigned
out_chunks(const struct out *o)
{
	const struct out_seg *seg;
	unsigned n = 0;

	for (seg = o->head; seg != NULL; seg = seg->next)
		n++;
	return (n);
}

void
out_drop(struct out *o, struct out_mem *mem)
{
	while (o->head != NULL)
		out_drop_head(o, mem);
	o->pending = 0;
}
