#!/usr/bin/env python3
"""Who has not said who it is: what it may cost, how long it may stay, and what it may reach.

The numbers in names behind "faults" are items of the fault checklist, those behind "advisory" rows of its
table of security advisories (tests/conformance/faults.tsv, advisories.tsv).
"""

import contextlib
import json
import os
import re
import resource
import select
import socket
import time
import urllib.request

from certs import Authority
from natsd import Server, Skip, build_dir, equal, main, read_text, seconds, test, true, wait_until
from wire import QUIET, Client
from wire_tls import TlsClient

CA = Authority("preauth")
CERT = CA.issue("localhost", san="DNS:localhost,IP:127.0.0.1")
TLS = 'tls { cert_file: "%s", key_file: "%s", timeout: %s }\n'
USERS = "authorization { user: joe, password: secret, timeout: %s }\n"
PER_CONNECTION = 12 << 10  # bytes: a control line of 4 KiB, the place to read it into, the connection itself
HANDSHAKE = 96 << 10	   # bytes: the same, and what the TLS library keeps of a handshake
OVER = "-ERR 'Authorization Violation'\r\n"


def sanitized():
	return "define NATSD_SANITIZED 1" in read_text(os.path.join(build_dir(), "config.h"))


def front(server):
	return server.pid if server.peer else server.role("front")


def resident(server):
	"""Bytes of the process that talks to clients."""
	return int(re.search(r"VmRSS:\s+(\d+) kB", read_text("/proc/%d/status" % front(server))).group(1)) << 10


def open_files(pid):
	return len(os.listdir("/proc/%d/fd" % pid))


@contextlib.contextmanager
def room_for_files(n):
	"""This process may have n open files."""
	soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
	if hard != resource.RLIM_INFINITY and hard < n:
		raise Skip("%d open files are needed, %d allowed" % (n, hard))
	resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, n), hard))
	try:
		yield
	finally:
		resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def crowd(server, n, data):
	"""n connections that have sent that, and that the server has taken."""
	sockets = []
	for _ in range(n):
		s = socket.socket()
		s.settimeout(seconds(20))
		s.connect(("127.0.0.1", server.port))
		sockets.append(s)
		if data:
			s.sendall(data)
	wait_until(lambda: open_files(front(server)) >= n, "all to be accepted", 20)
	return sockets


def all_told(sockets, timeout):
	"""How many of them were closed by the server in time."""
	left, end = set(sockets), time.monotonic() + seconds(timeout)
	poll = select.epoll()
	by_fd = {s.fileno(): s for s in sockets}
	for fd in by_fd:
		poll.register(fd, select.EPOLLIN)
	while left and time.monotonic() < end:
		for fd, _ in poll.poll(1):
			try:
				ended = by_fd[fd].recv(65536) == b""
			except ConnectionResetError:
				ended = True
			if ended:
				poll.unregister(fd)
				left.discard(by_fd[fd])
	poll.close()
	return len(sockets) - len(left)


def cost_of_a_crowd(server, n, data, bound, timeout):
	with room_for_files(n + 100):
		with Client(server, {**QUIET, "user": "joe", "pass": "secret"}) as friend:
			friend.flush()
			before = resident(server)
			sockets = crowd(server, n, data)
			try:
				friend.flush()
				each = (resident(server) - before) / n
				print("# %d bytes a connection" % each)
				begin = time.monotonic()
				friend.pub("alive", "x")
				friend.flush()
				true(time.monotonic() - begin < seconds(2), "a client that is in waits for those that are not")
				equal(all_told(sockets, timeout), n, "closed by the server in time")
			finally:
				for s in sockets:
					s.close()
			if not sanitized():
				true(each <= bound, "%d bytes a connection, %d are the bound" % (each, bound))
			friend.flush()


def many():
	return 500 if sanitized() else 10000


@test(workers=(2,), config=USERS % 10)
def idle_crowd_faults_79(server):
	"""10,000 that say nothing."""
	cost_of_a_crowd(server, many(), b"", PER_CONNECTION, 30)


@test(workers=(2,), config=USERS % 10)
def half_a_connect_each_faults_79(server):
	"""10,000 that send all they may: one line as long as a line may be, without its end."""
	line = b'CONNECT {"name":"' + b"n" * (4096 - 9)
	cost_of_a_crowd(server, many(), line, PER_CONNECTION, 30)


