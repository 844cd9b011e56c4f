#!/usr/bin/env python3
"""Reload of users, accounts and TLS: nats-server's lines and refusals (config.md 12), recorded from
2.15.2 and checked against it with -s."""

import os
import re
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import certs  # noqa: E402
import nkeys  # noqa: E402
from natsd import Server, equal, main, test, true, wait_until  # noqa: E402

T = 'tls { cert_file: "CERT", key_file: "KEY" }\n'


def tls(more):
	return T.replace("{ ", "{ " + more + ", ", 1)


PIN_A, PIN_B = "A" * 64, "B" * 64
USER = "authorization { users: [{user: a, pass: b}] }\n"
USER_KEY = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
NKEY = "authorization { users: [{nkey: %s}] }\n" % USER_KEY
A_NKEY = "accounts { A {users: [{nkey: %s}]} }\n" % USER_KEY
SYS = 'accounts { "$SYS" {users: [{user: s, pass: s}]} }\n'
GATE, DOOR = (nkeys.Key(name).public for name in ("gate", "door"))
USERS, ACCOUNTS, NKEYS = "authorization users", "accounts", "authorization nkey users"


def proxies(*keys):
	return "proxies { trusted: [%s ] }\n" % ", ".join("{key: %s}" % key for key in keys)


# What is there, what comes, and the lines "Reloaded: ..." of that.
ACCESS_TAKEN = (
	(USER, USER, (USERS, ACCOUNTS)),
	(USER, 'authorization { users: [{user: a, pass: c}] }\n', (USERS, ACCOUNTS)),
	(USER, "", (USERS, ACCOUNTS)),
	("", USER, (USERS, ACCOUNTS)),
	(NKEY, NKEY, (USERS, ACCOUNTS)),
	(NKEY, 'authorization { users: [{nkey: %s, permissions: {publish: x}}] }\n' % USER_KEY,
	 (NKEYS, USERS, ACCOUNTS)),
	(NKEY, "", (NKEYS, USERS, ACCOUNTS)),
	(A_NKEY, A_NKEY, (NKEYS, USERS, ACCOUNTS)),
	(A_NKEY, 'accounts { B {users: [{nkey: %s}]} }' % USER_KEY, (NKEYS, USERS, ACCOUNTS)),
	('authorization {user: a, pass: b}', 'authorization {user: c, pass: d}',
	 (USERS, ACCOUNTS, 'authorization username', 'authorization password')),
	('authorization {user: a, pass: b}', "",
	 (USERS, ACCOUNTS, 'authorization username', 'authorization password')),
	('authorization {token: a}', 'authorization {token: b}', (USERS, ACCOUNTS, 'authorization token')),
	('authorization {timeout: 1}', 'authorization {timeout: 1.5}',
	 (USERS, ACCOUNTS, 'authorization timeout = 1.5')),
	('authorization {timeout: 1}', 'authorization {timeout: "500ms"}',
	 (USERS, ACCOUNTS, 'authorization timeout = 0.5')),
	("", T, (USERS, ACCOUNTS, 'authorization timeout = 3', 'tls = enabled')),
	(T, "", (USERS, ACCOUNTS, 'authorization timeout = 2', 'tls = disabled')),
	(T, T, (USERS, ACCOUNTS)),
	(T, tls('timeout: 5'), (USERS, ACCOUNTS, 'authorization timeout = 6', 'tls timeout = 5')),
	(T, tls('timeout: 0.5'), (USERS, ACCOUNTS, 'authorization timeout = 1.5', 'tls timeout = 0.5')),
	(T, tls('verify: true'), (USERS, ACCOUNTS, 'tls = enabled')),
	(T, tls('handshake_first: true'), (USERS, ACCOUNTS, 'Client TLS handshake first: true')),
	(T, tls('handshake_first: auto'),
	 (USERS, ACCOUNTS, 'Client TLS handshake first: true',
	  'Client TLS handshake first fallback delay: 50ms')),
	(tls('first: auto'), tls('first: "100ms"'),
	 (USERS, ACCOUNTS, 'Client TLS handshake first fallback delay: 100ms')),
	(T, tls('pinned_certs: ["%s","%s"]' % (PIN_A, PIN_B)), (USERS, ACCOUNTS, '2 pinned_certs')),
	(tls('pinned_certs: ["%s"]' % PIN_A), T, (USERS, ACCOUNTS, '0 pinned_certs')),
	(tls('pinned_certs: ["%s", "%s"]' % (PIN_A, PIN_B)),
	 tls('pinned_certs: ["%s","%s"]' % (PIN_B, PIN_A)), (USERS, ACCOUNTS)),
	(USER + 'no_auth_user: a', USER + 'no_auth_user: a', (USERS, ACCOUNTS)),
	(USER + 'no_auth_user: a', "", (USERS, ACCOUNTS)),
	(USER + 'no_auth_user: a', 'authorization { users: [{user: z, pass: b}] }\n', (USERS, ACCOUNTS)),
	(NKEY + 'no_auth_user: %s' % USER_KEY, NKEY, (USERS, ACCOUNTS)),
	(NKEY, 'authorization { users: [{nkey: %s, proxy_required: true}] }\n' % USER_KEY, (NKEYS, USERS, ACCOUNTS)),
	(proxies(GATE), proxies(GATE), (USERS, ACCOUNTS)),
	(proxies(GATE, DOOR), proxies(DOOR, GATE), (USERS, ACCOUNTS)),
	(proxies(), proxies(GATE, DOOR), (USERS, ACCOUNTS, 'proxies trusted keys ["%s" "%s"] were added' % (GATE, DOOR))),
	(proxies(GATE), proxies(DOOR), (USERS, ACCOUNTS, 'proxies trusted keys ["%s"] were removed' % GATE,
	                                'proxies trusted keys ["%s"] were added' % DOOR)),
	(SYS, SYS, (USERS, ACCOUNTS)),
	(SYS, "", (USERS, ACCOUNTS)),
	("", SYS, (USERS, ACCOUNTS)),
	(SYS, SYS + 'system_account: "$SYS"', (USERS, ACCOUNTS)),
	(SYS, SYS + USER, (USERS, ACCOUNTS)),
	(T + 'https_port: -1', T + 'https_port: -1', (USERS, ACCOUNTS)),
	("", 'authorization {timeout: 100}', (USERS, ACCOUNTS, 'authorization timeout = 100')),
	('mappings {a: b}', 'mappings {a: c}', (USERS, ACCOUNTS)),
	('accounts {A {}}', 'accounts {B {}}', (USERS, ACCOUNTS)),
	(T, T + USER + 'authorization { timeout: 3 }', (USERS, ACCOUNTS)),
)

