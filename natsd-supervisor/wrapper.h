/*
 * wrapper - what the environment of a test build (--enable-killpoints) may ask for; a release build
 * never looks.
 *
 *	NATSD_KILL		a kill spec, see killpoint.h
 *	NATSD_FRONT_WRAPPER	words before natsd-front's program, separated by blanks
 *	NATSD_PROBE		every role tries what it must not, into the log
 */
#ifndef SUPERVISOR_WRAPPER_H
#define SUPERVISOR_WRAPPER_H

struct supervise_setup;

void wrapper_from_environment(struct supervise_setup *);

#endif