@test(workers=(2,), config=TLS % (CERT.cert, CERT.key, 10), natsd_only=True)
def half_a_handshake_each_faults_79(server):
	"""Those who begin a TLS record of the largest size and never end it."""
	n = many() // 5
	with room_for_files(n + 100):
		before = resident(server)
		sockets = crowd(server, n, b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03" + b"x" * 16000)
		try:
			wait_until(lambda: resident(server) > before, "something to be kept", 5)
			equal(all_told(sockets, 30), n, "closed by the server in time")
			each = (resident(server) - before) / n
			print("# %d bytes a connection at its end" % each)
			true(sanitized() or each <= HANDSHAKE, "%d bytes a connection" % each)
		finally:
			for s in sockets:
				s.close()
		with TlsClient(server, QUIET) as c:
			c.flush()


# ---- descriptors ----


def answered(client):
	"""Whether its greeting is there by now."""
	return bool(select.select([client], [], [], 0)[0])


FILES = 80


@test(server=False, workers=(1, 2), natsd_only=True)
def descriptors_run_out_faults_80(workers):
	"""What is connected goes on; who comes waits, and is served when others leave; no role dies, and the log tells."""
	server = Server(workers=workers, dev_roles=True, start=False)
	command = server.command()
	server.command = lambda: ["sh", "-c", 'ulimit -n %d; exec "$@"' % FILES, "sh", *command]
	with server:
		server.start()
		roles = server.roles()
		with Client(server, QUIET) as friend:
			friend.sub("a")
			friend.flush()
			all_that_wait_are_served(server, friend)
		with Client(server, QUIET) as c:
			c.silent()
		equal(server.roles(), roles, "nobody died")
		true(server.log().count("Accept Error") < 200, "it does not try without a pause")


def all_that_wait_are_served(server, friend):
	waiting = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3 * FILES)]
	server.wait_log("Temporary Client Accept Error(Too many open files), sleeping")
	served = wait_until(lambda: [s for s in waiting if answered(s)], "those for whom there is room")
	true(len(served) < len(waiting), "all are served: nothing ran out")
	friend.pub("a", "still")
	equal(friend.msg().payload, b"still")
	while served:
		for s in served:
			waiting.remove(s)
			s.close()
		served = wait_until(lambda: [s for s in waiting if answered(s)], "the next to be served") if waiting else []


# ---- rows of the advisories that need no password ----

VERBS = (b"INFO {}\r\n", b"PUB a 1\r\nx\r\n", b"HPUB a 12 13\r\nNATS/1.0\r\n\r\nx\r\n", b"SUB a 1\r\n",
         b"UNSUB 1\r\n", b"+OK\r\n", b"-ERR 'x'\r\n", b"MSG a 1 1\r\nx\r\n", b"RS+ $G a\r\n", b"RS- $G a\r\n",
         b"RMSG $G a 1\r\nx\r\n", b"LS+ a\r\n", b"LMSG a 1\r\nx\r\n", b"A+ $G\r\n", b"A- $G\r\n",
         b"HMSG a 1 12 13\r\nNATS/1.0\r\n\r\nx\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00",
         b"\x00" * 32, b"\xff" * 32)
BEFORE = (b"", b"PING\r\n", b"PONG\r\n", b'CONNECT {"user":"joe","pass":"no"}\r\n')


@test(workers=(1, 2), config=USERS % 30)
def no_verb_before_its_state_advisory_51(server):
	"""Without a user no verb has an effect, in whatever order: the connection ends, nobody hears of it."""
	with Client(server, {**QUIET, "user": "joe", "pass": "secret"}) as friend:
		friend.sub("a")
		friend.flush()
		for before in BEFORE:
			for verb in VERBS:
				with Client(server) as c:
					with contextlib.suppress(OSError):
						c.send(before + verb)
					if verb in (b"INFO {}\r\n", b"+OK\r\n", b"-ERR 'x'\r\n") and b"CONNECT" not in before:
						continue  # said by a client they mean nothing; the timer ends it
					said = c.until_eof().replace(b"PONG\r\n", b"").replace(b"+OK\r\n", b"")
					true(said == b"" or said.startswith(b"-ERR '"), "%r: %r" % (before + verb, said))
		friend.silent()


@test(config="no_auth_user: guest\nauthorization { users: [ { user: guest, password: g, "
             "allowed_connection_types: [ MQTT ] }, { user: joe, password: secret } ] }")
def one_way_in_for_all_verbs_advisory_52(server):
	"""The guest's connection types count whichever verb comes first."""
	for verb in (b"PING\r\n", b"SUB a 1\r\n", b"PUB a 1\r\nx\r\n", b"CONNECT {}\r\n", b"PONG\r\n", b"UNSUB 1\r\n"):
		with Client(server) as c:
			c.send(verb)
			said = c.until_eof()
			true(said.endswith(OVER.encode()) and b"PONG" not in said, "%r: %r" % (verb, said))


UPGRADE = ("GET %s HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
           "dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")


@test(http=True, natsd_only=True)
def what_is_off_is_not_there_advisory_53(server):
	"""Neither listener speaks a protocol that was not asked for."""
	for path in ("/", "/mqtt", "/leafnode", "/varz"):
		with socket.create_connection(("127.0.0.1", server.http), seconds(10)) as s:
			s.sendall((UPGRADE % path).encode())
			true(b" 101 " not in s.recv(65536), path)
		with Client(server) as c:
			c.send(UPGRADE % path)
			true(b"101" not in c.until_eof(), path)
	for hello in (b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00\n", b"\x16\x03\x01\x02\x00\x01\r\n",
	              b"RS+ $G a\r\n", b"LS+ a\r\n", b"A+ $G\r\n", b"RMSG $G a 1\r\n"):
		with Client(server) as c:
			c.send(hello)
			c.expect_err("Unknown Protocol Operation")
			c.expect_eof()


