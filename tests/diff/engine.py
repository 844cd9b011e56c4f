"""engine - runs one scenario against one server and returns what its sockets saw."""

import json
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "system"))

import natsd
import nkeys
import script
import stream

SIGNALS = {"LDM": signal.SIGUSR2, "TERM": signal.SIGTERM, "INT": signal.SIGINT}
QUIET = '"verbose":false,"pedantic":false,"headers":true,"no_responders":true'
PINGS = re.compile(rb"^PING", re.IGNORECASE | re.MULTILINE)  # each is answered by one PONG
SOCK_DIAG_BY_FAMILY, NLMSG_ERROR, NETLINK_SOCK_DIAG = 20, 2, 4


class Trouble(Exception):
	"""The server did not do what the steps wait for."""


class Diag:
	"""Asks the kernel how many bytes a socket of the server has not read yet."""

	def __init__(self):
		self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_SOCK_DIAG)

	def unread(self, server, client):
		"""0 when the server's socket is gone, too."""
		ends = struct.pack("!HH", server[1], client[1])
		ends += socket.inet_aton(server[0]) + bytes(12) + socket.inet_aton(client[0]) + bytes(12)
		ends += struct.pack("=III", 0, 0xffffffff, 0xffffffff)
		body = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 0xffffffff) + ends
		self.socket.send(struct.pack("=IHHII", 16 + len(body), SOCK_DIAG_BY_FAMILY, 1, 1, 0) + body)
		answer = self.socket.recv(4096)
		if struct.unpack_from("=H", answer, 4)[0] == NLMSG_ERROR:
			return 0
		return struct.unpack_from("=I", answer, 16 + 4 + 48 + 4)[0]


