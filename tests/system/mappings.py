#!/usr/bin/env python3
"""Subject mappings: every function, weights, loss, accounts, permissions, and what a reload makes of them.

The numbers in names are those of the client checklist.  Weights are judged by counts that chance misses
by more than 8 standard deviations only when something is wrong.
"""

import collections
import signal
import subprocess

from natsd import Server, equal, main, server_binary, test, true
from wire import HEADERS, Client, parse_msgs

ALL = (1, 2, 8)
DRAWS = 4000


def hears_all(server, **options):
	c = Client(server, dict(HEADERS, **options))
	c.sub(">")
	c.flush()
	return c


def mapped(publisher, hearer, subject):
	"""Where it arrives."""
	publisher.pub(subject)
	publisher.flush()
	return [m.subject for m in parse_msgs(hearer.flush())]


VECTORS = (
	("plain", "other", "plain", "other"),
	("w.*.x.*.z", "req.$2.$1", "w.A.x.B.z", "req.B.A"),
	("w2.*.*", "req2.{{wildcard(2)}}.{{ Wildcard (1) }}", "w2.A.B", "req2.B.A"),
	("rest.>", "my.pre.>", "rest.1.2", "my.pre.1.2"),
	("star.*.>", "s.$1.>", "star.a.b.c", "s.a.b.c"),
	("part.*", "p.{{partition(10,1)}}", "part.foo", "p.3"),
	("part2.*", "p2.{{partition(10,1)}}", "part2.qux", "p2.9"),
	("part3.*.*", "p3.{{partition(10,1,2)}}", "part3.foo.bar", None),
	("part4.*", "p4.{{partition(0,1)}}", "part4.x", "p4.0"),
	("sfl.*", "sfl2.{{splitfromleft(1,3)}}", "sfl.12345", "sfl2.123.45"),
	("sfr.*", "sfr2.{{SplitFromRight(1,3)}}", "sfr.12345", "sfr2.12.345"),
	("slfl.*", "slfl2.{{slicefromleft(1,3)}}", "slfl.1234567890", "slfl2.123.456.789.0"),
	("slfr.*", "slfr2.{{sliceFromRight(1, 3)}}", "slfr.1234567890", "slfr2.1.234.567.890"),
	("split.*", "split2.{{split(1,-)}}", "split.-abc-def--ghi-", "split2.abc.def.ghi"),
	("left.*", "left2.{{left(1,2)}}", "left.1234", "left2.12"),
	("right.*", "right2.{{Right(1,2)}}", "right.1234", "right2.34"),
	("short.*", "short2.{{left(1,9)}}", "short.12", "short2.12"),
	("rand.*", "rand2.{{random(1)}}.$1", "rand.x", "rand2.0.x"),
	("$.*", "dollar.$1.$x", "$.a", "dollar.a.$x"),
)
FUNCTIONS = "mappings {\n%s\n}\n" % "\n".join('"%s": "%s"' % (s, d) for s, d, _, _ in VECTORS)


@test(workers=ALL, config=FUNCTIONS)
def functions_44(server):
	hearer, c = hears_all(server), Client(server, HEADERS)
	h = 2166136261
	for byte in b"foobar":
		h = (h ^ byte) * 16777619 & 0xffffffff
	for source, dest, subject, want in VECTORS:
		equal(mapped(c, hearer, subject), [want or "p3.%d" % (h % 10)], "%s -> %s" % (source, dest))
	for subject in ("not.mapped", "w.A.x.B", "rest", "plain.x", "left.1.2"):
		equal(mapped(c, hearer, subject), [subject])
	# Wildcards that a publisher writes are words.
	equal(mapped(c, hearer, "left.**"), ["left2.**"])


@test(server=False)
def unknown_function_44():
	for dest, words in (("bar.{{foo(1)}}", "unknown function"), ("bar.$2", "wildcard index out of range"),
	                    ("bar.{{left(1)}}", "not enough arguments passed to the function"),
	                    ("bar.{{left(1,2,3)}}", "too many arguments passed to the function"),
	                    ("bar.{{left(1,x)}}", "function argument is invalid or in the wrong format")):
		with Server(start=False, config='mappings { "foo.*": "%s" }' % dest) as server:
			done = subprocess.run([server_binary(), "-t", "-c", server.conf_path], capture_output=True, text=True,
			                      timeout=60, check=False)
			true(done.returncode != 0, dest + " is taken")
			true(words in done.stdout + done.stderr, "%s: %s" % (dest, done.stdout + done.stderr))


# ---- weights ----

WEIGHTS = """mappings {
	rest: [ { destination: rest.a, weight: 40 }, { destination: rest.b, weight: "20%" } ]
	loss: [ { destination: loss, weight: 80% } ]
	none: [ { destination: none, weight: 0% } ]
	all: [ { destination: all.a, weight: 100 } ]
	"one.*": { destination: "uno.$1", weight: 50 }
}
"""


def draw(server, subject):
	hearer, c = hears_all(server), Client(server, HEADERS)
	for _ in range(DRAWS):
		c.pub(subject)
	c.flush()
	return collections.Counter(m.subject for m in parse_msgs(hearer.flush()))


