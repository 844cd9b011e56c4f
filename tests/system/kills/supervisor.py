#!/usr/bin/env python3
"""The supervisor is killed; a child hangs (faults 60, 63)."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from natsd import Skip, children, equal, gone, main, seconds, test, true, wait_until  # noqa: E402
from wire import QUIET, Client  # noqa: E402

GONE_S = 0.1
CONTROL_S = 0.01  # what a machine with time to spare takes to end a process that does nothing


def time_to_die(server, pids):
	"""How long the children live on after their supervisor, and a bystander that is killed with it."""
	with subprocess.Popen(["sleep", "600"]) as bystander:
		ends = {}

		def all_gone():
			for p in (bystander.pid, *pids):
				if p not in ends and gone(p):
					ends[p] = time.monotonic() - begin
			return len(ends) == len(pids) + 1
		server.process.kill()
		bystander.kill()
		begin = time.monotonic()
		server.process.wait()
		wait_until(all_gone, "children to end", 5, every=0.001)
	control = ends.pop(bystander.pid)
	return max(ends.values()), control


def die(server, hung):
	pids = list(children(server.pid))
	equal(len(pids), 3, "children")
	c = Client(server, QUIET)
	c.silent()
	for pid in pids if hung else ():
		os.kill(pid, signal.SIGSTOP)  # it cannot see a closed socket: the kernel ends it
	times = time_to_die(server, pids)
	c.expect_eof()
	server.asked_port = server.port
	server.start()
	Client(server, QUIET).silent()
	return times


@test(workers=(2,), natsd_only=True, dev_roles=True)
def children_end_with_it_faults_60(server):
	"""They always end; how soon is judged when the machine had time to end them."""
	left = [False, True, False, True, False]
	for _ in range(10 * len(left)):
		took, control = die(server, left[0])
		if control > seconds(CONTROL_S):
			continue
		true(took <= seconds(GONE_S), "children lived on for %.0f ms" % (took * 1e3))
		left.pop(0)
		if not left:
			return
	raise Skip("nothing can be measured on this machine: it takes its time to end what does nothing")


def stopped(server, role):
	server.tolerant = True
	pid = server.role(role)
	os.kill(pid, signal.SIGSTOP)
	newer = server.role(role, other_than=pid, timeout=30)
	true(gone(pid), "the old one is reaped before the new one lives")
	return newer


@test(workers=(2,), natsd_only=True, dev_roles=True)
def hanging_js_faults_63(server):
	c = Client(server, QUIET)
	c.sub("core")
	stopped(server, "js")
	c.pub("core", "x")
	c.expect("MSG core 1 1\r\nx\r\n")
	true("js" in server.log(), "the log names it")


def health(server):
	url = "http://127.0.0.1:%d/healthz?natsd=1" % server.http
	try:
		with urllib.request.urlopen(url, timeout=seconds(10)) as answer:
			return json.load(answer)
	except urllib.error.HTTPError as answer:  # not well just now, and says why
		return json.load(answer)


@test(workers=(2,), natsd_only=True, dev_roles=True, http=True)
def healthz_tells_faults_64(server):
	server.tolerant = True
	for role in ("js", "raft", "front"):
		for times in (1, 2):
			pid = server.role(role)
			os.kill(pid, signal.SIGKILL)
			server.role(role, other_than=pid)

			def told():
				page = health(server).get("natsd", {}).get("roles", {}).get(role)
				return page if page and page["restarts"] == times and page["state"] == "up" else None
			page = wait_until(told, "%s up after %d restarts" % (role, times))
			equal(page["life"], times + 1)
			true("signal 9" in page["why"], page["why"])
	equal(health(server)["status"], "ok")


@test(workers=(2,), natsd_only=True)
def hanging_front_faults_63(server):
	stopped(server, "front")
	Client(server, QUIET).silent()


main()
