#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#define XXH_STATIC_LINKING_ONLY /* a state on the stack */
#include <xxhash.h>

#include "common/cursor.h"
#include "common/log.h"
#include "natsd-js/echo_file.h"

#define MAGIC 0x4f484345u /* "ECHO" */
#define HEAD_BYTES 40u
#define CHECKED_AT 16u
#define PAYLOAD_MAX (64u << 20)

struct mark {
	uint64_t ring;
	uint64_t position;
};

struct echo_file {
	int fd;
	int dir; /* where it stands; -1: the store is the file */
	uint64_t size; /* bytes of whole records */
	uint64_t last; /* sequence */
	struct mark *marks;
	size_t nmarks;
};

struct head {
	uint32_t magic, len;
	uint64_t check, ring, position, sequence;
};

/* ---- the record ---- */

static void
head_encode(uint8_t out[HEAD_BYTES], const struct head *h)
{
	struct wr w = wr_of(out, HEAD_BYTES);

	wr_u32(&w, h->magic);
	wr_u32(&w, h->len);
	wr_u64(&w, h->check);
	wr_u64(&w, h->ring);
	wr_u64(&w, h->position);
	wr_u64(&w, h->sequence);
}

static void
head_decode(const uint8_t in[HEAD_BYTES], struct head *h)
{
	struct rd r = rd_of(in, HEAD_BYTES);

	h->magic = rd_u32(&r);
	h->len = rd_u32(&r);
	h->check = rd_u64(&r);
	h->ring = rd_u64(&r);
	h->position = rd_u64(&r);
	h->sequence = rd_u64(&r);
}

static uint64_t
check_of(const uint8_t head[HEAD_BYTES], struct str payload, uint64_t offset)
{
	XXH3_state_t state;

	XXH3_64bits_reset_withSeed(&state, offset);
	XXH3_64bits_update(&state, head + CHECKED_AT, HEAD_BYTES - CHECKED_AT);
	if (payload.n > 0)
		XXH3_64bits_update(&state, payload.p, payload.n);
	return (XXH3_64bits_digest(&state));
}

/* ---- marks ---- */

static struct mark *
mark_of(const struct echo_file *f, uint64_t ring)
{
	for (size_t i = 0; i < f->nmarks; i++)
		if (f->marks[i].ring == ring)
			return (&f->marks[i]);
	return (NULL);
}

static int
mark_raise(struct echo_file *f, uint64_t ring, uint64_t position, struct err *e)
{
	struct mark *m = mark_of(f, ring), *more;

	if (m == NULL) {
		if ((more = reallocarray(f->marks, f->nmarks + 1, sizeof(*more))) == NULL)
			return (err_set(e, "marks: no memory"));
		f->marks = more;
		m = &f->marks[f->nmarks++];
		*m = (struct mark){ .ring = ring };
	}
	if (position > m->position)
		m->position = position;
	return (0);
}

bool
echo_file_mark(const struct echo_file *f, uint64_t ring, uint64_t *position)
{
	const struct mark *m = mark_of(f, ring);

	if (m != NULL)
		*position = m->position;
	return (m != NULL);
}

/* ---- reading ---- */

/* The record at `offset`, its payload in *payload (yours).  1; 0: no whole record there; -1. */
static int
record_read(const struct echo_file *f, uint64_t offset, uint64_t end, struct head *h, char **payload,
    struct err *e)
{
	uint8_t raw[HEAD_BYTES];
	struct str body;

	*payload = NULL;
	if (end - offset < HEAD_BYTES)
		return (0);
	if (pread(f->fd, raw, HEAD_BYTES, (off_t)offset) != (ssize_t)HEAD_BYTES)
		return (err_sys(e, "echo file: read at %llu", (unsigned long long)offset));
	head_decode(raw, h);
	if (h->magic != MAGIC || h->len > PAYLOAD_MAX || end - offset - HEAD_BYTES < h->len)
		return (0);
	if ((*payload = malloc((size_t)h->len + 1)) == NULL)
		return (err_set(e, "echo file: no memory"));
	if (pread(f->fd, *payload, h->len, (off_t)(offset + HEAD_BYTES)) != (ssize_t)h->len)
		return (err_sys(e, "echo file: read at %llu", (unsigned long long)offset));
	body = (struct str){ .p = *payload, .n = h->len };
	return (h->check == check_of(raw, body, offset) ? 1 : 0);
}

/* Walks all whole records; fn returns false to stop.  The offset behind the last one. */
static int
walk(struct echo_file *f, uint64_t end, bool (*fn)(struct echo_file *, const struct head *, void *),
    void *arg, uint64_t *stopped, struct err *e)
{
	uint64_t at = 0;
	struct head h;
	char *payload;
	int rc;

	while ((rc = record_read(f, at, end, &h, &payload, e)) == 1) {
		free(payload);
		at += HEAD_BYTES + h.len;
		if (!fn(f, &h, arg))
			break;
	}
	if (rc != 1)
		free(payload);
	*stopped = at;
	return (rc < 0 ? -1 : 0);
}

