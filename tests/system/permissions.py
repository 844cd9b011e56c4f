#!/usr/bin/env python3
"""Permissions: what may be published, subscribed and delivered, by which path ever.

Random rules are compared, through the wire, with a reference that looks at every entry (T-PERM of
faults.md); NATSD_SEED=<number> repeats one.  The numbers in names are those of the client checklist.
"""

import os
import random
import signal

from natsd import Server, equal, main, test, true, wait_until
from wire import HEADERS, Client, parse_msgs

ALL = (1, 2, 8)


def to_conf(rules):
	"""{"publish": {"allow": [...], ...}, ...} as text."""
	def listed(entries):
		return "[" + ", ".join('"%s"' % e for e in entries) + "]"
	parts = []
	for side in ("publish", "subscribe"):
		lists = rules.get(side)
		if isinstance(lists, str):
			parts.append('%s: "%s"' % (side, lists))
		elif isinstance(lists, list):
			parts.append("%s: %s" % (side, listed(lists)))
		elif lists:
			parts.append("%s: { %s }" % (side, ", ".join("%s: %s" % (k, listed(v)) for k, v in lists.items())))
	if "responses" in rules:
		parts.append("allow_responses: %s" % rules["responses"])
	return "{ " + ", ".join(parts) + " }"


def account(users, more=""):
	lines = ["{ user: root, password: p }"]
	lines += ["{ user: %s, password: p, permissions: %s }" % (n, to_conf(r)) for n, r in users.items()]
	return "accounts {\n A {\n %s\n users: [\n%s\n ]\n }\n SYS: { users: [ { user: s, password: p } ] }\n}\nsystem_account: SYS\n" % (
		more, "\n".join(lines))


def as_user(server, name="root", **more):
	c = Client(server, dict(HEADERS, user=name, **dict(more, **{"pass": "p"})))
	c.flush()
	return c


def pub_error(subject):
	return b"-ERR 'Permissions Violation for Publish to \"%s\"'\r\n" % subject.encode()


def sub_error(subject, queue=None):
	return b"-ERR 'Permissions Violation for Subscription to \"%s\"%s'\r\n" % (
		subject.encode(), b" using queue \"%s\"" % queue.encode() if queue else b"")


def answer(c, text):
	"""What the client hears of that line, up to the PONG behind it."""
	c.send(text)
	return c.flush()


def may_subscribe(c, subject, queue=None):
	said = answer(c, "SUB %s %s77\r\nUNSUB 77\r\n" % (subject, queue + " " if queue else ""))
	if said != b"":
		equal(said, sub_error(subject, queue))
	return said == b""


def may_publish(c, subject):
	said = answer(c, "PUB %s 0\r\n\r\n" % subject)
	if said != b"":
		equal(said, pub_error(subject))
	return said == b""


# ---- the tables of client.md 11 ----

SUBSCRIBE = {
	"t1": ({"allow": ["foo"]}, [("foo", "q", True), ("foo", None, True), ("bar", None, False)]),
	"t2": ({"allow": ["foo bar"]}, [("foo", None, False), ("foo", "bar", True), ("foo", "baz", False)]),
	"t3": ({"allow": ["foo bar.*"]}, [("foo", "bar.fizz", True), ("foo", "bar", False), ("foo", None, False)]),
	"t4": ({"allow": ["foo", "foo v1"]}, [("foo", "v2", False), ("foo", "v1", True), ("foo", None, True)]),
	"t5": ({"allow": [">"], "deny": ["> >"]}, [("foo", None, True), ("foo", "bar", False)]),
	"t6": ({"deny": ["foo >"]}, [("foo", "bar", False), ("foo", None, True), ("bar", "bar", True)]),
	"t7": ({"allow": [">"], "deny": ["foo.bar"]}, [("foo.*", None, True), ("foo.bar", None, False)]),
	"t8": ({"allow": [">"], "deny": ["foo.*"]}, [("foo.>", None, False), ("foo.*", None, False), (">", None, True)]),
	"t9": ({"allow": ["foo.*"]}, [("foo.>", None, True), ("foo.*", None, True), (">", None, False)]),
	"t11": ({"deny": ["foo q"]}, [("foo", "r", True), ("foo", "q", False), ("foo", None, True)]),
	"t10": ({"allow": ["foo.bar"]}, [("foo.*", None, False), ("foo.bar", None, True)]),
}


