/*
 * killpoint - named places where a test build can stop a role dead.
 *
 * In a build with --enable-killpoints, KILL_POINT("js: effect, verdict") counts its visits and
 * raises SIGKILL at the n-th when the environment of the supervisor asked for it:
 *
 *	NATSD_KILL="js: effect, verdict@17"
 *
 * The supervisor hands the text to the roles (the environment of a child is empty otherwise) and
 * only to the first life of the role that it names, so that the next life passes the place.
 * In any other build the macro is nothing.
 */
#ifndef COMMON_KILLPOINT_H
#define COMMON_KILLPOINT_H

#include <stdbool.h>

#ifdef NATSD_KILLPOINTS
void killpoint_arm(const char *spec); /* "<name>@<n>"; NULL or "": disarmed */
void killpoint_pass(const char *name);
bool killpoint_no_sandbox(void); /* the order was "nosandbox": an instrument needs its own calls */
#define KILL_POINT(name) killpoint_pass(name)
#define KILLPOINT_BUILD true
#else
#define killpoint_arm(spec) ((void)(spec))
#define killpoint_no_sandbox() false
#define KILL_POINT(name) ((void)0)
#define KILLPOINT_BUILD false /* a test build: probes and kill specs are honoured */
#endif

#endif
