#!/usr/bin/env python3
"""What became security advisories of nats-server, tried on this one (faults.md 6.4).

The number in a name is the row of the table there; see tests/conformance/advisories.tsv.  What needs no
password at all is tried in preauth.py.
"""

import contextlib
import json
import os
import re
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "monitor"))

from certs import Authority
from natsd import Failure, build_dir, children, equal, main, read_text, seconds, test, true
from web import Web, get, page
from wire import HEADERS, QUIET, Client, parse_msgs
from wire_tls import TlsClient, context

CA = Authority("advisories")
OWN = CA.issue("localhost", san="DNS:localhost,IP:127.0.0.1")
DEREK = CA.issue("derek", subject="/O=x/OU=y/CN=derek")
OVER = "-ERR 'Authorization Violation'\r\n"


def tls_block(**fields):
	lines = ["cert_file: '%s'" % OWN.cert, "key_file: '%s'" % OWN.key]
	return "tls {\n%s\n}\n" % "\n".join(lines + ["%s: %s" % (k, v) for k, v in fields.items()])


def sanitized():
	return "define NATSD_SANITIZED 1" in read_text(os.path.join(build_dir(), "config.h"))


def user(server, name, headers=False, **more):
	c = Client(server, {**(HEADERS if headers else QUIET), "user": name, "pass": "pw", **more})
	c.flush()
	return c


# ---- certificates ----


@test(workers=(1, 2), config=tls_block(ca_file="'%s'" % CA.cert, verify="true"))
def wrong_certificates_do_not_warn_advisory_55(server):
	"""A certificate that is not right ends the handshake: of another authority, past its time, for servers only."""
	stranger = Authority("stranger").issue("x")
	with TlsClient(server, QUIET, cert=DEREK) as c:
		c.silent()
	for cert in (stranger, CA.issue("server", usage="serverAuth"), CA.issue("old", days=-1), None):
		said = b""
		with contextlib.suppress(ssl.SSLError, ConnectionError):
			c = TlsClient(server, shake=False)
			c.shake(context(cert))
			c.send("CONNECT {}\r\nPING\r\n")
			said = c.socket.recv(1000)
		equal(said, b"")
	server.wait_log("TLS handshake error", count=4)


NAME = "CN=derek,OU=y,O=x"


@test(workers=(1, 2), config=tls_block(ca_file="'%s'" % CA.cert, verify_and_map="true") + "allow_non_tls: true\n" +
      'authorization { users: [ { user: "%s" }, { user: joe, password: pw } ] }' % NAME, natsd_only=True)
def a_name_alone_is_no_certificate_advisory_65(server):
	"""The user of a certificate cannot be had by its name, in clear or with another certificate; names of
	certificates are compared by their parts, not as patterns."""
	with TlsClient(server, QUIET, cert=DEREK) as c:
		c.silent()
	for name in (NAME, "CN=derek", "*", "CN=*,OU=y,O=x", ""):
		for password in ("", "pw", NAME):
			with Client(server, {**QUIET, "user": name, "pass": password}) as c:
				c.expect(OVER)
				c.expect_eof()
	for subject in ("/O=x/OU=y/CN=derek2", "/O=x/OU=y/CN=dere", "/O=x/CN=derek", "/O=x/OU=y/OU=y/CN=derek",
	                "/CN=derek,OU=y,O=x", "/O=x/OU=y/CN=Derek", "/O=x/OU=y/CN=*"):
		with TlsClient(server, cert=CA.issue("z", subject=subject)) as c:
			c.send("CONNECT %s\r\n" % json.dumps({**QUIET, "user": NAME}))
			c.expect(OVER)
			c.expect_eof()


@test(workers=(1,), args=["--tls", "--tlscert", OWN.cert, "--tlskey", OWN.key],
      config=tls_block(ca_file="'%s'" % CA.cert, verify="true"))
def flags_lose_no_setting_advisory_65(server):
	"""Flags beside a file: whatever they do, nobody gets in without a certificate that the file or the flags
	still ask for; the peer's rule is that the flags replace the block, so it must say that in INFO."""
	c = TlsClient(server, shake=False)
	equal(c.info.get("tls_required"), True)
	verify = c.info.get("tls_verify", False)
	said = b""
	with contextlib.suppress(ssl.SSLError, ConnectionError):
		c.shake(context())
		c.send("CONNECT {}\r\nPING\r\n")
		said = c.socket.recv(1000)
	equal(said != b"", not verify, "what INFO says of certificates is what counts")


