#!/usr/bin/env python3
"""Pages of a server with 10,000 connections: whole, in bounded memory, with work in proportion."""

import contextlib
import os
import re
import resource

from web import Web, page

from natsd import Skip, build_dir, equal, main, read_text, test, true, wait_until
from wire import QUIET, Client

CROWD = 10000
FEW = CROWD // 10
PAGES = ("/connz?limit=%d" % CROWD, "/connz?limit=%d&sort=bytes_to&auth=1&subs=detail" % CROWD, "/metrics",
         "/metrics?connz=detailed")
BYTES_A_CONN = 4096  # of the front, for copies while a page is made
KEPT = 8 << 20  # by the allocator, between pages


@contextlib.contextmanager
def crowd(server, n):
	soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
	if hard != resource.RLIM_INFINITY and hard < 2 * n:
		raise Skip("%d open files are needed, %d allowed" % (2 * n, hard))
	resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, n + 1000), hard))
	clients = []
	try:
		for i in range(n):
			clients.append(Client(server, dict(QUIET, name="c%d" % i)))
			clients[-1].send("SUB to.%d 1\r\n" % i)
		for c in clients:
			c.flush()
		yield clients
	finally:
		for c in clients:
			c.close()
		resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def status(server, what):
	text = read_text("/proc/%d/status" % server.role("front"))
	return int(re.search(r"%s:\s+(\d+) kB" % what, text).group(1)) << 10


def sizes(server):
	"""{page: bytes of it}"""
	with Web(server) as web:
		return {target: len(web.get(target).body) for target in PAGES}


@test(http=True, workers=(1, 2))
def all_are_shown(server):
	with crowd(server, CROWD):
		cids = []
		for offset in range(0, CROWD, 1024):
			p = page(server, "/connz?offset=%d" % offset)
			equal((p["total"], p["limit"], p["num_connections"]), (CROWD, 1024, min(1024, CROWD - offset)))
			cids += [c["cid"] for c in p["connections"]]
		equal((len(set(cids)), cids == sorted(cids)), (CROWD, True))
		p = page(server, "/connz?limit=%d&subs=1" % CROWD)
		equal([c["subscriptions_list"] for c in p["connections"]], [["to.%d" % i] for i in range(CROWD)])


@test(http=True, natsd_only=True)
def memory_is_bounded(server):
	if "define NATSD_SANITIZED 1" in read_text(os.path.join(build_dir(), "config.h")):
		raise Skip("a sanitizer's memory is its own")
	with crowd(server, CROWD):
		before = status(server, "VmRSS")
		shown = sizes(server)
		true(shown["/metrics"] < 1 << 18, shown)
		first = status(server, "VmRSS")
		peak = status(server, "VmHWM") - before
		print("# a page of %d bytes: %d more at the peak" % (max(shown.values()), peak))
		true(peak < CROWD * BYTES_A_CONN + 4 * max(shown.values()), "%d bytes more, for %r" % (peak, shown))
		for _ in range(5):
			sizes(server)
		true(status(server, "VmRSS") - first < KEPT, "%d -> %d" % (first, status(server, "VmRSS")))


def worked(server):
	"""Nanoseconds for which the threads of the front had a processor: not how long anything took."""
	path = "/proc/%d/task" % server.role("front")
	return sum(int(read_text(os.path.join(path, tid, "schedstat")).split()[0]) for tid in os.listdir(path))


@test(http=True, natsd_only=True)
def work_in_proportion(server):
	"""Ten times the connections are about ten times the work; a square would be a hundred times."""
	costs = []
	for n in (FEW, CROWD):
		with crowd(server, n):
			sizes(server)
			before = worked(server)
			for _ in range(2 * CROWD // n):
				sizes(server)
			costs.append((worked(server) - before) / (2 * CROWD // n))
		wait_until(lambda: page(server, "/varz")["connections"] == 0, "they are gone", 30)
	print("# microseconds: %r" % [int(c / 1000) for c in costs])
	true(costs[1] < 30 * costs[0], "%d ns with %d, %d with %d" % (costs[0], FEW, costs[1], CROWD))


if __name__ == "__main__":
	main()
