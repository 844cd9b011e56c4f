#!/usr/bin/env python3
"""Authentication: who may connect, what each hears, and what a reload makes of it.

The numbers in the names of the cases are those of the client checklist (docs: tests/conformance).
"""

import json
import signal
import statistics
import time
import urllib.request

from natsd import Server, equal, main, seconds, test, true, wait_until
from nkeys import Key
from wire import Client

OVER = "Authorization Violation"
ALL = (1, 2, 8)
# All of "pw".
HASH_4 = "$2b$04$abcdefghijklmnopqrstuuyvPXIbu7xe6/CED2DzX8z6Si09MlzlW"
HASH_12 = "$2a$12$abcdefghijklmnopqrstuunYdhHrPrQsWwVD7FJZar2U048CuDd2m"
KEY = Key("one")
OTHER_KEY = Key("two")

ACCOUNTS = """
accounts {
	A { users: [ { user: alice, password: pw }, { user: twin, password: pw },
	             { user: hash, password: "%s" }, { nkey: %s } ] }
	B { users: [ { user: bob, password: pw } ] }
	SYS { users: [ { user: sys, password: pw } ] }
}
system_account: SYS
authorization { users: [ { user: gina, password: pw },
	{ user: mqtt, password: pw, allowed_connection_types: [ MQTT ] },
	{ user: std, password: pw, allowed_connection_types: [ standard, WEBSOCKET ] } ] }
""" % (HASH_4, KEY.public)


def connected(server, **options):
	"""A client that is through; its INFO behind the first PONG is in .named."""
	options.setdefault("verbose", False)
	options.setdefault("pedantic", False)
	options.setdefault("protocol", 1)
	c = Client(server, options)
	c.send("PING\r\n")
	c.expect("PONG\r\n")
	c.named = c.read_info()
	return c


def as_user(server, name, password="pw"):
	return connected(server, **{"user": name, "pass": password})


def refused(server, pipelined="", **options):
	c = Client(server)
	c.send("CONNECT %s\r\n%s" % (json.dumps(options), pipelined))
	c.expect_err(OVER)
	c.expect_eof()


def account(c):
	return c.named["remote_account"]


# ---- who may ----


@test(workers=ALL, config=ACCOUNTS)
def accounts_and_users(server):
	c = Client(server)
	equal(c.info["auth_required"], True)
	true(len(c.info["nonce"]) == 15, "nonce %r" % c.info["nonce"])
	true(Client(server).info["nonce"] != c.info["nonce"], "a nonce of its own for each")
	for name, where in (("alice", "A"), ("hash", "A"), ("bob", "B"), ("gina", "$G"),
	                    ("std", "$G"), ("sys", "SYS")):
		c = as_user(server, name)
		equal(account(c), where, name)
		equal(c.named.get("acc_is_sys"), True if name == "sys" else None, name)
		true("nonce" not in c.named, "a nonce comes once")


@test(workers=ALL, config=ACCOUNTS)
def refusals(server):
	refused(server)
	for options in ({"user": "alice", "pass": "no"}, {"user": "alice"}, {"user": "hash", "pass": "no"},
	                {"user": "hash", "pass": HASH_4}, {"user": "nobody", "pass": "pw"},
	                {"pass": "pw"}, {"auth_token": "pw"}, {"user": "mqtt", "pass": "pw"},
	                {"nkey": KEY.public}, {"nkey": OTHER_KEY.public, "user": "alice", "pass": "pw"},
	                {"user": "alice", "pass": "pw", "account": "A"},
	                {"user": "alice", "pass": "pw", "new_account": True}):
		refused(server, **options)
	server.wait_log(' - authentication error - User "nobody"')
	server.wait_log(' - authentication error - Token "[REDACTED]"')
	server.wait_log(' - authentication error - Nkey "%s"' % OTHER_KEY.public)
	true('"pw"' not in server.log() and "no\"" not in server.log(), "no password in the log")


