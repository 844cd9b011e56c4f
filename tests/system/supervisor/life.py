#!/usr/bin/env python3
"""The supervisor and its children: how they come, what they may inherit, how they go."""

import fcntl
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from natsd import (Failure, Server, Skip, children, equal, gone, main,  # noqa: E402
                   proc_stat, read_text, seconds, test, true, wait_until)


def info(port):
	"""The first line that the server says."""
	with socket.create_connection(("127.0.0.1", port), timeout=seconds(10)) as s:
		return s.makefile("rb").readline()


@test(natsd_only=True)
def started_again_at_once(server):
	"""After kill -9 the same port is free at once, and nobody of the old ones is left."""
	server.asked_port = server.port
	for _ in range(10):
		pids = list(children(server.pid))
		true(pids, "children")
		server.process.kill()
		server.process.wait()
		killed = time.monotonic()
		server.start()
		true(b"INFO " in info(server.port), "INFO")
		true(all(gone(p) for p in pids), "old children")
		true(time.monotonic() - killed < seconds(2), "started again after %g s" %
		     (time.monotonic() - killed))


@test(natsd_only=True, dev_roles=True)
def nothing_is_inherited(server):
	"""Environment empty but for the allocator's setting; descriptors: 0, 1, 2, control, log, and
	what came over the control socket."""
	for role, pid in server.roles().items():
		with open("/proc/%d/environ" % pid, "rb") as f:
			names = {e.split(b"=")[0] for e in f.read().split(b"\0") if e}
		true(names <= {b"MALLOC_ARENA_MAX"}, "%s: %s" % (role, names))


@test(start=False, natsd_only=True)
def descriptors_of_the_caller_stay_out(server):
	mark = os.path.join(server.dir, "mark")
	with open(mark, "w") as f:
		os.set_inheritable(f.fileno(), True)
		number = os.dup2(f.fileno(), 77, inheritable=True)
		with open(server.err_path, "ab") as err:
			server.process = subprocess.Popen(server.command(), stdin=subprocess.DEVNULL, stdout=err,
			                                  stderr=err, pass_fds=(number,))
		os.close(number)
	server.wait_ready()
	for pid in server.roles().values():
		for fd in os.listdir("/proc/%d/fd" % pid):
			try:
				true(os.readlink("/proc/%d/fd/%s" % (pid, fd)) != mark, "fd %s of %d" % (fd, pid))
			except FileNotFoundError:
				pass


@test(start=False, natsd_only=True)
def descriptors_are_raised(server):
	soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
	if hard < 512:
		raise Skip("a hard limit of %d" % hard)
	command = server.command()
	server.command = lambda: ["sh", "-c", 'ulimit -Sn 256; exec "$0" "$@"'] + command
	server.start()
	for pid in [server.pid] + list(server.roles().values()):
		for line in read_text("/proc/%d/limits" % pid).splitlines():
			if line.startswith("Max open files"):
				equal(line.split()[3], str(hard), "soft limit of %d" % pid)


@test(natsd_only=True)
def a_strange_death_is_told(server):
	server.tolerant = True
	old = server.role("front")
	os.kill(old, signal.SIGKILL)
	server.role("front", other_than=old)
	server.wait_log("natsd-front, life 1: killed by signal 9")
	server.wait_log("natsd-front is back, life 2")
	true(b"INFO " in info(server.port), "INFO")


@test(natsd_only=True)
def the_port_stays_open_meanwhile(server):
	"""A connect while there is no front waits and is not refused (faults 56)."""
	server.tolerant = True
	for _ in range(5):
		old = server.role("front")
		os.kill(old, signal.SIGKILL)
		true(b"INFO " in info(server.port), "INFO")
		server.role("front", other_than=old)


class Manager:
	"""A service manager's socket."""

	def __init__(self, directory):
		self.path = os.path.join(directory, "notify")
		self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		self.socket.bind(self.path)
		self.socket.settimeout(seconds(10))

	def expect(self, state):
		while True:
			try:
				text = self.socket.recv(4096).decode()
			except socket.timeout:
				raise Failure("%s was not said" % state)
			if state in text.split("\n"):
				return text


@test(start=False, natsd_only=True)
def the_service_manager_hears(server):
	manager = Manager(server.dir)
	server._env = dict(server._env, NOTIFY_SOCKET=manager.path, WATCHDOG_USEC="200000")
	server.start()
	manager.expect("READY=1")
	for _ in range(3):
		manager.expect("WATCHDOG=1")
	server.signal(signal.SIGHUP)
	true("MONOTONIC_USEC=" in manager.expect("RELOADING=1"), "the time of it")
	manager.expect("READY=1")
	server.signal(signal.SIGTERM)
	manager.expect("STOPPING=1")
	equal(server.process.wait(seconds(10)), 0)


