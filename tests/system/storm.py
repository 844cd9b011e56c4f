#!/usr/bin/env python3
"""Everything at once: reload upon reload while clients of every kind come, talk and go, and others stay.

Who may stay stays and loses nothing, nothing is leaked, natsd-front lives through it.  With NATSD_LONG=1
for ten minutes, and its memory is measured.
"""

import itertools
import os
import signal
import threading
import time

from certs import Authority
from natsd import Failure, Skip, equal, main, read_text, seconds, test, true, wait_until
from nkeys import Key
from wire import QUIET, Client
from wire_tls import TlsClient

HASH = "$2b$04$abcdefghijklmnopqrstuuyvPXIbu7xe6/CED2DzX8z6Si09MlzlW"  # of "pw"
KEY = Key("storm")
CA = Authority()
CERTS = [CA.issue("localhost", san="DNS:localhost,IP:127.0.0.1") for _ in range(2)]
RELOADS = 50
STAYING = 100
RELOADED = "Reloaded server configuration"
SOAK_S = float(os.environ.get("NATSD_SOAK_S", "600" if os.environ.get("NATSD_LONG") == "1" else "0"))


def config(n):
	"""The n-th one: what those that stay rest upon is the same in all."""
	cert = CERTS[n % len(CERTS)]
	return """
max_payload: %d
tls { cert_file: "%s", key_file: "%s" }
allow_non_tls: true
authorization { timeout: 60 }
accounts {
	A { users: [
		{ user: stays, password: pw },
		{ user: plain, password: pw, permissions: { publish: { allow: ["own.>", "extra.%d"] } } },
		{ user: hash, password: "%s", permissions: { publish: "own.>" } },
		{ nkey: %s, permissions: { publish: "own.>" } },
		{ user: other, password: pw%d } ]
		mappings: { "mapped.%d": "own.mapped" } }
	B%d { users: [ { user: bob%d, password: pw } ] }
}
""" % (1048576 + n % 3, cert.cert, cert.key, n % 5, HASH, KEY.public, n % 2, n % 4, n % 3, n % 3)


class Worker(threading.Thread):
	"""A thread of the test that goes round until it is told to end; what went wrong is kept."""

	def __init__(self, storm, step):
		super().__init__(daemon=True)
		self.storm = storm
		self.step = step
		self.rounds = 0
		self.wrong = None

	def run(self):
		try:
			while not self.storm.over.is_set():
				self.step(self.rounds)
				self.rounds += 1
		except Exception as e:
			self.wrong = e


class Storm:
	def __init__(self, server):
		self.server = server
		self.over = threading.Event()
		self.names = itertools.count()
		self.staying = [self.stays() for _ in range(STAYING)]
		for i, c in enumerate(self.staying):
			c.sub("circle.%d" % i)
			c.silent()
		steps = (lambda n: self.guest(self.plain), lambda n: self.guest(self.hash),
		         lambda n: self.guest(self.nkey), lambda n: self.guest(self.tls), self.circle)
		self.threads = [Worker(self, step) for step in steps]
		for t in self.threads:
			t.start()

	def stays(self):
		return Client(self.server, dict(QUIET, user="stays", **{"pass": "pw"}), timeout=60)

	def plain(self):
		return Client(self.server, dict(QUIET, user="plain", **{"pass": "pw"}), timeout=60)

	def hash(self):
		return Client(self.server, dict(QUIET, user="hash", **{"pass": "pw"}), timeout=60)

	def nkey(self):
		c = Client(self.server, timeout=60)
		c.connect(nkey=KEY.public, sig=KEY.signature(c.info["nonce"]), **QUIET)
		return c

	def tls(self):
		return TlsClient(self.server, dict(QUIET, user="plain", **{"pass": "pw"}), timeout=60)

	def guest(self, come):
		"""Comes, talks to itself, tries what it may not, goes.  Its user is the same in all configurations but
		for what it does not use, so nothing may end it."""
		with come() as c:
			subject = "own.%d" % next(self.names)
			c.sub(subject)
			c.pub(subject, "hello")
			equal(c.msg().payload, b"hello")
			c.pub("circle.0", "forbidden")
			c.expect_re(rb"-ERR 'Permissions Violation for Publish to \"circle.0\"'\r\n")
			c.flush()

	def circle(self, n):
		"""Each of those that stay hears of the one before, in every round."""
		for i, c in enumerate(self.staying):
			c.pub("circle.%d" % ((i + 1) % STAYING), "%d" % n)
		for c in self.staying:
			equal(self.message(c), b"%d" % n)

	@staticmethod
	def message(c):
		"""The next one; INFO may come at any time, a reload says so."""
		while True:
			try:
				return c.msg().payload
			except Failure as e:
				if "got b'INFO" not in str(e):
					raise

	def check(self):
		for t in self.threads:
			if t.wrong is not None:
				raise t.wrong

	def end(self):
		self.over.set()
		for t in self.threads:
			t.join(seconds(120))
			true(not t.is_alive(), "a thread of the test hangs")
		self.check()
		print("# rounds: %s" % " ".join(str(t.rounds) for t in self.threads))
		for t in self.threads:
			true(t.rounds > 0, "everybody came through")
		for c in self.staying:
			c.close()


def reload(server, n):
	server.configure(config(n))
	server.signal(signal.SIGHUP)


def with_storm(server, body):
	front = server.role("front")
	storm = Storm(server)
	try:
		body(storm)
	finally:
		storm.over.set()
	storm.end()
	equal(server.role("front"), front, "the same natsd-front")


@test(config=config(0), workers=(2, 8), natsd_only=True)
def reload_storm(server):
	"""Reloads faster than they are done: the last one counts, and is in force in the end."""
	def storm(storm):
		for n in range(RELOADS):
			reload(server, n)
			storm.check()
			time.sleep(0.02)  # the pace of who asks; nothing is waited for
		before = server.log().count(RELOADED)
		reload(server, 1)
		server.wait_log(RELOADED, 60, before + 1)
	with_storm(server, storm)
	Client(server, dict(QUIET, user="other", **{"pass": "pw1"})).silent()


def kilobytes(pid):
	for line in read_text("/proc/%d/status" % pid).splitlines():
		if line.startswith("VmRSS:"):
			return int(line.split()[1])
	return 0


@test(config=config(0), workers=(2, 8), natsd_only=True)
def soak(server):
	"""A reload a second for minutes: memory of the last half is that of the first."""
	if SOAK_S == 0:
		raise Skip("only with NATSD_LONG=1")
	sizes = []

	def storm(storm):
		pids = server.roles()
		end = time.monotonic() + SOAK_S
		for n in itertools.count():
			if time.monotonic() >= end:
				break
			reload(server, n)
			storm.check()
			sizes.append({role: kilobytes(pid) for role, pid in pids.items()})
			time.sleep(1)
	with_storm(server, storm)
	half = len(sizes) // 2
	for role in sizes[0]:
		before = max(s[role] for s in sizes[half // 2:half])
		after = max(s[role] for s in sizes[half:])
		print("# natsd-%s: %d KiB in the second quarter, %d KiB in the second half" % (role, before, after))
		true(after <= before * 1.1 + 2048, "natsd-%s grows from %d to %d KiB" % (role, before, after))
	for line in server.log().splitlines():
		true("[FTL]" not in line and ("[ERR]" not in line or "Violation" in line), "the log says " + line)


main()
