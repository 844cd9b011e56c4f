/*
 * options_load - from defaults, file and command line to options, with nats-server's words about
 * everything that is wrong (config.md 2, 3, 5, 6).
 */
#ifndef SUPERVISOR_OPTIONS_LOAD_H
#define SUPERVISOR_OPTIONS_LOAD_H

#include "common/buf.h"
#include "common/conf.h"
#include "common/err.h"
#include "common/options.h"
#include "natsd-supervisor/cli.h"

/* What there is to say: lines about a file, each ended by LF, or one reason without. */
struct report {
	struct buf warnings;
	struct buf errors;
};

#define REPORT_INIT ((struct report){ .warnings = BUF_INIT(1u << 20), .errors = BUF_INIT(1u << 20) })
void report_free(struct report *);

/*
 * options_load - defaults < file < flags into an empty struct, yours to free on success.
 * 0: good, though report->warnings may hold something; -1: the reason, all lines of it, is in
 * report->errors.  guest: see access_resolve.h.
 */
int options_load(struct options *, const struct cli *, const char *guest, bool reload,
    struct report *);

/* options_check - what only all options together can tell (config.md 6.1, 6.5).  0; -1. */
int options_check(const struct options *, struct err *);

#endif
