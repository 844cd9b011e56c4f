#!/usr/bin/env python3
"""What the log says of a client: every line of a session, in its order, as nats-server 2.15.2 says it.

log_texts.expected holds what nats-server itself wrote in these sessions.  It is made anew by

	NATSD_LOG_RECORD=log_texts.expected log_texts.py -s /path/to/nats-server

Lines are compared without time and pid, connection by connection: c1, c2, ... in the order of
their first lines.  Subscriptions that go with their connection may go in any order.
"""

import os
import re
import socket
import struct
import time

from natsd import Failure, add, equal, is_peer, main, wait_until
from wire import HEADERS, QUIET, Client

EXPECTED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "log_texts.expected")
RECORD = os.environ.get("NATSD_LOG_RECORD")
LINE = re.compile(r"^\[\d+\] \S+ \S+ \[(\w+)\] (127\.0\.0\.1:\d+ - cid:(\d+)) - (.*)$", re.S)
CLOSED = "Client connection closed: "

recorded = {}


def lines_of(server):
	"""[(level, cid, text)] of all connections' lines."""
	with open(server.log_path, "rb") as f:
		text = f.read().decode(errors="backslashreplace")
	return [(m.group(1), m.group(3), control(m.group(4)))
	        for m in map(LINE.match, text.split("\n")) if m]


def control(text):
	"""Control characters as natsd writes them: nobody makes up lines of a log."""
	return "".join("\\x%02x" % ord(c) if c < " " or c == "\x7f" else c for c in text)


def told(server, only=None):
	"""The lines, connection by connection.  only: a pattern of those that count; they are given
	once each, with # for digits."""
	lines, by_cid = lines_of(server), {}
	for level, cid, text in lines:
		texts = by_cid.setdefault(cid, [])
		line = "%s %s" % (level, text)
		if only is not None:
			if not re.search(only, line):
				continue
			line = re.sub(r"[\d.]+", "#", line)
			if line in texts:
				continue
		texts.append(line)
	out = []
	for n, texts in enumerate(by_cid.values(), 1):
		out += ["c%d %s" % (n, text) for text in sort_runs(texts, "<-> [DELSUB ")]
	return out


def sort_runs(lines, mark):
	"""Neighbours that hold the mark, sorted."""
	out, run = [], []
	for line in lines + [""]:
		if mark in line:
			run.append(line)
			continue
		out += sorted(run) + [line]
		run = []
	return out[:-1]


def expected():
	sections, name = {}, None
	with open(EXPECTED, encoding="utf-8") as f:
		for line in f.read().split("\n"):
			if line.startswith("## "):
				name = line[3:]
				sections[name] = []
			elif line and name:
				sections[name].append(line)
	return sections


def record(name, lines):
	if not is_peer():
		raise Failure("only nats-server can be recorded")
	recorded[name] = lines
	with open(RECORD, "w", encoding="utf-8") as f:
		for section, text in recorded.items():
			f.write("## %s\n%s\n\n" % (section, "\n".join(text)))


class Session:
	"""Clients of one case; `end` waits until the server told of the end of each."""

	def __init__(self, server, only):
		self.server = server
		self.only = only
		self.clients = []

	def client(self, connect=None, **kw):
		self.clients.append(Client(self.server, connect=connect, auto_pong=False, **kw))
		if connect is not None:
			self.clients[-1].flush()
		return self.clients[-1]

	def say(self, *lines, connect=QUIET):
		"""A client that sends these lines and hears the end of all of them."""
		c = self.client(connect)
		for line in lines:
			c.send(line)
			c.wait_taken()
		return c

	def end(self, want):
		"""What the log says of them; waits for as many lines as are wanted."""
		for c in self.clients:
			c.close()
		closed = len(self.clients)
		wait_until(lambda: sum(CLOSED in line for line in told(self.server)) == closed,
		           "the end of %d connections" % closed)
		if RECORD:
			time.sleep(0.2)
			return told(self.server, self.only)
		try:
			wait_until(lambda: len(told(self.server, self.only)) >= len(want), "lines", 2)
		except Failure:
			pass
		return told(self.server, self.only)