@test(workers=ALL, config=account({n: {"subscribe": r} for n, (r, _) in SUBSCRIBE.items()}))
def subscribe_table(server):
	for name, (_, rows) in SUBSCRIBE.items():
		c = as_user(server, name)
		for subject, queue, want in rows:
			equal(may_subscribe(c, subject, queue), want, "%s: SUB %s %s" % (name, subject, queue))
	server.wait_log('Subscription Violation - Subject "foo", Queue: "bar", SID 77')
	# What was allowed in an odd way gets what it asked for.
	c, root = as_user(server, "t9"), as_user(server)
	sid = c.sub("foo.>")
	c.flush()
	root.pub("foo.a.b")
	root.flush()
	c.expect("MSG foo.a.b %s 0\r\n\r\n" % sid)


PUBLISH = {
	"p1": ({"publish": "a"}, {"a": True, "b": False, "a.b": False}),
	"p2": ({"publish": ["a.*", "b.>"]}, {"a.x": True, "a": False, "a.x.y": False, "b.x.y": True, "b": False}),
	"p3": ({"publish": {"allow": ["a.>"], "deny": ["a.secret", "a.*.x"]}},
	       {"a.b": True, "a.secret": False, "a.b.x": False, "a.b.y": True, "c": False}),
	"p4": ({"publish": {"deny": ["a.*"]}}, {"a.b": False, "a": True, "z": True, "a..b": True, "a.*": False}),
	"p5": ({"publish": []}, {"a": True, "b.c": True}),
	"p6": ({"publish": {"allow": []}, "subscribe": {"allow": []}}, {"a": True, "b.c": True}),
}


@test(workers=ALL, config=account({n: r for n, (r, _) in PUBLISH.items()}))
def publish_table_32(server):
	root = as_user(server)
	root.sub(">")
	root.flush()
	for name, (_, rows) in PUBLISH.items():
		c = as_user(server, name)
		for again in (False, True):  # the second time from what is remembered
			for subject, want in rows.items():
				equal(may_publish(c, subject), want, "%s: PUB %s, %s" % (name, subject, again))
				if want and ".." not in subject:
					equal(root.msg().subject, subject)
		root.silent()
		true(may_subscribe(c, "any.thing"), "subscribe of " + name)
	server.wait_log('Publish Violation - Subject "a.secret"')


@test(config=account({"u": {"publish": "ok", "subscribe": "ok"}}))
def long_subjects_are_named_whole(server):
	c = as_user(server, "u")
	for n in (2000, 3000, 4000):
		subject = "s" * n
		equal(answer(c, "PUB %s 0\r\n\r\n" % subject), pub_error(subject))
		equal(answer(c, "SUB %s 1\r\n" % subject), sub_error(subject))


@test(workers=ALL, config=account({"d": {"subscribe": {"deny": ["foo.bar", "a.x q", "b.* q.*"]}}}))
def deny_at_delivery_30(server):
	c, root = as_user(server, "d"), as_user(server)
	plain, queued, other, pattern = c.sub("foo.*"), c.sub("a.*", "q"), c.sub("a.*", "other"), c.sub("*.y", "q.1")
	equal(c.flush(), b"", "accepted")
	for subject in ("foo.bar", "foo.baz", "a.x", "a.y", "b.y", "c.y"):
		root.pub(subject)
	root.flush()
	got = sorted((m.subject, m.sid) for m in parse_msgs(c.flush()))
	equal(got, sorted([("foo.baz", plain), ("a.x", other), ("a.y", other), ("a.y", queued), ("a.y", pattern),
	                   ("c.y", pattern)]))


