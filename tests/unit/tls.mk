TLS_TESTS = tests/unit/test_proxy_header tests/unit/test_tls
check_PROGRAMS += $(TLS_TESTS)
TESTS += $(TLS_TESTS)
tests_unit_test_proxy_header_SOURCES = tests/unit/test_proxy_header.c tests/unit/unit.h
tests_unit_test_proxy_header_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_proxy_header_LDADD = $(FRONT_TEST_LIBS)
tests_unit_test_tls_SOURCES = tests/unit/test_tls.c tests/unit/tls_client.c tests/unit/tls_client.h \
	$(FRONT_RIG)
tests_unit_test_tls_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_tls_LDADD = $(FRONT_TEST_LIBS)
