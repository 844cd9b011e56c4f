#!/usr/bin/env python3
"""The fields that tools must always find (monitoring-events.md 30), of the pages that exist."""

import re

from web import page

from natsd import equal, main, test, true
from wire import QUIET, Client

CONFIG = """
accounts { A { users: [ { user: a, password: pw } ] } }
"""
WHO = dict(QUIET, user="a", name="n", lang="py", version="1.0", **{"pass": "pw"})


def text(value):
	return isinstance(value, str) and value != ""


def integer(value):
	return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def number(value):
	return isinstance(value, (int, float)) and not isinstance(value, bool)


def boolean(value):
	return isinstance(value, bool)


def time(value):
	return text(value) and re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$", value)


def uptime(value):
	return text(value) and re.match(r"^(\d+y)?(\d+d)?(\d+h)?(\d+m)?\d+s$", value)


def duration(value):
	return text(value) and re.match(r"^((\d+h)?(\d+m)?\d+(\.\d+)?s|\d+(\.\d+)?(ms|\xb5s)|\d+ns)$", value)


def listed(value):
	return isinstance(value, list) and len(value) > 0


def counted(value):
	return isinstance(value, dict) and value and all(text(k) and integer(v) for k, v in value.items())


# number of section 30, page, where in it, what it must be; [] stands for each entry of a list
FIELDS = (
	(1, "/varz", "server_id", text), (2, "/varz", "server_name", text), (3, "/varz", "version", text),
	(4, "/varz", "now", time), (5, "/varz", "start", time), (6, "/varz", "uptime", uptime),
	(7, "/varz", "cpu", number), (8, "/varz", "mem", integer), (9, "/varz", "cores", integer),
	(10, "/varz", "connections", integer), (11, "/varz", "total_connections", integer),
	(12, "/varz", "max_connections", integer), (13, "/varz", "routes", integer),
	(14, "/varz", "remotes", integer), (15, "/varz", "leafnodes", integer),
	(16, "/varz", "in_msgs", integer), (17, "/varz", "out_msgs", integer),
	(18, "/varz", "in_bytes", integer), (19, "/varz", "out_bytes", integer),
	(20, "/varz", "slow_consumers", integer), (21, "/varz", "subscriptions", integer),
	(22, "/varz", "max_payload", integer), (23, "/varz", "max_pending", integer),
	(24, "/varz", "config_load_time", time),
	(25, "/varz", "slow_consumer_stats.clients", integer), (25, "/varz", "slow_consumer_stats.routes", integer),
	(25, "/varz", "slow_consumer_stats.gateways", integer), (25, "/varz", "slow_consumer_stats.leafs", integer),
	(30, "/varz", "http_req_stats", counted),
	(31, "/connz", "num_connections", integer), (32, "/connz", "total", integer),
	(33, "/connz", "connections[].cid", integer),
	(34, "/connz", "connections[].ip", text), (34, "/connz", "connections[].port", integer),
	(35, "/connz", "connections[].kind", text), (35, "/connz", "connections[].type", text),
	(36, "/connz", "connections[].start", time), (36, "/connz", "connections[].last_activity", time),
	(37, "/connz", "connections[].rtt", duration),
	(38, "/connz", "connections[].uptime", uptime), (38, "/connz", "connections[].idle", uptime),
	(39, "/connz", "connections[].pending_bytes", integer),
	(40, "/connz", "connections[].in_msgs", integer), (40, "/connz", "connections[].out_msgs", integer),
	(41, "/connz", "connections[].in_bytes", integer), (41, "/connz", "connections[].out_bytes", integer),
	(42, "/connz?subs=1", "connections[].subscriptions", integer),
	(42, "/connz?subs=1", "connections[].subscriptions_list", listed),
	(43, "/connz", "connections[].name", text), (43, "/connz", "connections[].lang", text),
	(43, "/connz", "connections[].version", text),
	(45, "/subsz", "num_subscriptions", integer), (45, "/subsz", "num_cache", integer),
	(45, "/subsz", "num_inserts", integer), (45, "/subsz", "num_removes", integer),
	(45, "/subsz", "num_matches", integer), (45, "/subsz", "cache_hit_rate", number),
	(45, "/subsz", "max_fanout", integer), (45, "/subsz", "avg_fanout", number),
	(48, "/accstatz?unused=1", "account_statz[].acc", text), (48, "/accstatz?unused=1", "account_statz[].name", text),
	(48, "/accstatz?unused=1", "account_statz[].conns", integer),
	(48, "/accstatz?unused=1", "account_statz[].total_conns", integer),
	(48, "/accstatz?unused=1", "account_statz[].leafnodes", integer),
	(48, "/accstatz?unused=1", "account_statz[].num_subscriptions", integer),
	(49, "/accstatz?unused=1", "account_statz[].sent.msgs", integer),
	(49, "/accstatz?unused=1", "account_statz[].sent.bytes", integer),
	(49, "/accstatz?unused=1", "account_statz[].received.msgs", integer),
	(49, "/accstatz?unused=1", "account_statz[].received.bytes", integer),
	(49, "/accstatz?unused=1", "account_statz[].slow_consumers", integer),
	(50, "/accountz", "accounts", listed),
	(50, "/accountz?acc=A", "account_detail.account_name", text),
	(50, "/accountz?acc=A", "account_detail.name_tag", text),
	(50, "/accountz?acc=A", "account_detail.client_connections", integer),
	(50, "/accountz?acc=A", "account_detail.leafnode_connections", integer),
	(50, "/accountz?acc=A", "account_detail.subscriptions", integer),
	(50, "/accountz?acc=$SYS", "account_detail.is_system", boolean),
	(50, "/accountz?acc=A", "account_detail.expired", boolean),
	(50, "/accountz?acc=A", "account_detail.complete", boolean),
	(50, "/accountz?acc=A", "account_detail.jetstream_enabled", boolean),
	(51, "/healthz", "status", text),
)


def values(of, path):
	"""All that stand at a path; a missing one is None."""
	name, _, rest = path.partition(".")
	at = of.get(name.removesuffix("[]")) if isinstance(of, dict) else None
	found = at if name.endswith("[]") else [at]
	true(listed(found), "no %s" % name)
	return [v for one in found for v in values(one, rest)] if rest else found


@test(http=True, config=CONFIG, workers=(1, 2))
def fields_that_tools_need(server):
	with Client(server, WHO) as c:
		c.send("SUB foo 1\r\nPUB foo 5\r\nhello\r\n")
		c.msg()
		c.flush()
		pages = {name: page(server, name) for _, name, _, _ in FIELDS}
		wrong = [(number, name, path, value) for number, name, path, what in FIELDS
		         for value in values(pages[name], path) if not what(value)]
		equal(wrong, [])


if __name__ == "__main__":
	main()
