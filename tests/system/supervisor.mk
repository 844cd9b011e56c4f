# What concerns natsd-supervisor: its configuration, flags, reload, life and death.
SUPERVISOR_TESTS = \
	tests/system/supervisor/options.py \
	tests/system/supervisor/files.py \
	tests/system/supervisor/access.py \
	tests/system/supervisor/flags.py \
	tests/system/supervisor/reload.py \
	tests/system/supervisor/reload_access.py \
	tests/system/supervisor/life.py
TESTS += $(SUPERVISOR_TESTS)
dist_check_SCRIPTS += $(SUPERVISOR_TESTS)
EXTRA_DIST += tests/system/certs.py
