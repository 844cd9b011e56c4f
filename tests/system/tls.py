"""TLS of clients and of monitoring, and how a connection begins (client.md 2)."""

import http.client
import json
import os
import re
import select
import signal
import socket
import ssl
import struct
import threading
import time
import warnings

from certs import Authority
from natsd import Failure, WORKERS, add, equal, factor, main, seconds, test, true, wait_until
from wire import QUIET, Client
from wire_tls import TlsClient, context

CA = Authority()
OWN = CA.issue("server", san="DNS:localhost,IP:127.0.0.1")
OTHER = CA.issue("other", san="DNS:localhost,IP:127.0.0.1")
RSA = CA.issue("rsa", san="DNS:localhost,IP:127.0.0.1", kind="rsa")
DEREK = CA.issue("derek", san="email:derek@nats.io",
                 subject="/C=US/ST=California/O=Synadia/OU=nats.io/CN=derek")
STRANGER = Authority("stranger").issue("stranger")


def block(cert=OWN, **fields):
	"""A tls{} block; fields are written as they are."""
	lines = ["cert_file: '%s'" % cert.cert, "key_file: '%s'" % cert.key]
	lines += ["%s: %s" % (k, v) for k, v in fields.items()]
	return "tls {\n  %s\n}\n" % "\n  ".join(lines)


VERIFY = {"ca_file": "'%s'" % CA.cert, "verify": "true"}


def shake_fails(server, first=False, cert=None, **kw):
	"""The handshake, or the first read behind it, fails."""
	try:
		with TlsClient(server, first=first, cert=cert, **kw) as c:
			c.send("PING\r\n")
			data = c.socket.recv(100)
			true(data == b"", "the server went on with %r" % data)
	except (ssl.SSLError, ConnectionError, Failure):
		return
	except OSError:
		return


def ping(c):
	c.send("PING\r\n")
	c.expect("PONG\r\n")


def flags(info):
	return {k: v for k, v in info.items() if k.startswith("tls_")}


def ends_silently(c, timeout=10):
	c.expect_eof(timeout)


def connz(server, query=""):
	import urllib.request
	with urllib.request.urlopen("http://127.0.0.1:%d/connz%s" % (server.http, query),
	                            timeout=seconds(10)) as r:
		return json.load(r)


# ---- the matrix of client.md 2.3 ----


@test(workers=WORKERS)
def no_tls(server):
	with Client(server, QUIET) as c:
		equal(flags(c.info), {})
		ping(c)


@test(workers=WORKERS, config=block())
def tls_required(server):
	with TlsClient(server, QUIET) as c:
		equal(flags(c.info), {"tls_required": True})
		ping(c)
	with Client(server) as c:
		c.send("CONNECT {}\r\nPING\r\n")
		ends_silently(c)


@test(workers=WORKERS, config=block() + "allow_non_tls: true\n")
def allow_non_tls(server):
	with TlsClient(server, QUIET) as c:
		equal(flags(c.info), {"tls_available": True})
		ping(c)
	with Client(server) as c:
		equal(flags(c.info), {"tls_available": True})
		c.send("PING\r\n")  # exactly six bytes
		c.expect("PONG\r\n")


@test(workers=WORKERS, config=block(timeout="0.5") + "allow_non_tls: true\n")
def allow_non_tls_waits(server):
	"""A client in clear that sends fewer than six bytes is served after tls.timeout."""
	with Client(server) as c:
		begin = time.monotonic()
		c.send("PING\n")
		c.expect("PONG\r\n")
		true(time.monotonic() - begin > 0.4, "it was not waited for the rest")
	with Client(server) as c:
		time.sleep(0.6)
		c.send("PING\r\n")
		c.expect("PONG\r\n")


@test(workers=WORKERS, config=block(handshake_first="true"))
def handshake_first(server):
	with TlsClient(server, QUIET, first=True) as c:
		equal(flags(c.info), {"tls_required": True})
		ping(c)
	with Client(server, info=False) as c:
		c.send("CONNECT {}\r\nPING\r\n")
		ends_silently(c)


@test(workers=WORKERS, config=block(handshake_first="true", timeout="0.3") +
      "allow_non_tls: true\n")
