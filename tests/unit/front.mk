# the front: parser, output, parts, and whole workers in one process
FRONT_TESTS = \
	tests/unit/test_parser \
	tests/unit/test_connect_json \
	tests/unit/test_out \
	tests/unit/test_permit \
	tests/unit/test_front_parts \
	tests/unit/test_worker tests/unit/test_lend tests/unit/test_gather tests/unit/test_seating \
	tests/unit/test_front_allocs
check_PROGRAMS += $(FRONT_TESTS)
TESTS += $(FRONT_TESTS)
FRONT_TEST_LIBS = natsd-front/libfront.a $(TEST_LIBS) $(JANSSON_LIBS) $(CRYPT_LIBS) $(LIBSSL_LIBS)
FRONT_RIG = tests/unit/front_rig.c tests/unit/front_rig.h

tests_unit_test_parser_SOURCES = tests/unit/test_parser.c
tests_unit_test_parser_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_parser_LDADD = $(FRONT_TEST_LIBS)
tests_unit_test_connect_json_SOURCES = tests/unit/test_connect_json.c
tests_unit_test_connect_json_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_connect_json_LDADD = $(FRONT_TEST_LIBS)
tests_unit_test_out_SOURCES = tests/unit/test_out.c
tests_unit_test_out_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_out_LDADD = $(FRONT_TEST_LIBS)
tests_unit_test_front_parts_SOURCES = tests/unit/test_front_parts.c
tests_unit_test_front_parts_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_front_parts_LDADD = $(FRONT_TEST_LIBS)
tests_unit_test_worker_SOURCES = tests/unit/test_worker.c $(FRONT_RIG)
tests_unit_test_worker_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_worker_LDADD = $(FRONT_TEST_LIBS)
tests_unit_test_gather_SOURCES = tests/unit/test_gather.c $(FRONT_RIG)
tests_unit_test_gather_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_gather_LDADD = $(FRONT_TEST_LIBS)
tests_unit_test_seating_SOURCES = tests/unit/test_seating.c
tests_unit_test_seating_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_seating_LDADD = $(FRONT_TEST_LIBS)
tests_unit_test_lend_SOURCES = tests/unit/test_lend.c $(FRONT_RIG)
tests_unit_test_lend_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_lend_LDADD = $(FRONT_TEST_LIBS)
tests_unit_test_front_allocs_SOURCES = tests/unit/test_front_allocs.c $(FRONT_RIG)
tests_unit_test_front_allocs_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_front_allocs_LDADD = $(FRONT_TEST_LIBS)
tests_unit_test_permit_SOURCES = tests/unit/test_permit.c tests/unit/seed.h
tests_unit_test_permit_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_permit_LDADD = $(FRONT_TEST_LIBS)

check_PROGRAMS += tests/unit/test_trace_request tests/unit/test_encoding
TESTS += tests/unit/test_trace_request tests/unit/test_encoding
tests_unit_test_trace_request_SOURCES = tests/unit/test_trace_request.c
tests_unit_test_trace_request_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_trace_request_LDADD = $(FRONT_TEST_LIBS)
tests_unit_test_encoding_SOURCES = tests/unit/test_encoding.c tests/unit/unsnappy.h tests/unit/seed.h
tests_unit_test_encoding_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_encoding_LDADD = $(FRONT_TEST_LIBS)