@test(workers=ALL, config=ACCOUNTS)
def nkey_signatures(server):
	for standard in (False, True):
		c = Client(server)
		c.connect(verbose=False, protocol=1, nkey=KEY.public,
		          sig=KEY.signature(c.info["nonce"], standard))
		c.send("PING\r\n")
		c.expect("PONG\r\n")
		equal(c.read_info()["remote_account"], "A")
	nonce = Client(server).info["nonce"]
	for sign in (lambda own: KEY.signature(nonce), lambda own: OTHER_KEY.signature(own), lambda own: "AAAA",
	             lambda own: KEY.signature(own) + "!", lambda own: ""):
		c = Client(server)
		c.connect(nkey=KEY.public, sig=sign(c.info["nonce"]))
		c.expect_err(OVER)
		c.expect_eof()


@test(workers=ALL, config='authorization { user: derek, password: "%s" }' % HASH_4)
def single_user(server):
	true("nonce" not in Client(server).info, "nobody signs")
	equal(account(as_user(server, "derek")), "$G")
	refused(server, **{"user": "derek", "pass": "x"})
	refused(server, **{"user": "derec", "pass": "pw"})
	refused(server)


@test(workers=ALL, config='authorization { token: "s3cret" }')
def single_token(server):
	equal(account(connected(server, auth_token="s3cret")), "$G")
	refused(server, auth_token="s3creT")
	refused(server, auth_token="s3cret ")
	refused(server, user="s3cret")


@test(workers=ALL, config='authorization { token: "%s" }' % HASH_4)
def hashed_token(server):
	equal(account(connected(server, auth_token="pw")), "$G")
	refused(server, auth_token="x")


@test(workers=ALL)
def nothing_required(server):
	c = Client(server)
	true("auth_required" not in c.info, "auth_required")
	equal(account(connected(server, **{"user": "anybody", "pass": "x", "auth_token": "y"})), "$G")


# ---- time ----


@test(workers=(1, 2), config="authorization { user: a, password: b, timeout: 0.2 }")
def timeout_23(server):
	c = Client(server)
	c.expect_err("Authentication Timeout")
	c.expect_eof()
	as_user(server, "a", "b")


@test(workers=(1, 2), config="""authorization { users: [ { user: a, password: b } ], timeout: 0.2 }
no_auth_user: a""")
def timeout_with_no_auth_user_23(server):
	c = Client(server)
	true("auth_required" not in c.info, "auth_required")
	c.expect_err("Authentication Timeout")
	c.expect_eof()


@test(config="authorization { user: a, password: b }")
def first_operation_24(server):
	for line in ("PUB a 0\r\n\r\n", "PING\r\n", "SUB a 1\r\n", "pong\r\n"):
		c = Client(server)
		c.send(line)
		c.expect_err(OVER)
		c.expect_eof()


NO_AUTH = ACCOUNTS + "no_auth_user: %s\n"


@test(workers=ALL, config=NO_AUTH % "bob")
def no_auth_user_25(server):
	bob = as_user(server, "bob")
	bob.sub("x")
	bob.silent()
	c = Client(server)
	c.send("PING\r\n")
	c.expect("PONG\r\n")
	c.pub("x", "hi")
	c.expect("+OK\r\n")
	equal(bob.msg().payload, b"hi")
	c = connected(server)
	equal(account(c), "B")
	true("auth_required" not in c.info and c.named["auth_required"], "only in later ones")
	equal(account(as_user(server, "alice")), "A")
	refused(server, **{"pass": "x"})


@test(config=NO_AUTH % "mqtt")
def no_auth_user_of_another_type(server):
	refused(server)
	c = Client(server)
	c.send("PING\r\n")
	c.expect_err(OVER)
	c.expect_eof()


@test(config=NO_AUTH % KEY.public)
def no_auth_nkey(server):
	equal(account(connected(server)), "A")
	c = Client(server)
	c.send("PING\r\n")
	c.expect_err(OVER)
	c.expect_eof()


@test(config="""accounts { $SYS { users: [ { user: sys, password: pw } ] } }""")
def guests_beside_a_system_account(server):
	c = connected(server)
	equal(c.info["auth_required"], True)
	equal(account(c), "$G")
	equal(account(as_user(server, "sys")), "$SYS")
	refused(server, **{"user": "x", "pass": "y"})
	c = Client(server)
	c.send("PING\r\n")
	c.expect("PONG\r\n")


# ---- accounts ----


@test(workers=ALL, config=ACCOUNTS)
def accounts_are_apart(server):
	clients = {name: as_user(server, name) for name in ("alice", "bob", "gina", "sys")}
	for c in clients.values():
		c.sub("x")
		c.silent()
	for name, c in clients.items():
		as_user(server, name).pub("x", name)
	for name, c in clients.items():
		equal(c.msg().payload, name.encode())
	for c in clients.values():
		c.silent()


