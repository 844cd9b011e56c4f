# authentication: keys, hashes, decisions, helper threads, connections
AUTH_TESTS = tests/unit/test_auth tests/unit/test_helpers tests/unit/test_auth_conn
check_PROGRAMS += $(AUTH_TESTS)
TESTS += $(AUTH_TESTS)
tests_unit_test_auth_SOURCES = tests/unit/test_auth.c tests/unit/unit.h
tests_unit_test_auth_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_auth_LDADD = $(FRONT_TEST_LIBS)
tests_unit_test_helpers_SOURCES = tests/unit/test_helpers.c tests/unit/unit.h
tests_unit_test_helpers_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_helpers_LDADD = $(FRONT_TEST_LIBS)
tests_unit_test_auth_conn_SOURCES = tests/unit/test_auth_conn.c $(FRONT_RIG)
tests_unit_test_auth_conn_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_auth_conn_LDADD = $(FRONT_TEST_LIBS)