def session(config="", only=None, **options):
	def wrap(function):
		def case(server):
			s = Session(server, only)
			function(s)
			want = [] if RECORD else expected().get(function.__name__, [])
			lines = s.end(want)
			if RECORD:
				record(function.__name__, lines)
			else:
				equal("\n".join(lines), "\n".join(want))
		args = ["-DV"] + options.pop("args", [])
		add(function.__name__, case, config=config, args=args, workers=(2,), **options)
		return function
	return wrap


def ends(s, *lines, connect=QUIET):
	"""Each line on a connection of its own, that the server closes because of it."""
	for line in lines:
		s.say(line, connect=connect).until_eof()


# ---- what is traced ----


@session()
def verbs(s):
	c = s.client()
	c.send("CONNECT {}\r\n")
	c.flush()
	c.send("SUB foo 1\r\nSUB  foo.>   q \t 2  \r\nPUB foo 5\r\nhello\r\n")
	c.flush()
	c.send("PUB foo  r.1   2\r\nhi\r\nPUB foo 0\r\n\r\nUNSUB 2\r\nunsub 1  9 \r\nPONG\r\n")
	c.flush()
	c.send("SUB foo 1\r\nSUB a..b 7\r\nUNSUB 88\r\nPUB a.* 1\r\nx\r\n")
	c.flush()


@session()
def headers(s):
	c = s.client(HEADERS)
	c.send("SUB foo 1\r\nHPUB foo 12 17\r\nNATS/1.0\r\n\r\nhello\r\n")
	c.flush()
	c.send("HPUB foo r 12 12\r\nNATS/1.0\r\n\r\n\r\nHPUB foo 0 2\r\nhi\r\n")
	c.flush()
	c.send("PUB nobody bar 0\r\n\r\nSUB bar 2\r\nPUB nobody bar 0\r\n\r\n")
	c.flush()
	plain = s.client(QUIET)
	plain.send("SUB foo 3\r\n")
	plain.flush()
	c.send("HPUB foo 12 17\r\nNATS/1.0\r\n\r\nhello\r\n")
	c.flush()
	plain.flush()


@session(config="max_traced_msg_len: 10")
def traced_length(s):
	c = s.client(QUIET)
	c.send("SUB foo 1\r\nPUB foo 10\r\n0123456789\r\nPUB foo 11\r\n01234567\n9a\r\n")
	c.flush()
	c.send(b"PUB foo 10\r\n\x00\xff\"\\\t\r\n\x7f~\x1b\r\n")
	c.flush()


@session(config="trace_headers: true")
def traced_headers(s):
	c = s.client(HEADERS)
	c.send("SUB foo 1\r\nHPUB foo 18 23\r\nNATS/1.0\r\nA: b\r\n\r\nhello\r\nPUB foo 2\r\nhi\r\n")
	c.flush()


@session()
def traced_bytes(s):
	c = s.client(QUIET)
	for payload in (b"tab\tnl\ncr\r\x00\x1b\x7f", "é ü € 😀".encode(), b"\xff\xc3\x28 \xed\xa0\x80",
	                b"\"q\" \\", "\u00a0\u00ad\u200b\u2028\ufeff\ufffd\ue000\u3000".encode()):
		c.send(b"PUB foo %d\r\n%s\r\n" % (len(payload), payload))
	c.flush()


@session()
def auto_unsubscribe(s):
	c = s.client(QUIET)
	c.send("SUB foo 1\r\nUNSUB 1 2\r\n" + "PUB foo 1\r\nx\r\n" * 3)
	c.flush()
	c.send("SUB foo 2\r\nPUB foo 1\r\ny\r\nUNSUB 2 1\r\nSUB bar 3\r\nSUB baz 4\r\nUNSUB 3 0\r\n")
	c.flush()


