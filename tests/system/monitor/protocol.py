#!/usr/bin/env python3
"""The monitoring port as bytes: what is answered, what is kept open, what is refused."""

import socket
import time

from web import Web, get

from natsd import Failure, equal, main, seconds, test, true


@test(http=True)
def answer_exact(server):
	with Web(server) as web:
		answer = web.get("/healthz")
		equal(answer.line, "HTTP/1.1 200 OK")
		equal(answer.body, '{"status":"ok"}')
		equal(answer.headers["content-length"], "15")
		equal(answer.headers["content-type"], "application/json")
		equal(answer.headers["access-control-allow-origin"], "*")
		true(answer.headers["date"].endswith(" GMT"), answer.text)
		true("server" not in answer.headers, answer.text)


@test(http=True)
def keep_alive(server):
	with Web(server) as web:
		for _ in range(3):
			equal(web.get("/healthz").status, 200)
		web.send("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n" * 50)
		for _ in range(50):
			equal(web.answer().body, '{"status":"ok"}')
		web.send("GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
		equal(web.answer().headers["connection"], "close")
		true(web.closed(), "not closed")


@test(http=True)
def http_1_0(server):
	with Web(server) as web:
		web.send("GET /healthz HTTP/1.0\r\n\r\n")
		equal(web.answer().line, "HTTP/1.0 200 OK")
		true(web.closed(), "not closed")
	with Web(server) as web:
		web.send("GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
		equal(web.answer().headers["connection"], "keep-alive")
		web.send("GET /healthz HTTP/1.0\r\n\r\n")
		equal(web.answer().status, 200)


@test(http=True)
def any_method(server):
	with Web(server) as web:
		web.send("HEAD /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
		answer = web.answer(body=False)
		equal(answer.headers["content-length"], "15")
		web.send("POST /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc")
		equal(web.answer().body, '{"status":"ok"}')
		web.send("DELETE /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
		equal(web.answer().body, '{"status":"ok"}')


CHUNKED = "POST /healthz HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
BODIES = (
	"0\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n", "3;x=y\r\nabc\r\n2 \r\n\r\n\r\n00\r\n\r\n",
	"A\r\n0123456789\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n",
	"8000\r\n%s\r\n0\r\n\r\n" % ("x" * 0x8000),
)
BAD_BODIES = ("x\r\nabc\r\n0\r\n\r\n", "3\r\nabcd\r\n0\r\n\r\n", "\r\n", "3\nabc\r\n0\r\n\r\n",
              "00000000000000003\r\nabc\r\n0\r\n\r\n", "41000\r\n%s\r\n0\r\n\r\n" % ("x" * 0x41000))


@test(http=True)
def chunked_bodies(server):
	"""They are read past; the connection stays."""
	with Web(server) as web:
		for body in BODIES:
			web.send(CHUNKED + body)
			answer = web.answer()
			equal((answer.status, answer.body), (200, '{"status":"ok"}'), body[:40])
			true("connection" not in answer.headers, answer.text)
		web.send((CHUNKED + BODIES[1]) * 20)
		for _ in range(20):
			equal(web.answer().body, '{"status":"ok"}')
		for byte in CHUNKED + BODIES[3]:
			web.send(byte)
		equal(web.answer().body, '{"status":"ok"}')
		equal(web.get("/healthz").status, 200)


@test(http=True)
def chunked_bodies_to_no_end(server):
	for body in BAD_BODIES:
		with Web(server) as web:
			web.send(CHUNKED + body)
			answer = web.answer()
			equal((answer.status, answer.headers.get("connection")), (200, "close"), body[:40])
			true(web.closed(), "not closed")
	with Web(server) as web:
		web.send(CHUNKED.replace("chunked", "gzip"))
		equal(web.answer().line, "HTTP/1.1 501 Not Implemented")
	with Web(server) as web:
		web.send(CHUNKED.replace("Transfer", "Transfer-Encoding: chunked\r\nTransfer"))
		equal(web.answer().line, "HTTP/1.1 501 Not Implemented")


REFUSED = [
	("BOGUS\r\n\r\n", "400 Bad Request"),
	("GET /healthz\r\n\r\n", "400 Bad Request"),
	("GET healthz HTTP/1.1\r\nHost: h\r\n\r\n", "400 Bad Request"),
	("GET /health%zz HTTP/1.1\r\nHost: h\r\n\r\n", "400 Bad Request"),
	("GET /healthz HTTP/1.1\r\n\r\n", "400 Bad Request: missing required Host header"),
	("GET /healthz HTTP/1.1\r\nHost: h\r\nBad name: x\r\n\r\n", "400 Bad Request: invalid header name"),
	("GET /healthz HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", "400 Bad Request"),
	("GET /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n", "400 Bad Request"),
	("GET / HTTP/2.0\r\nHost: h\r\n\r\n",
	 "505 HTTP Version Not Supported: unsupported protocol version"),
]


@test(http=True)
def refused(server):
	for request, why in REFUSED:
		with Web(server) as web:
			web.send(request)
			got = web.rest().decode()
			equal(got, "HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
			      "Connection: close\r\n\r\n%s" % (why, why), request)


@test(http=True)
def head_too_large(server):
	with Web(server) as web:
		try:
			web.send(b"GET /healthz HTTP/1.1\r\nHost: h\r\nX: " + b"a" * 1200000)
		except (BrokenPipeError, ConnectionResetError):
			pass
		try:
			got = web.rest()
		except ConnectionResetError:
			got = web.buffer
		true(got.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n"), got[:200])


@test(http=True)
def head_deadline(server):
	"""5 s for a head; one that never begins ends in silence."""
	with Web(server) as slow, Web(server) as never, Web(server) as half:
		begin = time.monotonic()
		half.send("GET /healthz HT")
		slow.send("GET /healthz HTTP/1.1\r\n")
		slow.send("Host: h\r\n\r\n")
		equal(slow.answer().status, 200)
		never.socket.settimeout(seconds(20))
		true(never.closed(), "something was said")
		took = time.monotonic() - begin
		true(4.5 <= took <= seconds(7), "%.1f s" % took)
		true(half.rest().startswith(b"HTTP/1.1 400 Bad Request\r\n"), "half a head")
		equal(slow.get("/healthz").status, 200, "no deadline between requests")


@test(http=True)
def redirect(server):
	for target, to in (("//varz?x=1", "/varz?x=1"), ("/./connz/../healthz", "/healthz"),
	                   ("/../../etc", "/etc"), ("/a//b", "/a/b")):
		answer = get(server, target)
		equal(answer.status, 307, target)
		equal(answer.headers["location"], to)
		equal(answer.headers["content-type"], "text/html; charset=utf-8")
		equal(answer.body, '<a href="%s">Temporary Redirect</a>.\n\n' % to)
	with Web(server) as web:
		web.send("POST //varz HTTP/1.1\r\nHost: h\r\n\r\n")
		answer = web.answer()
		equal((answer.status, answer.headers["location"], answer.body), (307, "/varz", ""))


@test(http=True)
def not_found(server):
	for target in ("/nope", "/varz/", "/connz/", "/varz#x", "/healthz;x", "/a/%2e%2e/varz"):
		answer = get(server, target)
		equal(answer.status, 404, target)
		equal(answer.body, "404 page not found\n")
		equal(answer.headers["content-type"], "text/plain; charset=utf-8")
		equal(answer.headers["x-content-type-options"], "nosniff")
		true("access-control-allow-origin" not in answer.headers, answer.text)


@test(http=True)
def root_page(server):
	answer = get(server, "/")
	equal(answer.status, 200)
	equal(answer.headers["content-type"], "text/html; charset=utf-8")
	true(all(ord(c) < 128 for c in answer.body), "not ASCII")
	for name in ("varz", "jsz", "connz", "accountz", "accstatz", "subsz", "routez", "leafz", "gatewayz",
	             "raftz", "healthz", "debug/vars"):
		true("href=./%s" % name in answer.body, name)


@test(http=True, config='http_base_path: "/nats"')
def base_path(server):
	equal(get(server, "/nats/varz").status, 200)
	equal(get(server, "/nats").headers["content-type"], "text/html; charset=utf-8")
	true("href=./nats/varz" in get(server, "/nats").body, "link")
	for target in ("/varz", "/", "/nats/", "/natsvarz", "/nats/nats"):
		equal(get(server, target).status, 404, target)
	equal(get(server, "/nats/varz").json()["http_req_stats"], {"/": 2, "/varz": 2})


@test(http=True)
def callback_and_gzip_change_nothing_6(server):
	with Web(server) as web:
		web.send("GET /varz?callback=x HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n")
		answer = web.answer()
	true(answer.body.startswith("{") and answer.body.endswith("}"), answer.body[:20])
	equal(answer.headers["content-type"], "application/json")
	true("content-encoding" not in answer.headers, answer.text)


@test(http=True)
def many_idle_connections(server):
	"""More than are kept: new ones are served all the same."""
	kept = [socket.create_connection(("127.0.0.1", server.http)) for _ in range(1100)]
	try:
		for _ in range(5):
			equal(get(server, "/healthz").status, 200)
	finally:
		for s in kept:
			s.close()


@test(http=True)
def closed_in_the_middle(server):
	for _ in range(200):
		with Web(server) as web:
			web.send("GET /connz?subs=1 HTTP/1.1\r\nHost: h\r\n\r\nGET /varz HT")
	equal(get(server, "/healthz").status, 200)


@test()
def no_port(server):
	if server.http is not None:
		raise Failure("monitoring without being asked")
	true("http monitor" not in server.log(), "log")


if __name__ == "__main__":
	main()
