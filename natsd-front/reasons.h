/*
 * reasons - why a connection was closed, as monitoring, events and logs say it (client.md 14.2).
 */
#ifndef FRONT_REASONS_H
#define FRONT_REASONS_H

/* R(NAME, text, whether what waits is flushed before the socket closes) */
#define REASON_LIST(R)									\
	R(NONE, "Unknown State", 1)							\
	R(CLIENT_CLOSED, "Client Closed", 1)						\
	R(AUTH_TIMEOUT, "Authentication Timeout", 1)					\
	R(AUTH_FAILURE, "Authentication Failure", 1)					\
	R(TLS_HANDSHAKE, "TLS Handshake Failure", 0)					\
	R(SLOW_PENDING, "Slow Consumer (Pending Bytes)", 0)				\
	R(SLOW_WRITE, "Slow Consumer (Write Deadline)", 0)				\
	R(WRITE_ERROR, "Write Error", 0)						\
	R(READ_ERROR, "Read Error", 0)							\
	R(PARSE_ERROR, "Parse Error", 1)						\
	R(STALE, "Stale Connection", 1)							\
	R(PROTOCOL, "Protocol Violation", 1)						\
	R(BAD_PROTOCOL_VERSION, "Bad Client Protocol Version", 1)			\
	R(MAX_ACCOUNT_CONNECTIONS, "Maximum Account Connections Exceeded", 1)		\
	R(MAX_CONNECTIONS, "Maximum Connections Exceeded", 1)				\
	R(MAX_PAYLOAD, "Maximum Message Payload Exceeded", 1)				\
	R(MAX_CONTROL_LINE, "Maximum Control Line Exceeded", 1)				\
	R(MAX_SUBSCRIPTIONS, "Maximum Subscriptions Exceeded", 1)			\
	R(SHUTDOWN, "Server Shutdown", 1)						\
	R(NO_RESPONDERS, "No Responders Requires Headers", 1)				\
	R(KICKED, "Kicked", 1)								\
	R(PROXY_REQUIRED, "Proxy Required", 1)						\
	R(PROXY_NOT_TRUSTED, "Proxy Not Trusted", 1)

#define REASON_ENUM(NAME, ...) REASON_##NAME,
enum reason { REASON_LIST(REASON_ENUM) REASON_COUNT };
#undef REASON_ENUM

const char *reason_text(enum reason);
int reason_flushes(enum reason);

#endif
