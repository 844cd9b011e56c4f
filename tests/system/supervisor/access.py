#!/usr/bin/env python3
"""Who may connect, and TLS: what these blocks may say, in nats-server's own words.

Each row was recorded from nats-server 2.15.2 (and is checked against it with -s): the text of a file
and what `-t` says about it, in any order; None: it is valid.  F stands for the file's name, U-KEY for
the public key of a user, "CERT" and "KEY" for files that fit each other, "KEY2" for another key,
"GARB" for one without PEM and "EMPTY" for an empty one.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import certs  # noqa: E402
import nkeys  # noqa: E402
from natsd import Server, equal, main, seconds, server_binary, test, true  # noqa: E402

USER_KEY = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"

AUTHORIZATION = (
	('authorization { user: a, password: b }', None),
	('authorization { user: 5 }',
	 ('F:1:16: interface conversion: interface {} is int64, not string',)),
	('authorization { user: a, pass: 5 }',
	 ('F:1:25: interface conversion: interface {} is int64, not string',)),
	('authorization { token: 5 }',
	 ('F:1:16: interface conversion: interface {} is int64, not string',)),
	('authorization: 5',
	 ('F:1:0: interface conversion: interface {} is int64, not map[string]interface {}',)),
	('authorization: "x"',
	 ('F:1:0: interface conversion: interface {} is string, not map[string]interface {}',)),
	('authorization {}', None),
	('authorization { token: t }', None),
	('authorization { user: a, pass: b, token: t }',
	 ('F:1:0: Cannot have a user/pass and token',)),
	('authorization { pass: b, token: t }', ('F:1:0: Cannot have a user/pass and token',)),
	('authorization { user: a, users: [{user: b, pass: c}] }',
	 ('F:1:0: Can not have a single user/pass and a users array',)),
	('authorization { user: a, users: [] }',
	 ('F:1:0: Can not have a single user/pass and a users array',)),
	('authorization { token: a, users: [] }',
	 ('F:1:0: Can not have a token and a users array',)),
	('authorization { token: a, users: [{user: b, pass: c}] }',
	 ('F:1:0: Can not have a token and a users array',)),
	('authorization { timeout: 5 }', None),
	('authorization { timeout: 5.5 }', None),
	('authorization { timeout: "5s" }', None),
	('authorization { timeout: 10s }', None),
	('authorization { timeout: "x" }',
	 ('F:1:16: error parsing authorization config, \'timeout\' time: invalid duration '
	  '"x"',)),
	('authorization { timeout: true }',
	 ("F:1:16: error parsing authorization config, 'timeout' wrong type",)),
	('authorization { timeout: 61 }',
	 ('F:1:16: invalid use of field "timeout": timeout of 61 (61.000000 seconds) is '
	  'high, consider keeping it under 60 seconds. possibly caused by unquoted '
	  'duration; use \'1m\' instead of 1m, for example',)),
	('authorization { timeout: 1m }',
	 ('F:1:16: invalid use of field "timeout": timeout of 1000000 (1000000.000000 '
	  'seconds) is high, consider keeping it under 60 seconds. possibly caused by '
	  'unquoted duration; use \'1m\' instead of 1m, for example',)),
	('authorization { timeout: "2m" }',
	 ('F:1:16: invalid use of field "timeout": timeout of 2m (120.000000 seconds) is '
	  'high, consider keeping it under 60 seconds. possibly caused by unquoted '
	  'duration; use \'1m\' instead of 1m, for example',)),
	('authorization { timeout: 61.5 }',
	 ('F:1:16: invalid use of field "timeout": timeout of 61.5 (61.500000 seconds) is '
	  'high, consider keeping it under 60 seconds. possibly caused by unquoted '
	  'duration; use \'1m\' instead of 1m, for example',)),
	('authorization { TIMEOUT: 100 }',
	 ('F:1:16: invalid use of field "TIMEOUT": timeout of 100 (100.000000 seconds) is '
	  'high, consider keeping it under 60 seconds. possibly caused by unquoted '
	  'duration; use \'1m\' instead of 1m, for example',)),
	('authorization { timeout: -5 }', None),
	('authorization { frob: 1 }', ('F:1:16: unknown field "frob"',)),
	('authorization { proxy_required: 1 }',
	 ('F:1:16: interface conversion: interface {} is int64, not bool',)),
	('authorization { proxy_required: false }', None),
	('authorization { proxy_required: true }', None),
	('authorization { users: [{user: a, proxy_required: true}] }', None),
	('authorization { users: 5 }', ('F:1:16: Expected users field to be an array, got 5',)),
	('authorization { users: x }', ('F:1:16: Expected users field to be an array, got x',)),
	('authorization { users: 1.5 }', ('F:1:16: Expected users field to be an array, got 1.5',)),
	('authorization { users: true }',
	 ('F:1:16: Expected users field to be an array, got true',)),
	('authorization { users: [5 ] }',
	 ('F:1:24: Expected user entry to be a map/struct, got 5',)),
	('authorization { users: [x] }',
	 ('F:1:24: Expected user entry to be a map/struct, got x',)),
	('authorization { users: [{}] }', ('F:1:26: User entry requires a user',)),
	('authorization { users: [{user: a}] }', None),
	('authorization { users: [{user: a, pass: b}, {user: a, pass: c}] }',
	 ('F:1:0: Duplicate user "a" detected',)),
	('authorization { users: [{user: a, nkey: U-KEY}] }',
	 ('F:1:34: Nkey users do not take usernames or passwords',)),
	('authorization { users: [{nkey: U-KEY}] }', None),
	('authorization { users: [{nkey: U-KEY}, {nkey: U-KEY}] }',
	 ('F:1:0: Duplicate nkey "U-KEY" detected',)),
	('authorization { users: [{nkey: UX}] }', ('F:1:25: Not a valid public nkey for a user',)),
	('authorization { users: [{nkey: "ADXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"}] }',
	 ('F:1:25: Not a valid public nkey for a user',)),
	('authorization { users: [{nkey: 5}] }',
	 ('F:1:25: interface conversion: interface {} is int64, not string',)),
	('authorization { users: [{user: 5}] }',
	 ('F:1:25: interface conversion: interface {} is int64, not string',)),
	('authorization { users: [{pass: a}] }', ('F:1:25: User entry requires a user',)),
	('authorization { users: [{user: a, frob: 1}] }', ('F:1:34: unknown field "frob"',)),
	('authorization { users: [{user: a, proxy_required: 1}] }',
	 ('F:1:34: interface conversion: interface {} is int64, not bool',)),
	('authorization { users: [{user: a, permissions: 5}] }',
	 ('F:1:34: Expected permissions to be a map/struct, got 5',)),
	('authorization { users: [{user: a, permissions: x}] }',
	 ('F:1:34: Expected permissions to be a map/struct, got x',)),
	('authorization { users: [{user: a, permission: {}}] }', None),
	('authorization { users: [{user: a, authorization: {publish: foo}}] }', None),
	('authorization { users: [{user: a, permissions: {frob: foo}}] }',
	 ('F:1:48: Unknown field "frob" parsing permissions',)),
	('authorization { users: [{user: a, permissions: {publish: 5}}] }',
	 ('Expected subject permissions to be a subject, or array of subjects, got int64',)),
	('authorization { users: [{user: a, permissions: {publish: [5 ]}}] }',
	 ('F:1:58: Subject in permissions array cannot be cast to string',)),
	('authorization { users: [{user: a, permissions: {publish: "a..b"}}] }',
	 ('subject "a..b" is not a valid subject',)),
	('authorization { users: [{user: a, permissions: {publish: ["a", "a b"]}}] }',
	 ('subject "a b" is not a valid subject',)),
	('authorization { users: [{user: a, permissions: {subscribe: ["a", "a b"]}}] }', None),
	('authorization { users: [{user: a, permissions: {subscribe: ["a", "a b c"]}}] }',
	 ('subject "a b c" is not a valid subject',)),
	('authorization { users: [{user: a, permissions: {subscribe: "a. b"}}] }',
	 ('subject "a." is not a valid subject',)),
	('authorization { users: [{user: a, permissions: {subscribe: "a b."}}] }',
	 ('queue "b." is not a valid queue',)),
	('authorization { users: [{user: a, permissions: {sub: {allow: "a b.", deny: "c."}}}] }',
	 ('F:1:54: queue "b." is not a valid queue',
	  'F:1:69: subject "c." is not a valid subject',)),
	('authorization { users: [{user: a, permissions: {pub: {allow: "a", deny: "c.d"}, export: "x", '
	 'import: []}}] }',
	 None),
	('authorization { users: [{user: a, permissions: {pub: {frob: "a"}}}] }',
	 ('F:1:54: Unknown field name "frob" parsing subject permissions, only \'allow\' '
	  'or \'deny\' are permitted',)),
	('authorization { users: [{user: a, permissions: {pub: {allow: {a: b}}}}] }',
	 ('F:1:54: Expected subject permissions to be a subject, or array of subjects, got '
	  'map[string]interface {}',)),
	('authorization { users: [{user: a, permissions: {pub: {}}}] }', None),
	('authorization { users: [{user: a, permissions: {pub: {allow: 5}}}] }',
	 ('F:1:54: Expected subject permissions to be a subject, or array of subjects, got '
	  'int64',)),
	('authorization { users: [{user: a, permissions: {allow_responses: true}}] }', None),
	('authorization { users: [{user: a, permissions: {allow_responses: false}}] }', None),
	('authorization { users: [{user: a, permissions: {allow_responses: 5}}] }',
	 ('F:1:48: error parsing response permissions, expected a boolean or a map',)),
	('authorization { users: [{user: a, permissions: {allow_responses: {}}}] }', None),
	('authorization { users: [{user: a, permissions: {allow_responses: {max: 5, ttl: "5s"}}}] }',
	 None),
	('authorization { users: [{user: a, permissions: {allow_responses: {max: "x"}}}] }',
	 ('F:1:66: interface conversion: interface {} is string, not int64',)),
	('authorization { users: [{user: a, permissions: {allow_responses: {ttl: 5}}}] }',
	 ('F:1:66: error parsing expires, not a duration string',)),
	('authorization { users: [{user: a, permissions: {allow_responses: {ttl: "x"}}}] }',
	 ('F:1:66: error parsing expires: time: invalid duration "x"',)),
	('authorization { users: [{user: a, permissions: {publish_allow_responses: {frob: "x"}}}] }',
	 ('F:1:74: Unknown field "frob" parsing permissions',)),
	('authorization { users: [{user: a, permissions: {subscribe: ""}}] }',
	 ('subject "" is not a valid subject',)),
	('authorization { users: [{user: a, permissions: {publish: ""}}] }',
	 ('subject "" is not a valid subject',)),
	('authorization { users: [{user: a, allowed_connection_types: STANDARD}] }', None),
	('authorization { users: [{user: a, allowed_connection_types: [standard, mqtt]}] }', None),
	('authorization { users: [{user: a, connection_types: [standard, foo]}] }',
	 ('F:1:34: invalid connection types ["FOO"]',)),
	('authorization { users: [{user: a, connection_types: [foo, "b\\"ar"]}] }',
	 ('F:1:34: invalid connection types ["FOO" "B\\"AR"]',)),
	('authorization { users: [{user: a, clients: 5}] }',
	 ('F:1:34: error parsing allowed connection types: unsupported type int64',)),
	('authorization { users: [{user: a, clients: [5 ]}] }',
	 ('F:1:44: error parsing allowed connection types: unsupported type in array int64',)),
	('authorization { users: [{user: a, clients: []}] }', None),
	('authorization { default_permissions: 5 }',
	 ('F:1:16: Expected permissions to be a map/struct, got 5',)),
	('authorization { default_permission: {publish: "a b"} }',
	 ('subject "a b" is not a valid subject',)),
	('authorization { permissions: {publish: a}, users: [{user: a}] }', None),
)

ACCOUNTS = (
	('accounts: 5', None),
	('accounts: x', None),
	('accounts { A: 5 }', ('F:1:11: Expected map entries for accounts',)),
	('accounts { A { users: [{user: a, pass: b}] } }', None),
	('accounts { A {}, B {} }', None),
	('accounts: [A, B]', None),
	('accounts: [A, A]', ('F:1:14: Duplicate Account Entry: A',)),
	('accounts: ["$G"]', ('F:1:12: "$G" is a Reserved Account',)),
	('accounts: [5 ]', ('F:1:11: interface conversion: interface {} is int64, not string',)),
	('accounts { "$G": {} }', ('F:1:12: "$G" is a Reserved Account',)),
	('accounts { A { frob: 5 } }', ('F:1:15: unknown field "frob"',)),
	('accounts { A { nkey: x } }', ('F:1:15: Not a valid public nkey for an account: "x"',)),
	('accounts { A { users: 5 } }', ('Expected users field to be an array, got 5',)),
	('accounts { A { users: [{user: a}, {user: a}] } }',
	 ('F:1:15: Duplicate user "a" detected',)),
	('accounts { A { default_permissions: 5 } }',
	 ('F:1:15: Expected permissions to be a map/struct, got 5',)),
	('accounts { A { default_permissions {publish: "a b"} } }',
	 ('subject "a b" is not a valid subject',)),
	('accounts { A { limits: 5 } }',
	 ('F:1:15: Expected account limits to be a map/struct, got 5',)),
	('accounts { A { limits { max_connections: 5, max_subs: 10, max_pay: 1MB, max_leafs: -1 } } }',
	 None),
	('accounts { A { limits { max_connections: "x" } } }',
	 ('F:1:24: interface conversion: interface {} is string, not int64',)),
	('accounts { A { limits { frob: 5 } } }',
	 ('F:1:24: Unknown field "frob" parsing account limits',)),
	('accounts { A { mappings: 5 } }',
	 ('F:1:15: interface conversion: interface {} is int64, not map[string]interface {}',)),
	('accounts { A { maps { a: b } } }', None),
	('accounts { A { mappings { "a..b": b } } }',
	 ('F:1:15: Subject "a..b" is not a valid subject',)),
	('accounts { A { mappings { a: 5 } } }',
	 ('F:1:26: Expected an entry for the mapping destination',)),
	('accounts { A { mappings { a: [5 ] } } }',
	 ('F:1:30: Expected an entry for the mapping destination',)),
	('accounts { A { mappings { a: "b..c" } } }',
	 ('F:1:26: Error adding mapping for "a" to "b..c" : invalid mapping destination: '
	  'invalid transform',)),
	('accounts { A { mappings { a: "b.*" } } }',
	 ('F:1:26: Error adding mapping for "a" to "b.*" : invalid subject',)),
	('accounts { A { mappings { a: "b.$1" } } }',
	 ('F:1:26: Error adding mapping for "a" to "b.$1" : invalid mapping destination: '
	  'wildcard index out of range in $1',)),
	('accounts { A { mappings { "a.*": "b.{{wildcard(2)}}" } } }',
	 ('F:1:27: Error adding mapping for "a.*" to "b.{{wildcard(2)}}" : invalid mapping '
	  'destination: wildcard index out of range in {{wildcard(2)}}: [2]',)),
	('accounts { A { mappings { "a.*": "b.{{foo(2)}}" } } }',
	 ('F:1:27: Error adding mapping for "a.*" to "b.{{foo(2)}}" : invalid mapping '
	  'destination: unknown function in {{foo(2)}}',)),
	('accounts { A { mappings { a: {dest: b, weight: 50} } } }', None),
	('accounts { A { mappings { a: {dest: b} } } }',
	 ('F:1:26: Missing weight for mapping destination "b"',)),
	('accounts { A { mappings { a: {dest: b, weight: 101} } } }',
	 ('F:1:39: Invalid weight 101 for mapping destination',)),
	('accounts { A { mappings { a: {dest: b, weight: -1} } } }',
	 ('F:1:39: Invalid weight -1 for mapping destination',)),
	('accounts { A { mappings { a: {dest: b, weight: "50%"} } } }', None),
	('accounts { A { mappings { a: {dest: b, weight: "x%"} } } }',
	 ('F:1:39: Invalid weight "x" for mapping destination',)),
	('accounts { A { mappings { a: {dest: b, weight: "101%"} } } }',
	 ('F:1:39: Invalid weight 101 for mapping destination',)),
	('accounts { A { mappings { a: {dest: b, weight: true} } } }',
	 ('F:1:39: Unknown entry type for weight of true',)),
	('accounts { A { mappings { a: {dest: 5, weight: 5} } } }',
	 ('F:1:26: interface conversion: interface {} is int64, not string',)),
	('accounts { A { mappings { a: {frob: 5, weight: 5} } } }',
	 ('F:1:30: Unknown field "frob" for mapping destination',)),
	('accounts { A { mappings { a: {dest: b, cluster: C, weight: 5} } } }', None),
	('accounts { A { mappings { a: {dest: b, cluster: 5, weight: 5} } } }',
	 ('F:1:26: interface conversion: interface {} is int64, not string',)),
	('accounts { A { mappings { a: [{dest: b, weight: 50}, {dest: c, weight: 50}] } } }', None),
	('accounts { A { mappings { a: [{dest: b, weight: 50}, {dest: b, weight: 50}] } } }',
	 ('F:1:26: Error adding mapping for "a" : duplicate entry for "b"',)),
	('accounts { A { mappings { a: [{dest: b, weight: 60}, {dest: c, weight: 50}] } } }',
	 ('F:1:26: Error adding mapping for "a" : total weight needs to be <= 100',)),
	('accounts { A { mappings { a: [{dest: b, weight: 60}, {dest: c, cluster: X, weight: 50}] } } }',
	 None),
	('accounts { A { mappings { a: [{dest: b, weight: 60}, {dest: b, cluster: X, weight: 50}] } } }',
	 ('F:1:26: Error adding mapping for "a" : duplicate entry for "b"',)),
	('accounts { A { mappings { a: [{dest: b}] } } }',
	 ('F:1:39: Missing weight for mapping destination "b"',)),
	('accounts { A { mappings { a: [] } } }', None),
	('accounts { A { mappings { a: true } } }',
	 ('F:1:26: Expected an entry for the mapping destination',)),
	('accounts { A { msg_trace: t } }', None),
	('accounts { A { trace_dest: "t.*" } }', ('F:1:15: Trace destination "t.*" is not valid',)),
	('accounts { A { trace_dest: 5 } }',
	 ('F:1:15: Expected account message trace "trace_dest" to be a string or a '
	  'map/struct, got int64',)),
	('accounts { A { trace_dest {dest: t, sampling: 50} } }', None),
	('accounts { A { trace_dest {dest: t, sampling: "50%"} } }', None),
	('accounts { A { trace_dest {dest: t, sampling: 0} } }',
	 ('F:1:36: Ttrace destination sampling value 0 is invalid, needs to be [1..100]',)),
	('accounts { A { trace_dest {dest: t, sampling: 101} } }',
	 ('F:1:36: Ttrace destination sampling value 101 is invalid, needs to be [1..100]',)),
	('accounts { A { trace_dest {dest: t, sampling: "x"} } }',
	 ('F:1:36: Invalid trace destination sampling value "x"',)),
	('accounts { A { trace_dest {dest: t, sampling: true} } }',
	 ('F:1:36: Trace destination sampling field "sampling" should be an integer or a '
	  'percentage, got bool',)),
	('accounts { A { trace_dest {sampling: 50} } }',
	 ('F:1:15: Trace destination sampling ignored since no destination was set',)),
	('accounts { A { trace_dest {dest: 5} } }',
	 ('F:1:27: Field "dest" should be a string, got int64',)),
	('accounts { A { trace_dest {dest: "a b"} } }',
	 ('F:1:27: Trace destination "a b" is not valid',)),
	('accounts { A { trace_dest {frob: 5} } }',
	 ('F:1:27: Unknown field "frob" parsing account message trace map/struct '
	  '"trace_dest"',)),
	('accounts { A { trace_dest {} } }', None),
	('accounts { A { jetstream: disabled } }', None),
	('accounts { A { jetstream: x } }',
	 ("Expected 'enabled' or 'disabled' for string value, got 'x'",)),
	('accounts { A { jetstream: false } }', None),
	('accounts { A { jetstream: 5 } }',
	 ('Expected map, bool or string to define JetStream, got int64',)),
	('accounts { A { exports: 5 } }', ('F:1:15: Exports should be an array, got int64',)),
	('accounts { A { imports: [] } }', None),
	('accounts { A { } }\nauthorization { user: x, pass: y }', None),
)

TLS = (
	('tls: 5',
	 ('F:1:0: interface conversion: interface {} is int64, not map[string]interface {}',)),
	('tls: x',
	 ('F:1:0: interface conversion: interface {} is string, not map[string]interface {}',)),
	('tls {}', None),
	('tls { cert_file: 5 }',
	 ("F:1:6: error parsing tls config, expected 'cert_file' to be filename",)),
	('tls { cert_file: "x" }', ("F:1:0: missing 'key_file' in TLS configuration",)),
	('tls { key_file: "x" }', ("F:1:0: missing 'cert_file' in TLS configuration",)),
	('tls { key_file: 5 }',
	 ("F:1:6: error parsing tls config, expected 'key_file' to be filename",)),
	('tls { ca_file: 5 }',
	 ("F:1:6: error parsing tls config, expected 'ca_file' to be filename",)),
	('tls { ca_file: "/nope" }', ('F:1:0: open /nope: no such file or directory',)),
	('tls { ca_file: "CF" }', ('F:1:0: open CF: no such file or directory',)),
	('tls { cert_file: "/nope", key_file: "/nope" }',
	 ('F:1:0: error parsing X509 certificate/key pair: open /nope: no such file or '
	  'directory',)),
	('tls { cert_file: "CERT", key_file: "/nope" }',
	 ('F:1:0: error parsing X509 certificate/key pair: open /nope: no such file or '
	  'directory',)),
	('tls { cert_file: "CERT", key_file: "KEY" }', None),
	('tls { cert_file: "CERT", key_file: "KEY2" }',
	 ('F:1:0: error parsing X509 certificate/key pair: tls: private key does not match '
	  'public key',)),
	('tls { cert_file: "KEY", key_file: "KEY" }',
	 ('F:1:0: error parsing X509 certificate/key pair: tls: failed to find certificate '
	  'PEM data in certificate input, but did find a private key; PEM inputs may have '
	  'been switched',)),
	('tls { cert_file: "CERT", key_file: "CERT" }',
	 ('F:1:0: error parsing X509 certificate/key pair: tls: found a certificate rather '
	  'than a key in the PEM for the private key',)),
	('tls { cert_file: "GARB", key_file: "KEY" }',
	 ('F:1:0: error parsing X509 certificate/key pair: tls: failed to find any PEM '
	  'data in certificate input',)),
	('tls { cert_file: "CERT", key_file: "GARB" }',
	 ('F:1:0: error parsing X509 certificate/key pair: tls: failed to find any PEM '
	  'data in key input',)),
	('tls { cert_file: "EMPTY", key_file: "KEY" }',
	 ('F:1:0: error parsing X509 certificate/key pair: tls: failed to find any PEM '
	  'data in certificate input',)),
	('tls { ca_file: "GARB" }', ('F:1:0: failed to parse root ca certificate',)),
	('tls { ca_file: "EMPTY" }', ('F:1:0: failed to parse root ca certificate',)),
	('tls { ca_file: "CERT" }', None),
	('tls { cert_file: "CERT", key_file: "KEY", ca_file: "CERT", verify: true }', None),
	('tls { cert_file: "CERT", key_file: "KEY", verify: true }', None),
	('tls { verify: 5 }',
	 ("F:1:6: error parsing tls config, expected 'verify' to be a boolean",)),
	('tls { verify_and_map: 5 }',
	 ("F:1:6: error parsing tls config, expected 'verify_and_map' to be a boolean",)),
	('tls { verify_and_map: true }', None),
	('tls { verify_cert_and_check_known_urls: 5 }',
	 ("F:1:6: error parsing tls config, expected 'verify_cert_and_check_known_urls' to "
	  "be a boolean",)),
	('tls { verify_cert_and_check_known_urls: true }',
	 ('F:1:6: verify_cert_and_check_known_urls not supported in this context',)),
	('tls { verify_cert_and_check_known_urls: false }', None),
	('tls { insecure: 5 }',
	 ("F:1:6: error parsing tls config, expected 'insecure' to be a boolean",)),
	('tls { insecure: true }', None),
	('tls { timeout: true }', ("F:1:6: error parsing tls config, 'timeout' wrong type",)),
	('tls { timeout: "x" }',
	 ('F:1:6: error parsing tls config, \'timeout\' time: invalid duration "x"',)),
	('tls { timeout: 5 }', None),
	('tls { timeout: 0.5 }', None),
	('tls { timeout: 10s }', None),
	('tls { timeout: -1 }', None),
	('tls { cipher_suites: [] }',
	 ("F:1:6: error parsing tls config, 'cipher_suites' cannot be empty",)),
	('tls { cipher_suites: 5 }',
	 ('F:1:6: interface conversion: interface {} is int64, not []interface {}',)),
	('tls { cipher_suites: [x] }', ('F:1:22: unrecognized cipher x',)),
	('tls { cipher_suites: [5 ] }',
	 ('F:1:22: interface conversion: interface {} is int64, not string',)),
	('tls { cipher_suites: [TLS_RSA_WITH_RC4_128_SHA, "TLS_RSA_WITH_AES_128_CBC_SHA"] }',
	 ("F:1:0: insecure cipher suites configured without 'allow_insecure_cipher_suites' "
	  "option set: TLS_RSA_WITH_RC4_128_SHA, TLS_RSA_WITH_AES_128_CBC_SHA",)),
	('tls { cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA], allow_insecure_cipher_suites: true }',
	 None),
	('tls { cipher_suites: [TLS_AES_128_GCM_SHA256] }', None),
	('tls { allow_insecure_cipher_suites: 5 }',
	 ("F:1:6: error parsing tls config, expected 'allow_insecure_cipher_suites' to be "
	  "a boolean",)),
	('tls { curve_preferences: [] }',
	 ("F:1:6: error parsing tls config, 'curve_preferences' cannot be empty",)),
	('tls { curve_preferences: [x] }', ('F:1:26: unrecognized curve preference x',)),
	('tls { curve_preferences: 5 }',
	 ('F:1:6: interface conversion: interface {} is int64, not []interface {}',)),
	('tls { curve_preferences: [5 ] }',
	 ('F:1:26: interface conversion: interface {} is int64, not string',)),
	('tls { curve_preferences: [X25519, CurveP256] }', None),
	('tls { min_version: "1.2" }', None),
	('tls { min_version: "1.3" }', None),
	('tls { min_version: 1.3 }',
	 ("F:1:6: error parsing tls config: 'min_version' wrong type: 1.3",)),
	('tls { min_version: 5 }',
	 ("F:1:6: error parsing tls config: 'min_version' wrong type: 5",)),
	('tls { min_version: "1.1" }',
	 ('F:1:6: error parsing tls config: unsupported TLS version: TLS 1.1',)),
	('tls { min_version: "1.0" }',
	 ('F:1:6: error parsing tls config: unsupported TLS version: TLS 1.0',)),
	('tls { min_version: "5" }', ('F:1:6: error parsing tls config: unknown version: 5',)),
	('tls { min_version: true }',
	 ("F:1:6: error parsing tls config: 'min_version' wrong type: true",)),
	('tls { pinned_certs: 5 }',
	 ("F:1:6: error parsing tls config, expected 'pinned_certs' to be a list of "
	  "hex-encoded sha256 of DER encoded SubjectPublicKeyInfo",)),
	('tls { pinned_certs: [x] }',
	 ("F:1:21: error parsing tls config, 'pinned_certs' key x does not look like "
	  "hex-encoded sha256 of DER encoded SubjectPublicKeyInfo",)),
	('tls { pinned_certs: [5 ] }',
	 ('F:1:21: interface conversion: interface {} is int64, not string',)),
	('tls { pinned_certs: [] }', None),
	('tls { pinned_certs: ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] }',
	 None),
	('tls { handshake_first: 5 }',
	 ('F:1:6: field "handshake_first" should be a boolean or a string, got int64',)),
	('tls { handshake_first: true }', None),
	('tls { first: auto }', None),
	('tls { immediate: "50ms" }', None),
	('tls { immediate: "-50ms" }', None),
	('tls { immediate: "x" }', ('F:1:6: field "immediate"\'s value "x" is invalid',)),
	('tls { First: [] }',
	 ('F:1:6: field "First" should be a boolean or a string, got []interface {}',)),
	('tls { connection_rate_limit: "x" }',
	 ("F:1:6: error parsing tls config, 'connection_rate_limit' wrong type",)),
	('tls { connection_rate_limit: 5 }', None),
	('tls { ocsp_peer: false }', None),
	('tls { ocsp_peer: 5 }',
	 ('F:1:6: error parsing ocsp peer config: unsupported type map[string]interface {}',)),
	('tls { cert_store: 5 }', ("F:1:6: expected 'cert_store' to be a valid non-empty string",)),
	('tls { cert_store: x }', ('F:1:6: cert store type not implemented',)),
	('tls { cert_store: WindowsCurrentUser }',
	 ('F:1:6: cert_store not compatible with current operating system',)),
	('tls { cert_store: "" }',
	 ("F:1:6: expected 'cert_store' to be a valid non-empty string",)),
	('tls { cert_match_by: x }', ('F:1:6: cert match by type not implemented',)),
	('tls { cert_match_by: Subject }', None),
	('tls { cert_match_by: 5 }',
	 ("F:1:6: expected 'cert_match_by' to be a valid non-empty string",)),
	('tls { cert_match: 5 }', ("F:1:6: expected 'cert_match' to be a valid non-empty string",)),
	('tls { cert_match: x }', None),
	('tls { cert_match_skip_invalid: 5 }',
	 ("F:1:6: expected 'cert_match_skip_invalid' to be a boolean",)),
	('tls { cert_match_skip_invalid: true }', None),
	('tls { ca_certs_match: 5 }', None),
	('tls { ca_certs_match: x }', None),
	('tls { ca_certs_match: [5 ] }',
	 ('F:1:6: error parsing ca_cert_match: unsupported type *conf.token where string '
	  'is expected',)),
	('tls { certs: 5 }',
	 ('F:1:6: error parsing certificates config: unsupported type map[string]interface '
	  '{}',)),
	('tls { certs: [] }', None),
	('tls { certs: [5 ] }',
	 ('F:1:14: error parsing certificates config: unsupported type int64',)),
	('tls { certs: [{}] }',
	 ("F:1:16: error parsing certificates config: both 'cert_file' and 'cert_key' "
	  "options are required",)),
	('tls { certs: [{cert_file: 5}] }',
	 ('F:1:15: error parsing certificates config: unsupported type int64',)),
	('tls { certs: [{cert_file: x}] }',
	 ("F:1:15: error parsing certificates config: both 'cert_file' and 'cert_key' "
	  "options are required",)),
	('tls { certs: [{frob: x}] }',
	 ('F:1:15: error parsing tls certs config, unknown field "frob"',)),
	('tls { certs: [{cert_file: "CERT", key_file: "KEY"}] }', None),
	('tls { certs: [{cert_file: "CERT", key_file: "KEY2"}] }',
	 ('F:1:0: error parsing X509 certificate/key pair 1/1: tls: private key does not '
	  'match public key',)),
	('tls { certs: [{cert_file: "/nope", key_file: "KEY2"}, {cert_file: x, key_file: y}] }',
	 ('F:1:0: error parsing X509 certificate/key pair 1/2: open /nope: no such file or '
	  'directory',)),
	('tls { certs: [{cert_file: "CERT", key_file: "KEY"}], cert_file: x }',
	 ("F:1:0: error parsing tls config, cannot combine 'cert_file' option with 'certs' "
	  "option",)),
	('tls { certificates: [{cert_file: "CERT", key_file: "KEY"}], key_file: x }',
	 ("F:1:0: missing 'cert_file' in TLS configuration",)),
	('tls { frob: 1 }', ('F:1:6: error parsing tls config, unknown field "frob"',)),
	('x: 5\ntls { frob: $x }', ('F:2:7: error parsing tls config, unknown field "frob"',)),
	('tls { cert_file: "CERT" }', ("F:1:0: missing 'key_file' in TLS configuration",)),
)

ROOT = (
	('mappings: 5',
	 ('F:1:0: interface conversion: interface {} is int64, not map[string]interface {}',)),
	('mappings { a: b }', None),
	('maps { a: b }\naccounts { A {} }', None),
	('mappings { "a..": b }', ('F:1:0: Subject "a.." is not a valid subject',)),
	('no_auth_user: x', None),
	('no_auth_user: 5', ('F:1:0: interface conversion: interface {} is int64, not string',)),
	('system_account: A', None),
	('system_account: 5', ('F:1:0: system account name must be a string',)),
	('system: 5', ('F:1:0: system account name must be a string',)),
	('system: A', None),
	('SYSTEM: A', None),
	('no_system_account: true', None),
	('no_system_account: 5', ('F:1:0: interface conversion: interface {} is int64, not bool',)),
	('no_system: x', ('F:1:0: interface conversion: interface {} is string, not bool',)),
	('no_sys_acc: true', None),
	('allow_non_tls: true', None),
	('allow_non_tls: 5', ('F:1:0: interface conversion: interface {} is int64, not bool',)),
	('proxy_protocol: 5', ('F:1:0: interface conversion: interface {} is int64, not bool',)),
	('proxy_protocol: true', None),
	('https: 5', None),
	('https: "x"', ('F:1:0: could not parse address string "x"',)),
	('https_port: "x"', ('F:1:0: interface conversion: interface {} is string, not int64',)),
	('https_port: -1', None),
	('http_base_path: "x"', None),
)

# nats-server takes the keys of a map in random order and says one of two; natsd takes them in order.
RANDOM = (
	('authorization { users: [{pass: a, nkey: U-KEY}] }',
	 ('F:1:34: Nkey users do not take usernames or passwords',)),
	('accounts { A { users: [{nkey: U-KEY}] }, B { users: [{nkey: U-KEY}] } }',
	 ('F:1:96: Duplicate nkey "U-KEY" detected',)),
	('accounts { A { users: [{nkey: U-KEY}] } }\nauthorization { users: [{nkey: U-KEY}] }',
	 ('F:2:1: Duplicate nkey "U-KEY" detected',)),
	('authorization { users: [{user: "", pass: a}] }', ('F:1:35: User entry requires a user',)),
	('accounts { A { users: [{user: a}] }, B { users: [{user: a}] } }',
	 ('F:1:41: Duplicate user "a" detected',)),
	('accounts { A { users: [{user: a}] } }\nauthorization { user: x, pass: y }',
	 ('F:2:1: Can not have a single user/pass and a users array',)),
	('accounts { A { users: [{user: a}] } }\nauthorization { token: y }',
	 ('F:2:1: Can not have a token and a users array',)),
	('accounts { A { users: [{user: a}] } }\nauthorization { users: [{user: a}] }',
	 ('F:2:1: Duplicate user "a" detected',)),
)

# What natsd does not have, or says in words of its own.
OWN = (
	('authorization { auth_callout { } }',
	 ('F:1:16: option "auth_callout" needs authorization callouts, which this natsd '
	  'does not have yet',)),
	('accounts { A { nkey: 5 } }', ('F:1:15: Not a valid public nkey for an account: "5"',)),
	('accounts { A { mappings { a: {weight: 5} } } }',
	 ('F:1:26: Error adding mapping for "a" : invalid subject',)),
	('accounts { A { jetstream: enabled } }',
	 ('F:1:15: option "jetstream" needs JetStream, which this natsd does not have yet',)),
	('tls { curve_preferences: [X25519MLKEM768] }',
	 ('F:1:26: curve preference X25519MLKEM768 is not offered by this OpenSSL library',)),
	('tls { ocsp_peer: true }',
	 ('F:1:6: option "ocsp_peer" needs OCSP, which this natsd does not have yet',)),
	('tls { ocsp_peer: {frob: 1} }',
	 ('F:1:6: option "ocsp_peer" needs OCSP, which this natsd does not have yet',)),
)


def files():
	"""The PEM files that stand in the rows, by the names they have there."""
	ca = certs.Authority()
	names = {"CERT": ca.issue("localhost"), "KEY2": ca.issue("other")}
	there = {"CERT": names["CERT"].cert, "KEY": names["CERT"].key, "KEY2": names["KEY2"].key}
	for name, text in (("GARB", "garbage\n"), ("EMPTY", "")):
		there[name] = os.path.join(os.path.dirname(ca.cert), name)
		with open(there[name], "w") as f:
			f.write(text)
	return there


def check_file(text, there):
	"""(exit code, what -t says with F for the file's name)."""
	for name, path in there.items():
		text = text.replace('"%s"' % name, '"%s"' % path)
	with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
		f.write(text.replace("U-KEY", USER_KEY) + "\n")
		f.flush()
		out = subprocess.run([server_binary(), "-t", "-c", f.name], capture_output=True, text=True,
		                     timeout=seconds(20))
		equal(out.stdout, "", "stdout")
		true(out.stderr.startswith("nats-server: "), out.stderr)
		said = out.stderr[len("nats-server: "):].replace(f.name, "F").replace(USER_KEY, "U-KEY")
		return out.returncode, said


def lines_of(said):
	"""Without what nats-server adds when it trips over a nil pointer after a value of a wrong type."""
	return sorted(line for line in said.split("\n") if line and "runtime error" not in line)


def check_all(rows):
	there = files()
	for text, expected in rows:
		code, said = check_file(text, there)
		if expected is None:
			equal((code, said.split("(")[0]), (0, "configuration file F is valid "), text)
		else:
			equal((code, lines_of(said)), (1, sorted(expected)), text)


@test(server=False)
def authorization():
	check_all(AUTHORIZATION)


@test(server=False)
def accounts():
	check_all(ACCOUNTS)


@test(server=False)
def tls():
	check_all(TLS)


KEYS = (nkeys.Key("gate").public, nkeys.Key("gate", nkeys.ACCOUNT).public, nkeys.Key("gate", 23 << 3).public)

PROXIES = (
	('proxies: 5', ('F:1:0: expected proxies to be a map/struct, got int64',)),
	('proxies: []', ('F:1:0: expected proxies to be a map/struct, got []interface {}',)),
	('proxies { }', None),
	('proxies { x: 5 }', ('F:1:10: unknown field "x"',)),
	('proxies { trusted: 5 }', ("F:1:10: expected proxies' trusted field to be an array, got int64",)),
	('proxies { TRUSTED: [ ] }', None),
	('proxies { trusted: [5 ] }', ("F:1:20: expected proxies' trusted entry to be a map/struct, got int64",)),
	('proxies { trusted: [{}] }', None),
	('proxies { trusted: [{key: 5}] }', ('F:1:21: interface conversion: interface {} is int64, not string',)),
	('proxies { trusted: [{key: x}, {key: y}] }', ('F:1:21: invalid proxy key "x"', 'F:1:31: invalid proxy key "y"')),
	('proxies { trusted: [{key: "%s"}, {public_key: "%s"}, {Key: "%s"}] }' % KEYS, None),
	('proxies { trusted: [{key: "%s", y: 1}] }' % KEYS[0], ('F:1:86: unknown field "y"',)),
)


@test(server=False)
def proxies():
	check_all(PROXIES)


@test(server=False)
def root():
	check_all(ROOT)


@test(server=False, natsd_only=True)
def own_words():
	check_all(RANDOM)
	check_all(OWN)


@test(server=False)
def keys_used_as_variables():
	"""A key that some variable uses is no unknown field; of tls it is one all the same."""
	check_all((
		("authorization { frob: 1, timeout: $frob }", None),
		("authorization { users: [{x: a, user: $x}] }", None),
		("authorization { users: [{user: a, permissions: {x: a, publish: $x}}] }", None),
		("accounts { x: {}, A: $x }", None),
		("accounts { A { limits { x: 5, max_conn: $x } } }", None),
		("tls { x: 5, timeout: $x }", ('F:1:6: error parsing tls config, unknown field "x"',)),
	))


def start(text, *args):
	"""(exit code, all it says) of a start that fails."""
	with tempfile.NamedTemporaryFile("w", suffix=".conf") as f:
		f.write(text + "\n")
		f.flush()
		out = subprocess.run([server_binary(), "-a", "127.0.0.1", "-p", "-1", "-T=false", "-c", f.name,
		                      *args], capture_output=True, text=True, timeout=seconds(20))
	return out.returncode, out.stderr.replace(f.name, "F")


@test(server=False)
def together():
	"""What only all options together can tell is told at the start, not by -t."""
	for text, said in (
		("no_auth_user: x", 'no_auth_user: "x" present, but users/nkeys are not defined'),
		("no_auth_user: x\nauthorization { users: [] }",
		 'no_auth_user: "x" present, but users/nkeys are not defined'),
		("no_auth_user: x\nauthorization { users: [{user: y, pass: z}] }",
		 'no_auth_user: "x" not present as user or nkey in authorization block or account '
		 'configuration'),
		("proxies { trusted: [{}] }", 'proxy trusted key "" is invalid'),
		("system_account: A", "error resolving system account: account missing"),
		('system_account: "$SYS"', "error resolving system account: account missing")):
		equal(check_file(text, {})[0], 0, text)
		equal(start(text), (1, "nats-server: %s\n" % said), text)


@test(server=False)
def monitoring_with_tls_needs_a_certificate():
	for text, said in (
		("https_port: -1", "TLS cert and key required for HTTPS"),
		("https_port: -1\nhttp_port: -1", "can't specify both HTTP (-1) and HTTPs (-1) ports")):
		code, text = start(text)
		equal(code, 1)
		true("[FTL] Can't start monitoring: %s\n" % said in text, text)


TLS_BLOCK = 'tls { cert_file: "CERT", key_file: "KEY" }'
PLAINTEXT = "[WRN] Plaintext passwords detected, use nkeys or bcrypt"
STRICT = '[WRN] Clients that are not using "TLS Handshake First" option will fail to connect'

# What is told at a start about who is let in, beside where it listens.
STARTS = (
	("", ()),
	("authorization { user: a, pass: b }", (PLAINTEXT,)),
	("authorization { token: b }", ()),
	("authorization { users: [{user: a, pass: b}] }", (PLAINTEXT,)),
	("authorization { users: [{nkey: U-KEY}] }", ()),
	('authorization { user: a, pass: "$2a$11$xH8dkGrty1cBNtZjhPeWJewu/YPbSU.rXJWmS6SFilOBXzmZoMk9m" }',
	 ()),
	('accounts { "$SYS" {users: [{user: s, pass: "$2a$11$x"}]} }', ()),
	(TLS_BLOCK, ("[INF] TLS required for client connections",)),
	(TLS_BLOCK + "\nallow_non_tls: true", ("[INF] TLS available for client connections",)),
	("allow_non_tls: true", ()),
	(TLS_BLOCK.replace("{", "{ first: auto,"), ("[INF] TLS required for client connections",)),
	(TLS_BLOCK.replace("{", "{ first: true,") + "\nallow_non_tls: true",
	 ("[INF] TLS required for client connections", STRICT)),
	(TLS_BLOCK.replace("{", "{ verify_and_map: true,") + "\nauthorization { users: [{user: a}] }",
	 ("[INF] TLS required for client connections",)),
	("proxy_protocol: true", ("[INF] PROXY protocol enabled for client connections",)),
)


@test(server=False)
def told_at_the_start():
	there = files()
	for text, expected in STARTS:
		for name, path in there.items():
			text = text.replace('"%s"' % name, '"%s"' % path)
		with Server(text.replace("U-KEY", USER_KEY)) as server:
			lines = [re.sub(r"^\[\d+\] \S+ \S+ ", "", line) for line in server.log().splitlines()]
			told = [line for line in lines if re.search("TLS|PROXY|Plaintext", line)]
			equal(told, list(expected), text)


@test(server=False)
def urls_of_the_ports_file():
	"""They say what is spoken there."""
	there = files()
	block = TLS_BLOCK
	for name, path in there.items():
		block = block.replace('"%s"' % name, '"%s"' % path)
	for text, client in ((block, "tls"), (block + "\nallow_non_tls: true", "nats"), ("", "nats")):
		monitor = "https" if block in text else "http"
		with Server('%s\n%s: "127.0.0.1:-1"' % (text, monitor)) as server:
			with open(server.ports_path) as f:
				ports = json.load(f)
			equal([url.split(":")[0] for url in ports["nats"]], [client], text)
			equal([url.split(":")[0] for url in ports["monitoring"]], [monitor], text)
			true("[INF] Starting %s monitor on 127.0.0.1:" % monitor in server.log(), server.log())


@test(server=False)
def flags_of_tls():
	cert = certs.Authority().issue("localhost")
	for args, said in (
		(("-tls",), "TLS Server certificate must be present and valid"),
		(("-tlscert", cert.cert), "TLS Server private key must be present and valid"),
		(("-tls", "-tlscert", "/nope", "-tlskey", cert.key), "error parsing X509 certificate/key pair: "
		 "open /nope: no such file or directory")):
		equal(start("", *args), (1, "F: config has no values or is empty\nnats-server: %s\n" % said))


main()
