/*
 * redact - the object of a CONNECT without what must not stand in a log.
 */
#ifndef FRONT_CLIENT_REDACT_H
#define FRONT_CLIENT_REDACT_H

#include <stddef.h>

#include "common/str.h"

/*
 * redact - the text with "[REDACTED]" for the values of keys that begin with pass or auth_token, and
 * of sig, proxy_sig and nkey, in any letter case; what is not JSON at all is searched the same way.
 * Cut at size.  Its length; not terminated.
 */
size_t redact(char *out, size_t size, struct str);

#endif