@test(workers=(1, 2), config=tls_block(timeout="1", handshake_first="true"))
def renegotiation_is_refused_advisory_tls(server):
	"""A client that asks for one new handshake after another makes no work."""
	asks = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % server.port, "-tls1_2"],
	                      input=b"R\nR\nR\n", capture_output=True, timeout=seconds(20))
	said = (asks.stdout + asks.stderr).decode(errors="replace")
	true("TLSv1.2" in said and "RENEGOTIATING" in said, said)
	# the server's alert, or what the client makes of INFO in place of a new ServerHello
	true("no renegotiation" in said or "unexpected record" in said, said)
	with TlsClient(server, QUIET, first=True) as c:
		c.silent()


@test(workers=(2,), config=tls_block(timeout="2"), http=True, natsd_only=True)
def slow_handshakes_hold_nobody_up_advisory_tls(server):
	"""A byte now and then is no reprieve: the handshake has its time as a whole."""
	slow = [Client(server) for _ in range(50)]
	begin = time.monotonic()
	hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 400
	left, at = set(slow), 0
	while left and time.monotonic() - begin < seconds(6):
		for c in list(left):
			try:
				c.socket.sendall(hello[at:at + 1])
				c.socket.settimeout(0)
				if c.socket.recv(100) == b"":
					left.discard(c)
			except BlockingIOError:
				continue
			except OSError:
				left.discard(c)
		at = min(at + 1, len(hello) - 1)
		with TlsClient(server, QUIET) as quick:
			quick.silent()
		time.sleep(0.05)
	true(not left, "%d are still there after %.1f s" % (len(left), time.monotonic() - begin))
	true(time.monotonic() - begin >= 1.5, "closed too early")


# ---- permissions ----

TRICKS = """
accounts {
	A { users: [ { user: root, password: pw },
		{ user: joe, password: pw, permissions: { publish: { deny: ["secret", "secret.>", "*.hidden"] },
			subscribe: { deny: ["secret", "secret.>", "*.hidden"] } } },
		{ user: few, password: pw, permissions: { publish: { allow: ["ok.*"] }, subscribe: { allow: ["ok.*", "q g"] } } } ] }
	B { users: [ { user: other, password: pw } ] }
	SYS { users: [ { user: sys, password: pw } ] }
}
system_account: SYS
"""
SEALED = ("secret", "secret.a", "secret.a.b", "a.hidden", "secret.hidden")
NETS = (">", "*", "*.*", "*.>", "secret", "secret.>", "secret.*", "*.a", "*.hidden", "*.*.*", "*.a.b", "a.*", "*.*.>")


@test(workers=(1, 2), config=TRICKS)
def no_wildcard_reaches_what_is_denied_advisory_58(server):
	"""Whatever is subscribed to, plain or as a member of a queue: what is denied does not arrive, and neither is
	it published, live, as a request or as a reply."""
	root, joe = user(server, "root"), user(server, "joe")
	for i, net in enumerate(NETS):
		joe.send("SUB %s p%d\r\nSUB %s qq q%d\r\nSUB %s q%d x%d\r\n" % (net, i, net, i, net, i, i))
	joe.flush()
	for subject in SEALED:
		root.pub(subject, "x", "some.reply")
	root.pub("open", "x")
	root.flush()
	joe.flush()
	got = {m.subject for m in parse_msgs(re.sub(rb"-ERR '[^\n]*\r\n", b"", joe.flush()))}
	true(not got & set(SEALED), "arrived: %s" % got)
	root.sub(">")
	root.flush()
	for subject in SEALED:
		joe.pub(subject, "x")
		joe.pub(subject, "x", "open")
	said = joe.flush()
	equal(said.count(b"Permissions Violation for Publish"), 2 * len(SEALED))
	root.silent()


