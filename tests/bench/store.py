"""The rows of tests/bench/run store: what bench_store measures, and what it must reach."""
import os
import statistics
import subprocess
import tempfile

PAYLOAD = 128
SUBJECT = 17  # bytes, nearly: orders.<number>.new
MIB = 1 << 20


class Row:
	"""good gets natsd's number and the yardstick (None when there is none)."""

	def __init__(self, name, need, good):
		self.name, self.need, self.good = name, need, good


def at_most(x):
	return "<=%g" % x, lambda value, _: value <= x


def at_least(x):
	return ">=%g" % x, lambda value, _: value >= x


def times(op, x):
	if op == "<=":
		return "ratio<=%g" % x, lambda value, yard: value <= x * yard
	return "ratio>=%g" % x, lambda value, yard: value >= x * yard


# What bench_store is asked for, and which of the lines it prints are rows.
SHORT = (
	(("one",), (Row("durable append, one in flight, p50 us", *times("<=", 1.25)),)),
	(("many",), (
		Row("durable append, 1,000 in flight, commits/s", *times(">=", 0.70)),
		Row("durable append, 1,000 in flight, records/s", *at_least(600e3)),
		Row("the same over 1,000 streams, records/s", *times(">=", 0.50)))),
	(("large",), (
		Row("durable append of 256 KiB, one in flight, MiB/s", *times(">=", 0.50)),
		Row("durable append of 256 KiB, 32 in flight, MiB/s", *times(">=", 0.70)),
		Row("the same, bytes written beside each record", *at_most(1024)))),
	(("interval",), (
		Row("append with sync_interval, 128 B, CPU us", *at_most(0.5)),
		Row("append with sync_interval, 1 KiB, CPU us", *at_most(0.8)))),
)


class Bench:
	def __init__(self, program, top, samples, table):
		self.program, self.top, self.samples, self.table = program, top, samples, table

	def folder(self, top=None):
		return tempfile.TemporaryDirectory(prefix="natsd-store-", dir=top or self.top)

	def ask(self, folder, *words):
		done = subprocess.run([self.program, folder, *map(str, words)], capture_output=True, text=True, check=False)
		if done.returncode != 0:
			raise RuntimeError("bench_store %s: %s" % (" ".join(map(str, words)), done.stderr.strip()))
		found = {}
		for line in done.stdout.splitlines():
			name, *numbers = line.split("\t")
			found[name] = tuple(map(float, numbers))
		return found

	def print(self, row, samples, name=None):
		value = statistics.median(s[0] for s in samples)
		yard = statistics.median(s[1] for s in samples) if len(samples[0]) > 1 else None
		self.table.row(name or row.name, "%.2f", value, yard, row.need, row.good(value, yard))

	def short(self, wanted):
		for words, rows in SHORT + ((("volatile",), (
				Row("volatile append, 128 B, records/s", *at_least(1.5e6)),)),):
			if wanted and words[0] not in wanted:
				continue
			# A volatile store lies in memory.
			top = "/dev/shm" if words[0] == "volatile" and os.path.isdir("/dev/shm") else None
			found = []
			for _ in range(self.samples):
				with self.folder(top) as folder:
					found.append(self.ask(folder, *words))
			for row in rows:
				self.print(row, [f[row.name] for f in found])

	def cold(self, folder):
		"""Nothing of it is in memory any more."""
		for where, _, files in os.walk(folder):
			for name in files:
				fd = os.open(os.path.join(where, name), os.O_RDONLY)
				try:
					os.fsync(fd)
					os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
				finally:
					os.close(fd)

	def opened(self, folder):
		found = []
		for _ in range(self.samples):
			self.cold(folder)
			found.append(self.ask(folder, "open"))
		return found

	def large(self, messages, subjects):
		"""One stream; then it is opened, read, and looked at on the disk."""
		name = "%d M of %d k subjects: " % (messages // 1000000, subjects // 1000)
		memory = Row("", *at_most(64 + 8))
		with self.folder() as folder:
			built = self.ask(folder, "build", messages, subjects, 1)
			self.table.note("%sappended at %.0f/s" % (name, built["append with an index, messages/s"][0]))
			self.print(memory, [built["memory during append, MiB"]], name + "memory during append, MiB")
			clean = self.opened(folder)
			self.print(Row("", *at_most(50)), [f["opening, ms"] for f in clean], name + "open, clean, cold, ms")
			self.print(memory, [f["memory after opening, MiB"] for f in clean], name + "memory after opening, MiB")
			reads = [self.ask(folder, "reads", subjects) for _ in range(self.samples)]
			for row in (
					Row("sequential read, all, messages/s", *at_least(3e6)),
					Row("sequential read, 1 in 1,000, messages/s, all of it, ms", *at_most(messages / 3e6 * 1000 / 20)),
					Row("random load, warm, us", *at_most(2)),
					Row("last by subject, us", *at_most(2)),
					Row("last by subject, p99 us", *at_most(1000)),
					Row("memory during reads, MiB", *at_most(64 + 8))):
				self.print(row, [r[row.name] for r in reads], name + row.name)
			blocks = sum(os.path.getsize(os.path.join(w, f)) for w, _, files in os.walk(folder)
			             for f in files if f.endswith(".blk"))
			self.print(Row("", *at_most(1.3)), [(blocks / messages / (SUBJECT + PAYLOAD + 40),)],
			           name + "block files, of subject + payload + 40")
		with self.folder() as folder:
			self.ask(folder, "build", messages, subjects, 0)
			killed = self.ask(folder, "open")
			self.print(Row("", *at_most(100)), [killed["opening, ms"]], name + "open after kill -9, ms")

	def empty(self, count):
		with self.folder() as folder:
			self.ask(folder, "empty", count)
			used = sum(os.lstat(os.path.join(w, n)).st_blocks * 512 for w, dirs, files in
			           os.walk(os.path.join(folder, "natsd", "streams")) for n in dirs + files)
			opened = [self.ask(folder, "open-empty") for _ in range(self.samples)]
		name = "%d empty streams: " % count
		self.print(Row("", *at_most(16)), [(used / count / 1024,)], name + "disk, KiB each")
		self.print(Row("", *at_most(4)), [(f["memory, MiB"][0] * 1024 / count,) for f in opened], name + "memory, KiB each")
		self.print(Row("", *at_most(1000)), [f["opening, ms"] for f in opened], name + "open, ms")


def store(program, table, quick, wanted, top):
	"""wanted: names of SHORT, volatile, large, empty; none: all."""
	bench = Bench(program, top, 3 if quick else 5, table)
	bench.short([w for w in wanted if w not in ("large", "empty")] or (["-"] if wanted else []))
	if not wanted or "empty" in wanted:
		bench.empty(1000 if quick else 10000)
	if not wanted or "large" in wanted:
		for messages, subjects in ((1000000, 100000),) if quick else ((1000000, 100000), (10000000, 1000000)):
			bench.large(messages, subjects)
