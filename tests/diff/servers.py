"""servers - the servers that scenarios meet, one for all scenarios of a configuration."""

import http.client
import re
import socket

import engine
import natsd
import normal
import stream


class Host:
	"""A running server for scenarios of one configuration.

	probe	a first connection shows the usual INFO; without, the server has seen nobody
	"""

	def __init__(self, book, name, binary, workers, probe=True):
		self.server = natsd.Server(book.config(name), workers=workers, http=True, binary=binary)
		self.table = normal.Table()
		self.web = None
		self.rough = False  # a scenario has broken it on purpose: it does not end in an orderly way
		self.base = self._load() if self.server.peer and probe else None
		self.info = self._info() if probe else None

	def _info(self):
		"""The INFO that a new connection gets, normalised; None when it does not come first."""
		class Probe:
			server, timeout = self.server, 2
		try:
			c = engine.Conn(Probe, "probe")
			c.read_info()
			c.socket.shutdown(socket.SHUT_WR)
			c.to_end()
			c.close()
		except (engine.Trouble, OSError):
			return None
		if not c.info:
			return None
		if self.server.peer:
			self.quiet()
		return self.table.apply("info", stream.lines(c.frames.frames[:1])[0])

	def _load(self):
		"""How many connections and subscriptions nats-server has; over HTTPS it is not asked."""
		try:
			self.web = self.web or http.client.HTTPConnection("127.0.0.1", self.server.http, timeout=10)
			figures = []
			for path, key in (("/connz?limit=1", "total"), ("/subsz", "num_subscriptions")):
				self.web.request("GET", path)
				text = self.web.getresponse().read().decode()
				figures.append(int(re.search(r'"%s": (\d+)' % key, text).group(1)))
			return figures
		except (http.client.HTTPException, OSError, AttributeError):
			self.web = None
			return None

	def quiet(self):
		"""Until nothing of the last scenario is left.  (natsd closes a socket after it has forgotten the
		connection, so whoever has seen the end of it knows; nats-server closes it before.)"""
		if self.server.peer and self.base is not None:
			natsd.wait_until(lambda: self._load() == self.base, "the server to be empty", every=0.0005)

	def alive(self):
		return self.server.process is not None and self.server.process.poll() is None

	def end(self):
		if self.web is not None:
			self.web.close()
		try:
			if self.alive() and not self.rough and not self.server.peer:
				self.server.finish()
		finally:
			self.server.cleanup()