@test(workers=ALL, config=ACCOUNTS)
def second_connect_26(server):
	bob, c = as_user(server, "bob"), as_user(server, "alice")
	bob.sub("x")
	bob.silent()
	c.sub("x", sid=1)
	c.pub("x", "a")
	equal(c.msg().payload, b"a")
	c.connect(user="bob")  # what is not said again stays
	c.pub("x", "b")
	equal(bob.msg().payload, b"b")
	c.connect(user="hash")
	c.pub("x", "c")
	c.silent()
	bob.silent()
	c.connect(**{"pass": "wrong"})
	c.expect_err(OVER)
	c.expect_eof()


@test(workers=ALL, config=ACCOUNTS)
def second_connect_57(server):
	"""Who was found for a subject in the account before is not found again."""
	twin, bob, c = as_user(server, "twin"), as_user(server, "bob"), as_user(server, "alice")
	twin.sub("x")
	twin.silent()
	for _ in range(3):
		c.pub("x", "before")
	equal([m.payload for m in twin.msgs(3)], [b"before"] * 3)
	bob.sub("x")
	bob.silent()
	c.send('CONNECT {"user":"bob"}\r\nPUB x 6\r\nbehind\r\n')
	c.silent()
	equal(bob.msg().payload, b"behind")
	twin.silent()


LIMITS = """accounts { A { users: [ { user: a, password: pw }, { user: hash, password: "%s" } ]
	limits { max_connections: 2, max_subscriptions: 2, max_payload: 10 } }
	B { users: [ { user: b, password: pw } ] } }
no_auth_user: a
""" % HASH_4
TOO_MANY = "maximum account active connections exceeded"


@test(workers=ALL, config=LIMITS)
def account_connections_56(server):
	one, two = as_user(server, "a"), as_user(server, "hash")
	b = as_user(server, "b")
	one.sub("x")
	one.silent()
	for line in ('CONNECT {"user":"a","pass":"pw"}\r\nPUB x 0\r\n\r\n', "PUB x 0\r\n\r\n",
	             'CONNECT {"user":"hash","pass":"pw"}\r\nPUB x 0\r\n\r\n'):
		c = Client(server)
		c.send(line)
		c.expect_err(TOO_MANY)
		c.expect_eof()
	one.silent()
	b.silent()
	two.close()
	wait_until(lambda: try_user(server, "a"), "a place in the account")


def try_user(server, name):
	c = Client(server)
	c.connect(**{"user": name, "pass": "pw", "verbose": False})
	c.send("PING\r\n")
	ok = c.line() == b"PONG"
	c.close()
	return ok


@test(workers=(1, 2), config=LIMITS)
def account_limits(server):
	c = as_user(server, "a")
	equal(c.named["max_payload"], 10)
	for subject in "xyz":
		c.sub(subject)
	c.expect_err("maximum subscriptions exceeded")
	c.silent()
	c.send("PUB x 11\r\n")
	c.expect_err("Maximum Payload Violation")
	c.expect_eof()


# ---- what takes long ----


@test(workers=ALL, config=ACCOUNTS.replace(HASH_4, HASH_12))
def pipelined_behind_a_slow_connect(server):
	alice = as_user(server, "alice")
	alice.sub("x")
	alice.silent()
	c = Client(server)
	c.send('CONNECT {"user":"hash","pass":"pw","verbose":false}\r\nPUB x 2\r\nhi\r\nPING\r\n')
	c.expect("PONG\r\n")
	equal(alice.msg().payload, b"hi")
	refused(server, pipelined="PUB x 2\r\nno\r\nPING\r\n", **{"user": "hash", "pass": "no"})
	alice.silent()


@test(workers=ALL, config=ACCOUNTS.replace(HASH_4, HASH_12))
def gone_while_authenticating(server):
	for _ in range(6):
		c = Client(server)
		c.connect(**{"user": "hash", "pass": "pw"})
		c.close()
	alice = as_user(server, "alice")
	alice.silent()


def round_trips(c, n):
	times = []
	for _ in range(n):
		begin = time.monotonic()
		c.send("PING\r\n")
		c.expect("PONG\r\n")
		times.append(time.monotonic() - begin)
	return times


