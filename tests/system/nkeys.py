"""nkeys - user keys for tests: made from a word, in NATS's text form, and their signatures.

Ed25519 as in RFC 8032, in plain Python: slow, for tests only.
"""

import base64
import hashlib

P = 2 ** 255 - 19
Q = 2 ** 252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)
USER = 20 << 3


def _recover_x(y, sign):
	x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P)
	x = pow(x2, (P + 3) // 8, P)
	if (x * x - x2) % P != 0:
		x = x * ROOT % P
	return P - x if x & 1 != sign else x


_Y = 4 * pow(5, P - 2, P) % P
_X = _recover_x(_Y, 0)
BASE = (_X, _Y, 1, _X * _Y % P)


def _add(a, b):
	aa, bb = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
	cc, dd = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
	e, f, g, h = bb - aa, dd - cc, dd + cc, bb + aa
	return (e * f % P, g * h % P, f * g % P, e * h % P)


def _mul(n, point):
	result = (0, 1, 1, 0)
	while n:
		if n & 1:
			result = _add(result, point)
		point = _add(point, point)
		n >>= 1
	return result


def _pack(point):
	inverse = pow(point[2], P - 2, P)
	x, y = point[0] * inverse % P, point[1] * inverse % P
	return (y | (x & 1) << 255).to_bytes(32, "little")


def _expand(seed):
	digest = hashlib.sha512(seed).digest()
	scalar = int.from_bytes(digest[:32], "little")
	scalar &= (1 << 254) - 8
	return scalar | 1 << 254, digest[32:]


def _number(*parts):
	return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % Q


def _crc16(data):
	crc = 0
	for byte in data:
		crc ^= byte << 8
		for _ in range(8):
			crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xffff
	return crc.to_bytes(2, "little")


class UserKey:
	def __init__(self, word):
		self.scalar, self.prefix = _expand(hashlib.sha256(word.encode()).digest())
		self.raw = _pack(_mul(self.scalar, BASE))
		head = bytes([USER]) + self.raw
		self.public = base64.b32encode(head + _crc16(head)).decode().rstrip("=")

	def sign(self, text, standard=False):
		"""The signature of the text, as CONNECT has it; standard: with the usual alphabet."""
		message = text.encode()
		r = _number(self.prefix, message)
		point = _pack(_mul(r, BASE))
		s = (r + _number(point, self.raw, message) * self.scalar) % Q
		raw = point + s.to_bytes(32, "little")
		if standard:
			return base64.b64encode(raw).decode()
		return base64.urlsafe_b64encode(raw).decode().rstrip("=")