def handshake_first_is_strict(server):
	"""allow_non_tls lets nobody in who does not begin with a handshake."""
	with TlsClient(server, QUIET, first=True) as c:
		equal(flags(c.info), {"tls_required": True, "tls_available": True})
		ping(c)
	with Client(server, info=False) as c:
		ends_silently(c)


@test(workers=WORKERS, config=block(handshake_first="'200ms'"))
def handshake_first_falls_back(server):
	with TlsClient(server, QUIET, first=True) as c:
		equal(flags(c.info), {"tls_required": True})
		ping(c)
	begin = time.monotonic()
	with TlsClient(server, QUIET) as c:
		true(time.monotonic() - begin > 0.15, "INFO came before the delay was over")
		equal(flags(c.info), {"tls_required": True})
		ping(c)


@test(workers=WORKERS, config=block(handshake_first="auto") + "allow_non_tls: true\n")
def handshake_first_falls_back_to_both(server):
	with TlsClient(server, QUIET, first=True) as c:
		equal(flags(c.info), {"tls_required": True, "tls_available": True})
		ping(c)
	with TlsClient(server, QUIET) as c:
		equal(flags(c.info), {"tls_available": True})
		ping(c)
	with Client(server) as c:
		equal(flags(c.info), {"tls_available": True})
		c.send("PING\r\n")
		c.expect("PONG\r\n")


@test(workers=(1,), config=block(handshake_first="auto"))
def a_few_bytes_are_no_handshake(server):
	with Client(server, info=False) as c:
		c.send("PI")
		ends_silently(c)


@test(workers=(1,), config=block() + "max_connections: 1\n")
def one_too_many_hears_it_in_clear(server):
	with TlsClient(server, QUIET) as c:
		ping(c)
		with Client(server) as d:
			d.expect_err("maximum connections exceeded")
			d.expect_eof()


# ---- certificates ----


@test(workers=WORKERS, config=block(**VERIFY), http=True)
def verify(server):
	with TlsClient(server, QUIET, cert=DEREK) as c:
		equal(flags(c.info), {"tls_required": True, "tls_verify": True})
		ping(c)
		conn, = connz(server, "?auth=1")["connections"]
		equal(conn["tls_version"], "1.3")
		true(conn["tls_cipher_suite"] in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"),
		     conn["tls_cipher_suite"])
	shake_fails(server)
	server.wait_log("TLS handshake error: tls: client didn't provide a certificate")
	shake_fails(server, cert=STRANGER)
	server.wait_log("TLS handshake error: tls: failed to verify certificate: x509: certificate "
	                "signed by unknown authority")
	server.wait_log("(CN=stranger SHA-256: %s)" % STRANGER.sha256())


@test(workers=(1, 2), config=block(**VERIFY), http=True)
def peer_certificates_are_shown(server):
	with TlsClient(server, QUIET, cert=DEREK.with_chain(CA)) as c:
		ping(c)
		conn, = connz(server, "?auth=1")["connections"]
		equal(conn["tls_peer_certs"], [{
			"subject": "CN=derek,OU=nats.io,O=Synadia,ST=California,C=US",
			"spki_sha256": DEREK.pin(), "cert_sha256": DEREK.sha256()}, {
			"subject": "CN=natsd test ca",
			"spki_sha256": CA.pin(), "cert_sha256": CA.sha256()}])


@test(workers=(1, 2), config=block(ca_file="'%s'" % CA.cert, verify_and_map="true") + """
authorization { users: [ {user: "derek@nats.io"} ] }
""")
def verify_and_map(server):
	with TlsClient(server, QUIET, cert=DEREK) as c:
		ping(c)
	with TlsClient(server, cert=OTHER) as c:
		c.connect(verbose=False)
		c.expect_err("Authorization Violation")
		c.expect_eof()


