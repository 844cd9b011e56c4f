#!/usr/bin/env python3
"""Rows of the capabilities beyond the feature list; a number in a name is a row of tests/conformance/capabilities.tsv."""

import os
import re
import signal
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "monitor"))

from certs import Authority
from natsd import Failure, Skip, build_dir, equal, main, read_text, test, true, wait_until
from web import page
from wire import QUIET, Client, parse_msgs
from wire_tls import TlsClient

CA = Authority("capabilities")


def reload(server, config, count):
	server.configure(config)
	server.signal(signal.SIGHUP)
	server.wait_log("Reloaded server configuration", count=count)


def user(server, name):
	c = Client(server, {**QUIET, "user": name, "pass": "pw"}, timeout=30)
	c.flush()
	return c


@test(workers=(1, 2), http=True, config="max_payload: 65536\nmax_pending: 100000\n")
def slow_consumers_are_counted_5_5(server):
	"""By kind: one of clients, none of the others."""
	slow = Client(server, QUIET, rcvbuf=4096)
	slow.sub("a")
	slow.flush()
	with Client(server, QUIET) as c:
		def counted():
			for _ in range(50):
				c.pub("a", "x" * 60000)
			c.flush()
			return page(server, "/varz")["slow_consumers"] == 1
		wait_until(counted, "the slow consumer to be counted", 20)
		stats = page(server, "/varz")["slow_consumer_stats"]
		equal(stats, {"clients": 1, "routes": 0, "gateways": 0, "leafs": 0})


RIGHTS = """authorization { users: [ { user: joe, password: pw, permissions: { publish: { deny: [%s] }, subscribe: { deny: [%s] } } },
	{ user: root, password: pw } ] }\n"""


@test(workers=(1, 2, 8), config=RIGHTS % ("", ""))
def verdicts_of_before_do_not_pass_5_8(server):
	"""Rights are taken while they are used: behind the reload no publish and no SUB goes by what was known of
	the subject before."""
	root, joe = user(server, "root"), user(server, "joe")
	root.sub("a.*")
	root.flush()
	for i in range(8):
		joe.pub("a.1", "x")
		joe.send("SUB b.1 s%d\r\n" % i)
		equal(len(root.msgs(1)), 1)
	joe.silent()
	for turn in range(1, 9):
		taken = turn % 2 == 1
		reload(server, RIGHTS % (('"a.1"', '"b.*"') if taken else ("", "")), turn)
		joe.flush()
		joe.pub("a.1", "x")
		joe.send("SUB b.1 t%d\r\n" % turn)
		said = joe.flush()
		equal((said.count(b"for Publish"), said.count(b"for Subscription")), (1, 1) if taken else (0, 0), "turn %d" % turn)
		equal(len(parse_msgs(root.flush())), 0 if taken else 1)


def users(gone=(), moved=(), denied=()):
	text = ""
	for account in "AB":
		entries = ["{ user: u%d, password: pw%s }" % (i, ", permissions: { subscribe: { deny: [x] } }" if i in denied else "")
		           for i in range(20) if i not in gone and (i in moved) == (account == "B")]
		text += " %s { users: [ %s ] }\n" % (account, ", ".join(entries))
	return "accounts {\n%s}\n" % text


