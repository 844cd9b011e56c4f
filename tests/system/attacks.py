#!/usr/bin/env python3
"""A role that was taken over attacks the others through their rings (faults 86), or dies, hangs and breaks
its sandbox at an ordered record (faults 61, 63, 89).

The tree of programs is copied with one role replaced by an attacker of tests/attack.  Attacks on rings
need a build with --enable-killpoints (make check-kills): there the attacker runs without a sandbox.
"""

import json
import os
import re
import shutil
import tempfile

from natsd import (Failure, Server, Skip, add, build_dir, equal, main, read_text, true,
                   wait_until)
from wire import HEADERS, QUIET, Client

ECHO = {"js": "$SYS.REQ.DEV.ECHO.JS", "raft": "$SYS.REQ.DEV.ECHO.RAFT"}
AS_PRODUCER = ("write-back", "write-two-rings-ahead", "write-not-aligned", "write-huge",
               "length-minus-one", "length-sign-bit", "length-zero", "record-cut", "type-unknown",
               "type-msg", "type-pub", "contents-garbage", "parts-of-nothing", "skip-backwards",
               "skip-far", "hole", "hole-in-the-head", "flipping")
ASKERS = 6  # at once, so that each of two workers has some, however the others are spread
AS_CONSUMER = ("released-back", "released-ahead", "released-not-aligned")


def is_test_build():
	return "define NATSD_KILLPOINTS 1" in read_text(os.path.join(build_dir(), "config.h"))


class Tree:
	"""The programs of the build with one role replaced; its supervisor finds them beside itself."""

	def __init__(self, attacker):
		self.dir = tempfile.mkdtemp(prefix="natsd-tree-")
		os.chmod(self.dir, 0o755)
		for role in ("supervisor", "front", "js", "raft"):
			program = "natsd-" + role
			source = os.path.join(build_dir(), program, program)
			if role == attacker:
				source = os.path.join(build_dir(), "tests", "attack", role + "_attacker")
			if not os.path.exists(source):
				raise Failure("not built: %s" % source)
			os.mkdir(os.path.join(self.dir, program))
			shutil.copy2(source, os.path.join(self.dir, program, program))
		self.supervisor = os.path.join(self.dir, "natsd-supervisor", "natsd-supervisor")

	def __enter__(self):
		return self

	def __exit__(self, *unused):
		shutil.rmtree(self.dir, ignore_errors=True)


def ask(client, role, payload, timeout=None):
	"""The data of the echo's answer."""
	client.sid += 1
	want = "re.%d.%d" % (client.info["client_id"], client.sid)
	client.send("PUB %s %s %d\r\n%s\r\n" % (ECHO[role], want, len(payload), payload))
	while True:
		m = client.msg(timeout)
		if m.subject == want:
			return json.loads(m.payload)["data"] if not m.header else None


def asker(server):
	c = Client(server, HEADERS)
	c.send("SUB re.%d.* inbox\r\n" % c.info["client_id"])  # no answer to another one is taken for its own
	c.silent()
	return c


def answers_again(server, role):
	"""A fresh peer serves on fresh rings, and every worker, each with rings of its own; a request sent while
	it was away may be refused or lost.  The same connections all the time: those of a worker that waits for
	the role in vain are not read and not given up, and new ones would all go to the other."""
	def served(c):
		try:
			data = ask(c, role, "hello", 0.5)
		except Failure:
			return False
		return data is not None and data["payload"] == "hello"
	askers = [asker(server) for _ in range(ASKERS)]
	for c in askers:
		wait_until(lambda: served(c), "an echo of natsd-%s at every worker" % role, 20)
		c.close()


def core_goes_on(core):
	core.pub("core", "x")
	core.expect("MSG core 1 1\r\nx\r\n")


def told_once(server, before, deaths):
	"""One line of the victim's a violation; the supervisor's lines about the deaths stand beside it."""
	lines = [line for line in server.log()[before:].splitlines() if "[ERR]" in line]
	told = [line for line in lines if re.search(r"\] ring from |broke the rules of its ring", line)]
	equal(len(told), deaths, "lines of the victim in\n" + "\n".join(lines) + "\n")


