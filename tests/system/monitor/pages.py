#!/usr/bin/env python3
"""The pages of the monitoring port: varz, connz, subsz, healthz of a server that is used."""

import os
import re
import signal
import socket
import struct
import threading

from web import Web, get, page

from natsd import equal, main, test, true, wait_until
from wire import QUIET, Client

RFC3339 = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$")
NAMED = dict(QUIET, name="n1", lang="py", version="1.0")


def conns(server, query=""):
	return page(server, "/connz" + query)["connections"]


def used(server):
	"""A client that subscribed twice and published once to itself."""
	client = Client(server, connect=NAMED)
	client.send("SUB foo 1\r\nSUB foo.> q 2\r\nPUB foo 5\r\nhello\r\nPING\r\n")
	client.socket.settimeout(10)
	got = b""
	while b"PONG\r\n" not in got:
		got += client.socket.recv(4096)
	return client


@test(http=True, workers=(1, 2, 8))
def varz(server):
	with used(server):
		v = page(server, "/varz")
		true(re.match(r"^N[A-Z2-7]{55}$", v["server_id"]), v["server_id"])
		equal(v["version"], "2.15.2")
		equal(v["port"], server.port)
		equal(v["http_port"], -1)
		for key, want in (("connections", 1), ("total_connections", 1), ("in_msgs", 1), ("in_bytes", 5),
		                  ("out_msgs", 1), ("out_bytes", 5), ("in_client_msgs", 1), ("routes", 0),
		                  ("slow_consumers", 0), ("max_payload", 1048576), ("max_pending", 67108864),
		                  ("ping_interval", 120000000000), ("proto", 1)):
			equal(v[key], want, key)
		for key in ("start", "now", "config_load_time"):
			true(RFC3339.match(v[key]) and v[key].endswith("Z"), v[key])
		for key in ("cluster", "gateway", "leaf", "mqtt", "websocket", "jetstream"):
			equal(v[key], {}, key)
		true(v["mem"] > 1 << 20, "mem %d" % v["mem"])
		true(v["cores"] >= 1 and v["cpu"] >= 0, "cores, cpu")
		true(re.match(r"^(\d+m)?\d+s$", v["uptime"]), v["uptime"])
		equal(v["http_req_stats"], {"/varz": 1})
		true("natsd" not in v, "natsd unasked")
		equal(page(server, "/varz")["subscriptions"], v["subscriptions"])


@test(http=True, config='server_name: s1\nserver_tags: ["a:1", B]\nserver_metadata: { k: v }\n')
def varz_configured(server):
	v = page(server, "/varz")
	equal(v["server_name"], "s1")
	equal(v["tags"], ["a:1", "b"])
	equal(v["metadata"], {"k": "v"})
	true(v["config_digest"].startswith("sha256:"), v["config_digest"])


@test(http=True)
def requests_are_counted(server):
	for target in ("/", "/connz", "/connz?auth=x", "/connz?sort=x", "/subsz", "/subscriptionsz",
	               "/subsz?subs=x", "/healthz", "/healthz?details=x", "/nope"):
		get(server, target)
	equal(page(server, "/varz")["http_req_stats"],
	      {"/": 1, "/connz": 2, "/subsz": 3, "/healthz": 2, "/varz": 1})


@test(http=True)
def health_that_fails_is_told(server):
	for query, said in (("?js-enabled=1", "Healthcheck: js-enabled deprecated, use js-enabled-only instead"),
	                    ("?stream=S", 'Healthcheck failed: "\\"account\\" must not be empty when checking stream health"'),
	                    ("?stream=S&details=1", "Healthcheck failed: 1 errors")):
		get(server, "/healthz" + query)
		server.wait_log("[WRN] " + said)


