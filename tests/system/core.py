#!/usr/bin/env python3
"""One connection: INFO, CONNECT, every verb, exact bytes of every answer.

The numbers in the names of the cases are those of the client checklist (docs: tests/conformance).
"""

import json
import re

from natsd import equal, main, test, true, Failure
from wire import HEADERS, QUIET, Client

UNKNOWN = "Unknown Protocol Operation"


@test()
def info_first_line_1(server):
	c = Client(server, info=False)
	line = c.until(b"\r\n")
	true(line.startswith(b"INFO {") and line.endswith(b"} "), "INFO line: %r" % line)
	true(b'"port":%d' % server.port in line, "the port stands without a blank: %r" % line)
	info = json.loads(line[5:])
	for key, want in (("proto", 1), ("headers", True), ("max_payload", 1048576), ("api_lvl", 5),
	                  ("host", "127.0.0.1"), ("port", server.port), ("client_ip", "127.0.0.1"),
	                  ("version", "2.15.2")):
		equal(info.get(key), want, key)
	true(re.fullmatch(r"N[A-Z2-7]{55}", info["server_id"]), "server_id %r" % info["server_id"])
	equal(info["server_name"], info["server_id"], "server_name")
	true(re.fullmatch(r"X[A-Z2-7]{55}", info["xkey"]), "xkey %r" % info["xkey"])
	true(isinstance(info["client_id"], int) and info["client_id"] > 0, "client_id")
	true(isinstance(info["go"], str), "go")
	for key in ("connect_urls", "nonce", "auth_required", "tls_required", "tls_available",
	            "tls_verify", "jetstream", "ldm", "connect_info", "cluster", "domain"):
		true(key not in info, "%s must be absent: %r" % (key, info.get(key)))
	true(Client(server).info["client_id"] > info["client_id"], "client ids rise")


@test()
def info_keys_in_order(server):
	line = Client(server, info=False).until(b"\r\n")
	keys = [k for k in json.loads(line[5:])]
	order = ["server_id", "server_name", "version", "proto", "git_commit", "go", "host", "port",
	         "headers", "max_payload", "client_id", "client_ip", "api_lvl", "xkey"]
	equal(keys, [k for k in order if k in keys])


@test(config='server_name: "one"')
def server_name(server):
	equal(Client(server).info["server_name"], "one")


@test(config="no_header_support: true")
def no_header_support(server):
	c = Client(server)
	equal(c.info["headers"], False)
	c.connect(verbose=False, headers=True)
	c.send("HPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n")
	c.expect_eof()


@test()
def defaults_without_connect_2(server):
	c = Client(server)
	c.send("SUB a 1\r\n")
	c.expect("+OK\r\n")
	c.send("PUB a.* 0\r\n\r\n")
	c.expect("-ERR 'Invalid Publish Subject'\r\n+OK\r\n")
	c.send("PUB a 2\r\nhi\r\n")
	c.expect("+OK\r\nMSG a 1 2\r\nhi\r\n")
	c.send("UNSUB 1\r\n")
	c.expect("+OK\r\n")
	c.silent()


@test()
def connect_answers_3(server):
	c = Client(server)
	c.send("CONNECT {}\r\n")
	c.expect("+OK\r\n")
	c = Client(server)
	c.send('CONNECT {"verbose":false}\r\n')
	c.silent()


@test()
def connect_without_blank_4(server):
	c = Client(server)
	c.send('CONNECT{"verbose":true}\r\n')
	c.expect("+OK\r\n")
	c.send("pInG\n")
	c.expect("PONG\r\n")


@test()
def connect_json(server):
	for text, answer in (
	        ('{"verbose":true,"unknown":[1,{"a":null}]}', "+OK\r\n"),
	        ('{"VERBOSE":true}', "+OK\r\n"),
	        ('{"verbose":false,"verbose":true}', "+OK\r\n"),
	        ('{"verbose":null}', "+OK\r\n"),
	        ('  {"verbose" : true , "name":"\\u00e9\\ud83d\\ude00\\n"}  ', "+OK\r\n"),
	        ('{"verbose":true,"lang":"c","version":"1","name":"x","protocol":1}', "+OK\r\n")):
		c = Client(server)
		c.send("CONNECT %s\r\n" % text)
		c.expect(answer)
		c.silent()


@test()
def connect_bad_json(server):
	for text in ("{bad", "[]", "1", '{"verbose":1}', '{"verbose":"true"}', '{"protocol":"1"}',
	             '{"name":1}', "", '{"a":1}x', '{"verbose":true', '{"protocol":1.5}'):
		c = Client(server)
		c.send("CONNECT %s\r\n" % text)
		try:
			c.expect_eof()
		except Failure as e:
			raise Failure("CONNECT %s: %s" % (text, e))