# ... and why it is refused; config reload not supported for ...
ACCESS_REFUSED = (
	('authorization {token: a}', 'authorization {token: a, proxy_required: true}', 'ProxyRequired: old=false, new=true'),
	(T, tls('verify_and_map: true'), 'TLSMap: old=false, new=true'),
	(T, tls('connection_rate_limit: 5'), 'TLSRateLimit: old=0, new=5'),
	(T, T + 'allow_non_tls: true', 'AllowNonTLS: old=false, new=true'),
	("", 'allow_non_tls: true', 'AllowNonTLS: old=false, new=true'),
	("", 'proxy_protocol: true', 'ProxyProtocol: old=false, new=true'),
	(USER + 'no_auth_user: a', USER, 'NoAuthUser: old=a, new='),
	(USER, USER + 'no_auth_user: a', 'NoAuthUser: old=, new=a'),
	(USER + 'no_auth_user: a', 'no_auth_user: a',
	 'no_auth_user: "a" present, but users/nkeys are not defined'),
	("", 'accounts {"$SYS": {}}\nsystem_account: "$SYS"', 'SystemAccount: old=, new=$SYS'),
	('accounts {A {}}\nsystem_account: A', 'accounts {A {}}', 'SystemAccount: old=A, new='),
	('accounts {A {}}', 'accounts {A {}}\nsystem_account: A', 'SystemAccount: old=, new=A'),
	('accounts {A {}, B {}}\nsystem_account: A', 'accounts {A {}, B {}}\nsystem_account: B',
	 'SystemAccount: old=A, new=B'),
	("", 'system_account: X', 'SystemAccount: old=, new=X'),
	("", 'no_system_account: true', 'NoSystemAccount: old=false, new=true'),
	('no_system_account: true', "", 'NoSystemAccount: old=true, new=false'),
	(SYS, SYS + 'no_auth_user: s', 'NoAuthUser: old=GUEST, new=s'),
	(SYS, SYS + USER + 'no_auth_user: a', 'NoAuthUser: old=GUEST, new=a'),
	("", 'https_port: -1', 'HTTPSPort: old=0, new=-1'),
	(T + 'https_port: -1', T, 'HTTPSPort: old=-1, new=0'),
	(T, T + 'http_port: -1', 'HTTPPort: old=0, new=-1'),
	("", 'tls { cert_file: "CERT", key_file: "KEY2" }',
	 'F:1:0: error parsing X509 certificate/key pair: tls: private key does not match public key'),
	("", 'authorization {users: [{user: a}, {user: a}]}', 'F:1:0: Duplicate user "a" detected'),
	('http_base_path: a', 'http_base_path: b', 'HTTPBasePath: old=a, new=b'),
	("", 'authorization { user: a, pass: b }\nmax_subs: 5\nallow_non_tls: true',
	 'MaxSubs: old=0, new=5'),
)

