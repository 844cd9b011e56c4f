"""The rows of tests/bench/run store: what bench_store measures, and what it must reach."""
import os
import statistics
import subprocess
import tempfile

PAYLOAD = 128
BUDGET = 64  # MiB
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


def beside(x):
	"""At most x; where writing the same bytes to the same two kinds of file takes that by itself, that and x."""
	return "<=%g, or <=yardstick+%g where that is above %g" % (x, x, x), \
		lambda value, yard: value <= x or (yard > x and value <= yard + x)


# What bench_store is asked for, and which of the lines it prints are rows.
SHORT = (
	(("one",), (Row("durable append, one in flight, p50 us", *times("<=", 1.25)),)),
	(("many",), (
		Row("durable append, 1,000 in flight, commits/s", *times(">=", 0.70)),
		Row("durable append, 1,000 in flight, records/s", ">=600000 where the loop has 4000 commits/s",
		    lambda value, loop: value >= 600e3 or loop < 4000),
		Row("the same over 1,000 streams, records/s", *times(">=", 0.50)))),
	(("large-records",), (
		Row("durable append of 256 KiB, one in flight, MiB/s", *times(">=", 0.50)),
		Row("durable append of 256 KiB, 32 in flight, MiB/s", *times(">=", 0.70)),
		Row("the same, bytes written beside each record", *at_most(1024)))),
	(("interval",), (
		Row("append with sync_interval, 128 B, CPU us", *beside(0.5)),
		Row("append with sync_interval, 1 KiB, CPU us", *beside(0.8)))),
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

	def memory(self, name, found, *rows):
		for row in rows:
			self.print(Row("", *at_most(BUDGET + 8)), [f[row] for f in found], name + row)

	def build(self, folder, name, messages, subjects, stopped):
		built = self.ask(folder, "build", messages, subjects, stopped)
		self.table.note("%sappended at %.0f/s, CPU %.2f us" % (
			name, built["append with an index, messages/s"][0], built["append with an index, CPU us"][0]))
		return built

	def large(self, messages, subjects):
		"""One stream; then it is opened, read, and looked at on the disk.  How long opening took, by how it ended."""
		name = "%d M of %d k subjects: " % (messages // 1000000, subjects // 1000)
		took = {}
		with self.folder() as folder:
			built = self.build(folder, name, messages, subjects, 1)
			self.memory(name, [built], "memory during append, MiB")
			clean = self.opened(folder)
			took["clean"] = [f["opening, ms"] for f in clean]
			self.print(Row("", *at_most(50)), took["clean"], name + "open after a clean stop, cold, ms")
			self.memory(name, clean, "memory after opening, MiB")
			reads = [self.ask(folder, "reads", subjects) for _ in range(self.samples)]
			for row in (
					Row("sequential read, all, messages/s", *at_least(3e6)),
					Row("sequential read, 1 in 1,000, messages/s, us a match", *at_most(20)),
					Row("random load, warm, us", *at_most(2)),
					Row("last by subject, us", *at_most(2)),
					Row("last by subject, p99 us", *at_most(1000))):
				self.print(row, [r[row.name] for r in reads], name + row.name)
			took["match"] = [r["sequential read, 1 in 1,000, messages/s, us a match"] for r in reads]
			self.memory(name, reads, "memory during reads, MiB")
			self.cold(folder)
			cold = self.ask(folder, "cold")
			self.print(Row("", *at_most(1)), [cold["random load, cold, reads"]], name + "random load, cold, reads")
			self.table.note("%srandom load, cold: p50 %.0f us; of blocks not seen yet %.2f reads" % (
				name, cold["random load, cold, p50 us"][0], cold["random load, cold, of blocks not seen yet, reads"][0]))
			blocks = sum(os.path.getsize(os.path.join(w, f)) for w, _, files in os.walk(folder)
			             for f in files if f.endswith(".blk"))
			journal = sum(os.path.getsize(os.path.join(w, f)) for w, _, files in os.walk(folder)
			              for f in files if f.endswith(".jnl"))
			text = len("orders..new") + len(str(subjects)) - 1  # nearly
			self.print(Row("", *at_most(1.3)), [(blocks / messages / (text + PAYLOAD + 40),)],
			           name + "block files, of subject + payload + 40")
			self.print(Row("", *at_most(256)), [(journal / MIB,)], name + "journal, MiB")
			self.memory(name, [self.ask(folder, "care")], "memory during scrubbing, MiB",
			            "memory during removal, MiB", "memory during compaction, MiB")
		took.update(self.killed(name, messages, subjects))
		return took

	def killed(self, name, messages, subjects):
		"""The process dies; its files are in the page cache, or, as after a power cut, on the disk only."""
		with self.folder() as folder:
			self.build(folder, name, messages, subjects, 0)
			kill = [self.ask(folder, "open")["opening, ms"]]
			self.print(Row("", *at_most(100)), kill, name + "open after kill -9, ms")
			self.cold(folder)
			cut = [self.ask(folder, "open")["opening, ms"]]
			self.print(Row("", *at_most(1000)), cut, name + "open after a power cut, cold, ms")
		return {"kill -9": kill, "power cut": cut}

	def compare(self, small, large):
		"""What must not depend on how much there is; up to 5 ms are not told from nothing."""
		names = {"match": "1 in 1,000, us a match"}
		for what in small:
			self.print(Row("", "ratio<=1.2", lambda value, yard: value <= 1.2 * yard + (0 if what == "match" else 5)),
			           [(l[0], s[0]) for l, s in zip(large[what], small[what])],
			           "10 M beside 1 M: " + names.get(what, "open, %s, ms" % what))

	def many_subjects(self, messages):
		name = "%d M subjects: " % (messages // 1000000)
		with self.folder() as folder:
			built = self.build(folder, name, messages, messages, 1)
			self.memory(name, [built], "memory during append, MiB")
			reads = [self.ask(folder, "reads", messages) for _ in range(self.samples)]
			self.print(Row("", *at_most(1000)), [r["last by subject, p99 us"] for r in reads],
			           name + "last by subject, p99 us")
			self.memory(name, reads, "memory during reads, MiB")
			clean = self.opened(folder)
			self.print(Row("", *at_most(50)), [f["opening, ms"] for f in clean], name + "open after a clean stop, cold, ms")
			self.memory(name, clean, "memory after opening, MiB")

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
	"""wanted: names of SHORT, volatile, empty, large, subjects; none: all."""
	bench = Bench(program, top, 3 if quick else 5, table)
	bench.short([w for w in wanted if w not in ("large", "empty", "subjects")] or (["-"] if wanted else []))
	if not wanted or "empty" in wanted:
		bench.empty(1000 if quick else 10000)
	if not wanted or "large" in wanted:
		small = bench.large(1000000, 100000)
		if not quick:
			bench.compare(small, bench.large(10000000, 1000000))
	if not wanted or "subjects" in wanted:
		bench.many_subjects(1000000 if quick else 10000000)