@test(workers=ALL, natsd_only=True, config=ACCOUNTS.replace(HASH_4, HASH_12))
def bcrypt_delays_nobody(server):
	"""Ten times some tenth of a second of work stand before nobody else's PONG."""
	alice = as_user(server, "alice")
	alone = statistics.median(round_trips(alice, 200))
	slow = [Client(server) for _ in range(10)]
	for c in slow:
		c.connect(**{"user": "hash", "pass": "pw", "verbose": True})
	beside, end = [], time.monotonic() + seconds(60)
	while any(not answered(c) for c in slow):
		beside += round_trips(alice, 20)
		true(time.monotonic() < end, "all of them get an answer")
	print("# round trip alone %.3f ms, beside %.3f ms (most %.1f ms), %d times" %
	      (alone * 1e3, statistics.median(beside) * 1e3, max(beside) * 1e3, len(beside)))
	true(len(beside) > 500, "others wait for bcrypt, or it took no time: %d round trips" %
	     len(beside))
	true(statistics.median(beside) < max(20 * alone, seconds(0.005)), "others wait for bcrypt")


def answered(c):
	c.socket.setblocking(False)
	try:
		c.buffer += c.socket.recv(64)
	except BlockingIOError:
		pass
	return b"+OK\r\n" in c.buffer  # a PING may stand before it


@test(natsd_only=True, config='authorization { user: a, password: "%s" }' %
      HASH_4.replace("$04$", "$31$"))
def endless_bcrypt_holds_up_no_stop(server):
	c = Client(server)
	c.connect(**{"user": "a", "pass": "pw"})
	other = Client(server)
	other.connect(user="b")
	other.expect_err(OVER)
	equal(server.stop(), 0)


# ---- reload ----


def reload(server, config):
	count = server.log().count("Reloaded server configuration")
	server.configure(config)
	server.signal(signal.SIGHUP)
	server.wait_log("Reloaded server configuration", count=count + 1)


@test(workers=ALL, config=ACCOUNTS)
def reload_users(server):
	names = ("alice", "twin", "hash", "bob", "gina")
	c = {name: as_user(server, name) for name in names}
	key = Client(server)
	key.connect(verbose=False, nkey=KEY.public, sig=KEY.signature(key.info["nonce"]))
	key.sub("x")
	key.silent()
	reload(server, """accounts {
	B { users: [ { user: twin, password: pw }, { user: bob, password: new } ] }
	A { users: [ { user: hash, password: "%s" }, { nkey: %s } ] }
	SYS { users: [ { user: sys, password: pw } ] } }
	system_account: SYS
	authorization { users: [ { user: gina, password: "%s" } ] }""" %
	       (HASH_4, KEY.public, HASH_4))
	c["alice"].expect_eof()  # is gone
	c["twin"].expect_eof()  # moved
	c["bob"].expect_err(OVER)
	c["bob"].expect_eof()
	c["gina"].silent()
	c["hash"].pub("x", "still")
	equal(key.msg().payload, b"still")
	refused(server, **{"user": "bob", "pass": "pw"})
	equal(account(as_user(server, "twin")), "B")


@test(workers=(1, 2), config=ACCOUNTS)
def reload_permissions_55(server):
	c = as_user(server, "alice")
	c.sub("no.x", sid="s1")
	c.sub("no.y", queue="q", sid="s2")
	c.sub("yes", sid="s3")
	c.silent()
	narrow = ACCOUNTS.replace("user: alice, password: pw",
	                          "user: alice, password: pw, permissions: { subscribe: { deny: no.* } }")
	reload(server, narrow)
	said = sorted(c.line() for _ in range(2))
	first = b"-ERR 'Permissions Violation for Subscription to "
	equal(said, [first + b'"no.x" (sid "s1")\'', first + b'"no.y" using queue "q" (sid "s2")\''])
	server.wait_log('Removed sub "no.x" (sid "s1") for User "alice" - not authorized')
	server.wait_log('Removed sub "no.y" using queue "q" (sid "s2") for User "alice" - not authorized')
	other = as_user(server, "twin")
	other.pub("no.x", "lost")
	other.pub("yes", "seen")
	equal(c.msg().payload, b"seen")
	reload(server, ACCOUNTS)  # wider: silently
	c.silent()


