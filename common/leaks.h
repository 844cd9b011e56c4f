/*
 * leaks - the search for memory that nobody points to any more, in builds with AddressSanitizer.
 */
#ifndef COMMON_LEAKS_H
#define COMMON_LEAKS_H

/*
 * leaks_search - at the end of a program, when all that it still uses can be found from `root`, from globals
 * or from what it has freed: tells on stderr what cannot.  Nothing in other builds, and nothing in a confined
 * process, which cannot be traced: a test starts it without its sandbox (NATSD_KILL=nosandbox).
 */
void leaks_search(const void *root);

#endif
