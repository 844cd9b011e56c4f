#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/doorbell.h"
#include "common/shm.h"
#include "tests/unit/unit.h"

#define HEAD 4096u
#define SIZE 65536u

START_TEST(sealed_against_resizing)
{
	struct err err;
	int fd = shm_make("test", HEAD + SIZE, &err);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(ftruncate(fd, 0), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(ftruncate(fd, HEAD + 2 * SIZE), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}
END_TEST

START_TEST(maps_twice)
{
	struct err err;
	int fd = shm_make("test", HEAD + SIZE, &err);
	uint8_t *head = shm_map_ring(fd, HEAD, SIZE, &err), *data;

	ck_assert_ptr_nonnull(head);
	data = head + HEAD;
	memcpy(data + SIZE - 3, "around", 6);
	ck_assert_mem_eq(data, "und", 3);
	ck_assert_mem_eq(data + 2 * SIZE - 3, "aro", 3);
	ck_assert_uint_eq(head[0], 0);
	shm_unmap_ring(head, HEAD, SIZE);
	shm_unmap_ring(NULL, HEAD, SIZE);
	close(fd);
}
END_TEST

START_TEST(map_refuses_wrong_memory)
{
	struct err err;
	int fd = shm_make("test", HEAD + SIZE, &err), open_fd = memfd_create("open", 0);

	ck_assert_ptr_null(shm_map_ring(fd, HEAD, 2 * SIZE, &err));
	ck_assert_str_eq(err.text, "69632 bytes where 135168 are expected");
	ck_assert_ptr_null(shm_map_ring(fd, HEAD, SIZE / 2, &err));
	ck_assert_int_eq(ftruncate(open_fd, HEAD + SIZE), 0);
	ck_assert_ptr_null(shm_map_ring(open_fd, HEAD, SIZE, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "lacks seals"));
	ck_assert_ptr_null(shm_map_ring(-1, HEAD, SIZE, &err));
	close(fd);
	close(open_fd);
}
END_TEST

START_TEST(punch_gives_pages_back)
{
	struct err err;
	struct stat st;
	int fd = shm_make("test", HEAD + SIZE, &err);
	uint8_t *head = shm_map_ring(fd, HEAD, SIZE, &err);

	memset(head + HEAD, 0xaa, SIZE);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_ge(st.st_blocks, SIZE / 512);
	ck_assert_int_eq(shm_punch(head + HEAD + 8192, SIZE - 8192), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_le(st.st_blocks, (HEAD + 8192) / 512);
	ck_assert_uint_eq(head[HEAD + 8191], 0xaa);
	ck_assert_uint_eq(head[HEAD + 8192], 0);
	shm_unmap_ring(head, HEAD, SIZE);
	close(fd);
}
END_TEST

START_TEST(sealed_copy)
{
	struct err err;
	int fd = shm_make_sealed_copy("test", "contents", 8, &err), plain;
	uint8_t *p;
	size_t n;

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(pwrite(fd, "x", 1, 0), -1);
	ck_assert_int_eq(shm_read_all(fd, 8, &p, &n, &err), 0);
	ck_assert_uint_eq(n, 8);
	ck_assert_mem_eq(p, "contents", 8);
	free(p);
	ck_assert_int_eq(shm_read_all(fd, 7, &p, &n, &err), -1);
	close(fd);
	plain = shm_make("test", 8, &err);
	ck_assert_int_eq(shm_read_all(plain, 8, &p, &n, &err), -1);
	ck_assert_ptr_nonnull(strstr(err.text, "lacks seals"));
	close(plain);
	ck_assert_int_ne(fd = shm_make_sealed_copy("test", "", 0, &err), -1);
	ck_assert_int_eq(shm_read_all(fd, 8, &p, &n, &err), 0);
	ck_assert_uint_eq(n, 0);
	free(p);
	close(fd);
}
END_TEST

static bool
rung(const struct doorbell *bell)
{
	struct pollfd p = { .fd = bell->wait, .events = POLLIN };

	return (poll(&p, 1, 0) == 1);
}

START_TEST(rings_until_cleared)
{
	struct doorbell bell, none = DOORBELL_NONE;

	ck_assert_int_eq(doorbell_make(&bell, NULL), 0);
	ck_assert(!rung(&bell));
	errno = ENOENT;
	for (unsigned i = 0; i < 100000; i++)
		doorbell_ring(&bell);
	ck_assert(rung(&bell));
	doorbell_clear(&bell);
	ck_assert(!rung(&bell));
	doorbell_clear(&bell);
	doorbell_ring(&none);
	doorbell_clear(&none);
	ck_assert_int_eq(errno, ENOENT);
	doorbell_close(&bell);
	ck_assert_int_eq(bell.wait, -1);
	doorbell_close(&bell);
}
END_TEST

UNIT_MAIN("shm, doorbell",
    tcase_add_test(tc, sealed_against_resizing);
    tcase_add_test(tc, maps_twice);
    tcase_add_test(tc, map_refuses_wrong_memory);
    tcase_add_test(tc, punch_gives_pages_back);
    tcase_add_test(tc, sealed_copy);
    tcase_add_test(tc, rings_until_cleared);)