class Conn:
	"""One connection of a scenario."""

	def __init__(self, run, name, small=False):
		self.run, self.name = run, name
		self.frames = stream.Frames()
		self.raw = b""
		self.seen = 0  # of raw, by `until`
		self.end = None  # "<eof>" or "<reset>"
		self.info = {}
		self.written = b""
		self.forgotten = 0
		self.notes = []
		self.skipped = False
		self.socket = socket.socket()
		if small:
			self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
		self.socket.settimeout(natsd.seconds(run.timeout))
		self.socket.connect(("127.0.0.1", run.server.port))
		self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
		self.local, self.remote = self.socket.getsockname(), self.socket.getpeername()

	# ---- receiving ----

	def pump(self, deadline):
		"""Reads once; False when the connection is over."""
		if self.end:
			return False
		left = deadline - time.monotonic()
		if left <= 0:
			raise Trouble("%s waits in vain; has %r" % (self.name, self.raw[-300:]))
		self.socket.settimeout(left)
		try:
			data = self.socket.recv(1 << 18)
		except (socket.timeout, ssl.SSLWantReadError):
			return True
		except (ConnectionResetError, BrokenPipeError):
			self.end = "<reset>"
			return False
		except (ssl.SSLError, OSError) as e:
			self.end = "<eof>" if "EOF" in str(e) else "<tls error>"
			return False
		if not data:
			self.end = "<eof>"
			return False
		self.raw += data
		self.frames.feed(data)
		return True

	def deadline(self):
		return time.monotonic() + natsd.seconds(self.run.timeout)

	def read_info(self):
		deadline = self.deadline()
		while not self.frames.frames and self.pump(deadline):
			pass
		line = self.frames.frames[0][0] if self.frames.frames else b""
		if line.startswith(b"INFO "):
			self.info = json.loads(line[5:])

	def until(self, mark):
		deadline = self.deadline()
		while mark not in self.raw[self.seen:]:
			if not self.pump(deadline):
				raise Trouble("%s: closed before %r; has %r" % (self.name, mark, self.raw[-300:]))
		self.seen += self.raw[self.seen:].index(mark) + len(mark)

	def to_end(self):
		deadline = self.deadline()
		while self.pump(deadline):
			pass

	def barrier(self):
		"""PING until PONG, or the end of the connection."""
		if self.end:
			return
		self.write(b"PING\r\n")
		want = len(PINGS.findall(self.written)) - self.forgotten
		deadline = self.deadline()
		while self.frames.pongs() < want and self.pump(deadline):
			pass

	# ---- sending ----

	def write(self, data):
		self.written += data
		try:
			self.socket.settimeout(natsd.seconds(self.run.timeout))
			self.socket.sendall(data)
		except (ConnectionResetError, BrokenPipeError, ssl.SSLError, OSError):
			pass  # what it said before is still to be read

	def wait_taken(self):
		"""Until the server has read all that was sent."""
		deadline = time.monotonic() + natsd.seconds(2)
		while self.run.diag.unread(self.remote, self.local):
			if time.monotonic() > deadline:
				return  # it holds this connection back
			os.sched_yield()

	def tls(self, options):
		context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
		context.check_hostname = False
		certs = os.path.join(HERE, "certs")
		context.load_verify_locations(os.path.join(certs, options.get("ca", "ca") + ".pem"))
		if "cert" in options:
			name = os.path.join(certs, options["cert"])
			context.load_cert_chain(name + ".pem", name + ".key")
		if "v" in options:
			version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3,
			           "1.1": ssl.TLSVersion.TLSv1_1}[options["v"]]
			context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, version
			if options["v"] == "1.1":
				context.set_ciphers("ALL:@SECLEVEL=0")
			elif options["v"] == "1.3":
				context.minimum_version = version
		if "ciphers" in options:
			context.set_ciphers(options["ciphers"])
		if "curve" in options:
			context.set_ecdh_curve(options["curve"])
		try:
			self.socket.settimeout(natsd.seconds(self.run.timeout))
			self.socket = context.wrap_socket(self.socket, server_hostname=options.get("name", "localhost"))
			self.notes.append("tls %s %s" % (self.socket.version(), self.socket.cipher()[0]))
		except (ssl.SSLError, OSError) as e:
			if isinstance(e, ssl.SSLCertVerificationError):
				self.notes.append("tls: certificate refused here")
			else:
				self.notes.append("tls: failed")
			self.end = self.end or "<eof>"

	def half(self):
		"""FIN, under TLS too: the class of TLS sockets would stop to decrypt."""
		try:
			socket.socket.shutdown(self.socket, socket.SHUT_WR)
		except OSError:
			pass

	def close(self, reset=False):
		if reset:
			self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		try:
			self.socket.close()
		except OSError:
			pass


def http(port, request):
	"""Sends a request as it is, reads until the server closes: status line, headers, body."""
	with socket.create_connection(("127.0.0.1", port), natsd.seconds(10)) as s:
		s.sendall(request)
		data = b""
		while True:
			try:
				piece = s.recv(1 << 18)
			except ConnectionResetError:
				break
			if not piece:
				break
			data += piece
	head, _, body = data.partition(b"\r\n\r\n")
	lines = head.decode("utf-8", "backslashreplace").split("\r\n")
	if any(line.lower() == "transfer-encoding: chunked" for line in lines):
		whole = b""
		while body:
			size, _, body = body.partition(b"\r\n")
			whole += body[:int(size, 16)]
			body = body[int(size, 16) + 2:]
		body = whole
	return lines[0], sorted(lines[1:]), body.decode("utf-8", "backslashreplace")


