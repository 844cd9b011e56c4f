/*
 * option_list - every option that natsd knows, one row each: the one place where an option is named.
 *
 * O(field, TYPE, keys, default, min, max, roles, reload, name, text)
 *  field	member of struct options (options.h)
 *  TYPE	BOOL INT SIZE DUR STR TAGS MAP POLICY LEVEL
 *  keys	where it stands in the file, aliases after '|'; a '.' leads into a block; "": see LISTEN
 *  default	in the unit of the type: DUR in nanoseconds, SIZE in bytes
 *  min, max	bounds of what the file may say; of strings, their bytes.  The default is always allowed
 *  roles	who is told (role.h bits; the supervisor always knows)
 *  reload	LIVE (a reload changes it), NO (a change refuses the reload), FREE (read once, silent),
 *		RULE (reload_diff.c knows which changes refuse it)
 *  name	nats-server's internal name, which stands in its refusal text
 *  text	one line about it; natsd.conf(5) is compared with the keys by make check
 *
 * The order is the one in which nats-server compares at a reload: its first refusal is ours.
 *
 * L(key, host, port, text): one key that says two options, as port or "host:port".
 * B(block, keys): a block and the names in it.
 * U(key, feature): known to nats-server, and refused until the feature is built.
 */
#ifndef COMMON_OPTION_LIST_H
#define COMMON_OPTION_LIST_H

