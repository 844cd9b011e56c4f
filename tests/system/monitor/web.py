"""web - raw HTTP to the monitoring port, and pages read as JSON."""

import json
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from natsd import Failure, equal, seconds


class Answer:
	def __init__(self, head, body, text):
		lines = head.split("\r\n")
		self.text = text
		self.line = lines[0]
		self.status = int(lines[0].split(" ")[1])
		self.headers = {}
		for line in lines[1:]:
			name, _, value = line.partition(":")
			self.headers[name.lower()] = value.strip()
		self.body = body

	def json(self):
		return json.loads(self.body)


class Web:
	"""One connection to the monitoring port of a natsd.Server."""

	def __init__(self, server):
		self.socket = socket.create_connection(("127.0.0.1", server.http), seconds(10))
		self.buffer = b""

	def __enter__(self):
		return self

	def __exit__(self, *unused):
		self.socket.close()

	def send(self, data):
		self.socket.sendall(data if isinstance(data, bytes) else data.encode())

	def more(self):
		data = self.socket.recv(65536)
		self.buffer += data
		return bool(data)

	def until(self, mark):
		while mark not in self.buffer:
			if not self.more():
				raise Failure("closed after %r" % self.buffer[:300])
		at = self.buffer.index(mark) + len(mark)
		piece, self.buffer = self.buffer[:at], self.buffer[at:]
		return piece

	def exactly(self, n):
		while len(self.buffer) < n:
			if not self.more():
				raise Failure("closed %d bytes early" % (n - len(self.buffer)))
		piece, self.buffer = self.buffer[:n], self.buffer[n:]
		return piece

	def chunked(self):
		body = b""
		while True:
			n = int(self.until(b"\r\n"), 16)
			body += self.exactly(n + 2)[:n]
			if n == 0:
				return body

	def answer(self, body=True):
		head = self.until(b"\r\n\r\n").decode()[:-4]
		answer = Answer(head, "", head)
		if not body:
			return answer
		if answer.headers.get("transfer-encoding") == "chunked":
			content = self.chunked()
		elif "content-length" in answer.headers:
			content = self.exactly(int(answer.headers["content-length"]))
		else:
			content = self.rest()
		answer.body = content.decode()
		return answer

	def rest(self):
		while self.more():
			pass
		piece, self.buffer = self.buffer, b""
		return piece

	def closed(self):
		return self.buffer == b"" and not self.more()

	def get(self, target):
		self.send("GET %s HTTP/1.1\r\nHost: h\r\n\r\n" % target)
		return self.answer()


def get(server, target):
	with Web(server) as web:
		return web.get(target)


def page(server, target):
	"""A page that must be there, as JSON."""
	answer = get(server, target)
	equal(answer.status, 200, "%s: %s" % (target, answer.body))
	equal(answer.headers["content-type"], "application/json")
	equal(answer.headers["access-control-allow-origin"], "*")
	return answer.json()