@test(http=True, workers=(1, 2, 8))
def connz(server):
	with used(server) as client, Client(server, connect=QUIET):
		p = page(server, "/connz")
		equal((p["num_connections"], p["total"], p["offset"], p["limit"]), (2, 2, 0, 1024))
		c = [c for c in p["connections"] if c.get("name") == "n1"][0]
		equal(c["ip"], "127.0.0.1")
		equal(c["port"], client.socket.getsockname()[1])
		for key, want in (("kind", "Client"), ("type", "nats"), ("lang", "py"), ("version", "1.0"),
		                  ("in_msgs", 1), ("out_msgs", 1), ("in_bytes", 5), ("out_bytes", 5),
		                  ("subscriptions", 2), ("pending_bytes", 0)):
			equal(c[key], want, key)
		true(RFC3339.match(c["start"]) and RFC3339.match(c["last_activity"]), c["start"])
		true(re.match(r"^[0-9.]+(ns|\xb5s|ms|s)$", c["rtt"]) and c["rtt"] != "0s", c["rtt"])
		for key in ("account", "name_tag", "subscriptions_list", "stop", "reason", "stalls"):
			true(key not in c, key)
		equal(p["server_id"], page(server, "/varz")["server_id"])


@test(http=True, workers=(1, 8))
def connz_subscriptions(server):
	with used(server), Client(server, connect=QUIET):
		c = [c for c in conns(server, "?subs=1&auth=true") if c["subscriptions"] == 2][0]
		equal(sorted(c["subscriptions_list"]), ["foo", "foo.>"])
		equal(c["name_tag"], "$G")
		true("account" not in c, "account of $G")
		c = conns(server, "?subs=Detail&cid=%d" % c["cid"])[0]
		detail = sorted(c["subscriptions_list_detail"], key=lambda s: s["sid"])
		equal(detail, [{"subject": "foo", "sid": "1", "msgs": 1, "cid": c["cid"]},
		               {"subject": "foo.>", "qgroup": "q", "sid": "2", "msgs": 0, "cid": c["cid"]}])


@test(http=True)
def connz_one(server):
	with Client(server, connect=QUIET), used(server):
		cid = [c for c in conns(server) if c["subscriptions"] == 2][0]["cid"]
		p = page(server, "/connz?cid=%d" % cid)
		equal((p["num_connections"], p["total"], p["limit"]), (1, 2, 1))
		equal(p["connections"][0]["cid"], cid)
		p = page(server, "/connz?cid=999999")
		equal((p["num_connections"], p["total"], p["connections"]), (0, 2, []))


@test(http=True, workers=(1, 2))
def connz_pages(server):
	clients = [Client(server, connect=dict(QUIET, name="c%d" % i)) for i in range(10)]
	try:
		for client in clients:
			client.send("PING\r\n")
			client.socket.recv(100)
		cids = [c["cid"] for c in conns(server)]
		equal(cids, sorted(cids), "by id")
		p = page(server, "/connz?offset=3&limit=4")
		equal([c["cid"] for c in p["connections"]], cids[3:7])
		equal((p["num_connections"], p["total"], p["offset"], p["limit"]), (4, 10, 3, 4))
		equal(len(conns(server, "?offset=-5&limit=-1")), 10)
		equal(conns(server, "?offset=9223372036854775807&limit=9223372036854775807"), [])
		for sort in ("cid", "start", "subs", "pending", "msgs_to", "msgs_from", "bytes_to", "bytes_from",
		             "last", "idle", "uptime", "rtt"):
			equal(len(conns(server, "?sort=" + sort)), 10, sort)
	finally:
		for client in clients:
			client.close()


# by client, in the order of their ids: filler subscriptions, what it hears and what it says, as messages of bytes each
SORTED = ((1, (3, 10), (5, 100)), (3, (1, 50), (1, 20)), (0, (2, 100), (9, 1)), (2, (7, 1), (3, 200)))
SORTED_LAST = (1, 0, 3, 2)  # who spoke last
SORTED_BY = {"cid": "0123", "start": "0123", "subs": "1302", "msgs_to": "3021", "msgs_from": "2031",
             "bytes_to": "2103", "bytes_from": "3012", "last": "2301", "idle": "1032", "uptime": "3210"}


