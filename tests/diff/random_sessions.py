#!/usr/bin/env python3
"""random_sessions - random sessions of three connections, the same to nats-server and to natsd.

	random_sessions.py [-n SESSIONS] [--seed N] [--only I] [-j N] [-w 1,2,8] [--plain]

$NATS_SERVER is the peer.  A session is made from (seed, number) alone.  It is a list of bursts: one connection sends some
operations in one write (to natsd also cut in pieces), then PING, and the next burst begins after its PONG; so what each
connection sees is settled but for five freedoms, which the comparison leaves: the order of copies of one message, the member of a
queue group that gets a message, which of several subscriptions to a reply is named by a 503, where a 503 stands before the
next PONG (natsd may have to ask another thread whether anybody took the message), and how often 'Invalid Publish Subject' is said (nats-server says it once more when a
message came in two reads, and its buffer begins with 512 bytes).  A session that differs is made as small as it can be and printed as
a scenario for scenarios/*.txt.
"""

import argparse
import collections
import concurrent.futures
import os
import random
import re
import sys

import diff
import engine
import natsd
import normal
import script
import servers
import stream

NAMES = "ABC"
TOKENS = ("a", "b", "c", "a", "b", "m", "t", "l", "aa", "*", ">", "")
QUIRKS = ("tabs", "case", "lf", "zeros", "blanks")
# Ends a connection, without the need of more bytes.
BROKEN = (b"PUB foo\r\n", b"SUB foo\r\n", b"SUB\r\n", b"UNSUB\r\n", b"\r\n", b"XYZ\r\n", b"PUB a -1\r\n", b"PUB a 1234567890\r\n",
          b"PUB a 1\r\nxyz\r\n", b"CONNECT {\r\n", b"CONNECT {\"verbose\":1}\r\n", b"MSG a 1 0\r\n", b"-ERR 'x'\r\n",
          b"PUB a 2000000\r\n", b"SUB a b c d\r\n", b"UNSUB 1 2 3\r\n", b"HPUB a 5 4\r\n", b"CONNECT {\"protocol\":4}\r\n",
          b"SUB " + b"x" * 4100 + b" 1\r\n", b"PUBX a 1\r\n", b"+NO\r\n", b"INFO {\r\n", b" PING\r\n")
SID_OF_503 = re.compile(rb"^(HMSG \S+ )\d+( (\d+) \3\r\n)$")
IS_503 = "NATS/1.0 503"
TWICE = "-ERR 'Invalid Publish Subject'"
USERS = ("all", "pub", "sub", "queue", "resp")
PLAIN = "max_payload: 1MB\n"
FULL = PLAIN + """
authorization {
	users: [
		{ user: all, password: p }
		{ user: pub, password: p, permissions: { publish: { allow: ["a", "a.>", "*.b", "m", "t.>"], deny: ["a.b", "a.*.c"] }
		    subscribe: { deny: ["a.c", "b.>"] } } }
		{ user: sub, password: p, permissions: { publish: { deny: "c.>" }, subscribe: { allow: ["a", "a.*", "b.>"], deny: "a.a" } } }
		{ user: queue, password: p, permissions: { subscribe: { allow: [">", "a g1", "b.* g2"], deny: ["c g1", "a.b g2", "aa"] } } }
		{ user: resp, password: p, permissions: { subscribe: [ "a", "b.*", "c.>" ], allow_responses: { max: 2, expires: "1h" } } }
	]
}
mappings { m: a.b, "m.*": "b.$1", "t.*.*": "c.$2.$1", l: [ { destination: l, weight: 0% } ] }
"""


class Session:
	"""CONNECT of each connection, and bursts of operations: [(connection, [bytes, ...])]."""

	def __init__(self, connects, bursts):
		self.connects, self.bursts = connects, bursts

	def scenario(self, name):
		out = ["scenario %s" % name]
		for burst, ops in [(n, [self.connects[n]]) for n in NAMES] + self.bursts:
			for op in ops:
				out.append("\t%s >> %s" % (burst, stream_text(op)))
			out.append("\t~ %s" % burst)
		return "\n".join(out) + "\n"


