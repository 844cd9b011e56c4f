#!/usr/bin/env python3
"""natsd-js and natsd-raft are killed at random while 100 clients talk and 10 ask (faults 57)."""

import asyncio
import os
import random
import signal
import time

from load import Load, long_run, report_times

from natsd import add, main, wait_until

KILLS = 50 if long_run() else 6
BACK_S = 0.1


def run_kills(role):
	def run(server):
		server.tolerant = True
		rng = random.Random(11)
		back = []

		async def trouble(load):
			for _ in range(KILLS):
				await asyncio.sleep(rng.uniform(0.02, 0.12))
				pid = server.role(role)
				life = load.newest_life()
				os.kill(pid, signal.SIGKILL)
				killed = time.monotonic()
				await load.until(lambda: load.newest_life() > life, "an answer of a new life", 10)
				back.append(load.lives[load.newest_life()] - killed)
			for a in load.askers:
				a.total = a.asked
		load = Load(server, role, total=1 << 30)
		asyncio.run(load.run(trouble))
		report_times("natsd-%s answers again after kill -9" % role, back, BACK_S)
	return run


def both_killed(server):
	"""js and raft together, many clients idle meanwhile."""
	server.tolerant = True
	load = Load(server, "js", total=50)

	async def trouble(load):
		for role in ("js", "raft"):
			os.kill(server.role(role), signal.SIGKILL)
	asyncio.run(load.run(trouble))
	wait_until(lambda: {"front", "js", "raft"} <= set(server.roles()), "all roles")


for role in ("js", "raft"):
	add("random_kills_of_" + role, run_kills(role), workers=(1, 2, 8), natsd_only=True,
	    dev_roles=True)
add("both_killed", both_killed, workers=(2,), natsd_only=True, dev_roles=True)
main()
