"""load - the traffic under which roles are killed, and its judge.

100 clients pass numbered messages round a circle; 10 send requests to the development echoes of
natsd-js and natsd-raft.  Everything a kill must not do is a Failure here: a message lost, doubled or
out of order, a connection closed, a request answered never or twice, an effect missing or done twice.
"""

import asyncio
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from natsd import Failure, seconds  # noqa: E402

CONNECT = b'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n'
ECHO = {"js": "$SYS.REQ.DEV.ECHO.JS", "raft": "$SYS.REQ.DEV.ECHO.RAFT"}
TICK_S = 0.02
OUTSTANDING = 2


class Peer(asyncio.Protocol):
	"""One connection: cuts the stream into messages, keeps PONGs, allows nothing else."""

	def __init__(self, load, name):
		self.load = load
		self.name = name
		self.buffer = bytearray()
		self.transport = None
		self.pongs = 0
		self.ready = asyncio.get_running_loop().create_future()
		self.closing = False

	def connection_made(self, transport):
		self.transport = transport

	def connection_lost(self, why):
		if not self.closing:
			self.load.fail("the connection of %s was closed: %s" % (self.name, why))
			if not self.ready.done():
				self.ready.set_result(None)

	def data_received(self, data):
		self.buffer += data
		while self._one():
			pass

	def _one(self):
		at = self.buffer.find(b"\r\n")
		if at < 0:
			return False
		line = bytes(self.buffer[:at])
		words = line.split(b" ")
		if words[0] in (b"MSG", b"HMSG"):
			size = int(words[-1])
			end = at + 2 + size + 2
			if len(self.buffer) < end:
				return False
			body = bytes(self.buffer[at + 2:at + 2 + size])
			del self.buffer[:end]
			if words[0] == b"HMSG":
				self.load.fail("%s was told %r" % (self.name, body[:60]))
			else:
				self.message(words[1].decode(), body)
			return True
		del self.buffer[:at + 2]
		if words[0] == b"INFO":
			if not self.ready.done():
				self.ready.set_result(None)
		elif words[0] == b"PING":
			self.send(b"PONG\r\n")
		elif words[0] == b"PONG":
			self.pongs += 1
		else:
			self.load.fail("%s was told %r" % (self.name, line))
		return True

	def message(self, subject, body):
		raise NotImplementedError

	def send(self, data):
		self.transport.write(data)

	async def flush(self):
		want = self.pongs + 1
		self.send(b"PING\r\n")
		await self.load.until(lambda: self.pongs >= want, "PONG for " + self.name)

	def close(self):
		self.closing = True
		if self.transport is not None:
			self.transport.close()


class Walker(Peer):
	"""Sends numbers to the next client of the circle, checks those of the one before."""

	def __init__(self, load, number):
		super().__init__(load, "client %d" % number)
		self.number = number
		self.sent = 0
		self.got = 0

	def begin(self):
		self.send(CONNECT + b"SUB circle.%d 1\r\n" % self.number)

	def step(self):
		text = b"%d" % self.sent
		self.sent += 1
		self.send(b"PUB circle.%d %d\r\n%s\r\n" %
		          ((self.number + 1) % self.load.nwalkers, len(text), text))

	def message(self, subject, body):
		if body != b"%d" % self.got:
			self.load.fail("%s got number %r after %d messages" % (self.name, body, self.got))
		self.got += 1


class Asker(Peer):
	"""Keeps a few requests to one echo open until `total` were answered."""

	def __init__(self, load, number, role, total):
		super().__init__(load, "asker %d of %s" % (number, role))
		self.number = number
		self.role = role
		self.total = total
		self.asked = 0
		self.open = {}
		self.done = 0

	def begin(self):
		self.send(CONNECT + b"SUB _INBOX.%d.* 1\r\n" % self.number)

	def fill(self):
		while len(self.open) < OUTSTANDING and self.asked < self.total:
			payload = "%d-%d" % (self.number, self.asked)
			self.open[self.asked] = time.monotonic()
			self.send(("PUB %s _INBOX.%d.%d %d\r\n%s\r\n" % (ECHO[self.role], self.number,
			           self.asked, len(payload), payload)).encode())
			self.asked += 1

	def message(self, subject, body):
		number = int(subject.rsplit(".", 1)[1])
		now = time.monotonic()
		if number not in self.open:
			self.load.fail("%s had a second answer to %d: %r" % (self.name, number, body))
			return
		del self.open[number]
		self.done += 1
		try:
			data = json.loads(body)["data"]
			self.load.answered(self, number, data, now)
		except (ValueError, KeyError) as e:
			self.load.fail("%s: an answer that is none: %r (%s)" % (self.name, body, e))
		self.fill()

	def finished(self):
		return self.done >= self.total


