#!/usr/bin/env python3
"""The process as scripts and service managers see it: flags, files, signals, exit codes."""

import glob
import json
import os
import re
import signal
import subprocess
import tempfile
import time
import urllib.request

from natsd import (Failure, Server, equal, is_peer, main, read_text, seconds, server_binary, test,
                   true, wait_until)
from wire import QUIET, Client


def run(*args, timeout=20):
	return subprocess.run([server_binary()] + list(args), capture_output=True, text=True,
	                      timeout=seconds(timeout), stdin=subprocess.DEVNULL)


@test(server=False)
def version_49():
	for flag in ("-v", "--version", "-version", "version"):
		out = run(flag)
		equal(out.returncode, 0, flag)
		equal(out.stdout.splitlines()[0].split(" (")[0], "nats-server: v2.15.2", flag)
		equal(out.stderr, "", flag)


@test(server=False)
def help_49():
	for flag in ("-h", "--help", "help"):
		out = run(flag)
		equal(out.returncode, 0)
		true("Usage: nats-server [options]" in out.stdout, out.stdout[:200])
		for group in ("Server Options:", "Logging Options:", "Common Options:"):
			true(group in out.stdout, group)


@test(server=False)
def unknown_flag_49():
	out = run("-xyz")
	equal(out.returncode, 0)
	true("flag provided but not defined: -xyz" in out.stderr, out.stderr)
	true("Usage:" in out.stdout, "usage")
	out = run("-p", "abc")
	equal(out.returncode, 0)
	true('invalid value "abc" for flag -p: parse error' in out.stderr, out.stderr)
	out = run("frobnicate")
	equal(out.returncode, 1)
	true('nats-server: unrecognized command: "frobnicate"' in out.stderr, out.stderr)


def written(text):
	f = tempfile.NamedTemporaryFile("w", suffix=".conf", delete=False)
	f.write(text)
	f.close()
	return f.name


@test(server=False)
def configuration_test_49():
	good = written("port: -1\n")
	bad = written("port: -1\nfoo bar: {\n")
	unknown = written("port: -1\nfrobnicate: 1\n")
	warned = written("write_deadline: 5\n")
	try:
		out = run("-t", "-c", good)
		equal(out.returncode, 0)
		true(re.fullmatch(r"nats-server: configuration file %s is valid \(sha256:[0-9a-f]{64}\)\n" %
		                  re.escape(good), out.stderr), out.stderr)
		out = run("-t", "-c", bad)
		equal(out.returncode, 1)
		true(out.stderr.startswith("nats-server: "), out.stderr)
		out = run("-t", "-c", unknown)
		equal(out.returncode, 1)
		true('%s:2:1: unknown field "frobnicate"' % unknown in out.stderr or
		     '%s:2:0: unknown field "frobnicate"' % unknown in out.stderr, out.stderr)
		out = run("-t", "-c", warned)
		equal(out.returncode, 1)
		true("write_deadline" in out.stderr, out.stderr)
		out = run("-t")
		equal(out.returncode, 1)
		true("must specify [-c, --config] option to check configuration file syntax" in out.stderr,
		     out.stderr)
		out = run("-c", "/nonexistent/natsd.conf")
		equal(out.returncode, 1)
		true("/nonexistent/natsd.conf" in out.stderr, out.stderr)
	finally:
		for path in (good, bad, unknown, warned):
			os.unlink(path)


@test()
def start_lines_53(server):
	lines = server.log().splitlines()
	at = [i for i, line in enumerate(lines) if "Listening for client connections on 127.0.0.1:%d" %
	      server.port in line]
	ready = [i for i, line in enumerate(lines) if line.endswith("Server is ready")]
	true(at and ready and at[0] < ready[0], "start lines")
	true(any("Starting nats-server" in line for line in lines), "Starting nats-server")
	for line in lines:
		true(re.match(r"\[%d\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6} \[(INF|DBG|WRN|ERR|FTL|TRC)\] " %
		              server.pid, line), "form of the log line %r" % line)


@test(args=("-T=false",))
def no_times_in_the_log(server):
	for line in server.log().splitlines():
		true(re.match(r"\[%d\] \[(INF|WRN|ERR)\] \S" % server.pid, line) or
		     re.match(r"\[%d\] \[INF\]   " % server.pid, line), repr(line))


