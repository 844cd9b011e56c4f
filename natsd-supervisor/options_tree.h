/*
 * options_tree - what the keys of a parsed file say.
 */
#ifndef SUPERVISOR_OPTIONS_TREE_H
#define SUPERVISOR_OPTIONS_TREE_H

#include "common/conf.h"
#include "common/options.h"
#include "natsd-supervisor/options_load.h"

/*
 * options_tree - the root's keys into *o; everything wrong or strange goes to the report.  *authorization:
 * whether that block was written.  Who is let in is not resolved yet (access_resolve.h).
 */
void options_tree(struct options *, const struct conf *, const char *file, struct report *,
    bool *authorization);

#endif