@test()
def empty_line_5(server):
	for bytes_ in ("\r\n", "\n", " PING\r\n", "\tPING\r\n", "X", "PUX", "SUX", "UNSUBX",
	               "MSG a 1 0\r\n\r\n", "RMSG a b 0\r\n\r\n", "LMSG", "A+ a\r\n", "RS+ a b\r\n",
	               "PINX", "PONX", "+OX", "-ERX", "SUB\r\n", "PUB\r\n", "HPUB\r\n"):
		c = Client(server)
		c.send(bytes_)
		try:
			c.expect_err(UNKNOWN)
			c.expect_eof()
		except Failure as e:
			raise Failure("%r: %s" % (bytes_, e))


@test()
def silent_closes_6(server):
	for bytes_ in ("PUB foo\r\n", "SUB foo\r\n", "UNSUB \r\n", "SUB a b c d\r\n", "CONNECT {bad\r\n",
	               "HPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n", "PUB a b c 1\r\n", "PUB foo 1234567890\r\n",
	               "PUB foo -1\r\n", "PUB foo 1x\r\n", "PUB foo +1\r\n", "UNSUB 1 2 3\r\n",
	               "INFO {bad\r\n", "-ERR x\r\n"):
		c = Client(server, QUIET)
		c.send(bytes_)
		try:
			c.expect_eof()
		except Failure as e:
			raise Failure("%r: %s" % (bytes_, e))


@test()
def silent_closes_of_headers(server):
	for bytes_ in ("HPUB a 12\r\n", "HPUB a 13 12\r\n", "HPUB a x 12\r\n", "HPUB a 12 x\r\n",
	               "HPUB a -1 12\r\n", "HPUB a b c 12 12\r\n"):
		c = Client(server, HEADERS)
		c.send(bytes_)
		try:
			c.expect_eof()
		except Failure as e:
			raise Failure("%r: %s" % (bytes_, e))


@test()
def digits_of_the_publisher_7(server):
	c = Client(server, QUIET)
	sid = c.sub("foo")
	c.send("PUB foo 005\r\nhello\r\n")
	c.expect("MSG foo %s 005\r\nhello\r\n" % sid)
	c.send("PUB foo 000000000\r\n\r\n")
	c.expect("MSG foo %s 000000000\r\n\r\n" % sid)


@test()
def blanks_between_arguments(server):
	c = Client(server, QUIET)
	c.send("SUB   foo\t \tbar  7 \r\nPUB\tfoo \t reply\t5  \r\nhello\r\n")
	c.expect("MSG foo 7 reply 5\r\nhello\r\n")
	c.send("sub foo.x\t8\nUnSub 7\nPub foo.x 2\nhi\r\n")
	c.expect("MSG foo.x 8 2\r\nhi\r\n")
	c.send("PING whatever \r \n")
	c.expect("PONG\r\n")
	c.send("PONG extra\r\n+OK extra\r\nINFO {}\r\n")
	c.silent()


@test()
def payload_terminator(server):
	for tail in ("x\n", "\n\n", "\rx", "xx\r\n"):
		c = Client(server, QUIET)
		c.send("SUB foo 1\r\nPUB foo 2\r\nhi" + tail)
		c.expect_err(UNKNOWN)
		c.expect_eof()


@test()
def payload_holds_anything(server):
	c = Client(server, QUIET)
	sid = c.sub("foo")
	payload = bytes(range(256)) + b"\r\nPUB foo 3\r\nabc\r\n"
	c.pub("foo", payload)
	c.expect(b"MSG foo %s %d\r\n%s\r\n" % (sid.encode(), len(payload), payload))
	c.silent()


@test()
def existing_sid_10(server):
	c = Client(server, dict(QUIET, verbose=True))
	c.expect("+OK\r\n")
	c.send("SUB first 1\r\nSUB second 1\r\n")
	c.expect("+OK\r\n+OK\r\n")
	c.send("PUB second 0\r\n\r\nPUB first 0\r\n\r\n")
	c.expect("+OK\r\n+OK\r\nMSG first 1 0\r\n\r\n")


@test()
def invalid_subscriptions_11(server):
	c = Client(server, QUIET)
	for subject in ("foo.", ".foo", "foo..a", "foo.>.a", ".", "..", ">.", "*.", ">.>"):
		c.send("SUB %s 1\r\n" % subject)
		c.expect_err("Invalid Subject")
	c.send("SUB foo*.>x.** 1\r\nPUB foo*.>x.** 1\r\nx\r\nPUB foo1.>x.a 1\r\ny\r\n")
	c.expect("MSG foo*.>x.** 1 1\r\nx\r\n")
	c.silent()


