#!/usr/bin/env python3
"""Several connections on 1, 2 and 8 workers: order, flush, queue groups, limits, pressure."""

import collections
import os
import random
import select
import selectors
import signal
import threading
import time

from natsd import (WORKERS, Failure, equal, main, proc_stat, seconds, test, true,
                   wait_until)
from wire import HEADERS, QUIET, Client, parse_msgs


def spread(server, n, connect=QUIET):
	"""n connections; accepted sockets go to the worker with the fewest, so they lie on all."""
	clients = [Client(server, connect) for _ in range(n)]
	for c in clients:
		c.silent()
	return clients


@test(workers=WORKERS)
def order_of_one_publisher(server):
	"""Two paths, many subjects, batches of all sizes: what one sends stays in order."""
	publisher, *readers = spread(server, 9)
	for r in readers:
		r.sub("o.>")
		r.sub("o.*.x", "group-%d" % id(r))
		r.silent()
	n = 20000
	lines = [b"PUB o.%d 6\r\n%06d\r\n" % (i % 17, i) for i in range(n)]
	feeder = threading.Thread(target=lambda: [publisher.send(b"".join(lines[i:i + 1 + i % 100]))
	                          for i in _steps(n)])
	feeder.start()
	for r in readers:
		for i in range(n):
			m = r.msg(30)
			if m.payload != b"%06d" % i or m.subject != "o.%d" % (i % 17):
				raise Failure("message %d came as %r" % (i, m))
	feeder.join()


def _steps(n):
	i = 0
	while i < n:
		yield i
		i += 1 + i % 100


@test(workers=WORKERS)
def order_with_large_and_small(server):
	"""Shared and copied payloads on one path."""
	publisher, *readers = spread(server, 4)
	for r in readers:
		r.sub("mix")
		r.silent()
	sizes = [0, 1, 100, 4095, 4096, 4097, 65536, 300000] * 12

	def feed():
		for i, size in enumerate(sizes):
			publisher.pub("mix", b"%d:" % i + b"x" * size)
	feeder = threading.Thread(target=feed)
	feeder.start()
	for r in readers:
		for i, size in enumerate(sizes):
			payload = r.msg(30).payload
			equal(payload.split(b":")[0], b"%d" % i)
			equal(len(payload), size + len(b"%d:" % i))
	feeder.join()


@test(workers=WORKERS)
def flush_across_two_connections(server):
	"""A's PONG, then B's PING: B has had what A sent; in both directions, for every pair."""
	clients = spread(server, 9)
	for i, c in enumerate(clients):
		c.sub("to.%d" % i)
		c.silent()
	for turn in range(60):
		for i, a in enumerate(clients):
			j = (i + 1 + turn) % len(clients)
			a.pub("to.%d" % j, "%d %d" % (turn, i))
			equal(a.flush() if i != j else b"", b"")
			got = clients[j].flush()
			want = b"%d %d" % (turn, i)
			equal(got, b"MSG to.%d 1 %d\r\n%s\r\n" % (j, len(want), want))


FAN = 200  # deliveries of one message: what keeps a worker busy
TURNS = 25


