# A target is built twice: with replay.c, which runs its corpus in every `make check`, and, in a
# --enable-fuzzing build, with libFuzzer.
FUZZ_FLAGS = -fsanitize=fuzzer

check_PROGRAMS += tests/fuzz/replay_conf
tests_fuzz_replay_conf_SOURCES = tests/fuzz/fuzz_conf.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_conf_LDADD = $(COMMON_LIBS)
TESTS += tests/fuzz/replay_conf
EXTRA_DIST += tests/fuzz/corpus

if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_conf
tests_fuzz_fuzz_conf_SOURCES = tests/fuzz/fuzz_conf.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_conf_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_conf_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_conf_LDADD = $(COMMON_LIBS)
endif

check_PROGRAMS += tests/fuzz/replay_subject tests/fuzz/replay_header
tests_fuzz_replay_subject_SOURCES = tests/fuzz/fuzz_subject.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_subject_LDADD = $(COMMON_LIBS)
tests_fuzz_replay_header_SOURCES = tests/fuzz/fuzz_header.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_header_LDADD = $(COMMON_LIBS)
TESTS += tests/fuzz/replay_subject tests/fuzz/replay_header

if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_subject tests/fuzz/fuzz_header
tests_fuzz_fuzz_subject_SOURCES = tests/fuzz/fuzz_subject.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_subject_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_subject_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_subject_LDADD = $(COMMON_LIBS)
tests_fuzz_fuzz_header_SOURCES = tests/fuzz/fuzz_header.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_header_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_header_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_header_LDADD = $(COMMON_LIBS)
endif

check_PROGRAMS += tests/fuzz/replay_ring tests/fuzz/replay_frame tests/fuzz/replay_ctl
tests_fuzz_replay_ring_SOURCES = tests/fuzz/fuzz_ring.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_ring_LDADD = $(COMMON_LIBS)
tests_fuzz_replay_frame_SOURCES = tests/fuzz/fuzz_frame.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_frame_LDADD = $(COMMON_LIBS)
tests_fuzz_replay_ctl_SOURCES = tests/fuzz/fuzz_ctl.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_ctl_LDADD = $(COMMON_LIBS)
TESTS += tests/fuzz/replay_ring tests/fuzz/replay_frame tests/fuzz/replay_ctl

if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_ring tests/fuzz/fuzz_frame tests/fuzz/fuzz_ctl
tests_fuzz_fuzz_ring_SOURCES = tests/fuzz/fuzz_ring.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_ring_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_ring_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_ring_LDADD = $(COMMON_LIBS)
tests_fuzz_fuzz_frame_SOURCES = tests/fuzz/fuzz_frame.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_frame_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_frame_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_frame_LDADD = $(COMMON_LIBS)
tests_fuzz_fuzz_ctl_SOURCES = tests/fuzz/fuzz_ctl.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_ctl_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_ctl_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_ctl_LDADD = $(COMMON_LIBS)
endif

HTTP_FUZZED = natsd-front/libfront.a $(COMMON_LIBS) $(JANSSON_LIBS) $(CRYPT_LIBS)
check_PROGRAMS += tests/fuzz/replay_http
tests_fuzz_replay_http_SOURCES = tests/fuzz/fuzz_http.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_http_LDADD = $(HTTP_FUZZED)
TESTS += tests/fuzz/replay_http

if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_http
tests_fuzz_fuzz_http_SOURCES = tests/fuzz/fuzz_http.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_http_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_http_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_http_LDADD = $(HTTP_FUZZED)
endif

check_PROGRAMS += tests/fuzz/replay_options
tests_fuzz_replay_options_SOURCES = tests/fuzz/fuzz_options.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_options_LDADD = $(COMMON_LIBS)
TESTS += tests/fuzz/replay_options

if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_options
tests_fuzz_fuzz_options_SOURCES = tests/fuzz/fuzz_options.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_options_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_options_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_options_LDADD = $(COMMON_LIBS)
endif

FRONT_FUZZ_LIBS = natsd-front/libfront.a $(COMMON_LIBS) $(JANSSON_LIBS) $(CRYPT_LIBS) $(LIBSSL_LIBS)
check_PROGRAMS += tests/fuzz/replay_parser tests/fuzz/replay_connect
tests_fuzz_replay_parser_SOURCES = tests/fuzz/fuzz_parser.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_parser_LDADD = $(FRONT_FUZZ_LIBS)
tests_fuzz_replay_connect_SOURCES = tests/fuzz/fuzz_connect.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_connect_LDADD = $(FRONT_FUZZ_LIBS)
TESTS += tests/fuzz/replay_parser tests/fuzz/replay_connect

if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_parser tests/fuzz/fuzz_connect
tests_fuzz_fuzz_parser_SOURCES = tests/fuzz/fuzz_parser.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_parser_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_parser_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_parser_LDADD = $(FRONT_FUZZ_LIBS)
tests_fuzz_fuzz_connect_SOURCES = tests/fuzz/fuzz_connect.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_connect_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_connect_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_connect_LDADD = $(FRONT_FUZZ_LIBS)
endif

check_PROGRAMS += tests/fuzz/replay_access tests/fuzz/replay_tls_options
tests_fuzz_replay_access_SOURCES = tests/fuzz/fuzz_access.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_access_LDADD = $(COMMON_LIBS)
tests_fuzz_replay_tls_options_SOURCES = tests/fuzz/fuzz_tls_options.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_tls_options_LDADD = $(COMMON_LIBS)
TESTS += tests/fuzz/replay_access tests/fuzz/replay_tls_options