/* clang-format off */
#define OPTION_NS_S 1000000000LL
#define OPTION_LIST(O) \
	O(server_name,            STR,    "server_name",                            "",                0,                255,        FRONT | JS | RAFT, NO,   "ServerName", "name of this server")                            \
	O(host,                   STR,    "host|net",                               "0.0.0.0",         0,                255,        FRONT,             NO,   "Host", "client listen address")                                \
	O(port,                   INT,    "port",                                   4222,              INT64_MIN,        INT64_MAX,      FRONT,             NO,   "Port", "client port, -1 picks a free one")                     \
	O(client_advertise,       STR,    "client_advertise",                       "",                0,                255,        FRONT,             LIVE, "ClientAdvertise", "host[:port] told to clients")               \
	O(trace,                  BOOL,   "trace",                                  0,                 0,                1,          FRONT,             LIVE, "Trace", "protocol lines in the log")                           \
	O(debug,                  BOOL,   "debug",                                  0,                 0,                1,          FRONT | JS | RAFT, LIVE, "Debug", "debug lines in the log")                              \
	O(trace_verbose,          BOOL,   "trace_verbose",                          0,                 0,                1,          FRONT,             LIVE, "TraceVerbose", "trace the system account too")                 \
	O(trace_headers,          BOOL,   "trace_headers",                          0,                 0,                1,          FRONT,             LIVE, "TraceHeaders", "trace headers, not payloads")                  \
	O(no_sublist_cache,       BOOL,   "disable_sublist_cache|no_sublist_cache", 0,                 0,                1,          FRONT,             NO,   "NoSublistCache", "match every message anew")                   \
	O(no_header_support,      BOOL,   "no_header_support",                      0,                 0,                1,          FRONT,             NO,   "NoHeaderSupport", "no message headers")                        \
	O(logtime,                BOOL,   "logtime",                                1,                 0,                1,          0,                 LIVE, "Logtime", "time before every log line")                        \
	O(logtime_utc,            BOOL,   "logtime_utc",                            0,                 0,                1,          0,                 LIVE, "LogtimeUTC", "that time in UTC")                               \
	O(max_connections,        INT,    "max_connections|max_conn",               65536,             INT64_MIN,        INT64_MAX,  FRONT,             LIVE, "MaxConn", "client connections")                                \
	O(max_subscriptions,      INT,    "max_subscriptions|max_subs",             0,                 INT64_MIN,        INT64_MAX,  FRONT,             NO,   "MaxSubs", "subscriptions a connection")                        \
	O(max_sub_tokens,         INT,    "max_sub_tokens|max_subscription_tokens", 0,                 1,                255,        FRONT,             NO,   "MaxSubTokens", "tokens of a subscription")                     \
	O(no_auth_user,           STR,    "no_auth_user",                           "",                0,                65535,      0,                 RULE, "NoAuthUser", "user for those who name none")                   \
	O(system_account,         STR,    "system_account|system",                  "",                0,                65535,      0,                 RULE, "SystemAccount", "account of the server itself")                \
	O(no_system_account,      BOOL,   "no_system_account|no_system|no_sys_acc", 0,                 0,                1,          0,                 NO,   "NoSystemAccount", "make no account $SYS")                      \
	O(proxy_protocol,         BOOL,   "proxy_protocol",                         0,                 0,                1,          FRONT,             NO,   "ProxyProtocol", "expect a PROXY header from clients")          \
	O(ping_interval,          DUR,    "ping_interval",                          120 * OPTION_NS_S, INT64_MIN,        INT64_MAX,  FRONT,             LIVE, "PingInterval", "time between server pings")                    \
	O(ping_max,               INT,    "ping_max",                               2,                 INT64_MIN,        INT64_MAX,  FRONT,             LIVE, "MaxPingsOut", "unanswered pings before a connection is stale") \
	O(http_host,              STR,    "",                                       "",                0,                255,        FRONT,             NO,   "HTTPHost", "monitoring listen address, part of http")          \
	O(http_port,              INT,    "http_port|monitor_port",                 0,                 INT64_MIN,        INT64_MAX,      FRONT,             NO,   "HTTPPort", "monitoring port")                                  \
	O(http_base_path,         STR,    "http_base_path",                         "",                0,                255,        FRONT,             NO,   "HTTPBasePath", "path before every monitoring page")            \
	O(https_port,             INT,    "https_port",                             0,                 -1,               65535,      FRONT,             NO,   "HTTPSPort", "monitoring port with TLS")                        \
	O(max_control_line,       SIZE,   "max_control_line",                       4096,              INT64_MIN,        INT32_MAX,  FRONT,             LIVE, "MaxControlLine", "bytes of a protocol line")                   \
	O(max_payload,            SIZE,   "max_payload",                            1048576,           INT64_MIN,        INT32_MAX,  FRONT | JS,        LIVE, "MaxPayload", "bytes of a message")                             \
	O(max_pending,            SIZE,   "max_pending",                            67108864,          INT64_MIN,        INT64_MAX,  FRONT,             NO,   "MaxPending", "bytes waiting for a client")                     \
	O(no_fast_producer_stall, BOOL,   "no_fast_producer_stall",                 0,                 0,                1,          FRONT,             LIVE, "NoFastProducerStall", "drop for slow clients, stall nobody")   \
	O(store_dir,              STR,    "store_dir|storedir",                     "",                0,                4095,       0,                 FREE, "StoreDir", "directory of JetStream")                           \
	O(pid_file,               STR,    "pid_file|pidfile",                       "",                0,                4095,       0,                 LIVE, "PidFile", "file for the process id")                           \
	O(ports_file_dir,         STR,    "ports_file_dir",                         "",                0,                4095,       0,                 LIVE, "PortsFileDir", "directory for the ports file")                 \
	O(log_file,               STR,    "log_file|logfile",                       "",                0,                4095,       0,                 LIVE, "LogFile", "log to this file")                                  \
	O(log_size_limit,         INT,    "log_size_limit|logfile_size_limit",      0,                 INT64_MIN,        INT64_MAX,  0,                 NO,   "LogSizeLimit", "bytes before the log is rotated")              \
	O(log_max_num,            INT,    "log_max_num|logfile_max_num",            0,                 INT64_MIN,        INT64_MAX,  0,                 NO,   "LogMaxFiles", "log files kept")                                \
	O(allow_non_tls,          BOOL,   "allow_non_tls",                          0,                 0,                1,          FRONT,             NO,   "AllowNonTLS", "TLS is optional for clients")                   \
	O(write_deadline,         DUR,    "write_deadline",                         10 * OPTION_NS_S,  INT64_MIN,        INT64_MAX,  FRONT,             LIVE, "WriteDeadline", "time for one write to a client")              \
	O(write_timeout,          POLICY, "write_timeout",                          0,                 0,                2,          FRONT,             NO,   "WriteTimeout", "what a missed write deadline does")            \
	O(max_closed_clients,     INT,    "max_closed_clients",                     10000,             INT64_MIN,        INT64_MAX,  FRONT,             NO,   "MaxClosedClients", "closed connections kept for /connz")       \
	O(lame_duck_duration,     DUR,    "lame_duck_duration",                     120 * OPTION_NS_S, 30 * OPTION_NS_S, INT64_MAX,  FRONT,             NO,   "LameDuckDuration", "time to close all clients in")             \
	O(lame_duck_grace_period, DUR,    "lame_duck_grace_period",                 10 * OPTION_NS_S,  0,                INT64_MAX,  FRONT,             NO,   "LameDuckGracePeriod", "time before the first is closed")       \
	O(max_traced_msg_len,     INT,    "max_traced_msg_len",                     0,                 INT64_MIN,        INT64_MAX,  FRONT,             LIVE, "MaxTracedMsgLen", "bytes of a traced payload")                 \
	O(server_tags,            TAGS,   "server_tags",                            "",                0,                65535,      FRONT,             LIVE, "Tags", "tags of this server")                                  \
	O(server_metadata,        MAP,    "server_metadata",                        "",                0,                65535,      FRONT,             LIVE, "Metadata", "metadata of this server")                          \
	O(front_threads,          INT,    "natsd.front_threads",                    0,                 0,                128,        FRONT,             NO,   "natsd.front_threads", "worker threads of natsd-front")         \
	O(gather,                 BOOL,   "natsd.gather",                           1,                 0,                1,          FRONT,             NO,   "natsd.gather", "workers share a thread while one is enough")      \
	O(log_min,                LEVEL,  "natsd.log_min",                          LOG_LVL_INFO,      LOG_LVL_INFO,     LOG_LVL_ERROR, FRONT | JS | RAFT, LIVE, "natsd.log_min", "least level that is logged")                   \
	O(ring_bytes,             SIZE,   "natsd.ring_bytes",                       67108864,          65536,            1073741824, FRONT | JS | RAFT, NO,   "natsd.ring_bytes", "bytes of a ring between two programs")                \
	O(slow_consumer_event,    INT,    "natsd.slow_consumer_event",              0,                 0,                1000000000, FRONT,             LIVE, "natsd.slow_consumer_event", "slow consumers of an account a minute that make an event")