def sized(line, n):
	return line * (n // len(line))


@test(workers=WORKERS, config='max_pending: 1073741824\nwrite_deadline: "60s"')
def flush_at_a_busy_worker(server):
	"""B's worker is in the midst of a long turn, in which B's socket stands behind others, when A has
	its PONG and B sends its PING: what the turn began with is not what there is by then."""
	n = server.workers or 1
	clients = spread(server, 6 * n)
	a, b, busy = clients[0], clients[1], clients[1 + n::n]  # all but a on one worker
	b.sub("to.b")
	b.silent()
	for c in busy:
		c.send("".join("SUB fan %d\r\n" % i for i in range(FAN // len(busy))))
		c.silent()
	front = server.role("front")
	batch = sized(b"PUB fan 0\r\n\r\n", 32768)
	for _ in range(TURNS):
		os.kill(front, signal.SIGSTOP)
		wait_until(lambda: proc_stat(front)[0] == "T", "natsd-front to stop")
		for c in busy:
			c.send(batch)
		b.send("PI")
		a.send("PUB to.b 1\r\nx\r\nPING\r\n")
		os.kill(front, signal.SIGCONT)
		a.expect("PONG\r\n")
		b.send("NG\r\n")
		got = b.until(b"PONG\r\n").replace(b"PING\r\n", b"")
		equal(got, b"MSG to.b 1 1\r\nx\r\n", "before B's PONG")
		for c in busy:
			c.flush()


@test(workers=WORKERS)
def subscription_is_seen_after_pong(server):
	"""A subscribes and gets its PONG; what B publishes then arrives, and after UNSUB's not."""
	clients = spread(server, 9)
	for turn in range(40):
		a, b = clients[turn % 9], clients[(turn * 2 + 1) % 9]
		if a is b:
			continue
		sid = a.sub("s.%d" % (turn % 3))
		a.silent()
		b.pub("s.%d" % (turn % 3), "x")
		b.silent()
		equal([m.payload for m in parse_msgs(a.flush())], [b"x"])
		a.unsub(sid)
		a.silent()
		b.pub("s.%d" % (turn % 3), "y")
		b.silent()
		a.silent()


@test(workers=WORKERS)
def unsub_max_across_workers(server):
	"""Many publishers at one limited subscription: never more than max, never fewer."""
	reader, *publishers = spread(server, 9)
	for most in (1, 7, 100, 1000):
		sid = reader.sub("max")
		reader.unsub(sid, most)
		reader.silent()
		for p in publishers:
			p.send(b"PUB max 1\r\nx\r\n" * 200 + b"PING\r\n")
		for p in publishers:
			p.expect("PONG\r\n")
		got = parse_msgs(reader.flush())
		equal(len(got), most, "messages of UNSUB %d" % most)
		reader.silent()


@test(workers=WORKERS)
def unsub_max_of_queue_members(server):
	"""Members with a limit leave the group; every message still reaches one member."""
	clients = spread(server, 10)
	publisher, members = clients[0], clients[1:]
	for i, c in enumerate(members):
		c.sub("q", "workers")
		if i < 8:
			c.unsub("1", 10)
	for c in members:
		c.silent()
	n = 2000
	publisher.send(b"".join(b"PUB q 4\r\n%04d\r\n" % i for i in range(n)))
	publisher.silent()
	got = [[m.payload for m in parse_msgs(c.flush())] for c in members]
	for i in range(8):
		true(len(got[i]) <= 10, "member %d had %d" % (i, len(got[i])))
	equal(sorted(p for g in got for p in g), [b"%04d" % i for i in range(n)])


@test(workers=WORKERS)
def drain_of_a_queue_member(server):
	"""UNSUB, then PING/PONG while publishers go on: nothing is lost, nothing doubled."""
	clients = spread(server, 8)
	publishers, members = clients[:3], clients[3:]
	for c in members:
		c.sub("jobs", "q")
		c.silent()
	total = 9000

	def feed(k):
		for i in range(k, total, 3):
			publishers[k].send(b"PUB jobs 5\r\n%05d\r\n" % i)
	feeders = [threading.Thread(target=feed, args=(k,)) for k in range(3)]
	for f in feeders:
		f.start()
	seen = []
	while any(f.is_alive() for f in feeders):
		for c in members[:4]:
			c.unsub("1")
			seen += [m.payload for m in parse_msgs(c.flush())]
			c.silent()
			c.sub("jobs", "q", sid="1")
			seen += [m.payload for m in parse_msgs(c.flush())]
	for f in feeders:
		f.join()
	for p in publishers:
		p.silent()
	for c in members:
		seen += [m.payload for m in parse_msgs(c.flush())]
	equal(len(seen), total, "messages")
	equal(len(set(seen)), total, "different messages")


@test(workers=WORKERS)
def member_closes(server):
	"""A queue member that hangs up takes at most what was sent to it."""
	publisher, stays, *leave = spread(server, 8)
	for c in [stays] + leave:
		c.sub("jobs", "q")
		c.silent()
	n = 0
	for c in leave:
		c.close()
		publisher.send(b"PUB jobs 1\r\nx\r\n" * 100)
		publisher.silent()
		n += 100

	def only_one_left():
		publisher.pub("jobs", "last")
		publisher.silent()
		return any(m.payload == b"last" for m in parse_msgs(stays.flush()))
	wait_until(only_one_left, "messages at the member that stays")
	publisher.send(b"PUB jobs 1\r\ny\r\n" * 100)
	publisher.silent()
	equal(len([m for m in parse_msgs(stays.flush()) if m.payload == b"y"]), 100)


@test(workers=WORKERS)
def queue_distribution_17(server):
	publisher, *members = spread(server, 5)
	for c in members:
		c.sub("q.*", "g")
		c.silent()
	n = 8000
	publisher.send(b"PUB q.x 1\r\nx\r\n" * n)
	publisher.silent()
	counts = [len(parse_msgs(c.flush())) for c in members]
	equal(sum(counts), n)
	for count in counts:
		true(n / 4 * 0.8 < count < n / 4 * 1.2, "uneven: %r" % counts)


@test(workers=WORKERS)
def queue_distribution_two_members_17(server):
	a, b = spread(server, 2)
	a.sub("q", "g")
	b.sub("q", "g")
	a.silent()
	b.silent()
	a.send(b"PUB q 1\r\nx\r\n" * 4000)
	mine = len(parse_msgs(a.flush()))
	other = len(parse_msgs(b.flush()))
	equal(mine + other, 4000)
	true(1700 < mine < 2300, "%d stayed, %d went" % (mine, other))


@test(workers=WORKERS)
def groups_and_plain_together(server):
	publisher, *readers = spread(server, 7)
	for i, r in enumerate(readers):
		r.sub("m.a", ("g1", "g2", None)[i % 3])
		r.sub("m.*", ("g1", "g2", None)[i % 3])
		r.silent()
	publisher.send(b"PUB m.a 1\r\nx\r\n" * 300)
	publisher.silent()
	counts = [len(parse_msgs(r.flush())) for r in readers]
	equal(counts[2], 600)
	equal(counts[5], 600)
	equal(counts[0] + counts[3], 300)
	equal(counts[1] + counts[4], 300)


@test(workers=WORKERS)
def headers_to_both_kinds_16(server):
	publisher = Client(server, HEADERS)
	able, plain = Client(server, HEADERS), Client(server, QUIET)
	able.sub("h")
	plain.sub("h")
	able.silent()
	plain.silent()
	header = b"NATS/1.0\r\nHeader: X\r\n\r\n"
	publisher.hpub("h", header, b"PAYLOAD", "bar")
	publisher.silent()
	able.expect(b"HMSG h 1 bar 23 30\r\n" + header + b"PAYLOAD\r\n")
	plain.expect("MSG h 1 bar 7\r\nPAYLOAD\r\n")


@test(workers=WORKERS)
def request_and_reply(server):
	clients = spread(server, 8, HEADERS)
	for c in clients[:4]:
		c.sub("service", "q")
		c.silent()
	asked = 100
	counts = collections.Counter()
	stop = threading.Event()
	threads = []

	def server_loop(c):
		c.timeout = 0.1
		while not stop.is_set():
			try:
				m = c.msg()
			except Failure:
				continue
			counts[c] += 1
			c.pub(m.reply, m.payload)
	for c in clients[:4]:
		threads.append(threading.Thread(target=server_loop, args=(c,)))
		threads[-1].start()
	try:
		for k, c in enumerate(clients[4:]):
			c.sub("_INBOX.%d.*" % k)
		for i in range(asked):
			for k, c in enumerate(clients[4:]):
				c.pub("service", "%d" % i, "_INBOX.%d.%d" % (k, i))
			for k, c in enumerate(clients[4:]):
				m = c.msg(30)
				equal((m.subject, m.payload), ("_INBOX.%d.%d" % (k, i), b"%d" % i))
	finally:
		stop.set()
		for t in threads:
			t.join()
	equal(sum(counts.values()), asked * 4)


@test(workers=WORKERS)
def no_responders_across_workers_14(server):
	a, b = spread(server, 2, HEADERS)
	a.sub("re")
	b.sub("ask")
	b.silent()
	a.pub("ask", "x", "re")
	a.silent()
	equal(b.msg().reply, "re")
	b.unsub("1")
	b.silent()
	a.pub("ask", "x", "re")
	equal(a.msg().header, b"NATS/1.0 503\r\nNats-Subject: ask\r\n\r\n")
	b.sub("ask", sid="2")
	b.unsub("2", 1)
	b.silent()
	a.pub("ask", "1", "re")
	a.pub("ask", "2", "re")
	got = parse_msgs(a.flush())
	equal([m.payload for m in parse_msgs(b.flush())], [b"1"])
	equal([m.header[:12] for m in got], [b"NATS/1.0 503"])


@test(workers=WORKERS, config='max_pending: 268435456\nwrite_deadline: "60s"')
def two_workers_full_towards_each_other(server):
	"""Everybody floods everybody, and nobody reads before all has been sent."""
	clients = spread(server, 8)
	for i, c in enumerate(clients):
		c.sub("flood")
		c.silent()
	payload = b"x" * 1000
	each = 2500
	batch = b"PUB flood 1000\r\n%s\r\n" % payload * each
	size = len(b"MSG flood 1 1000\r\n") + 1002
	expected = [size * each * len(clients) + len(b"PONG\r\n")] * len(clients)
	_pump(clients, [batch + b"PING\r\n"] * len(clients), expected, seconds(60))


def _pump(clients, outs, expected, limit):
	"""Sends outs[i] on clients[i] and reads expected[i] bytes there, as it comes."""
	selector = selectors.DefaultSelector()
	out = {c: memoryview(o) for c, o in zip(clients, outs)}
	want = {c: n for c, n in zip(clients, expected)}
	for c in clients:
		c.socket.setblocking(False)
		selector.register(c.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, c)
	end = time.monotonic() + limit
	while any(n > 0 for n in want.values()):
		if time.monotonic() > end:
			raise Failure("left to read: %r, to send: %r" %
			              (list(want.values()), [len(o) for o in out.values()]))
		for key, ready in selector.select(1):
			c = key.data
			if ready & selectors.EVENT_WRITE and out[c]:
				out[c] = out[c][c.socket.send(out[c][:1 << 18]):]
				if not out[c]:
					selector.modify(c.socket, selectors.EVENT_READ, c)
			if ready & selectors.EVENT_READ:
				data = c.socket.recv(1 << 20)
				if not data:
					raise Failure("connection closed with %d left" % want[c])
				want[c] -= len(data) - 6 * data.count(b"PING\r\n")
	selector.close()
	equal(list(want.values()), [0] * len(clients), "bytes too many")


@test(workers=WORKERS)
def close_while_flooded(server):
	"""Subscribers that vanish in mid-stream: the others miss nothing."""
	publisher, reader, *leave = spread(server, 18)
	for c in [reader] + leave:
		c.sub("f.>")
		c.silent()
	n = 4000

	def feed():
		for i in range(0, n, 10):
			publisher.send(b"".join(b"PUB f.%d 5\r\n%05d\r\n" % (j % 5, j) for j in range(i, i + 10)))
	feeder = threading.Thread(target=feed)
	feeder.start()
	for i in range(n):
		equal(reader.msg(30).payload, b"%05d" % i)
		if i % 200 == 0 and leave:
			leave.pop().close()
	feeder.join()


@test(workers=(1,), natsd_only=True)
def messages_to_many_hold_up_nobody(server):
	"""One read full of messages that each go to thousands is no single turn: others are answered meanwhile.  The
	receivers are their own publisher, who wants no echo, so that all the work is to find that out."""
	publisher, other = Client(server, dict(QUIET, echo=False)), Client(server, QUIET)
	publisher.send("".join("SUB a %d\r\n" % i for i in range(2000)))
	publisher.silent()
	meanwhile = 0
	for _ in range(9):
		publisher.send(b"PUB a 0\r\n\r\n" * 3000 + b"PING\r\n")
		other.silent()
		meanwhile += not select.select([publisher.socket], [], [], 0)[0]
		publisher.expect("PONG\r\n")
	true(meanwhile > 4, "answered meanwhile %d times of 9" % meanwhile)


@test(workers=WORKERS)
def subscriptions_come_and_go(server):
	"""Random churn on other connections leaves a steady subscription whole.  What a limit keeps alive is ended
	later all the same: else a publisher that is slower than the churn had ever more to serve."""
	publisher, steady, *churn = spread(server, 8)
	steady.sub("c.*.x")
	steady.silent()
	n = 3000
	done = threading.Event()

	def rummage(c, seed):
		r = random.Random(seed)
		k = 0
		while not done.is_set():
			k += 1
			c.send("SUB %s %d\r\nUNSUB %d %d\r\nUNSUB %d\r\n" %
			       (r.choice(("c.>", "c.*.x", "c.1.x", ">", "*.*.x")), k, k, r.randrange(3), k - 50))
			if k % 50 == 0:
				c.flush()
	threads = [threading.Thread(target=rummage, args=(c, i)) for i, c in enumerate(churn)]
	for t in threads:
		t.start()
	try:
		for i in range(n):
			publisher.pub("c.%d.x" % (i % 7), "%d" % i)
			if i % 20 == 19:
				publisher.silent()
		for i in range(n):
			equal(steady.msg(30).payload, b"%d" % i)
	finally:
		done.set()
		for t in threads:
			t.join()


main()
