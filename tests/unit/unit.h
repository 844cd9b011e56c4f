/*
 * unit - the main() of a unit test over check: a suite of one test case, run, counted.
 *
 *	UNIT_MAIN("num", tcase_add_test(tc, parse_size); tcase_add_test(tc, put_u64);)
 */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <check.h>
#include <stdlib.h>

/* unit_rows - one test for each row of a table; the test finds its row at _i. */
#define unit_rows(tc, test, table) \
	tcase_add_loop_test(tc, test, 0, (int)(sizeof(table) / sizeof((table)[0])))

#define UNIT_SECONDS 120

#define UNIT_MAIN(NAME, ...)						\
	int								\
	main(void)							\
	{								\
		Suite *suite = suite_create(NAME);			\
		TCase *tc = tcase_create(NAME);				\
		SRunner *runner = srunner_create(suite);		\
		int failed;						\
									\
		tcase_set_timeout(tc, UNIT_SECONDS);			\
		__VA_ARGS__						\
		suite_add_tcase(suite, tc);				\
		srunner_run_all(runner, CK_ENV);			\
		failed = srunner_ntests_failed(runner);			\
		srunner_free(runner);					\
		return (failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE);	\
	}

#endif
