"""wire - a NATS client made of a raw socket: sends bytes, expects bytes."""

import collections
import json
import re
import select
import socket
import time

from natsd import Failure, equal, seconds

Msg = collections.namedtuple("Msg", "subject sid reply header payload")

QUIET = {"verbose": False, "pedantic": False}
HEADERS = {"verbose": False, "pedantic": False, "headers": True, "no_responders": True}


class Client:
	"""One connection.

	server	a natsd.Server, or a port
	connect	options of CONNECT as a dict; None: no CONNECT is sent
	timeout	seconds that every expectation may take
	auto_pong	PINGs of the server are answered and hidden from expectations
	"""

	def __init__(self, server, connect=None, timeout=10, auto_pong=True, info=True, rcvbuf=None):
		self.timeout = timeout
		self.auto_pong = auto_pong
		self.buffer = b""
		self.eof = False
		self.sid = 0
		port = server if isinstance(server, int) else server.port
		self.socket = socket.socket()
		if rcvbuf is not None:
			self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
		self.socket.settimeout(seconds(timeout))
		self.socket.connect(("127.0.0.1", port))
		self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
		self.info = self.read_info() if info else None
		if connect is not None:
			self.connect(**connect)

	def __enter__(self):
		return self

	def __exit__(self, *unused):
		self.close()

	def close(self):
		self.socket.close()

	# ---- sending ----

	def send(self, data):
		self.socket.sendall(data if isinstance(data, bytes) else data.encode())

	def send_split(self, data, at):
		"""Two writes that the server reads apart: the first is followed by a pause of the
		kernel's, not of ours - the server has taken it when the socket's queue is empty."""
		self.send(data[:at])
		self.wait_taken()
		self.send(data[at:])

	def wait_taken(self):
		"""Until the peer's kernel has acknowledged all (SIOCOUTQ) and had a moment to be read."""
		import fcntl
		import struct
		import termios
		end = time.monotonic() + seconds(self.timeout)
		while time.monotonic() < end:
			left = struct.unpack("i", fcntl.ioctl(self.socket, termios.TIOCOUTQ, b"\0" * 4))[0]
			if left == 0 or self.hung_up():
				time.sleep(0.0005)
				return
		raise Failure("the server does not take what was sent")

	def hung_up(self):
		"""Whether the end of the connection is the next thing to read."""
		if not select.select([self.socket], [], [], 0)[0]:
			return False
		try:
			return self.socket.recv(1, socket.MSG_PEEK) == b""
		except ConnectionResetError:
			return True

	def connect(self, **options):
		self.send("CONNECT %s\r\n" % json.dumps(options))

	def pub(self, subject, payload=b"", reply=None):
		if isinstance(payload, str):
			payload = payload.encode()
		self.send(b"PUB %s %s%d\r\n%s\r\n" % (subject.encode(),
		          reply.encode() + b" " if reply else b"", len(payload), payload))

	def hpub(self, subject, header, payload=b"", reply=None):
		self.send(b"HPUB %s %s%d %d\r\n%s%s\r\n" % (subject.encode(),
		          reply.encode() + b" " if reply else b"", len(header),
		          len(header) + len(payload), header, payload))

	def sub(self, subject, queue=None, sid=None):
		"""SUB; the sid it got."""
		if sid is None:
			self.sid += 1
			sid = self.sid
		self.send("SUB %s %s%s\r\n" % (subject, queue + " " if queue else "", sid))
		return str(sid)

	def unsub(self, sid, most=None):
		self.send("UNSUB %s%s\r\n" % (sid, "" if most is None else " %d" % most))

	def flush(self):
		"""PING, then everything up to its PONG; what came before the PONG."""
		self.send(b"PING\r\n")
		return self.until(b"PONG\r\n")

	# ---- receiving ----

	def _more(self, end, what):
		left = end - time.monotonic()
		if left <= 0:
			raise Failure("no %s in %g s; have %r" % (what, seconds(self.timeout), self.buffer[:400]))
		if self.eof:
			raise Failure("end of connection instead of %s; have %r" % (what, self.buffer[:400]))
		self.socket.settimeout(left)
		try:
			data = self.socket.recv(1 << 20)
		except socket.timeout:
			return
		except ConnectionResetError:
			data = b""
		if data == b"":
			self.eof = True
		self.buffer += data

	def _deadline(self, timeout=None):
		return time.monotonic() + seconds(timeout or self.timeout)

	def _skip_pings(self):
		while self.auto_pong and self.buffer.startswith(b"PING\r\n"):
			self.buffer = self.buffer[6:]
			self.send(b"PONG\r\n")

	def line(self, timeout=None):
		"""The next line, without CR LF."""
		end = self._deadline(timeout)
		while True:
			self._skip_pings()
			if b"\r\n" in self.buffer:
				line, self.buffer = self.buffer.split(b"\r\n", 1)
				return line
			self._more(end, "line")

	def read_info(self):
		line = self.line()
		if not line.startswith(b"INFO "):
			raise Failure("INFO expected, got %r" % line)
		return json.loads(line[5:])

	def expect(self, want, timeout=None):
		"""Exactly these bytes come next."""
		if isinstance(want, str):
			want = want.encode()
		end = self._deadline(timeout)
		while True:
			if not want.startswith(b"PING"):
				self._skip_pings()
			if len(self.buffer) >= len(want):
				break
			if not want.startswith(self.buffer) and not b"PING\r\n".startswith(self.buffer):
				break
			self._more(end, repr(want[:200]))
		got, self.buffer = self.buffer[:len(want)], self.buffer[len(want):]
		if got != want:
			raise Failure("got  %r\nwant %r\nthen %r" % (got[:600], want[:600], self.buffer[:200]))

	def expect_re(self, pattern, timeout=None):
		"""A match of the pattern at this place; the match."""
		end = self._deadline(timeout)
		pattern = re.compile(pattern.encode() if isinstance(pattern, str) else pattern, re.DOTALL)
		while True:
			self._skip_pings()
			found = pattern.match(self.buffer)
			if found:
				self.buffer = self.buffer[found.end():]
				return found
			self._more(end, "match of %r" % pattern.pattern)

	def until(self, mark, timeout=None):
		"""Everything before the mark, which is taken too."""
		end = self._deadline(timeout)
		seen = 0
		while True:
			self._skip_pings()
			at = self.buffer.find(mark, max(0, seen - len(mark)))
			if at >= 0:
				before, self.buffer = self.buffer[:at], self.buffer[at + len(mark):]
				return before
			seen = len(self.buffer)
			self._more(end, repr(mark))

	def expect_err(self, text):
		self.expect("-ERR '%s'\r\n" % text)

	def expect_eof(self, timeout=None):
		"""Nothing more but the end of the connection."""
		end = self._deadline(timeout)
		while not self.eof:
			self._skip_pings()
			self._more(end, "end of connection")
		self._skip_pings() if not self.eof else None
		if self.buffer not in (b"", b"PING\r\n"):
			raise Failure("before the end of connection came %r" % self.buffer[:400])

	def until_eof(self, timeout=None):
		"""Whatever comes before the end of the connection."""
		end = self._deadline(timeout)
		while not self.eof:
			self._more(end, "end of connection")
		return self.buffer

	def silent(self):
		"""Everything sent so far is done, and nothing of it was told to us."""
		equal(self.flush(), b"", "expected nothing")

	def bytes(self, n, timeout=None):
		end = self._deadline(timeout)
		while len(self.buffer) < n:
			self._more(end, "%d bytes" % n)
		data, self.buffer = self.buffer[:n], self.buffer[n:]
		return data

	def msg(self, timeout=None):
		"""The next message; Failure when something else comes."""
		line = self.line(timeout)
		words = line.split()
		if not words or words[0] not in (b"MSG", b"HMSG"):
			raise Failure("a message expected, got %r" % line)
		header_size = 0
		if words[0] == b"HMSG":
			header_size = int(words[-2])
			names = words[1:-2]
		else:
			names = words[1:-1]
		body = self.bytes(int(words[-1]) + 2, timeout)
		equal(body[-2:], b"\r\n", "end of message")
		reply = names[2].decode() if len(names) > 2 else None
		return Msg(names[0].decode(), names[1].decode(), reply, body[:header_size],
		           body[header_size:-2])

	def msgs(self, n, timeout=None):
		return [self.msg(timeout) for _ in range(n)]


def parse_msgs(data):
	"""All messages in what flush() returned; Failure on anything else."""
	found = []
	while data:
		line, data = data.split(b"\r\n", 1)
		words = line.split()
		if words[0] not in (b"MSG", b"HMSG"):
			raise Failure("a message expected, got %r" % line)
		size = int(words[-1])
		header_size = int(words[-2]) if words[0] == b"HMSG" else 0
		names = words[1:-2] if words[0] == b"HMSG" else words[1:-1]
		equal(data[size:size + 2], b"\r\n", "end of message")
		found.append(Msg(names[0].decode(), names[1].decode(),
		                 names[2].decode() if len(names) > 2 else None,
		                 data[:header_size], data[header_size:size]))
		data = data[size + 2:]
	return found
