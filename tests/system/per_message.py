#!/usr/bin/env python3
"""A million messages cost natsd-front no allocation, no lock and no log line.

Needs a build with --enable-killpoints (make check-kills): there $NATSD_FRONT_WRAPPER stands before
natsd-front, here with a preloaded library that counts.
"""

import os
import struct
import tempfile
import threading

from certs import Authority
from natsd import Server, Skip, add, build_dir, main, read_text, true
from wire import HEADERS, QUIET, Client
from wire_tls import TlsClient

LIBRARY = os.path.join(build_dir(), "tests", "system", "count_calls.so")
MESSAGES = 1000000
BATCH = 1000
# What time brings, not messages: timers, a page asked for, and pools that grow once more when a busy machine
# lets the backlog of a reader grow.
ALLOWED = 2000


class Counted(Server):
	"""A server whose front counts its calls."""

	def __init__(self, **options):
		config = read_text(os.path.join(build_dir(), "config.h"))
		if "define NATSD_KILLPOINTS 1" not in config or "define NATSD_SANITIZED 1" in config:
			raise Skip("needs --enable-killpoints, without sanitizers")
		true(os.path.exists(LIBRARY), "not built: " + LIBRARY)
		self.counts = tempfile.NamedTemporaryFile()
		self.counts.write(b"\0" * 4096)
		self.counts.flush()
		os.chmod(self.counts.name, 0o666)
		wrapper = "/usr/bin/env LD_PRELOAD=%s COUNT_CALLS=%s" % (LIBRARY, self.counts.name)
		super().__init__(env={"NATSD_FRONT_WRAPPER": wrapper}, **options)

	def calls(self):
		with open(self.counts.name, "rb") as f:
			return dict(zip(("allocations", "frees", "locks"), struct.unpack("3Q", f.read(24))))


def swallow(client, n):
	"""Reads n bytes."""
	left = n
	while left > 0:
		left -= len(client.bytes(min(left, 1 << 16), 60))


def pass_messages(publisher, readers, line, size, n):
	"""n messages from one to all, each reader getting `size` bytes a message."""
	threads = [threading.Thread(target=swallow, args=(r, size * n)) for r in readers]
	for t in threads:
		t.start()
	for _ in range(n // BATCH):
		publisher.send(line * BATCH)
	for t in threads:
		t.join()


def tls_block():
	cert = Authority().issue("server", san="DNS:localhost")
	return "tls { cert_file: '%s', key_file: '%s' }\n" % (cert.cert, cert.key)


def check(readers, headers, queue, tls=False):
	def run(workers):
		with Counted(workers=workers, config=tls_block() if tls else "") as server:
			options = HEADERS if headers else QUIET
			kind = TlsClient if tls else Client
			publisher = kind(server, options)
			clients = [kind(server, options) for _ in range(readers)]
			for c in clients:
				c.sub("load", queue)
				c.silent()
			body = b"x" * 128
			if headers:
				head = b"NATS/1.0\r\nKey: value\r\n\r\n"
				line = b"HPUB load %d %d\r\n%s%s\r\n" % (len(head), len(head) + 128, head, body)
				out = b"HMSG load 1 %d %d\r\n%s%s\r\n" % (len(head), len(head) + 128, head, body)
			else:
				line = b"PUB load 128\r\n%s\r\n" % body
				out = b"MSG load 1 128\r\n%s\r\n" % body
			n = MESSAGES // max(1, readers)
			pass_messages(publisher, clients, line, len(out), n // 5)
			publisher.silent()
			before, lines = server.calls(), server.log().count("\n")
			true(before["allocations"] > 10, "the counting works: %r" % before)
			pass_messages(publisher, clients, line, len(out), n)
			publisher.silent()
			after = server.calls()
			spent = {k: after[k] - before[k] for k in after}
			print("# %d deliveries: %r" % (n * readers, spent))
			for what, count in spent.items():
				allowed = ALLOWED
				if what == "locks" and workers > 1:
					allowed += n // 100  # a worker takes its turn's lock once a sleep (lend.h)
				true(count <= allowed, "%d %s" % (count, what))
			true(server.log().count("\n") - lines <= 2, "log lines")
	return run


add("one_to_one", check(1, False, None), server=False, workers=(1, 2), natsd_only=True)
add("one_to_ten", check(10, False, None), server=False, workers=(1, 2), natsd_only=True)
add("with_headers", check(1, True, None), server=False, workers=(2,), natsd_only=True)
add("queue", check(1, False, "q"), server=False, workers=(2,), natsd_only=True)
add("through_tls", check(1, False, None, tls=True), server=False, workers=(1, 2), natsd_only=True)
main()
