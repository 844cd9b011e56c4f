#!/usr/bin/env python3
"""Official clients in Go, Python, JavaScript and C, and the nats CLI, against the server.

They come from their registries: tests/system/clients/install puts them into $NATSD_CLIENTS_DIR
(default: clients/ of the build tree).  A client that is not there is skipped, unless
$NATSD_CLIENTS names it (a list by commas): .ci/run does.
"""

import os
import shutil
import subprocess
import threading

from natsd import Failure, Skip, add, build_dir, equal, main, seconds, true, wait_until

DIR = os.environ.get("NATSD_CLIENTS_DIR") or os.path.join(build_dir(), "clients")
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients")
MUST = os.environ.get("NATSD_CLIENTS", "").split(",")
SCENARIOS = ("publish", "request", "queue", "headers", "drain", "reconnect")
CLIENTS = {
	"python": ([os.path.join(DIR, "py", "bin", "python"), os.path.join(HERE, "client.py")],
	           os.path.join(DIR, "py", "done")),
	"js": (["node", os.path.join(HERE, "client.mjs"), os.path.join(DIR, "js")],
	       os.path.join(DIR, "js", "done")),
	"go": ([os.path.join(DIR, "go-client")], os.path.join(DIR, "go-client")),
	"c": ([os.path.join(DIR, "c-client")], os.path.join(DIR, "c-client")),
	"cli": ([os.path.join(DIR, "nats"), "--no-context"], os.path.join(DIR, "nats")),
}


def command_of(name):
	command, proof = CLIENTS[name]
	if os.path.exists(proof):
		return list(command)
	why = "not installed (tests/system/clients/install)"
	reason = os.path.join(DIR, name + ".why")
	if os.path.exists(reason):
		with open(reason) as f:
			why = " ".join(f.read().split())
	if name in MUST:
		raise Failure("the %s client must be there: %s" % (name, why))
	raise Skip("%s client: %s" % (name, why))


class Program:
	"""A client program and what it prints."""

	def __init__(self, command):
		self.output = ""
		self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
		                                stdin=subprocess.DEVNULL, text=True)
		self.thread = threading.Thread(target=self._read, daemon=True)
		self.thread.start()

	def _read(self):
		for line in self.process.stdout:
			self.output += line

	def wait_for(self, text, timeout=30):
		wait_until(lambda: text in self.output or self.process.poll() is not None, text, timeout)
		if self.process.poll() is not None:
			self.thread.join(seconds(timeout))  # its last words
		if text not in self.output:
			raise Failure("the client ended without %r:\n%s" % (text, self.output))

	def finish(self, timeout=60):
		try:
			code = self.process.wait(seconds(timeout))
		except subprocess.TimeoutExpired:
			raise Failure("the client hangs:\n" + self.output)
		self.thread.join()
		true(code == 0, "the client failed with %d:\n%s" % (code, self.output))

	def stop(self):
		if self.process.poll() is None:
			self.process.kill()
			self.process.wait()


def restart_front(server):
	"""natsd-front is killed; nats-server as a whole, on the same port."""
	server.tolerant = True
	if server.peer:
		server.kill()
		server.asked_port = server.port
		server.start()
	else:
		front = server.role("front")
		os.kill(front, 9)
		server.role("front", other_than=front)


def run_scenario(name, scenario):
	def run(server):
		program = Program(command_of(name) + [server.url, scenario])
		try:
			if scenario == "reconnect":
				program.wait_for("READY")
				restart_front(server)
			program.wait_for("DONE")
			program.finish()
		finally:
			program.stop()
	return run


def nats(server, *args, timeout=60):
	command = command_of("cli") + ["-s", server.url, "--timeout", "20s"] + list(args)
	out = subprocess.run(command, capture_output=True, text=True, timeout=seconds(timeout),
	                     stdin=subprocess.DEVNULL, env=dict(os.environ, HOME=server.dir))
	equal(out.returncode, 0, "%s\n%s%s" % (" ".join(args), out.stdout, out.stderr))
	return out.stdout + out.stderr


def cli_publish(server):
	program = Program(command_of("cli") + ["-s", server.url, "sub", "greet.>", "--count", "3"])
	try:
		program.wait_for("Subscribing on")
		# "Subscribing" is printed before the server knows: publish until it has had its fill.
		for i in range(10000):
			nats(server, "pub", "greet.joe", "hello %d" % i, "-H", "Key:value")
			if program.process.poll() is not None:
				break
		program.finish()
		true('Received on "greet.joe"' in program.output, program.output)
		true("Key: value" in program.output and "hello" in program.output, program.output)
	finally:
		program.stop()


def cli_request(server):
	program = Program(command_of("cli") + ["-s", server.url, "reply", "service", "pong"])
	try:
		program.wait_for("Listening on")

		def answered():
			return "pong" in nats(server, "request", "service", "ping")
		wait_until(answered, "an answer", 30)
	finally:
		program.stop()


def cli_bench(server):
	out = nats(server, "bench", "pub", "load", "--msgs", "20000", "--size", "128",
	           "--no-progress")
	true("msgs/sec" in out, out)


def cli_rtt(server):
	true("127.0.0.1" in nats(server, "rtt"), "rtt")


for name in CLIENTS:
	if name == "cli":
		continue
	for scenario in SCENARIOS:
		add("%s_%s" % (name, scenario), run_scenario(name, scenario), workers=(2,))
for function in (cli_publish, cli_request, cli_bench, cli_rtt):
	add(function.__name__, function, workers=(2,))

if shutil.which("node") is None:
	CLIENTS["js"] = (["node"], "/nonexistent")
main()
