/*
 * One suite for the three bodies of the I/O table, and what only the body in memory can do.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/disk.h"
#include "common/disk_faulty.h"
#include "common/disk_memory.h"
#include "tests/unit/unit.h"

enum body { BODY_POSIX, BODY_MEMORY, BODY_FAULTY };
static const enum body bodies[] = { BODY_POSIX, BODY_MEMORY, BODY_FAULTY };

static struct disk *below;
static char path[] = "/tmp/natsd-disk-XXXXXX";

static int
remove_one(const char *name, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return (remove(name));
}

static struct disk *
body_open(enum body body)
{
	switch (body) {
	case BODY_POSIX:
		ck_assert_ptr_nonnull(mkdtemp(path));
		return (disk_posix(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
	case BODY_MEMORY:
		return (disk_memory(1 << 20));
	case BODY_FAULTY:
		below = disk_memory(1 << 20);
		return (disk_faulty(below));
	}
	return (NULL);
}

static void
body_close(struct disk *d)
{
	disk_free(d);
	disk_free(below);
	below = NULL;
	nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int
make(struct disk *d, int dir, const char *name, const char *text)
{
	int h = disk_open(d, dir, name, DISK_CREATE);

	ck_assert_int_ge(h, 0);
	ck_assert_int_eq(disk_write_all(d, h, text, strlen(text), 0), 0);
	return (h);
}

static bool
collect(void *arg, const char *name, bool is_dir)
{
	char *all = arg;
	size_t used = strlen(all);

	snprintf(all + used, 200 - used, "%s%s ", name, is_dir ? "/" : "");
	return (true);
}

START_TEST(files_and_directories)
{
	struct disk *d = body_open(bodies[_i]);
	struct err err;
	char buf[32], all[200] = "";
	uint64_t size;
	int dir = disk_open_dir(d, DISK_ROOT, "sub", &err), h;

	ck_assert_int_ge(dir, 0);
	ck_assert_int_eq(disk_open(d, dir, "a", DISK_READ), -1);
	ck_assert_int_eq(errno, ENOENT);
	h = make(d, dir, "a", "hello");
	ck_assert_int_eq(disk_open(d, dir, "a", DISK_CREATE), -1);
	ck_assert_int_eq(errno, EEXIST);
	ck_assert_int_eq(disk_write_all(d, h, "J", 1, 10), 0);
	ck_assert_int_eq(disk_size(d, h, &size), 0);
	ck_assert_uint_eq(size, 11);
	ck_assert_int_eq(disk_read_all(d, h, buf, 11, 0), 0);
	ck_assert_int_eq(memcmp(buf, "hello\0\0\0\0\0J", 11), 0);
	ck_assert_int_eq(disk_read_all(d, h, buf, 12, 0), -1);
	ck_assert_int_eq(errno, ENODATA);
	ck_assert_int_eq(disk_truncate(d, h, 3), 0);
	ck_assert_int_eq(disk_truncate(d, h, 5), 0);
	ck_assert_int_eq(disk_read_all(d, h, buf, 5, 0), 0);
	ck_assert_int_eq(memcmp(buf, "hel\0\0", 5), 0);
	ck_assert_int_eq(disk_sync(d, h), 0);
	disk_close(d, h);
	ck_assert_int_eq(disk_rename(d, dir, "a", DISK_ROOT, "b"), 0);
	ck_assert_int_eq(disk_list(d, DISK_ROOT, collect, all), 0);
	ck_assert(strstr(all, "b ") != NULL && strstr(all, "sub/ ") != NULL);
	ck_assert_int_eq(disk_unlink(d, DISK_ROOT, "sub"), -1);
	ck_assert_int_eq(disk_unlink(d, DISK_ROOT, "b"), 0);
	ck_assert_int_eq(disk_unlink(d, DISK_ROOT, "b"), -1);
	ck_assert_int_eq(errno, ENOENT);
	disk_close(d, dir);
	ck_assert_int_eq(disk_rmdir(d, DISK_ROOT, "sub"), 0);
	ck_assert_int_eq(disk_space(d, DISK_ROOT, &size), 0);
	body_close(d);
}
END_TEST

START_TEST(vectors)
{
	struct disk *d = body_open(bodies[_i]);
	struct iovec iov[3000];
	char from[3000], to[3000];
	int h = disk_open(d, DISK_ROOT, "v", DISK_CREATE);

	for (unsigned i = 0; i < 3000; i++) {
		from[i] = (char)i;
		iov[i] = (struct iovec){ .iov_base = &from[i], .iov_len = i % 3 == 0 ? 0 : 1 };
		iov[i].iov_len = 1;
	}
	iov[7].iov_len = 0;
	ck_assert_int_eq(disk_writev_all(d, h, iov, 3000, 5), 0);
	ck_assert_int_eq(disk_read_all(d, h, to, 2999, 5), 0);
	ck_assert_int_eq(memcmp(to, from, 7), 0);
	ck_assert_int_eq(memcmp(to + 7, from + 8, 2992), 0);
	disk_close(d, h);
	body_close(d);
}
END_TEST

START_TEST(replaces_as_one)
{
	struct disk *d = body_open(bodies[_i]);
	struct err err;
	size_t n;
	uint8_t *p;

	ck_assert_int_eq(disk_replace(d, DISK_ROOT, "f", "one", 3, &err), 0);
	ck_assert_int_eq(disk_replace(d, DISK_ROOT, "f", "three", 5, &err), 0);
	p = disk_load(d, DISK_ROOT, "f", 10, &n);
	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(n, 5);
	ck_assert_int_eq(memcmp(p, "three", 5), 0);
	free(p);
	ck_assert_ptr_null(disk_load(d, DISK_ROOT, "f", 4, &n));
	ck_assert_int_eq(errno, EFBIG);
	body_close(d);
}
END_TEST

START_TEST(locks)
{
	struct disk *d = body_open(bodies[_i]);
	int a = make(d, DISK_ROOT, "l", ""), b = disk_open(d, DISK_ROOT, "l", DISK_WRITE);

	ck_assert_int_eq(disk_lock(d, a), 0);
	ck_assert_int_eq(disk_lock(d, b), -1);
	ck_assert_int_eq(errno, EWOULDBLOCK);
	disk_close(d, a);
	ck_assert_int_eq(disk_lock(d, b), 0);
	disk_close(d, b);
	body_close(d);
}
END_TEST

/* ---- power cuts ---- */

