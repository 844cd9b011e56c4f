#!/usr/bin/env python3
"""Slow consumers: counted by account, and told in an event when there are many."""

import json
import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "monitor"))

from natsd import equal, main, test, true, wait_until
from web import page
from wire import QUIET, Client

ACCOUNTS = """
max_payload: 65536, max_pending: 262144, write_deadline: "60s"
accounts {
	A { users: [ { user: a, password: pw } ] }
	B { users: [ { user: b, password: pw } ] }
	SYS { users: [ { user: sys, password: pw } ] }
}
system_account: SYS
"""
EVENT = ACCOUNTS + "natsd { slow_consumer_event: 2 }\n"
LINE = b"PUB flood 65536\r\n%s\r\n" % (b"x" * 65536)


def client(server, user, **options):
	return Client(server, dict(QUIET, user=user, **{"pass": "pw"}), **options)


def counted(server):
	return {a["acc"]: a["slow_consumers"] for a in page(server, "/accstatz?unused=1")["account_statz"]}


def be_slow(server, user):
	"""One subscriber of that user's account that never reads, until it is cut."""
	account = user.upper()
	before = counted(server)[account]
	with client(server, user, rcvbuf=4096) as slow, client(server, user) as publisher:
		slow.sub("flood")
		slow.silent()
		while counted(server)[account] == before:
			publisher.send(LINE * 8)
			publisher.flush()


def listener(server):
	c = client(server, "sys")
	c.sub("$SYS.SERVER.*.NATSD.SLOW")
	c.silent()
	return c


@test(http=True, config=ACCOUNTS, workers=(1, 2))
def counted_by_account(server):
	be_slow(server, "a")
	be_slow(server, "b")
	be_slow(server, "a")
	equal(counted(server), {"$G": 0, "A": 2, "B": 1, "SYS": 0})
	v = page(server, "/varz")
	equal((v["slow_consumers"], v["slow_consumer_stats"]),
	      (3, {"clients": 3, "routes": 0, "gateways": 0, "leafs": 0}))


@test(http=True, config=EVENT, workers=(1, 2, 8), natsd_only=True)
def event_at_the_number(server):
	with listener(server) as events:
		be_slow(server, "a")
		be_slow(server, "b")
		events.silent()
		be_slow(server, "a")
		m = events.msg()
		server_id = events.info["server_id"]
		equal(m.subject, "$SYS.SERVER.%s.NATSD.SLOW" % server_id)
		event = json.loads(m.payload)
		equal(list(event), ["type", "id", "timestamp", "server", "acc", "slow_consumers"])
		equal((event["type"], event["acc"], event["slow_consumers"], event["server"]["id"]),
		      ("io.natsd.server.advisory.v1.slow_consumers", "A", 2, server_id))
		true(re.match(r"^[0-9A-Za-z]{22}$", event["id"]), event["id"])
		be_slow(server, "a")
		be_slow(server, "a")
		events.silent()
		be_slow(server, "b")
		equal(json.loads(events.msg().payload)["acc"], "B")
		events.silent()


@test(http=True, config=ACCOUNTS, natsd_only=True)
def no_event_unasked(server):
	with listener(server) as events:
		be_slow(server, "a")
		be_slow(server, "a")
		events.silent()
		server.configure(ACCOUNTS + "natsd { slow_consumer_event: 1 }\n")
		server.signal(signal.SIGHUP)
		server.wait_log("Reloaded server configuration")
		be_slow(server, "a")
		equal(json.loads(events.msg().payload)["slow_consumers"], 1)


@test(http=True, config="max_payload: 65536, max_pending: 262144\nno_system_account: true\n"
      "natsd { slow_consumer_event: 1 }\naccounts { A { users: [ { user: a, password: pw } ] } }", natsd_only=True)
def no_event_without_a_system_account(server):
	with client(server, "a") as c:
		c.sub("$SYS.SERVER.*.NATSD.SLOW")
		be_slow(server, "a")
		c.silent()


@test(config="max_pending: 20000000\ndebug: true\n", workers=(1, 2))
def a_stall_that_was_not_over_is_told(server):
	"""Its producer goes on after 2 ms, or what is left of 10 for one read."""
	slow, fast = Client(server, QUIET, rcvbuf=4096), Client(server, dict(QUIET, name="fast"))
	slow.sub("a")
	slow.silent()
	said = re.compile(r'\[DBG\] \S+ - cid:\d+ - "fast"[^\n]* - Timed out of fast producer stall \([\d.]+ms\)\n')
	for _ in range(500):
		if said.search(server.log()):
			break
		fast.send((b"PUB a 60000\r\n" + b"x" * 60000 + b"\r\n") * 4)
	wait_until(lambda: said.search(server.log()), "the line")


if __name__ == "__main__":
	main()