def small_rings(workers):
	"""So that a producer soon looks at its consumer's cursors."""
	return "natsd { front_threads: %d, ring_bytes: 65536 }\n" % workers


def attack_front(role, side, how):
	"""natsd-js or natsd-raft attacks natsd-front: it goes on with all its clients."""
	def run(workers):
		if not is_test_build():
			raise Skip("needs --enable-killpoints")
		with Tree(role) as tree, \
		     Server(binary=tree.supervisor, config=small_rings(workers), dev_roles=True,
		            env={"NATSD_KILL": "nosandbox"}) as server:
			server.tolerant = server.leaks_at_exit = True
			core = Client(server, QUIET)
			core.sub("core")
			answers_again(server, role)
			front, victim, before = server.role("front"), server.role(role), len(server.log())
			with asker(server) as c:
				c.send("PUB %s re.0 %d\r\n%s %s\r\n" %
				       (ECHO[role], len(side + how) + 1, side, how))
				c.silent()

				def replaced():
					c.send("PUB %s re.1 1\r\nx\r\n" % ECHO[role])  # makes the front look
					core_goes_on(core)
					return server.roles().get(role) not in (None, victim)
				wait_until(replaced, "a fresh natsd-" + role, 20)
			answers_again(server, role)
			core_goes_on(core)
			equal(server.role("front"), front, "natsd-front is never replaced on their word")
			told_once(server, before, 1)
	return run


def attack_role(role, side, how):
	"""natsd-front attacks: the victim stops using the ring and comes back on fresh ones."""
	def run(workers):
		if not is_test_build():
			raise Skip("needs --enable-killpoints")
		with Tree("front") as tree, \
		     Server(binary=tree.supervisor, config=small_rings(workers),
		            dev_roles=True) as server:
			server.tolerant = True
			front, victim, before = server.role("front"), server.role(role), len(server.log())
			c = Client(server)
			for turn in range(2):
				c.send("%s out status-ask\r\n" % role)
				c.expect("+OK\r\n")
				c.send("%s %s %s\r\n" % (role, side, how))
				c.expect("+OK\r\n")

				def replaced():
					if side == "in":  # the producer looks at that cursor when it needs room
						c.send("%s out status-ask\r\n" % role)
						c.expect("+OK\r\n")
					return server.roles().get(role) not in (None, victim)
				wait_until(replaced, "a fresh natsd-" + role, 20)
				victim = server.role(role)
				server.wait_log("natsd-%s, life %d" % (role, turn + 1))
			equal(server.role("front"), front, "natsd-front is never replaced on their word")
			told_once(server, before, 2)
	return run


def died_twice_faults_61(workers):
	"""A record that kills natsd-js twice is answered with an error; all else goes on."""
	with Tree("js") as tree, Server(binary=tree.supervisor, workers=workers, dev_roles=True) as server:
		server.tolerant = True
		core = Client(server, QUIET)
		core.sub("core")
		with asker(server) as c:
			equal(ask(c, "js", "before")["verdict"], "stored")
			data = ask(c, "js", "die", 30)
			equal((data["payload"], data["verdict"]), ("die", "error"))
			core_goes_on(core)
			equal(ask(c, "js", "after")["verdict"], "stored")
		equal(server.log().count("natsd-js, life"), 2, "deaths")
		core_goes_on(core)


def in_the_store(server, name):
	"""What a file of the volatile store holds: it is mounted nowhere, the supervisor has it open."""
	fds = "/proc/%d/fd" % server.pid
	for fd in os.listdir(fds):
		path = os.path.join(fds, fd, name)
		if os.path.isfile(path):
			with open(path, "rb") as f:
				return f.read()
	return b""


def quarantined_faults_61(workers):
	"""A record on which natsd-js dies again and again is set aside, whole."""
	if not is_test_build():
		raise Skip("needs --enable-killpoints")
	with Server(workers=workers, dev_roles=True,
	            env={"NATSD_KILL": "js: before effect@1*"}) as server:
		server.tolerant = True
		with asker(server) as c:
			data = ask(c, "js", "the poison", 30)
			equal((data["payload"], data["verdict"]), ("the poison", "error"))
		true(b"the poison" in in_the_store(server, "quarantine"), "it stands in quarantine")
		true(b"the poison" not in in_the_store(server, "echo"), "and took no effect")