@test(start=False)
def pid_file_50(server):
	path = os.path.join(server.dir, "pid")
	server._args += ["-P", path]
	server.start()
	equal(read_text(path), str(server.pid))
	equal(oct(os.stat(path).st_mode & 0o777), "0o600")
	server.configure("debug: true\n")
	out = run("--signal", "reload=" + path)
	equal((out.returncode, out.stderr), (0, ""))
	server.wait_log("Reloaded server configuration" if server.peer else "eload")
	equal(server.stop(), 0)
	true(os.path.exists(path), "the pid file stays")


@test()
def ports_file_51(server):
	with open(server.ports_path) as f:
		text = f.read()
	equal(json.loads(text), {"nats": ["nats://127.0.0.1:%d" % server.port]})
	true("\n" not in text, "no newline")
	equal(server.stop(), 0)
	equal(glob.glob(os.path.join(server.dir, "*.ports")), [])


@test(http=True)
def ports_file_with_monitoring_51(server):
	with open(server.ports_path) as f:
		ports = json.load(f)
	equal(sorted(ports), ["monitoring", "nats"])
	equal(ports["monitoring"], ["http://127.0.0.1:%d" % server.http])


@test()
def sigterm_48(server):
	c = Client(server, QUIET)
	c.silent()
	begin = time.monotonic()
	equal(server.stop(), 0)
	true(time.monotonic() - begin < seconds(3), "prompt")
	c.expect_eof()
	server.wait_log("Initiating Shutdown...")
	server.wait_log("Server Exiting..")


@test()
def sigint_48(server):
	server.signal(signal.SIGINT)
	equal(server.process.wait(seconds(10)), 0)
	true('Trapped "interrupt" signal' in server.log(), "log line")


@test()
def reload_without_change_48(server):
	c = Client(server, QUIET)
	server.signal(signal.SIGHUP)
	server.wait_log('Trapped "hangup" signal')
	c.silent()


@test(start=False)
def reload_without_configuration_48(server):
	server.command = lambda: [server.binary, "-a", "127.0.0.1", "-p", "-1", "-l", server.log_path,
	                          "--ports_file_dir", server.dir]
	server.start()
	server.signal(signal.SIGHUP)
	server.wait_log("can only reload config when a file is provided using -c or --config")
	Client(server, QUIET).silent()


@test(config="max_payload: 1000")
def reload_all_or_nothing(server):
	c = Client(server, QUIET)
	c.pub("a", b"x" * 1000)
	c.silent()
	server.configure("max_payload: 2000\nserver_name: other\n")
	server.signal(signal.SIGHUP)
	server.wait_log("Failed to reload server configuration")
	equal(Client(server).info["max_payload"], 1000)
	server.configure("max_payload: 2000\n")
	server.signal(signal.SIGHUP)
	wait_until(lambda: Client(server).info["max_payload"] == 2000, "the new max_payload")
	c.pub("a", b"x" * 2000)
	c.silent()


@test()
def reopen_log_48(server):
	moved = server.log_path + ".moved"
	os.rename(server.log_path, moved)
	server.signal(signal.SIGUSR1)
	wait_until(lambda: "File log re-opened" in server.log(), "a new log file")
	true("Server is ready" in read_text(moved), "the old one stays")


@test(config='lame_duck_grace_period: "300ms"\nlame_duck_duration: "30s"')
def lame_duck_47(server):
	clients = [Client(server, dict(QUIET, protocol=1)) for _ in range(3)]
	for c in clients:
		c.send("PING\r\n")
		c.expect("PONG\r\n")
		c.read_info()
	out = run("--signal", "ldm=%d" % server.pid)
	equal((out.returncode, out.stderr), (0, ""))
	for c in clients:
		info = c.read_info()
		equal(info.get("ldm"), True)
		true("connect_urls" not in info, "no own URLs")
	server.wait_log("Entering lame duck mode, stop accepting new clients")

	def closed():
		try:
			Client(server).close()
		except (OSError, Failure):
			return True
		return False
	wait_until(closed, "new clients are refused")
	server.signal(signal.SIGTERM)
	for c in clients:
		c.expect_eof()
	equal(server.process.wait(seconds(15)), 0)
	log = server.log()
	true("Closing existing clients" in log, "log line")


@test(config='lame_duck_grace_period: "300ms"\nlame_duck_duration: "30s"')
def lame_duck_without_clients_47(server):
	server.signal(signal.SIGUSR2)
	equal(server.process.wait(seconds(10)), 0)


