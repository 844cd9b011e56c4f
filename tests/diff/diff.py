#!/usr/bin/env python3
"""diff - what clients see of natsd, compared with what they see of nats-server 2.15.2.

	diff.py [-j N] [-w 1,2,8] [--cuts N|all] [name ...]	natsd against the golden transcripts (TAP)
	diff.py --record [name ...]	writes the transcripts of $NATS_SERVER to golden/
	diff.py --live [name ...]	both servers now; golden/ is not looked at
	diff.py --prune [name ...]	takes out of pending what passes now
	diff.py --show SERVER name ...	prints transcripts
	diff.py -l	lists the scenarios

script.py tells the language of scenarios/*.txt; allowed.tsv is the one table of what may differ;
pending lists scenarios whose feature natsd does not have yet: they must fail.
"""

import argparse
import concurrent.futures
import difflib
import os
import random
import sys
import traceback

import engine
import natsd
import normal
import script
import servers

GOLDEN = os.path.join(engine.HERE, "golden")
WORKERS = (1, 2, 8)
SAMPLE = 3  # cuts of each scenario and worker count in a short check


def pending():
	with open(os.path.join(engine.HERE, "pending"), encoding="utf-8") as f:
		rows = [line.rstrip("\n").split("\t") for line in f if line.strip() and line[0] != "#"]
	return {row[0]: row[1] for row in rows}


def golden(book):
	"""Transcripts by scenario, and the usual INFO by configuration."""
	found = {}
	for stem in book.files:
		path = os.path.join(GOLDEN, stem + ".txt")
		name = None
		for line in natsd.read_text(path).splitlines():
			if line.startswith("=== "):
				name = line[4:]
				found[name] = []
			elif name:
				found[name].append(line)
	return found


class Job:
	"""Scenarios that share a server: a configuration, or one scenario that has its own."""

	def __init__(self, names, config, own, binary, workers, plan):
		self.names, self.config, self.own = names, config, own
		self.binary, self.workers, self.plan = binary, workers, plan


class Plan:
	"""How scenarios are cut: not at all, or byte by byte and at a sample of places."""

	def __init__(self, cuts, seed):
		self.cuts, self.seed = cuts, seed

	def of(self, scenario, sent, workers):
		if self.cuts == 0 or scenario.whole or sent < 2:
			return []
		places = list(range(1, sent))
		if self.cuts != "all":
			if scenario.own:
				return ["bytes"]
			dice = random.Random("%s %s %s" % (self.seed, scenario.name, workers))
			places = sorted(dice.sample(places, min(len(places), self.cuts)))
		return ["bytes"] + places


class Results:
	"""Transcripts of a job: {scenario: [(cut, lines)]}."""

	def __init__(self):
		self.of, self.info, self.trouble = {}, None, None


def start(job, book, results):
	try:
		return servers.Host(book, job.config, job.binary, job.workers, not job.own)
	except (natsd.Failure, OSError) as e:
		results.trouble = str(e)
		return None


def run_job(job):
	book, results, diag = script.Book(), Results(), engine.Diag()
	host = None
	try:
		for name in job.names:
			scenario = book.scenarios[name]
			found = results.of.setdefault(name, [])
			cuts = [""]
			while cuts:
				if host is None or not host.alive():
					if host is not None:
						host.end()
					host = start(job, book, results)
					if host is None:
						found.append(("", ["trouble: no server: " + results.trouble]))
						break
					results.info = results.info or host.info
				host.quiet()
				cut = cuts.pop(0)
				run = engine.Run(book, scenario, host.server, host.table, diag, cut, host.info)
				found.append((cut, run.run()))
				host.rough = host.rough or any(s.verb == "signal" for s in scenario.steps)
				if job.own:
					host.end()
					host = None
				if cut == "":
					cuts = job.plan.of(scenario, run.sent, job.workers)
	except Exception:  # a worker process tells what happened instead of dying
		results.trouble = traceback.format_exc()
	try:
		if host is not None:
			host.end()
	except natsd.Failure as e:
		results.trouble = str(e)
	return results