def stream_text(data):
	text = ""
	for c in data:
		text += {13: "\\r", 10: "\\n", 9: "\\t", 92: "\\\\"}.get(c) or (
		    chr(c) if 32 < c < 127 or c == 32 and text else "\\x%02x" % c)
	return text


class Maker:
	"""Makes one session out of dice."""

	def __init__(self, seed, number, full):
		self.dice = random.Random("%s/%s" % (seed, number))
		self.full = full
		self.count = 0
		self.users = {}

	def chance(self, percent):
		return self.dice.randrange(100) < percent

	def subject(self, wild):
		"""Mostly valid: of few tokens, so that much matches."""
		while True:
			tokens = [self.dice.choice(TOKENS) for _ in range(self.dice.choice((1, 1, 2, 2, 2, 3)))]
			if tokens == [""] or (not wild and self.chance(90) and set(tokens) & {"*", ">"}):
				continue
			if "" in tokens and not self.chance(20) or ">" in tokens[:-1] and not self.chance(10):
				continue
			return ".".join(tokens)

	def connect(self, name):
		fields = []
		for key, percent in (("verbose", 70), ("pedantic", 70), ("echo", 30)):
			if self.chance(percent):
				fields.append('"%s":%s' % (key, self.dice.choice(("false", "false", "true"))))
		headers = self.chance(70)
		if headers:
			fields.append('"headers":true')
		if headers and self.chance(60):
			fields.append('"no_responders":true')
		if self.chance(40):
			fields.append('"protocol":1')
		if self.full:
			self.users[name] = self.dice.choice(USERS)
			fields.append('"user":"%s","pass":"p"' % self.users[name])
		return ("CONNECT {%s}\r\n" % ",".join(fields)).encode()

	def payload(self):
		"""No two messages are the same."""
		self.count += 1
		return b"m%d" % self.count + b"x" * self.dice.choice((0, 0, 0, 1, 30, 600))

	def line(self, words):
		"""The words as a control line, now and then written oddly."""
		quirk = self.dice.choice(QUIRKS) if self.chance(10) else ""
		words = [w.encode() for w in words]
		if quirk == "case":
			words[0] = words[0].swapcase()
		blank = {"tabs": b"\t", "blanks": b"  "}.get(quirk, b" ")
		return blank.join(words) + (b" " if quirk == "blanks" else b"") + (b"\n" if quirk == "lf" else b"\r\n")

	def size(self, n):
		return "%03d" % n if self.chance(5) else str(n)

	def reply(self):
		return [self.subject(self.chance(10))] if self.chance(40) else []

	def pub(self, name):
		body = self.payload()
		return self.line(["PUB", self.subject(self.chance(10))] + self.reply() + [self.size(len(body))]) + body + b"\r\n"

	def hpub(self, name):
		body = self.payload()
		header = b"NATS/1.0\r\n" + b"K: v\r\n" * self.dice.randrange(3) + b"\r\n"
		words = ["HPUB", self.subject(False)] + self.reply() + [self.size(len(header)), self.size(len(header + body))]
		return self.line(words) + header + body + b"\r\n"

	def sub(self, name):
		if self.chance(30) and self.users.get(name) != "resp":
			k = self.dice.randrange(1, 4)
			return self.line(["SUB", self.subject(True), "g%d" % (k % 2 + 1), "q%d" % k])
		sid = str(self.dice.randrange(1, 6))
		queue = ["solo%s%s" % (name, sid)] if self.chance(10) else []
		return self.line(["SUB", self.subject(self.chance(60))] + queue + [sid])

	def unsub(self, name):
		if self.chance(25):
			return self.line(["UNSUB", "q%d" % self.dice.randrange(1, 4)])
		most = [str(self.dice.choice((0, 1, 1, 2, 2, 3, 5)))] if self.chance(60) else []
		return self.line(["UNSUB", str(self.dice.randrange(1, 6))] + most)

	def op(self, name):
		kinds = ((self.sub, 30), (self.pub, 36), (self.hpub, 8), (self.unsub, 15), (self.ping, 4), (self.pong, 2),
		         (self.connect, 3), (self.broken, 2))
		kind = self.dice.choices([k for k, _ in kinds], [w for _, w in kinds])[0]
		return kind(name)

	def ping(self, name):
		return self.line(["PING"])

	def pong(self, name):
		return self.line(["PONG"])

	def broken(self, name):
		return self.dice.choice(BROKEN) if self.chance(40) else b""

	def session(self):
		connects = {name: self.connect(name) for name in NAMES}
		bursts = []
		for _ in range(self.dice.randrange(4, 14)):
			name = self.dice.choice(NAMES)
			ops = [self.op(name) for _ in range(self.dice.choice((1, 2, 3, 5, 8)))]
			errs = [i for i, op in enumerate(ops) if op.startswith(b"-ERR")]
			if errs:  # what stands behind it in the same read is still done by nats-server
				ops = ops[:errs[0] + 1]
			bursts.append((name, [op for op in ops if op]))
		return Session(connects, [b for b in bursts if b[1]])