class Run:
	"""One scenario, one server, one way to cut what is sent.

	cuts	"" sends whole; "bytes" byte by byte; a number cuts before that byte of all that is sent
	"""

	def __init__(self, book, scenario, server, table, diag, cuts="", std_info=None):
		self.book, self.scenario, self.server = book, scenario, server
		self.table, self.diag, self.cuts = table, diag, cuts
		self.std_info = std_info
		self.timeout = 5
		self.conns = {}
		self.blocks = []
		self.sent = 0
		self.waiting = None
		self.logged = 0

	# ---- steps ----

	def conn(self, name):
		if name not in self.conns:
			self.conns[name] = Conn(self, name)
			self.conns[name].read_info()
		return self.conns[name]

	def look(self, conn, word, args):
		if word == "nkey":
			return nkeys.Key(args[0]).public
		if word == "sig":
			return nkeys.Key(args[0]).signature(conn.info.get("nonce", ""))
		if word == "cid":
			return str(self.conns[args[0]].info["client_id"])
		if word == "port":
			return str(self.server.port)
		raise script.Mistake("${%s}" % word)

	def expand(self, text, conn=None):
		return script.expand(text, lambda word, args: self.look(conn, word, args))

	def send(self, conn, data):
		"""What goes to one connection without another step in between goes in one write."""
		if self.waiting and self.waiting[0] is not conn:
			self.flush()
		self.waiting = (conn, (self.waiting[1] if self.waiting else b"") + data)

	def flush(self):
		if self.waiting is None:
			return
		(conn, data), self.waiting = self.waiting, None
		begin, self.sent = self.sent, self.sent + len(data)
		if self.cuts == "":
			conn.write(data)
			return
		at = 0
		for cut in range(1, len(data)) if self.cuts == "bytes" else (self.cuts - begin,):
			if 0 < cut < len(data):
				conn.write(data[at:cut])
				conn.wait_taken()
				at = cut
		conn.write(data[at:])

	def step(self, step):
		if step.verb not in (">", ">>", "c"):
			self.flush()
		if step.who is not None:
			self.step_conn(step)
		elif step.verb == "~":
			for name in step.words():
				self.conn(name).barrier()
		elif step.verb in ("GET", "HEAD", "POST", "RAW"):
			self.step_http(step)
		elif step.verb == "FIND":
			self.step_find(*step.text.split(" ", 1))
		elif step.verb == "reload":
			self.step_reload(step.text)
		elif step.verb == "signal":
			self.server.signal(SIGNALS[step.text])
		elif step.verb == "log":
			self.server.wait_log(step.text)
		elif step.verb == "gone":
			self.step_gone(step.text)
		elif step.verb == "closed":
			self.step_closed(int(step.text))
		elif step.verb == "test":
			self.step_test(step.text)

	def step_conn(self, step):
		if step.verb == "open":
			c = self.conns[step.who] = Conn(self, step.who, "small" in step.words())
			if "noinfo" not in step.words():
				c.read_info()
			return
		c = self.conn(step.who)
		if step.verb == ">":
			self.send(c, self.expand(step.text, c) + b"\r\n")
		elif step.verb == ">>":
			self.send(c, self.expand(step.text, c))
		elif step.verb == "c":
			more = "," + step.text if step.text else ""
			self.send(c, b"CONNECT {%s%s}\r\n" % (QUIET.encode(), self.expand(more, c)))
		elif step.verb == "until":
			c.until(self.expand(step.text, c))
		elif step.verb == "eof":
			c.skipped = c.skipped or step.text == "skip"
			c.to_end()
		elif step.verb == "info":
			c.read_info()
		elif step.verb == "tls":
			c.tls(dict(word.split("=", 1) for word in step.words()))
		elif step.verb == "half":
			c.half()
		elif step.verb in ("close", "reset"):
			c.close(step.verb == "reset")
			c.end = "<closed here>"
		elif step.verb == "idle":
			time.sleep(float(step.text) / 1000)
		else:
			raise script.Mistake("%s: %s" % (step.place, step.verb))

	def step_http(self, step):
		text = self.expand(step.text).decode()
		if step.verb == "RAW":
			request = text
		else:
			path, _, header = text.partition(" ")
			request = "%s %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n%s\r\n" % (
			    step.verb, path, header + "\r\n" if header else "")
		status, headers, body = http(self.server.http, request.encode())
		out = [self.table.apply("header", line) for line in [status] + headers]
		out += [self.table.apply("http", line) for line in body.split("\n")]
		self.blocks.append(("%s %s" % (step.verb, step.text), [x for x in out if x is not None]))

	def step_find(self, path, pattern):
		body = http(self.server.http, b"GET %s HTTP/1.0\r\n\r\n" % self.expand(path))[2]
		self.blocks.append(("FIND %s %s" % (path, pattern), [" ".join(x.split()) for x in re.findall(pattern, body)]))

	def step_reload(self, name):
		before = len(self.server.log())
		self.server.configure(self.book.config(name))
		self.server.signal(signal.SIGHUP)
		done = re.compile(r"(?:Failed to reload server configuration: .*|Reloaded server configuration)")
		found = natsd.wait_until(lambda: done.search(self.server.log(), before), "end of the reload")
		self.blocks.append(("reload " + name, [self.text(found.group())]))

	def text(self, line):
		return self.table.apply("text", line.replace(self.server.dir, "<dir>").replace(HERE, "<diff>"))

	def step_gone(self, name):
		local = self.conns[name].local
		natsd.wait_until(lambda: '"port": %d,' % local[1] not in
		                 http(self.server.http, b"GET /connz HTTP/1.0\r\n\r\n")[2], "%s to be gone" % name)

	def step_closed(self, n):
		natsd.wait_until(lambda: '"total": %d,' % n in
		                 http(self.server.http, b"GET /connz?state=closed HTTP/1.0\r\n\r\n")[2],
		                 "%d closed connections" % n)

	def step_test(self, name):
		path = os.path.join(self.server.dir, name + ".conf")
		with open(path, "w", encoding="utf-8") as f:
			f.write(self.book.config(name))
		done = subprocess.run([self.server.binary, "-t", "-c", path], capture_output=True, text=True,
		                      timeout=natsd.seconds(20))
		lines = [self.text(line) for line in done.stderr.splitlines()]
		self.blocks.append(("test " + name, ["exit %d" % done.returncode] + [x for x in lines if x is not None]))

	# ---- the whole ----

	def settle(self):
		"""What open connections have not heard yet, they hear now; then they end."""
		left = [c for c in self.conns.values() if not c.end]
		for _ in range(2 if len(left) > 1 else 1):
			for c in left:
				if self.scenario.final and not c.end:
					c.barrier()
					self.forget_pong(c)
		for c in left:
			if c.end:
				continue
			c.half()
			c.to_end()
			c.end = None if self.scenario.final else "<end>"

	@staticmethod
	def forget_pong(c):
		frames = c.frames.frames
		for i in range(len(frames) - 1, -1, -1):
			if frames[i] == (b"PONG\r\n", None):
				del frames[i]
				c.forgotten += 1
				break

	def run(self):
		try:
			for step in self.scenario.steps:
				self.step(step)
			self.flush()
			self.settle()
			return self.transcript()
		except (Trouble, natsd.Failure, OSError, subprocess.TimeoutExpired) as e:
			return self.transcript() + ["trouble: %s" % e]
		finally:
			for c in self.conns.values():
				c.close()

	def transcript(self):
		out, pool = [], []
		parts = {name: self.of_conn(c, pool) for name, c in self.conns.items()}
		alike = iter(sorted(parts[n] for n in self.scenario.alike if n in parts))
		for name, lines in parts.items():
			out += ["[%s]" % name] + (next(alike) if name in self.scenario.alike else lines)
		if self.scenario.free:
			out += ["[pool %s]" % ",".join(self.scenario.free)] + sorted(pool)
		for title, lines in self.blocks:
			out += ["[%s]" % title] + lines
		return out

	def of_conn(self, c, pool):
		out = [self.table.apply("line", note) for note in c.notes]
		frames = c.frames.frames
		if c.skipped:
			return out + ["<skipped>", self.table.apply("line", c.end or "<open>")]
		if c.name in self.scenario.free:
			messages, frames = stream.pooled(frames)
			pool += messages
		for line in stream.lines(frames, self.scenario.pings):
			kind = "info" if line.startswith("INFO ") else "event" if ' | {"server":' in line else "line"
			line = self.table.apply(kind, line)
			out.append("INFO -" if kind == "info" and line == self.std_info else line)
		if c.frames.rest():
			out.append("unfinished: " + stream.visible(c.frames.rest()))
		if c.end:
			out.append(self.table.apply("line", c.end))
		return [line for line in out if line is not None]
