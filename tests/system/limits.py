#!/usr/bin/env python3
"""What is too long, too many, too slow or too silent."""

import ctypes
import datetime
import os
import re
import socket
import statistics
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "monitor"))

from natsd import (Failure, Lateness, Skip, build_dir, equal, main, read_text, seconds, test, true,
                   wait_until)
from web import page
from wire import HEADERS, QUIET, Client, parse_msgs

LINE = "maximum control line exceeded"


def expect_refusal(c, text):
	"""The -ERR and the end."""
	c.expect_err(text)
	c.expect_eof()


@test()
def max_payload_8(server):
	c = Client(server, QUIET)
	c.send("PUB foo %d\r\n" % (1048576 + 1))
	expect_refusal(c, "Maximum Payload Violation")
	c = Client(server, QUIET)
	c.sub("foo")
	c.pub("foo", b"x" * 1048576)
	c.expect(b"MSG foo 1 1048576\r\n" + b"x" * 1048576 + b"\r\n")


@test(config="max_payload: 10")
def max_payload_small(server):
	c = Client(server, HEADERS)
	equal(c.info["max_payload"], 10)
	c.pub("foo", b"0123456789")
	c.silent()
	c.send("HPUB foo 5 11\r\n")
	expect_refusal(c, "Maximum Payload Violation")
	c = Client(server, QUIET)
	c.send("PUB foo 11\r\n")
	expect_refusal(c, "Maximum Payload Violation")


@test(config="max_payload: -1")
def max_payload_off(server):
	c = Client(server, QUIET)
	equal(c.info["max_payload"], -1)
	c.sub("foo")
	c.pub("foo", b"x" * 3000000)
	equal(len(c.msg().payload), 3000000)


@test()
def max_control_line_9(server):
	for verb, tail in (("SUB", " 1"), ("PUB", " 0"), ("CONNECT", None)):
		for size in (4096, 4097):
			if tail is None:
				head = '{"verbose":false,"name":"'
				arg = head + "n" * (size - len(head) - 2) + '"}'
			else:
				arg = "s" * (size - len(tail)) + tail
			c = Client(server, QUIET)
			c.send("%s %s\r\n%s" % (verb, arg, "\r\n" if verb == "PUB" and size == 4096 else ""))
			if size == 4096:
				c.silent()
			else:
				expect_refusal(c, LINE)


@test()
def max_control_line_without_lf_9(server):
	c = Client(server, QUIET)
	c.send("SUB " + "s" * 4096)
	c.wait_taken()
	c.send(" ")
	expect_refusal(c, LINE)
	c = Client(server, QUIET)
	c.send("CONNECT " + "{" * 4097)
	expect_refusal(c, LINE)


@test(config="max_control_line: 64")
def max_control_line_small(server):
	c = Client(server, QUIET)
	c.send("SUB %s 1\r\n" % ("s" * 62))
	c.silent()
	c.send("SUB %s 2\r\n" % ("s" * 63))
	expect_refusal(c, LINE)


@test()
def control_line_is_not_a_read(server):
	"""The limit is of one line, not of a read."""
	c = Client(server, QUIET)
	c.send("".join("SUB %s %d\r\n" % ("s" * 1000, i) for i in range(1000)))
	c.silent()


@test(config="max_connections: 2", workers=(1, 2))
def max_connections_33(server):
	a, b = Client(server, QUIET), Client(server, QUIET)
	a.silent()
	b.silent()
	c = Client(server)
	expect_refusal(c, "maximum connections exceeded")
	a.close()

	def free():
		d = Client(server)
		d.send('CONNECT {"verbose":false}\r\nPING\r\n')
		try:
			return d.line() == b"PONG"
		except (Failure, OSError):
			return False
	wait_until(free, "a place after one client left")
	b.silent()


@test(config="max_connections: 0")
def max_connections_zero_33(server):
	expect_refusal(Client(server), "maximum connections exceeded")