def near(count, percent):
	p = percent / 100
	bound = 8 * (DRAWS * p * (1 - p)) ** 0.5
	true(abs(count - DRAWS * p) <= bound, "%d of %d are not %d %%" % (count, DRAWS, percent))


@test(workers=ALL, config=WEIGHTS)
def weights_42(server):
	rest = draw(server, "rest")
	equal(set(rest), {"rest", "rest.a", "rest.b"})
	equal(sum(rest.values()), DRAWS, "nothing is lost")
	for name, percent in (("rest.a", 40), ("rest.b", 20), ("rest", 40)):
		near(rest[name], percent)
	loss = draw(server, "loss")
	equal(set(loss), {"loss"})
	near(loss["loss"], 80)
	equal(draw(server, "none"), {})
	equal(draw(server, "all"), {"all.a": DRAWS})
	one = draw(server, "one.x")
	equal(set(one), {"one.x", "uno.x"})
	equal(sum(one.values()), DRAWS)
	near(one["uno.x"], 50)


@test(workers=ALL, config=WEIGHTS)
def lost_is_503_with_empty_subject(server):
	hearer, c = hears_all(server), Client(server, HEADERS)
	sid = c.sub("reply")
	c.pub("none", reply="reply")
	c.expect("HMSG reply %s 32 32\r\nNATS/1.0 503\r\nNats-Subject: \r\n\r\n\r\n" % sid)
	c.silent()
	hearer.silent()


# ---- accounts, permissions ----

ACCOUNTS = """
system_account: SYS
accounts {
	SYS { users: [ { user: s, password: p } ] }
	A {
		users: [
			{ user: a, password: p }
			{ user: narrow, password: p, permissions: { publish: { allow: [ "in", "b.>" ] } } }
		]
		mappings { "in": "out", "x.*": "b.$1" }
	}
	B { users: [ { user: b, password: p } ], mappings { "in": "elsewhere" } }
}
mappings { "in": "global" }
authorization { users: [ { user: g, password: p } ] }
"""


def as_user(server, name, hears=False):
	options = {"user": name, "pass": "p"}
	return hears_all(server, **options) if hears else Client(server, dict(HEADERS, **options))


@test(workers=ALL, config=ACCOUNTS)
def each_account_its_own(server):
	for name, want in (("a", "out"), ("b", "elsewhere"), ("g", "global"), ("s", "in")):
		equal(mapped(as_user(server, name), as_user(server, name, True), "in"), [want], name)


@test(workers=ALL, config=ACCOUNTS)
def permission_of_the_mapped_subject_43(server):
	c, hearer = as_user(server, "narrow"), as_user(server, "a", True)
	c.pub("in")  # allowed as it was sent, not as it is mapped
	c.expect_err('Permissions Violation for Publish to "out"')
	c.pub("x.1")  # and the other way round
	c.silent()
	equal([m.subject for m in parse_msgs(hearer.flush())], ["b.1"])


@test(workers=ALL, config=ACCOUNTS)
def queue_reply_and_headers(server):
	c = as_user(server, "a")
	members = [as_user(server, "a") for _ in range(4)]
	for m in members:
		m.sub("out", "q")
		m.flush()
	for _ in range(40):
		c.hpub("in", b"NATS/1.0\r\nA: b\r\n\r\n", b"x", reply="in")
	c.flush()
	got = [one for m in members for one in parse_msgs(m.flush())]
	equal(len(got), 40)
	equal({(m.subject, m.reply, m.header, m.payload) for m in got},
	      {("out", "in", b"NATS/1.0\r\nA: b\r\n\r\n", b"x")}, "the reply is not mapped")


# ---- reload ----


def reload(server, config):
	server.configure(config)
	count = server.log().count("Reloaded server configuration")
	server.signal(signal.SIGHUP)
	server.wait_log("Reloaded server configuration", count=count + 1)


@test(workers=ALL, config=ACCOUNTS)
def reload_on_live_connections(server):
	cs = [as_user(server, "a") for _ in range(8)]
	hearer = as_user(server, "a", True)
	reload(server, ACCOUNTS.replace('"in": "out", "x.*": "b.$1"', '"in": "new.out"'))
	for c in cs:
		equal(mapped(c, hearer, "in"), ["new.out"])
		equal(mapped(c, hearer, "x.1"), ["x.1"])
	reload(server, ACCOUNTS.replace('mappings { "in": "out", "x.*": "b.$1" }', ""))
	for c in cs:
		equal(mapped(c, hearer, "in"), ["in"])
	reload(server, ACCOUNTS)
	for c in cs:
		equal(mapped(c, hearer, "in"), ["out"])
	# One that is wrong changes nothing.
	server.configure(ACCOUNTS.replace('"x.*": "b.$1"', '"x.*": "b.$2"'))
	server.signal(signal.SIGHUP)
	server.wait_log("wildcard index out of range")
	for c in cs:
		equal(mapped(c, hearer, "x.1"), ["b.1"])


main()