@test(workers=(1, 2))
def reload_to_and_from_authentication(server):
	c = connected(server)
	reload(server, ACCOUNTS.replace("system_account: SYS", ""))
	c.expect_err(OVER)
	c.expect_eof()
	alice = as_user(server, "alice")
	reload(server, "")
	alice.expect_eof()
	c = connected(server)
	c.silent()


@test(workers=ALL, config=LIMITS.replace("max_connections: 2, max_subscriptions: 2,", ""))
def reload_account_limits(server):
	b = as_user(server, "b")
	clients = [as_user(server, "a") for _ in range(4)]
	reload(server, LIMITS)
	b.silent()
	gone = 0
	for c in clients:
		c.send("PING\r\n") if not closed(c) else None
		line = c.line()
		gone += line == b"-ERR '%s'" % TOO_MANY.encode()
	equal(gone, 2)


def closed(c):
	c.socket.setblocking(False)
	try:
		data = c.socket.recv(256)
	except BlockingIOError:
		return False
	c.buffer += data
	return True


@test(config=ACCOUNTS)
def what_did_not_change_stays(server):
	c = [as_user(server, name) for name in ("alice", "hash", "bob", "gina")]
	for client in c:
		client.sub("x")
		client.silent()
	reload(server, ACCOUNTS + "max_control_line: 8192\n")
	for client in c:
		client.silent()


# ---- monitoring ----


@test(http=True, config=ACCOUNTS)
def monitoring_shows_issuers(server):
	c = Client(server)
	c.connect(verbose=False, nkey=KEY.public, sig=KEY.signature(c.info["nonce"]))
	c.silent()
	alice = as_user(server, "alice")
	equal({o["authorized_user"]: o.get("issuer_key")
	       for o in connz(server, "auth=1")["connections"]}, {KEY.public: "A", "alice": None})
	true("issuer_key" not in connz(server, "")["connections"][0], "only with auth")
	c.close()
	alice.close()
	def gone():
		return connz(server, "state=closed&sort=cid")["connections"]
	wait_until(lambda: len(gone()) == 2, "closed connections")
	equal([o.get("issuer_key") for o in gone()], ["A", None])


def connz(server, query):
	with urllib.request.urlopen("http://127.0.0.1:%d/connz?%s" % (server.http, query)) as page:
		return json.load(page)


@test(workers=(1, 2), http=True, config=ACCOUNTS)
def monitoring_shows_users(server):
	alice, gina = as_user(server, "alice"), as_user(server, "gina")
	shown = {c["authorized_user"]: c.get("account") for c in connz(server, "auth=1")["connections"]}
	equal(shown, {"alice": "A", "gina": None})
	true("authorized_user" not in connz(server, "")["connections"][0], "only with auth")
	equal(connz(server, "user=alice")["num_connections"], 1)
	cid = alice.info["client_id"]
	alice.close()
	refused(server, **{"user": "bob", "pass": "x", "name": "its name", "lang": "tongue"})
	def reasons():
		page = connz(server, "state=closed&auth=1&sort=cid")
		return {c["authorized_user"]: c["reason"] for c in page["connections"]}
	wait_until(lambda: len(reasons()) == 2, "closed connections")
	equal(reasons(), {"alice": "Client Closed", "bob": "Authentication Failure"})
	bob = [c for c in connz(server, "state=closed&auth=1")["connections"]
	       if c["authorized_user"] == "bob"][0]
	equal((bob.get("name"), bob.get("lang"), bob.get("name_tag")), ("its name", "tongue", None))
	gina.silent()
	true(cid, "cid")


@test(http=True, config=LIMITS.replace("no_auth_user: a", "authorization { timeout: 0.2 }"))
def closed_reasons_of_authentication(server):
	as_a = [as_user(server, "a") for _ in range(2)]
	c = Client(server)
	c.connect(**{"user": "a", "pass": "pw"})
	c.expect_err(TOO_MANY)
	Client(server).expect_err("Authentication Timeout")
	def reasons():
		return sorted(c["reason"] for c in connz(server, "state=closed")["connections"])
	wait_until(lambda: len(reasons()) == 2, "closed connections")
	equal(reasons(), ["Authentication Timeout", "Maximum Account Connections Exceeded"])
	true(len(as_a) == 2, "they stay")


main()
