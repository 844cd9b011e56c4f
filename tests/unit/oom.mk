# every allocation of libcommon.a fails once
check_PROGRAMS += tests/unit/test_oom
TESTS += tests/unit/test_oom
tests_unit_test_oom_SOURCES = tests/unit/test_oom.c tests/unit/unit.h
tests_unit_test_oom_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_oom_LDADD = $(TEST_LIBS)
tests_unit_test_oom_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc \
	-Wl,--wrap=reallocarray,--wrap=aligned_alloc,--wrap=strdup,--wrap=strndup,--wrap=free
