#!/usr/bin/env python3
"""Monitoring of accounts and users: varz, connz, subsz, accountz, accstatz, metrics."""

import re
import signal

from web import get, page

from natsd import equal, main, test, true, wait_until
from nkeys import Key
from wire import Client

KEY = Key("one")
CONFIG = """
accounts {
	A { users: [ { user: a, password: pw } ],
	    mappings: { "m.*": [ { destination: "n.$1", weight: 20%% } ], x: y } }
	B { users: [ { user: b, password: pw }, { nkey: %s } ] }
	SYS { users: [ { user: sys, password: pw } ] }
}
system_account: SYS
""" % KEY.public
AS_A, AS_B = {"user": "a", "pass": "pw", "name": "of a"}, {"user": "b", "pass": "pw", "name": "of b"}


def conns(server, query=""):
	return page(server, "/connz" + query)["connections"]


def connected(server, options, more=""):
	c = Client(server, dict(options, verbose=False))
	c.send(more + "PING\r\n")
	c.socket.settimeout(10)
	got = b""
	while b"PONG\r\n" not in got:
		piece = c.socket.recv(4096)
		true(piece, "closed: %r" % got)
		got += piece
	return c


@test(http=True, config=CONFIG)
def varz(server):
	v = page(server, "/varz")
	equal((v["auth_required"], v["system_account"], v["auth_timeout"]), (True, "SYS", 2))
	true("tls_required" not in v and "tls_verify" not in v, "TLS")


@test(http=True, config="no_system_account: true\n")
def no_system_account_64(server):
	v, a = page(server, "/varz"), page(server, "/accountz")
	true("system_account" not in v and "auth_required" not in v, v)
	true("system_account" not in a, a)
	equal(a["accounts"], ["$G"])


@test(http=True)
def accountz_of_a_plain_server_28(server):
	equal(sorted(page(server, "/accountz")["accounts"]), ["$G", "$SYS"])
	answer = get(server, "/accountz?acc=X")
	equal((answer.status, answer.body), (400, "Account X does not exist"))
	equal(answer.headers["content-type"], "text/plain; charset=utf-8")


@test(http=True, config=CONFIG, workers=(1, 2))
def accountz(server):
	equal(sorted(page(server, "/accountz")["accounts"]), ["$G", "A", "B", "SYS"])
	before = page(server, "/accountz?acc=A")["account_detail"]["subscriptions"]
	with connected(server, AS_A, "SUB foo 1\r\n"):
		d = page(server, "/accountz?acc=A")["account_detail"]
		equal((d["account_name"], d["client_connections"], d["subscriptions"] - before), ("A", 1, 1))
		equal(d["mappings"], {"m.*": [{"subject": "n.$1", "weight": 20}, {"subject": "m.$1", "weight": 100}],
		                      "x": [{"subject": "y", "weight": 100}]})
		true("is_system" not in d, d)
	true(page(server, "/accountz?acc=SYS")["account_detail"]["is_system"], "is_system")
	wait_until(lambda: page(server, "/accountz?acc=A")["account_detail"]["client_connections"] == 0, "gone")


@test(http=True, config=CONFIG, workers=(1, 2))
def connz_of_accounts_21(server):
	with connected(server, AS_A), connected(server, AS_B):
		c = conns(server, "?auth=1")[0]
		equal((c["authorized_user"], c["account"], c["name_tag"]), ("a", "A", "A"))
		true("issuer_key" not in c, c)
		plain = conns(server)[0]
		true(not {"authorized_user", "account", "name_tag"} & set(plain), plain)
		p = page(server, "/connz?acc=B&limit=1")
		equal((p["total"], [c["name"] for c in p["connections"]]), (1, ["of b"]))
		p = page(server, "/connz?user=a")
		equal((p["total"], [c["name"] for c in p["connections"]]), (2, ["of a"]))
		cid = p["connections"][0]["cid"]
		equal(conns(server, "?acc=B&cid=%d" % cid), [])
		equal(conns(server, "?user=b&cid=%d" % cid), [])
		equal(len(conns(server, "?acc=A&cid=%d" % cid)), 1)
	wait_until(lambda: page(server, "/connz?state=closed")["total"] == 2, "both closed")
	equal([c["name"] for c in conns(server, "?state=closed&acc=A")], ["of a"])
	equal(page(server, "/connz?state=any&acc=A")["total"], 1)


@test(http=True, config="authorization { token: secret }\n")
def a_token_is_not_shown_21(server):
	with connected(server, {"auth_token": "secret"}):
		c = conns(server, "?auth=1")[0]
		equal((c["authorized_user"], c["name_tag"]), ("[REDACTED]", "$G"))
		true("secret" not in get(server, "/metrics?connz=detailed").body, "metrics")


