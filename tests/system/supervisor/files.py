#!/usr/bin/env python3
"""What a configuration file may look like, and what comes of it: the checklist of config.md, whose numbers end the names.

Checked against nats-server 2.15.2 with -s."""

import os
import re
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "monitor")]

from natsd import Failure, Server, equal, main, read_text, seconds, server_binary, test, true, wait_until  # noqa: E402
from web import page  # noqa: E402
from wire import QUIET, Client  # noqa: E402

WARNING = 'invalid use of field "write_deadline": write_deadline should be converted to a duration'


class Folder:
	"""A server's own folder with a configuration file F that may include others."""

	def __init__(self):
		self.server = Server(start=False)
		self.path = os.path.join(self.server.dir, "F")

	def __enter__(self):
		return self

	def __exit__(self, *unused):
		self.server.cleanup()

	def put(self, name, text):
		path = os.path.join(self.server.dir, name)
		os.makedirs(os.path.dirname(path), exist_ok=True)
		with open(path, "w") as f:
			f.write(text)

	def check(self, text, **env):
		"""Exit status and words of -t."""
		self.put("F", text + "\n")
		out = subprocess.run([server_binary(), "-t", "-c", self.path], capture_output=True, text=True,
		                     env=dict(os.environ, **env), timeout=seconds(20))
		return out.returncode, out.stderr.removeprefix("nats-server: ").replace(self.path, "F").strip()

	def valid(self, text, **env):
		"""Its digest."""
		code, said = self.check(text, **env)
		if code != 0:
			raise Failure("%s: %s" % (text, said))
		return re.fullmatch(r"configuration file F is valid \((sha256:[0-9a-f]{64})\)", said).group(1)

	def refused(self, text, why, **env):
		code, said = self.check(text, **env)
		equal((code, why in said), (1, True), "%s: %s" % (text, said))


def started(text, files=(), **env):
	"""A server with monitoring and its page of itself."""
	server = Server(text, http=True, env=env, start=False)
	try:
		for name, content in files:
			with open(os.path.join(server.dir, name), "w") as f:
				f.write(content)
		server.start()
		return server, page(server, "/varz")
	except BaseException:
		server.cleanup()
		raise


def shown(field, text, files=(), **env):
	server, varz = started(text, files, **env)
	server.cleanup()
	return varz[field]


def lets_in(text, env=(), **said):
	"""Whether a server with that file accepts who says that."""
	with Server(text, env=dict(env)) as server, Client(server, {**QUIET, **said}) as c:
		c.send("PING\r\n")
		return c.line() == b"PONG"


@test(server=False)
def digest_1():
	with Folder() as f:
		plain = f.valid('port: 4333\nauthorization { user: a, password: "b" }')
		for text in ('# words\nport = 4333 // more\n\nauthorization {\n  user: a\n  password: b;\n}',
		             '"port" 4333\n"authorization": { "user": "a", \'password\': "b" }',
		             'authorization: { password: b, user: a }\nport: 4333'):
			equal(f.valid(text), plain, text)
		true(f.valid('port: 4334\nauthorization { user: a, password: "b" }') != plain, "another port")


@test(server=False)
def only_a_warning_2():
	with Folder() as f:
		equal(f.check("write_deadline = 5"), (1, "F:1:0: " + WARNING))
	with Server("write_deadline = 5") as server:
		true(WARNING in server.log() + read_text(server.err_path), "the warning")
		Client(server, QUIET).flush()


@test(server=False)
def a_brace_behind_a_key_10():
	with Folder() as f:
		f.refused("authorization{ token: x }", "Parse error on line 1")
		f.refused("foo{", "config is invalid")
		f.refused("foo{ 5", 'unknown field "foo{"')


@test(server=False)
def arrays_11():
	with Folder() as f:
		f.refused("authorization { users: [1, 2] }", "Parse error on line 1")
		f.refused("authorization { users: [1, 2 ] }", "Expected user entry to be a map/struct, got 2")


@test(server=False)
def includes_12_13():
	with Folder() as f:
		f.put("inc.conf", "max_payload: 9000\n")
		f.put("sub/user.conf", 'user: a\ninclude "deeper.conf"\n')
		f.put("sub/deeper.conf", "password: b\n")
		equal(f.valid('include "/inc.conf"'), f.valid("max_payload: 9000"))
		f.refused('include "%s/inc.conf"' % f.server.dir, "no such file or directory")
		equal(f.valid('authorization { include "sub/user.conf"\n timeout: 1 }'),
		      f.valid("authorization { user: a, password: b, timeout: 1 }"))
		equal(f.valid('max_payload: 5\ninclude "inc.conf"'), f.valid("max_payload: 9000"))
		equal(f.valid('include "inc.conf"\nmax_payload: 5'), f.valid("max_payload: 5"))