def jobs_for(book, names, binary, workers, plan):
	"""Own servers first: they are the ones that wait."""
	jobs, shared = [], {}
	for name in names:
		s = book.scenarios[name]
		if s.own:
			jobs.append(Job([name], s.config, True, binary, workers, plan))
		else:
			shared.setdefault(s.config, []).append(name)
	for config, group in shared.items():
		for i in range(0, len(group), 40):
			jobs.append(Job(group[i:i + 40], config, False, binary, workers, plan))
	return jobs


def run_all(jobs, parallel):
	"""[(job, results)]."""
	with concurrent.futures.ProcessPoolExecutor(parallel) as pool:
		return list(zip(jobs, pool.map(run_job, jobs)))


def peer_binary():
	path = os.environ.get("NATS_SERVER", "")
	if not os.access(path, os.X_OK):
		print("Bail out! NATS_SERVER does not name nats-server 2.15.2")
		sys.exit(1)
	return path


def expectations(done):
	"""What a run against the peer says: {scenario: lines}; with the usual INFO of configurations."""
	want = {}
	for job, results in done:
		if results.info is not None:
			want["config/" + job.config] = [results.info]
		for name, runs in results.of.items():
			want[name] = runs[0][1] if runs else ["trouble: did not run: %s" % results.trouble]
	return want


def record(book, names, parallel):
	"""Twice, so that what is not settled shows."""
	plan, binary = Plan(0, 0), peer_binary()
	first = expectations(run_all(jobs_for(book, names, binary, None, plan), parallel))
	again = expectations(run_all(jobs_for(book, names, binary, None, plan), parallel))
	bad = 0
	old = golden(book)
	for name in first:
		for line in [x for x in first[name] if x.startswith("trouble:")]:
			print("%s: %s" % (name, line))
			bad += 1
		if first[name] != again.get(name):
			bad += 1
			print("%s: not the same twice" % name)
			print("\n".join(difflib.unified_diff(first[name], again.get(name, []), lineterm="", n=1)))
	old.update(first)
	for stem, members in book.files.items():
		configs = sorted({"config/" + book.scenarios[n].config for n in members})
		with open(os.path.join(GOLDEN, stem + ".txt"), "w", encoding="utf-8") as f:
			for name in [c for c in configs if c in old] + [n for n in members if n in old]:
				f.write("=== %s\n%s" % (name, "".join(line + "\n" for line in old[name])))
	print("%d scenarios recorded, %d with trouble" % (len(names), bad))
	return bad


class Verdict:
	"""What all runs of a scenario together say."""

	def __init__(self):
		self.complaints, self.runs = [], 0

	def add(self, where, want, got):
		self.runs += 1
		if got != want and len(self.complaints) < 3:
			delta = list(difflib.unified_diff(want, got, "nats-server", "natsd", lineterm="", n=2))
			self.complaints.append(["%s:" % where] + delta[:80])


def compare(want, done, verdicts):
	troubles = []
	for job, results in done:
		where = "workers=%s" % job.workers
		if results.trouble and not all(n in verdicts for n in job.names):
			troubles.append("%s, %s: %s" % (job.config, where, results.trouble))
		elif results.trouble:
			for name in job.names:
				verdicts[name].complaints.append(["%s: %s" % (where, results.trouble)])
		if results.info is not None:
			verdict = verdicts.setdefault("config/" + job.config, Verdict())
			verdict.add(where, want.get("config/" + job.config, []), [results.info])
		for name, runs in results.of.items():
			for cut, got in runs:
				text = where + (", byte by byte" if cut == "bytes" else ", cut at %s" % cut if cut else "")
				verdicts[name].add(text, want.get(name, ["no golden transcript"]), got)
	return troubles


def report(verdicts, waiting):
	"""TAP; how many failed."""
	failed = 0
	print("1..%d" % len(verdicts))
	for number, (name, verdict) in enumerate(verdicts.items(), 1):
		if name in waiting:
			honest = bool(verdict.complaints)
			word = "ok" if honest else "not ok"
			print("%s %d - %s # SKIP waits for: %s" % (word, number, name, waiting[name]) if honest else
			      "not ok %d - %s passes: take its line out of tests/diff/pending" % (number, name))
			failed += not honest
			continue
		good = not verdict.complaints
		failed += not good
		print("%s %d - %s (%d runs)" % ("ok" if good else "not ok", number, name, verdict.runs))
		for complaint in verdict.complaints:
			print("\n".join("# " + line for line in complaint))
	return failed