@test()
def empty_tokens_reach_nobody_12(server):
	c = Client(server, QUIET)
	c.sub(">")
	for subject in ("foo..bar", ".foo", "foo.", "."):
		c.pub(subject, "x")
	c.silent()
	c.pub("*.>", "x")
	equal(c.msg().subject, "*.>")


@test()
def wildcards(server):
	table = (("foo", "foo", True), ("foo", "foo.bar", False), ("*", "foo", True),
	         ("*", "foo.bar", False), (">", "foo", True), (">", "foo.bar.baz", True),
	         ("foo.*", "foo.bar", True), ("foo.*", "foo", False), ("foo.>", "foo", False),
	         ("foo.>", "foo.a.b", True), ("*.bar", "foo.bar", True), ("*.*", "foo.bar", True),
	         ("foo.*.baz", "foo.a.baz", True), ("foo.*.baz", "foo.a.b.baz", False),
	         ("FOO", "foo", False), ("foo.*.>", "foo.a", False), ("foo.*.>", "foo.a.b", True))
	c = Client(server, QUIET)
	for i, (pattern, subject, matches) in enumerate(table):
		sid = c.sub(pattern)
		c.pub(subject, str(i))
		got = c.flush()
		want = b"MSG %s %s %d\r\n%d\r\n" % (subject.encode(), sid.encode(), len(str(i)), i)
		equal(got, want if matches else b"", "%s on %s" % (subject, pattern))
		c.unsub(sid)


@test()
def unsub_max_13(server):
	c = Client(server, QUIET)
	c.send("SUB a 1\r\nPUB a 1\r\n1\r\nPUB a 1\r\n2\r\nUNSUB 1 3\r\nPUB a 1\r\n3\r\nPUB a 1\r\n4\r\n")
	c.expect("MSG a 1 1\r\n1\r\nMSG a 1 1\r\n2\r\nMSG a 1 1\r\n3\r\n")
	c.silent()
	c.send("SUB a 1\r\nPUB a 1\r\n1\r\nPUB a 1\r\n2\r\nPUB a 1\r\n3\r\nUNSUB 1 3\r\nPUB a 1\r\n4\r\n")
	c.expect("MSG a 1 1\r\n1\r\nMSG a 1 1\r\n2\r\nMSG a 1 1\r\n3\r\n")
	c.silent()


@test()
def unsub_max_replaced(server):
	c = Client(server, QUIET)
	c.send("SUB a 1\r\nUNSUB 1 5\r\nUNSUB 1 1\r\nPUB a 1\r\n1\r\nPUB a 1\r\n2\r\n")
	c.expect("MSG a 1 1\r\n1\r\n")
	c.silent()
	c.send("SUB a 1\r\nUNSUB 1 5\r\nUNSUB 1\r\nPUB a 1\r\n1\r\n")
	c.silent()
	for most in ("0", "x", "-1"):
		c.send("SUB a 1\r\nUNSUB 1 %s\r\nPUB a 1\r\n1\r\n" % most)
		c.silent()
	c.send("UNSUB unknown\r\nUNSUB unknown 5\r\n")
	c.silent()
	c.send("SUB a x!y\r\nPUB a 0\r\n\r\n")
	c.expect("MSG a x!y 0\r\n\r\n")


@test()
def no_responders_14(server):
	c = Client(server, HEADERS)
	c.send("SUB reply 1\r\nPUB foo reply 0\r\n\r\n")
	c.expect("HMSG reply 1 35 35\r\nNATS/1.0 503\r\nNats-Subject: foo\r\n\r\n\r\n")
	c.send("PUB a.longer.subject reply 3\r\nabc\r\n")
	c.expect("HMSG reply 1 48 48\r\nNATS/1.0 503\r\nNats-Subject: a.longer.subject\r\n\r\n\r\n")
	c.send("UNSUB 1\r\nSUB reply q 2\r\nPUB foo reply 0\r\n\r\n")
	c.silent()
	c.send("SUB reply.* 3\r\nUNSUB 3 1\r\nPUB foo reply.x 0\r\n\r\nPUB foo reply.y 0\r\n\r\n")
	c.expect("HMSG reply.x 3 35 35\r\nNATS/1.0 503\r\nNats-Subject: foo\r\n\r\n\r\n")
	c.expect("HMSG reply.y 3 35 35\r\nNATS/1.0 503\r\nNats-Subject: foo\r\n\r\n\r\n")
	c.send("PUB foo nobody 0\r\n\r\n")
	c.silent()
	c = Client(server, dict(QUIET, headers=True))
	c.send("SUB reply 1\r\nPUB foo reply 0\r\n\r\n")
	c.silent()