@test(start=False)
def log_rotation_52(server):
	server.configure("debug: true\nlogfile_size_limit: 2000\nlogfile_max_num: 3\n")
	server.start()
	pattern = re.escape(server.log_path) + r"\.\d{4}(\.\d\d){5}\.\d{9}"

	def backups():
		return [p for p in glob.glob(server.log_path + ".*") if re.fullmatch(pattern, p)]

	def busy():
		with Client(server, QUIET) as c:
			c.silent()
		return "Purged log file" in "".join(read_text(p) for p in backups() + [server.log_path])
	wait_until(busy, "a purged log file", 20)
	wait_until(lambda: len(backups()) == 2, "three files with the active one")
	true('[INF] Rotated log, backup saved as "' in server.log(), "first line of a new file")


@test()
def port_in_use(server):
	out = run("-a", "127.0.0.1", "-p", str(server.port))
	equal(out.returncode, 1)
	true("Error listening on port: 127.0.0.1:%d" % server.port in out.stderr, out.stderr)


@test(server=False, natsd_only=True)
def not_built_yet_is_refused():
	for text in ("jetstream: enabled\n", "cluster { port: -1 }\n", "leafnodes { port: -1 }\n",
	             "mqtt { port: -1 }\n", "websocket { port: -1, no_tls: true }\n",
	             "gateway { name: a, port: -1 }\n"):
		path = written("port: -1\n" + text)
		try:
			out = run("-a", "127.0.0.1", "-c", path)
		finally:
			os.unlink(path)
		equal(out.returncode, 1, text)
		true(text.split()[0].strip(":") in out.stderr, out.stderr)
	for flags in (("-js",), ("--cluster", "nats://127.0.0.1:-1"), ("--tls",)):
		out = run("-a", "127.0.0.1", "-p", "-1", *flags)
		equal(out.returncode, 1, flags)


@test(server=False)
def twenty_servers():
	servers = []
	try:
		for _ in range(20):
			servers.append(Server(workers=1))
		for s in servers:
			Client(s, QUIET).silent()
		equal(len({s.port for s in servers}), 20)
		for s in servers[:10]:
			equal(s.stop(), 0)
		for s in servers[10:]:
			Client(s, QUIET).silent()
	finally:
		for s in servers:
			s.cleanup()


@test(start=False, http=True)
def log_disk_full_faults_82(server):
	"""Every write to the log fails with ENOSPC: service goes on."""
	server.log_path = "/dev/full"
	server.configure("debug: true\ntrace: true\n")
	server.start(wait=False)
	ports = json.loads(wait_until(lambda: read_text(server.ports_path), "ports file"))
	server.port = int(ports["nats"][0].rsplit(":", 1)[1])
	server.log_path = os.path.join(server.dir, "none")
	for _ in range(50):
		with Client(server, QUIET) as c:
			c.sub("a")
			c.send(b"PUB a 1\r\nx\r\n" * 200)
			equal(len(c.flush()), 200 * len("MSG a 1 1\r\nx\r\n"))
	if not is_peer():
		with urllib.request.urlopen(ports["monitoring"][0] + "/varz?natsd=1") as page:
			true(json.load(page)["natsd"]["log_lines_dropped"] > 0, "the counter")


@test(args=("-V",))
def traces_answers(server):
	"""What goes out stands in the trace: +OK and -ERR; nats-server shows no INFO."""
	with Client(server, {"verbose": True}) as c:
		c.send("SUB a..b 1\r\nPING\r\n")
		c.until(b"PONG\r\n")
		server.wait_log("->> [OK]")
		server.wait_log("->> [-ERR Invalid Subject]")
		server.wait_log("->> [PONG]")
	true("->> [INFO" not in server.log(), "no INFO")


@test()
def nothing_forges_a_log_line_faults_93(server):
	"""CR, LF and NUL from a client stand escaped in the log."""
	for name in ("a\nb [INF] forged", "a\rb", "a\0b", "\x1b[2Jc"):
		c = Client(server, dict(QUIET, name=name))
		c.send("PUB a 2\r\nhixx\n[1] forged\x00\x1b")
		c.until(b"Operation'\r\n")
	for text in ("SUB \x01\x00..\x1b 1\r\n", "-ERR x\x1b[2J\x00\x01 forged\r\n"):
		c = Client(server, QUIET)
		c.send(text)
		c.until(b"-ERR 'Invalid Subject'\r\n") if text.startswith("SUB") else c.expect_eof()
	for line in server.log().splitlines() if not is_peer() else []:
		true(line.startswith("["), "a line of its own: %r" % line)
		true(not re.search(r"[\x00-\x1f\x7f]", line), "control bytes in %r" % line)


main()
