# System tests: programs in Python 3 (standard library) that start the real servers.
TEST_EXTENSIONS = .py
PY_LOG_COMPILER = python3
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
	tests/system/limits.py \
	tests/system/deliver.py \
	tests/system/process.py \
	tests/system/clients.py
TESTS += $(SYSTEM_TESTS)
dist_check_SCRIPTS += $(SYSTEM_TESTS) tests/system/natsd.py tests/system/wire.py
EXTRA_DIST += tests/system/clients

# Fetches the official clients from their registries into ./clients; without it their tests skip.
clients:
	$(srcdir)/tests/system/clients/install clients
clean-local-clients:
	rm -rf clients
.PHONY: clients clean-local-clients