@test(http=True, config=CONFIG)
def who_was_refused_is_recorded(server):
	c = Client(server, {"user": "a", "pass": "no", "name": "w", "verbose": False})
	c.expect_err("Authorization Violation")
	c.expect_eof()
	wait_until(lambda: conns(server, "?state=closed"), "it is recorded")
	c = conns(server, "?state=closed&auth=1")[0]
	equal((c["reason"], c["name"], c["authorized_user"]), ("Authentication Failure", "w", "a"))
	true("account" not in c and "name_tag" not in c, c)


def of_account(server, name):
	return [a for a in page(server, "/accstatz?unused=1")["account_statz"] if a["acc"] == name][0]


@test(http=True, config=CONFIG, workers=(1, 2, 8))
def accstatz_29(server):
	equal(page(server, "/accstatz")["account_statz"], [])
	before = of_account(server, "A")["num_subscriptions"]
	equal(sorted(a["acc"] for a in page(server, "/accstatz?unused=1")["account_statz"]),
	      ["$G", "A", "B", "SYS"])
	with connected(server, AS_A, "SUB foo 1\r\n") as one, connected(server, AS_A, "SUB foo 1\r\n"):
		one.send("PUB foo 5\r\nhello\r\nPING\r\n")

		def figures():
			found = page(server, "/accstatz")["account_statz"]
			a = found[0]
			return (len(found), a["acc"], a["conns"], a["num_subscriptions"] - before, a["received"]["msgs"],
			        a["received"]["bytes"], a["sent"]["msgs"], a["sent"]["bytes"])
		wait_until(lambda: figures() == (1, "A", 2, 2, 1, 5, 2, 10), "both heard it")

	wait_until(lambda: of_account(server, "A")["conns"] == 0, "they are gone")
	a = of_account(server, "A")
	equal((a["received"]["bytes"], a["sent"]["msgs"]), (5, 2))
	equal(a["sent"]["leafs"], {"msgs": 0, "bytes": 0})


@test(http=True, config=CONFIG, workers=(1, 2))
def traffic_stays_with_the_account(server):
	with connected(server, AS_A) as c:
		c.send("PUB foo 3\r\nabc\r\nPING\r\n")
		c.expect("PONG\r\n")
		c.send('CONNECT {"verbose":false,"user":"b","pass":"pw"}\r\nPING\r\n')
		c.expect("PONG\r\n")
		c.send("PUB foo 4\r\nabcd\r\n")

		def received():
			return {a["acc"]: (a["received"]["msgs"], a["received"]["bytes"])
			        for a in page(server, "/accstatz?unused=1")["account_statz"]}
		wait_until(lambda: received()["B"] == (1, 4), "B has its own")
		equal(received(), {"$G": (0, 0), "A": (1, 3), "B": (1, 4), "SYS": (0, 0)})


@test(http=True, config="accounts { A { users: [ { user: a, password: pw } ] }, "
      "B { users: [ { user: b, password: pw } ] } }\n")
def an_account_that_left(server):
	server.configure("accounts { A { users: [ { user: a, password: pw } ] } }\n")
	server.signal(signal.SIGHUP)
	wait_until(lambda: "B" not in page(server, "/accountz")["accounts"], "reloaded")
	equal(get(server, "/accountz?acc=B").status, 400)
	equal(page(server, "/connz?acc=B")["connections"], None)


def metric(text, name):
	found = re.findall(r"^%s (\S+)$" % re.escape(name), text, re.MULTILINE)
	return float(found[0]) if found else None


@test(http=True, config=CONFIG, workers=(1, 2), natsd_only=True)
def metrics(server):
	with connected(server, AS_A, "SUB foo 1\r\nPUB foo 5\r\nhello\r\n"):
		answer = get(server, "/metrics")
		equal((answer.status, answer.headers["content-type"]),
		      (200, "text/plain; version=0.0.4; charset=utf-8"))
		v = page(server, "/varz")
		server_id = v["server_id"]
		for name, want in (("gnatsd_varz_connections", 1), ("gnatsd_varz_in_msgs", 1),
		                   ("gnatsd_connz_num_connections", 1), ("gnatsd_connz_in_bytes", 5),
		                   ("gnatsd_subsz_num_subscriptions", 1), ("gnatsd_healthz_status", 0)):
			equal(metric(answer.body, '%s{server_id="%s"}' % (name, server_id)), want, name)
		equal(metric(answer.body, 'gnatsd_accstatz_received_bytes{server_id="%s",account="A",account_id="A",'
		             'account_name="A"}' % server_id), 5)
		equal(metric(answer.body, 'natsd_role_restarts_total{role="front"}'), 0)
		numbers = [k for k, value in v.items() if isinstance(value, (int, float)) and not isinstance(value, bool)]
		for key in numbers:
			true("\ngnatsd_varz_%s{" % key in answer.body, key)
		true("cid=" not in answer.body, "unasked")
		true('name="of a"' in get(server, "/metrics?connz=detailed").body, "detailed")
	equal(page(server, "/varz")["http_req_stats"], {"/varz": 2})


if __name__ == "__main__":
	main()
