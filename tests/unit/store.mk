# the I/O table, the journal and the store of natsd-js
EXTRA_DIST += tests/unit/store_mutants.py
check_LIBRARIES += tests/libdisktest.a
tests_libdisktest_a_SOURCES = common/disk_memory.h common/disk_memory_priv.h \
	common/disk_memory.c common/disk_memory_image.c \
	common/disk_faulty.h common/disk_faulty.c
STORE_TEST_LIBS = natsd-js/store/libstore.a $(STORE_LIBS) tests/libdisktest.a $(TEST_LIBS)

STORE_TESTS = tests/unit/test_store_disk tests/unit/test_store_journal tests/unit/test_store_parts \
	tests/unit/test_store_model tests/unit/test_store_damage tests/unit/test_store_tool \
	tests/unit/test_store_oom tests/unit/test_store_care tests/unit/test_store_large \
	tests/unit/test_store_faults tests/unit/test_store_index tests/unit/test_store_snapshot \
	tests/unit/test_store_ids tests/unit/test_store_find
check_PROGRAMS += $(STORE_TESTS)
TESTS += $(STORE_TESTS)

tests_unit_test_store_disk_SOURCES = tests/unit/test_store_disk.c
tests_unit_test_store_disk_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_store_disk_LDADD = $(STORE_TEST_LIBS)
tests_unit_test_store_journal_SOURCES = tests/unit/test_store_journal.c tests/unit/seed.h
tests_unit_test_store_journal_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_store_journal_LDADD = $(STORE_TEST_LIBS)
tests_unit_test_store_model_SOURCES = tests/unit/test_store_model.c tests/unit/store_model.h \
	tests/unit/store_dir.h \
	tests/unit/store_model.c tests/unit/seed.h
tests_unit_test_store_model_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_store_model_LDADD = $(STORE_TEST_LIBS)
tests_unit_test_store_parts_SOURCES = tests/unit/test_store_parts.c tests/unit/seed.h
tests_unit_test_store_parts_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_store_parts_LDADD = $(STORE_TEST_LIBS)
tests_unit_test_store_damage_SOURCES = tests/unit/test_store_damage.c tests/unit/store_model.h \
	tests/unit/store_model.c tests/unit/seed.h
tests_unit_test_store_damage_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_store_damage_LDADD = $(STORE_TEST_LIBS)
tests_unit_test_store_tool_SOURCES = tests/unit/test_store_tool.c tests/unit/store_dir.h
tests_unit_test_store_tool_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_store_tool_LDADD = $(STORE_TEST_LIBS)
tests_unit_test_store_care_SOURCES = tests/unit/test_store_care.c
tests_unit_test_store_care_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_store_care_LDADD = $(STORE_TEST_LIBS)
tests_unit_test_store_large_SOURCES = tests/unit/test_store_large.c tests/unit/seed.h
tests_unit_test_store_large_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_store_large_LDADD = $(STORE_TEST_LIBS)
tests_unit_test_store_faults_SOURCES = tests/unit/test_store_faults.c tests/unit/seed.h
tests_unit_test_store_faults_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_store_faults_LDADD = $(STORE_TEST_LIBS)
tests_unit_test_store_index_SOURCES = tests/unit/test_store_index.c tests/unit/store_dir.h
tests_unit_test_store_index_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_store_index_LDADD = $(STORE_TEST_LIBS)
tests_unit_test_store_snapshot_SOURCES = tests/unit/test_store_snapshot.c tests/unit/store_dir.h \
	tests/unit/store_model.h tests/unit/store_model.c tests/unit/seed.h
tests_unit_test_store_snapshot_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_store_snapshot_LDADD = $(STORE_TEST_LIBS)
tests_unit_test_store_ids_SOURCES = tests/unit/test_store_ids.c
tests_unit_test_store_ids_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_store_ids_LDADD = $(STORE_TEST_LIBS)
tests_unit_test_store_find_SOURCES = tests/unit/test_store_find.c
tests_unit_test_store_find_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_store_find_LDADD = $(STORE_TEST_LIBS)
tests_unit_test_store_oom_SOURCES = tests/unit/test_store_oom.c tests/unit/store_dir.h
tests_unit_test_store_oom_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_store_oom_LDADD = $(STORE_TEST_LIBS)
tests_unit_test_store_oom_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc \
	-Wl,--wrap=reallocarray,--wrap=free

check_PROGRAMS += tests/fuzz/replay_store_snapshot
tests_fuzz_replay_store_snapshot_SOURCES = tests/fuzz/fuzz_store_snapshot.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_store_snapshot_LDADD = natsd-js/store/libstore.a $(STORE_LIBS) tests/libdisktest.a $(COMMON_LIBS)
TESTS += tests/fuzz/replay_store_snapshot

check_PROGRAMS += tests/fuzz/replay_store_files
tests_fuzz_replay_store_files_SOURCES = tests/fuzz/fuzz_store_files.c tests/fuzz/fuzz.h tests/fuzz/replay.c
tests_fuzz_replay_store_files_LDADD = natsd-js/store/libstore.a $(STORE_LIBS) tests/libdisktest.a $(COMMON_LIBS)
TESTS += tests/fuzz/replay_store_files

if FUZZING
noinst_PROGRAMS += tests/fuzz/fuzz_store_snapshot
tests_fuzz_fuzz_store_snapshot_SOURCES = tests/fuzz/fuzz_store_snapshot.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_store_snapshot_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_store_snapshot_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_store_snapshot_LDADD = natsd-js/store/libstore.a $(STORE_LIBS) tests/libdisktest.a $(COMMON_LIBS)
noinst_PROGRAMS += tests/fuzz/fuzz_store_files
tests_fuzz_fuzz_store_files_SOURCES = tests/fuzz/fuzz_store_files.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_store_files_CFLAGS = $(AM_CFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_store_files_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_FLAGS)
tests_fuzz_fuzz_store_files_LDADD = natsd-js/store/libstore.a $(STORE_LIBS) tests/libdisktest.a $(COMMON_LIBS)
endif

noinst_PROGRAMS += tests/bench/bench_store
tests_bench_bench_store_SOURCES = tests/bench/bench_store.c
tests_bench_bench_store_LDADD = natsd-js/store/libstore.a $(STORE_LIBS) $(COMMON_LIBS)