static unsigned
outcomes(struct disk *d, const char *name, char (*seen)[64], size_t *images)
{
	struct choice c = choice_all();
	unsigned count = 0, i;
	struct disk *image;
	char text[64];
	size_t n;
	uint8_t *p;

	*images = 0;
	do {
		image = disk_memory_image(d, &c);
		p = disk_load(image, DISK_ROOT, name, 4096, &n);
		snprintf(text, sizeof(text), p == NULL ? "absent" : "%zu:%c%c", n,
		    p != NULL && n > 0 && p[0] != 0 ? p[0] : '-',
		    p != NULL && n > 512 && p[512] != 0 ? p[512] : '-');
		free(p);
		disk_free(image);
		(*images)++;
		for (i = 0; i < count && strcmp(seen[i], text) != 0; i++)
			;
		if (i == count)
			memcpy(seen[count++], text, sizeof(text));
	} while (choice_next(&c));
	return (count);
}

START_TEST(cut_keeps_any_subset)
{
	struct disk *d = disk_memory(1 << 20);
	char data[1024], seen[32][64];
	size_t images;
	int h = disk_open(d, DISK_ROOT, "f", DISK_CREATE);

	memset(data, 'a', 512);
	memset(data + 512, 'b', 512);
	ck_assert_int_eq(disk_write_all(d, h, data, 1024, 0), 0);
	ck_assert_uint_eq(outcomes(d, "f", seen, &images), 6); /* absent, 0, 1024 x 4 */
	ck_assert_int_eq(disk_sync(d, h), 0);
	ck_assert_uint_eq(outcomes(d, "f", seen, &images), 2);
	ck_assert_int_eq(disk_sync(d, DISK_ROOT), 0);
	ck_assert_uint_eq(outcomes(d, "f", seen, &images), 1);
	ck_assert_str_eq(seen[0], "1024:ab");
	ck_assert_uint_eq(images, 1);
	ck_assert_int_eq(disk_write_all(d, h, "c", 1, 0), 0);
	ck_assert_int_eq(disk_write_all(d, h, "d", 1, 0), 0);
	ck_assert_uint_eq(outcomes(d, "f", seen, &images), 3);
	ck_assert_int_eq(disk_truncate(d, h, 512), 0);
	ck_assert_uint_eq(outcomes(d, "f", seen, &images), 3 * 3); /* sizes x first x second */
	disk_close(d, h);
	disk_free(d);
}
END_TEST

