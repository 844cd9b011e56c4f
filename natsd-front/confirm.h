/*
 * confirm - a PONG waits until what its client sent to queue members of other workers is where it stays.
 *
 * A queue message for another worker's member may have to go on to a third worker when that member
 * is gone (deliver.h).  So a PONG right behind it would promise too much.  When a client sends PING and
 * such messages of it are not confirmed yet, a MARK follows them through the same rings:
 *
 *	A --MARK 1--> B --MARK 1/2--> C		B had passed messages on to C
 *	A <--MARKED 1/2-- B	      |
 *	A <------------MARKED 1/2----'		all of it is back: PONG
 *
 * Whoever passed messages on passes a part of the mark's weight on behind them, and says the rest.
 */
#ifndef FRONT_CONFIRM_H
#define FRONT_CONFIRM_H

#include <stdbool.h>

#include "common/ring.h"

struct conn;
struct worker;

/* confirm_begin - sends marks behind what is open; the connection is paused until they are back.
 * False: nothing is open. */
bool confirm_begin(struct conn *);

/* confirm_record - MARK or MARKED from another worker. */
void confirm_record(struct worker *, const struct ring_rec *);

#endif