class Player:
	"""Plays sessions to one server."""

	def __init__(self, server, table, cut):
		self.server, self.table, self.cut = server, table, cut
		self.diag = engine.Diag()
		self.timeout = 5

	def send(self, conn, data, dice):
		cuts = []
		if self.cut and dice.randrange(3) == 0:
			cuts = sorted(dice.sample(range(1, len(data)), min(len(data) - 1, dice.choice((1, 2, 5)))))
		at = 0
		for cut in cuts:
			conn.write(data[at:cut])
			conn.wait_taken()
			at = cut
		conn.write(data[at:])

	def play(self, session, key):
		"""What each connection saw, and the messages that queue groups got."""
		dice = random.Random(key)
		conns = {}
		try:
			for name in NAMES:
				conns[name] = engine.Conn(self, name)
				conns[name].read_info()
				conns[name].write(session.connects[name])
				conns[name].barrier()
			for name, ops in session.bursts:
				self.send(conns[name], b"".join(ops), dice)
				conns[name].barrier()
			for c in conns.values():
				c.barrier()
			for c in conns.values():
				c.half()
				c.to_end()
		except (engine.Trouble, OSError) as e:
			return {"trouble": [str(e)]}
		finally:
			for c in conns.values():
				c.close()
		return self.seen(conns)

	def seen(self, conns):
		pool, out = collections.Counter(), {}
		for name, c in conns.items():
			kept = []
			for line, body in c.frames.frames[1:]:
				if body is not None and line.split()[2].startswith(b"q"):
					pool[self.of_queue(line, body)] += 1
				else:
					kept.append((SID_OF_503.sub(rb"\1<sid>\2", line), body) if body else (line, body))
			lines = [self.table.apply("info" if x.startswith("INFO ") else "line", x) for x in stream.lines(kept)]
			lines = self.late_503(lines)
			out[name] = [x for i, x in enumerate(lines) if x != TWICE or lines[i - 1:i] != [TWICE]]
			out[name].append(stream.visible(c.frames.rest()))
		out["queues"] = sorted("%d x %s" % (n, text) for text, n in pool.items())
		return out

	@staticmethod
	def late_503(lines):
		"""Each 503 stands right before the PONG that follows it."""
		out, held = [], []
		for line in lines:
			if IS_503 in line:
				held.append(line)
				continue
			if line == "PONG":
				out += sorted(held)
				held = []
			out.append(line)
		return out + sorted(held)

	@staticmethod
	def of_queue(line, body):
		"""The message without what depends on the member: its sid, and whether it takes headers."""
		words = line.split()
		if words[0] == b"HMSG":
			body = body[int(words[-2]):]
		return "%s of %s: %s" % (words[1].decode(), words[2][1:].decode() in "13" and "g2" or "g1", stream.visible(body))


