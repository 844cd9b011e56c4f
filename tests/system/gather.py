#!/usr/bin/env python3
"""Workers share a thread while one is enough, and each has its own when told so."""

import os
import re

from natsd import equal, main, read_text, test, true
from wire import QUIET, Client

ROUNDS = 300


def switches(server):
	"""{thread of the front: how often it went to sleep}"""
	top = "/proc/%d/task" % server.role("front")
	return {tid: int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", read_text("%s/%s/status" % (top, tid)), re.M).group(1))
	        for tid in os.listdir(top)}


def busy_threads(server):
	"""How many threads of the front wake up while four clients ask and answer, one after the other."""
	clients = [Client(server, QUIET) for _ in range(4)]
	for i, c in enumerate(clients):
		c.sub("to.%d" % i)
		c.flush()
	before = switches(server)
	for n in range(ROUNDS):
		clients[n % 4].pub("to.%d" % ((n + 1) % 4), "%d" % n)
		equal(clients[(n + 1) % 4].msg().payload, b"%d" % n)
	after = switches(server)
	for c in clients:
		c.close()
	return sum(after[tid] - before.get(tid, 0) >= ROUNDS // 8 for tid in after)


@test(workers=(2,), natsd_only=True)
def share_a_thread(server):
	equal(busy_threads(server), 1)


@test(workers=(8,), natsd_only=True)
def each_on_its_own_when_told(server):
	true(busy_threads(server) > 1, "one thread did it all")


main()
