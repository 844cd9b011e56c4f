#!/usr/bin/env python3
"""Every allocation of natsd-front fails once (faults 77): at its start it ends with an error that says so and
the next life serves; later the one connection or request in whose work it happens is refused, told in the log,
and nobody else notices.  No crash, nothing that hangs, no message lost in silence.

Needs a build with --enable-killpoints: natsd-front/alloc_plan.c.  NATSD_LONG=1: each allocation; else every 3rd
of a step, every 11th of those of a fresh server.
"""

import mmap
import os
import re
import signal
import struct
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "monitor"))

from natsd import Failure, Server, Skip, build_dir, equal, main, read_text, test, true, wait_until  # noqa: E402
from wire import HEADERS, QUIET, Client, parse_msgs  # noqa: E402

LONG = os.environ.get("NATSD_LONG") == "1"
STRIDE = 1 if LONG else 11
STEPS_MAX = 3000  # allocations of one step: more means that it never ends
NAMED = dict(HEADERS, name="the name", lang="python", version="1.2.3", protocol=1)
TOLD = ("memory", "allocate")


class Lost(Exception):
	"""A message did not come, and nobody was closed for it."""


class Answered(OSError):
	"""Refused in words: nobody has to look for them in the log."""


class Starved(Server):
	"""A server whose front's allocations fail by order.  start() may be told to fail the n-th."""

	def __init__(self, **options):
		if "define NATSD_KILLPOINTS 1" not in read_text(os.path.join(build_dir(), "config.h")):
			raise Skip("needs --enable-killpoints")
		self.file = tempfile.NamedTemporaryFile()
		self.file.write(b"\0" * mmap.PAGESIZE)
		self.file.flush()
		os.chmod(self.file.name, 0o666)
		self.plan = mmap.mmap(self.file.fileno(), mmap.PAGESIZE)
		super().__init__(env={"NATSD_FRONT_WRAPPER": "/usr/bin/env NATSD_ALLOC_PLAN=" + self.file.name}, **options)
		self.tolerant = True

	def words(self):
		return struct.unpack("4Q", self.plan[:32])

	@property
	def asked(self):
		return self.words()[0]

	@property
	def failed(self):
		return self.words()[3]

	def fail(self, first, count=1):
		"""From now on the allocations of these numbers fail."""
		self.plan[8:24] = struct.pack("2Q", first, first + count)

	def fail_next(self, nth, count=1):
		self.fail(self.asked + nth, count)

	def fail_none(self):
		self.plan[8:24] = struct.pack("2Q", 0, 0)


# ---- what is tried ----


def connects(server):
	with Client(server, NAMED) as c:
		c.flush()


def subscribes(server):
	with Client(server, QUIET) as c:
		sids = [c.sub("s.%d.*.%s" % (i, "x" * (i * 7 % 90)), "q%d" % i if i % 3 == 0 else None) for i in range(40)]
		c.flush()
		for sid in sids:
			c.unsub(sid)
		c.silent()


def arrives(publisher, readers, want):
	"""All of it at all, or somebody was closed (flush says so)."""
	own = publisher.flush()
	for r in readers:
		data = (own if r is publisher else b"") + r.flush()
		got = [m.payload for m in parse_msgs(data.replace(b"PING\r\n", b""))]
		if got != want:
			raise Lost("%s got %d messages of %d, not %r" % (r.info["client_id"], len(got), len(want),
			           [w[:20] for w in want if w not in got]))


def publishes(server):
	publisher, *readers = [Client(server, QUIET) for _ in range(5)]
	for r in readers:
		r.sub("p.>")
		r.flush()
	want = [b"%d" % i for i in range(50)]
	for i, payload in enumerate(want):
		publisher.pub("p.%d.y%s" % (i, "y" * i), payload)
	arrives(publisher, readers, want)