def names_in_order(server, query):
	return "".join(c["name"] for c in conns(server, query) if c["name"] != "driver")


@test(http=True, workers=(1, 2))
def connz_sorted(server):
	"""No two keys give the same order, but those that mean the same."""
	clients = []
	for i, (fillers, _, said) in enumerate(SORTED):
		c = Client(server, dict(QUIET, name=str(i)))
		c.send("SUB to.%d 1\r\n" % i + "".join("SUB f.%d %d\r\n" % (n, n + 2) for n in range(fillers)))
		c.flush()
		c.send(("PUB nobody %d\r\n%s\r\n" % (said[1], "x" * said[1])) * said[0])
		c.flush()
		clients.append(c)
	with Client(server, dict(QUIET, name="driver")) as driver:
		for i, (_, heard, _) in enumerate(SORTED):
			driver.send(("PUB to.%d %d\r\n%s\r\n" % (i, heard[1], "x" * heard[1])) * heard[0])
		driver.flush()
		for i, (_, heard, _) in enumerate(SORTED):
			clients[i].msgs(heard[0])
		for i in SORTED_LAST:
			clients[i].pub("nobody")
			clients[i].flush()
		equal({by: names_in_order(server, "?sort=" + by) for by in SORTED_BY}, SORTED_BY)


@test(http=True)
def connz_sorted_when_closed(server):
	"""Why and when they were closed are two orders, and not that of the ids."""
	said = ("FOO\r\n", None, "-ERR 'x'\r\n", "SUB %s 1\r\n" % ("a" * 5000))
	clients = [Client(server, dict(QUIET, name=str(i))) for i in range(len(said))]
	for c in clients:
		c.flush()
	for n, i in enumerate((0, 2, 1, 3), 1):
		if said[i] is None:
			clients[i].close()
		else:
			clients[i].send(said[i])
			clients[i].until_eof()
		wait_until(lambda n=n: page(server, "/connz?state=closed")["total"] == n, "it closed")
	told = conns(server, "?state=closed&sort=reason")
	equal([(c["name"], c["reason"]) for c in told],
	      [("1", "Client Closed"), ("3", "Maximum Control Line Exceeded"), ("2", "Parse Error"),
	       ("0", "Protocol Violation")])
	equal(names_in_order(server, "?state=closed&sort=stop"), "3120")


@test(http=True, workers=(1, 2))
def connz_closed(server):
	with used(server):
		cid = conns(server)[0]["cid"]
	wait_until(lambda: page(server, "/connz?state=closed")["total"] == 1, "it closed")
	c = conns(server, "?state=closed&subs=detail&cid=%d" % cid)[0]
	equal(c["reason"], "Client Closed")
	true(RFC3339.match(c["stop"]), c["stop"])
	equal(c["subscriptions"], 2)
	equal(len(c["subscriptions_list_detail"]), 2)
	equal(c["subscriptions_list_detail"][0]["account"], "$G")
	equal(conns(server), [])
	with Client(server, connect=QUIET) as client:
		client.send("PING\r\n")
		client.socket.recv(100)
		equal(len(conns(server, "?state=ALL")), 2)
		equal(len(conns(server, "?state=any&cid=%d" % cid)), 1)
		equal(len(conns(server, "?state=closed&sort=stop")), 1)
	equal(conns(server, "?state=closed&acc=$G"), [])


@test(http=True, config="max_closed_clients: 3\n", workers=(1, 2))
def ring_keeps_the_newest_19(server):
	for n in range(7):
		with Client(server, connect=dict(QUIET, name="n%d" % n)) as client:
			client.send("PING\r\n")
			client.expect("PONG\r\n")
		wait_until(lambda: ("n%d" % n) in [c.get("name") for c in conns(server, "?state=closed")], "it closed")
	p = page(server, "/connz?state=closed")
	equal((p["total"], [c["name"] for c in p["connections"]]), (3, ["n4", "n5", "n6"]))
	equal([c["name"] for c in conns(server, "?state=closed&sort=stop")], ["n6", "n5", "n4"])


