"""normal - the one table of differences that are allowed between two servers: allowed.tsv."""

import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))


class Table:
	"""Rows of: where, pattern, replacement, reason.

	where	info, line, http (a line of the body), header, text (log lines and -t): the kind of
		transcript line that the row is for; several with '|'
	"""

	def __init__(self, path=os.path.join(HERE, "allowed.tsv")):
		self.rows = []
		with open(path, encoding="utf-8") as f:
			for number, line in enumerate(f, 1):
				if line.startswith("#") or not line.strip():
					continue
				fields = line.rstrip("\n").split("\t")
				if len(fields) != 4 or not fields[3]:
					raise ValueError("allowed.tsv:%d: where, pattern, replacement, reason" % number)
				self.rows.append((fields[0].split("|"), re.compile(fields[1]), fields[2]))

	def apply(self, kind, text):
		"""The line without what may differ; None when the whole line may."""
		for where, pattern, replacement in self.rows:
			if kind in where:
				if replacement == "DROP":
					if pattern.fullmatch(text):
						return None
				else:
					text = pattern.sub(replacement, text)
		return text
