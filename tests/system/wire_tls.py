"""wire_tls - the client of wire.py behind TLS.  Server certificates are not verified: which one came is
a question that tests ask themselves."""

import ssl
import time

from natsd import Failure
from wire import Client


def context(cert=None, version=None, ciphers=None):
	ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
	ctx.check_hostname = False
	ctx.verify_mode = ssl.CERT_NONE
	if cert:
		ctx.load_cert_chain(cert.cert, cert.key)
	if version:
		ctx.minimum_version = ctx.maximum_version = version
	if ciphers:
		ctx.set_ciphers(ciphers)
	return ctx


class TlsClient(Client):
	"""A client that speaks TLS behind INFO, or before it (first).  begin: bytes in front of the
	handshake, as a proxy sends them."""

	def __init__(self, server, connect=None, first=False, cert=None, ctx=None, begin=b"",
	             shake=True, **kw):
		super().__init__(server, None, info=not first, **kw)
		if begin:
			self.socket.sendall(begin)
		if shake:
			self.shake(ctx or context(cert))
		if first:
			self.info = self.read_info()
		if connect is not None:
			self.connect(**connect)

	def shake(self, ctx):
		self.socket = ctx.wrap_socket(self.socket, server_hostname="localhost")

	def wait_taken(self):
		"""Records are taken when the server answered."""
		time.sleep(0.0005)

	def _more(self, end, what):
		try:
			super()._more(end, what)
		except ssl.SSLError as e:
			raise Failure("%s instead of %s" % (e, what))
