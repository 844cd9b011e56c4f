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

from certs import Authority
from nkeys import Key
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


def nats_any(server, *args, timeout=60):
	"""Exit status and words of the nats CLI, which keeps its contexts in the server's directory."""
	out = subprocess.run(command_of("cli")[:1] + list(args), capture_output=True, text=True, timeout=seconds(timeout),
	                     stdin=subprocess.DEVNULL, env=dict(os.environ, HOME=server.dir, XDG_CONFIG_HOME=server.dir))
	return out.returncode, out.stdout + out.stderr


def nats(server, *args, timeout=60):
	code, said = nats_any(server, "--no-context", "-s", server.url, "--timeout", "20s", *args, timeout=timeout)
	equal(code, 0, "%s\n%s" % (" ".join(args), said))
	return said


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


def cli_bench_sub(server):
	program = Program(command_of("cli") + ["-s", server.url, "bench", "sub", "load", "--msgs", "2000", "--no-progress"])
	try:
		while program.process.poll() is None:  # it prints before the server knows: until it has had its fill
			nats(server, "bench", "pub", "load", "--msgs", "2000", "--size", "128", "--no-progress")
		program.finish()
		true("msgs/sec" in program.output, program.output)
	finally:
		program.stop()


def cli_account_info(server):
	out = nats(server, "account", "info")
	true("Connected Server Version: 2.15.2" in out and "127.0.0.1" in out, out)


def cli_check_connection(server):
	out = nats(server, "server", "check", "connection")
	true("OK" in out, out)


# ---- contexts: how the CLI keeps who one is ----

KEY = Key("cli")
CA = Authority("cli")
OWN = CA.issue("localhost", san="DNS:localhost,IP:127.0.0.1")
JOE = CA.issue("joe", san="email:joe@nats.io")
USERS = "accounts { A { users: [ { user: joe, password: pw }, { nkey: %s } ] } }\n" % KEY.public
TLS = "tls { cert_file: '%s', key_file: '%s', ca_file: '%s', %%s }\n" % (OWN.cert, OWN.key, CA.cert)
MAPPED = TLS % "verify_and_map: true" + 'authorization { users: [ { user: "joe@nats.io" } ] }\n'


def in_context(server, who, *refused):
	"""What the CLI does with these options kept in a context; without them it does not get in."""
	code, said = nats_any(server, "context", "add", "mine", "-s", server.url, *who, "--description", "x")
	equal(code, 0, said)
	for command in (("pub", "a", "x"), ("rtt",), ("account", "info"), ("server", "check", "connection"),
	                ("bench", "pub", "a", "--msgs", "100", "--no-progress")):
		code, said = nats_any(server, "--context", "mine", "--timeout", "20s", *command)
		equal(code, 0, "%s\n%s" % (" ".join(command), said))
	code, said = nats_any(server, "--no-context", "-s", server.url, *refused, "pub", "a", "x")
	true(code != 0, "let in without: " + said)


def cli_context_password(server):
	in_context(server, ["--user", "joe", "--password", "pw"], "--user", "joe", "--password", "no")


def cli_context_nkey(server):
	path = os.path.join(server.dir, "seed")
	with open(path, "w", encoding="ascii") as f:
		f.write(KEY.seed)
	os.chmod(path, 0o600)
	in_context(server, ["--nkey", path])


def cli_context_tls(server):
	in_context(server, ["--tlsca", CA.cert], "--tlsca", JOE.cert)


def cli_context_certificate(server):
	in_context(server, ["--tlsca", CA.cert, "--tlscert", JOE.cert, "--tlskey", JOE.key], "--tlsca", CA.cert)


for name in CLIENTS:
	if name == "cli":
		continue
	for scenario in SCENARIOS:
		add("%s_%s" % (name, scenario), run_scenario(name, scenario), workers=(2,))
for function in (cli_publish, cli_request, cli_bench, cli_bench_sub, cli_rtt, cli_account_info, cli_check_connection):
	add(function.__name__, function, workers=(2,))
for function, config in ((cli_context_password, USERS), (cli_context_nkey, USERS), (cli_context_tls, TLS % "timeout: 5"),
                         (cli_context_certificate, MAPPED)):
	add(function.__name__, function, workers=(2,), config=config)

if shutil.which("node") is None:
	CLIENTS["js"] = (["node"], "/nonexistent")
main()
