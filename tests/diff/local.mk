# Differential tests: what clients see of natsd against what they see of nats-server 2.15.2.
DIFF_TESTS = tests/diff/diff.py
TESTS += $(DIFF_TESTS)
dist_check_SCRIPTS += $(DIFF_TESTS) tests/diff/script.py tests/diff/stream.py tests/diff/normal.py \
	tests/diff/engine.py tests/diff/servers.py tests/diff/random_sessions.py
EXTRA_DIST += tests/diff/README.md tests/diff/allowed.tsv tests/diff/pending tests/diff/scenarios \
	tests/diff/golden tests/diff/certs
$(CONFORMANCE_LOG): $(DIFF_TESTS:.py=.log)

# With NATS_SERVER=/path/to/nats-server: both servers now; golden transcripts are not looked at.
check-diff-live: $(DIFF_TESTS) all
	$(AM_TESTS_ENVIRONMENT) python3 $(srcdir)/tests/diff/diff.py --live --cuts 0
# SESSIONS random sessions for three connections, the same to both servers.
SESSIONS = 10000
check-diff-random: all
	$(AM_TESTS_ENVIRONMENT) python3 $(srcdir)/tests/diff/random_sessions.py -n $(SESSIONS)
# The golden transcripts anew, from NATS_SERVER.
record-diff:
	$(AM_TESTS_ENVIRONMENT) python3 $(srcdir)/tests/diff/diff.py --record
# Takes out of tests/diff/pending what passes now.
prune-diff: all
	$(AM_TESTS_ENVIRONMENT) python3 $(srcdir)/tests/diff/diff.py --prune
.PHONY: prune-diff check-diff-live check-diff-random record-diff