#define OPTION_LISTEN_LIST(L) \
	L("listen", host,      port,      "client listen address and port") \
	L("http",   http_host, http_port, "monitoring listen address and port") \
	L("https",  http_host, https_port, "the same with TLS")

/* Blocks and what may stand in them; read by parts of the supervisor of their own. */
#define OPTION_BLOCK_LIST(B) \
	B("authorization", "user|username|pass|password|token|timeout|users|default_permissions|" \
	    "default_permission|permissions|proxy_required") \
	B("users", "user|username|pass|password|nkey|permissions|permission|authorization|" \
	    "allowed_connection_types|connection_types|clients|proxy_required") \
	B("proxies", "trusted|key|public_key") \
	B("permissions", "publish|pub|import|subscribe|sub|export|allow|deny|allow_responses|" \
	    "publish_allow_responses") \
	B("allow_responses", "max|max_msgs|max_messages|max_responses|expires|expiration|ttl") \
	B("accounts", "nkey|users|default_permissions|limits|mappings|maps|msg_trace|trace_dest") \
	B("limits", "max_connections|max_conn|max_subscriptions|max_subs|max_payload|max_pay|" \
	    "max_leafnodes|max_leafs") \
	B("msg_trace", "dest|sampling") \
	B("mappings", "destination|dest|weight|cluster") \
	B("maps", "") \
	B("tls", "cert_file|key_file|ca_file|certs|certificates|verify|verify_and_map|insecure|timeout|" \
	    "cipher_suites|allow_insecure_cipher_suites|curve_preferences|min_version|pinned_certs|" \
	    "handshake_first|first|immediate|connection_rate_limit")

#define OPTION_UNBUILT_LIST(U) \
	U("prof_port", "profiling")                         \
	U("prof_block_rate", "profiling")                   \
	U("feature_flags", "feature flags")                 \
	U("syslog", "syslog")                               \
	U("remote_syslog", "syslog")                        \
	U("connect_error_reports", "clustering")            \
	U("reconnect_error_reports", "clustering")          \
	U("default_sentinel", "operators and JWTs")         \
	U("operator", "operators and JWTs")                 \
	U("operators", "operators and JWTs")                \
	U("root", "operators and JWTs")                     \
	U("roots", "operators and JWTs")                    \
	U("root_operator", "operators and JWTs")            \
	U("root_operators", "operators and JWTs")           \
	U("resolver", "operators and JWTs")                 \
	U("account_resolver", "operators and JWTs")         \
	U("accounts_resolver", "operators and JWTs")        \
	U("resolver_tls", "operators and JWTs")             \
	U("resolver_preload", "operators and JWTs")         \
	U("resolver_pinned_accounts", "operators and JWTs") \
	U("trusted", "operators and JWTs")                  \
	U("trusted_keys", "operators and JWTs")             \
	U("ocsp", "OCSP")                                   \
	U("ocsp_cache", "OCSP")                             \
	U("cluster", "clustering")                          \
	U("gateway", "gateways")                            \
	U("leafnodes", "leaf nodes")                        \
	U("leaf", "leaf nodes")                             \
	U("jetstream", "JetStream")                         \
	U("default_js_domain", "JetStream")                 \
	U("websocket", "WebSocket")                         \
	U("ws", "WebSocket")                                \
	U("mqtt", "MQTT")
/* clang-format on */

#endif