@test(config="max_subscriptions: 2")
def max_subscriptions_34(server):
	c = Client(server, QUIET)
	c.send("SUB a 1\r\nSUB b 2\r\nSUB c 3\r\n")
	c.expect_err("maximum subscriptions exceeded")
	c.silent()
	c.send("UNSUB 1\r\nSUB c 3\r\nPUB c 0\r\n\r\n")
	c.expect("MSG c 3 0\r\n\r\n")
	c.send("SUB b 2\r\n")
	c.expect_err("maximum subscriptions exceeded")
	Client(server, QUIET).send("SUB d 1\r\n")
	c.silent()


@test(config="max_subscription_tokens: 3")
def max_tokens_35(server):
	c = Client(server, QUIET)
	c.send("SUB a.b.c 1\r\n")
	c.silent()
	c.send("SUB a.b.c.d 2\r\n")
	c.expect_err('Permissions Violation for Subscription to "a.b.c.d", too many tokens')
	c.silent()


def stopped_reader(server, payload=65536):
	"""A subscriber that never reads and a publisher that goes on until the reader is gone."""
	slow = Client(server, QUIET, rcvbuf=4096)
	slow.sub("flood")
	slow.silent()
	publisher = Client(server, QUIET)
	line = b"PUB flood %d\r\n%s\r\n" % (payload, b"x" * payload)
	end = time.monotonic() + seconds(30)
	while "Slow Consumer Detected" not in server.log():
		if time.monotonic() > end:
			raise Failure("the slow consumer was not cut")
		publisher.send(line * 16)
		publisher.silent()
	publisher.silent()
	return slow


def closed_for(server, c):
	"""The reason that monitoring tells for that connection."""
	target = "/connz?state=closed&cid=%d" % c.info["client_id"]
	return wait_until(lambda: page(server, target)["connections"], "it is recorded")[0]["reason"]


@test(http=True, config='max_payload: 65536\nmax_pending: 1048576\nwrite_deadline: "60s"', workers=(1, 2))
def max_pending_36(server):
	slow = stopped_reader(server)
	server.wait_log("Slow Consumer Detected: MaxPending of 1048576 Exceeded")
	equal(closed_for(server, slow), "Slow Consumer (Pending Bytes)")
	try:
		while slow.socket.recv(1 << 20):
			pass
	except ConnectionResetError:
		pass


@test(http=True, config='max_pending: 1073741824\nwrite_deadline: "200ms"', workers=(1, 2))
def write_deadline_36(server):
	slow = stopped_reader(server)
	server.wait_log("Slow Consumer Detected: WriteDeadline of 200ms exceeded with ")
	equal(closed_for(server, slow), "Slow Consumer (Write Deadline)")
	slow.close()


@test(config="max_payload: 1000\nmax_pending: 1000")
def max_pending_holds_one_message(server):
	c = Client(server, QUIET)
	c.sub("a")
	c.pub("a", "x" * 900)
	equal(len(c.msg().payload), 900)


@test(config='ping_interval: "200ms"\nping_max: 2')
def stale_connection_22(server):
	c = Client(server, QUIET, auto_pong=False)
	c.expect("PING\r\nPING\r\n-ERR 'Stale Connection'\r\n")
	c.expect_eof()


@test(config='ping_interval: "200ms"\nping_max: 1')
def pong_keeps_a_connection_22(server):
	c = Client(server, QUIET, auto_pong=False)
	for _ in range(5):
		c.expect("PING\r\n")
		c.send("PONG\r\n")
	true(c.flush() in (b"", b"PING\r\n"), "still connected")


@test(config='ping_interval: "200ms"\nping_max: 2')
def stale_without_connect(server):
	c = Client(server, auto_pong=False)
	c.expect("PING\r\nPING\r\n-ERR 'Stale Connection'\r\n")
	c.expect_eof()


@test()
def first_ping_22(server):
	begin = time.monotonic()
	c = Client(server, QUIET, auto_pong=False)
	c.expect("PING\r\n")
	took = time.monotonic() - begin
	true(1.9 <= took <= seconds(2.8), "the first PING came after %.3f s" % took)


SO_ATTACH_FILTER = 26
INTERVAL = 0.25
LATE = 0.1  # a tick of the timers (20 ms), and what the machine takes


def vanish(client):
	"""From now on the kernel drops all that comes for this socket, and says nothing: no ACK, no FIN, no
	reset.  So does a peer whose cable was pulled."""
	drop_all = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF: return 0
	program = struct.pack("HL", 1, ctypes.addressof(drop_all))
	client.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)