@test(workers=(1, 2), config=TRICKS)
def only_what_is_allowed_advisory_58(server):
	few, root = user(server, "few"), user(server, "root")
	for net in (">", "*.a", "ok", "ok.*.b", "*.*", "ok.a.>", "OK.a", "q", "q h"):
		few.send("SUB %s 9\r\n" % net)
		true(b"Permissions Violation for Subscription" in few.flush(), net)
	few.send("SUB ok.* 1\r\nSUB ok.a 2\r\nSUB q g 3\r\n")
	few.silent()
	root.sub(">")
	root.flush()
	for subject in ("ok", "ok.a.b", "OK.a", "okk.a", "q"):
		few.pub(subject, "x")
		true(b"Permissions Violation for Publish" in few.flush(), subject)
	for subject in ("ok.*", "ok.>"):
		few.pub(subject, "x")
		few.flush()
	root.flush()
	few.pub("ok.a", "x")
	equal({m.subject for m in parse_msgs(few.flush())}, {"ok.a"})


INTERNAL = ("$NRG.AE.x", "$NRG.P.x", "$NRG.V.x", "$GR.x.y", "_GR_.x.y")


@test(workers=(1, 2), config=TRICKS)
def internal_subjects_are_nobodys_advisory_59_67(server):
	"""Not for a user without any rule: what servers say to each other is not published, nor answered, by clients."""
	for name in ("root", "other"):
		listener, c = user(server, name), user(server, name)
		for subject in (">", "$NRG.>", "$GR.>", "_GR_.>"):
			listener.sub(subject)
		listener.flush()
		for subject in INTERNAL:
			c.pub(subject, "x")
			true(b"Permissions Violation for Publish" in c.flush(), "%s %s" % (name, subject))
		for reply in ("_R_.x", "$JS.ACK.x", "_GR_.x.y", "$GR.x"):
			c.pub("anything", "x", reply)
			true(b"Permissions Violation for Publish with Reply" in c.flush(), "%s %s" % (name, reply))
		got = [m.subject for m in parse_msgs(listener.flush()) if not m.subject.startswith("$SYS.")]
		equal(got, [])


@test(workers=(1, 2), config=TRICKS)
def accounts_do_not_meet_advisory_57_62(server):
	"""No subject, reply or CONNECT field leads into another account."""
	root, other, sys_ = user(server, "root"), user(server, "other"), user(server, "sys")
	for c in (other, sys_):
		for net in (">", "A.>", "$A.>", "secret"):
			c.sub(net)
		c.flush()
	for subject in ("secret", "B.x", "$B.x", "$SYS.ACCOUNT.B.CONNECT", "$SYS.x", "$SYS.REQ.SERVER.PING"):
		root.pub(subject, "x", "B.reply")
	root.flush()
	for c in (other, sys_):
		got = [m.subject for m in parse_msgs(c.flush()) if not m.subject.startswith("$SYS.ACCOUNT.")]
		equal(got, [])
	for options in ({"account": "B"}, {"account": "A", "new_account": True}):
		with Client(server, {**QUIET, "user": "root", "pass": "pw", **options}) as c:
			c.expect(OVER)
			c.expect_eof()


@test(workers=(1, 2), config=TRICKS)
def traces_go_only_where_one_may_publish_advisory_60(server):
	"""The destination of a trace is a publication of who asks for it, however the header is written."""
	joe, root = user(server, "joe", headers=True), user(server, "root", headers=True)
	root.sub(">")
	root.flush()
	for name in ("Nats-Trace-Dest",):
		for destination in ("secret", "secret.a", "x.hidden", "$NRG.AE.x", "$GR.x"):
			for more in ("", "Nats-Trace-Only: true\r\n", "Nats-Trace-Dest: open\r\n"):
				joe.hpub("open", b"NATS/1.0\r\n%s: %s\r\n%s\r\n" % (name.encode(), destination.encode(), more.encode()), b"x")
				said = joe.flush()
				true(b"Permissions Violation" in said, "%s %s %s: %r" % (name, destination, more, said))
	true(all(m.subject not in SEALED for m in parse_msgs(root.flush())), "a trace where none may go")


# ---- lines and names ----


def all_said(c):
	"""Until PONG or the end."""
	try:
		return c.until(b"PONG\r\n")
	except Failure:
		return c.until_eof()


