#include "config.h"

#include <string.h>

#include "common/buf.h"
#include "tests/unit/unit.h"

START_TEST(grows_and_keeps)
{
	struct buf b = BUF_INIT(100000);
	uint8_t byte;

	for (unsigned i = 0; i < 100000; i++) {
		byte = (uint8_t)(i * 7);
		ck_assert_int_eq(buf_add(&b, &byte, 1), 0);
		ck_assert(b.len <= b.size && b.size <= b.max);
	}
	ck_assert_int_eq(buf_add(&b, &byte, 1), -1);
	ck_assert_uint_eq(b.len, 100000);
	for (unsigned i = 0; i < 100000; i++)
		ck_assert_uint_eq(b.data[i], (uint8_t)(i * 7));
	buf_free(&b);
	ck_assert(b.data == NULL && b.size == 0 && b.len == 0 && b.max == 100000);
}
END_TEST

START_TEST(room_does_not_move_len)
{
	struct buf b = BUF_INIT(64);
	uint8_t *p = buf_room(&b, 64);

	ck_assert_ptr_nonnull(p);
	ck_assert_uint_eq(b.len, 0);
	ck_assert_ptr_null(buf_room(&b, 65));
	ck_assert_ptr_null(buf_room(&b, SIZE_MAX));
	buf_free(&b);
}
END_TEST

START_TEST(formats)
{
	struct buf b = BUF_INIT(12);

	ck_assert_int_eq(buf_addf(&b, "%s-%d", "ab", 12), 0);
	ck_assert(str_eq(buf_str(&b), STR("ab-12")));
	ck_assert_int_eq(buf_addf(&b, "%07d", 5), 0);
	ck_assert(str_eq(buf_str(&b), STR("ab-120000005")));
	ck_assert_int_eq(buf_addf(&b, "x"), -1);
	ck_assert_uint_eq(b.len, 12);
	buf_free(&b);
}
END_TEST

START_TEST(drops_front)
{
	struct buf b = BUF_INIT(64);

	buf_drop_front(&b, 0);
	ck_assert_int_eq(buf_add_str(&b, STR("hello world")), 0);
	buf_drop_front(&b, 6);
	ck_assert(str_eq(buf_str(&b), STR("world")));
	buf_drop_front(&b, 5);
	ck_assert_uint_eq(b.len, 0);
	buf_free(&b);
}
END_TEST

START_TEST(adds_nothing)
{
	struct buf b = BUF_INIT(0);

	ck_assert_int_eq(buf_add(&b, NULL, 0), 0);
	ck_assert_int_eq(buf_add(&b, "a", 1), -1);
	ck_assert_ptr_null(b.data);
}
END_TEST

UNIT_MAIN("buf",
    tcase_add_test(tc, grows_and_keeps);
    tcase_add_test(tc, room_does_not_move_len);
    tcase_add_test(tc, formats);
    tcase_add_test(tc, drops_front);
    tcase_add_test(tc, adds_nothing);)