def publishes_large(server):
	publisher, near, far = [Client(server, QUIET) for _ in range(3)]
	for r in (near, far):
		r.sub("large")
		r.flush()
	want = [bytes([65 + i % 26]) * size for i, size in enumerate((5000, 70000, 300000, 900000))]
	for payload in want:
		line = b"PUB large %d\r\n%s\r\n" % (len(payload), payload)
		publisher.send(line[:len(line) // 2])
		publisher.send(line[len(line) // 2:])
	arrives(publisher, [near, far], want)


def splits(server):
	with Client(server, QUIET) as c:
		c.sub("split")
		for at in (2, 9, 17, 30):
			c.send_split(b"PUB split 20\r\n%s\r\n" % (b"z" * 20), at)
		arrives(c, [c], [b"z" * 20] * 4)


def headers_to_plain(server):
	publisher, able, plain = Client(server, HEADERS), Client(server, HEADERS), Client(server, QUIET)
	for r in (able, plain):
		r.sub("h")
		r.flush()
	publisher.hpub("h", b"NATS/1.0\r\nA: b\r\n\r\n", b"payload", "a.reply.subject." + "r" * 200)
	arrives(publisher, [able, plain], [b"payload"])


def queues(server):
	publisher, *members = [Client(server, QUIET) for _ in range(5)]
	for m in members:
		m.sub("q", "group")
		m.flush()
	for i in range(60):
		publisher.pub("q", "%d" % i)
	publisher.flush()
	count = sum(len(parse_msgs(m.flush().replace(b"PING\r\n", b""))) for m in members)
	if count != 60:
		raise Lost("%d messages of 60 came to the group" % count)


def asks_nobody(server):
	with Client(server, HEADERS) as c:
		c.sub("re")
		c.pub("nobody.there", "x", "re")
		if b"503" not in c.flush():
			raise Lost("no answer that nobody is there")


def asks_js(server):
	with Client(server, HEADERS) as c:
		c.sub("re")
		c.pub("$SYS.REQ.DEV.ECHO.JS", "x" * 30000, "re")
		try:
			c.msg(3)
		except Failure as e:
			if "were dropped" in server.log() and "no line" in str(e):
				raise ConnectionError("its answer was dropped")
			raise


def is_many(server):
	clients = [Client(server, QUIET) for _ in range(20)]
	for c in clients:
		c.flush()
		c.close()


def looks(server):
	import http.client
	for page in ("/varz", "/connz?subs=detail&state=all", "/subsz?subs=1", "/healthz?natsd=1", "/"):
		c = http.client.HTTPConnection("127.0.0.1", server.http, timeout=30)
		try:
			c.request("GET", page)
			answer = c.getresponse()
			body = answer.read()
			if answer.status != 200:
				raise Answered("%s: %d %s" % (page, answer.status, body[:80]))
		except http.client.HTTPException as e:
			raise ConnectionError(str(e))
		finally:
			c.close()


def reloads(server):
	before, looked = read_text(server.conf_path), len(server.log())
	server.configure("max_payload: %d\ndebug: false\n" % (1 << 20 if "1048577" in before else 1048577))
	server.signal(signal.SIGHUP)
	ended = wait_until(lambda: [line for line in server.log()[looked:].splitlines()
	                            if re.search(r"Reloaded server|\[ERR\].*[rR]eload", line)], "the end of the reload")
	if any("[ERR]" in line for line in ended):
		raise ConnectionError("refused: %s" % ended)


STEPS = (connects, subscribes, publishes, publishes_large, splits, headers_to_plain, queues, asks_nobody, asks_js, is_many,
         looks, reloads)


# ---- and what must hold ----


def was_refused(error):
	text = str(error)
	return not isinstance(error, Failure) or "end of connection" in text or "-ERR" in text


def attempt(server, step, what):
	"""True: it came through.  Refusals are fine where an allocation failed, and are told in the log."""
	failed, looked = server.failed, len(server.log())
	try:
		step(server)
	except (Failure, OSError) as e:
		if server.failed == failed or not was_refused(e):
			raise Failure("%s, %s: %s" % (step.__name__, what, e))
		server.fail_none()
		if not isinstance(e, Answered):
			wait_until(lambda: any(word in server.log()[looked:] for word in TOLD),
			           "a line of the log: %s, %s, was refused: %s" % (step.__name__, what, e), 2)
		return False
	except Lost as e:
		raise Failure("%s, %s: %s" % (step.__name__, what, e))
	return True


class Witness:
	"""Connections that are there all the time: nothing happens to them."""

	def __init__(self, server):
		self.server = server
		self.front = server.role("front")
		self.clients = [Client(server, QUIET) for _ in range(4)]
		self.sent = 0
		for c in self.clients:
			c.sub("witness")
			c.silent()

	def had_its_ping(self):
		"""The first PING comes by itself: its memory is theirs, not of a step."""
		for c in self.clients:
			c.auto_pong = False
			c.expect("PING\r\n")
			c.send("PONG\r\n")
			c.auto_pong = True

	def looks(self, what):
		"""Each says something, all hear all of it."""
		self.server.fail_none()
		heard, want = {c: b"" for c in self.clients}, []
		try:
			for c in self.clients:
				self.sent += 1
				want.append(b"%d" % self.sent)
				c.pub("witness", want[-1])
				heard[c] += c.flush()
			for c in self.clients:
				heard[c] += c.flush()
				equal([m.payload for m in parse_msgs(heard[c].replace(b"PING\r\n", b""))], want)
		except (Failure, OSError) as e:
			raise Failure("%s: a bystander: %s" % (what, e))
		equal(self.server.role("front"), self.front, "natsd-front after " + what)


def sweep(server, witness, step, count):
	"""Its 1st, 2nd, ... allocation fails, until it needs no more."""
	for nth in range(1, STEPS_MAX, 1 if LONG else 3):
		what = "allocation %d of it, %d failed" % (nth, count)
		failed = server.failed
		server.fail_next(nth, count)
		attempt(server, step, what)
		witness.looks(step.__name__ + ", " + what)
		if server.failed == failed:
			return nth - 1
	raise Failure("%s never ends" % step.__name__)


@test(server=False, natsd_only=True, workers=(1, 2))
def each_step_faults_77(workers):
	with Starved(workers=workers, dev_roles=True, http=True) as server:
		witness = Witness(server)
		witness.had_its_ping()
		for step in STEPS:
			counts = [sweep(server, witness, step, count) for count in (1, 20)]
			print("# %s: %s allocations" % (step.__name__, counts))
		true(server.failed > 100, "the failing works: %d" % server.failed)


def whole_life(server):
	"""Everything once; whatever is refused, the next one is tried."""
	for step in STEPS:
		attempt(server, step, "allocation %d of a fresh server" % server.words()[1])


@test(server=False, natsd_only=True)
def fresh_server_faults_77():
	"""Where memory is not there yet from the attempt before: each allocation from readiness on, each time of a
	fresh server."""
	first, last = 0, 1
	nth = first
	while nth <= last:
		with Starved(workers=2, dev_roles=True, http=True) as server:
			witness = Witness(server)
			ready = server.asked
			server.fail_next(nth + 1)
			whole_life(server)
			last = max(last, server.asked - ready)
			witness.looks("allocation %d after readiness" % nth)
		nth += STRIDE
	print("# %d allocations" % last)
	true(last > 100, "the failing works")


@test(server=False, natsd_only=True)
def start_faults_77():
	nth, ended = 1, 0
	while True:
		with Starved(workers=2, dev_roles=True, http=True, start=False) as server:
			server.fail(nth)
			server.start()
			before_ready = server.failed
			server.fail_none()
			Witness(server).looks("allocation %d at the start" % nth)
			if not before_ready:
				break
			deaths = [line for line in server.log().splitlines() if "natsd-front, life" in line]
			if deaths:
				ended += 1
				equal(len(deaths), 1, "deaths when allocation %d failed:\n%s" % (nth, server.log()))
				true("exit status 1" in deaths[0], "not a crash: " + deaths[0])
				true("[FTL] " in server.log(), "allocation %d: it does not say why it ended" % nth)
		nth += STRIDE
	print("# %d allocations before it is ready, %d times it ended" % (nth, ended))
	true(ended > 0, "the failing works")


main()