@test(workers=ALL, config=account({"d": {"subscribe": {"deny": ["foo.bar"]}}}))
def denied_member_17(server):
	"""The other member gets everything that one may not have; nobody left: 503."""
	denied = [as_user(server, "d") for _ in range(3)]
	free, root = as_user(server), as_user(server)
	for c in denied:
		c.sub("foo.*", "q")
		c.flush()
	sid = root.sub("inbox.*")
	root.pub("foo.bar", reply="inbox.1")
	root.expect("HMSG inbox.1 %s 39 39\r\nNATS/1.0 503\r\nNats-Subject: foo.bar\r\n\r\n\r\n" % sid)
	free.sub("foo.*", "q")
	free.flush()
	for _ in range(60):
		root.pub("foo.bar", reply="inbox.2")
	root.silent()
	equal(len(parse_msgs(free.flush())), 60)
	for c in denied:
		c.silent()


# ---- responses ----

RESPONSES = account({
	"r1": {"responses": "true", "subscribe": ">"},
	"r2": {"responses": "{ max: 2, expires: \"1h\" }"},
	"r3": {"responses": "{ max: -1, ttl: \"300ms\" }"},
	"r4": {"publish": {"allow": ["ok"], "deny": ["no.>"]}, "responses": "{ max_messages: 1 }"},
	"r5": {"responses": "{ max: 0, expiration: \"0s\" }"},
})


def ask(root, server, c, reply, n=1):
	for _ in range(n):
		root.pub("svc", reply=reply)
	root.flush()
	c.flush()


@test(workers=ALL, config=RESPONSES)
def responses_31(server):
	root = as_user(server)
	root.sub("in.>")
	root.flush()
	for name, most in (("r1", 1), ("r2", 2), ("r5", 1)):
		c = as_user(server, name)
		c.sub("svc")
		equal(may_publish(c, "in.other"), False, "before anything was asked")
		ask(root, server, c, "in.1")
		equal(may_publish(c, "in.2"), False, "the reply of another message")
		for i in range(most):
			true(may_publish(c, "in.1"), "%s: answer %d" % (name, i))
			equal(root.msg().subject, "in.1")
		equal(may_publish(c, "in.1"), False, name)
		# A second delivery with the same reply uses up an answer, and a new one is recorded anew.
		ask(root, server, c, "in.3", 2)
		equal([may_publish(c, "in.3") for _ in range(2)], [False, False] if most == 1 else [True, False])
		if most == 2:
			equal(root.msg().subject, "in.3")
		c.close()
	root.silent()


@test(workers=ALL, config=RESPONSES)
def responses_expire_31(server):
	root, c = as_user(server), as_user(server, "r3")
	c.sub("svc")
	c.flush()
	ask(root, server, c, "in.1")
	wait_until(lambda: not may_publish(c, "in.1"), "the end of its time")
	ask(root, server, c, "in.1")
	true(may_publish(c, "in.1"), "asked again")


@test(workers=ALL, config=RESPONSES)
def responses_beside_lists(server):
	root, c, other = as_user(server), as_user(server, "r4"), as_user(server, "r4")
	c.sub("svc")
	other.flush()
	c.flush()
	true(may_publish(c, "ok") and may_publish(c, "ok"), "the list allows")
	ask(root, server, c, "no.1")
	equal(may_publish(other, "no.1"), False, "another connection of the same user")
	equal([may_publish(c, "no.1") for _ in range(2)], [True, False], "a denied subject that was asked for")
	ask(root, server, c, "ok")
	true(all(may_publish(c, "ok") for _ in range(3)), "what the list allows is not counted")


@test(workers=(1, 8), config=RESPONSES)
def many_replies(server):
	root, c = as_user(server), as_user(server, "r1")
	c.sub("svc")
	root.sub("in.>")
	c.flush()
	for i in range(6000):
		root.pub("svc", reply="in.%s.%d" % ("x" * (1 + i % 120), i))
	root.flush()
	equal(len(parse_msgs(c.flush())), 6000)
	for i in range(6000):
		c.pub("in.%s.%d" % ("x" * (1 + i % 120), i))
	equal(c.flush(), b"", "each may be answered")
	equal(len(parse_msgs(root.flush())), 6000)


# ---- reload on live connections ----


def reload(server, config):
	server.configure(config)
	count = server.log().count("Reloaded server configuration")
	server.signal(signal.SIGHUP)
	server.wait_log("Reloaded server configuration", count=count + 1)