class Load:
	"""One run.  role: whose echo is asked; total: requests of each asker."""

	def __init__(self, server, role="js", nwalkers=100, naskers=10, total=100):
		self.port = server.port
		self.server = server
		self.role = role
		self.nwalkers = nwalkers
		self.naskers = naskers
		self.total = total
		self.failures = []
		self.walkers = []
		self.askers = []
		self.sequences = {}
		self.lives = {}  # life -> time of its first answer
		self.last_of_life = {}  # life -> time of its last answer

	def fail(self, text):
		self.failures.append(text)

	def check(self):
		if self.failures:
			raise Failure("%d faults, first:\n%s" %
			              (len(self.failures), "\n".join(self.failures[:5])))

	async def until(self, condition, what, timeout=30):
		end = time.monotonic() + seconds(timeout)
		while not condition():
			self.check()
			if time.monotonic() > end:
				raise Failure("waited in vain: " + what)
			await asyncio.sleep(0.001)

	def answered(self, asker, number, data, now):
		payload = "%d-%d" % (asker.number, number)
		if data["payload"] != payload or data["role"] != self.role:
			self.fail("%s: %r for %s" % (asker.name, data, payload))
		if self.role == "js":
			if data["verdict"] != "stored":
				self.fail("%s: verdict %r for %s" % (asker.name, data["verdict"], payload))
			if data["sequence"] in self.sequences:
				self.fail("sequence %d for %s and for %s" % (data["sequence"], payload,
				          self.sequences[data["sequence"]]))
		self.sequences[data["sequence"]] = payload
		self.lives.setdefault(data["life"], now)
		self.last_of_life[data["life"]] = now

	def newest_life(self):
		return max(self.lives, default=0)

	async def _open(self, make):
		loop = asyncio.get_running_loop()
		_, peer = await loop.create_connection(make, "127.0.0.1", self.port)
		await asyncio.wait_for(peer.ready, seconds(20))
		peer.begin()
		return peer

	async def begin(self):
		self.walkers = list(await asyncio.gather(*(self._open(lambda i=i: Walker(self, i))
		                                           for i in range(self.nwalkers))))
		self.askers = list(await asyncio.gather(*(
		    self._open(lambda i=i: Asker(self, i, self.role, self.total))
		    for i in range(self.naskers))))
		for peer in self.walkers + self.askers:
			await peer.flush()
		self.check()

	async def walk(self, stop):
		while not stop.is_set():
			for w in self.walkers:
				w.step()
			await asyncio.sleep(TICK_S)

	async def finish(self):
		"""All answered, all arrived, nothing more came."""
		await self.until(lambda: all(a.finished() for a in self.askers),
		                 "answers to all requests; missing %r" %
		                 {a.number: list(a.open) for a in self.askers if not a.finished()}, 60)
		for peer in self.walkers + self.askers:
			await peer.flush()
		for peer in self.walkers:
			await peer.flush()
		for i, w in enumerate(self.walkers):
			before = self.walkers[i - 1]
			if w.got != before.sent:
				self.fail("%s sent %d, %s got %d" % (before.name, before.sent, w.name, w.got))
		if self.role == "js":
			want = set(range(1, sum(a.total for a in self.askers) + 1))
			if set(self.sequences) != want:
				self.fail("%d effects; missing %r, too many %r" % (len(self.sequences),
				          sorted(want - set(self.sequences))[:10],
				          sorted(set(self.sequences) - want)[:10]))
		self.check()

	async def run(self, trouble=None):
		"""`trouble(load)` is awaited while the traffic flows."""
		await self.begin()
		stop = asyncio.Event()
		walking = asyncio.create_task(self.walk(stop))
		try:
			for a in self.askers:
				a.fill()
			if trouble is not None:
				await trouble(self)
			await self.until(lambda: all(a.finished() for a in self.askers), "all answers", 60)
		finally:
			stop.set()
			await walking
		await self.finish()
		for peer in self.walkers + self.askers:
			peer.close()

	def pauses(self):
		"""From the last answer of each life to the first of the next, in seconds."""
		lives = sorted(self.lives)
		return [self.lives[b] - self.last_of_life[a] for a, b in zip(lives, lives[1:])]


def report_times(what, times, median_max):
	"""Prints and judges: the median must be below, the maximum is told."""
	ordered = sorted(times)
	median = ordered[len(ordered) // 2]
	print("# %s: %d times, median %.1f ms, max %.1f ms" %
	      (what, len(ordered), median * 1e3, ordered[-1] * 1e3), flush=True)
	if median > seconds(median_max):
		raise Failure("%s: median %.1f ms, at most %g wanted" %
		              (what, median * 1e3, seconds(median_max) * 1e3))


def long_run():
	return os.environ.get("NATSD_LONG") == "1"
