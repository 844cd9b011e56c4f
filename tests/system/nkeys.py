"""nkeys - Ed25519 signatures (RFC 8032) and NATS key texts, in plain Python.

For tests only: neither fast nor safe against who measures it.
"""

import base64
import hashlib

P = 2 ** 255 - 19
ORDER = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)
USER, ACCOUNT, SERVER = 20 << 3, 0, 13 << 3
SEED = 18 << 3  # what a seed begins with, in front of the kind of its key


def _x(y, sign):
	square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
	x = pow(square, (P + 3) // 8, P)
	if (x * x - square) % P:
		x = x * ROOT % P
	return P - x if x & 1 != sign else x


def _point(x, y):
	return (x, y, 1, x * y % P)


BASE = _point(_x(4 * pow(5, P - 2, P) % P, 0), 4 * pow(5, P - 2, P) % P)


def _add(p, q):
	a = (p[1] - p[0]) * (q[1] - q[0]) % P
	b = (p[1] + p[0]) * (q[1] + q[0]) % P
	c = 2 * p[3] * q[3] * D % P
	d = 2 * p[2] * q[2] % P
	e, f, g, h = b - a, d - c, d + c, b + a
	return (e * f % P, g * h % P, f * g % P, e * h % P)


def _times(n, p):
	sum_ = (0, 1, 1, 0)
	while n:
		if n & 1:
			sum_ = _add(sum_, p)
		p = _add(p, p)
		n >>= 1
	return sum_


def _bytes(p):
	z = pow(p[2], P - 2, P)
	return (p[1] * z % P | (p[0] * z % P & 1) << 255).to_bytes(32, "little")


def _hash(*parts):
	return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def _crc16(data):
	crc = 0
	for byte in data:
		crc ^= byte << 8
		for _ in range(8):
			crc = (crc << 1 ^ 0x1021) & 0xffff if crc & 0x8000 else crc << 1
	return crc


def text(prefix, key):
	"""The key as NATS writes it: prefix and check sum, in base 32."""
	raw = bytes([prefix]) + key
	return base64.b32encode(raw + _crc16(raw).to_bytes(2, "little")).decode().rstrip("=")


class Key:
	"""A key pair whose seed is the digest of a name, so that every run has the same."""

	def __init__(self, name, prefix=USER):
		seed = hashlib.sha256(name.encode()).digest()
		digest = hashlib.sha512(seed).digest()
		scalar = int.from_bytes(digest[:32], "little")
		self._scalar = scalar & (1 << 254) - 8 | 1 << 254
		self._nonce = digest[32:]
		self.raw = _bytes(_times(self._scalar, BASE))
		self.public = text(prefix, self.raw)
		self.seed = text(SEED | prefix >> 5, bytes([(prefix & 31) << 3]) + seed)

	def sign(self, message):
		r = _hash(self._nonce, message) % ORDER
		point = _bytes(_times(r, BASE))
		k = _hash(point, self.raw, message) % ORDER
		return point + ((r + k * self._scalar) % ORDER).to_bytes(32, "little")

	def signature(self, nonce, standard=False):
		"""What CONNECT carries as "sig"; standard: in the usual alphabet, padded."""
		if standard:
			return base64.b64encode(self.sign(nonce.encode())).decode()
		return base64.urlsafe_b64encode(self.sign(nonce.encode())).decode().rstrip("=")


if __name__ == "__main__":
	# RFC 8032, 7.1, test 1
	key = Key("")
	seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
	digest = hashlib.sha512(seed).digest()
	key._scalar = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
	key._nonce = digest[32:]
	key.raw = _bytes(_times(key._scalar, BASE))
	assert key.raw.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
	assert key.sign(b"").hex().startswith("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e0652249015")
	print("ok")
