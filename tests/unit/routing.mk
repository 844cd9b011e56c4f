# subjects, subscriptions, reclamation, timers, headers, JSON
ROUTING_TESTS = \
	tests/unit/test_subject \
	tests/unit/test_qsbr \
	tests/unit/test_trie \
	tests/unit/test_trie_cache \
	tests/unit/test_wheel \
	tests/unit/test_header \
	tests/unit/test_transform \
	tests/unit/test_json_out
check_PROGRAMS += $(ROUTING_TESTS)
TESTS += $(ROUTING_TESTS)

tests_unit_test_subject_SOURCES = tests/unit/test_subject.c
tests_unit_test_subject_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_subject_LDADD = $(TEST_LIBS)
tests_unit_test_qsbr_SOURCES = tests/unit/test_qsbr.c
tests_unit_test_qsbr_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_qsbr_LDADD = $(TEST_LIBS)
tests_unit_test_trie_SOURCES = tests/unit/test_trie.c tests/unit/seed.h
tests_unit_test_trie_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_trie_LDADD = $(TEST_LIBS)
tests_unit_test_trie_cache_SOURCES = tests/unit/test_trie_cache.c tests/unit/seed.h
tests_unit_test_trie_cache_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_trie_cache_LDADD = $(TEST_LIBS)
tests_unit_test_wheel_SOURCES = tests/unit/test_wheel.c tests/unit/seed.h
tests_unit_test_wheel_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_wheel_LDADD = $(TEST_LIBS)
tests_unit_test_header_SOURCES = tests/unit/test_header.c
tests_unit_test_header_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_header_LDADD = $(TEST_LIBS)
tests_unit_test_json_out_SOURCES = tests/unit/test_json_out.c
tests_unit_test_json_out_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_json_out_LDADD = $(TEST_LIBS)
tests_unit_test_transform_SOURCES = tests/unit/test_transform.c
tests_unit_test_transform_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_transform_LDADD = $(TEST_LIBS)