class Pair:
	"""Both servers."""

	def __init__(self, full, workers):
		config = FULL if full else PLAIN
		self.book = script.Book.__new__(script.Book)
		self.book.configs = {"random": config.split("\n")}
		table = normal.Table()
		self.hosts = [servers.Host(self.book, "random", binary, w) for binary, w in
		              ((diff.peer_binary(), None), (natsd.server_binary(), workers))]
		self.players = [Player(h.server, table, not h.server.peer) for h in self.hosts]

	def difference(self, session, key):
		"""What the two saw, when it is not the same."""
		seen = []
		for host, player in zip(self.hosts, self.players):
			host.quiet()
			seen.append(player.play(session, key))
		return seen if seen[0] != seen[1] else None

	def end(self):
		for host in self.hosts:
			host.end()


def smaller(pair, session, key):
	"""Takes out operations as long as the two still differ."""
	change = True
	while change:
		change = False
		for i in range(len(session.bursts)):
			name, ops = session.bursts[i]
			for j in range(len(ops) - 1, -1, -1):
				fewer = ops[:j] + ops[j + 1:]
				bursts = session.bursts[:i] + ([(name, fewer)] if fewer else []) + session.bursts[i + 1:]
				less = Session(session.connects, bursts)
				if pair.difference(less, key):
					session, change = less, True
					break
			if change:
				break
	return session


def tell(number, session, seen):
	out = ["session %d differs:" % number, session.scenario("random_%d" % number)]
	for name in seen[0].keys() | seen[1].keys():
		if seen[0].get(name) != seen[1].get(name):
			out += ["%s, nats-server: %r" % (name, seen[0].get(name)), "%s, natsd:       %r" % (name, seen[1].get(name))]
	return "\n".join(out)


def run_share(seed, numbers, full, workers):
	"""Plays the sessions of these numbers; what differed, as text."""
	pair, found = Pair(full, workers), []
	try:
		for number in numbers:
			session = Maker(seed, number, full).session()
			key = "%s/%s/cuts" % (seed, number)
			once = pair.difference(session, key)
			if once:
				less = smaller(pair, session, key)
				seen = pair.difference(less, key)
				found.append(tell(number, less, seen) if seen else "not always: " + tell(number, session, once))
			if len(found) >= 5:
				break
	finally:
		pair.end()
	return found


def takes(config):
	"""Does natsd take this configuration?"""
	try:
		natsd.Server(config, http=True).cleanup()
		return True
	except natsd.Failure:
		return False


def main():
	parser = argparse.ArgumentParser()
	parser.add_argument("-n", type=int, default=1000)
	parser.add_argument("--seed", default=os.environ.get("NATSD_SEED") or str(int.from_bytes(os.urandom(4), "big")))
	parser.add_argument("--only", type=int)
	parser.add_argument("-j", type=int, default=4)
	parser.add_argument("-w", default="1,2,8")
	parser.add_argument("--plain", action="store_true", help="no users, no mappings")
	args = parser.parse_args()
	workers = [int(w) for w in args.w.split(",")]
	full = not args.plain and takes(FULL)
	print("seed %s, %s" % (args.seed, "users, permissions and mappings" if full else "neither users nor mappings"), flush=True)
	numbers = [args.only] if args.only is not None else list(range(args.n))
	shares = [numbers[i:i + 250] for i in range(0, len(numbers), 250)]
	with concurrent.futures.ProcessPoolExecutor(args.j) as pool:
		jobs = [pool.submit(run_share, args.seed, share, full, workers[i % len(workers)]) for i, share in enumerate(shares)]
		found = [text for job in jobs for text in job.result()]
	print("\n".join(found))
	print("%d sessions, %d differences" % (len(numbers), len(found)))
	sys.exit(1 if found else 0)


if __name__ == "__main__":
	main()