def wrapped(server, *words):
	"""Starts the server behind words that make it another kind of process."""
	command = server.command()
	server.command = lambda: list(words) + command
	probe = subprocess.run(list(words) + ["true"], capture_output=True, text=True,
	                       timeout=seconds(20))
	if probe.returncode != 0:
		raise Skip("cannot %s: %s" % (words[0], probe.stderr.strip()))
	server.start(wait=False)


def wait_listening(server):
	server.wait_log("Server is ready", timeout=20)
	line = [x for x in server.log().splitlines() if "client connections on" in x][-1]
	return int(line.rsplit(":", 1)[1])


@test(start=False, natsd_only=True)
def as_pid_1(server):
	"""It buries strangers whose parents are gone, and stops when it is told."""
	orphan = '(sleep 0.2 & sleep 0.1 &) ; exec "$0" "$@"'
	flags = "-fp" if os.geteuid() == 0 else "-Urfp"
	wrapped(server, "unshare", flags, "--mount-proc", "--kill-child", "sh", "-c", orphan)
	port = wait_listening(server)
	true(b"INFO " in info(port), "INFO")
	first = [p for p in children(server.pid)]
	equal(len(first), 1, "the process in the namespace")

	def no_zombies():
		return not [p for p in os.listdir("/proc") if p.isdigit() and
		            (proc_stat(int(p)) or ["", ""])[1] == str(first[0]) and
		            proc_stat(int(p))[0] == "Z"]
	wait_until(lambda: "sleep" not in children(first[0]).values(), "the strangers to end")
	wait_until(no_zombies, "strangers to be buried")
	os.kill(first[0], signal.SIGTERM)
	equal(server.process.wait(seconds(20)), 0)
	true("Server Exiting.." in server.log(), server.log())


@test(start=False, natsd_only=True)
def on_a_read_only_root(server):
	flags = "-m" if os.geteuid() == 0 else "-Urm"
	setup = ('mount --make-rprivate / && mount --bind "%s" "%s" && '
	         'mount -o remount,bind,ro / && exec "$0" "$@"' % (server.dir, server.dir))
	wrapped(server, "unshare", flags, "sh", "-c", setup)
	port = wait_listening(server)
	true(b"INFO " in info(port), "INFO")
	equal(server.stop(), 0)


@test(start=False, natsd_only=True)
def as_any_single_uid(server):
	if os.geteuid() != 0:
		raise Skip("only root can become somebody else")
	if shutil.which("setpriv") is None:
		raise Skip("no setpriv")
	os.chown(server.dir, 54321, 54321)
	wrapped(server, "setpriv", "--reuid=54321", "--regid=54321", "--clear-groups")
	port = wait_listening(server)
	true(b"INFO " in info(port), "INFO")
	for pid in server.roles().values():
		uid = [x for x in read_text("/proc/%d/status" % pid).splitlines() if x.startswith("Uid:")]
		equal(uid[0].split()[1:], ["54321"] * 4, "user of %d" % pid)
	equal(server.stop(), 0)


@test(start=False, natsd_only=True)
def as_root_of_one_user(server):
	"""A container with a single uid, mapped to root: there is nobody else to become."""
	wrapped(server, "unshare", "-Ur")
	port = wait_listening(server)
	true(b"INFO " in info(port), "INFO")
	equal(server.stop(), 0)


@test(natsd_only=True)
def users_of_their_own(server):
	if os.geteuid() != 0:
		raise Skip("not root")
	status = read_text("/proc/%d/status" % server.role("front"))
	uid = [x for x in status.splitlines() if x.startswith("Uid:")][0].split()[1]
	true(uid != "0", "natsd-front is root")


@test(start=False, natsd_only=True)
def nobody_reads_standard_error(server):
	"""A full pipe behind stderr stops nothing."""
	command = server.command()
	i = command.index("-l")
	del command[i:i + 2]
	reader, writer = os.pipe()
	server.process = subprocess.Popen(command + ["-D"], stdin=subprocess.DEVNULL, stdout=writer,
	                                  stderr=writer)
	os.close(writer)
	wait_until(lambda: os.path.exists(server.ports_path), "the ports file", 20)

	def full():
		server.signal(signal.SIGHUP)
		waiting = int.from_bytes(fcntl.ioctl(reader, termios.FIONREAD, b"\0" * 4), sys.byteorder)
		return waiting + 2 * 4096 > fcntl.fcntl(reader, fcntl.F_GETPIPE_SZ)
	wait_until(full, "a full pipe", 60)
	for _ in range(20):
		server.signal(signal.SIGHUP)
	wait_until(lambda: proc_stat(server.pid)[0] == "S", "an idle supervisor")
	server.port = int(read_text(server.ports_path).split(":")[3].split('"')[0])
	true(b"INFO " in info(server.port), "INFO")
	equal(server.stop(), 0)
	os.close(reader)


main()