@test(workers=(1, 2), config=users())
def reload_closes_only_whom_it_must_14_2(server):
	"""1,000 clients of 20 users, five of whom change: gone and moved ones are closed, a narrowed one loses its
	subscription, everybody else misses no message."""
	clients = [user(server, "u%d" % (i % 20)) for i in range(1000)]
	for c in clients:
		c.sub("x")
		c.sub("y")
	for c in clients:
		c.silent()
	publisher = user(server, "u0")
	gone, moved, denied = (3, 4), (5, 6), (7,)
	stop, sent = threading.Event(), [0]

	def publish():
		while not stop.is_set():
			publisher.pub("y", "%d" % sent[0])
			publisher.flush()
			sent[0] += 1
	thread = threading.Thread(target=publish)
	thread.start()
	try:
		reload(server, users(gone, moved, denied), 1)
		for i, c in enumerate(clients):
			if i % 20 in gone + moved:
				c.until_eof()
	finally:
		stop.set()
		thread.join()
	for i, c in enumerate(clients):
		if i % 20 in gone + moved:
			continue
		got = c.flush()
		lost = re.findall(rb"-ERR '[^\r\n]*\r\n", got)
		equal(len(lost), 1 if i % 20 in denied else 0, "errors told to a client of u%d: %r" % (i % 20, lost))
		mine = [m.payload for m in parse_msgs(re.sub(rb"-ERR '[^\r\n]*\r\n", b"", got))]
		equal(mine, [b"%d" % n for n in range(sent[0])], "client %d" % i)


def with_certificate(cert, key=None):
	return "tls { cert_file: '%s', key_file: '%s' }\n" % (cert.cert, (key or cert).key)


FIRST, SECOND = CA.issue("one"), CA.issue("two")


@test(workers=(1, 2), config=with_certificate(FIRST))
def certificates_change_under_load_14_3(server):
	"""New handshakes show the new one, what is open goes on; a key that does not fit changes nothing."""
	def shown():
		with TlsClient(server, QUIET) as c:
			return c.socket.getpeercert(True)
	old = [TlsClient(server, QUIET) for _ in range(20)]
	for c in old:
		c.sub("a")
		c.silent()
	equal(shown(), FIRST.der())
	reload(server, with_certificate(SECOND), 1)
	equal(shown(), SECOND.der())
	server.configure(with_certificate(FIRST, SECOND))
	server.signal(signal.SIGHUP)
	server.wait_log("Failed to reload server configuration")
	equal(shown(), SECOND.der())
	old[0].pub("a", "x" * 100000)
	for c in old:
		equal(len(c.msg().payload), 100000)


@test(workers=(2,))
def log_levels_change_at_once_14_5(server):
	"""Each option by reload: its lines come and go; none is torn."""
	def lines():
		return server.log().splitlines()

	def talk():
		before = len(lines())
		c = Client(server, QUIET)
		talk.clients.append(c)  # whose end would be told some time later
		c.pub("subject.of.note", "payload")
		c.flush()
		reload(server, talk.config, talk.turn)
		talk.turn += 1
		return lines()[before:]
	talk.turn, talk.config, talk.clients = 1, "debug: true\n", []
	equal([line for line in talk() if "[DBG]" in line or "[TRC]" in line], [])
	talk.config = "debug: true\ntrace: true\n"
	said = talk()
	true(any("[DBG]" in line for line in said) and not any("[TRC]" in line for line in said), said)
	talk.config = "logtime_utc: true\n"
	said = talk()
	true(any("[TRC]" in line and "subject.of.note" in line for line in said), said)
	talk.config = "logtime: false\n"
	said = talk()
	true(not any("[TRC]" in line for line in said), said)
	talk.config = "logtime: true\n"
	talk()
	true(any(re.match(r"\[\d+\] \[", line) for line in lines()), "lines without a time")
	for line in lines():
		if not re.match(r"\[\d+\] (\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6} )?\[(INF|DBG|TRC|WRN|ERR)\] ", line):
			raise Failure("torn: %r" % line)


BUSY, BUSY_BYTES, IDLE_KEEPS = 1000, 60000, 4096


def resident(server):
	return int(re.search(r"VmRSS:\s+(\d+) kB", read_text("/proc/%d/status" % server.role("front"))).group(1)) << 10


