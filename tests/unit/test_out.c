#include "config.h"

#include <sys/socket.h>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "natsd-front/out.h"
#include "tests/unit/unit.h"

struct rig {
	struct out_mem mem;
	struct out out;
	int fds[2];
};

static void
rig_begin(struct rig *r)
{
	*r = (struct rig){ .fds = { -1, -1 } };
	ck_assert_int_eq(out_mem_init(&r->mem), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, r->fds), 0);
	ck_assert_int_ne(fcntl(r->fds[0], F_SETFL, O_NONBLOCK), -1);
}

static void
rig_end(struct rig *r)
{
	out_drop(&r->out, &r->mem);
	ck_assert_uint_eq(r->out.pending, 0);
	ck_assert_uint_eq(pool_used(r->mem.segs), 0);
	ck_assert_uint_eq(blob_store_bytes(r->mem.blobs), 0);
	out_mem_free(&r->mem);
	close(r->fds[0]);
	close(r->fds[1]);
}

/* The n-th byte of everything that is written. */
static uint8_t
byte_at(size_t n)
{
	return ((uint8_t)(n * 7 + n / 251));
}

static void
put(struct rig *r, size_t *written, size_t n)
{
	uint8_t *to = out_reserve(&r->out, &r->mem, n);
	size_t i;

	ck_assert_ptr_nonnull(to);
	for (i = 0; i < n; i++)
		to[i] = byte_at(*written + i);
	out_commit(&r->out, n);
	*written += n;
}

static void
put_shared(struct rig *r, size_t *written, size_t n)
{
	struct blob *b = blob_new(r->mem.blobs, n + 5);
	size_t i;

	ck_assert_ptr_nonnull(b);
	for (i = 0; i < n; i++)
		b->data[5 + i] = byte_at(*written + i);
	ck_assert_int_eq(out_refer(&r->out, &r->mem, b, 5, n), 0);
	blob_drop(r->mem.blobs, b);
	*written += n;
}

static void
expect_bytes(int fd, size_t *seen, size_t n)
{
	uint8_t buf[4096];
	ssize_t got;
	ssize_t i;

	while (n > 0) {
		got = read(fd, buf, n < sizeof(buf) ? n : sizeof(buf));
		ck_assert_int_gt(got, 0);
		for (i = 0; i < got; i++)
			ck_assert_uint_eq(buf[i], byte_at(*seen + (size_t)i));
		*seen += (size_t)got;
		n -= (size_t)got;
	}
}

START_TEST(test_empty_owns_nothing)
{
	struct rig r;

	rig_begin(&r);
	ck_assert_int_eq(out_write(&r.out, &r.mem, r.fds[0], SIZE_MAX), 0);
	ck_assert_uint_eq(pool_held(r.mem.segs), 0);
	rig_end(&r);
}
END_TEST

START_TEST(test_order_of_copied_and_shared)
{
	size_t written = 0, seen = 0, turn;
	ssize_t n;
	struct rig r;

	rig_begin(&r);
	for (turn = 0; turn < 200; turn++) {
		put(&r, &written, 1 + turn * 13 % 700);
		if (turn % 3 == 0)
			put_shared(&r, &written, 1 + turn * 101 % 9000);
		if (turn % 17 == 0)
			put(&r, &written, 70000);
		ck_assert_uint_eq(r.out.pending, written - seen);
		while (r.out.pending > 20000) {
			n = out_write(&r.out, &r.mem, r.fds[0], 1 + turn * 997 % 30000);
			ck_assert_int_gt(n, 0);
			expect_bytes(r.fds[1], &seen, (size_t)n);
		}
	}
	while (r.out.pending > 0) {
		n = out_write(&r.out, &r.mem, r.fds[0], SIZE_MAX);
		ck_assert_int_gt(n, 0);
		expect_bytes(r.fds[1], &seen, (size_t)n);
	}
	ck_assert_uint_eq(written, seen);
	rig_end(&r);
}
END_TEST

START_TEST(test_full_socket_and_dead_peer)
{
	size_t written = 0;
	ssize_t n;
	struct rig r;

	rig_begin(&r);
	put(&r, &written, 4 << 20);
	while ((n = out_write(&r.out, &r.mem, r.fds[0], SIZE_MAX)) > 0)
		continue;
	ck_assert_int_eq(n, 0);
	ck_assert_uint_gt(r.out.pending, 0);
	close(r.fds[1]);
	r.fds[1] = -1;
	ck_assert_int_eq(out_write(&r.out, &r.mem, r.fds[0], SIZE_MAX), -1);
	rig_end(&r);
}
END_TEST

/* Another worker drops the last share while the owner goes on taking blobs. */
#define THREAD_BLOBS 20000

struct pass {
	struct blob *_Atomic slot;
	struct blob_store *theirs;
};

static void *
dropper(void *arg)
{
	struct pass *p = arg;
	struct blob *b;
	unsigned n = 0;

	while (n < THREAD_BLOBS) {
		b = atomic_exchange_explicit(&p->slot, NULL, memory_order_acquire);
		if (b == NULL) {
			sched_yield(); /* the other one may need this processor */
			continue;
		}
		ck_assert_uint_eq(b->data[0], (uint8_t)n);
		blob_drop(p->theirs, b);
		n++;
	}
	return (NULL);
}

START_TEST(test_blobs_across_threads)
{
	static const size_t sizes[] = { 10, 3000, 60000, 100000 };
	struct blob_store *ours = blob_store_new();
	struct pass p = { .theirs = blob_store_new() };
	struct blob *b, *none;
	pthread_t t;
	unsigned i;

	ck_assert_int_eq(pthread_create(&t, NULL, dropper, &p), 0);
	for (i = 0; i < THREAD_BLOBS; i++) {
		b = blob_new(ours, sizes[i % 4]);
		ck_assert_ptr_nonnull(b);
		b->data[0] = (uint8_t)i;
		blob_share(b);
		for (none = NULL; !atomic_compare_exchange_weak_explicit(&p.slot, &none, b,
		    memory_order_release, memory_order_relaxed); none = NULL)
			sched_yield();
		blob_drop(ours, b);
		if (i % 1000 == 0)
			blob_store_trim(ours);
	}
	pthread_join(t, NULL);
	blob_store_trim(ours);
	ck_assert_uint_eq(blob_store_bytes(ours), 0);
	blob_store_free(ours);
	blob_store_free(p.theirs);
}
END_TEST

START_TEST(test_blob_outlives_its_store)
{
	struct blob_store *ours = blob_store_new(), *theirs = blob_store_new();
	struct blob *b = blob_new(ours, 100);

	ck_assert_ptr_nonnull(b);
	blob_store_free(ours);
	b->data[99] = 1;
	blob_drop(theirs, b);
	blob_store_free(theirs);
}
END_TEST

UNIT_MAIN("out",
    signal(SIGPIPE, SIG_IGN);
    tcase_add_test(tc, test_empty_owns_nothing);
    tcase_add_test(tc, test_order_of_copied_and_shared);
    tcase_add_test(tc, test_full_socket_and_dead_peer);
    tcase_add_test(tc, test_blobs_across_threads);
    tcase_add_test(tc, test_blob_outlives_its_store);)
