#include "config.h"

#include <stdint.h>
#include <string.h>

#include "common/pool.h"
#include "tests/unit/unit.h"

START_TEST(objects_are_apart)
{
	struct pool *pool = pool_new(24, 10, 0);
	uint8_t *out[95];

	for (unsigned i = 0; i < 95; i++) {
		out[i] = pool_get(pool);
		ck_assert_ptr_nonnull(out[i]);
		ck_assert_uint_eq((uintptr_t)out[i] % 16, 0);
		memset(out[i], (int)i, 24);
	}
	ck_assert_uint_eq(pool_used(pool), 95);
	ck_assert_uint_eq(pool_held(pool), 100);
	for (unsigned i = 0; i < 95; i++)
		for (unsigned k = 0; k < 24; k++)
			ck_assert_uint_eq(out[i][k], i);
	pool_free(pool);
}
END_TEST

START_TEST(stops_at_bound)
{
	struct pool *pool = pool_new(1, 4, 6);
	void *out[6];

	for (unsigned i = 0; i < 6; i++)
		ck_assert_ptr_nonnull(out[i] = pool_get(pool));
	ck_assert_ptr_null(pool_get(pool));
	pool_put(pool, out[3]);
	ck_assert_ptr_eq(pool_get(pool), out[3]);
	ck_assert_ptr_null(pool_get(pool));
	pool_put(pool, NULL);
	pool_free(pool);
	pool_free(NULL);
}
END_TEST

START_TEST(trims_empty_slabs_but_one)
{
	struct pool *pool = pool_new(100, 8, 0);
	void *out[64];

	for (unsigned i = 0; i < 64; i++)
		out[i] = pool_get(pool);
	for (unsigned i = 0; i < 64; i++)
		if (i != 20)
			pool_put(pool, out[i]);
	ck_assert_uint_eq(pool_held(pool), 64);
	pool_trim(pool);
	ck_assert_uint_eq(pool_used(pool), 1);
	ck_assert_uint_eq(pool_held(pool), 16);
	pool_put(pool, out[20]);
	pool_trim(pool);
	ck_assert_uint_eq(pool_held(pool), 8);
	ck_assert_ptr_nonnull(pool_get(pool));
	pool_free(pool);
}
END_TEST

/* Any order of taking and giving back keeps the count and never gives one object twice. */
START_TEST(random_order)
{
	struct pool *pool = pool_new(8, 5, 50);
	void *out[50] = { NULL };
	uint32_t seed = 12345;
	size_t used = 0;

	for (unsigned round = 0; round < 20000; round++) {
		unsigned i = (seed = seed * 1664525 + 1013904223) >> 16 & 63;

		if (i >= 50) {
			pool_trim(pool);
		} else if (out[i] == NULL) {
			ck_assert_ptr_nonnull(out[i] = pool_get(pool));
			memcpy(out[i], &(uint64_t){ i }, 8);
			used++;
		} else {
			ck_assert_mem_eq(out[i], &(uint64_t){ i }, 8);
			pool_put(pool, out[i]);
			out[i] = NULL;
			used--;
		}
		ck_assert_uint_eq(pool_used(pool), used);
	}
	pool_free(pool);
}
END_TEST

UNIT_MAIN("pool",
    tcase_add_test(tc, objects_are_apart);
    tcase_add_test(tc, stops_at_bound);
    tcase_add_test(tc, trims_empty_slabs_but_one);
    tcase_add_test(tc, random_order);)
