"""natsd - what the system tests share: servers, their processes, waiting, and the runner.

Python's standard library only.  A test file is a program:

	from natsd import test, main
	from wire import Client

	@test(workers=(1, 2, 8))
	def order(server):
		...

	main()

It prints one TAP line a case and exits 0, 1 (a case failed) or 77 (nothing to run here).

The server under test is $NATSD_SERVER, else natsd-supervisor of the build tree $NATSD_BUILD.  It
may be nats-server: a case then runs once, without the `natsd { }` block, which is how a test is
checked against the peer.  $NATSD_TIME_FACTOR stretches all deadlines (sanitizers, valgrind).

	prog [-v] [-l] [-s SERVER] [name ...]	-l lists the cases; a name picks the cases that hold it
"""

import argparse
import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
WORKERS = (1, 2, 8)
SANITIZER = re.compile(r"(AddressSanitizer|ThreadSanitizer|LeakSanitizer|runtime error:|"
                       r"SUMMARY: \w*Sanitizer|Assertion .* failed)")


class Failure(Exception):
	"""What was expected did not happen."""


class Skip(Exception):
	"""This case cannot run here, and why."""


def factor():
	return float(os.environ.get("NATSD_TIME_FACTOR", "1"))


def seconds(n):
	"""n seconds of an unloaded machine and a plain build."""
	return n * factor()


def wait_until(predicate, what, timeout=10, every=0.002):
	"""The predicate's first true value; Failure when there is none in time."""
	end = time.monotonic() + seconds(timeout)
	while True:
		value = predicate()
		if value:
			return value
		if time.monotonic() > end:
			raise Failure("waited %g s in vain: %s" % (seconds(timeout), what))
		time.sleep(every)


class Lateness(threading.Thread):
	"""A bystander that wants to run every few milliseconds: by how much it was late, at worst, in seconds.

	with Lateness() as machine:
		...
	if machine.worst > 0.02: what was measured tells of the machine, not of the server"""

	EVERY = 0.005

	def __init__(self):
		super().__init__(daemon=True)
		self.worst = 0
		self.over = threading.Event()

	def __enter__(self):
		self.start()
		return self

	def __exit__(self, *unused):
		self.over.set()
		self.join()

	def run(self):
		while not self.over.is_set():
			begin = time.monotonic()
			self.over.wait(self.EVERY)
			self.worst = max(self.worst, time.monotonic() - begin - self.EVERY)


def build_dir():
	return os.environ.get("NATSD_BUILD") or os.path.abspath(os.path.join(HERE, "..", ".."))


def server_binary():
	return os.path.abspath(os.environ.get("NATSD_SERVER") or
	                       os.path.join(build_dir(), "natsd-supervisor", "natsd-supervisor"))


_peers = {}


def is_peer(binary=None):
	"""nats-server, not natsd: its -v does not name natsd."""
	binary = binary or server_binary()
	if binary not in _peers:
		out = subprocess.run([binary, "-v"], capture_output=True, text=True, timeout=seconds(20))
		_peers[binary] = "natsd" not in out.stdout + out.stderr
	return _peers[binary]


def read_text(path):
	try:
		with open(path, encoding="utf-8", errors="backslashreplace") as f:
			return f.read()
	except FileNotFoundError:
		return ""


# ---- processes ----


def proc_stat(pid):
	"""Fields of /proc/pid/stat from `state` on; None when it is gone."""
	try:
		with open("/proc/%d/stat" % pid) as f:
			return f.read().rsplit(") ", 1)[1].split()
	except (FileNotFoundError, ProcessLookupError, IndexError):
		return None


def children(pid):
	"""Living processes whose parent is pid: {pid: program name}."""
	found = {}
	for entry in os.listdir("/proc"):
		if not entry.isdigit():
			continue
		stat = proc_stat(int(entry))
		if stat is None or int(stat[1]) != pid or stat[0] in "ZX":
			continue
		try:
			with open("/proc/%s/cmdline" % entry, "rb") as f:
				name = f.read().split(b"\0")[0]
		except (FileNotFoundError, ProcessLookupError):
			continue
		found[int(entry)] = os.path.basename(name).decode(errors="replace")
	return found


def gone(pid):
	stat = proc_stat(pid)
	return stat is None or stat[0] in "ZX"


def tree(pid):
	"""pid and all its descendants."""
	pids = [pid]
	for p in pids:
		pids.extend(children(p))
	return pids


def kill_quietly(pid, sig=signal.SIGKILL):
	try:
		os.kill(pid, sig)
	except ProcessLookupError:
		pass


# ---- a server ----


