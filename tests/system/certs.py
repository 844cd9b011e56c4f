"""certs - certificates for tests, made on the spot with the openssl command.

	ca = Authority("ca")
	cert = ca.issue("localhost", san="DNS:localhost,IP:127.0.0.1")
	cert.cert, cert.key	paths of PEM files

Everything lies in one temporary directory that goes with the process.
"""

import atexit
import hashlib
import itertools
import os
import shutil
import subprocess
import tempfile

_dir = None
_numbers = itertools.count(1)


def _path(name):
	global _dir
	if _dir is None:
		_dir = tempfile.mkdtemp(prefix="natsd-certs-")
		os.chmod(_dir, 0o755)
		atexit.register(shutil.rmtree, _dir, ignore_errors=True)
	return os.path.join(_dir, "%d-%s" % (next(_numbers), name))


def _openssl(*args, text=None):
	run = subprocess.run(["openssl", *args], input=text, capture_output=True, timeout=60)
	if run.returncode != 0:
		raise RuntimeError("openssl %s: %s" % (args[0], run.stderr.decode(errors="replace")))
	return run.stdout


class Cert:
	"""A certificate and its key, as files."""

	def __init__(self, cert, key):
		self.cert = cert
		self.key = key

	def pin(self):
		"""Hex SHA-256 of the subject public key info."""
		public = _openssl("x509", "-in", self.cert, "-noout", "-pubkey")
		return hashlib.sha256(_openssl("pkey", "-pubin", "-outform", "DER", text=public)).hexdigest()

	def sha256(self):
		return hashlib.sha256(_openssl("x509", "-in", self.cert, "-outform", "DER")).hexdigest()

	def with_chain(self, *others):
		"""The same with other certificates behind it."""
		path = _path("chain.pem")
		with open(path, "w") as out:
			for cert in (self,) + others:
				with open(cert.cert) as f:
					out.write(f.read())
		return Cert(path, self.key)

	def der(self):
		return _openssl("x509", "-in", self.cert, "-outform", "DER")


def _key(kind, path):
	if kind == "rsa":
		_openssl("genrsa", "-out", path, "2048")
	else:
		_openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)
	os.chmod(path, 0o644)


class Authority(Cert):
	def __init__(self, name="natsd test ca"):
		super().__init__(_path("ca.pem"), _path("ca.key"))
		_key("ec", self.key)
		_openssl("req", "-x509", "-new", "-key", self.key, "-subj", "/CN=" + name, "-days", "3650",
		         "-out", self.cert, "-addext", "basicConstraints=critical,CA:TRUE",
		         "-addext", "keyUsage=critical,keyCertSign,cRLSign")

	def issue(self, name, san=None, subject=None, kind="ec", usage="serverAuth,clientAuth"):
		"""subject: "/C=US/O=x/CN=y" instead of "/CN=name"."""
		cert = Cert(_path(name + ".pem"), _path(name + ".key"))
		request, extensions = _path("csr"), _path("ext")
		_key(kind, cert.key)
		_openssl("req", "-new", "-key", cert.key, "-subj", subject or "/CN=" + name, "-out", request)
		with open(extensions, "w") as f:
			f.write("basicConstraints=CA:FALSE\nextendedKeyUsage=%s\n" % usage)
			if san:
				f.write("subjectAltName=%s\n" % san)
		_openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key,
		         "-CAcreateserial", "-days", "3650", "-sha256", "-extfile", extensions,
		         "-out", cert.cert)
		return cert