@test(workers=(1, 2), natsd_only=True, config="ping_interval: '1h'\n")
def who_was_busy_and_is_idle_keeps_no_buffer_5_10(server):
	"""A thousand connections, each in the midst of a message of 60 KB and with as much to be written to it; when
	they are idle again, they cost what one costs that never was busy: memory for a message is lent."""
	if "define NATSD_SANITIZED 1" in read_text(os.path.join(build_dir(), "config.h")):
		raise Skip("memory of a sanitized program")
	clients = [Client(server, QUIET, rcvbuf=4096) for _ in range(BUSY)]
	for i, c in enumerate(clients):
		c.sub("to.%d" % i)
		c.flush()
	before = resident(server)
	for i, c in enumerate(clients):
		c.send("PUB to.%d %d\r\n" % (i, BUSY_BYTES) + "x" * (BUSY_BYTES // 2))
	wait_until(lambda: resident(server) > before + BUSY * BUSY_BYTES // 3, "memory for halves of messages", 20)
	for c in clients:
		c.send("x" * (BUSY_BYTES - BUSY_BYTES // 2) + "\r\n")
	for c in clients:
		equal(len(c.msg().payload), BUSY_BYTES)
		c.flush()
	wait_until(lambda: resident(server) < before + BUSY * IDLE_KEEPS, "what was lent to be given back", 20)


FORM = re.compile(r"\[\d+\] (\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6} )?\[(INF|DBG|TRC|WRN|ERR)\] ")


def taken(server, config, mark):
	"""A reload, which a log need not tell of: the monitoring port says when it is done."""
	with open(server.conf_path, "w") as f:
		f.write(config + "server_tags: t%d\n" % mark)
	server.signal(signal.SIGHUP)
	wait_until(lambda: page(server, "/varz").get("tags") == ["t%d" % mark], "the reload to be done")


def provoke(server, n):
	"""A line of each level but info, from the front: a debug line, a trace line, an error."""
	with Client(server, {**QUIET, "name": "loud%d" % n}) as c:
		c.pub("loud.%d" % n, "x")
		c.flush()
		c.send("nonsense%d\r\n" % n)
		c.until(b"-ERR")


class Load(threading.Thread):
	"""One line in the log for each number: nobody's protocol error."""

	def __init__(self, server):
		super().__init__(daemon=True)
		self.server, self.sent, self.over, self.failed = server, 0, threading.Event(), None

	def run(self):
		try:
			while not self.over.is_set():
				with Client(self.server, QUIET) as c:
					c.send("load%dend\r\n" % self.sent)
					c.until(b"-ERR")
				self.sent += 1
		except Exception as e:  # told by the test's own thread
			self.failed = e

	def finish(self):
		self.over.set()
		self.join()
		if self.failed is not None:
			raise self.failed


@test(workers=(2,), http=True)
def least_level_14_5(server):
	"""log_min and the other switches by reload, under load: lines below vanish, come again, no error is lost or torn."""
	load = Load(server)
	load.start()
	steps = (("info", ""), ("warn", "debug: true\ntrace: true\n"), ("error", "logtime_utc: true\n"), ("info", "debug: true\ntrace: true\n"),
	         ("error", "debug: true\n"), ("warn", "logtime: false\n"), ("info", "debug: true\n"), ("info", "trace: true\n"), ("info", ""))
	for i, (least, more) in enumerate(steps):
		taken(server, least_level(server, least) + more, i)
		provoke(server, i)
		wait_until(lambda: "nonsense%d" % i in server.log(), "the error in the log")
		said = server.log()
		equal("loud.%d" % i in said, "trace" in more and least == "info", "the trace line at %s %s" % (least, more))
		equal("Reloaded: tags" in said.split("nonsense%d" % (i - 1))[-1], least == "info", "the info line at %s" % least)
	load.finish()
	wait_until(lambda: "load%dend" % (load.sent - 1) in server.log(), "the last error in the log")
	said = server.log()
	for i in range(load.sent):
		equal(len(re.findall(r"\[ERR\] .*load%dend" % i, said)), 1, "lines of error %d" % i)
	for line in said.splitlines():
		true(FORM.match(line), "torn: %r" % line)


def least_level(server, least):
	return "natsd { front_threads: %d, log_min: %s }\n" % (server.workers, least)


main()