def prune(passing):
	"""Takes the scenarios that pass, however they are cut, out of pending."""
	path = os.path.join(engine.HERE, "pending")
	with open(path, encoding="utf-8") as f:
		lines = f.readlines()
	with open(path, "w", encoding="utf-8") as f:
		f.writelines(line for line in lines if line.split("\t")[0] not in passing)
	print("%d scenarios wait no more" % len(passing))
	return 0


def check(book, names, args, live):
	waiting = pending()
	for name in waiting:
		if name not in book.scenarios and not name.startswith("config/"):
			print("Bail out! pending names %r, which is no scenario" % name)
			return 1
	plan = Plan(args.cuts, args.seed)
	want = golden(book)
	if live:
		want = expectations(run_all(jobs_for(book, names, peer_binary(), None, Plan(0, 0)), args.jobs))
	todo = []
	for workers in args.workers:
		ready = [n for n in names if n not in waiting]
		todo += jobs_for(book, ready, natsd.server_binary(), workers, plan)
	for name in [n for n in names if n in waiting]:
		s = book.scenarios[name]
		counts, how = (args.workers, plan) if args.prune else (args.workers[-1:], Plan(0, 0))
		todo += [Job([name], s.config, s.own, natsd.server_binary(), w, how) for w in counts]
	verdicts = {name: Verdict() for name in names}
	troubles = compare(want, run_all(todo, args.jobs), verdicts)
	for name in [n for n in verdicts if n.startswith("config/") and n not in waiting]:
		if all(book.scenarios[m].name in waiting for m in names
		       if book.scenarios[m].config == name[7:]):
			del verdicts[name]
	if args.prune:
		return prune([n for n in waiting if n in verdicts and not verdicts[n].complaints])
	failed = report(verdicts, waiting)
	for text in troubles:
		print("# " + text.replace("\n", "\n# "))
	print("# seed %s; %d scenarios wait for their feature" % (args.seed, len(waiting)))
	return failed + len(troubles)


def arguments():
	parser = argparse.ArgumentParser()
	parser.add_argument("--record", action="store_true")
	parser.add_argument("--live", action="store_true")
	parser.add_argument("--prune", action="store_true")
	parser.add_argument("--show", metavar="SERVER")
	parser.add_argument("-l", "--list", action="store_true")
	parser.add_argument("-j", "--jobs", type=int, default=6)
	parser.add_argument("-w", "--workers", default=",".join(map(str, WORKERS)))
	parser.add_argument("--cuts", default="all" if os.environ.get("NATSD_LONG") else str(SAMPLE))
	parser.add_argument("--seed", default=os.environ.get("NATSD_SEED") or
	                    str(int.from_bytes(os.urandom(4), "big")))
	parser.add_argument("names", nargs="*")
	args = parser.parse_args()
	args.workers = [int(w) for w in args.workers.split(",")]
	args.cuts = args.cuts if args.cuts == "all" else int(args.cuts)
	return args


def main():
	args = arguments()
	book = script.Book()
	names = [n for n in book.scenarios if not args.names or any(p in n for p in args.names)]
	if args.prune:
		names = [n for n in names if n in pending()]
	if args.list:
		print("\n".join(book.scenarios))
	elif args.record:
		sys.exit(1 if record(book, names, args.jobs) else 0)
	elif args.show:
		binary = peer_binary() if args.show == "peer" else args.show
		for job, results in run_all(jobs_for(book, names, binary, 2, Plan(0, 0)), args.jobs):
			for name, runs in results.of.items():
				print("=== %s" % name, *runs[0][1], sep="\n")
			if results.trouble:
				print("trouble: " + results.trouble)
	else:
		sys.exit(1 if check(book, names, args, args.live) else 0)


if __name__ == "__main__":
	main()
