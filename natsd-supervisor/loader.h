/*
 * loader - what all parts share that turn the tree of a file into options: where they are, and how they
 * tell what is wrong, in nats-server's words (config.md 2).
 *
 * nats-server aborts a block at the first value of a wrong type, in a random order of its keys; here a
 * block goes on, in the order of the file, so that everything wrong is told at once.
 */
#ifndef SUPERVISOR_LOADER_H
#define SUPERVISOR_LOADER_H

#include <stdbool.h>

#include "common/conf.h"
#include "common/options.h"
#include "natsd-supervisor/options_load.h"

struct loader {
	struct options *o;
	struct report *report;
	struct conf_pos at; /* of the value looked at last: where errors point */
	struct str key;	    /* as written */
	bool system_account; /* the key of that name was seen */
};

/* loader_look - this value is looked at now; one from the environment has no place of its own. */
void loader_look(struct loader *, const struct conf_value *);

/* loader_item - so is this key with its value. */
void loader_item(struct loader *, const struct conf_item *);

/*
 * loader_error, loader_warning - at the value looked at.
 * loader_error_at - at another one, which is looked at from now on.
 * loader_error_nowhere - without a place, as nats-server tells some.
 */
void loader_error(struct loader *, const char *, ...) __attribute__((format(printf, 2, 3)));
void loader_warning(struct loader *, const char *, ...) __attribute__((format(printf, 2, 3)));
void loader_error_at(struct loader *, const struct conf_value *, const char *, ...)
    __attribute__((format(printf, 3, 4)));
void loader_error_nowhere(struct loader *, const char *, ...) __attribute__((format(printf, 2, 3)));

/* loader_unknown - a key that is none, unless some variable uses it. */
void loader_unknown(struct loader *, const struct conf_item *);

/* loader_unbuilt - a key whose feature is not built yet. */
void loader_unbuilt(struct loader *, const char *key, const char *feature);

/* loader_want - the value is of that kind; or nats-server's words about the type it has, at it. */
bool loader_want(struct loader *, const struct conf_value *, enum conf_kind);

/* loader_key - one of the names, separated by '|', in any letter case. */
bool loader_key(struct str key, const char *names);

/* loader_number_text - a float as Go's %v prints it; loader_text - any value, as far as it can be
 * printed in one line.  Both return out. */
#define LOADER_TEXT_MAX 320
const char *loader_number_text(double, char out[LOADER_TEXT_MAX]);
const char *loader_text(const struct conf_value *, char out[LOADER_TEXT_MAX]);

/*
 * loader_seconds - a number of seconds or a duration (config.md 3, secs), in nanoseconds.
 * what: the block's name in the error texts.  False: told.
 */
bool loader_seconds(struct loader *, const struct conf_value *, const char *what, int64_t *ns);

#endif
