/*
 * text - strings as Go prints them, for -ERR texts, logs and INFO.
 */
#ifndef FRONT_TEXT_H
#define FRONT_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

#define TEXT_ERR_MAX 8192 /* bytes of one -ERR line; what does not fit is cut */

/*
 * text_quote - Go's %q: in double quotes, `"` and `\` escaped, control bytes as \n \t \x00, invalid
 * UTF-8 as \xNN, runes that print nothing as \uNNNN.  Cut so that the closing quote still fits;
 * size >= 3.  Terminated; its length.
 */
size_t text_quote(char *out, size_t size, struct str);

/* text_duration - Go's duration text: "1m30s", "1.5s", "20ms".  out[32]. */
#define TEXT_DURATION_MAX 40
void text_duration(char *out, int64_t ns);

#endif