@session()
def other_connection(s):
	a = s.client(QUIET)
	b = s.client(QUIET)
	a.send("SUB x.* 9\r\n")
	a.flush()
	b.send("PUB x.y re.ply 3\r\nabc\r\n")
	b.flush()
	a.flush()


@session()
def secrets(s):
	for text in ('{"verbose":false,"user":"me","pass":"s3cret","auth_token":"t0k"}',
	             '{"verbose":false,"pass" : "a b" , "password":"c", "nkey":"UABC","sig":"xyz"}',
	             '{"verbose":false,"proxy_sig":"zzz","jwt":"ey.J"}',
	             '{"verbose":false,"passthrough":1,"mypass":"q","design":"d","a_sig":"e","pass":""}'):
		c = s.client()
		c.send("CONNECT %s\r\n" % text)
		c.flush()


# ---- how a connection is named ----


@session()
def names(s):
	for text in ('{"verbose":false,"name":"me"}', '{"verbose":false,"lang":"c"}',
	             '{"verbose":false,"version":"1.2"}',
	             '{"verbose":false,"lang":"go","version":"1.0","name":"n\\"q\\u0000z\\né"}',
	             '{"verbose":false,"lang":"go","name":"x"}',
	             '{"verbose":false,"version":"9","name":"x"}'):
		c = s.client()
		c.send("CONNECT %s\r\n" % text)
		c.flush()
	c.send('CONNECT {"verbose":false,"name":"again"}\r\n')
	c.flush()


# ---- what was wrong ----


