#include "config.h"

#include "common/cursor.h"
#include "tests/unit/unit.h"

START_TEST(writes_what_it_reads)
{
	uint8_t bytes[64];
	struct wr out = wr_of(bytes, sizeof(bytes));
	struct rd in;

	wr_u8(&out, 0x12);
	wr_u16(&out, 0x3456);
	wr_u32(&out, 0x789abcde);
	wr_u64(&out, 0x0123456789abcdef);
	wr_str16(&out, STR("ab"));
	wr_str32(&out, STR_NONE);
	ck_assert_int_eq(wr_end(&out), 0);
	ck_assert_uint_eq(wr_len(&out), 1 + 2 + 4 + 8 + 4 + 4);
	ck_assert_mem_eq(bytes, "\x12\x56\x34\xde\xbc\x9a\x78", 7);
	in = rd_of(bytes, wr_len(&out));
	ck_assert_uint_eq(rd_u8(&in), 0x12);
	ck_assert_uint_eq(rd_u16(&in), 0x3456);
	ck_assert_uint_eq(rd_u32(&in), 0x789abcde);
	ck_assert_uint_eq(rd_u64(&in), 0x0123456789abcdef);
	ck_assert(str_eq(rd_str16(&in), STR("ab")));
	ck_assert_int_eq(rd_end(&in), -1);
	ck_assert_uint_eq(rd_str32(&in).n, 0);
	ck_assert_int_eq(rd_end(&in), 0);
}
END_TEST

START_TEST(shortage_is_sticky)
{
	struct rd in = rd_of("\1\2\3", 3);

	ck_assert_uint_eq(rd_u32(&in), 0);
	ck_assert_uint_eq(rd_u8(&in), 0);
	ck_assert_int_eq(rd_end(&in), -1);
	in = rd_of("\xff\xff" "abc", 5);
	ck_assert_ptr_null(rd_str16(&in).p);
	ck_assert_int_eq(rd_end(&in), -1);
	in = rd_of("\xff\xff\xff\xff" "abc", 7);
	ck_assert_ptr_null(rd_str32(&in).p);
	in = rd_of(NULL, 0);
	ck_assert_int_eq(rd_end(&in), 0);
	ck_assert_ptr_null(rd_bytes(&in, SIZE_MAX).p);
	ck_assert_int_eq(rd_end(&in), -1);
}
END_TEST

START_TEST(fullness_is_sticky)
{
	static char big[UINT16_MAX + 1];
	uint8_t bytes[UINT16_MAX + 64];
	struct wr out = wr_of(bytes, 6);

	wr_u64(&out, 1);
	wr_u8(&out, 1);
	ck_assert_int_eq(wr_end(&out), -1);
	ck_assert_uint_eq(wr_len(&out), 0);
	out = wr_of(bytes, sizeof(bytes));
	wr_str16(&out, (struct str){ .p = big, .n = UINT16_MAX });
	ck_assert_int_eq(wr_end(&out), 0);
	out = wr_of(bytes, sizeof(bytes));
	wr_str16(&out, (struct str){ .p = big, .n = sizeof(big) });
	ck_assert_int_eq(wr_end(&out), -1);
}
END_TEST

UNIT_MAIN("cursor",
    tcase_add_test(tc, writes_what_it_reads);
    tcase_add_test(tc, shortage_is_sticky);
    tcase_add_test(tc, fullness_is_sticky);)