class Server:
	"""One running server on 127.0.0.1 with a free port, in a temporary directory of its own.

	config	text put into its configuration file
	workers	front_threads of natsd; None leaves the default
	args	more of the command line
	env	more of the environment
	dev_roles	natsd-js and natsd-raft run too (natsd only)
	port	-1 picks a free one
	"""

	def __init__(self, config="", workers=None, args=(), env=None, dev_roles=False, port=-1,
	             http=False, binary=None, start=True):
		self.binary = binary or server_binary()
		self.peer = is_peer(self.binary)
		self.workers = None if self.peer else workers
		self.dir = tempfile.mkdtemp(prefix="natsd-test-")
		os.chmod(self.dir, 0o755)
		self.log_path = os.path.join(self.dir, "log")
		self.err_path = os.path.join(self.dir, "stderr")
		self.conf_path = os.path.join(self.dir, "natsd.conf")
		self.asked_port = port
		self.port = None
		self.http = None
		self.process = None
		self.tolerant = False  # set by a test that kills or provokes on purpose
		self.leaks_at_exit = False  # a role outside its sandbox: it ends without freeing all
		self._http = http
		self._args = list(args)
		self._env = dict(os.environ, **(env or {}))
		if dev_roles and not self.peer:
			self._args.append("--dev-roles")
		self.configure(config)
		if start:
			try:
				self.start()
			except BaseException:
				self.cleanup()
				raise

	def configure(self, config):
		"""A block of natsd's own takes the number of workers in; a second block would replace it.  Few
		workers share a thread when they like; of many each has its own."""
		if self.workers is not None:
			own = "front_threads: %d, gather: %s" % (self.workers, "true" if self.workers < 8 else "false")
			if "natsd {" in config:
				config = config.replace("natsd {", "natsd { %s," % own, 1)
			else:
				config += "\nnatsd { %s }\n" % own
		with open(self.conf_path, "w") as f:
			f.write(config)

	def command(self):
		command = [self.binary, "-a", "127.0.0.1", "-p", str(self.asked_port), "-c",
		           self.conf_path, "-l", self.log_path, "--ports_file_dir", self.dir]
		if self._http:
			command += ["-m", "-1"]
		return command + self._args

	def start(self, wait=True):
		with open(self.err_path, "ab") as err:
			self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=err,
			                                stderr=err, cwd=self.dir, env=self._env)
		if wait:
			self.wait_ready()

	@property
	def pid(self):
		return self.process.pid

	@property
	def ports_path(self):
		name = "%s_%d.ports" % (os.path.basename(self.binary), self.pid)
		return os.path.join(self.dir, name)

	def wait_ready(self):
		def ready():
			if self.process.poll() is not None:
				raise Failure("the server ended with %d before it was ready\n%s" %
				              (self.process.returncode, self.report()))
			if not os.path.exists(self.ports_path):
				return None  # asked first: what is read after that must be whole
			text = read_text(self.ports_path)
			if self.peer and not text.endswith("}"):
				return None  # nats-server's file may be seen half written; natsd's may not
			return json.loads(text)
		ports = wait_until(ready, "ports file", 30)
		self.port = int(ports["nats"][0].rsplit(":", 1)[1])
		if "monitoring" in ports:
			self.http = int(ports["monitoring"][0].rsplit(":", 1)[1])
		self.wait_log("Server is ready")

	@property
	def url(self):
		return "nats://127.0.0.1:%d" % self.port

	def log(self):
		return read_text(self.log_path)

	def wait_log(self, text, timeout=10, count=1):
		return wait_until(lambda: self.log().count(text) >= count,
		                  "log line %r, %d times" % (text, count), timeout)

	def roles(self):
		"""{"front": pid, ...} of the children that live now."""
		return {name.rsplit("-", 1)[1]: pid for pid, name in children(self.pid).items()
		        if name.startswith("natsd-")}

	def role(self, name, other_than=None, timeout=10):
		"""The pid of that child; waits for one that is not `other_than`."""
		def living():
			pid = self.roles().get(name)
			return pid if pid != other_than else None
		return wait_until(living, "a life of natsd-%s" % name, timeout)

	def signal(self, sig):
		self.process.send_signal(sig)

	def stop(self, timeout=20):
		"""SIGTERM; the exit code."""
		if self.process.poll() is None:
			self.process.send_signal(signal.SIGTERM)
		try:
			return self.process.wait(seconds(timeout))
		except subprocess.TimeoutExpired:
			raise Failure("SIGTERM did not end the server in %g s" % seconds(timeout))

	def kill(self):
		if self.process is not None and self.process.poll() is None:
			self.process.kill()
			self.process.wait()

	def complaints(self):
		"""What no run may leave behind: sanitizer reports, children that died unasked."""
		text = self.log() + read_text(self.err_path)
		found = [line for line in text.splitlines() if SANITIZER.search(line)]
		if self.leaks_at_exit:
			found = [line for line in found if not re.search(r"LeakSanitizer|leaked in", line)]
		if not self.tolerant:
			found += [line for line in text.splitlines()
			          if re.search(r"natsd-\w+, life \d+: ", line)]
		return found

	def report(self):
		out = []
		for name, path in (("log", self.log_path), ("stderr", self.err_path)):
			lines = read_text(path).splitlines()[-60:]
			out += ["---- %s" % name] + lines
		return "\n".join(out)

	def cleanup(self):
		if self.process is not None:
			pids = tree(self.pid) if self.process.poll() is None else []
			self.kill()
			for pid in pids[1:]:
				kill_quietly(pid)
		if os.environ.get("NATSD_KEEP"):
			print("# kept: %s" % self.dir)
		else:
			shutil.rmtree(self.dir, ignore_errors=True)

	def finish(self):
		"""A clean end: SIGTERM gives 0, nothing is left, nothing was reported."""
		if self.process is None or self.process.poll() is not None:
			return
		pids = list(children(self.pid))
		code = self.stop()
		if code != 0:
			raise Failure("SIGTERM ended the server with %d" % code)
		wait_until(lambda: all(gone(p) for p in pids), "children to end with the supervisor", 5)
		found = self.complaints()
		if found:
			raise Failure("the server complained:\n" + "\n".join(found))

	def __enter__(self):
		return self

	def __exit__(self, kind, value, tb):
		try:
			if kind is None:
				self.finish()
			elif not issubclass(kind, Skip):
				print(self.report(), flush=True)
		finally:
			self.cleanup()