def hangs_faults_63(workers):
	"""natsd-js never comes back from a record: the watchdog ends it, the second time for good."""
	with Tree("js") as tree, Server(binary=tree.supervisor, workers=workers, dev_roles=True) as server:
		server.tolerant = True
		core = Client(server, QUIET)
		core.sub("core")
		with asker(server) as c:
			data = ask(c, "js", "hang", 60)
			equal((data["payload"], data["verdict"]), ("hang", "error"))
			core_goes_on(core)
			equal(ask(c, "js", "after")["verdict"], "stored")
		true("silent beyond the watchdog" in server.log(), "the log says why")


def breaks_the_sandbox_faults_89(workers):
	"""execve(2) is the end of that life, told with the number of the call; of the record too."""
	if is_test_build():
		raise Skip("there fatal calls are only refused, so that they can be probed")
	call = {"x86_64": 59, "aarch64": 221}[os.uname().machine]
	with Tree("js") as tree, Server(binary=tree.supervisor, workers=workers, dev_roles=True) as server:
		server.tolerant = True
		with asker(server) as c:
			data = ask(c, "js", "system", 30)
			equal(data["verdict"], "error")
			told = re.findall(r"\[FTL\] sandbox: forbidden system call (\d+)$", server.log(), re.M)
			equal(told, [str(call)] * 2, "the log names the call, once a life")
			equal(ask(c, "js", "after")["verdict"], "stored")


def forges_no_log_line_faults_93(workers):
	"""What natsd-js says, by the log socket or to stderr, is escaped, and its clock is not believed."""
	with Tree("js") as tree, Server(binary=tree.supervisor, workers=workers, dev_roles=True) as server:
		server.tolerant = True
		with asker(server) as c:
			equal(ask(c, "js", "forge")["verdict"], "stored")
		wait_until(lambda: server.log().count("forged") >= (1 if sanitized() else 2), "the lines")
		for line in server.log().splitlines():
			true(line.startswith("[%d] 2" % server.pid), "a forged line: %r" % line)


def sanitized():
	return "define NATSD_SANITIZED 1" in read_text(os.path.join(build_dir(), "config.h"))


def bell_without_end(workers):
	with Tree("js") as tree, Server(binary=tree.supervisor, workers=workers, dev_roles=True) as server:
		core = Client(server, QUIET)
		core.sub("core")
		with asker(server) as c:
			equal(ask(c, "js", "bell", 30)["verdict"], "stored")
		core_goes_on(core)


def name_of(*parts):
	return "_".join(parts).replace("-", "_") + "_faults_86"


for how in AS_PRODUCER:
	add(name_of("js_attacks_front", how), attack_front("js", "out", how), server=False,
	    workers=(2,), natsd_only=True)
for how in AS_CONSUMER:
	add(name_of("js_attacks_front", how), attack_front("js", "in", how), server=False,
	    workers=(2,), natsd_only=True)
for how in ("write-back", "length-minus-one", "hole", "contents-garbage"):
	add(name_of("raft_attacks_front", how), attack_front("raft", "out", how), server=False,
	    workers=(1,), natsd_only=True)
for how in AS_PRODUCER:
	add(name_of("front_attacks_js", how), attack_role("js", "out", how), server=False,
	    workers=(1,), natsd_only=True)
for how in ("write-huge", "type-pub", "hole-in-the-head"):
	add(name_of("front_attacks_raft", how), attack_role("raft", "out", how), server=False,
	    workers=(1,), natsd_only=True)
for how in AS_CONSUMER:
	add(name_of("front_attacks_js", how), attack_role("js", "in", how), server=False,
	    workers=(1,), natsd_only=True)
for function in (died_twice_faults_61, quarantined_faults_61, hangs_faults_63, breaks_the_sandbox_faults_89,
                 forges_no_log_line_faults_93, bell_without_end):
	add(function.__name__, function, server=False, workers=(2,), natsd_only=True)
main()
