"""script - the text files of scenarios, read into objects.

A file holds configurations and scenarios; '#' begins a comment line.  Indented lines belong to the
line before them that is not.

	config NAME
		text of a configuration file; @CERTS@ is the folder of certificates

	scenario NAME [config=NAME] [own] [whole] [pings] [free=A,B] [alike=A,B] [final=no]
		steps

A scenario's options:
	config=NAME	the configuration of the server it meets; else "plain"
	own	has a server to itself (which a step may reload or signal)
	whole	is not cut into pieces: it waits for time to pass, or its answer depends on segments
	pings	PINGs of the server are part of the transcript
	free=A,B	which of these connections gets a message is free: their messages are pooled
	alike=A,B	which of these connections has which transcript is free
	final=no	no PING at the end of connections that are still open

Steps, one a line; A, B, C are connections, made when first named:
	A > TEXT	sends TEXT and CR LF
	A >> TEXT	sends TEXT
	A c [JSON members]	CONNECT, quiet, with headers, plus these members
	~ A B	for each in turn PING, and all that comes until its PONG
	A until TEXT	reads until TEXT came
	A eof [skip]	reads until the server closes; skip: what came is not compared
	A open [noinfo] [small]	connects now; noinfo: INFO is not waited for; small: small receive buffer
	A info	waits for the INFO that noinfo did not wait for
	A tls [cert=NAME] [ca=NAME] [v=1.2|1.3] [ciphers=X] [curve=X] [name=X]	handshake
	A half | A close | A reset	shuts down its sending side; closes; closes with RST
	A idle MS	stays silent so long: only for times that the protocol itself has
	GET PATH [HEADER...]	an HTTP request for monitoring; also HEAD, POST
	FIND PATH PATTERN	of the body of GET PATH only what fits the pattern
	RAW TEXT	the same, byte by byte as written
	reload NAME	the server takes that configuration
	signal NAME	LDM, TERM, INT
	log TEXT	waits for a line in the server's log
	closed N	waits until the server remembers N closed connections
	gone A	waits until the server knows that A is closed
	test NAME	runs the server with -t on that configuration: exit status and what it says

In TEXT: \\r \\n \\t \\0 \\\\ \\xHH, and ${...}:
	${rep TEXT N}	TEXT, N times
	${flood SUBJECT SIZE N}	N messages of SIZE bytes
	${nkey NAME}	public key of a user whose seed is made of NAME
	${sig NAME}	its signature of the nonce in this connection's INFO
	${cid A}	client_id of connection A
	${port}	the client port
"""

import os
import re

import nkeys

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "scenarios")
ESCAPES = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"0": b"\0", b"\\": b"\\"}
WORDS = ("FIND", "GET", "HEAD", "POST", "RAW", "reload", "signal", "log", "test", "gone", "closed", "~")


class Mistake(Exception):
	"""A scenario file is not as it should be."""


class Step:
	def __init__(self, who, verb, text, place):
		self.who, self.verb, self.text, self.place = who, verb, text, place

	def words(self):
		return self.text.split()


class Scenario:
	def __init__(self, name, options, place):
		self.name, self.place, self.steps = name, place, []
		self.config, self.free, self.alike, self.final = "plain", [], [], True
		self.own = self.whole = self.pings = False
		for word in options:
			key, _, value = word.partition("=")
			if key == "config":
				self.config = value
			elif key == "free":
				self.free = value.split(",")
			elif key == "alike":
				self.alike = value.split(",")
			elif key == "final":
				self.final = value != "no"
			elif key in ("own", "whole", "pings"):
				setattr(self, key, True)
			else:
				raise Mistake("%s: option %r" % (place, word))

	@property
	def needs_server(self):
		return any(step.verb != "test" for step in self.steps)


def _step(line, place):
	word, _, rest = line.partition(" ")
	if word in WORDS:
		return Step(None, word, rest.strip(), place)
	verb, _, text = rest.strip().partition(" ")
	if not re.fullmatch(r"[A-Z]\w?", word) or not verb:
		raise Mistake("%s: step %r" % (place, line))
	return Step(word, verb, text, place)


class Book:
	"""All scenario files: configurations by name, scenarios by name, both in order of the files."""

	def __init__(self, folder=FOLDER):
		self.configs, self.scenarios = {}, {}
		self.files = {}
		for name in sorted(os.listdir(folder)):
			if name.endswith(".txt"):
				self._read(os.path.join(folder, name), name[:-4])
		for s in self.scenarios.values():
			for config in [s.config] + [t.words()[0] for t in s.steps if t.verb in ("reload", "test")]:
				if config not in self.configs:
					raise Mistake("%s: no configuration %r" % (s.place, config))

	def _read(self, path, stem):
		config = scenario = None
		with open(path, encoding="utf-8") as f:
			for number, line in enumerate(f, 1):
				line, place = line.rstrip("\n"), "%s.txt:%d" % (stem, number)
				if line.startswith("#") or not line.strip():
					continue
				if line[0] in "\t ":
					if config is not None:
						self.configs[config].append(line[1:])
					elif scenario is None:
						raise Mistake(place + ": belongs to nothing")
					elif not line.strip().startswith("#"):
						scenario.steps.append(_step(line.strip(), place))
					continue
				words = line.split()
				config = scenario = None
				if len(words) < 2 or words[1] in (
				    self.configs if words[0] == "config" else self.scenarios):
					raise Mistake("%s: %r" % (place, line))
				if words[0] == "config":
					config = words[1]
					self.configs[config] = []
				elif words[0] == "scenario":
					scenario = Scenario(words[1], words[2:], place)
					self.scenarios[scenario.name] = scenario
					self.files.setdefault(stem, []).append(scenario.name)
				else:
					raise Mistake("%s: %r" % (place, line))

	def config(self, name):
		text = "\n".join(self.configs[name]) + "\n"
		text = re.sub(r"\$\{nkey (\w+)\}", lambda m: nkeys.Key(m.group(1)).public, text)
		return text.replace("@CERTS@", os.path.join(HERE, "certs"))


def expand(text, look):
	"""TEXT of a step as bytes.  look(word, arguments): the text of ${word arguments}."""
	data = text.encode()

	def macro(m):
		words = m.group(1).decode().split(" ")
		if words[0] == "rep":
			return expand(words[1], look) * int(words[2])
		if words[0] == "flood":
			size, count = int(words[2]), int(words[3])
			return (b"PUB %s %d\r\n%s\r\n" % (words[1].encode(), size, b"x" * size)) * count
		return look(words[0], words[1:]).encode()

	def escape(m):
		what = m.group(1)
		return bytes([int(what[1:], 16)]) if what[:1] == b"x" else ESCAPES[what]
	return re.sub(rb"\$\{([^}]*)\}", macro,
	              re.sub(rb"\\(x[0-9a-fA-F]{2}|[rnt0\\])", escape, data))