@test(workers=ALL, config=account({"u": {"publish": ">", "subscribe": ">", "responses": "{ max: 5 }"}}))
def reload_narrows_and_widens_55(server):
	cs = [as_user(server, "u") for _ in range(8)]
	root = as_user(server)
	for c in cs:
		c.send("SUB a.* 1\r\nSUB b.* q 2\r\nSUB c 3\r\n")
		c.flush()
	reload(server, account({"u": {"publish": "x", "subscribe": {"allow": ["a.*", "c"], "deny": ["a.secret"]}}}))
	for c in cs:
		c.expect("-ERR 'Permissions Violation for Subscription to \"b.*\" using queue \"q\" (sid \"2\")'\r\n")
		equal(may_publish(c, "y"), False)
	server.wait_log('Removed sub "b.*" using queue "q" (sid "2") for ', count=8)
	for subject in ("a.secret", "a.open", "b.x", "c"):
		root.pub(subject)
	root.flush()
	for c in cs:
		equal([m.subject for m in parse_msgs(c.flush())], ["a.open", "c"], "the filter stands after a reload")
	reload(server, account({"u": {"publish": ">", "subscribe": ">"}}))
	root.pub("a.secret")
	root.flush()
	for c in cs:
		equal([m.subject for m in parse_msgs(c.flush())], ["a.secret"], "and is gone again")
		true(may_publish(c, "y"), "wider")


# ---- random rules against a reference (T-PERM) ----

TOKENS = ("a", "b", "c")
QUEUES = ("q", "r", "q.1", "*", ">")
QUEUE_RULES = ("q", "r", "q.*", ">", "*")


def meets(subject, pattern):
	"""Wildcards of the pattern only; a token of the subject is a token."""
	s, p = subject.split("."), pattern.split(".")
	for i, token in enumerate(p):
		if token == ">":
			return len(s) > i
		if i >= len(s) or (token != "*" and token != s[i]):
			return False
	return len(s) == len(p)


def heard(subject, sub):
	return meets(subject, sub)


def plain(rules, subject):
	return any(" " not in e and meets(subject, e) for e in rules)


def queue_rules(rules, subject):
	return [e.split(" ")[1] for e in rules if " " in e and meets(subject, e.split(" ")[0])]


def subset(queue, pattern):
	q, p = queue.split("."), pattern.split(".")
	for i, token in enumerate(p):
		if token == ">":
			return len(q) > i
		if i >= len(q) or q[i] == ">" or (token != "*" and token != q[i]):
			return False
	return len(q) == len(p)


def queue_fits(queue, patterns):
	return any(queue == p or (("*" in p or ">" in p) and subset(queue, p)) for p in patterns)


def ref_publish(rules, subject):
	lists = rules["publish"]
	return ("allow" not in lists or plain(lists["allow"], subject)) and not plain(lists.get("deny", []), subject)


def ref_denied(rules, subject, queue):
	deny = rules["subscribe"].get("deny", [])
	return plain(deny, subject) or bool(queue) and queue_fits(queue, queue_rules(deny, subject))


def ref_subscribe(rules, subject, queue):
	lists = rules["subscribe"]
	ok = True
	if "allow" in lists:
		ok = plain(lists["allow"], subject)
		patterns = queue_rules(lists["allow"], subject)
		if queue and patterns:
			ok = queue_fits(queue, patterns)
	return ok and not ref_denied(rules, subject, queue)


class Chance(random.Random):
	def subject(self, wild):
		tokens = [self.choice(TOKENS) for _ in range(self.randint(1, 3))]
		if wild:
			tokens = ["*" if self.random() < 0.3 else t for t in tokens]
			if self.random() < 0.3:
				tokens[-1] = ">"
		return ".".join(tokens)

	def rules(self):
		found = {}
		for side in ("publish", "subscribe"):
			found[side] = {}
			for name in ("allow", "deny"):
				if self.random() < (0.6 if name == "allow" else 0.8):
					continue
				entries = [self.subject(True) for _ in range(self.randint(1, 5))]
				if name == "allow":
					entries += [self.choice(("*", "a.>", "b.>", "*.*", ">"))]
				if side == "subscribe":
					entries = [e + " " + self.choice(QUEUE_RULES) if self.random() < 0.4 else e for e in entries]
				found[side][name] = entries
		return found


