#!/usr/bin/env python3
"""Each confined program, fully started, tries what it must never be able to do (faults.md 87, 88).

Needs a build with --enable-killpoints: there $NATSD_PROBE makes the supervisor ask for every act of
common/sandbox_probe.c, and the answers stand in the log.
"""

import os
import re
import shutil

from natsd import Server, Skip, build_dir, equal, main, read_text, test, true

ROLES = ("front", "js", "raft")
TARGET = "/tmp/natsd-probe-target"
UID = 54321
REFUSED = ("EPERM", "EACCES")
# What every program must be asked, whatever else the list has.
ACTS = {"open-file", "create-file", "read-key", "read-proc", "leave-root", "socket", "socket-udp",
        "socket-unix", "connect", "bind", "listen", "exec", "fork", "ptrace", "kill", "mount",
        "unlink", "chroot", "setuid", "grow-ring", "shrink-ring", "seal-ring"}


def need_test_build():
	if "define NATSD_KILLPOINTS 1" not in read_text(os.path.join(build_dir(), "config.h")):
		raise Skip("needs --enable-killpoints")


def probe(user):
	class Probed(Server):
		def command(self):
			return user + super().command()

	# Something of theirs, in a folder where everybody may: only the jail keeps them from it.
	with open(TARGET, "w"):
		pass
	if user:
		os.chown(TARGET, UID, UID)
	try:
		ask_all(Probed, user)
		true(os.path.exists(TARGET), "it is still there")
	finally:
		os.unlink(TARGET)


def ask_all(Probed, user):
	with Probed(workers=2, dev_roles=True, env={"NATSD_PROBE": "1"}, start=False) as server:
		if user:
			os.chmod(server.dir, 0o777)
		server.start()
		for role in ROLES:
			server.wait_log("probe %s: done" % role)
		answers = re.findall(r"probe (\w+) ([\w-]+): (\w+)$", server.log(), re.M)
		leaks = [a for a in answers if a[2] not in REFUSED]
		equal(leaks, [], "acts that were not refused")
		for role in ROLES:
			asked = {act for r, act, _ in answers if r == role}
			true(ACTS <= asked, "%s was not asked to %s" % (role, sorted(ACTS - asked)))


@test(server=False, natsd_only=True)
def as_root_faults_87_88():
	need_test_build()
	if os.geteuid() != 0:
		raise Skip("not root")
	probe([])


@test(server=False, natsd_only=True)
def not_as_root_faults_87_88():
	need_test_build()
	if os.geteuid() != 0:
		probe([])
		return
	if shutil.which("setpriv") is None:
		raise Skip("no setpriv")
	probe(["setpriv", "--reuid=%d" % UID, "--regid=%d" % UID, "--clear-groups"])


main()