@session()
def unknown_operation(s):
	ends(s, "foo\r\n", "\r\n", " PING\r\n", "PINX\r\nPING\r\n", "PUX\r\n", "PUBX\r\n", "HPX 1\r\n",
	     "HPUBX\r\n", "SUX\r\n", "SUBX\r\n", "UNSUBX 1\r\n", "UNX\r\n", "POX\r\n", "+OX\r\n",
	     "-ERX\r\n", "-ERRX\r\n", "CONX\r\n", "INX\r\n", "MSG a 1 1\r\n", "RS+ a\r\n", "LS+\r\n",
	     "A+ x\r\n", "x", "GET / HTTP/1.1\r\nHost: natsd.example.org\r\nAccept: */*\r\n\r\n",
	     b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\xff\r\n")


@session()
def unknown_later(s):
	ends(s, "PING\r\nPUB foo 2\r\nhi\r\nBAD line that is a little longer than the snippet\r\n",
	     "PUB foo 2\r\nhix\r\n", "PUB foo 2\r\nhi\rx\r\n", "PUB foo 2\r\nhi there, this is long\r\n")


@session()
def bad_arguments(s):
	ends(s, "PUB foo\r\n", "PUB foo bar baz 2\r\n", "PUB foo x\r\n", "PUB foo -1\r\n",
	     "PUB foo  1234567890 \r\n", "PUB \r\n", "SUB foo\r\n", "SUB a b c d\r\n", "SUB \r\n",
	     "UNSUB \r\n", "UNSUB 1 2 3\r\n", connect=QUIET)
	ends(s, "HPUB foo 2\r\n", "HPUB foo a 2\r\n", "HPUB foo 2 a\r\n", "HPUB foo 4 2\r\n",
	     "HPUB a b c d 2 2\r\n", connect=HEADERS)
	ends(s, "HPUB foo 12 12\r\nNATS/1.0\r\n\r\n\r\n", connect=QUIET)
	ends(s, "-ERR 'it hurts'\r\n", "INFO {bad\r\n", "INFO []\r\n", connect=QUIET)


@session(config="max_control_line: 64")
def long_lines(s):
	ends(s, "SUB %s 1\r\n" % ("a" * 80), "PUB %s 1\r\nx\r\n" % ("b" * 80), "SUB %s" % ("c" * 80),
	     connect=None)


@session(config="max_payload: 10")
def payload_limit(s):
	ends(s, "PUB foo 11\r\n", connect=QUIET)
	ends(s, "HPUB foo 12 12\r\n", connect=HEADERS)


@session(config="max_subscription_tokens: 2, max_subscriptions: 1")
def subscription_limits(s):
	c = s.client(QUIET)
	c.send("SUB a.b.c 2\r\nSUB a.b.c q 3\r\nSUB a 4\r\nSUB b 5\r\nSUB c 6\r\n")
	c.flush()


@session()
def reserved_names(s):
	c = s.client(QUIET)
	c.send("SUB a _sys_ 77\r\nPUB $GR.a 0\r\n\r\nPUB a _R_.x 0\r\n\r\nPUB _GR_.a.b 0\r\n\r\n"
	       "PUB a $JS.ACK.x 0\r\n\r\n")
	c.flush()


@session(config="max_connections: 1")
def connection_limit(s):
	s.client(QUIET)
	s.client().until_eof()


@session()
def connect_refused(s):
	ends(s, 'CONNECT {"protocol":2}\r\n', 'CONNECT {"protocol":-1}\r\n',
	     'CONNECT {"no_responders":true}\r\n', 'CONNECT {"account":"A"}\r\n',
	     'CONNECT {"new_account":true}\r\n', 'CONNECT {"name":"n","account":"A"}\r\n',
	     connect=None)


BAD_CONNECTS = (
	"{bad", "{", "[]", "1", '"x"', "true", "nul", "nullx", "tru", "{]", '{"a"', '{"a":',
	'{"a":}', '{"a":1', '{"a":1,', '{"a":1,}', '{"a":1 2}', '{"a" 1}', '{"a":[1,]}', '{"a":[1 2]}',
	'{"a":01}', '{"a":-}', '{"a":1.}', '{"a":1e}', '{"a":1e+}', '{"a":.5}', '{"a":tru}', '{"a":fals}',
	'{"a":truX}', '{"a":nul}', '{"a":"\\x"}', '{"a":"\\u12g4"}', '{"a":"', '{"a":"\tx"}',
	'{"a":1}x', '{"a":1} x', '{"verbose":1}', '{"verbose":"true"}', '{"verbose":[]}',
	'{"verbose":{}}', '{"verbose":1.5}', '{"protocol":"1"}', '{"protocol":1.5}', '{"protocol":true}',
	'{"protocol":99999999999999999999}', '{"protocol":1e3}', '{"protocol":[]}', '{"name":1}',
	'{"name":true}', '{"name":[1]}', '{"name":{"a":1}}', '{"NAME":5}', '{"user":5}', '{"pass":5}',
	'{"auth_token":5}', '{"jwt":1}', '{"nkey":1}', '{"sig":1}', '{"proxy_sig":1}', '{"lang":1}',
	'{"version":1}', '{"account":1}', '{"new_account":1}', '{"echo":1}', '{"headers":1}',
	'{"no_responders":1}', '{"tls_required":1}', '{"pedantic":1}', '{"import":1}', '{"export":"x"}',
	'{"verbose":1,"name":2}', '{"name":2,"verbose":1}', '{"import":{"allow":1}}',
	'{"import":{"allow":[1]}}', '{"import":{"DENY":{}}}', '{"export":[]}', '{"remote_account":1}',
	'{"a":"%c"}' % 1, "{'a':1}", '{"a":"\\ud800"}x', '{"a":1}{"b":2}', '{"a":nulL}', '{"a":+1}',
	'{"a":\'1\'}', '{"a":"x"\\}',
)


@session()
def connect_bad_json(s):
	ends(s, *("CONNECT %s\r\n" % text for text in BAD_CONNECTS), connect=None)


@session()
def connect_good_json(s):
	for text in ('{"import":{"services":1}}', '{"import":{"allow":["a",null],"deny":null}}', "null",
	             ' {"a":[1,-2.5e+3,{"b":[]},[[]],true,false,null,"\\u00e9\\n"]} ',
	             '{"verbo\u017fe":false}', '{"verbose":false,"verbose":null}',
	             '{"verbose":false,"VERBOSE":true}', '{"VERBOSE":true,"verbose":false}',
	             '{"verbose":false,"Verbose":null}', '{"protocol":1,"protocol":0}',
	             '{"name":"a","NAME":"b"}', '{"nam\\u0065":"x"}'):
		c = s.client()
		c.send("CONNECT %s\r\n" % text)
		c.flush()


@session()
def info_bad_json(s):
	ends(s, *("INFO %s\r\n" % text for text in (
	     "{", "1", '{"port":"x"}', '{"client_id":-1}', '{"connect_urls":"x"}',
	     '{"connect_urls":[1]}', '{"gossip_mode":256}', '{"max_payload":3000000000}',
	     '{"headers":1}', '{"import":{"allow":1}}')), connect=QUIET)


# ---- what happens to a connection ----

NOT_TRACED = r"^(?!TRC|.*(Error flushing|Timed out of fast|Producer was stalled))"


@session(config='ping_interval: "0.2s", ping_max: 2', only=".")
def stale(s):
	c = s.client()
	c.until_eof()


@session(config='ping_interval: "0.2s"', only="Delaying|Ping Timer")
def delayed_ping(s):
	c = s.client(QUIET)
	c.until(b"PING\r\n")
	c.send("PONG\r\n")
	for _ in range(100):
		c.send("PING\r\n")
		time.sleep(0.01)
		if "Delaying" in s.server.log():
			break


def flood(s, until):
	"""A publisher that goes on until the log says so, and a subscriber that reads nothing."""
	slow = s.client(QUIET, rcvbuf=4096)
	slow.send("SUB foo 1\r\n")
	slow.flush()
	fast = s.client(dict(QUIET, name="fast"))
	batch = (b"PUB foo 8000\r\n" + b"x" * 8000 + b"\r\n") * 16
	for _ in range(500):
		if until in s.server.log():
			break
		fast.send(batch)
	s.server.wait_log(until)


@session(config="max_payload: 8000, max_pending: 200000, max_traced_msg_len: 1", only=NOT_TRACED)
def pending_exceeded(s):
	flood(s, "MaxPending of")


@session(config='write_deadline: "0.3s", max_traced_msg_len: 1', only=NOT_TRACED)
def deadline_exceeded(s):
	flood(s, "WriteDeadline of")


@session(config='write_deadline: "0.3s", write_timeout: retry, max_traced_msg_len: 1', only="INF")
def deadline_retried(s):
	"""It reads, but slowly: told once or more, and kept."""
	slow = s.client(QUIET, rcvbuf=65536)
	slow.send("SUB foo 1\r\n")
	slow.flush()
	fast = s.client(QUIET)
	for _ in range(80):
		fast.send((b"PUB foo 60000\r\n" + b"x" * 60000 + b"\r\n") * 4)
	while "Slow Consumer Detected" not in s.server.log():
		slow.socket.recv(16384)
		time.sleep(0.005)
	while "Slow Consumer Recovered" not in s.server.log():
		slow.socket.recv(1 << 20)
	fast.send("PUB foo 3\r\nend\r\n")
	slow.until(b"\r\nend\r\n")


@session(config="max_pending: 20000000, max_traced_msg_len: 1", only="stalled for a total")
def stalled(s):
	flood(s, "stalled for a total")


@session(only=NOT_TRACED)
def reset(s):
	c = s.client(QUIET)
	c.send("SUB foo 1\r\n")
	c.flush()
	c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
	c.socket.close()
	s.server.wait_log(CLOSED)


@session(only="DELSUB|DBG")
def shutdown(s):
	c = s.client(dict(QUIET, name="me"))
	c.send("SUB foo 1\r\n")
	c.flush()
	s.server.stop()


main()
