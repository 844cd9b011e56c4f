#!/usr/bin/env python3
"""Every allocation of natsd-front fails once (faults 77): at its start it ends with an error that says so and
the next life serves; later the one connection or request in whose work it happens is refused, told in the log,
and nobody else notices.  No crash, nothing that hangs, no message lost in silence.

Needs a build with --enable-killpoints: natsd-front/alloc_plan.c.  NATSD_LONG=1: each allocation; else every 3rd
of a step, every 11th of those of a fresh server.
"""

import mmap
import os
import struct
import tempfile

from natsd import Failure, Server, Skip, build_dir, equal, main, read_text, test, true, wait_until
from steps import STEPS, Answered, Lost
from wire import QUIET, Client, parse_msgs

LONG = os.environ.get("NATSD_LONG") == "1"
STRIDE = 1 if LONG else 11
STEPS_MAX = 3000  # allocations of one step: more means that it never ends
TOLD = ("memory", "allocate")


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


# ---- what must hold ----


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
