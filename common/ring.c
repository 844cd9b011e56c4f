#include "config.h"

#include <assert.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/ring.h"
#include "common/ring_shared.h"
#include "common/shm.h"

/*
 * A producer that finds the ring empty starts over once it has gone this far, not before: below it
 * the next bytes are as warm as the first ones.
 */
#define RESTART_BYTES (256u << 10)
#define RESTART_LOOKS 16u /* for a chance to start over, in the way of RESTART_BYTES */

/* Starting over spends positions; from here on none are spent, so that they never come to an end. */
#define RESTART_LAST (1ULL << 62)

/* Both ends of a local ring share one mapping, of one lifetime. */
struct mapping {
	struct ring_shared *shared;
	uint32_t size;
	_Atomic uint32_t ends;
};

struct ring {
	uint8_t *data;
	struct ring_shared *shared;
	uint64_t mask;
	uint32_t size;
	uint32_t record_max;
	bool dead;

	/* The producer's end. */
	uint64_t tail;		/* behind the last committed record */
	uint64_t published;	/* what we last stored as `write` */
	uint64_t released_seen; /* the other side's cursor as last checked */
	uint64_t base;		/* memory from here to tail is in use */
	uint64_t skip_from, skip_to;
	uint64_t reserved_at;
	uint32_t reserved_len;
	uint32_t restart_bytes;
	uint64_t restart_at; /* below it nobody looks for a chance to start over */
	bool reserved;
	bool skip_told; /* skip_from and skip_to stand in shared memory */
	uint32_t touched; /* highest offset used since pages were last given back */
	uint64_t rest_tail;

	/* The consumer's end. */
	uint64_t read;
	uint64_t released;
	uint64_t write_seen; /* the other side's cursor as last checked */

	struct doorbell peer;
	uint64_t serial;
	struct mapping *mapping;
	char why[120];
};

static inline uint32_t
record_bytes(uint32_t len)
{
	return (RING_RECORD_HEAD + ((len + 7u) & ~7u));
}

/* A violation: this end is finished, for good, with the first reason. */
static void __attribute__((cold, format(printf, 2, 3)))
die(struct ring *r, const char *fmt, ...)
{
	va_list ap;

	if (r->dead)
		return;
	va_start(ap, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, ap);
	va_end(ap);
	r->dead = true;
}

/* ---- the producer's end ---- */

/* Where memory in use begins when `released` is r: behind the jump while it is still ahead. */
static inline uint64_t
base_of(const struct ring *r, uint64_t released)
{
	return (released == r->skip_from && r->skip_to > r->skip_from ? r->skip_to : released);
}

static bool
refresh_released(struct ring *r)
{
	uint64_t released;

	released = atomic_load_explicit(&r->shared->released, memory_order_acquire);
	if (released == r->released_seen)
		return (true);
	if (released < r->released_seen || released > r->published || released % 8 != 0) {
		die(r, "released cursor %#llx is not within %#llx..%#llx",
		    (unsigned long long)released, (unsigned long long)r->released_seen,
		    (unsigned long long)r->published);
		return (false);
	}
	if (released > r->skip_from && released < r->skip_to) {
		die(r, "released cursor %#llx lies in the jump %#llx..%#llx",
		    (unsigned long long)released, (unsigned long long)r->skip_from,
		    (unsigned long long)r->skip_to);
		return (false);
	}
	r->released_seen = released;
	r->base = base_of(r, released);
	assert(r->tail - r->base <= r->size);
	return (true);
}

/*
 * The beginning of the ring, when it is worth going there: some way into it, all told, all released.
 * Looking costs the other side's cache line, so after a vain look we go on for a while.
 */
static uint64_t __attribute__((noinline))
restart_position(struct ring *r)
{
	if (r->tail != r->published || r->tail > RESTART_LAST)
		return (r->tail);
	if ((r->tail & r->mask) < r->restart_bytes) {
		r->restart_at = (r->tail & ~r->mask) + r->restart_bytes;
		return (r->tail);
	}
	if (!refresh_released(r) || r->released_seen != r->tail) {
		r->restart_at = r->tail + r->restart_bytes / RESTART_LOOKS;
		return (r->tail);
	}
	return ((r->tail | r->mask) + 1);
}

/* Where the next record stands: behind the last one, or at the beginning of an empty ring. */
static inline uint64_t
next_position(struct ring *r)
{
	if (__builtin_expect(r->tail < r->restart_at, 1))
		return (r->tail);
	return (restart_position(r));
}