# ---- the runner ----

_cases = []


class Case:
	def __init__(self, function, workers, server, natsd_only, peer_only, options):
		self.function = function
		self.name = function.__name__
		self.workers = workers
		self.server = server
		self.natsd_only = natsd_only
		self.peer_only = peer_only
		self.options = options

	def variants(self):
		return self.workers if self.workers and not is_peer() else (None,)

	def run(self, workers):
		if self.natsd_only and is_peer():
			raise Skip("only for natsd")
		if self.peer_only and not is_peer():
			raise Skip("only for nats-server")
		if self.server:
			with Server(workers=workers, **self.options) as server:
				self.function(server)
		elif self.workers:
			self.function(workers)
		else:
			self.function()


def test(workers=None, server=True, natsd_only=False, peer_only=False, **options):
	"""Declares a case.  workers: the worker counts to repeat it with; server: start one and pass
	it, with `options` of Server; else the function gets the worker count, if any."""
	def wrap(function):
		_cases.append(Case(function, workers, server, natsd_only, peer_only, options))
		return function
	return wrap


def add(name, function, **kw):
	"""test() for cases made in a loop."""
	function.__name__ = name
	test(**kw)(function)


def _run_one(case, workers, number):
	label = case.name + ("" if workers is None else " workers=%d" % workers)
	begin = time.monotonic()
	try:
		case.run(workers)
	except Skip as why:
		print("ok %d - %s # SKIP %s" % (number, label, why), flush=True)
		return "skip"
	except Exception as e:
		if isinstance(e, Failure):
			where = traceback.extract_tb(e.__traceback__)
			at = " < ".join("%s:%d" % (os.path.basename(f.filename), f.lineno)
			                for f in reversed(where))
			text = "%s\nat %s" % (e, at)
		else:
			text = traceback.format_exc()
		print("not ok %d - %s" % (number, label))
		print("\n".join("# " + line for line in text.splitlines()), flush=True)
		return "fail"
	print("ok %d - %s # %.2f s" % (number, label, time.monotonic() - begin), flush=True)
	return "pass"


def main():
	parser = argparse.ArgumentParser()
	parser.add_argument("-s", "--server")
	parser.add_argument("-l", "--list", action="store_true")
	parser.add_argument("names", nargs="*")
	args = parser.parse_args()
	if args.server:
		os.environ["NATSD_SERVER"] = args.server
	if args.list:
		print("\n".join(case.name for case in _cases))
		sys.exit(0)
	if not os.access(server_binary(), os.X_OK):
		print("Bail out! no server to test: %s" % server_binary())
		sys.exit(1)
	signal.signal(signal.SIGTERM, lambda *a: sys.exit(1))
	counts = {"pass": 0, "fail": 0, "skip": 0}
	runs = [(case, w) for case in _cases for w in case.variants()
	        if not args.names or any(n in case.name for n in args.names)]
	print("1..%d" % len(runs), flush=True)
	for number, (case, workers) in enumerate(runs, 1):
		counts[_run_one(case, workers, number)] += 1
	print("# %(pass)d passed, %(fail)d failed, %(skip)d skipped" % counts)
	if counts["fail"]:
		sys.exit(1)
	sys.exit(0 if counts["pass"] else 77)


# ---- small checks ----


def equal(got, want, what=""):
	if got != want:
		raise Failure("%s%sgot  %r\nwant %r" % (what, ":\n" if what else "", got, want))


def true(value, what):
	if not value:
		raise Failure(what)


def refused(error):
	return isinstance(error, OSError) and error.errno == errno.ECONNREFUSED