@test()
def own_request_without_echo_15(server):
	c = Client(server, dict(HEADERS, echo=False))
	c.send("SUB foo 1\r\nSUB reply 2\r\nPUB foo reply 0\r\n\r\n")
	c.expect("HMSG reply 2 35 35\r\nNATS/1.0 503\r\nNats-Subject: foo\r\n\r\n\r\n")


@test()
def echo(server):
	c = Client(server, dict(QUIET, echo=False))
	c.send("SUB foo 1\r\nPUB foo 0\r\n\r\n")
	c.silent()
	other = Client(server, QUIET)
	other.pub("foo", "x")
	other.flush()
	c.expect("MSG foo 1 1\r\nx\r\n")


@test()
def two_subscriptions_one_message_19(server):
	c = Client(server, QUIET)
	c.send("SUB a.b 1\r\nSUB a.* 2\r\nSUB > q 3\r\nSUB a.b q 4\r\nSUB a.b p 5\r\nPUB a.b 0\r\n\r\n")
	lines = c.flush().split(b"\r\n\r\n")[:-1]
	equal(len(lines), 4)
	sids = sorted(line.split()[2] for line in lines)
	true(sids in ([b"1", b"2", b"3", b"5"], [b"1", b"2", b"4", b"5"]), "sids %r" % sids)


@test()
def pong_after_deliveries_20(server):
	c = Client(server, QUIET)
	c.send("SUB a 1\r\n" + "PUB a 1\r\nx\r\n" * 1000 + "PING\r\n")
	c.expect("MSG a 1 1\r\nx\r\n" * 1000 + "PONG\r\n")


@test()
def protocol_1_info_21(server):
	c = Client(server)
	c.send('PING\r\nCONNECT {"verbose":false,"protocol":1}\r\nPING\r\n')
	c.expect("PONG\r\nPONG\r\n")
	info = c.read_info()
	equal(info.get("connect_info"), True)
	equal(info.get("remote_account"), "$G")
	equal(info.get("client_id"), c.info["client_id"])
	equal(info.get("client_ip"), "127.0.0.1")
	true("nonce" not in info and "acc_is_sys" not in info, "no nonce, not the system account")
	c.silent()
	c = Client(server, dict(QUIET, protocol=0))
	c.silent()
	c.silent()


@test()
def second_connect_26(server):
	c = Client(server, dict(QUIET))
	c.send("SUB a 1\r\nPUB a 0\r\n\r\n")
	c.expect("MSG a 1 0\r\n\r\n")
	c.send("CONNECT {}\r\nPUB a 0\r\n\r\n")
	c.silent()
	c.send('CONNECT {"verbose":true}\r\nSUB a 1\r\n')
	c.expect("+OK\r\n+OK\r\n")


@test()
def bad_connects_27(server):
	for options, text in (({"protocol": 2}, "invalid client protocol"),
	                      ({"protocol": -1}, "invalid client protocol"),
	                      ({"no_responders": True}, "no responders requires headers support"),
	                      ({"account": "A"}, "Authorization Violation"),
	                      ({"new_account": True}, "Authorization Violation")):
		c = Client(server)
		c.send("CONNECT %s\r\nPING\r\n" % json.dumps(dict(options, verbose=True)))
		c.expect_err(text)
		c.expect_eof()


@test()
def reserved_subjects_28(server):
	c = Client(server, QUIET)
	c.sub(">")
	for subject in ("_GR_.x", "$GR.x", "$NRG.x"):
		c.pub(subject, "x")
		c.expect_err('Permissions Violation for Publish to "%s"' % subject)
	for reply in ("_R_.x", "$JS.ACK.x", "_GR_.x", "$GR.x"):
		c.pub("a", "x", reply)
		c.expect_err('Permissions Violation for Publish with Reply of "%s"' % reply)
	c.pub("_GR_.", "x")
	c.pub("$GR.", "x")
	c.silent()
	c.pub("a", "x", "_R_")
	c.expect("MSG a 1 _R_ 1\r\nx\r\n")


@test()
def reserved_queue_29(server):
	c = Client(server, QUIET)
	c.send("SUB foo _sys_ 1\r\n")
	c.expect_err('Permissions Violation for Subscription to "foo" using queue "_sys_"')
	c.silent()