if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_access tests/fuzz/fuzz_tls_options
tests_fuzz_fuzz_access_SOURCES = tests/fuzz/fuzz_access.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_access_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_access_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_access_LDADD = $(COMMON_LIBS)
tests_fuzz_fuzz_tls_options_SOURCES = tests/fuzz/fuzz_tls_options.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_tls_options_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_tls_options_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_tls_options_LDADD = $(COMMON_LIBS)
endif

check_PROGRAMS += tests/fuzz/replay_proxy_header
tests_fuzz_replay_proxy_header_SOURCES = tests/fuzz/fuzz_proxy_header.c tests/fuzz/fuzz.h \
	tests/fuzz/replay.c
tests_fuzz_replay_proxy_header_LDADD = $(FRONT_FUZZ_LIBS)
TESTS += tests/fuzz/replay_proxy_header

if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_proxy_header
tests_fuzz_fuzz_proxy_header_SOURCES = tests/fuzz/fuzz_proxy_header.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_proxy_header_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_proxy_header_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_proxy_header_LDADD = $(FRONT_FUZZ_LIBS)
endif

check_PROGRAMS += tests/fuzz/replay_transform
tests_fuzz_replay_transform_SOURCES = tests/fuzz/fuzz_transform.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_transform_LDADD = $(COMMON_LIBS)
TESTS += tests/fuzz/replay_transform

if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_transform
tests_fuzz_fuzz_transform_SOURCES = tests/fuzz/fuzz_transform.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_transform_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_transform_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_transform_LDADD = $(COMMON_LIBS)
endif

check_PROGRAMS += tests/fuzz/replay_auth_text
tests_fuzz_replay_auth_text_SOURCES = tests/fuzz/fuzz_auth_text.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_auth_text_LDADD = $(FRONT_FUZZ_LIBS)
TESTS += tests/fuzz/replay_auth_text

if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_auth_text
tests_fuzz_fuzz_auth_text_SOURCES = tests/fuzz/fuzz_auth_text.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_auth_text_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_auth_text_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_auth_text_LDADD = $(FRONT_FUZZ_LIBS)
endif

check_PROGRAMS += tests/fuzz/replay_options_tree
tests_fuzz_replay_options_tree_SOURCES = tests/fuzz/fuzz_options_tree.c tests/fuzz/fuzz.h \
	tests/fuzz/replay.c $(SUPERVISOR_OPTIONS)
tests_fuzz_replay_options_tree_LDADD = $(COMMON_LIBS)
TESTS += tests/fuzz/replay_options_tree

if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_options_tree
tests_fuzz_fuzz_options_tree_SOURCES = tests/fuzz/fuzz_options_tree.c tests/fuzz/fuzz.h \
	$(SUPERVISOR_OPTIONS)
tests_fuzz_fuzz_options_tree_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_options_tree_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_options_tree_LDADD = $(COMMON_LIBS)
endif

# Seeds in the form of this build: `make fuzz-seeds` writes them into corpus/{access,options,tls_options}.
EXTRA_PROGRAMS = tests/fuzz/make_seeds
tests_fuzz_make_seeds_SOURCES = tests/fuzz/make_seeds.c $(SUPERVISOR_OPTIONS)
tests_fuzz_make_seeds_LDADD = $(COMMON_LIBS)
CLEANFILES += tests/fuzz/make_seeds
fuzz-seeds: tests/fuzz/make_seeds
	rm -f $(srcdir)/tests/fuzz/corpus/*/made-*
	tests/fuzz/make_seeds $(srcdir)/tests/fuzz/corpus $(SEED_CONFIGURATIONS)
SEED_CONFIGURATIONS = $(SEED_NAMES:%=$(srcdir)/tests/fuzz/corpus/options_tree/%)
SEED_NAMES = whole conf-40 conf-79 conf-103 hand-guest
.PHONY: fuzz-seeds

check_PROGRAMS += tests/fuzz/replay_subject_set tests/fuzz/replay_snappy tests/fuzz/replay_trace_request
tests_fuzz_replay_subject_set_SOURCES = tests/fuzz/fuzz_subject_set.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_subject_set_LDADD = $(COMMON_LIBS)
tests_fuzz_replay_snappy_SOURCES = tests/fuzz/fuzz_snappy.c tests/fuzz/fuzz.h tests/fuzz/replay.c \
	tests/unit/unsnappy.h
tests_fuzz_replay_snappy_LDADD = $(COMMON_LIBS)
tests_fuzz_replay_trace_request_SOURCES = tests/fuzz/fuzz_trace_request.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_trace_request_LDADD = $(FRONT_FUZZ_LIBS)
TESTS += tests/fuzz/replay_subject_set tests/fuzz/replay_snappy tests/fuzz/replay_trace_request

if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_subject_set tests/fuzz/fuzz_snappy tests/fuzz/fuzz_trace_request
tests_fuzz_fuzz_subject_set_SOURCES = tests/fuzz/fuzz_subject_set.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_subject_set_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_subject_set_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_subject_set_LDADD = $(COMMON_LIBS)
tests_fuzz_fuzz_snappy_SOURCES = tests/fuzz/fuzz_snappy.c tests/fuzz/fuzz.h tests/unit/unsnappy.h
tests_fuzz_fuzz_snappy_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_snappy_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_snappy_LDADD = $(COMMON_LIBS)
tests_fuzz_fuzz_trace_request_SOURCES = tests/fuzz/fuzz_trace_request.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_trace_request_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_trace_request_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_trace_request_LDADD = $(FRONT_FUZZ_LIBS)
endif
