#!/usr/bin/env python3
"""Reload: all or nothing, with nats-server's lines and refusals (config.md 12)."""

import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from natsd import equal, main, read_text, test, true, wait_until  # noqa: E402
from wire import QUIET, Client  # noqa: E402

TRAPPED = 'Trapped "hangup" signal'


def reload(server, config=None):
	"""The log lines of one reload, without their heads."""
	if config is not None:
		server.configure(config)
	n = len(server.log())
	server.signal(signal.SIGHUP)

	def outcome():
		text = server.log()[n:]
		return text if re.search(r"Reloaded server configuration|Failed to reload", text) and \
			text.endswith("\n") else None
	text = wait_until(outcome, "the outcome of a reload")
	return [re.sub(r"^\[\d+\] \S+ \S+ ", "", line) for line in text.splitlines()]


def accepted(lines):
	true(lines[-1].startswith("[INF] Reloaded server configuration (sha256:"), lines)
	return lines[1:-1]


def refused(lines, why):
	equal(lines, ["[INF] " + TRAPPED, "[ERR] Failed to reload server configuration: " + why])


@test()
def nothing_changed(server):
	equal(accepted(reload(server)), ["[INF] Reloaded: authorization users", "[INF] Reloaded: accounts"])


# option, first value, next one, the line
LIVE = (
	("client_advertise", '""', '"a.b:5"', "Reload: client_advertise = a.b:5"),
	("max_control_line", "4096", "8192", "Reloaded: max_control_line = 8192"),
	("max_payload", "1MB", "2MB", "Reloaded: max_payload = 2097152"),
	("max_connections", "10", "20", "Reloaded: max_connections = 20"),
	("ping_interval", '"1m"', '"90s"', "Reloaded: ping_interval = 1m30s"),
	("ping_max", "2", "3", "Reloaded: ping_max = 3"),
	("write_deadline", '"5s"', '"1500ms"', "Reloaded: write_deadline = 1.5s"),
	("no_fast_producer_stall", "false", "true", "Reloaded: fast producers will not be stalled"),
	("max_traced_msg_len", "0", "32", "Reloaded: max_traced_msg_len = 32"),
	("server_tags", "[a]", "[b]", "Reloaded: tags"),
	("server_metadata", "{a: b}", "{a: c}", "Reloaded: metadata"),
	("trace_headers", "false", "true", "Reloaded: trace_headers = true"),
)


@test(config="\n".join("%s: %s" % (name, value) for name, value, _, _ in LIVE))
def live_options(server):
	lines = accepted(reload(server, "\n".join("%s: %s" % row[0::2][:2] for row in LIVE)))
	for row in LIVE:
		true("[INF] " + row[3] in lines, (row[3], lines))


@test(config="max_control_line: 512", workers=(1, 2))
def max_control_line_of_those_connected(server):
	"""A line longer than the old limit, then one longer than the next."""
	with Client(server, QUIET) as c:
		c.flush()
		accepted(reload(server, "max_control_line: 2048"))
		c.send("SUB %s 1\r\n" % ("a" * 1000))
		c.silent()
		accepted(reload(server, "max_control_line: 256"))
		c.send("SUB %s 2\r\n" % ("a" * 300))
		c.expect_err("maximum control line exceeded")
		c.until_eof()


# option, first value, next one, nats-server's name of it, how it shows both
FIXED = (
	("server_name", "a", "b", "ServerName", "a", "b"),
	("max_subscriptions", "0", "5", "MaxSubs", "0", "5"),
	("max_sub_tokens", "4", "5", "MaxSubTokens", "4", "5"),
	("max_pending", "64MiB", "65MiB", "MaxPending", "67108864", "68157440"),
	("lame_duck_duration", '"30s"', '"2m"', "LameDuckDuration", "30s", "2m0s"),
	("lame_duck_grace_period", '"1s"', '"2s"', "LameDuckGracePeriod", "1s", "2s"),
	("no_header_support", "false", "true", "NoHeaderSupport", "false", "true"),
	("disable_sublist_cache", "false", "true", "NoSublistCache", "false", "true"),
	("write_timeout", "default", "close", "WriteTimeout", "", "close"),
	("max_closed_clients", "10", "11", "MaxClosedClients", "10", "11"),
	("log_size_limit", "0", "1MB", "LogSizeLimit", "0", "1048576"),
)


@test(config="\n".join("%s: %s" % row[:2] for row in FIXED))
def fixed_options(server):
	base = {row[0]: row[1] for row in FIXED}
	for name, _, value, internal, old, new in FIXED:
		config = "\n".join("%s: %s" % item for item in dict(base, **{name: value}).items())
		refused(reload(server, config), "config reload not supported for %s: old=%s, new=%s" %
		        (internal, old, new))
	accepted(reload(server, "\n".join("%s: %s" % item for item in base.items())))