@test(http=True)
def each_poll_is_counted_13(server):
	for n in range(1, 4):
		equal(page(server, "/varz")["http_req_stats"], {"/varz": n})


@test(http=True)
def words_of_sort_17(server):
	for word in ("cid", "start", "subs", "pending", "msgs_to", "msgs_from", "bytes_to", "bytes_from", "last",
	             "idle", "uptime", "rtt", "stop&state=closed", "reason&state=closed"):
		equal(get(server, "/connz?sort=" + word).status, 200, word)
	for word, text in (("foo", "invalid sorting option: foo"),
	                   ("stop", "sort by stop only valid on closed connections")):
		answer = get(server, "/connz?sort=" + word)
		equal((answer.status, answer.body), (400, text))


@test(http=True)
def connz_of_who_said_nothing(server):
	with Client(server):
		pass
	wait_until(lambda: conns(server, "?state=closed"), "it is recorded")
	c = conns(server, "?state=closed")[0]
	equal(c["reason"], "Client Closed")
	true(RFC3339.match(c["last_activity"]), c["last_activity"])


@test(http=True)
def connz_account(server):
	with used(server):
		equal(page(server, "/connz?acc=$G")["total"], 1)
		p = page(server, "/connz?acc=NOPE&offset=3")
		equal((p["server_id"], p["total"], p["offset"], p["connections"]), ("", 0, 3, None))
		equal(page(server, "/connz?user=ivan")["connections"], [])


PARAMETERS = [
	("/connz?auth=xxx",
	 "Error decoding boolean for 'auth': strconv.ParseBool: parsing \"xxx\": invalid syntax"),
	("/connz?subs=xxx",
	 "Error decoding boolean for 'subs': strconv.ParseBool: parsing \"xxx\": invalid syntax"),
	("/connz?offset=a%22b",
	 "Error decoding int for 'offset': strconv.Atoi: parsing \"a\\\"b\": invalid syntax"),
	("/connz?limit=99999999999999999999",
	 "Error decoding int for 'limit': strconv.Atoi: parsing \"99999999999999999999\": "
	 "value out of range"),
	("/connz?cid=-1", "Error decoding uint64 for 'cid': strconv.ParseUint: parsing \"-1\": invalid syntax"),
	("/connz?state=foo", "Error decoding state for foo"),
	("/connz?sort=foo", "invalid sorting option: foo"),
	("/connz?sort=stop", "sort by stop only valid on closed connections"),
	("/connz?sort=reason&state=any", "sort by reason only valid on closed connections"),
	("/subsz?test=foo.*", "invalid test subject, must be valid publish subject: foo.*"),
	("/subsz?test=foo..bar", "invalid test subject, must be valid publish subject: foo..bar"),
	("/healthz?details=7",
	 "Error decoding boolean for 'details': strconv.ParseBool: parsing \"7\": invalid syntax"),
]


@test(http=True)
def wrong_parameters(server):
	for target, text in PARAMETERS:
		answer = get(server, target)
		equal((answer.status, answer.body), (400, text), target)
		equal(answer.headers["content-type"], "text/plain; charset=utf-8")
		true("access-control-allow-origin" not in answer.headers, answer.text)