def kernel_keeps(server, client):
	"""Whether the server's end of this connection is still there, its process done with it or not."""
	ends = "0100007F:%04X 0100007F:%04X" % (server.port, client.socket.getsockname()[1])
	return ends in read_text("/proc/net/tcp")


def given_up(server, client):
	"""When natsd closed that connection as stale, by its own clock; None: not yet."""
	found = re.search(r"^\[\d+\] (\S+ \S+) .*cid:%d - .*closed: Stale Connection" % client.info["client_id"],
	                  server.log(), re.M)
	return found and datetime.datetime.strptime(found.group(1), "%Y/%m/%d %H:%M:%S.%f").timestamp()


def vanishing_clients(server):
	"""How long each is taken for alive, after it vanished, each at another phase of its timer; what is on the
	way to them is then no longer kept either."""
	stays, *lost = [Client(server, QUIET, auto_pong=False) for _ in range(9)]
	for c in lost:
		c.sub("data")
	for c in [stays] + lost:
		c.expect("PING\r\n")
		c.send("PONG\r\n")
	vanished = {}
	for i, c in enumerate(lost):
		if i % 2:
			stays.pub("data", "x" * 100)
			stays.flush()
		c.send("PUB nobody 0\r\n\r\nPING\r\n" if i % 3 else "PONG\r\n")
		c.wait_taken()
		vanish(c)
		vanished[c] = time.time()
		end = time.monotonic() + INTERVAL / len(lost)
		wait_until(lambda: time.monotonic() >= end, "the next phase")
	stays.auto_pong = True

	def gone(c):
		stays.flush()  # and answers PINGs
		return given_up(server, c)
	took = {c: wait_until(lambda: gone(c), "the end of a vanished client", every=0.01) - vanished[c] for c in lost}
	for c in lost:
		wait_until(lambda: stays.flush() is not None and not kernel_keeps(server, c), "the kernel to give up too", 5)
	stays.close()
	return took.values()


@test(config='ping_interval: "250ms"\nping_max: 2', args=["-D"], workers=(1, 2), natsd_only=True)
def half_open_client_faults_83(server):
	"""Clients that vanish are gone within ping interval x (max out + 1), on a machine that lets those run
	whose time has come."""
	for _ in range(8):
		with Lateness() as machine:
			try:
				took = vanishing_clients(server)
			except OSError:  # one was given up before it vanished: we came too late to answer for it
				took = None
		if took is None:
			true(machine.worst > seconds(LATE) / 4, "given up, though answered for in time")
			continue
		print("# gone after %s s, the machine late by %.3f s" % (" ".join("%.3f" % t for t in took), machine.worst))
		for t in took:
			true(t >= INTERVAL, "gone too early, after %.3f s" % t)
		if machine.worst <= seconds(LATE) / 4:  # once a ping, and when they vanish
			for t in took:
				true(t <= INTERVAL * 3 + seconds(LATE), "gone after %.3f s" % t)
			return
	raise Skip("nothing can be measured on this machine: it is late itself")


ROUNDS = 50
TRIPS = 500
CONTROL = 0.05  # how far the same thing measured twice may lie apart