@test(server=False)
def variables_14_15():
	with Folder() as f:
		f.refused("max_payload: $A\nA: 5", "variable reference for 'A' on line 1 can not be found")
		f.refused("port: $NATSD_TEST_ABSENT", "variable reference for 'NATSD_TEST_ABSENT' on line 1 can not be found")
		f.refused("port: $CYCLE", "variable reference cycle for 'CYCLE'", CYCLE="$CYCLE")
		f.refused("port: $WORD", "interface conversion: interface {} is string, not int64", WORD="x")
	equal(shown("max_payload", "max_payload: $NUMBER\n", NUMBER="77"), 77)
	equal(shown("max_payload", "NUMBER: 88\nmax_payload: $NUMBER\n", NUMBER="77"), 88)
	inner = "T: 5000\nmax_payload: $T\nauthorization { T: inner, token: $T }\n"
	equal([lets_in(inner, auth_token=t) for t in ("inner", "5000")], [True, False])
	equal(lets_in("T: outer\nauthorization { token: $T }\n", auth_token="outer"), True)


HASH = "$2a$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW"


@test(server=False)
def a_hash_without_quotes_16():
	with Folder() as f:
		f.refused("authorization { user: a, password: %s }" % HASH.replace("$2a", "$2b"), "can not be found")
		equal(f.valid("authorization { user: a, password: %s }" % HASH), f.valid('authorization { user: a, password: "%s" }' % HASH))


@test(server=False)
def quotes_17():
	equal(lets_in("authorization { token: 'a\\n' }\n", auth_token="a\\n"), True)
	equal(lets_in('authorization { token: "a\\n\\x41" }\n', auth_token="a\nA"), True)
	with Folder() as f:
		f.refused('server_name: "a\\qb"', "Invalid escape character 'q'")


@test(server=False)
def the_last_of_a_key_counts_18():
	server, varz = started("max_payload: x\nmax_payload: 5\nmax_payload: 7\n")
	try:
		equal((varz["max_payload"], "max_payload" in server.log()), (7, False))
	finally:
		server.cleanup()


@test(server=False)
def letter_case_19():
	equal(shown("max_payload", "MAX_Payload: 9\n"), 9)
	equal(shown("system_account", "accounts { A { } }\nSYSTEM_ACCOUNT: A\n"), "$SYS")
	equal(lets_in("Authorization { USER: a, PASSWORD: b }\n", user="a", **{"pass": "b"}), True)


@test(server=False)
def json_20():
	with Server(start=False) as server:
		with open(server.conf_path, "w") as f:
			f.write('{"max_payload": 99,\n "authorization": {"users": [{"user": "a", "password": "b"}]}}\n')
		server.start()
		with Client(server, {**QUIET, "user": "a", "pass": "b"}) as c:
			c.flush()
			equal(c.info["max_payload"], 99)


@test(server=False)
def comments_only_21():
	with Server(start=False) as server:
		with open(server.conf_path, "w") as f:
			f.write("# nothing\n// at all\n")
		server.start()
		true("config has no values or is empty" in server.log() + read_text(server.err_path), "the warning")
		Client(server, QUIET).flush()


@test(server=False)
def max_connections_22():
	equal(shown("max_connections", ""), 65536)
	with Server("max_connections: 0\n") as server, Client(server) as c:
		c.until(b"-ERR 'maximum connections exceeded'\r\n")


@test(server=False)
def tags_23():
	"""The page shows them in small letters."""
	equal(shown("tags", 'server_tags: [B, A, a, " A ", "" ]\n'), ["b", "a"])


@test(server=False)
def a_flag_says_false_24():
	with Server("debug: true\n", args=("-D=false",)) as server:
		server.configure("debug: true\nmax_payload: 5000\n")
		server.signal(signal.SIGHUP)
		server.wait_log("Reloaded server configuration")
		Client(server, QUIET).send("nonsense\r\n")
		server.wait_log("nonsense")
		true("[DBG]" not in server.log(), server.log())


@test(http=True)
def an_unchanged_file_26(server):
	before = page(server, "/varz")
	server.signal(signal.SIGHUP)
	server.wait_log("Reloaded server configuration (sha256:")
	for line in ("Reloaded: accounts", "Reloaded: authorization users"):
		true(line in server.log(), line)
	after = wait_until(lambda: (lambda v: v if v["config_load_time"] > before["config_load_time"] else None)(
		page(server, "/varz")), "config_load_time to move")
	equal(after["config_digest"], before["config_digest"])


@test(server=False)
def words_that_begin_with_digits_74():
	equal(shown("write_deadline", "write_deadline: 1m30s\n"), 90 * 10 ** 9)
	equal(lets_in("authorization { user: a, password: 4e2abc }\n", user="a", **{"pass": "4e2abc"}), True)
	with Folder() as f:
		f.refused("max_payload: 1e3", "interface conversion: interface {} is string, not int64")


SYSTEM = 'accounts { "$SYS" { users: [ { user: sys, password: pw } ] } }\n'


@test(config=SYSTEM)
def guests_stay_at_a_reload_70(server):
	"""Only the system account has users: whoever names none is in $G."""
	with Client(server, QUIET) as a, Client(server, QUIET) as b, Client(server, {**QUIET, "user": "sys", "pass": "pw"}) as system:
		for c in (a, system):
			c.sub("x")
			c.flush()
		server.signal(signal.SIGHUP)
		server.wait_log("Reloaded server configuration")
		b.pub("x", "here")
		b.flush()
		equal(a.msg().payload, b"here")
		system.silent()


main()
