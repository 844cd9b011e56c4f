# System tests: programs in Python 3 (standard library) that start the real servers.
TEST_EXTENSIONS = .py
PY_LOG_COMPILER = python3
# They speak TAP: each case counts.  A failed case says so itself, the exit status adds nothing.
PY_LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh --ignore-exit
AM_TESTS_ENVIRONMENT = \
	NATSD_BUILD='$(abs_builddir)'; export NATSD_BUILD; \
	NATSD_SOURCE='$(abs_top_srcdir)'; export NATSD_SOURCE; \
	NATSD_TIME_FACTOR=$${NATSD_TIME_FACTOR:-$(TIME_FACTOR)}; export NATSD_TIME_FACTOR; \
	PYTHONDONTWRITEBYTECODE=1; export PYTHONDONTWRITEBYTECODE; \
	srcdir='$(srcdir)'; export srcdir;
if SANITIZED
TIME_FACTOR = 5
else
TIME_FACTOR = 1
endif

SYSTEM_TESTS = \
	tests/system/core.py \
	tests/system/auth.py \
	tests/system/limits.py \
	tests/system/deliver.py \
	tests/system/gather.py \
	tests/system/permissions.py \
	tests/system/mappings.py \
	tests/system/msg_trace.py \
	tests/system/storm.py \
	tests/system/log_texts.py \
	tests/system/process.py \
	tests/system/clients.py \
	tests/system/preauth.py \
	tests/system/capabilities.py \
	tests/system/advisories.py \
	tests/system/slow.py \
	tests/system/tls.py
# Those that need a build with --enable-killpoints, in whole or in part.
SYSTEM_KILL_TESTS = \
	tests/system/attacks.py \
	tests/system/leaks.py \
	tests/system/memory.py \
	tests/system/per_message.py \
	tests/system/probe.py \
	tests/system/kills/points.py \
	tests/system/kills/random_kills.py \
	tests/system/kills/front.py \
	tests/system/kills/supervisor.py
TESTS += $(SYSTEM_TESTS) $(SYSTEM_KILL_TESTS)
dist_check_SCRIPTS += $(SYSTEM_TESTS) $(SYSTEM_KILL_TESTS) \
	tests/system/natsd.py tests/system/steps.py tests/system/certs.py tests/system/wire.py \
	tests/system/wire_tls.py tests/system/nkeys.py tests/system/kills/load.py
EXTRA_DIST += tests/system/clients tests/system/unsnappy tests/system/log_texts.expected

# Preloaded into natsd-front by per_message.py.
check_DATA = tests/system/count_calls.so
EXTRA_DIST += tests/system/count_calls.c
CLEANFILES += tests/system/count_calls.so
tests/system/count_calls.so: tests/system/count_calls.c
	$(AM_V_GEN)$(MKDIR_P) tests/system && \
	    $(CC) -shared -fPIC -O2 -Wall -o $@ $(srcdir)/tests/system/count_calls.c -ldl

# Fetches the official clients from their registries into ./clients; without it their tests skip.
clients:
	$(srcdir)/tests/system/clients/install clients
clean-local-clients:
	rm -rf clients
.PHONY: clients clean-local-clients

include tests/system/supervisor.mk
include tests/system/monitor.mk

# It looks at the outcome of the tests that the tables name.
EXTRA_DIST += tests/conformance
CONFORMANCE_LOG = tests/check-conformance.log
$(CONFORMANCE_LOG): $(SYSTEM_TESTS:.py=.log) $(SYSTEM_KILL_TESTS:.py=.log)
