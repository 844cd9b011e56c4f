# The monitoring port, over raw sockets; the same programs run against nats-server.
MONITOR_SYSTEM_TESTS = \
	tests/system/monitor/protocol.py \
	tests/system/monitor/accounts.py \
	tests/system/monitor/crowd.py \
	tests/system/monitor/fields.py \
	tests/system/monitor/pages.py
TESTS += $(MONITOR_SYSTEM_TESTS)
dist_check_SCRIPTS += $(MONITOR_SYSTEM_TESTS) tests/system/monitor/web.py
