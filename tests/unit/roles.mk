# what a role may do
if LINUX
check_PROGRAMS += tests/unit/test_sandbox
tests_unit_test_sandbox_SOURCES = tests/unit/test_sandbox.c
tests_unit_test_sandbox_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_sandbox_LDADD = $(TEST_LIBS)
TESTS += tests/unit/test_sandbox

# The files of other systems, compiled against declarations of our own: they must not rot.
check_LIBRARIES += tests/unit/libsandbox_openbsd.a tests/unit/libsandbox_none.a
tests_unit_libsandbox_openbsd_a_SOURCES = common/sandbox_openbsd.c natsd-front/auth/bcrypt_openbsd.c \
	natsd-front/base_fd_kqueue.c natsd-front/heap_none.c tests/unit/openbsd_decls.h tests/unit/openbsd/sys/event.h
tests_unit_libsandbox_openbsd_a_CPPFLAGS = $(AM_CPPFLAGS) \
	-include $(top_srcdir)/tests/unit/openbsd_decls.h -I$(top_srcdir)/tests/unit/openbsd
tests_unit_libsandbox_none_a_SOURCES = common/sandbox_none.c
tests_unit_libsandbox_none_a_CPPFLAGS = $(AM_CPPFLAGS)
endif
