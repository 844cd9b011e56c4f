#!/usr/bin/env python3
"""Memory that nobody points to any more when a program ends: there is none, in any role.

Needs --enable-asan and --enable-killpoints: the roles run without their sandbox, in which nothing could look
into them (common/leaks.h).
"""

import os

from natsd import Failure, Server, Skip, build_dir, equal, main, read_text, test
from steps import STEPS


@test(workers=(1, 2), server=False, natsd_only=True)
def nothing_leaks_faults_77(workers):
	config = read_text(os.path.join(build_dir(), "config.h"))
	if "define NATSD_KILLPOINTS 1" not in config or "define NATSD_ASAN 1" not in config:
		raise Skip("needs --enable-asan and --enable-killpoints")
	with Server(workers=workers, dev_roles=True, http=True, env={"NATSD_KILL": "nosandbox"}) as server:
		for _ in range(2):
			for step in STEPS:
				step(server)
		equal(server.stop(), 0, "exit code")
		said = read_text(server.err_path)
		if "LeakSanitizer has encountered a fatal error" in said:
			raise Skip("nobody may look into a process here")
		if said:
			raise Failure("on stderr:\n" + said)


main()
