/*
 * label - what a connection is called in the log after its CONNECT.
 */
#ifndef FRONT_CLIENT_LABEL_H
#define FRONT_CLIENT_LABEL_H

#include "common/str.h"

struct connect_options;

/* label_make - ` - "v<version>:<lang>:<name>" - "<account>/user:<user>"`, parts that were not said left
 * out.  malloc'ed; NULL: nothing was said, or there is no memory. */
char *label_make(const struct connect_options *, struct str account);

#endif
