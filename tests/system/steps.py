"""steps - a little of everything that a server does, for tests that watch it meanwhile.

Each step takes a natsd.Server with http and dev_roles, makes its own connections, and raises: Failure or
OSError where it was refused or closed, Lost where something is missing and nobody was told.
"""

import http.client
import re
import signal

from natsd import Failure, read_text, wait_until
from wire import HEADERS, QUIET, Client, parse_msgs

NAMED = dict(HEADERS, name="the name", lang="python", version="1.2.3", protocol=1)


class Lost(Exception):
	"""A message did not come, and nobody was closed for it."""


class Answered(OSError):
	"""Refused in words: nobody has to look for them in the log."""


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


def ask_role(server, role, size):
	with Client(server, HEADERS) as c:
		c.sub("re")
		c.pub("$SYS.REQ.DEV.ECHO." + role, "x" * size, "re")
		try:
			c.msg(3)
		except Failure as e:
			if "were dropped" in server.log() and "no line" in str(e):
				raise ConnectionError("its answer was dropped")
			raise


def asks_js(server):
	ask_role(server, "JS", 30000)


def asks_raft(server):
	for size in (1, 3000):
		ask_role(server, "RAFT", size)


def is_many(server):
	clients = [Client(server, QUIET) for _ in range(20)]
	for c in clients:
		c.flush()
		c.close()


def looks(server):
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


STEPS = (connects, subscribes, publishes, publishes_large, splits, headers_to_plain, queues, asks_nobody, asks_js,
         asks_raft, is_many, looks, reloads)