@test()
def pedantic(server):
	c = Client(server, {"verbose": False, "pedantic": True})
	c.sub(">")
	c.pub("a.*", "x")
	c.expect("-ERR 'Invalid Publish Subject'\r\nMSG a.* 1 1\r\nx\r\n")
	c.pub("a..b", "x")
	c.expect_err("Invalid Publish Subject")
	c.pub("a*b", "x")
	c.expect("MSG a*b 1 1\r\nx\r\n")


@test()
def verbose_answers_everything(server):
	c = Client(server, {"verbose": True, "pedantic": False, "headers": True})
	c.expect("+OK\r\n")
	for line in ("SUB a 1", "SUB a q 2", "UNSUB 2", "UNSUB 99", "UNSUB 1 5", "PUB b 0\r\n",
	             "HPUB b 12 12\r\nNATS/1.0\r\n\r\n"):
		c.send(line + "\r\n")
		c.expect("+OK\r\n")
	c.send("PUB a 1\r\nx\r\n")
	c.expect("+OK\r\nMSG a 1 1\r\nx\r\n")
	c.send("PING\r\n")
	c.expect("PONG\r\n")
	c.send("SUB a..b 9\r\n")
	c.expect_err("Invalid Subject")
	c.silent()


@test()
def header_edges(server):
	c = Client(server, HEADERS)
	c.sub("a")
	c.send("HPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n")
	c.expect("HMSG a 1 12 12\r\nNATS/1.0\r\n\r\n\r\n")
	c.send("HPUB a re 012 0017\r\nNATS/1.0\r\n\r\nhello\r\n")
	c.expect("HMSG a 1 re 012 0017\r\nNATS/1.0\r\n\r\nhello\r\n")
	c.send("HPUB a 3 5\r\nabcde\r\n")
	c.expect("HMSG a 1 3 5\r\nabcde\r\n")


@test()
def long_subject_and_many_tokens(server):
	c = Client(server, QUIET)
	subject = ".".join("t%d" % i for i in range(300))
	c.sub(subject)
	c.sub("t0.>")
	c.pub(subject, "x")
	got = sorted(m.sid for m in (c.msg(), c.msg()))
	equal(got, ["1", "2"])


DIALOGUE = (
    b'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n'
    b"SUB foo 1\r\nSUB bar grp 2\r\nPUB foo 5\r\nhello\r\nPUB bar reply.x 3\r\na\r\n\r\n"
    b"HPUB foo re 16 21\r\nNATS/1.0\r\nA:\r\n\r\nhello\r\nPUB none foo 0\r\n\r\n"
    b"UNSUB 2 9\r\nUNSUB 2\r\nPUB bar 0\r\n\r\npub\tfoo\t 04 \nwxyz\r\nPONG\r\n+OK\r\nINFO {}\r\n"
    b"SUB a..b 3\r\nPING\r\n")
ANSWERS = (
    b"MSG foo 1 5\r\nhello\r\n", b"MSG bar 2 reply.x 3\r\na\r\n\r\n",
    b"HMSG foo 1 re 16 21\r\nNATS/1.0\r\nA:\r\n\r\nhello\r\n",
    b"HMSG foo 1 36 36\r\nNATS/1.0 503\r\nNats-Subject: none\r\n\r\n\r\n",
    b"MSG foo 1 04\r\nwxyz\r\n", b"-ERR 'Invalid Subject'\r\n", b"PONG\r\n")


def expect_answers(client):
	"""One by one: the server's own first PING, after two seconds, may come between any two."""
	for answer in ANSWERS:
		client.expect(answer)


@test()
def split_at_each_byte(server):
	for at in range(1, len(DIALOGUE)):
		with Client(server) as c:
			c.send_split(DIALOGUE, at)
			try:
				expect_answers(c)
			except Failure as e:
				raise Failure("split %r | %r: %s" % (DIALOGUE[max(0, at - 20):at],
				                                     DIALOGUE[at:at + 20], e))


@test()
def byte_by_byte(server):
	c = Client(server)
	for i in range(len(DIALOGUE)):
		c.send(DIALOGUE[i:i + 1])
		c.wait_taken()
	expect_answers(c)


@test()
def bad_input_split_at_each_byte(server):
	for text, error in ((b"SUB foo 1\r\nPUB foo 2\r\nhixx", True), (b"PUB foo\r\n", False),
	                    (b"HPUB foo 5 4\r\n", False), (b"UNSUB 1 2 3\r\n", False)):
		for at in range(1, len(text)):
			with Client(server, dict(QUIET, headers=True)) as c:
				c.send_split(text, at)
				if error:
					c.expect_err(UNKNOWN)
				c.expect_eof()


main()