uint8_t *
ring_reserve(struct ring *r, uint32_t len)
{
	uint64_t at;

	assert(!r->reserved);
	if (r->dead || len > r->record_max)
		return (NULL);
	at = next_position(r);
	if (at == r->tail && at - r->base + record_bytes(len) > r->size) {
		if (!refresh_released(r) || at - r->base + record_bytes(len) > r->size)
			return (NULL);
	}
	if (r->dead)
		return (NULL);
	r->reserved = true;
	r->reserved_at = at;
	r->reserved_len = len;
	return (r->data + (at & r->mask) + RING_RECORD_HEAD);
}

static inline void
note_touched(struct ring *r, uint64_t at, uint32_t bytes)
{
	uint64_t end = (at & r->mask) + bytes;

	if (end > r->touched)
		r->touched = end > r->size ? r->size : (uint32_t)end;
}

uint64_t
ring_commit(struct ring *r, uint16_t type, uint16_t flags, uint32_t len)
{
	uint64_t at = r->reserved_at;
	uint8_t *record = r->data + (at & r->mask);
	struct ring_record_head head = { .len = len, .type = type, .flags = flags };
	uint32_t bytes = record_bytes(len);

	assert(r->reserved && len <= r->reserved_len && type != 0);
	r->reserved = false;
	if (at != r->tail) {
		r->skip_from = r->tail;
		r->skip_to = r->base = at;
		r->skip_told = false;
	}
	memcpy(record, &head, sizeof(head));
	memset(record + RING_RECORD_HEAD + len, 0, bytes - RING_RECORD_HEAD - len);
	note_touched(r, at, bytes);
	r->tail = at + bytes;
	return (at);
}

/*
 * Moves a cursor of ours for all to see; true: the other side has declared itself asleep, and is to
 * be called, once for each time that it does.  The order of the two, like that of flag and cursor in
 * ring_sleep and ring_want_room, is in the one order of all sequentially consistent accesses: one
 * of us sees the other.  (Fences would say the same, but ThreadSanitizer does not know them.)
 */
static inline bool
advance(_Atomic uint64_t *cursor, uint64_t position, _Atomic uint32_t *flag)
{
	atomic_store_explicit(cursor, position, memory_order_seq_cst);
	return (__builtin_expect(atomic_load_explicit(flag, memory_order_seq_cst) != 0, 0));
}

static void
call(struct ring *r, _Atomic uint32_t *flag)
{
	atomic_store_explicit(flag, 0, memory_order_relaxed);
	doorbell_ring(&r->peer);
}

bool
ring_publish_quiet(struct ring *r)
{
	if (r->tail == r->published || r->dead)
		return (false);
	if (!r->skip_told) {
		atomic_store_explicit(&r->shared->skip_from, r->skip_from, memory_order_relaxed);
		atomic_store_explicit(&r->shared->skip_to, r->skip_to, memory_order_relaxed);
		r->skip_told = true;
	}
	r->published = r->tail;
	return (advance(&r->shared->write, r->tail, &r->shared->asleep));
}

void
ring_call(struct ring *r)
{
	call(r, &r->shared->asleep);
}

void
ring_publish(struct ring *r)
{
	if (ring_publish_quiet(r))
		ring_call(r);
}

bool
ring_is_asleep(const struct ring *r)
{
	return (atomic_load_explicit(&r->shared->asleep, memory_order_relaxed) != 0);
}

uint32_t
ring_used(struct ring *r)
{
	if (!r->dead)
		refresh_released(r);
	return ((uint32_t)(r->tail - r->base));
}

uint64_t
ring_released(struct ring *r)
{
	if (!r->dead)
		refresh_released(r);
	return (r->released_seen);
}

void
ring_want_room(struct ring *r)
{
	if (r->dead)
		return;
	atomic_store_explicit(&r->shared->want_room, 1, memory_order_seq_cst);
	/* A later look at the cursor sees no older value than this one. */
	(void)atomic_load_explicit(&r->shared->released, memory_order_seq_cst);
}

void
ring_rest(struct ring *r)
{
	bool quiet = r->tail == r->rest_tail;

	r->rest_tail = r->tail;
	if (!quiet || r->dead || r->reserved || r->touched <= RING_KEEP_BYTES)
		return;
	if (!refresh_released(r) || r->released_seen != r->tail)
		return;
	/* A failure costs memory and nothing else; it is tried again after the next use. */
	shm_punch(r->data + RING_KEEP_BYTES, r->size - RING_KEEP_BYTES);
	r->touched = 0;
}