@test(http=True, workers=(1, 2, 8))
def subsz(server):
	before = page(server, "/subsz?acc=$G")
	with used(server), used(server):
		p = page(server, "/subsz?acc=$G")
		equal(p["num_subscriptions"] - before["num_subscriptions"], 4)
		equal(p["num_inserts"] - before["num_inserts"], 4)
		true(p["num_matches"] >= 1, "matches")
		true(0 <= p["cache_hit_rate"] <= 1, "rate")
		equal((p["total"], p["offset"], p["limit"]), (0, 0, 1024))
		true("subscriptions_list" not in p, "unasked")
		p = page(server, "/subsz?subs=1&acc=$G&test=foo.bar")
		equal((p["total"], len(p["subscriptions_list"])), (2, 2))
		s = p["subscriptions_list"][0]
		equal((s["account"], s["account_tag"], s["subject"], s["qgroup"], s["sid"]),
		      ("$G", "$G", "foo.>", "q", "2"))
		p = page(server, "/subscriptionsz?subs=true&acc=$G&test=foo&limit=1")
		equal((p["total"], len(p["subscriptions_list"]), p["limit"]), (2, 1, 1))
		p = page(server, "/subsz?subs=1&acc=$G&test=foo&offset=99")
		equal((p["total"], p.get("subscriptions_list")), (2, None))


@test(http=True)
def healthz(server):
	equal(get(server, "/healthz").body, '{"status":"ok"}')
	equal(get(server, "/healthz?js-server-only=true").body, '{"status":"ok"}')
	answer = get(server, "/healthz?stream=S")
	equal(answer.status, 400)
	equal(answer.body,
	      '{"status":"error","error":"\\"account\\" must not be empty when checking stream health"}')
	answer = get(server, "/healthz?account=A&consumer=C&details=1")
	equal(answer.status, 400)
	equal(answer.json()["errors"], [{"type": "BAD_REQUEST", "error":
	      '"stream" must not be empty when checking consumer health'}])


@test(http=True, config='lame_duck_grace_period: "2s"\nlame_duck_duration: "30s"\n')
def healthz_while_leaving(server):
	with used(server):
		server.signal(signal.SIGUSR2)
		wait_until(lambda: get(server, "/healthz").status == 500, "unhealthy")
		answer = get(server, "/healthz")
		equal(answer.json(), {"status": "error",
		      "error": "failed to be ready for connections after 1ms: server"})
		server.tolerant = True


@test(http=True, workers=(2,), natsd_only=True, dev_roles=True)
def roles_when_asked(server):
	for target in ("/varz", "/connz", "/subsz", "/healthz"):
		p = page(server, target + "?natsd=1")
		equal(list(p)[-1], "natsd", target)
		roles = p["natsd"]["roles"]
		equal(p["natsd"]["front_threads"], 2)
		for role in ("js", "raft"):
			equal((roles[role]["life"], roles[role]["restarts"], roles[role]["state"]), (1, 0, "up"), role)
		true("natsd" not in page(server, target), target)
	equal(page(server, "/varz?natsd=no")["server_id"], page(server, "/varz")["server_id"])


@test(http=True, natsd_only=True, dev_roles=True)
def a_role_that_died(server):
	server.tolerant = True
	old = server.role("js")

	os.kill(old, signal.SIGKILL)
	server.role("js", other_than=old)
	def back():
		js = page(server, "/healthz?natsd=1")["natsd"]["roles"]["js"]
		return js if js["state"] == "up" and js["life"] == 2 else None
	js = wait_until(back, "js is up again")
	equal(js["restarts"], 1)
	true("9" in js["why"], js["why"])


@test(http=True, config="max_connections: 100\n")
def reload_shows(server):
	equal(page(server, "/varz")["max_connections"], 100)
	before = page(server, "/varz")
	server.configure("max_connections: 77\n")
	server.signal(signal.SIGHUP)
	v = wait_until(lambda: (lambda v: v if v["max_connections"] == 77 else None)(page(server, "/varz")),
	               "the new limit")
	true(v["config_digest"] != before["config_digest"], "digest")
	true(v["config_load_time"] > before["config_load_time"], "time")
	server.configure("max_connections: none\n")
	server.signal(signal.SIGHUP)
	server.wait_log("Failed to reload server configuration")
	equal(page(server, "/varz")["config_load_time"], v["config_load_time"], "after a refused one")


