# the load generator; tests/bench/run drives it
if LINUX
noinst_PROGRAMS += tests/bench/load
tests_bench_load_SOURCES = \
	tests/bench/load.h tests/bench/load.c \
	tests/bench/load_conn.h tests/bench/load_conn.c \
	tests/bench/load_hist.h tests/bench/load_hist.c \
	tests/bench/load_tls.h tests/bench/load_tls.c \
	tests/bench/load_start.h tests/bench/load_start.c \
	tests/bench/load_flow.c tests/bench/load_request.c tests/bench/load_idle.c
tests_bench_load_LDADD = common/libcommon.a $(LIBSSL_LIBS) $(LIBCRYPTO_LIBS)
endif
dist_check_SCRIPTS += tests/bench/run tests/bench/callgrind tests/bench/server.py \
	tests/bench/store.py
EXTRA_DIST += tests/bench/callgrind.tsv
