#include "config.h"

#include <unistd.h>

#include "common/echo_answer.h"
#include "common/killpoint.h"
#include "common/log.h"
#include "natsd-raft/echo.h"

static int
echo_open(void *ctx, struct hub *h, int store, struct err *e)
{
	(void)ctx;
	(void)h;
	(void)e;
	if (store != -1)
		close(store);
	return (0);
}

static int
echo_recover(void *ctx, struct err *e)
{
	(void)ctx;
	(void)e;
	return (0);
}

static void
echo_catalogue(void *ctx, struct hub *h)
{
	(void)ctx;
	if (!hub_dev(h))
		return;
	hub_subscribe(h, ACCOUNT_GLOBAL, 1, STR(ECHO_SUBJECT), STR_NONE);
	hub_subscribe(h, ACCOUNT_SYSTEM, 2, STR(ECHO_SUBJECT), STR_NONE);
}

static void
echo_message(void *ctx, struct hub *h, const struct hub_request *rq)
{
	struct echo *ec = ctx;
	uint64_t verdict = rq->verdict;

	if (verdict == 0 && rq->poisoned) {
		verdict = verdict_make(VERDICT_ERROR, 500);
		hub_verdict(rq->link, rq->at, verdict);
	} else if (verdict == 0) {
		KILL_POINT("raft: before effect");
		ec->applied++;
		verdict = verdict_make(VERDICT_DONE, ec->applied);
		hub_verdict(rq->link, rq->at, verdict);
		KILL_POINT("raft: verdict, answer");
	} else
		ec->replayed++;
	if (echo_answer(h, rq, ROLE_RAFT, verdict) != 0)
		log_warn("an echo found no room in the ring back and was not sent");
	hub_done(rq->link, rq->at, rq->end);
}

static void
echo_status(void *ctx, struct json_out *j)
{
	const struct echo *ec = ctx;

	json_ku64(j, "applied", ec->applied);
	json_ku64(j, "replayed", ec->replayed);
}

const struct hub_role echo_role = {
	.role = ROLE_RAFT,
	.open = echo_open,
	.recover = echo_recover,
	.catalogue = echo_catalogue,
	.message = echo_message,
	.status = echo_status,
};
