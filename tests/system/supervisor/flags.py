#!/usr/bin/env python3
"""The command line: what is said where, and the exit code; recorded from nats-server 2.15.2."""

import os
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from natsd import Server, equal, main, seconds, server_binary, test, true, wait_until  # noqa: E402

# arguments, exit code, standard error
WRONG = (
	(["-p"], 0, "flag needs an argument: -p\n"),
	(["-p", "x"], 0, 'invalid value "x" for flag -p: parse error\n'),
	(["-zz"], 0, "flag provided but not defined: -zz\n"),
	(["--zz=1"], 0, "flag provided but not defined: -zz\n"),
	(["---x"], 0, "bad flag syntax: ---x\n"),
	(["-="], 0, "bad flag syntax: -=\n"),
	(["-D=maybe"], 0, 'invalid boolean value "maybe" for -D: parse error\n'),
	(["-p", "1x"], 0, 'invalid value "1x" for flag -p: parse error\n'),
	(["foo"], 1, 'nats-server: unrecognized command: "foo"\n'),
	(["-T", "false"], 1, 'nats-server: unrecognized command: "false"\n'),
	(["--", "-p"], 1, 'nats-server: unrecognized command: "-p"\n'),
	(["-"], 1, 'nats-server: unrecognized command: "-"\n'),
	(["-t"], 1, "nats-server: must specify [-c, --config] option to check configuration file syntax\n"),
	(["-c", "/nope"], 1, "nats-server: open /nope: no such file or directory\n"),
	(["-t", "-c", "/nope"], 1, "nats-server: open /nope: no such file or directory\n"),
	(["--signal", "bogus=1"], 1, 'nats-server: unknown signal "bogus"\n'),
	(["--signal=a=b=c"], 1, "nats-server: invalid signal parameters: [c]\n"),
	(["-sl", "term=abc"], 1, "nats-server: invalid pid: abc\n"),
	(["-signal", "term=99999999"], 1,
	 'nats-server: \nsignal "term" 99999999: no such process\n'),
	(["-n", "a b", "-a", "127.0.0.1", "-p", "-1"], 1,
	 "nats-server: server name cannot contain spaces\n"),
)

UNBUILT = (["-js"], ["--jetstream"], ["-sd", "/tmp/x"], ["--cluster", "nats://127.0.0.1:-1"],
           ["--routes", "nats://127.0.0.1:1"], ["-s"], ["-r", "udp://x:514"], ["--profile", "6060"])


def run(args, **kw):
	return subprocess.run([server_binary()] + args, capture_output=True, text=True,
	                      stdin=subprocess.DEVNULL, timeout=seconds(20), **kw)


@test(server=False)
def wrong_flags():
	for args, code, said in WRONG:
		out = run(args)
		equal((out.returncode, out.stderr), (code, said), args)
		true(("Usage:" in out.stdout) == (code == 0), "usage after %s" % args)


# arguments behind -a 127.0.0.1, what the last line ends with
NO_START = (
	(["-p", "70000"], '[FTL] Error listening on port: 127.0.0.1:70000, '
	                  '"listen tcp: address 70000: invalid port"\n'),
	(["-p", "-2"], '[FTL] Error listening on port: 127.0.0.1:-2, '
	               '"listen tcp: address -2: invalid port"\n'),
	(["-p", "-1", "-m", "70000"], "[FTL] Can't start monitoring: can't listen to the monitor port: "
	                              "listen tcp: address 70000: invalid port\n"),
	(["-p", "-1", "-P", "/nope/pid"], "[FTL] Could not write pidfile: open /nope/pid: "
	                                  "no such file or directory\n"),
	(["-l", "/nope/log"], " error opening file: open /nope/log: no such file or directory\n"),
)


@test(server=False)
def what_keeps_it_from_starting():
	for args, said in NO_START:
		out = run(["-a", "127.0.0.1"] + args)
		equal(out.returncode, 1, args)
		true(out.stderr.endswith(said), "%s:\n%s" % (args, out.stderr))


