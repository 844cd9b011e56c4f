/*
 * quote - a string between double quotes with escapes, as Go's %q, for error texts.
 */
#ifndef COMMON_QUOTE_H
#define COMMON_QUOTE_H

#include "common/str.h"

#define QUOTE_TEXT_MAX 300

/* quote - into out, cut where it would not fit, always closed and terminated.  Returns out. */
const char *quote(struct str, char out[QUOTE_TEXT_MAX]);

#endif