START_TEST(cut_of_a_replacement)
{
	struct disk *d = disk_memory(1 << 20);
	char seen[32][64];
	size_t images;
	int h = make(d, DISK_ROOT, "f", "a");
	struct err err;

	disk_sync(d, h);
	disk_close(d, h);
	disk_sync(d, DISK_ROOT);
	h = make(d, DISK_ROOT, "f.new", "bb");
	disk_sync(d, h);
	disk_close(d, h);
	ck_assert_int_eq(disk_rename(d, DISK_ROOT, "f.new", DISK_ROOT, "f"), 0);
	ck_assert_uint_eq(outcomes(d, "f", seen, &images), 2);
	ck_assert_int_eq(disk_replace(d, DISK_ROOT, "f", "ccc", 3, &err), 0);
	ck_assert_uint_eq(outcomes(d, "f", seen, &images), 1);
	ck_assert_str_eq(seen[0], "3:c-");
	disk_free(d);
}
END_TEST

START_TEST(memory_is_full)
{
	struct disk *d = disk_memory(1000);
	char data[600] = { 0 };
	int h = disk_open(d, DISK_ROOT, "f", DISK_CREATE);

	ck_assert_int_eq(disk_write_all(d, h, data, 600, 0), 0);
	ck_assert_int_eq(disk_write_all(d, h, data, 600, 600), -1);
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert_int_eq(disk_write_all(d, h, data, 600, 100), 0);
	disk_memory_set_capacity(d, 2000);
	ck_assert_int_eq(disk_write_all(d, h, data, 600, 600), 0);
	disk_close(d, h);
	disk_free(d);
}
END_TEST

/* ---- faults ---- */

START_TEST(faults_strike_once)
{
	struct disk *memory = disk_memory(1 << 20), *d = disk_faulty(memory);
	struct fault_plan plan = { .what = FAULT_ERROR, .error = ENOSPC, .nth = 2,
		.kinds = 1u << DISK_CALL_WRITE };
	int h = disk_open(d, DISK_ROOT, "f", DISK_CREATE);
	char buf[8] = "";

	disk_faulty_plan(d, &plan);
	ck_assert_int_eq(disk_write_all(d, h, "abcd", 4, 0), 0);
	ck_assert_int_eq(disk_write_all(d, h, "efgh", 4, 0), -1);
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert(disk_faulty_hit(d));
	ck_assert_int_eq(disk_write_all(d, h, "ijkl", 4, 4), 0);
	ck_assert_uint_eq(disk_faulty_calls(d), 3);
	ck_assert_int_eq(disk_read_all(d, h, buf, 8, 0), 0);
	ck_assert_int_eq(memcmp(buf, "abcdijkl", 8), 0);
	plan = (struct fault_plan){ .what = FAULT_SHORT, .nth = 1, .for_good = true,
		.kinds = FAULT_ALL_CALLS & ~(1u << DISK_CALL_SYNC) };
	disk_faulty_plan(d, &plan);
	ck_assert_int_eq(disk_write_all(d, h, "ABCDEFGH", 8, 0), 0);
	ck_assert_int_eq(disk_read_all(d, h, buf, 8, 0), 0);
	ck_assert_int_eq(memcmp(buf, "ABCDEFGH", 8), 0);
	plan = (struct fault_plan){ .what = FAULT_DIE_HALF, .nth = 1, .kinds = FAULT_CHANGES };
	disk_faulty_plan(d, &plan);
	ck_assert_int_eq(disk_write_all(d, h, "01234567", 8, 0), -1);
	ck_assert_int_eq(disk_read_all(d, h, buf, 8, 0), -1);
	ck_assert_int_eq(errno, EIO);
	ck_assert_int_eq(disk_read_all(memory, h, buf, 8, 0), 0);
	ck_assert_int_eq(memcmp(buf, "0123EFGH", 8), 0);
	disk_close(d, h);
	disk_free(d);
	disk_free(memory);
}
END_TEST

UNIT_MAIN("store_disk",
    unit_rows(tc, files_and_directories, bodies);
    unit_rows(tc, vectors, bodies);
    unit_rows(tc, replaces_as_one, bodies);
    unit_rows(tc, locks, bodies);
    tcase_add_test(tc, cut_keeps_any_subset);
    tcase_add_test(tc, cut_of_a_replacement);
    tcase_add_test(tc, memory_is_full);
    tcase_add_test(tc, faults_strike_once);)