@test(workers=(1, 2), config=TRICKS)
def nothing_forges_a_line_of_the_protocol_advisory_61(server):
	"""Whatever stands in a subject, a reply, a queue or a header, the reader sees whole messages only, and error
	texts are one line."""
	root, reader = user(server, "root", headers=True), user(server, "root", headers=True)
	reader.sub(">")
	reader.flush()
	for bad in (b"a\rb", b"a\0b", b"a\x0bb", b"a\x0cb", b"a\x85b", b"\xe2\x80\xa8", b"a'b", b"a\"b", b"a\x1bb", b"a\x7fb"):
		for line in (b"PUB %s 1\r\nx\r\n", b"PUB s %s 1\r\nx\r\n", b"SUB %s 77\r\nUNSUB 77\r\n", b"SUB s %s 78\r\nUNSUB 78\r\n",
		             b"HPUB s %s 12 13\r\nNATS/1.0\r\n\r\nx\r\n"):
			with Client(server, {**HEADERS, "user": "root", "pass": "pw"}) as c:
				c.send(line % bad + b"PING\r\n")
				said = all_said(c)
				for piece in said.split(b"\r\n")[:-1]:
					true(re.fullmatch(rb"-ERR '[^\r\n]*'|MSG .*|HMSG .*|x|", piece), "%r" % said)
	root.pub("end", "x")
	root.flush()
	read = reader.until(b"MSG end 1 1\r\n")
	while read:
		head, read = read.split(b"\r\n", 1)
		fields = head.split(b" ")
		true(fields[0] in (b"MSG", b"HMSG") and fields[-1].isdigit(), "%r" % head)
		equal(read[int(fields[-1]):][:2], b"\r\n")
		read = read[int(fields[-1]) + 2:]


@test(workers=(1,), http=True, config='accounts { "../../../tmp/natsd-escape" { users: [ { user: joe, password: pw } ] } }',
      natsd_only=True)
def names_are_no_paths_advisory_63(server):
	"""The name of an account, of a user, of a page: none leads out."""
	with user(server, "joe") as c:
		c.silent()
	for target in ("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd", "/varz/../../etc/passwd",
	               "/connz?acc=../../etc/passwd", "//etc/passwd", "/\\..\\..\\etc\\passwd"):
		answer = get(server, target)
		true("root:" not in answer.body, target)
	true(not os.path.exists("/tmp/natsd-escape"), "a file by that name")
	equal(sorted(set(os.listdir(server.dir)) - {"natsd.conf", "log", "stderr", os.path.basename(server.ports_path)}), [])


BIG = (2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 63 - 1, 2 ** 63, 2 ** 64, -1, -2 ** 63)


@test(http=True)
def pages_do_not_overflow_advisory_64(server):
	"""Offset and limit at the ends of every type: an answer each, of what there is or of nothing."""
	with Client(server, QUIET) as c:
		c.sub("a")
		c.flush()
		for path in ("/connz", "/subsz?subs=1"):
			for offset in BIG:
				for limit in BIG:
					answer = get(server, "%s%soffset=%d&limit=%d" % (path, "&" if "?" in path else "?", offset, limit))
					true(answer.status in (200, 400), answer.text)
					if answer.status == 200:
						true(len(answer.json().get("connections") or []) <= 1, answer.body)
		c.silent()


# ---- secrets and logs ----

SECRETS = ("hunter2", "s3cr3t-token", "n0t-this-one")


@test(workers=(1,), http=True, args=["-DV"],
      config="authorization { user: joe, password: hunter2 }\nnatsd { }\n", natsd_only=True)
def secrets_are_not_told_advisory_66(server):
	"""Passwords and tokens, right and wrong: not in any page, any log line of any level, any command line."""
	for options in ({"user": "joe", "pass": "hunter2"}, {"user": "joe", "pass": "n0t-this-one"}, {"auth_token": "s3cr3t-token"},
	                {"PASS": "n0t-this-one"}, {"user": "joe", "pass": "hunter2", "lang": "x"},
	                {"sig": "n0t-this-one", "nkey": "U"}):
		with Client(server) as c:
			c.send("CONNECT %s\r\nPING\r\n" % json.dumps({"verbose": False, **options}))
			c.until_eof() if options.get("pass") != "hunter2" else c.until(b"PONG\r\n")
			for target in ("/connz?auth=1&subs=1", "/varz", "/connz?state=any&auth=1"):
				text = get(server, target).body
				true(not any(s in text for s in SECRETS), target)
	with Client(server) as c:
		c.send(b'CONNECT {"user":"joe","pass":"n0t-this-one","x":}\r\n')
		c.until_eof()
	with Client(server) as c:
		c.send(b'CONNECT {"user":"joe","pass":"hunter2\r\n')
		c.until_eof()
	log = server.log() + read_text(server.err_path)
	true("CONNECT" in log, "the trace is on")
	for secret in SECRETS:
		true(secret not in log, "%s in the log" % secret)
	for pid in [server.pid, *children(server.pid)]:
		with open("/proc/%d/cmdline" % pid, "rb") as f:
			true(not any(s.encode() in f.read() for s in SECRETS), "command line of %d" % pid)