def chance():
	seed = int(os.environ.get("NATSD_SEED") or random.randrange(1 << 32))
	print("# NATSD_SEED=%d" % seed, flush=True)
	return Chance(seed)


def check_publish(r, rules, c, hears):
	"""Plain, mapped, and as the destination of a trace."""
	want, errors = [], []
	for _ in range(25):
		subject, dest, way = r.subject(False), r.subject(False), r.randrange(3)
		sent, ok = subject, ref_publish(rules, subject)
		if way == 1:
			sent = "m." + subject
		if way == 2:
			head = "NATS/1.0\r\nNats-Trace-Dest: %s\r\n\r\n" % dest
			ok_dest = ref_publish(rules, dest)
			c.hpub(sent, head.encode())
			if not ok_dest:
				errors.append(pub_error(dest))
				continue
		else:
			c.pub(sent)
		if ok:
			want.append(subject)
		else:
			errors.append(pub_error(subject))
	equal(c.flush(), b"".join(errors), "errors under %r" % rules)
	got = [m.subject for m in parse_msgs(hears.flush()) if not m.payload.startswith(b"{")]
	equal(got, want, "published under %r" % rules)


def subscribe_all(r, rules, c):
	"""[(subject, queue, sid)] of what was accepted."""
	kept, errors = [], []
	for sid in range(1, 9):
		subject, queue = r.subject(r.random() < 0.6), r.choice(QUEUES + (None,) * 5)
		c.sub(subject, queue, sid)
		if ref_subscribe(rules, subject, queue):
			kept.append((subject, queue, str(sid)))
		else:
			errors.append(sub_error(subject, queue))
	equal(c.flush(), b"".join(errors), "subscriptions under %r" % rules)
	return kept


def check_delivery(r, users, root):
	"""users: [(connection, rules, subscriptions)].  Plain ones are sure; of a group, one that may."""
	sent = []
	for i in range(80):
		subject = r.subject(False)
		may = [(u, sid, q) for u, (_, rules, subs) in enumerate(users) for s, q, sid in subs
		       if heard(subject, s) and not ref_denied(rules, subject, q)]
		groups = {q for _, _, q in may if q}
		sent.append((subject, [(u, sid) for u, sid, q in may if not q], {q: [(u, sid) for u, sid, q2 in may if q2 == q]
		                                                               for q in groups}))
		root.pub(subject if r.random() < 0.5 else "m." + subject, str(i), reply="in.%d" % i)
	status = {m.reply or m.subject for m in parse_msgs(root.flush()) if m.header.startswith(b"NATS/1.0 503")}
	equal(status, {"in.%d" % i for i, (_, sure, groups) in enumerate(sent) if not sure and not groups},
	      "nobody heard these")
	got = {i: [] for i in range(len(sent))}
	for u, (c, _, _) in enumerate(users):
		for m in parse_msgs(c.flush()):
			if m.payload.startswith(b"{"):
				continue  # a trace that was late
			equal(m.subject, sent[int(m.payload)][0])
			got[int(m.payload)].append((u, m.sid))
	for i, (subject, sure, groups) in enumerate(sent):
		left = list(got[i])
		for one in sure:
			true(one in left, "%s was not delivered to %r" % (subject, one))
			left.remove(one)
		for name, members in groups.items():
			taken = [x for x in left if x in members]
			equal(len(taken), 1, "group %s of %s: %r" % (name, subject, taken))
			left.remove(taken[0])
		equal(left, [], "delivered although it may not: " + subject)


@test(workers=ALL, server=False)
def random_rules_t_perm(workers):
	r = chance()
	for _ in range(3):
		rules = {"u%d" % i: r.rules() for i in range(10)}
		with Server(account(rules, 'mappings { "m.>": ">" }'), workers=workers) as server:
			root, hears = as_user(server), as_user(server)
			root.sub("in.>")
			root.flush()
			sid = hears.sub(">")
			hears.flush()
			users = []
			for name, rule in rules.items():
				c = as_user(server, name)
				check_publish(r, rule, c, hears)
				users.append((c, rule))
			hears.unsub(sid)
			hears.flush()  # with events of traces that were late
			users = [(c, rule, subscribe_all(r, rule, c)) for c, rule in users]
			check_delivery(r, users, root)


main()