@test(server=False)
def busy_monitoring_port_10():
	with socket.create_server(("127.0.0.1", 0)) as other:
		port = other.getsockname()[1]
		out = run(["-a", "127.0.0.1", "-p", "-1", "-m", str(port)])
	equal(out.returncode, 1)
	true(out.stderr.endswith("[FTL] Can't start monitoring: can't listen to the monitor port: listen tcp 127.0.0.1:%d: "
	                         "bind: address already in use\n" % port), out.stderr)


@test(server=False)
def version_comes_first():
	for args in (["-p=0x10", "-v"], ["-v", "-h"], ["-v", "foo"], ["VERSION"], ["-V=false", "-version"]):
		out = run(args)
		equal(out.returncode, 0, args)
		equal(out.stdout.split("\n")[0], "nats-server: v2.15.2", args)
	out = run(["HELP"])
	equal((out.returncode, "Usage:" in out.stdout), (0, True))


CURVES = {"CurveP256", "CurveP384", "CurveP521", "X25519", "X25519MLKEM768", "SecP256r1MLKEM768", "SecP384r1MLKEM1024"}


@test(server=False)
def helped_63():
	out = run(["-h"])
	equal((out.returncode, "--logtime_utc" in out.stdout), (0, True))
	out = run(["--help_tls"])
	listed = out.stdout.split("Available curve preferences include:\n")[1].split("\n\n")[0]
	equal((out.returncode, {line.split()[0] for line in listed.splitlines()}), (0, CURVES))


@test(server=False, natsd_only=True)
def unbuilt_flags_are_refused():
	for args in UNBUILT:
		out = run(args)
		equal(out.returncode, 1, args)
		true("which this natsd does not have yet" in out.stderr, out.stderr)
	for args in (["-js=false", "-t"], ["--routes", "", "-t"]):
		true("must specify" in run(args).stderr, args)


@test(server=False)
def flags_over_the_file():
	"""Whatever the file says of the log, -l and -T=false win; the last of two flags counts."""
	with Server("logtime: true\ndebug: true\n", args=("-T=false", "-D=true", "-D=false")) as s:
		true(s.log().startswith("[%d] [INF] " % s.pid), s.log())
		true("[DBG]" not in s.log(), s.log())


@test()
def signals_by_pid_and_file(server):
	pidfile = os.path.join(server.dir, "pid")
	with open(pidfile, "w") as f:
		f.write("%d" % server.pid)
	for target in (str(server.pid), pidfile):
		n = server.log().count('Trapped "hangup" signal')
		equal(run(["--signal", "reload=" + target]).returncode, 0)
		server.wait_log('Trapped "hangup" signal', count=n + 1)
	equal(run(["-sl", "reopen=%d" % server.pid]).returncode, 0)
	server.wait_log("File log re-opened")
	with open(pidfile, "a") as f:
		f.write("\n")
	out = run(["--signal", "reload=" + pidfile])
	equal((out.returncode, out.stderr), (1, "nats-server: invalid pid: %d\n\n" % server.pid))


@test(natsd_only=True)
def signal_by_the_beginning_of_a_pid(server):
	equal(run(["--signal", "reopen=%d*" % server.pid]).returncode, 0)
	server.wait_log("File log re-opened")


@test(start=False)
def stop_by_signal_command(server):
	for command, code in (("term", 0), ("quit", 0), ("ldm", 0), ("stop", -signal.SIGKILL)):
		server.start()
		equal(run(["--signal", "%s=%d" % (command, server.pid)]).returncode, 0)
		equal(server.process.wait(seconds(20)), code, command)


@test(server=False, natsd_only=True)
def started_as_nats_server():
	"""Under its other name it calls its ports file so, and finds its programs all the same."""
	with Server(start=False) as s:
		s.binary = os.path.join(s.dir, "nats-server")
		os.symlink(server_binary(), s.binary)
		s.start()
		true(os.path.exists(os.path.join(s.dir, "nats-server_%d.ports" % s.pid)), os.listdir(s.dir))
		path = s.ports_path
		equal(s.stop(), 0)
		wait_until(lambda: not os.path.exists(path), "the ports file to go")


main()
