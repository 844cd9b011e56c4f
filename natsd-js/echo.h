/*
 * echo - the development role of natsd-js: answers requests on $SYS.REQ.DEV.ECHO.JS and writes every
 * payload exactly once to a file of the volatile store (docs/js.md).
 *
 * It is the smallest thing that needs all of the shape: inbox, mark, verdict, answer, release.
 */
#ifndef JS_ECHO_H
#define JS_ECHO_H

#include "common/hub.h"

#define ECHO_SUBJECT "$SYS.REQ.DEV.ECHO.JS"

struct echo;

struct echo *echo_new(void);
extern const struct hub_role echo_role; /* its context is a struct echo */

#endif