/* ---- the consumer's end ---- */

/* The jump that begins where we stand, when there is one; false: it breaks the rules. */
static bool
follow_jump(struct ring *r, uint64_t write, uint64_t *start)
{
	uint64_t from = atomic_load_explicit(&r->shared->skip_from, memory_order_relaxed);
	uint64_t to = atomic_load_explicit(&r->shared->skip_to, memory_order_relaxed);

	*start = r->read;
	if (from != r->read || to == from)
		return (true);
	if (to != (from | r->mask) + 1 || to >= write) {
		die(r, "jump from %#llx to %#llx with the write cursor at %#llx",
		    (unsigned long long)from, (unsigned long long)to, (unsigned long long)write);
		return (false);
	}
	*start = to;
	return (true);
}

/*
 * Takes over the producer's cursor.  There is at most one jump ahead, and it begins where we stand: a
 * producer jumps only when all is released, and we release nothing that we have not read.
 */
static bool
refresh_write(struct ring *r)
{
	uint64_t start, write;

	write = atomic_load_explicit(&r->shared->write, memory_order_acquire);
	if (write == r->write_seen)
		return (true);
	if (write < r->write_seen || write % 8 != 0) {
		die(r, "write cursor went from %#llx to %#llx", (unsigned long long)r->write_seen,
		    (unsigned long long)write);
		return (false);
	}
	start = r->read;
	if (r->read == r->write_seen && !follow_jump(r, write, &start))
		return (false);
	if (write - start > r->size) {
		die(r, "write cursor %#llx is more than the ring ahead of %#llx",
		    (unsigned long long)write, (unsigned long long)start);
		return (false);
	}
	r->read = start;
	r->write_seen = write;
	return (true);
}

/* The head of the record at our read cursor, copied once, checked. */
static int
peek_head(struct ring *r, struct ring_rec *rec)
{
	struct ring_record_head head;
	const uint64_t *words;

	if (r->dead)
		return (-1);
	if (r->read == r->write_seen) {
		if (!refresh_write(r))
			return (-1);
		if (r->read == r->write_seen)
			return (0);
	}
	words = (const void *)(r->data + (r->read & r->mask));
	ring_head_unpack(&head, __atomic_load_n(&words[0], __ATOMIC_RELAXED));
	rec->verdict = __atomic_load_n(&words[1], __ATOMIC_RELAXED);
	rec->len = head.len;
	rec->type = head.type;
	rec->flags = head.flags;
	rec->at = r->read;
	if (head.type == 0 || head.len > r->record_max ||
	    record_bytes(head.len) > r->write_seen - r->read) {
		die(r, "record at %#llx: type %u, %u bytes, %llu in the ring",
		    (unsigned long long)r->read, head.type, head.len,
		    (unsigned long long)(r->write_seen - r->read));
		return (-1);
	}
	rec->end = r->read + record_bytes(head.len);
	rec->data = (const uint8_t *)words + RING_RECORD_HEAD;
	return (1);
}

int
ring_peek(struct ring *r, struct ring_rec *rec)
{
	return (peek_head(r, rec));
}

int
ring_take(struct ring *r, struct buf *scratch, struct ring_rec *rec)
{
	uint8_t *copy;
	int got;

	if ((got = peek_head(r, rec)) != 1)
		return (got);
	scratch->len = 0;
	if ((copy = buf_room(scratch, rec->len)) == NULL && rec->len > 0) {
		if (rec->len <= scratch->max)
			return (0); /* no memory: nobody broke a rule, and it stays where it is */
		die(r, "no memory for a record of %u bytes, at most for %zu", rec->len, scratch->max);
		return (-1);
	}
	if (rec->len > 0)
		memcpy(copy, rec->data, rec->len);
	scratch->len = rec->len;
	rec->data = scratch->data;
	return (1);
}

void
ring_next(struct ring *r, const struct ring_rec *rec)
{
	assert(rec->at == r->read && rec->end <= r->write_seen);
	r->read = rec->end;
	atomic_store_explicit(&r->shared->read, r->read, memory_order_relaxed);
}

void
ring_release(struct ring *r, uint64_t position)
{
	assert(position >= r->released && position <= r->read && position % 8 == 0);
	if (r->dead || position == r->released)
		return;
	r->released = position;
	if (advance(&r->shared->released, position, &r->shared->want_room))
		call(r, &r->shared->want_room);
}

