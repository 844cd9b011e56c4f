#include "config.h"

#include "natsd-front/slow_event.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "common/access.h"
#include "common/json_out.h"
#include "natsd-front/own_msg.h"
#include "natsd-front/server_info.h"
#include "natsd-front/worker.h"

#define MINUTE_S 60u
#define EVENT_MAX ((size_t)1 << 20) /* the server's tags and metadata have bounds of their own */
#define TYPE "io.natsd.server.advisory.v1.slow_consumers"
#define ID_CHARS 22

struct slow_event {
	struct slow_event *next;
	const struct account *account;
	uint32_t count;
};

/* How many there were in the minute under way, this one included. */
static uint32_t
count_one(struct account *a, uint32_t now_s)
{
	uint64_t was = atomic_load_explicit(&a->slow_minute, memory_order_relaxed), is;
	uint32_t began, count;

	do {
		began = (uint32_t)(was >> 32);
		count = (uint32_t)was;
		if (count == 0 || now_s - began >= MINUTE_S) {
			began = now_s;
			count = 0;
		}
		if (count < UINT32_MAX)
			count++;
		is = (uint64_t)began << 32 | count;
	} while (!atomic_compare_exchange_weak_explicit(&a->slow_minute, &was, is,
	    memory_order_relaxed, memory_order_relaxed));
	return (count);
}

void
slow_event_count(struct worker *w, struct account *a)
{
	int64_t most = w->settings->o.slow_consumer_event;
	struct slow_event *e;
	uint32_t count;

	if (most == 0)
		return;
	count = count_one(a, (uint32_t)((w->now.ns - w->shared->start_mono_ns) / NS_PER_S));
	if (count != most || (e = malloc(sizeof(*e))) == NULL)
		return;
	*e = (struct slow_event){ .next = w->slow, .account = a, .count = count };
	w->slow = e;
}

/* As NUIDs look. */
static struct str
make_id(struct worker *w, char id[ID_CHARS])
{
	static const char digits[] =
	    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	unsigned i;

	for (i = 0; i < ID_CHARS; i++)
		id[i] = digits[worker_random(w, sizeof(digits) - 1)];
	return ((struct str){ id, ID_CHARS });
}

static int
event_print(struct buf *out, struct worker *w, const struct slow_event *e)
{
	char id[ID_CHARS];
	struct json_out j;

	json_begin(&j, out, 0);
	json_object_begin(&j);
	json_kstr(&j, "type", STR(TYPE));
	json_kstr(&j, "id", make_id(w, id));
	json_ktime(&j, "timestamp", wall_now(), false);
	server_info(&j, &w->settings->o);
	json_kstr(&j, "acc", str_of(e->account->name));
	json_ku64(&j, "slow_consumers", e->count);
	json_object_end(&j);
	return (json_end(&j) != 0 ? -1 : buf_add(out, "\r\n", 2));
}

static void
send_one(struct worker *w, const struct slow_event *e)
{
	struct buf subject = BUF_INIT(EVENT_MAX), body = BUF_INIT(EVENT_MAX);
	const char *id = w->settings->o.server_id;

	if (buf_addf(&subject, "$SYS.SERVER.%s.NATSD.SLOW", id) == 0 &&
	    event_print(&body, w, e) == 0)
		own_msg_publish(w, w->shared->system, buf_str(&subject), &body, 0);
	buf_free(&subject);
	buf_free(&body);
}

void
slow_event_send(struct worker *w)
{
	struct slow_event *e;

	while ((e = w->slow) != NULL) {
		w->slow = e->next;
		/* Without a system account there are no events. */
		if (w->settings->o.access->system_account != UINT32_MAX)
			send_one(w, e);
		free(e);
	}
}

void
slow_event_discard(struct worker *w)
{
	struct slow_event *e;

	while ((e = w->slow) != NULL) {
		w->slow = e->next;
		free(e);
	}
}