NKEY = "U" + "A" * 55


@test(config="authorization { users: [ { user: joe, password: secret } ] }")
def keys_and_tokens_of_no_shape_advisory_54(server):
	"""A JWT without its parts, a key or a signature of another length: one answer, for each."""
	for options in ([{"jwt": t} for t in ("a", "..", "a.b", "a.b.c", "eyJ.e30.", "." * 3000, "\0", "e30.e30.e30")] +
	                [{"jwt": "e30.e30.e30", "sig": s} for s in ("", "AAAA", "A" * 86, "!" * 86, "A" * 3000)] +
	                [{"nkey": n, "sig": s} for n in ("", "U", NKEY[:-1], NKEY, NKEY + "A", "S" + NKEY[1:], "U" * 3000)
	                 for s in ("", "A", "A" * 86, "=" * 88)]):
		with Client(server) as c:
			c.send("CONNECT %s\r\n" % json.dumps(options))
			c.expect(OVER)
			c.expect_eof()


@test(http=True, config=USERS % 30)
def said_aloud_whether_there_are_users_advisory_57(server):
	"""Fields that CONNECT does not have change nothing; monitoring says whether authentication is on."""
	for more in ({"account": "SYS"}, {"new_account": True}, {"kind": 1}, {"client_type": "system"},
	             {"auth_required": False}, {"is_system": True}):
		with Client(server) as c:
			c.send("CONNECT %s\r\n" % json.dumps({"verbose": False, **more}))
			c.expect(OVER)
			c.expect_eof()
	true("Authentication is off" not in server.log(), "the log says that it is off")
	with urllib.request.urlopen("http://127.0.0.1:%d/varz" % server.http, timeout=seconds(10)) as answer:
		equal(json.load(answer)["auth_required"], True)


# ---- floods ----


@test(workers=(2,), config=USERS % 30)
def flood_of_connects_advisory_preauth(server):
	"""Wrong passwords by the hundred delay nobody who is in, and leave nothing behind."""
	with Client(server, {**QUIET, "user": "joe", "pass": "secret"}) as friend:
		friend.flush()
		files, worst = open_files(front(server)), 0
		for i in range(1000):
			s = socket.create_connection(("127.0.0.1", server.port))
			s.sendall(b'CONNECT {"user":"joe","pass":"%d"}\r\n' % i)
			s.close()
			if i % 20 == 0:
				begin = time.monotonic()
				friend.flush()
				worst = max(worst, time.monotonic() - begin)
		true(worst < seconds(1), "a round trip took %.3f s" % worst)
		wait_until(lambda: open_files(front(server)) <= files, "all to be closed")


@test(config=USERS % 30)
def json_bombs_advisory_preauth(server):
	"""Deep nesting, many keys, long strings, huge numbers: a refusal each, and the server goes on."""
	bombs = ["[" * 4000, '{"a":' * 700 + "1" + "}" * 700, '{"user":' + "[" * 1900 + "]" * 1900 + "}",
	         "{" + ",".join('"%d":1' % i for i in range(500)) + "}", '{"user":"%s"}' % ("\\u0041" * 600),
	         '{"protocol":1e999}', '{"protocol":%s}' % ("9" * 4000), '{"user":"\\ud800"}', '{"user":"%s"}' % ("a" * 4000),
	         '{"user":"joe","user":"x","pass":"secret"}', "{" + '"a":{},' * 570 + '"b":1}']
	for bomb in bombs:
		with Client(server) as c:
			c.send("CONNECT %s\r\n" % bomb)
			said = c.until_eof()
			true(said in (b"", OVER.encode()) or said.startswith(b"-ERR '"), "%r: %r" % (bomb[:40], said))
	with Client(server, {**QUIET, "user": "joe", "pass": "secret"}) as c:
		c.silent()


@test(config=USERS % 30)
def lengths_beyond_reason_advisory_64(server):
	"""Counts that do not fit end the connection or are ignored; none wraps round."""
	huge = ("9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616", "9" * 300, "-1", "4294967296")
	for n in huge:
		for line in ("PUB a %s\r\n", "HPUB a %s 20\r\n", "HPUB a 12 %s\r\n", "HPUB a %s %s\r\n".replace("%s %s", "%s 0")):
			with Client(server, {**QUIET, "user": "joe", "pass": "secret"}) as c:
				c.send(line % n)
				with contextlib.suppress(OSError):
					c.send("x" * 100 + "\r\n")
				said = c.until_eof()
				true(b"MSG" not in said and said.count(b"-ERR") <= 1, "%s: %r" % (line % n, said))
	with Client(server, {**QUIET, "user": "joe", "pass": "secret"}) as c:
		for n in huge:
			c.send("SUB b 7\r\nUNSUB 7 %s\r\n" % n)
		c.send("SUB c 8\r\nPUB c 1\r\nx\r\nPING\r\n")
		said = c.until_eof() if c.hung_up() else c.until(b"PONG\r\n")
		true(b"MSG c 8 1\r\nx\r\n" in said or b"-ERR" in said or said == b"", "%r" % said)


main()