void
ring_set_verdict(struct ring *r, uint64_t at, uint64_t v)
{
	uint64_t *words = (void *)(r->data + (at & r->mask));

	assert(at >= r->released && at < r->read && v != 0);
	if (!r->dead)
		__atomic_store_n(&words[1], v, __ATOMIC_RELEASE);
}

bool
ring_sleep(struct ring *r)
{
	if (r->dead)
		return (true);
	if (r->read != r->write_seen)
		return (false);
	atomic_store_explicit(&r->shared->asleep, 1, memory_order_seq_cst);
	if (atomic_load_explicit(&r->shared->write, memory_order_seq_cst) == r->write_seen)
		return (true);
	/* A violation seen here is told by the look that false asks for. */
	refresh_write(r);
	ring_wake(r);
	return (false);
}

void
ring_wake(struct ring *r)
{
	/* Most rings were not rung, and most rung ones are awake already: keep their line shared. */
	if (atomic_load_explicit(&r->shared->asleep, memory_order_relaxed) != 0)
		atomic_store_explicit(&r->shared->asleep, 0, memory_order_relaxed);
}

uint64_t
ring_write_seen(struct ring *r)
{
	if (!r->dead)
		refresh_write(r);
	return (r->write_seen);
}

uint64_t
ring_read_at(const struct ring *r)
{
	return (r->read);
}

/* ---- the record in work ---- */

void
ring_work(struct ring *r, uint64_t at)
{
	atomic_store_explicit(&r->shared->working, at | RING_WORKING, memory_order_release);
}

void
ring_work_done(struct ring *r)
{
	atomic_store_explicit(&r->shared->working, 0, memory_order_release);
}

bool
ring_poisoned(const struct ring *r, uint64_t at)
{
	return (atomic_load_explicit(&r->shared->poisoned, memory_order_relaxed) ==
	    (at | RING_WORKING));
}

/* ---- making, attaching ---- */

static bool
size_is_possible(uint64_t size)
{
	return (size >= RING_BYTES_MIN && size <= RING_BYTES_MAX && (size & (size - 1)) == 0);
}

int
ring_make(uint32_t bytes, uint64_t serial, struct err *err)
{
	struct ring_shared *shared;
	int fd;

	assert(size_is_possible(bytes));
	if ((fd = shm_make("natsd-ring", RING_HEAD_BYTES + (size_t)bytes, err)) == -1)
		return (-1);
	if ((shared = shm_map_ring(fd, RING_HEAD_BYTES, bytes, err)) == NULL) {
		close(fd);
		return (-1);
	}
	shared->size = bytes;
	shared->serial = serial;
	shared->stamp = RING_STAMP;
	shm_unmap_ring(shared, RING_HEAD_BYTES, bytes);
	return (fd);
}

static void
mapping_drop(struct mapping *m)
{
	if (atomic_fetch_sub_explicit(&m->ends, 1, memory_order_acq_rel) != 1)
		return;
	shm_unmap_ring(m->shared, RING_HEAD_BYTES, m->size);
	free(m);
}

static struct mapping *
mapping_new(int fd, struct err *err)
{
	struct mapping *m;
	struct stat st;
	uint64_t size;

	if (fstat(fd, &st) != 0) {
		err_sys(err, "fstat");
		return (NULL);
	}
	size = (uint64_t)st.st_size - RING_HEAD_BYTES;
	if (st.st_size < (off_t)RING_HEAD_BYTES || !size_is_possible(size)) {
		err_set(err, "%jd bytes are no ring", (intmax_t)st.st_size);
		return (NULL);
	}
	if ((m = calloc(1, sizeof(*m))) == NULL) {
		err_sys(err, "ring");
		return (NULL);
	}
	m->size = (uint32_t)size;
	atomic_init(&m->ends, 1);
	if ((m->shared = shm_map_ring(fd, RING_HEAD_BYTES, size, err)) == NULL) {
		free(m);
		return (NULL);
	}
	if (m->shared->stamp != RING_STAMP || m->shared->size != m->size) {
		err_set(err, "another layout: stamp %#llx", (unsigned long long)m->shared->stamp);
		mapping_drop(m);
		return (NULL);
	}
	return (m);
}

/*
 * A life that ended between telling a jump and telling the records behind it left a jump that never
 * happened; it is taken back before a record can stand there.
 */
static void
adopt_jump(struct ring *r)
{
	uint64_t from = atomic_load_explicit(&r->shared->skip_from, memory_order_relaxed);
	uint64_t to = atomic_load_explicit(&r->shared->skip_to, memory_order_relaxed);

	if (to > from && to < r->tail) {
		r->skip_from = from;
		r->skip_to = to;
		r->skip_told = true;
	}
}