NAMED = {
	"email": CA.issue("x1", san="email:e@x,DNS:d.x,URI:spiffe://x/u", subject="/O=x/CN=x1"),
	"dns": CA.issue("x2", san="DNS:d.x,URI:spiffe://x/u", subject="/O=x/CN=x2"),
	"uri": CA.issue("x3", san="URI:spiffe://x/u", subject="/O=x/CN=x3"),
	"exact": CA.issue("x4", subject="/O=x/OU=y/CN=x4"),
	"any order": CA.issue("x5", subject="/CN=x5/OU=y/O=x"),
	"with DCs": CA.issue("x6", subject="/DC=com/DC=x/OU=y/CN=x6"),
	"email is nobody": CA.issue("x7", san="email:nobody@x,DNS:d.x", subject="/O=x/CN=x7"),
	"nobody": CA.issue("x8", san="DNS:nobody.x", subject="/O=x/CN=x8"),
}
NAMED_USERS = """authorization { users: [ {user: "e@x"}, {user: "d.x"}, {user: "spiffe://x/u"},
  {user: "CN=x4,OU=y,O=x"}, {user: "CN=x5,OU=y,O=x"}, {user: "CN=x6,OU=y,DC=com,DC=x"} ] }
"""
NAMED_WANT = {"email": "e@x", "dns": "d.x", "uri": "spiffe://x/u", "exact": "CN=x4,OU=y,O=x",
              "any order": "CN=x5,OU=y,O=x", "with DCs": "CN=x6,OU=y,DC=com,DC=x",
              "email is nobody": "d.x", "nobody": None}


@test(workers=(1, 2), config=block(ca_file="'%s'" % CA.cert, verify_and_map="true") + NAMED_USERS,
      http=True)
def certificates_name_users(server):
	for what, want in NAMED_WANT.items():
		with TlsClient(server, cert=NAMED[what]) as c:
			c.connect(verbose=False)
			if want is None:
				c.expect_err("Authorization Violation")
				c.expect_eof()
				continue
			ping(c)
			mine = [n for n in connz(server, "?auth=1&state=open")["connections"]
			        if n["cid"] == c.info["client_id"]]
			equal(mine[0].get("authorized_user"), want, what)


@test(workers=(1,), config=block(ca_file="'%s'" % CA.cert, verify_and_map="true") + """
authorization { users: [ {user: "e@x", allowed_connection_types: ["WEBSOCKET"]}, {user: "d.x"} ] }
""", http=True)
def mapping_skips_other_types(server):
	with TlsClient(server, QUIET, cert=NAMED["email"]) as c:
		ping(c)
		equal(connz(server, "?auth=1")["connections"][0].get("authorized_user"), "d.x")


@test(workers=WORKERS)
def turned_on_and_off(server):
	"""A reload: connections live on, INFO of new ones says how it is now."""
	def reload(config, count):
		server.configure(config)
		server.signal(signal.SIGHUP)
		server.wait_log("Reloaded server configuration", count=count)
	with Client(server, QUIET) as plain:
		ping(plain)
		reload(block(), 1)
		ping(plain)
		with TlsClient(server, QUIET) as inside:
			equal(flags(inside.info), {"tls_required": True})
			ping(inside)
			reload("", 2)
			ping(inside)
			ping(plain)
			with Client(server, QUIET) as c:
				equal(flags(c.info), {})
				ping(c)


@test(workers=(1,), config=block(RSA))
def old_versions_are_refused(server):
	warnings.simplefilter("ignore", DeprecationWarning)  # of naming them
	for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
		ctx = context(ciphers="ALL:@SECLEVEL=0")
		ctx.minimum_version = ssl.TLSVersion.TLSv1
		ctx.maximum_version = version
		shake_fails(server, ctx=ctx)
	server.wait_log("TLS handshake error: tls: client offered only unsupported versions", count=2)


@test(workers=(1, 2), config=block(pinned_certs="['%s']" % DEREK.pin(), **VERIFY))
def pinned(server):
	with TlsClient(server, QUIET, cert=DEREK) as c:
		ping(c)
	shake_fails(server, cert=OTHER)
	server.wait_log("TLS handshake error: certificate not pinned")


@test(workers=WORKERS, config=block(pinned_certs="['%s', '%s']" % (DEREK.pin(), OTHER.pin()),
                                    **VERIFY))
def pins_are_checked_at_reload(server):
	with TlsClient(server, QUIET, cert=DEREK) as c, TlsClient(server, QUIET, cert=OTHER) as d:
		ping(c)
		ping(d)
		server.configure(block(pinned_certs="['%s']" % DEREK.pin(), **VERIFY))
		server.signal(signal.SIGHUP)
		server.wait_log("Disconnect 1 clients due to pinned certs reload")
		d.expect_eof()
		ping(c)


