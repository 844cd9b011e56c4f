#!/usr/bin/env python3
"""Message tracing: what starts a trace, what its event says, and that nothing else changes.

The numbers in names are those of the client checklist.
"""

import glob
import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile

from natsd import Skip, equal, main, test, true
from wire import HEADERS, QUIET, Client, parse_msgs

ALL = (1, 2, 8)
HERE = os.path.dirname(os.path.abspath(__file__))

CONFIG = """
system_account: SYS
max_payload: 1000
server_tags: [ "x:1", "y" ]
server_metadata: { color: blue }
server_name: "traced"
accounts {
	SYS { users: [ { user: s, password: p } ] }
	A {
		users: [
			{ user: a, password: p }
			{ user: deny, password: p, permissions: { subscribe: { deny: [ "foo.secret" ] } } }
			{ user: pub, password: p, permissions: { publish: { allow: [ "foo", "trace" ] } } }
			{ user: nodest, password: p, permissions: { publish: { deny: [ "trace" ] } } }
		]
		mappings { "mapped": "foo", "lost": [ { destination: lost, weight: 0% } ] }
	}
	T { users: [ { user: t, password: p } ], msg_trace: { dest: "acc.trace", sampling: 100% } }
	S { users: [ { user: sample, password: p } ], msg_trace: { dest: "acc.trace", sampling: 20 } }
	N { users: [ { user: n, password: p } ] }
}
"""


def as_user(server, user="a", **more):
	c = Client(server, dict(HEADERS, user=user, **dict(more, **{"pass": "p"})))
	c.flush()
	return c


def block(*lines):
	return b"NATS/1.0\r\n" + b"".join(l.encode() + b"\r\n" for l in lines) + b"\r\n"


DEST = "Nats-Trace-Dest: trace"
ONLY = "Nats-Trace-Only: true"