@test(http=True, workers=(1, 2))
def polls_while_clients_come_and_go(server):
	done = threading.Event()
	failed = []

	def poll(target):
		with Web(server) as web:
			while not done.is_set():
				answer = web.get(target)
				if answer.status != 200:
					failed.append((target, answer.status))
	pollers = [threading.Thread(target=poll, args=(t,)) for t in
	           ("/varz", "/connz?subs=1&state=all", "/subsz?subs=1", "/healthz?natsd=1")]
	for p in pollers:
		p.start()
	try:
		for _ in range(60):
			used(server).close()
	finally:
		done.set()
		for p in pollers:
			p.join()
	equal(failed, [])
	equal(page(server, "/varz")["total_connections"], 60)


# what a connection sends, why it is closed
CLOSED_FOR = (
	("foo\r\n", "Protocol Violation"),
	("PUB a\r\n", "Protocol Violation"),
	("CONNECT {\r\n", "Protocol Violation"),
	("-ERR 'no'\r\n", "Parse Error"),
	('CONNECT {"protocol":2}\r\n', "Bad Client Protocol Version"),
	('CONNECT {"no_responders":true}\r\n', "No Responders Requires Headers"),
	('CONNECT {"account":"A"}\r\n', "Authentication Failure"),
	("SUB %s 1\r\n" % ("a" * 600), "Maximum Control Line Exceeded"),
	("PUB a 9000\r\n", "Maximum Message Payload Exceeded"),
)


def closed_reasons(server, n):
	"""{client id: reason} of the closed connections, when there are n or more."""
	def closed():
		told = conns(server, "?state=closed")
		return told if len(told) >= n else None
	return {c["cid"]: c["reason"] for c in wait_until(closed, "%d closed connections" % n)}


@test(http=True, config="max_payload: 8192, max_control_line: 512, max_pending: 100000, "
      "max_connections: 2")
def closed_reasons_54(server):
	want = {}
	for text, reason in CLOSED_FOR:
		with Client(server) as c:
			c.send(text)
			c.until_eof()
			want[c.info["client_id"]] = reason
			closed_reasons(server, len(want))
	c = Client(server, QUIET)
	d = Client(server)
	with Client(server) as e:
		e.until_eof()
		want[e.info["client_id"]] = "Maximum Connections Exceeded"
	d.close()
	want[d.info["client_id"]] = "Client Closed"
	closed_reasons(server, len(want))
	c.send("SUB a 1\r\n")
	c.flush()
	c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
	c.socket.close()
	want[c.info["client_id"]] = "Read Error"
	closed_reasons(server, len(want))
	slow = Client(server, QUIET, rcvbuf=4096)
	slow.send("SUB a 1\r\n")
	slow.flush()
	with Client(server, QUIET) as fast:
		while len(conns(server, "?state=closed")) == len(want):
			fast.send((b"PUB a 8000\r\n" + b"x" * 8000 + b"\r\n") * 20)
		want[slow.info["client_id"]] = "Slow Consumer (Pending Bytes)"
		equal(closed_reasons(server, len(want)), want)


@test(http=True, config='ping_interval: "0.2s", ping_max: 1, write_deadline: "0.3s"')
def closed_reasons_in_time_54(server):
	silent = Client(server, auto_pong=False)
	silent.until_eof()
	want = {silent.info["client_id"]: "Stale Connection"}
	slow = Client(server, QUIET, rcvbuf=4096)
	slow.send("SUB a 1\r\n")
	slow.flush()
	with Client(server, QUIET) as fast:
		for _ in range(40):
			fast.pub("a", b"x" * 400000)
		want[slow.info["client_id"]] = "Slow Consumer (Write Deadline)"
		got = closed_reasons(server, len(want))
		equal({cid: got.get(cid) for cid in want}, want)


if __name__ == "__main__":
	main()
