"""A server under measurement: where the programs are, starting one, and what its processes cost.

$NATSD_BUILD names the build tree (as made by configure, or the folder of contrib/debian that holds
release/ and kill/); without it the current directory and build/ of the source tree are tried.
$NATSD_SERVER is measured instead of the supervisor there (nats-server itself, to see what the noise is).
$NATS_SERVER names the peer, nats-server.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.abspath(os.path.join(HERE, "..", ".."))
PEER_VERSION = "2.15.2"
PEER_MODULE = "github.com/nats-io/nats-server/v2@v" + PEER_VERSION
WORKERS = 2
START_S = float(os.environ.get("NATSD_TIME_FACTOR", "1")) * 20


class BenchError(Exception):
	pass


def build_dir(part):
	"""The build tree; `part` is the folder of it in a tree of contrib/debian."""
	tried = []
	for top in (os.environ.get("NATSD_BUILD"), os.getcwd(), os.path.join(SOURCE, "build")):
		for path in (top, top and os.path.join(top, part)):
			if path is None:
				continue
			tried.append(path)
			if os.path.exists(os.path.join(path, "config.status")):
				return path
	raise BenchError("no build tree in %s; set NATSD_BUILD" % ", ".join(tried))


def natsd_program(build):
	return os.path.abspath(os.environ.get("NATSD_SERVER") or
	                       os.path.join(build, "natsd-supervisor", "natsd-supervisor"))


def load_program(build):
	path = os.path.join(build, "tests", "bench", "load")
	if not os.path.exists(path):
		raise BenchError("%s is not built" % path)
	return path


def version(program):
	out = subprocess.run([program, "-v"], capture_output=True, text=True, timeout=20, check=False)
	return " ".join((out.stdout + out.stderr).split())


def is_peer(program):
	"""natsd is installed as nats-server too, and its -v says natsd."""
	text = version(program)
	return PEER_VERSION in text and "natsd" not in text


def peer_program(build):
	"""nats-server; None when there is none and it cannot be made."""
	made = os.path.join(build, "tests", "bench", "peer")
	for path in (os.environ.get("NATS_SERVER"), shutil.which("nats-server"),
	             os.path.join(made, "nats-server")):
		if path and os.path.exists(path) and is_peer(path):
			return os.path.abspath(path)
	if shutil.which("go") is None:
		return None
	done = subprocess.run(["go", "install", PEER_MODULE], env=dict(os.environ, GOBIN=made),
	                      capture_output=True, text=True, check=False)
	if done.returncode != 0:
		print("# go install %s: %s" % (PEER_MODULE, done.stderr.strip()), file=sys.stderr)
		return None
	return os.path.join(made, "nats-server")


def children_of(pid):
	"""The process and all below it."""
	parents = {}
	for name in os.listdir("/proc"):
		if name.isdigit():
			try:
				with open("/proc/%s/stat" % name) as f:
					parent = int(f.read().rsplit(") ", 1)[1].split()[1])
			except (OSError, IndexError):
				continue
			parents.setdefault(parent, []).append(int(name))
	found = [pid]
	for p in found:
		found += parents.get(p, [])
	return found


def make_certificate(folder):
	"""Paths of a certificate and its key."""
	cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
	subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
	                "-nodes", "-subj", "/CN=localhost", "-days", "30", "-keyout", key, "-out", cert],
	               check=True, capture_output=True)
	return cert, key


class Kind:
	"""natsd or its peer: how it is started, with as many threads as the other."""

	def __init__(self, name, program, workers=WORKERS, env=None):
		self.name = name
		self.program = program
		self.natsd = not is_peer(program)
		self.workers = workers
		self.env = dict(os.environ, GOMAXPROCS=str(workers), **(env or {}))

	def command(self, folder, port, tls=False, more=""):
		words = [self.program, "-a", "127.0.0.1", "-p", port]
		config = "natsd { front_threads: %d }\n" % self.workers if self.natsd else ""
		config += more
		if tls:
			config += "tls { cert_file: '%s', key_file: '%s' }\n" % make_certificate(folder)
		if config:
			path = os.path.join(folder, "natsd.conf")
			with open(path, "w") as f:
				f.write(config)
			words += ["-c", path]
		return words


class Server:
	"""with Server(kind) as s: a running server, alone in a temporary folder; .port is its port."""

	def __init__(self, kind, tls=False, more=""):
		self.kind = kind
		self.tls = tls
		self.more = more  # of the configuration
		self.process = None
		self.port = None
		self.pids = []

	def __enter__(self):
		self.folder = tempfile.mkdtemp(prefix="natsd-bench-")
		command = self.kind.command(self.folder, "-1", self.tls, self.more) + ["--ports_file_dir", self.folder]
		self.log = os.path.join(self.folder, "log")
		try:
			with open(self.log, "w") as log:
				self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
				                                cwd=self.folder, env=self.kind.env,
				                                start_new_session=True)
			self._wait_for_port()
		except BaseException:
			self.__exit__()
			raise
		return self

	def _wait_for_port(self):
		end = time.monotonic() + START_S
		path = os.path.join(self.folder, "%s_%d.ports" %
		                    (os.path.basename(self.kind.program), self.process.pid))
		while True:
			try:
				with open(path) as f:
					self.port = int(json.load(f)["nats"][0].rsplit(":", 1)[1])
				break
			except (OSError, ValueError):
				pass  # not there, or nats-server is still writing it
			if self.process.poll() is not None or time.monotonic() > end:
				raise BenchError("%s did not start:\n%s" % (self.kind.name, self.log_text()))
			time.sleep(0.01)
		self._wait_until_ready(end)
		self.pids = children_of(self.process.pid)

	def _wait_until_ready(self, end):
		while "Server is ready" not in self.log_text():
			if self.process.poll() is not None or time.monotonic() > end:
				raise BenchError("%s is not ready:\n%s" % (self.kind.name, self.log_text()))
			time.sleep(0.01)

	def log_text(self):
		with open(self.log, errors="replace") as f:
			return f.read()

	def cpu_ns(self):
		"""
		CPU time of all its processes: their POSIX clocks, which are exact to the nanosecond, hold
		threads that have ended, and need no cgroup.
		"""
		return sum(time.clock_gettime_ns((~pid << 3) | 2) for pid in self.pids)

	def pss_bytes(self):
		"""Proportional set size of all its processes: shared pages count once."""
		total = 0
		for pid in self.pids:
			with open("/proc/%d/smaps_rollup" % pid) as f:
				for line in f:
					if line.startswith("Pss:"):
						total += int(line.split()[1]) * 1024
		return total

	def settled_pss_bytes(self):
		"""The same when it no longer changes: 5 equal readings, at most 5 s."""
		seen = [self.pss_bytes()]
		for _ in range(50):
			time.sleep(0.1)
			seen.append(self.pss_bytes())
			if len(set(seen[-5:])) == 1 and len(seen) >= 5:
				break
		return seen[-1]

	def stop(self):
		"""An orderly end; the exit status."""
		self.process.send_signal(signal.SIGTERM)
		return self.process.wait(timeout=60)

	def __exit__(self, *_):
		try:
			if self.process is not None and self.process.poll() is None:
				self.stop()
		except subprocess.TimeoutExpired:
			self.process.kill()
			self.process.wait()
		shutil.rmtree(self.folder, ignore_errors=True)


class Load:
	"""with Load(program, server, words) as l: the generator, connected and waiting; go() measures."""

	def __init__(self, program, server, words):
		self.command = [program, words[0], "-p", str(server.port), "-W"] + list(words[1:])

	def __enter__(self):
		self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
		                                stderr=subprocess.PIPE, text=True)
		if self.process.stdout.readline() != "ready\n":
			self._failed()
		return self

	def _failed(self):
		self.process.stdin.close()
		text = self.process.stderr.read()
		self.process.wait()
		raise BenchError("%s: %s" % (" ".join(self.command), text.strip()))

	def go(self):
		"""Measures; its line as {key: number}."""
		self.process.stdin.write("go\n")
		self.process.stdin.flush()
		line = self.process.stdout.readline()
		if not line:
			self._failed()
		return {k: float(v) for k, v in (word.split("=") for word in line.split())}

	def __exit__(self, *_):
		if not self.process.stdin.closed:
			self.process.stdin.close()
		self.process.wait()
		self.process.stdout.close()
		self.process.stderr.close()
