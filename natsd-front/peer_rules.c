#include "config.h"

#include <stddef.h>

#include "common/account_table.h"
#include "natsd-front/peer_rules.h"
#include "natsd-front/worker.h"

#define ANY_ACCOUNT 0u

enum { MAY_SUB = 1, MAY_PUB = 2 };

struct rule {
	unsigned role;
	uint32_t account;
	struct str prefix; /* ends in '.': everything under it; else exactly this */
	unsigned may;
};

static const struct rule rules[] = {
	{ PEER_JS, ANY_ACCOUNT, { "$SYS.REQ.DEV.ECHO.JS", 20 }, MAY_SUB },
	{ PEER_JS, ANY_ACCOUNT, { "$JS.", 4 }, MAY_SUB | MAY_PUB },
	{ PEER_RAFT, ANY_ACCOUNT, { "$SYS.REQ.DEV.ECHO.RAFT", 22 }, MAY_SUB },
	{ PEER_RAFT, ACCOUNT_SYSTEM, { "$NRG.", 5 }, MAY_SUB | MAY_PUB },
};

/* No answer goes here: these names are asked, they do not ask. */
static const struct str not_for_answers[] = {
	{ "$SYS.", 5 }, { "$NRG.", 5 }, { "$JS.API.", 8 }, { "$GR.", 4 }, { "_GR_.", 5 },
};

static bool
covers(const struct rule *r, unsigned role, uint32_t account, struct str subject)
{
	if (r->role != role || (r->account != ANY_ACCOUNT && r->account != account))
		return (false);
	if (r->prefix.p[r->prefix.n - 1] == '.')
		return (subject.n > r->prefix.n && str_starts(subject, r->prefix));
	return (str_eq(subject, r->prefix));
}

static bool
allowed(unsigned role, uint32_t account, struct str subject, unsigned what)
{
	size_t i;

	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if ((rules[i].may & what) != 0 && covers(&rules[i], role, account, subject))
			return (true);
	return (false);
}

bool
peer_rules_sub(unsigned role, uint32_t account, struct str subject)
{
	return (allowed(role, account, subject, MAY_SUB));
}

bool
peer_rules_pub(unsigned role, uint32_t account, struct str subject, bool answer)
{
	size_t i;

	if (allowed(role, account, subject, MAY_PUB))
		return (true);
	if (!answer)
		return (false);
	for (i = 0; i < sizeof(not_for_answers) / sizeof(not_for_answers[0]); i++)
		if (str_starts(subject, not_for_answers[i]))
			return (false);
	return (true);
}
