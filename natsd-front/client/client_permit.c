/* A connection whose permissions change while it is there (client.md 11.6). */
#include "config.h"

#include "natsd-front/auth/auth.h"
#include "natsd-front/client/client.h"
#include "natsd-front/conn.h"
#include "natsd-front/grants.h"
#include "natsd-front/text.h"

#define QUOTED_MAX (TEXT_ERR_MAX - 128)

static void
tell_removed(struct conn *c, const struct sub *s)
{
	char subject[QUOTED_MAX], queue[QUOTED_MAX], sid[QUOTED_MAX], who[AUTH_TEXT_MAX];
	bool queued = sub_queue(s).n != 0;

	text_quote(subject, sizeof(subject), sub_subject(s));
	text_quote(queue, sizeof(queue), sub_queue(s));
	text_quote(sid, sizeof(sid), sub_sid(s));
	auth_text(c, who);
	if (queued) {
		conn_errf(c, "Permissions Violation for Subscription to %s using queue %s (sid %s)",
		    subject, queue, sid);
		log_info("Removed sub %s using queue %s (sid %s) for %s - not authorized", subject,
		    queue, sid, who);
	} else {
		conn_errf(c, "Permissions Violation for Subscription to %s (sid %s)", subject, sid);
		log_info("Removed sub %s (sid %s) for %s - not authorized", subject, sid, who);
	}
}

/* False: it is not allowed any more. */
static bool
keep_sub(struct conn *c, const struct sub *s)
{
	if (c->permit == NULL)
		return (true);
	return (permit_subscribe(c->permit, sub_subject(s), sub_queue(s)) &&
	    grants_subscribed(&c->grants, c->permit, sub_subject(s), sub_queue(s)) == 0);
}

void
client_permit_moved(struct conn *c, const struct permit *from)
{
	uint32_t i = 0;
	struct sub *s;

	if (c->grants != NULL)
		grants_moved(c->grants, from, c->permit);
	/* Removing one may move another into its place. */
	while (i < c->subs.size) {
		s = c->subs.at[i];
		if (s == NULL || keep_sub(c, s)) {
			i++;
			continue;
		}
		tell_removed(c, s);
		client_drop_sub(c, s);
	}
}
