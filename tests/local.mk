TEST_LIBS = $(CHECK_LIBS) $(COMMON_LIBS)
include tests/unit/ring.mk
include tests/unit/conf.mk
include tests/unit/access.mk
include tests/unit/routing.mk
include tests/unit/roles.mk
include tests/unit/front.mk
include tests/unit/tls.mk
include tests/unit/auth.mk
include tests/unit/store.mk
include tests/unit/monitor.mk
include tests/unit/oom.mk
include tests/fuzz/local.mk
include tests/attack/local.mk
include tests/system/local.mk
include tests/diff/local.mk
include tests/bench/local.mk

AM_TESTS_ENVIRONMENT += NATSD_SANITIZED='$(SANITIZED_WORD)'; export NATSD_SANITIZED; \
	CC='$(CC)'; export CC; builddir='$(abs_builddir)'; export builddir;
if SANITIZED
SANITIZED_WORD = yes
else
SANITIZED_WORD = no
endif
HOUSE_TESTS = tests/check-hardening tests/check-tidy tests/check-options tests/check-conformance tests/check-mutants
TESTS += $(HOUSE_TESTS)
check_PROGRAMS += tests/tools/list_options
tests_tools_list_options_SOURCES = tests/tools/list_options.c
tests_tools_list_options_LDADD = $(COMMON_LIBS)
dist_check_SCRIPTS += $(HOUSE_TESTS)

# The tests that kill a role at a named place need a build with --enable-killpoints.
KILL_TESTS = $(SYSTEM_KILL_TESTS)
THREAD_TESTS = tests/unit/test_store_journal tests/unit/test_store_model tests/unit/test_store_snapshot tests/unit/test_ring tests/unit/test_inbox tests/unit/test_qsbr tests/unit/test_trie \
	tests/unit/test_trie_cache tests/unit/test_err_log tests/unit/test_worker tests/unit/test_lend tests/unit/test_gather tests/unit/test_tls \
	tests/system/core.py tests/system/deliver.py tests/system/limits.py \
	tests/system/tls.py tests/system/kills/random_kills.py
check-kills: $(check_PROGRAMS) $(check_DATA)
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS="$(KILL_TESTS)"
# What has threads, for a build with --enable-tsan.
check-threads: $(check_PROGRAMS)
	NATSD_THREADS_ONLY=1 $(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS="$(THREAD_TESTS)"
# Everything, with the long form of what has one, and deliberate faults that must be noticed.
check-long:
	NATSD_LONG=1 $(MAKE) $(AM_MAKEFLAGS) check
	$(srcdir)/tests/mutants/run
	NATSD_BUILD='$(abs_builddir)' $(srcdir)/tests/suites/run || test $$? = 77
# That the deliberate faults still fit the tree is looked at each time.
EXTRA_DIST += tests/mutants tests/suites
