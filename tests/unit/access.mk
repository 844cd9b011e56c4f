# who may connect, TLS: what the file comes to, and what the children are told of it
check_PROGRAMS += tests/unit/test_access tests/unit/test_access_tree
tests_unit_test_access_SOURCES = tests/unit/test_access.c tests/unit/unit.h
tests_unit_test_access_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_access_LDADD = $(TEST_LIBS)

tests_unit_test_access_tree_SOURCES = tests/unit/test_access_tree.c tests/unit/unit.h \
	$(SUPERVISOR_OPTIONS)
tests_unit_test_access_tree_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_access_tree_LDADD = $(TEST_LIBS)
TESTS += tests/unit/test_access tests/unit/test_access_tree