static bool
recover_one(struct echo_file *f, const struct head *h, void *arg)
{
	f->last = h->sequence;
	return (mark_raise(f, h->ring, h->position, arg) == 0);
}

int
echo_file_recover(struct echo_file *f, struct err *e)
{
	struct stat st;

	if (fstat(f->fd, &st) != 0)
		return (err_sys(e, "echo file"));
	if (walk(f, (uint64_t)st.st_size, recover_one, e, &f->size, e) != 0)
		return (-1);
	if (f->size < (uint64_t)st.st_size) {
		log_warn("echo file: torn tail of %llu bytes dropped",
		    (unsigned long long)((uint64_t)st.st_size - f->size));
		if (ftruncate(f->fd, (off_t)f->size) != 0)
			return (err_sys(e, "echo file: cut"));
	}
	return (0);
}

struct wanted {
	uint64_t ring, position, sequence;
};

static bool
find_one(struct echo_file *f, const struct head *h, void *arg)
{
	struct wanted *w = arg;

	(void)f;
	if (h->ring == w->ring && h->position == w->position)
		w->sequence = h->sequence;
	return (w->sequence == 0);
}

uint64_t
echo_file_find(struct echo_file *f, uint64_t ring, uint64_t position)
{
	struct wanted w = { .ring = ring, .position = position };
	uint64_t stopped;
	struct err e;

	if (walk(f, f->size, find_one, &w, &stopped, &e) != 0)
		log_error("%s", e.text);
	return (w.sequence);
}

/* ---- writing ---- */

struct echo_file *
echo_file_open(int store, struct err *e)
{
	struct echo_file *f = calloc(1, sizeof(*f));
	struct stat st;

	if (f == NULL || fstat(store, &st) != 0) {
		free(f);
		err_sys(e, "volatile store");
		return (NULL);
	}
	f->fd = store;
	f->dir = S_ISDIR(st.st_mode) ? store : -1;
	if (f->dir != -1)
		f->fd = openat(store, "echo", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f->fd == -1) {
		err_sys(e, "volatile store: echo");
		free(f);
		return (NULL);
	}
	return (f);
}

/* One record at an offset of a file, by one write. */
static int
record_write(int fd, uint64_t offset, struct head *h, struct str payload, struct err *e)
{
	uint8_t raw[HEAD_BYTES];
	struct iovec iov[2] = { { raw, HEAD_BYTES }, { 0 } };
	ssize_t n;

	if (payload.n > PAYLOAD_MAX)
		return (err_set(e, "payload of %zu bytes", payload.n));
	h->magic = MAGIC;
	h->len = (uint32_t)payload.n;
	/* The checksum covers the encoded head, so it is encoded twice. */
	head_encode(raw, h);
	h->check = check_of(raw, payload, offset);
	head_encode(raw, h);
	memcpy(&iov[1].iov_base, &payload.p, sizeof(payload.p));
	iov[1].iov_len = payload.n;
	n = pwritev(fd, iov, 2, (off_t)offset);
	if (n == (ssize_t)(HEAD_BYTES + payload.n))
		return (0);
	if (n >= 0)
		errno = ENOSPC;
	return (err_sys(e, "write %zu bytes", HEAD_BYTES + payload.n));
}

uint64_t
echo_file_append(struct echo_file *f, uint64_t ring, uint64_t position, struct str payload,
    struct err *e)
{
	struct head h = { .ring = ring, .position = position, .sequence = f->last + 1 };

	if (record_write(f->fd, f->size, &h, payload, e) != 0) {
		err_wrap(e, "echo file: append");
		return (0);
	}
	if (mark_raise(f, ring, position, e) != 0)
		return (0);
	f->size += HEAD_BYTES + payload.n;
	return (f->last = h.sequence);
}

int
echo_file_quarantine(struct echo_file *f, uint64_t ring, uint64_t position, struct str payload,
    struct err *e)
{
	struct head h = { .ring = ring, .position = position };
	struct stat st;
	int fd, rc;

	if (f->dir == -1)
		return (err_set(e, "quarantine: the store is one memory file"));
	fd = openat(f->dir, "quarantine", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1)
		return (err_sys(e, "quarantine"));
	if ((rc = fstat(fd, &st)) != 0)
		err_sys(e, "quarantine");
	else if ((rc = record_write(fd, (uint64_t)st.st_size, &h, payload, e)) != 0)
		err_wrap(e, "quarantine");
	close(fd);
	return (rc);
}

uint64_t
echo_file_last(const struct echo_file *f)
{
	return (f->last);
}
