#include "config.h"

#include <stdlib.h>

#include "common/echo_answer.h"
#include "common/killpoint.h"
#include "common/log.h"
#include "natsd-js/echo.h"
#include "natsd-js/echo_file.h"

struct echo {
	struct echo_file *file;	  /* NULL without a volatile store */
	uint64_t applied, replayed;
};

struct echo *
echo_new(void)
{
	struct echo *ec = calloc(1, sizeof(*ec));

	if (ec == NULL)
		fatal("no memory");
	return (ec);
}

static int
echo_open(void *ctx, struct hub *h, int store, struct err *e)
{
	struct echo *ec = ctx;

	(void)h;
	if (store == -1)
		return (err_set(e, "no volatile store"));
	return ((ec->file = echo_file_open(store, e)) == NULL ? -1 : 0);
}

static int
echo_recover(void *ctx, struct err *e)
{
	struct echo *ec = ctx;

	return (echo_file_recover(ec->file, e));
}

/* The same numbers in every life, so that the front knows them again. */
static void
echo_catalogue(void *ctx, struct hub *h)
{
	(void)ctx;
	if (!hub_dev(h))
		return;
	hub_subscribe(h, ACCOUNT_GLOBAL, 1, STR(ECHO_SUBJECT), STR_NONE);
	hub_subscribe(h, ACCOUNT_SYSTEM, 2, STR(ECHO_SUBJECT), STR_NONE);
}

/* At or below the mark it was applied in an earlier life: the file knows what came of it. */
static uint64_t
decide(struct echo *ec, const struct hub_request *rq)
{
	uint64_t mark, sequence;
	struct err e;

	if (echo_file_mark(ec->file, rq->ingress.ring, &mark) && rq->at <= mark) {
		ec->replayed++;
		sequence = echo_file_find(ec->file, rq->ingress.ring, rq->at);
		return (sequence != 0 ? verdict_make(VERDICT_STORED, sequence) :
					verdict_make(VERDICT_ERROR, 500));
	}
	if (rq->poisoned) {
		if (echo_file_quarantine(ec->file, rq->ingress.ring, rq->at, rq->msg.payload, &e) != 0)
			log_error("%s", e.text);
		return (verdict_make(VERDICT_ERROR, 500));
	}
	KILL_POINT("js: before effect");
	sequence = echo_file_append(ec->file, rq->ingress.ring, rq->at, rq->msg.payload, &e);
	if (sequence == 0) {
		log_error("%s", e.text);
		return (verdict_make(VERDICT_ERROR, 500));
	}
	ec->applied++;
	KILL_POINT("js: effect, verdict");
	return (verdict_make(VERDICT_STORED, sequence));
}

static void
echo_message(void *ctx, struct hub *h, const struct hub_request *rq)
{
	struct echo *ec = ctx;
	uint64_t verdict = rq->verdict;

	if (verdict == 0) {
		verdict = decide(ec, rq);
		hub_verdict(rq->link, rq->at, verdict);
		KILL_POINT("js: verdict, answer");
	}
	if (echo_answer(h, rq, ROLE_JS, verdict) != 0)
		log_warn("an echo found no room in the ring back and was not sent");
	hub_done(rq->link, rq->at, rq->end);
}

static void
echo_status(void *ctx, struct json_out *j)
{
	const struct echo *ec = ctx;

	json_ku64(j, "applied", ec->applied);
	json_ku64(j, "replayed", ec->replayed);
	json_ku64(j, "last_sequence", echo_file_last(ec->file));
}

const struct hub_role echo_role = {
	.role = ROLE_JS,
	.open = echo_open,
	.recover = echo_recover,
	.catalogue = echo_catalogue,
	.message = echo_message,
	.status = echo_status,
};