def p99_of_round(feeder, a, b):
	"""Of messages from one connection to another, while a third publishes to whom it may concern."""
	took = []
	for i in range(TRIPS):
		if i % 5 == 0:
			feeder.send(b"PUB data 1024\r\n%s\r\n" % (b"x" * 1024))
		begin = time.perf_counter()
		a.pub("rtt", b"x")
		b.msg()
		took.append(time.perf_counter() - begin)
	feeder.silent()
	return sorted(took)[TRIPS * 99 // 100]


def never_reads(server):
	"""Rounds beside one that reads, beside it, beside one that reads, in changing order; both on one worker, so
	that the deliveries are the same work.  By how much the p99 was higher beside it, and by how much once more
	beside the other: medians of the rounds next to each other."""
	n = server.workers or 1
	slow, feeder, a, b, *more = [Client(server, QUIET, rcvbuf=4096 if i == 0 else None)
	                             for i in range((4 + n - 1) // n * n + 1)]
	reads = more[-1]
	b.sub("rtt")
	b.silent()
	slow.send("SUB data 1\r\n")
	feeder.silent()
	for _ in range(64):
		feeder.send(b"PUB data 131072\r\n%s\r\n" % (b"x" * 131072))
	feeder.silent()
	p99 = {"one that reads": [], "it": [], "one that reads, again": []}
	for turn in range(ROUNDS):
		arms = list(p99)
		for arm in arms[turn % 3:] + arms[:turn % 3]:
			slow.send("SUB data 1\r\n" if arm == "it" else "UNSUB 1\r\n")
			reads.send("UNSUB 1\r\n" if arm == "it" else "SUB data 1\r\n")
			reads.flush()
			p99[arm].append(p99_of_round(feeder, a, b))
			equal(len(parse_msgs(reads.flush().replace(b"PING\r\n", b""))), 0 if arm == "it" else TRIPS // 5)
	for c in (slow, feeder, a, b, *more):
		c.close()
	alone, beside, again = p99.values()
	print("# p99 beside one that reads %.1f us, beside it %.1f us, beside one that reads again %.1f us" %
	      tuple(statistics.median(times) * 1e6 for times in p99.values()))
	return (statistics.median(x / (a1 * a2) ** 0.5 for x, a1, a2 in zip(beside, alone, again)) - 1,
	        statistics.median(a2 / a1 for a1, a2 in zip(alone, again)) - 1)


@test(workers=(1, 2, 8), config='max_pending: 1073741824\nwrite_deadline: "600s"', natsd_only=True)
def p99_beside_a_reader_that_never_reads_faults_84(server):
	"""An experiment counts when its control holds: what is measured twice is the same.  How it ended for the
	rounds beside the reader has no say in whether it is repeated."""
	if "define NATSD_SANITIZED 1" in read_text(os.path.join(build_dir(), "config.h")):
		raise Skip("a sanitizer's time is measured there")
	for _ in range(8):
		moved, control = never_reads(server)
		print("# moved by %.1f %%, control %.1f %%" % (moved * 100, control * 100))
		if abs(control) <= CONTROL:
			true(moved <= 0.1, "the p99 moved by %.1f %%" % (moved * 100))
			return
	raise Skip("nothing can be measured on this machine: what is the same is not the same")


@test(workers=(1, 2))
def reader_that_never_reads_stops_nobody(server):
	slow = Client(server, QUIET, rcvbuf=4096)
	slow.sub("data")
	slow.silent()
	publisher, reader = Client(server, QUIET), Client(server, QUIET)
	reader.sub("data")
	reader.silent()
	payload = b"x" * 8192
	begin = time.monotonic()
	for _ in range(200):
		for _ in range(20):
			publisher.pub("data", payload)
		for _ in range(20):
			equal(len(reader.msg().payload), len(payload))
	true(time.monotonic() - begin < seconds(20), "the reader waited for the one that does not read")


@test(workers=(1, 2))
def many_connections(server):
	clients = [Client(server, QUIET) for _ in range(300)]
	for i, c in enumerate(clients):
		c.sub("all")
	for c in clients:
		c.silent()
	clients[0].pub("all", "x")
	for c in clients:
		c.expect("MSG all 1 1\r\nx\r\n")
	ids = {c.info["client_id"] for c in clients}
	equal(len(ids), 300, "client ids")
	for c in clients:
		c.close()


ECHO = "$SYS.REQ.DEV.ECHO.%s"


@test(natsd_only=True, dev_roles=True,
      config="max_payload: 37748736\nmax_pending: 200000000\nnatsd { ring_bytes: 64KiB }")
def messages_beyond_the_ring(server):
	"""Rings are made for the largest message, whatever the file says of their size."""
	for role in ("JS", "RAFT"):
		with Client(server, HEADERS, timeout=30) as c:
			c.sub("re")
			for n in (70000, 5 << 20, 36 << 20):
				c.pub(ECHO % role, b"x" * n, "re")
				answer = c.msg()
				equal(answer.header, b"", "header of the answer to %d bytes" % n)
				true(len(answer.payload) > n, "%d bytes came back" % len(answer.payload))

main()