@test(workers=WORKERS, config=block(), http=False)
def certificates_are_reloaded(server):
	with TlsClient(server, QUIET) as old:
		equal(old.socket.getpeercert(True), OWN.der())
		server.configure(block(RSA))
		server.signal(signal.SIGHUP)
		server.wait_log("Reloaded server configuration")
		with TlsClient(server, QUIET) as new:
			equal(new.socket.getpeercert(True), RSA.der())
			new.sub("a")
			ping(new)
			old.pub("a", "hello")
			ping(old)
			new.expect("MSG a 1 5\r\nhello\r\n")
		ping(old)


@test(workers=(1,), config=block(RSA))
def versions_and_suites(server):
	for version, ciphers in ((ssl.TLSVersion.TLSv1_3, None),
	                         (ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-GCM-SHA256"),
	                         (ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES256-GCM-SHA384"),
	                         (ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-CHACHA20-POLY1305"),
	                         (ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-SHA")):
		with TlsClient(server, QUIET, ctx=context(version=version, ciphers=ciphers)) as c:
			ping(c)
	shake_fails(server, ctx=context(version=ssl.TLSVersion.TLSv1_2, ciphers="AES128-GCM-SHA256"))


A = CA.issue("a", san="DNS:a.x")
B = CA.issue("b", san="DNS:b.x")
SEVERAL = "tls { certs: [%s] }\n" % ", ".join(
	"{cert_file: '%s', key_file: '%s'}" % (c.cert, c.key) for c in (A, B, RSA))


@test(workers=(1, 2), config=SEVERAL)
def several_certificates(server):
	"""By the name the client asks for, by what it can verify, else the first."""
	ecdsa = context()
	rsa = context(version=ssl.TLSVersion.TLSv1_2, ciphers="ECDHE-RSA-AES128-GCM-SHA256")
	for ctx, name, want in ((ecdsa, "a.x", A), (ecdsa, "b.x", B), (ecdsa, "localhost", RSA),
	                        (ecdsa, "other.x", A), (ecdsa, None, A), (rsa, "localhost", RSA),
	                        (rsa, None, RSA)):
		with TlsClient(server, shake=False) as c:
			c.socket = ctx.wrap_socket(c.socket, server_hostname=name)
			c.connect(**QUIET)
			ping(c)
			true(c.socket.getpeercert(True) == want.der(), "%s got another one" % name)


@test(workers=(1,), config=block(min_version='"1.3"'))
def min_version(server):
	with TlsClient(server, QUIET) as c:
		ping(c)
	shake_fails(server, ctx=context(version=ssl.TLSVersion.TLSv1_2))


# ---- time, rate, floods ----


@test(workers=WORKERS, config=block(timeout="0.3") + "debug: true\n")
def half_a_handshake(server):
	for part in (b"", b"\x16\x03\x01", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"):
		with Client(server) as c:
			c.send(part)
			ends_silently(c)
	server.wait_log("Client connection closed: TLS Handshake Failure", count=3)
	true(re.search(r"TLS handshake timeout|TLS handshake error: .*timeout", server.log()),
	     "the reason is told")
	true("[ERR]" not in server.log(), "a timeout is no error")


@test(workers=(1,), config=block() + "debug: true\n")
def no_handshake_at_all(server):
	with Client(server) as c:
		c.send("GET / HTTP/1.1\r\n\r\n")
		ends_silently(c)
	server.wait_log("[DBG]")
	server.wait_log("TLS handshake error: tls: first record does not look like a TLS handshake")
	true("[ERR]" not in server.log(), "a probe is no error")


@test(workers=WORKERS, config=block(connection_rate_limit="3"))
def rate_limit(server):
	refused = shaken = 0
	for _ in range(6):
		c = Client(server)
		try:
			c.socket.settimeout(seconds(5))
			ready = select.select([c.socket], [], [], 0.1)[0] or c.buffer
			if ready:
				c.expect_err("Connection throttling is active. Please try again later.")
				c.expect_eof()
				refused += 1
			else:
				shaken += 1
		finally:
			c.close()
	equal((shaken, refused), (3, 3))
	server.wait_log("Rejected 3 connections due to TLS rate limiting", timeout=5)

	def again():
		try:
			with TlsClient(server, QUIET) as c:
				ping(c)
				return True
		except (Failure, OSError):
			return False
	wait_until(again, "the next window")


@test(workers=WORKERS, config=block())
def handshakes_delay_nobody(server):
	"""While 200 handshakes run, another client's round trips stay short."""
	stop = threading.Event()
	done = []

	def shake_many():
		ctx = context()
		while not stop.is_set() and len(done) < 200:
			with TlsClient(server, ctx=ctx):
				done.append(1)

	with TlsClient(server, QUIET) as c:
		ping(c)
		threads = [threading.Thread(target=shake_many) for _ in range(4)]
		for t in threads:
			t.start()
		times = []
		while any(t.is_alive() for t in threads):
			begin = time.monotonic()
			ping(c)
			times.append(time.monotonic() - begin)
			time.sleep(0.002)
		stop.set()
		for t in threads:
			t.join()
	times.sort()
	true(len(done) >= 200, "200 handshakes")
	middle = times[len(times) // 2]
	true(middle < 0.05 * factor(), "round trips took %.1f ms" % (middle * 1000))


# ---- data ----


@test(workers=WORKERS, config=block() + "max_payload: 8388608\nmax_pending: 67108864\n")
def sizes(server):
	with TlsClient(server, QUIET) as sub, TlsClient(server, QUIET) as pub:
		sub.sub("a")
		ping(sub)
		for n in (0, 1, 2, 100, 4095, 16383, 16384, 16385, 40000, 65535, 65536, 200000, 1 << 20,
		          8 << 20):
			body = os.urandom(256) * (n // 256) + b"x" * (n % 256)
			sender = threading.Thread(target=pub.pub, args=("a", body))
			sender.start()
			msg = sub.msg(timeout=30)
			sender.join()
			true(msg.payload == body, "%d bytes came back different" % n)
		# both ways over one connection
		pub.sub("b")
		ping(pub)
		for n in (1, 70000, 3000000):
			body = os.urandom(n)
			pub.pub("b", body)  # the server holds what we do not read yet
			true(pub.msg(timeout=30).payload == body, "%d bytes to itself" % n)


@test(workers=(1, 2), config=block())
def many_messages(server):
	with TlsClient(server, QUIET) as sub, TlsClient(server, QUIET) as pub:
		sub.sub("a.>")
		ping(sub)
		want = [(b"%d" % i) * (i % 300) for i in range(20000)]
		data = b"".join(b"PUB a.%d %d\r\n%s\r\n" % (i, len(p), p) for i, p in enumerate(want))

		def send():
			pub.send(data)
		sender = threading.Thread(target=send)
		sender.start()
		for i, payload in enumerate(want):
			msg = sub.msg()
			equal((msg.subject, msg.payload), ("a.%d" % i, payload))
		sender.join()


class Relay:
	"""Passes bytes between a client and the server, `size` at a time towards the server."""

	def __init__(self, server, size):
		self.listener = socket.create_server(("127.0.0.1", 0))
		self.port = self.listener.getsockname()[1]
		self.size = size
		self.server_port = server.port
		threading.Thread(target=self.run, daemon=True).start()

	def run(self):
		a = self.listener.accept()[0]
		b = socket.create_connection(("127.0.0.1", self.server_port))
		b.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
		try:
			while True:
				for s in select.select([a, b], [], [])[0]:
					data = s.recv(65536)
					if not data:
						return
					if s is b:
						a.sendall(data)
						continue
					for i in range(0, len(data), self.size):
						b.sendall(data[i:i + self.size])
		except OSError:
			pass
		finally:
			a.close()
			b.close()
			self.listener.close()


@test(workers=(1, 2), config=block())
def byte_by_byte(server):
	for size in (1, 3, 1000):
		relay = Relay(server, size)
		with TlsClient(relay.port, QUIET) as c:
			c.sub("a")
			c.pub("a", "hello")
			c.expect("MSG a 1 5\r\nhello\r\n")
			ping(c)


@test(workers=(1, 2), config=block() + "max_pending: 1048576\nmax_payload: 65536\n")
def slow_consumer_pending(server):
	with TlsClient(server, QUIET, rcvbuf=4096) as slow, TlsClient(server, QUIET) as pub:
		slow.sub("a")
		ping(slow)
		body = b"x" * 60000
		wait_until(lambda: pub.pub("a", body) or "Slow Consumer Detected" in server.log(),
		           "a slow consumer", every=0)
		server.wait_log("Slow Consumer Detected: MaxPending of 1048576 Exceeded")
		ping(pub)


@test(workers=(1, 2), config=block() + "write_deadline: '300ms'\n")
def slow_consumer_deadline(server):
	with TlsClient(server, QUIET, rcvbuf=4096) as slow, TlsClient(server, QUIET) as pub:
		slow.sub("a")
		ping(slow)
		for _ in range(200):
			pub.pub("a", b"x" * 60000)
		server.wait_log("WriteDeadline of 300ms exceeded")
		ping(pub)


@test(workers=(1, 2), config=block() + "ping_interval: '100ms'\nping_max: 2\n")
def pings_inside(server):
	with TlsClient(server, QUIET, auto_pong=False) as c:
		c.until(b"PING\r\n")
		c.until(b"PING\r\n")
		c.until(b"-ERR 'Stale Connection'\r\n")
		c.expect_eof()


@test(workers=(1,), config=block() + "authorization { token: 'secret' }\n")
def error_inside(server):
	with TlsClient(server) as c:
		true(c.info.get("auth_required"), "auth_required")
		c.connect(auth_token="wrong")
		c.expect_err("Authorization Violation")
		c.expect_eof()
	with TlsClient(server, {"auth_token": "secret", "verbose": False}) as c:
		ping(c)


@test(workers=WORKERS, config=block(timeout="1") + "authorization { user: a, password: b,"
      " timeout: 0.3 }\n")
def auth_timer_starts_behind_the_handshake(server):
	with Client(server) as c:
		time.sleep(0.5)
		inside = context().wrap_socket(c.socket, server_hostname="localhost")
		c.socket = inside
		c.connect(user="a", **{"pass": "b"}, verbose=False)
		ping(c)
	with TlsClient(server) as c:
		c.expect_err("Authentication Timeout")
		c.expect_eof()


@test(workers=(1, 2), config=block(), natsd_only=True)
def front_is_killed(server):
	with TlsClient(server, QUIET) as c:
		ping(c)
		server.tolerant = True
		pid = server.role("front")
		os.kill(pid, signal.SIGKILL)
		server.role("front", other_than=pid)

	def again():
		try:
			with TlsClient(server, QUIET) as c:
				ping(c)
				return True
		except (Failure, OSError):
			return False
	wait_until(again, "a client of the next life")


# ---- PROXY protocol ----

V1 = b"PROXY TCP4 192.0.2.7 192.0.2.9 5555 4222\r\n"
V2 = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([192, 0, 2, 7, 192, 0, 2, 9]) + \
	struct.pack(">HH", 5555, 4222)
V2_LOCAL = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"


def proxied(server, client, ip="192.0.2.7"):
	client.connect(verbose=False, protocol=1)
	client.send("PING\r\n")
	client.expect("PONG\r\n")
	info = client.read_info()
	equal(info.get("client_ip"), ip)
	conns = connz(server)["connections"]
	equal([c["ip"] for c in conns], [ip])
	if ip != "127.0.0.1":
		equal(conns[0]["port"], 5555)


PROXY_CASES = (("v1", V1, "192.0.2.7"), ("v2", V2, "192.0.2.7"), ("local", V2_LOCAL, "127.0.0.1"),
               ("unknown", b"PROXY UNKNOWN\r\n", "127.0.0.1"), ("direct", b"", "127.0.0.1"))

for name, header, ip in PROXY_CASES:
	def clear(server, header=header, ip=ip):
		with Client(server) as c:
			true("client_ip" not in c.info, "client_ip before the header")
			c.send(header)
			proxied(server, c, ip)
	add("proxy_%s_in_clear" % name, clear, workers=(1, 2), config="proxy_protocol: true\n",
	    http=True)

	def both(server, header=header, ip=ip):
		with TlsClient(server, begin=header) as c:
			proxied(server, c, ip)
	add("proxy_%s_then_tls" % name, both, workers=(1, 2),
	    config="proxy_protocol: true\n" + block(), http=True)

	def mixed(server, header=header, ip=ip):
		with TlsClient(server, begin=header) as c:
			proxied(server, c, ip)
		with Client(server) as c:
			c.send(header + b"PING\r\n")
			c.expect("PONG\r\n")
	add("proxy_%s_then_either" % name, mixed, workers=(1, 2),
	    config="proxy_protocol: true\nallow_non_tls: true\n" + block(), http=True)

	def tls_first(server, header=header, ip=ip):
		with TlsClient(server, begin=header, first=True) as c:
			equal(c.info.get("client_ip"), ip)
			c.connect(verbose=False)
			ping(c)
	add("proxy_%s_then_tls_first" % name, tls_first, workers=(1,),
	    config="proxy_protocol: true\n" + block(handshake_first="true"))


@test(workers=(1, 2), config="proxy_protocol: true\n")
def proxy_header_in_pieces(server):
	for header in (V1, V2):
		for at in range(1, len(header)):
			with Client(server) as c:
				c.send_split(header + b"CONNECT {\"verbose\":false}\r\nPING\r\n", at)
				c.expect("PONG\r\n")


@test(workers=(1,), config="proxy_protocol: true\n")
def proxy_header_is_wrong(server):
	for header in (b"PROXY TCP4 1.2.3.4\r\n", b"PROXY TCP4 ::1 ::1 1 2\r\n", b"PROXY " + b"x" * 110,
	               b"\r\n\r\n\0\rXXXXXXXXXXXX", V2[:12] + b"\x21\x31\0\0", V2[:12] + b"\x31\x11\0\x0c"):
		with Client(server) as c:
			c.send(header)
			c.expect_eof()
	server.wait_log("Error reading PROXY protocol header from 127.0.0.1:", count=6)


@test(workers=(1,), config="proxy_protocol: true\n")
def proxy_header_does_not_come(server):
	with Client(server) as c:
		begin = time.monotonic()
		c.expect_eof(timeout=15)
		true(4.5 < time.monotonic() - begin < seconds(9), "it takes five seconds")
	server.wait_log("Error reading PROXY protocol header")


@test(workers=(1,), config="proxy_protocol: true\n")
def no_proxy_header_is_a_client(server):
	with Client(server, QUIET) as c:
		ping(c)


# ---- https ----


def https(server, path="/varz", ctx=None):
	c = http.client.HTTPSConnection("127.0.0.1", server.http, context=ctx or context(),
	                                timeout=seconds(10))
	try:
		c.request("GET", path)
		r = c.getresponse()
		return r.status, r.read()
	finally:
		c.close()


@test(workers=(1, 2), config=block(**VERIFY) + "https: '127.0.0.1:-1'\n")
def monitoring_over_tls(server):
	status, body = https(server)
	equal(status, 200)
	true(json.loads(body)["server_id"], "varz")
	c = http.client.HTTPSConnection("127.0.0.1", server.http, context=context(),
	                                timeout=seconds(10))
	for _ in range(3):  # kept alive
		c.request("GET", "/connz")
		equal(c.getresponse().read()[:1], b"{")
	c.close()
	with socket.create_connection(("127.0.0.1", server.http)) as s:
		s.sendall(b"GET /varz HTTP/1.1\r\nHost: x\r\n\r\n")
		answer = b""
		while True:
			more = s.recv(1000)
			if not more:
				break
			answer += more
	equal(answer, b"HTTP/1.0 400 Bad Request\r\n\r\n"
	      b"Client sent an HTTP request to an HTTPS server.\n")
	with socket.create_connection(("127.0.0.1", server.http)) as held:
		held.sendall(b"\x16\x03\x01")  # half a handshake holds nobody up
		equal(https(server)[0], 200)


@test(workers=(1,), config=block() + "https: '127.0.0.1:-1'\n")
def monitoring_takes_the_new_certificate(server):
	def shown():
		with socket.create_connection(("127.0.0.1", server.http)) as s:
			with context().wrap_socket(s, server_hostname="localhost") as t:
				return t.getpeercert(True)
	equal(shown(), OWN.der())
	server.configure(block(RSA) + "https: '127.0.0.1:-1'\n")
	server.signal(signal.SIGHUP)
	server.wait_log("Reloaded server configuration")
	equal(shown(), RSA.der())


main()
