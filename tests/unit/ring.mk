# tests of numbers, memory, rings, frames and the control channel
EXTRA_DIST += tests/unit/unit.h

check_PROGRAMS += tests/unit/test_num
tests_unit_test_num_SOURCES = tests/unit/test_num.c
tests_unit_test_num_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_num_LDADD = $(TEST_LIBS)
TESTS += tests/unit/test_num

check_PROGRAMS += tests/unit/test_buf
tests_unit_test_buf_SOURCES = tests/unit/test_buf.c
tests_unit_test_buf_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_buf_LDADD = $(TEST_LIBS)
TESTS += tests/unit/test_buf

check_PROGRAMS += tests/unit/test_pool
tests_unit_test_pool_SOURCES = tests/unit/test_pool.c
tests_unit_test_pool_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_pool_LDADD = $(TEST_LIBS)
TESTS += tests/unit/test_pool

check_PROGRAMS += tests/unit/test_err_log
tests_unit_test_err_log_SOURCES = tests/unit/test_err_log.c
tests_unit_test_err_log_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_err_log_LDADD = $(TEST_LIBS)
TESTS += tests/unit/test_err_log

check_PROGRAMS += tests/unit/test_shm
tests_unit_test_shm_SOURCES = tests/unit/test_shm.c
tests_unit_test_shm_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_shm_LDADD = $(TEST_LIBS)
TESTS += tests/unit/test_shm

check_PROGRAMS += tests/unit/test_cursor
tests_unit_test_cursor_SOURCES = tests/unit/test_cursor.c
tests_unit_test_cursor_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_cursor_LDADD = $(TEST_LIBS)
TESTS += tests/unit/test_cursor

check_PROGRAMS += tests/unit/test_ring
tests_unit_test_ring_SOURCES = tests/unit/test_ring.c
tests_unit_test_ring_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ring_LDADD = $(TEST_LIBS)
TESTS += tests/unit/test_ring

check_PROGRAMS += tests/unit/test_inbox
tests_unit_test_inbox_SOURCES = tests/unit/test_inbox.c
tests_unit_test_inbox_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_inbox_LDADD = $(TEST_LIBS)
TESTS += tests/unit/test_inbox

check_PROGRAMS += tests/unit/torture_ring
tests_unit_torture_ring_SOURCES = tests/unit/torture_ring.c
tests_unit_torture_ring_LDADD = $(TEST_LIBS)
TESTS += tests/unit/torture_ring

check_PROGRAMS += tests/unit/test_ring_hostile
tests_unit_test_ring_hostile_SOURCES = tests/unit/test_ring_hostile.c
tests_unit_test_ring_hostile_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ring_hostile_LDADD = $(TEST_LIBS)
TESTS += tests/unit/test_ring_hostile

check_PROGRAMS += tests/unit/test_frame
tests_unit_test_frame_SOURCES = tests/unit/test_frame.c
tests_unit_test_frame_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_frame_LDADD = $(TEST_LIBS)
TESTS += tests/unit/test_frame

check_PROGRAMS += tests/unit/test_ctl
tests_unit_test_ctl_SOURCES = tests/unit/test_ctl.c
tests_unit_test_ctl_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_ctl_LDADD = $(TEST_LIBS)
TESTS += tests/unit/test_ctl

check_PROGRAMS += tests/unit/test_hub
tests_unit_test_hub_SOURCES = tests/unit/test_hub.c tests/unit/hub_stage.c tests/unit/hub_stage.h
tests_unit_test_hub_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_hub_LDADD = $(TEST_LIBS) $(JANSSON_LIBS)
TESTS += tests/unit/test_hub

# The page about frames and their list say the same.
check_PROGRAMS += tests/tools/list_frames
tests_tools_list_frames_SOURCES = tests/tools/list_frames.c
tests_tools_list_frames_LDADD = $(COMMON_LIBS)
dist_check_SCRIPTS += tests/check-frames
TESTS += tests/check-frames