@test(config="ping_max: 2", natsd_only=True)
def one_bad_option_stops_all(server):
	refused(reload(server, "ping_max: 5\nmax_subs: 7"),
	        "config reload not supported for MaxSubs: old=0, new=7")
	lines = reload(server, "ping_max: 5")
	true("[INF] Reloaded: ping_max = 5" in accepted(lines), lines)


@test(natsd_only=True)
def errors_are_told(server):
	refused(reload(server, "frobnicate: 1"),
	        '%s:1:0: unknown field "frobnicate"' % server.conf_path)
	refused(reload(server, "a: [1, 2]\n"), "Parse error on line 2: 'Expected an array value "
	        'terminator "," or an array terminator "]", but got \'\\x00\' instead.\'')
	refused(reload(server, "max_payload: 100MB"),
	        "max_payload (104857600) cannot be higher than max_pending (67108864)")
	refused(reload(server, 'client_advertise: "a:b:c"'), "invalid ClientAdvertise value of a:b:c, "
	        "err=address a:b:c: too many colons in address")
	os.unlink(server.conf_path)
	refused(reload(server), "open %s: no such file or directory" % server.conf_path)
	accepted(reload(server, ""))


@test(args=("-n", "X"))
def a_name_from_the_command_line_is_forgotten(server):
	refused(reload(server), "config reload not supported for ServerName: old=X, new=")


@test(config="debug: false", args=("-D=false",))
def flags_win_at_a_reload_too(server):
	true("debug" not in "".join(accepted(reload(server, "debug: true"))), server.log())


@test()
def files_follow(server):
	pid = os.path.join(server.dir, "pid")
	lines = accepted(reload(server, 'pid_file: "%s"' % pid))
	true("[INF] Reloaded: pid_file = " + pid in lines, lines)
	wait_until(lambda: read_text(pid) == str(server.pid), "the pid file")


@test(start=False)
def ports_file_and_log_file_move(server):
	server._args = ["-T=true"]
	command = server.command()
	# neither by flag here: flags win at a reload
	for flag in ("-l", "--ports_file_dir"):
		i = command.index(flag)
		del command[i:i + 2]
	server.command = lambda: command
	elsewhere = os.path.join(server.dir, "elsewhere")
	os.mkdir(elsewhere)
	text = 'ports_file_dir: "%s"\nlog_file: "%s"\n'
	server.configure(text % (server.dir, server.log_path))
	server.start()
	old = server.ports_path
	server.configure(text % (elsewhere, server.log_path + ".2"))
	server.signal(signal.SIGHUP)
	new = os.path.join(elsewhere, os.path.basename(old))
	wait_until(lambda: os.path.exists(new) and not os.path.exists(old), "the ports file to move")
	wait_until(lambda: "Reloaded server configuration" in read_text(server.log_path + ".2"),
	           "lines in the new log")
	true("Reloaded: log_file = %s.2\n" % server.log_path in read_text(server.log_path), "what changed is told in the old log")
	true("Reloaded: " not in read_text(server.log_path + ".2"), "and not in the new one")


@test(start=False, natsd_only=True)
def refused_when_the_log_cannot_be_opened(server):
	command = server.command()
	i = command.index("-l")
	del command[i:i + 2]
	server.command = lambda: command
	server.configure('log_file: "%s"' % server.log_path)
	server.start()
	lines = reload(server, 'log_file: "/nope/log"\nping_max: 7')
	true("log file: open /nope/log" in lines[-1], lines)
	accepted(reload(server, 'log_file: "%s"' % server.log_path))


@test(natsd_only=True)
def many_at_once(server):
	"""Signals that come while one is under way are not lost and not doubled without end."""
	server.configure("ping_max: 9")
	for _ in range(50):
		server.signal(signal.SIGHUP)
	server.wait_log("Reloaded: ping_max = 9")
	server.wait_log("Reloaded server configuration")
	accepted(reload(server))


@test(natsd_only=True, dev_roles=True, workers=(1, 2))
def all_programs_agree(server):
	lines = accepted(reload(server, "ping_max: 7\nnatsd { front_threads: %d }" % server.workers))
	true("[INF] Reloaded: ping_max = 7" in lines, lines)


@test(natsd_only=True, dev_roles=True)
def one_that_dies_meanwhile(server):
	"""Its next life starts with what the others agreed on."""
	server.tolerant = True
	server.configure("ping_max: 7")
	js = server.role("js")
	os.kill(js, signal.SIGSTOP)
	n = len(server.log())
	server.signal(signal.SIGHUP)
	server.wait_log(TRAPPED)
	true("Reloaded server configuration" not in server.log()[n:], "decided without natsd-js")
	os.kill(js, signal.SIGKILL)
	server.wait_log("Reloaded: ping_max = 7")
	server.role("js", other_than=js)
	server.wait_log("natsd-js is back")
	accepted(reload(server))


main()