class Hearer:
	"""A subscription to traces."""

	def __init__(self, server, user="a", subject="trace"):
		self.c = as_user(server, user)
		self.c.sub(subject)
		self.c.flush()

	def event(self):
		m = self.c.msg()
		event = json.loads(m.payload)
		for e in event["events"]:
			true(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", e.pop("ts")), "ts")
		return event

	def events(self):
		return self.event()["events"]

	def none(self):
		equal(self.c.flush(), b"", "no event")


def ingress(c, subject, **more):
	return dict({"type": "in", "kind": 0, "cid": c.info["client_id"], "acc": "A", "subj": subject}, **more)


def egress(c, sub, **more):
	return dict({"type": "eg", "kind": 0, "cid": c.info["client_id"], "sub": sub}, **more)


def by_cid(events):
	return events[:1] + sorted(events[1:], key=lambda e: (e.get("cid", 0), e.get("sub", "")))


# ---- the event ----


@test(workers=ALL, config=CONFIG)
def event_45(server):
	t, c = Hearer(server), as_user(server, name="pub")
	subs = [as_user(server, name="s%d" % i) for i in range(9)]
	for s in subs:
		s.sub("foo")
		s.flush()
	head = block("X: 1", DEST, "x: 2", "X: 3")
	c.hpub("foo", head, b"abc", reply="r")
	equal(c.flush(), b"")
	event = t.event()
	equal(list(event), ["server", "request", "events"])
	s = event["server"]
	equal(list(s), ["name", "host", "id", "ver", "tags", "metadata", "feature_flags", "jetstream", "flags", "seq", "time"])
	equal([s["name"], s["host"], s["id"], s["ver"], s["tags"], s["metadata"], s["jetstream"], s["flags"]],
	      ["traced", "127.0.0.1", c.info["server_id"], "2.15.2", ["x:1", "y"], {"color": "blue"}, False, 0])
	equal(s["feature_flags"], {"js_ack_fc_v2": False, "js_api_reply_v2": False, "js_raft_delete_range": True,
	                           "js_snapshot_sources": False})
	true(s["time"].endswith("Z"), "UTC")
	equal(event["request"], {"header": {"Nats-Trace-Dest": ["trace"], "X": ["1", "3"], "x": ["2"]},
	                         "msgsize": len(head) + 3})
	equal(by_cid(event["events"]), [ingress(c, "foo", name="pub")] +
	      [egress(s, "foo", name="s%d" % i) for i, s in enumerate(subs)])
	for s in subs:  # all of them get it as it was sent
		m = s.msg()
		equal((m.subject, m.reply, m.header, m.payload), ("foo", "r", head, b"abc"))
	t.none()


@test(workers=ALL, config=CONFIG)
def only_45(server):
	t, c, s, q = Hearer(server), as_user(server), as_user(server), as_user(server)
	one = s.sub("foo")
	s.unsub(one, 1)
	q.sub("foo", "q")
	q.flush()
	s.flush()
	for _ in range(3):  # nothing is counted: it is still there
		c.hpub("foo", block(DEST, ONLY))
		c.flush()
		equal(by_cid(t.events()), [ingress(c, "foo")] + sorted(
			[egress(s, "foo"), egress(q, "foo", queue="q")], key=lambda e: e["cid"]))
	c.hpub("nobody", block(DEST, ONLY), reply="r")
	c.sub("r")
	equal(c.flush(), b"")
	equal(t.events(), [ingress(c, "nobody")])
	s.silent()
	q.silent()
	c.pub("foo", "real")
	c.flush()
	equal(s.msg().payload, b"real")


@test(workers=ALL, config=CONFIG)
def trace_only_counts_as_taken(server):
	t, c, s = Hearer(server), as_user(server), as_user(server)
	s.sub("foo")
	s.flush()
	c.sub("r")
	c.hpub("foo", block(DEST, ONLY), reply="r")
	c.silent()  # no 503
	c.hpub("bar", block(DEST), reply="r")
	true(b"NATS/1.0 503\r\nNats-Subject: bar\r\n" in c.flush(), "503 of a traced message")
	t.event()
	t.event()


# ---- refusals on the way out ----


@test(workers=ALL, config=CONFIG)
def egress_errors(server):
	t, c = Hearer(server), as_user(server, echo=False)
	deny = [as_user(server, "deny") for _ in range(4)]
	for d in deny:
		d.sub("foo.*")
		d.flush()
	own = c.sub("foo.secret")
	c.hpub("foo.secret", block(DEST))
	c.flush()
	equal(by_cid(t.events()), [ingress(c, "foo.secret")] + sorted(
		[egress(c, "foo.secret", error="Not delivered because of no echo")] +
		[egress(d, "foo.*", error="Not delivered because subscription denies this subject") for d in deny],
		key=lambda e: e["cid"]))
	c.unsub(own)
	for d in deny:
		d.silent()


@test(workers=ALL, config=CONFIG)
def refusing_members_are_named(server):
	t, c, free = Hearer(server), as_user(server), as_user(server)
	deny = [as_user(server, "deny") for _ in range(4)]
	for d in deny:
		d.sub("foo.*", "q")
		d.flush()
	free.sub("foo.*", "q")
	free.flush()
	for _ in range(20):
		c.hpub("foo.secret", block(DEST))
		c.flush()
		events = t.events()
		equal([e for e in events[1:] if "error" not in e], [egress(free, "foo.*", queue="q")])
		for e in events[1:]:
			if "error" in e:
				equal((e["error"], e["queue"]), ("Not delivered because subscription denies this subject", "q"))
	equal(len(parse_msgs(free.flush())), 20)


@test(workers=ALL, config=CONFIG + "no_fast_producer_stall: true\nmax_pending: 1000000\n")
def consumer_too_slow(server):
	t, c = Hearer(server), as_user(server)
	slow = Client(server, dict(HEADERS, user="a", **{"pass": "p"}), rcvbuf=4096)
	slow.sub("foo")
	slow.flush()
	errors = set()
	for _ in range(40):
		for _ in range(200):
			c.pub("foo", b"x" * 900)
		c.hpub("foo", block(DEST))
		c.flush()
		errors |= {e.get("error") for e in t.events()[1:]}
		if len(errors) > 1 or not errors:
			break
	true(errors <= {None, "Not delivered because fast producer not stalled and consumer is slow",
	                "Not delivered because client is closed"} and
	     "Not delivered because fast producer not stalled and consumer is slow" in errors, "errors: %r" % errors)


# ---- errors on the way in ----


@test(workers=ALL, config=CONFIG)
def ingress_errors(server):
	t, c, a = Hearer(server), as_user(server, "pub"), as_user(server)
	for publisher, subject, reply, error in (
	        (c, "bar", None, 'Permissions Violation for Publish to "bar"'),
	        (a, "_GR_.x", None, 'Permissions Violation for Publish to "_GR_.x"'),
	        (a, "foo", "$JS.ACK.x", 'Permissions Violation for Publish with Reply of "$JS.ACK.x"')):
		publisher.hpub(subject, block(DEST), reply=reply)
		publisher.expect_err(error)
		equal(t.events(), [ingress(publisher, subject, error=error)])


@test(workers=ALL, config=CONFIG)
def too_large(server):
	t = Hearer(server)
	c = as_user(server)
	head = block(DEST)
	c.send(b"HPUB foo %d 1001\r\n%sabc" % (len(head), head))  # one segment: the headers are there
	c.expect_err("Maximum Payload Violation")
	c.expect_eof()
	event = t.event()
	equal(event["request"], {"header": {"Nats-Trace-Dest": ["trace"]}, "msgsize": 1001})
	equal(event["events"], [ingress(c, "foo", error="maximum payload exceeded")])
	c = as_user(server)
	c.send(b"HPUB foo %d 1001\r\n" % len(head))  # they are not
	c.expect_err("Maximum Payload Violation")
	c.expect_eof()
	t.none()


# ---- mappings ----


@test(workers=ALL, config=CONFIG)
def mapped_messages(server):
	t, c, s = Hearer(server), as_user(server), as_user(server)
	s.sub("foo")
	s.flush()
	c.hpub("mapped", block(DEST), b"x")
	c.flush()
	equal(t.events(), [ingress(c, "mapped"), {"type": "sm", "to": "foo"}, egress(s, "foo")])
	equal(s.msg().subject, "foo")
	c.hpub("lost", block(DEST))
	c.flush()
	equal(t.events(), [ingress(c, "lost"), {"type": "sm", "to": ""}])


# ---- destinations ----


@test(workers=ALL, config=CONFIG)
def forbidden_destination_60(server):
	hears, c, n = as_user(server), as_user(server), as_user(server, "nodest")
	hears.sub("foo")
	hears.flush()
	for publisher, dest in ((c, "$GR.x"), (c, "_GR_.x"), (c, "$NRG.x"), (n, "trace")):
		publisher.hpub("foo", block("Nats-Trace-Dest: " + dest), b"x")
		publisher.expect_err('Permissions Violation for Publish to "%s"' % dest)
		publisher.silent()
	hears.silent()  # dropped in any case
	server.wait_log('Publish Violation - Subject "$GR.x"')


@test(workers=ALL, config=CONFIG)
def invalid_destination(server):
	hears, c = as_user(server), as_user(server)
	hears.sub("foo")
	hears.flush()
	c.hpub("foo", block("Nats-Trace-Dest: a..b"), b"1")
	c.hpub("foo", block("Nats-Trace-Dest: a.*"), b"2")
	c.hpub("foo", block("Nats-Trace-Dest: a.>", ONLY), b"3")
	c.silent()
	equal([m.payload for m in parse_msgs(hears.flush())][:1], [b"1"])
	server.wait_log("Destination \"a..b\" is not valid, won't be able to trace events")


@test(workers=ALL, config=CONFIG)
def old_header_disables(server):
	t, c, s = Hearer(server), as_user(server), as_user(server)
	s.sub("foo")
	s.flush()
	c.hpub("foo", block(DEST, "Nats-Trace-Origin-Account: A", "K: v"), b"x")
	c.hpub("foo", block(DEST, "Nats-Trace-Origin-Account: A", ONLY), b"y")
	c.silent()
	m = s.msg()
	equal((m.header, m.payload), (block("Nats-Trace-Origin-Account: A", "K: v", "Nats-Trace-Dest: trace disabled"), b"x"))
	s.silent()
	t.none()
	server.wait_log('Message tracing disabled because of header "Nats-Trace-Origin-Account" with value="A"')


@test(workers=ALL, config=CONFIG)
def not_a_trace(server):
	t, c, s = Hearer(server), as_user(server), as_user(server)
	s.sub("foo")
	s.flush()
	heads = [block("Nats-Trace-Dest: trace disabled"), block("nats-trace-dest: trace"), block("Nats-Trace-Dest : trace"),
	         block("Nats-Trace-Dest:"), block(ONLY), b"NATS/1.0 100 X\r\nNats-Trace-Dest: trace\r\n\r\n"]
	for head in heads:
		c.hpub("foo", head, b"x")
	c.silent()
	equal([m.header for m in parse_msgs(s.flush())], heads)
	t.none()


# ---- traceparent ----


@test(workers=ALL, config=CONFIG)
def traceparent_46(server):
	t, c = Hearer(server, "t", "acc.trace"), as_user(server, "t")
	for value, traced in (("01", True), ("00", False), ("81", False), ("7f", True), ("1", False)):
		head = block("TraceParent: 00-abc-def-" + value, ONLY)
		c.hpub("foo", head, b"x")
		c.flush()
		if traced:
			event = t.event()
			equal(event["request"]["header"], {"TraceParent": ["00-abc-def-" + value], "Nats-Trace-Only": ["true"]})
		t.none()
	# An account without a destination.
	c, s = as_user(server, "n"), as_user(server, "n")
	s.sub("foo")
	s.flush()
	c.hpub("foo", block("traceparent: 00-a-b-01"), b"x")
	c.silent()
	equal(s.msg().header, block("traceparent: 00-a-b-01"))


@test(workers=(1, 2), config=CONFIG)
def sampling(server):
	"""The peer takes 21 of 100 for 20 %; what is not taken says so to servers behind."""
	t, c, s = Hearer(server, "sample", "acc.trace"), as_user(server, "sample"), as_user(server, "sample")
	s.sub("foo")
	s.flush()
	n = 2000
	for _ in range(n):
		c.hpub("foo", block("traceparent: 00-a-b-01"))
	c.flush()
	traced = len(parse_msgs(t.c.flush()))
	p = 0.21
	true(abs(traced - n * p) < 8 * (n * p * (1 - p)) ** 0.5, "%d of %d" % (traced, n))
	heads = [m.header for m in parse_msgs(s.flush())]
	equal(len(heads), n)
	hidden = block("traceparent: 00-a-b-01", "Nats-Trace-Dest: trace disabled")
	equal(set(heads), {block("traceparent: 00-a-b-01"), hidden})
	equal(heads.count(hidden), n - traced)


# ---- encodings ----


def unsnappy(data):
	go = shutil.which("go")
	mods = go and subprocess.run([go, "env", "GOMODCACHE"], capture_output=True, text=True, timeout=60,
	                             check=False).stdout.strip()
	found = sorted(glob.glob(os.path.join(mods or "/nonexistent", "github.com", "klauspost", "compress@v*")))
	if not found:
		raise Skip("no Go, or no klauspost/compress")
	with tempfile.TemporaryDirectory() as folder:
		shutil.copy(os.path.join(HERE, "unsnappy", "main.go"), folder)
		with open(os.path.join(folder, "go.mod"), "w") as f:
			f.write("module unsnappy\n\ngo 1.21\n\nrequire github.com/klauspost/compress v1.0.0\n\n"
			        "replace github.com/klauspost/compress => %s\n" % found[-1])
		env = dict(os.environ, GOFLAGS="-mod=mod", GOPROXY="off", GOTOOLCHAIN="local")
		done = subprocess.run([go, "run", "."], input=data, capture_output=True, cwd=folder, env=env, timeout=300,
		                      check=False)
		equal((done.returncode, done.stderr), (0, b""), "s2 reader")
		return done.stdout


def packed(server, *asked):
	t, c = Hearer(server), as_user(server)
	c.hpub("foo", block(DEST, *asked))
	c.flush()
	return t.c.msg()


@test(workers=ALL, config=CONFIG)
def encodings(server):
	m = packed(server, "Accept-Encoding: gzip")
	equal(m.header, block("Content-Encoding: gzip"))
	equal(json.loads(gzip.decompress(m.payload))["events"][0]["subj"], "foo")
	for asked in ("snappy", "gzip, S2"):
		m = packed(server, "Accept-Encoding: " + asked)
		equal(m.header, block("Content-Encoding: snappy"))
		true(m.payload.startswith(b"\xff\x06\x00\x00sNaPpY"), "a stream")
	m = packed(server, "Accept-Encoding: br")
	equal(m.header, block("Content-Encoding: identity"))
	equal(json.loads(m.payload)["events"][0]["subj"], "foo")
	m = packed(server, "accept-encoding: gzip")
	equal((m.header, m.payload[:1]), (b"", b"{"))


@test(config=CONFIG.replace("max_payload: 1000", ""))
def snappy_read_by_go(server):
	m = packed(server, "Accept-Encoding: snappy", *("K%d: %s" % (i, "value" * 20) for i in range(200)))
	event = json.loads(unsnappy(m.payload))
	equal(len(event["request"]["header"]), 202)


@test(workers=ALL, config=CONFIG)
def hearer_without_headers(server):
	"""Two blanks, where the reply would be, with headers and without."""
	c = as_user(server)
	plain = Client(server, dict(QUIET, user="a", **{"pass": "p"}))
	for options, mark in ((plain, b"MSG trace 1  "), (as_user(server), b"HMSG trace 1  40 ")):
		options.sub("trace")
		options.flush()
		c.hpub("foo", block(DEST, "Accept-Encoding: other"))
		c.flush()
		line = options.line()
		true(line.startswith(mark), "%r" % line)
		body = options.bytes(int(line.split()[-1]) + 2)
		true(body.endswith(b"}]}\r\n"), "%r" % body[-20:])
		options.unsub(1)
		options.flush()
		if mark.startswith(b"MSG"):
			true(body.startswith(b"{"), "%r" % body[:20])


# ---- around it ----


@test(workers=ALL, config="server_name: x")
def default_system_account(server):
	"""Without any accounts there are traces, too."""
	t, c = Client(server, HEADERS), Client(server, HEADERS)
	t.sub("trace")
	t.flush()
	c.hpub("foo", block(DEST))
	c.silent()
	equal(json.loads(t.msg().payload)["events"][0]["acc"], "$G")


@test(workers=ALL, config=CONFIG)
def reload_while_tracing(server):
	c = as_user(server)
	subs = [as_user(server) for _ in range(8)]
	for s in subs:
		s.sub("foo")
		s.flush()
	hears = [Hearer(server) for _ in range(4)]
	for round_ in range(6):
		config = CONFIG if round_ % 2 else CONFIG.replace('server_tags: [ "x:1", "y" ]', 'server_tags: [ "z" ]')
		server.configure(config)
		count = server.log().count("Reloaded server configuration")
		server.signal(signal.SIGHUP)
		for _ in range(50):
			c.hpub("foo", block(DEST), b"x")
		c.flush()
		server.wait_log("Reloaded server configuration", count=count + 1)
		for t in hears:
			for _ in range(50):
				equal(len(t.events()), 9)
	# The account goes away: its connections are closed, nothing else happens.
	for _ in range(200):
		c.hpub("foo", block(DEST), b"x")
	server.configure(CONFIG.replace("	A {", "	A2 {"))
	server.signal(signal.SIGHUP)
	c.until_eof()
	as_user(server, "t").silent()


main()