static void
adopt_producer(struct ring *r)
{
	uint64_t released = atomic_load_explicit(&r->shared->released, memory_order_acquire);

	r->tail = r->published = atomic_load_explicit(&r->shared->write, memory_order_acquire);
	r->rest_tail = r->tail;
	r->touched = r->tail > r->size ? r->size : (uint32_t)r->tail;
	adopt_jump(r);
	r->base = base_of(r, released);
	r->released_seen = released;
	if (r->tail % 8 != 0 || released % 8 != 0 || r->base > r->tail ||
	    r->tail - r->base > r->size || (released > r->skip_from && released < r->skip_to))
		die(r, "cursors released %#llx, write %#llx, jump %#llx..%#llx",
		    (unsigned long long)released, (unsigned long long)r->tail,
		    (unsigned long long)r->skip_from, (unsigned long long)r->skip_to);
	atomic_store_explicit(&r->shared->want_room, 0, memory_order_relaxed);
}

static void
adopt_consumer(struct ring *r)
{
	r->released = atomic_load_explicit(&r->shared->released, memory_order_acquire);
	r->read = r->write_seen = r->released;
	if (r->released % 8 != 0)
		die(r, "released cursor %#llx", (unsigned long long)r->released);
	else
		refresh_write(r);
	atomic_store_explicit(&r->shared->read, r->read, memory_order_relaxed);
	atomic_store_explicit(&r->shared->asleep, 0, memory_order_relaxed);
	ring_work_done(r);
}

static struct ring *
end_new(struct mapping *m, enum ring_side side, const struct doorbell *peer, struct err *err)
{
	struct ring *r;

	if ((r = calloc(1, sizeof(*r))) == NULL) {
		err_sys(err, "ring end");
		return (NULL);
	}
	r->mapping = m;
	r->shared = m->shared;
	r->data = (uint8_t *)m->shared + RING_HEAD_BYTES;
	r->size = m->size;
	r->mask = m->size - 1;
	r->record_max = m->size / 4 - RING_RECORD_HEAD;
	r->restart_bytes = m->size / 4 < RESTART_BYTES ? m->size / 4 : RESTART_BYTES;
	r->serial = m->shared->serial;
	r->peer = peer == NULL ? DOORBELL_NONE : *peer;
	switch (side) {
	case RING_PRODUCER:
		adopt_producer(r);
		break;
	case RING_CONSUMER:
		adopt_consumer(r);
		break;
	}
	if (r->dead) {
		err_set(err, "%s", r->why);
		free(r);
		return (NULL);
	}
	return (r);
}

struct ring *
ring_attach(int fd, enum ring_side side, const struct doorbell *peer, struct err *err)
{
	struct mapping *m;
	struct ring *r;

	if ((m = mapping_new(fd, err)) == NULL)
		return (NULL);
	if ((r = end_new(m, side, peer, err)) == NULL) {
		mapping_drop(m);
		return (NULL);
	}
	/* The life before us may have died between taking the flag down and ringing. */
	doorbell_ring(&r->peer);
	return (r);
}

int
ring_make_local(uint32_t bytes, const struct doorbell *producer_bell,
    const struct doorbell *consumer_bell, struct ring **producer, struct ring **consumer,
    struct err *err)
{
	struct mapping *m;
	int fd;

	if ((fd = ring_make(bytes, 0, err)) == -1)
		return (-1);
	m = mapping_new(fd, err);
	close(fd);
	if (m == NULL)
		return (-1);
	if ((*producer = end_new(m, RING_PRODUCER, consumer_bell, err)) == NULL) {
		mapping_drop(m);
		return (-1);
	}
	if ((*consumer = end_new(m, RING_CONSUMER, producer_bell, err)) == NULL) {
		ring_detach(*producer);
		return (-1);
	}
	atomic_fetch_add_explicit(&m->ends, 1, memory_order_relaxed);
	return (0);
}

void
ring_detach(struct ring *r)
{
	if (r == NULL)
		return;
	mapping_drop(r->mapping);
	free(r);
}

/* ---- what it is ---- */

uint64_t
ring_serial(const struct ring *r)
{
	return (r->serial);
}

uint32_t
ring_size(const struct ring *r)
{
	return (r->size);
}

uint32_t
ring_record_max(const struct ring *r)
{
	return (r->record_max);
}

bool
ring_dead(const struct ring *r)
{
	return (r->dead);
}

const char *
ring_why(const struct ring *r)
{
	return (r->why);
}
