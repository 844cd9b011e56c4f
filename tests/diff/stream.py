"""stream - what a connection received, cut into frames of the protocol and written as text."""

import hashlib
import re

LONG = 240


class Frames:
	"""Bytes in, frames out, however they arrive."""

	def __init__(self):
		self.frames = []
		self._data = b""
		self._head = None
		self._size = 0

	def feed(self, data):
		self._data += data
		while self._next():
			pass

	def _next(self):
		if self._head is not None:
			if len(self._data) < self._size + 2:
				return False
			body, self._data = self._data[:self._size + 2], self._data[self._size + 2:]
			self.frames.append((self._head, body))
			self._head = None
			return True
		at = self._data.find(b"\n")
		if at < 0:
			return False
		line, self._data = self._data[:at + 1], self._data[at + 1:]
		words = line.split()
		if words and words[0] in (b"MSG", b"HMSG") and re.fullmatch(rb"\d{1,9}", words[-1]):
			self._head, self._size = line, int(words[-1])
		else:
			self.frames.append((line, None))
		return True

	def rest(self):
		return (self._head or b"") + self._data

	def pongs(self):
		return sum(1 for line, body in self.frames if body is None and line == b"PONG\r\n")


def visible(data):
	"""Bytes as one printable line."""
	text = "".join(chr(c) if 32 <= c < 127 and c != 92 else
	               {92: "\\\\", 13: "\\r", 10: "\\n", 9: "\\t"}.get(c, "\\x%02x" % c) for c in data)
	if len(text) > LONG:
		return "%s... (%d bytes, %s)" % (text[:60], len(data), hashlib.sha256(data).hexdigest()[:16])
	return text


def _line(line):
	if line.startswith(b"INFO ") and line.endswith(b"\r\n"):
		return line[:-2].decode("utf-8", "backslashreplace")
	return visible(line[:-2]) if line.endswith(b"\r\n") else visible(line) + " (no CR LF)"


def _frame(frame):
	line, body = frame
	if body is None:
		return _line(line)
	if body.startswith(b'{"server":'):
		head = _line(line).rsplit(" ", 1)[0] + " <size>"
		return "%s | %s" % (head, body[:-2].decode("utf-8", "backslashreplace"))
	end = "" if body.endswith(b"\r\n") else " (no CR LF behind)"
	return "%s | %s%s" % (_line(line), visible(body[:-2]), end)


def _key(frame):
	"""Frames that are copies of one message to several subscriptions share this key."""
	line, body = frame
	if body is not None:
		words = line.split()
		return (words[:2], words[3:], body)
	return b"-ERR" if re.match(rb"-ERR '.*\(sid ", line) else None


def settled(frames):
	"""Copies of one message stand in order of their sids, and so do subscriptions that a reload took
	away: the server may choose any order."""
	out, i = [], 0
	while i < len(frames):
		j = i + 1
		while j < len(frames) and _key(frames[i]) is not None and _key(frames[j]) == _key(frames[i]):
			j += 1
		out += sorted(frames[i:j]) if j - i > 1 else frames[i:j]
		i = j
	return out


def lines(frames, pings=False):
	"""The transcript of a connection, before the table of allowed differences."""
	kept = [f for f in frames if pings or f != (b"PING\r\n", None)]
	return [_frame(f) for f in settled(kept)]


def pooled(frames):
	"""Messages out of the frames, as sorted lines, and the frames that are none."""
	return sorted(_frame(f) for f in frames if f[1] is not None), [f for f in frames if f[1] is None]
