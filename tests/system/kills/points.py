#!/usr/bin/env python3
"""natsd-js and natsd-raft die at each named place while 100 clients talk and 10 ask.

Needs a build with --enable-killpoints (make check-kills).  NATSD_LONG=1: 50 times at each.
"""

import asyncio
import os

from load import Load, long_run, report_times

from natsd import Failure, Server, Skip, add, build_dir, main, read_text, true

POINTS = {
	"js": ("js: before effect", "js: effect, verdict", "js: verdict, answer",
	       "js: answer, release", "js: after release", "js: catalogue"),
	"raft": ("raft: before effect", "raft: verdict, answer", "raft: answer, release",
	         "raft: after release", "raft: catalogue"),
}
TIMES = 50 if long_run() else 6
BACK_S = 0.1


def visit(point, turn):
	"""Which visit of the place is the last: spread over the run, the same in every run."""
	return 1 if point.endswith("catalogue") else 1 + turn * 37 % 90


def once(role, point, turn):
	spec = "%s@%d" % (point, visit(point, turn))
	workers = (2, 1, 8)[turn % 3]
	with Server(workers=workers, dev_roles=True, env={"NATSD_KILL": spec}) as server:
		server.tolerant = True
		load = Load(server, role, total=100)
		try:
			asyncio.run(load.run())
		except Failure as e:
			raise Failure("%s, %d workers: %s" % (spec, workers, e))
		true(load.newest_life() > 1 or 2 in load.lives, "%s: nobody died" % spec)
		return load.pauses()


def run_point(role, point):
	def run():
		if "define NATSD_KILLPOINTS 1" not in read_text(os.path.join(build_dir(), "config.h")):
			raise Skip("needs --enable-killpoints")
		pauses = []
		for turn in range(TIMES):
			pauses += once(role, point, turn)
		if pauses:
			report_times("pause around a death at \"%s\"" % point, pauses, BACK_S)
	return run


for role, points in POINTS.items():
	for point in points:
		add(point.replace(": ", "_").replace(", ", "_").replace(" ", "_"),
		    run_point(role, point), server=False, natsd_only=True)
main()