@test(http=True)
def nothing_runs_in_a_browser_advisory_monitoring(server):
	"""What clients and addresses say comes back as data: names are JSON, a callback does not become markup."""
	evil = "</script><script>alert(1)</script>"
	with Client(server, {**QUIET, "name": evil}) as c:
		c.flush()
		answer = get(server, "/connz")
		equal(answer.headers["content-type"], "application/json")
		equal(answer.json()["connections"][0]["name"], evil)
		true("<script>" not in answer.body, answer.body)
	for target in ("/varz?callback=%3Cscript%3Ealert(1)%3C/script%3E", "/connz?callback=x%0d%0aSet-Cookie:%20a=b"):
		answer = get(server, target)
		true(answer.headers["content-type"] in ("application/javascript", "application/json"), answer.text)
		true("set-cookie" not in answer.headers, answer.text)
	for target in ("/<script>", "/?<script>", "//<script>", "/a%0d%0aSet-Cookie:x", "//x%0d%0aSet-Cookie:%20a"):
		answer = get(server, target)
		true("set-cookie" not in answer.headers and "<script>" not in answer.body, "%s: %s" % (target, answer.body))


@test(http=True, natsd_only=True)
def slow_readers_of_pages_hold_nobody_up_advisory_monitoring(server):
	"""Half heads, heads of a byte at a time and answers that nobody reads leave the port and the clients alone."""
	webs = [Web(server) for _ in range(120)]
	try:
		for web in webs[:60]:
			web.send("GET /varz HTTP/1.1\r\nHost: h\r\nX: ")
		for web in webs[60:]:
			web.send("GET /varz HTTP/1.1\r\nHost: h\r\n\r\n" * 200)
		with Client(server, QUIET) as c:
			for _ in range(5):
				begin = time.monotonic()
				c.silent()
				equal(get(server, "/healthz").status, 200)
				true(time.monotonic() - begin < seconds(2), "held up")
	finally:
		for web in webs:
			web.socket.close()


# ---- many of something ----


@test(workers=(1,), natsd_only=True)
def closed_connections_remember_so_much_advisory_memory(server):
	"""What is remembered of the subscriptions of closed connections has a bound."""
	def resident():
		return int(re.search(r"VmRSS:\s+(\d+)", read_text("/proc/%d/status" % server.role("front"))).group(1))
	sizes = []
	for _ in range(10):
		with Client(server, QUIET, timeout=60) as c:
			for i in range(0, 10000, 500):
				c.send("".join("SUB a.%d.%s %d\r\n" % (k, "b" * 1500, k) for k in range(i, i + 500)))
			c.silent()
		with Client(server, QUIET) as c:
			c.silent()
		sizes.append(resident())
	print("# KiB after each: %s" % sizes)
	true(sanitized() or max(sizes) <= sizes[0] + (100 << 10), "it grows: %s KiB" % sizes)


@test(workers=(1, 2))
def header_bombs_advisory_memory(server):
	"""Headers of a thousand fields, of one endless field, of none: carried as they are, or refused."""
	with Client(server, HEADERS) as c:
		c.sub("a")
		for header in (b"NATS/1.0\r\n" + b"".join(b"k%d: v\r\n" % i for i in range(5000)) + b"\r\n",
		               b"NATS/1.0\r\nk: " + b"v" * 900000 + b"\r\n\r\n", b"NATS/1.0\r\n" + b"\r\n" * 30000,
		               b"NATS/1.0\r\n" + b"Nats-Trace-Dest: x\r\n" * 2 + b"\r\n", b"NATS/1.0\r\n" + b":" * 50000 + b"\r\n\r\n",
		               b"x" * 70000):
			c.hpub("a", header, b"p")
			m = c.msg()
			equal((m.header[-1:], m.payload), (header[-1:], b"p"))
		c.silent()


main()
