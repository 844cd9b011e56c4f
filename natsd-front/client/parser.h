/*
 * parser - the client protocol, in place and resumable at every byte (client.md 3).
 *
 * Pure: no socket, no clock, no memory of its own.  The caller feeds the bytes that were not
 * consumed so far, with more behind them; what a call consumed is never given again.  An operation
 * in work (a line without its end, a message without all of its payload) is not consumed, so that
 * subjects and payloads are handed out as they lie in the caller's buffer:
 *
 *	PUB foo 5\r\nhello\r\nPUB bar 3\r\nx
 *	-------------------- ^^^^		consumed: the first message, the verb of the second
 *			     |		the rest comes again, "bar 3\r\nx" in front
 *
 *	START --verb--> BLANKS --> ARG --LF--> START		SUB UNSUB CONNECT INFO -ERR
 *	  |			    `---LF--> PAYLOAD --> START	PUB HPUB
 *	  `----verb---> SKIP --LF--> START			PING PONG +OK
 *
 * Which verbs there are for which kind of connection is one table (parser_verbs).
 */
#ifndef FRONT_CLIENT_PARSER_H
#define FRONT_CLIENT_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

/* What an operation tells the parser to do next. */
enum parser_next {
	PARSER_GO,    /* next operation */
	PARSER_PAUSE, /* this one is done, no further one now */
	PARSER_HOLD,  /* only from op_pub: not now; give the same message again later */
	PARSER_CLOSE, /* the connection is over, drop the rest */
};

/* How a call of parser_feed ended. */
enum parser_end {
	PARSER_MORE,   /* everything that was complete is done */
	PARSER_PAUSED, /* PARSER_PAUSE or PARSER_HOLD was answered; feed the rest when it is over */
	PARSER_CLOSED, /* PARSER_CLOSE was answered, or a fault was reported */
};

enum parser_fault {
	PARSER_FAULT_PROTOCOL, /* "Unknown Protocol Operation" */
	PARSER_FAULT_ARGS,     /* wrong number of arguments, bad sizes: closes silently */
	PARSER_FAULT_LINE,     /* longer than max_control_line */
	PARSER_FAULT_AUTH,     /* the first verb must be CONNECT here, and was not */
};

/* What the log says of a fault.  Strings lie in the fed bytes. */
struct parser_trouble {
	enum parser_fault fault;
	unsigned state;	  /* PROTOCOL: where the parser stood, by nats-server's number */
	size_t at;	  /* PROTOCOL: the first wrong byte, counted from the first one fed */
	struct str text;  /* PROTOCOL: what was fed from there on; ARGS: the arguments */
	const char *verb; /* ARGS: "PUB" */
	const char *what; /* ARGS: "processPub Parse Error" */
};

/*
 * A PUB or HPUB line.  All strings lie in the fed bytes.  Between the end of the subject and the
 * end of the line there is what `canonical` says: exactly one blank before each argument, CR LF.
 */
struct parser_pub {
	struct str subject;
	struct str reply;	/* n 0: none */
	struct str hdr_digits;	/* n 0: PUB */
	struct str size_digits; /* as the publisher wrote them */
	struct str line;	/* from behind the subject to behind the LF */
	/* In op_pub: headers and payload; CR LF stands behind it.  In op_pub_line: what of the
	 * headers was fed already. */
	struct str body;
	uint32_t hdr;		/* bytes of headers in body */
	uint32_t size;		/* bytes of body */
	bool canonical;
};

/* The operations, called in the order of the input.  Strings are valid during the call. */
struct parser_ops {
	enum parser_next (*op_connect)(void *, struct str json);
	enum parser_next (*op_pub_line)(void *, const struct parser_pub *); /* before its payload */
	enum parser_next (*op_pub)(void *, const struct parser_pub *);
	enum parser_next (*op_sub)(void *, struct str subject, struct str queue, struct str sid);
	enum parser_next (*op_unsub)(void *, struct str sid, int32_t max); /* -1: none, or bad */
	enum parser_next (*op_ping)(void *);
	enum parser_next (*op_pong)(void *);
	enum parser_next (*op_info)(void *, struct str json);
	enum parser_next (*op_err)(void *, struct str text);
	/* The input is over. */
	void (*op_fault)(void *, const struct parser_trouble *);
};

struct parser {
	uint8_t phase;	     /* enum parser_phase */
	uint8_t verb;	     /* enum parser_verb, from BLANKS on */
	uint8_t verb_at;     /* letters seen in START */
	bool connect_only;   /* set by the owner: nothing but CONNECT is taken now */
	uint16_t candidates; /* verbs that begin with those letters */
	uint16_t allowed;    /* verbs of this kind of connection */
	uint32_t line_max;   /* max_control_line; set by the owner at any time between calls */
	uint32_t scanned;    /* bytes of the argument known to hold no LF */
	/* PAYLOAD: where things lie behind the argument's begin */
	uint32_t subject_n, reply_at, reply_n, hdr_at, hdr_n, size_at, size_n;
	uint32_t subject_at, body_at, hdr, size;
	bool canonical;
};

enum parser_kind { PARSER_CLIENT };

/* parser_is_fresh - no byte of an operation was seen. */
bool parser_is_fresh(const struct parser *);

void parser_init(struct parser *, enum parser_kind, uint32_t line_max);

/*
 * parser_feed - works through data[0 .. n); data[0] follows the last byte ever consumed.
 * Returns the number of bytes consumed; *end says why it stopped.
 */
size_t parser_feed(struct parser *, const struct parser_ops *, void *ctx, const uint8_t *data,
    size_t n, enum parser_end *end);

/* parser_wants - bytes, counted from the first one not consumed, that the operation in work will
 * have in all; 0: not known yet. */
size_t parser_wants(const struct parser *);

#endif