# What the command line said, and the line.
FLAGS = (
	(("-user", "a"), "", "authorization {user: b, pass: c}", (USERS, ACCOUNTS, "authorization password")),
	(("-auth", "x"), "", "", (USERS, ACCOUNTS)),
	(("-tls=false",), T, T, (USERS, ACCOUNTS, "authorization timeout = 3", "tls = enabled")),
	(("-ms", "-1"), T, T, "HTTPSPort: old=-1, new=0"),
	(("-tls", "-tlscert", "CERT", "-tlskey", "KEY"), "", "", "TLS: old=true, new=false"),
	(("-tlscert", "CERT", "-tlskey", "KEY"), "", "", "TLSCert: old=CERT, new="),
	(("-tlsverify", "-tlscert", "CERT", "-tlskey", "KEY"), "", "", "TLSVerify: old=true, new=false"),
)

_files = {}


def files():
	"""Two keys and a certificate, by the names that they have in the rows."""
	if not _files:
		ca = certs.Authority()
		first, second = ca.issue("localhost"), ca.issue("other")
		_files.update(CERT=first.cert, KEY=first.key, CERT2=second.cert, KEY2=second.key)
	return _files


def put(text):
	for name, path in files().items():
		text = text.replace('"%s"' % name, '"%s"' % path)
	return text


def reload(server, config):
	"""The log lines of one reload, without their heads, and with names for what is made up."""
	n = len(server.log())
	server.configure(put(config))
	server.signal(signal.SIGHUP)

	def outcome():
		text = server.log()[n:]
		return text if re.search(r"Reloaded server configuration|Failed to reload", text) and \
			text.endswith("\n") else None
	text = wait_until(outcome, "the outcome of a reload").replace(server.conf_path, "F")
	for name, path in files().items():
		text = text.replace(path, name)
	text = re.sub(r"nats-[0-9A-Za-z]{8}\b", "GUEST", text)
	return [re.sub(r"^\[\d+\] (\S+ \S+ )?(?=\[)", "", line) for line in text.splitlines()[1:]]


def check(before, after, expected, args=()):
	what = "%r -> %r" % (before, after)
	args = [files().get(a, a) for a in args]
	with Server(put(before), args=args) as server:
		lines = reload(server, after)
		if isinstance(expected, str):
			why = expected if re.match(r"F:|no_auth_user", expected) else \
				"config reload not supported for " + expected
			equal(lines, ["[ERR] Failed to reload server configuration: " + why], what)
			return
		true(lines[-1].startswith("[INF] Reloaded server configuration (sha256:"), lines)
		equal(lines[:-1], ["[INF] Reloaded: " + text for text in expected], what)


@test(server=False)
def taken():
	for row in ACCESS_TAKEN:
		check(*row)


@test(server=False)
def refused():
	for row in ACCESS_REFUSED:
		check(*row)


@test(server=False)
def flags():
	for args, before, after, expected in FLAGS:
		check(before, after, expected, args)


@test(server=False)
def a_refused_one_changes_nothing():
	with Server(put(T)) as server:
		equal(reload(server, T + "max_subs: 5\nauthorization {timeout: 1}"),
		      ["[ERR] Failed to reload server configuration: config reload not supported for MaxSubs: "
		       "old=0, new=5"])
		equal(reload(server, T + "authorization {timeout: 1}")[:-1],
		      ["[INF] Reloaded: authorization users", "[INF] Reloaded: accounts",
		       "[INF] Reloaded: authorization timeout = 1"])


@test(server=False)
def certificates_are_read_again():
	"""The text of the file stays, the certificate in its place is another one."""
	there = files()
	with Server("") as server:
		cert, key = os.path.join(server.dir, "cert"), os.path.join(server.dir, "key")
		text = 'tls { cert_file: "%s", key_file: "%s" }' % (cert, key)
		shutil.copy(there["CERT"], cert)
		shutil.copy(there["KEY"], key)
		equal("[INF] Reloaded: tls = enabled" in reload(server, text), True, "a first one")
		equal("[INF] Reloaded: tls = enabled" in reload(server, text), False, "the same")
		shutil.copy(there["CERT2"], cert)
		equal(reload(server, text), ["[ERR] Failed to reload server configuration: F:1:0: error "
		                             "parsing X509 certificate/key pair: tls: private key does not "
		                             "match public key"])
		shutil.copy(there["KEY2"], key)
		equal("[INF] Reloaded: tls = enabled" in reload(server, text), True, "another one")


@test(server=False)
def secrets_stay_out_of_the_log():
	with Server("authorization {user: a, password: hidden1}") as server:
		reload(server, "authorization {user: a, password: hidden2}")
		reload(server, "authorization {users: [{user: a, password: hidden3}]}")
		reload(server, "authorization {token: hidden4}\nmax_subs: 5")
		true("hidden" not in server.log(), server.log())


main()
