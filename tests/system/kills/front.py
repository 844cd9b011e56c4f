#!/usr/bin/env python3
"""natsd-front is killed: a waiting connect succeeds within 250 ms and is never refused (faults 56)."""

import json
import os
import signal
import threading
import time

from load import long_run, report_times

from natsd import (Failure, Server, Skip, build_dir, equal, gone, main, read_text, seconds, test,
                   true, wait_until)
from wire import HEADERS, QUIET, Client

KILLS = 50 if long_run() else 8
CONNECT_S = 0.25


class Knocker(threading.Thread):
	"""Connects again and again; keeps how long each took until INFO was there."""

	def __init__(self, port):
		super().__init__(daemon=True)
		self.port = port
		self.stop = threading.Event()
		self.took = []
		self.infos = []
		self.why = None

	def run(self):
		while not self.stop.is_set():
			begin = time.monotonic()
			try:
				with Client(self.port, timeout=5) as c:
					self.infos.append(c.info)
			except Failure:
				# Accepted by the front that was killed: a closed connection, not a refused one.
				continue
			except ConnectionResetError:
				continue
			except OSError as e:
				self.why = "connect: %s" % e
				return
			self.took.append((begin, time.monotonic() - begin))


def connect_at_last(server):
	"""The connect that waited.  One that the dying front had taken already is closed: again."""
	while True:
		try:
			c = Client(server, QUIET)
		except (Failure, ConnectionResetError):
			continue
		return c


def kill_front(server):
	pid, at = server.role("front"), time.monotonic()
	os.kill(pid, signal.SIGKILL)
	# Until the last of its threads is gone it may still accept, and take that connection with it.
	wait_until(lambda: gone(pid), "the death of natsd-front", every=0.0005)
	return pid, at


@test(workers=(1, 2, 8), natsd_only=True)
def connects_succeed_faults_56(server):
	server.tolerant = True
	knockers = [Knocker(server.port) for _ in range(4)]
	for k in knockers:
		k.start()
	waits = []
	try:
		for _ in range(KILLS):
			pid, at = kill_front(server)
			with connect_at_last(server) as c:
				waits.append(time.monotonic() - at)
				c.silent()
			true(server.role("front", other_than=pid), "a new front")
	finally:
		for k in knockers:
			k.stop.set()
		for k in knockers:
			k.join(seconds(10))
	for k in knockers:
		true(k.why is None, k.why)
		true(k.took, "connects")
	report_times("connect after natsd-front was killed", waits, CONNECT_S)
	true(max(waits) <= seconds(CONNECT_S), "a connect waited %.0f ms" % (max(waits) * 1e3))
	infos = [i for k in knockers for i in k.infos]
	equal(len({i["server_id"] for i in infos}), 1, "the server stays itself")
	ids = [i["client_id"] for i in infos]
	equal(len(set(ids)), len(ids), "client ids are never used twice")


@test(workers=(2,), natsd_only=True, dev_roles=True)
def roles_go_on(server):
	"""js keeps its state over deaths of the front: effects stay dense and unique."""
	server.tolerant = True
	seen = {}

	def ask(n):
		with Client(server, HEADERS) as c:
			c.sub("re.*")
			for i in range(n):
				c.pub("$SYS.REQ.DEV.ECHO.JS", "%d" % len(seen), "re.%d" % i)
				data = json.loads(c.msg().payload)["data"]
				equal(data["verdict"], "stored")
				true(data["sequence"] not in seen, "sequence %d twice" % data["sequence"])
				seen[data["sequence"]] = data["life"]
	ask(20)
	lives = set(seen.values())
	for _ in range(5):
		pid, _ = kill_front(server)
		server.role("front", other_than=pid)
		ask(20)
	equal(sorted(seen), list(range(1, 121)), "effects")
	equal(set(seen.values()), lives, "natsd-js was not restarted")


ECHO = "$SYS.REQ.DEV.ECHO.JS"
LEFT = 50  # requests that stand in the rings of a front when it dies


def leave_requests(server, js):
	"""A front that died with requests in its rings to a natsd-js that stood still."""
	os.kill(js, signal.SIGSTOP)
	with Client(server, QUIET) as c:
		for i in range(LEFT):
			c.pub(ECHO, "left %d" % i)
		c.flush()
	pid, _ = kill_front(server)
	server.role("front", other_than=pid)


def effects(server):
	"""How many requests natsd-js has executed, this one included, and in which of its lives."""
	with Client(server, HEADERS) as c:
		c.sub("re")
		c.pub(ECHO, "how many", "re")
		data = json.loads(c.msg().payload)["data"]
		return data["sequence"], data["life"]


def all_of_them(server, life):
	"""Everything that was left is executed, once, by that life or before it."""
	asked = [0]

	def done():
		asked[0] += 1
		sequence, by = effects(server)
		true(sequence <= LEFT + asked[0], "%d effects of %d" % (sequence, LEFT + asked[0]))
		equal(by, life, "life of natsd-js")
		return sequence == LEFT + asked[0]
	wait_until(done, "the requests that a dead front has left", every=0.05)


@test(workers=(1, 2), natsd_only=True, dev_roles=True)
def rings_of_a_dead_front_outlive_js(server):
	"""natsd-js dies before it has read what a dead front left: its next life reads it."""
	server.tolerant = True
	js = server.role("js")
	leave_requests(server, js)
	os.kill(js, signal.SIGKILL)
	server.role("js", other_than=js)
	all_of_them(server, 2)


@test(workers=(2,), natsd_only=True, dev_roles=True)
def rings_of_two_dead_fronts_outlive_two_lives_of_js(server):
	server.tolerant = True
	js = server.role("js")
	leave_requests(server, js)
	pid, _ = kill_front(server)
	server.role("front", other_than=pid)
	os.kill(js, signal.SIGKILL)
	second = server.role("js", other_than=js)
	os.kill(second, signal.SIGKILL)
	server.role("js", other_than=second)
	all_of_them(server, 3)


@test(server=False, natsd_only=True)
def js_dies_within_the_rings_of_a_dead_front():
	if "define NATSD_KILLPOINTS 1" not in read_text(os.path.join(build_dir(), "config.h")):
		raise Skip("needs --enable-killpoints")
	for point in ("js: before effect@7", "js: effect, verdict@20", "js: answer, release@1"):
		with Server(workers=2, dev_roles=True, env={"NATSD_KILL": point}) as server:
			server.tolerant = True
			js = server.role("js")
			leave_requests(server, js)
			os.kill(js, signal.SIGCONT)
			server.role("js", other_than=js)
			all_of_them(server, 2)


main()
