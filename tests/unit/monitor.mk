# the monitoring port: requests, pages, connections
MONITOR_TESTS = \
	tests/unit/test_http \
	tests/unit/test_pages
check_PROGRAMS += $(MONITOR_TESTS)
TESTS += $(MONITOR_TESTS)

tests_unit_test_http_SOURCES = tests/unit/test_http.c
tests_unit_test_http_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_http_LDADD = natsd-front/libfront.a $(TEST_LIBS) $(LIBSSL_LIBS)
tests_unit_test_pages_SOURCES = tests/unit/test_pages.c
tests_unit_test_pages_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_pages_LDADD = natsd-front/libfront.a $(TEST_LIBS) $(JANSSON_LIBS) $(CRYPT_LIBS) \
	$(LIBSSL_LIBS)
