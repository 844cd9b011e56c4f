/*
 * The scenarios of tests/system/clients.py with the official C client.
 *
 *	c-client URL SCENARIO
 */
#include <nats/nats.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 20000
#define MEMBERS 4

static atomic_int counts[MEMBERS];
static atomic_bool closed, back;

static void
check(natsStatus s)
{
	if (s != NATS_OK) {
		printf("error: %s\n", natsStatus_GetText(s));
		nats_PrintLastErrorStack(stdout);
		exit(1);
	}
}

static void
insist(bool ok, const char *what)
{
	if (!ok) {
		printf("error: %s\n", what);
		exit(1);
	}
}

static void
until(bool (*condition)(void), const char *what)
{
	for (int ms = 0; !condition(); ms++) {
		insist(ms < WAIT_MS, what);
		usleep(1000);
	}
}

static natsConnection *
dial(const char *url)
{
	natsConnection *nc = NULL;

	check(natsConnection_ConnectTo(&nc, url));
	return (nc);
}

static void
publish(const char *url)
{
	natsConnection *a = dial(url), *b = dial(url);
	natsSubscription *sub = NULL;
	natsMsg *m = NULL;
	char text[16];

	check(natsConnection_SubscribeSync(&sub, b, "greet.*"));
	check(natsConnection_Flush(b));
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		check(natsConnection_PublishString(a, "greet.joe", text));
	}
	check(natsConnection_Flush(a));
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		check(natsSubscription_NextMsg(&m, sub, WAIT_MS));
		insist(strcmp(natsMsg_GetData(m), text) == 0, "order");
		natsMsg_Destroy(m);
	}
}

static void
answer(natsConnection *nc, natsSubscription *sub, natsMsg *m, void *closure)
{
	char text[32];

	(void)sub;
	(void)closure;
	snprintf(text, sizeof(text), "re:%s", natsMsg_GetData(m));
	check(natsConnection_PublishString(nc, natsMsg_GetReply(m), text));
	natsMsg_Destroy(m);
}

static void
request(const char *url)
{
	natsConnection *a = dial(url), *b = dial(url);
	natsSubscription *sub = NULL;
	natsMsg *m = NULL;
	char text[16], want[32];

	check(natsConnection_Subscribe(&sub, b, "service", answer, NULL));
	check(natsConnection_Flush(b));
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "%d", i);
		snprintf(want, sizeof(want), "re:%d", i);
		check(natsConnection_RequestString(&m, a, "service", text, WAIT_MS));
		insist(strcmp(natsMsg_GetData(m), want) == 0, "answer");
		natsMsg_Destroy(m);
	}
	insist(natsConnection_RequestString(&m, a, "nobody", "", WAIT_MS) == NATS_NO_RESPONDERS,
	    "no responders");
}

static void
count(natsConnection *nc, natsSubscription *sub, natsMsg *m, void *closure)
{
	(void)nc;
	(void)sub;
	natsMsg_Destroy(m);
	atomic_fetch_add((atomic_int *)closure, 1);
}

static bool
counted_1000(void)
{
	int sum = 0;

	for (int i = 0; i < MEMBERS; i++)
		sum += atomic_load(&counts[i]);
	return (sum == 1000);
}

static void
queue(const char *url)
{
	natsConnection *a = dial(url);

	for (int i = 0; i < MEMBERS; i++) {
		natsConnection *c = dial(url);
		natsSubscription *sub = NULL;

		check(natsConnection_QueueSubscribe(&sub, c, "jobs", "q", count, &counts[i]));
		check(natsConnection_Flush(c));
	}
	for (int i = 0; i < 1000; i++)
		check(natsConnection_PublishString(a, "jobs", "x"));
	check(natsConnection_Flush(a));
	until(counted_1000, "each message once");
	for (int i = 0; i < MEMBERS; i++)
		insist(atomic_load(&counts[i]) > 100, "every member works");
}

static void
headers(const char *url)
{
	natsConnection *a = dial(url), *b = dial(url);
	natsSubscription *sub = NULL;
	natsMsg *m = NULL;
	const char **values = NULL;
	int n = 0;

	check(natsConnection_SubscribeSync(&sub, b, "h"));
	check(natsConnection_Flush(b));
	check(natsMsg_Create(&m, "h", NULL, "body", 4));
	check(natsMsgHeader_Add(m, "Key", "one"));
	check(natsMsgHeader_Add(m, "Key", "two"));
	check(natsConnection_PublishMsg(a, m));
	natsMsg_Destroy(m);
	check(natsSubscription_NextMsg(&m, sub, WAIT_MS));
	check(natsMsgHeader_Values(m, "Key", &values, &n));
	insist(n == 2 && strcmp(values[1], "two") == 0, "header");
	insist(natsMsg_GetDataLength(m) == 4, "body");
}

static void
on_closed(natsConnection *nc, void *closure)
{
	(void)nc;
	(void)closure;
	atomic_store(&closed, true);
}

static bool
is_closed(void)
{
	return (atomic_load(&closed));
}

static void
drain(const char *url)
{
	natsConnection *a = dial(url), *b = NULL;
	natsSubscription *sub = NULL;
	natsOptions *options = NULL;

	check(natsOptions_Create(&options));
	check(natsOptions_SetURL(options, url));
	check(natsOptions_SetClosedCB(options, on_closed, NULL));
	check(natsConnection_Connect(&b, options));
	check(natsConnection_Subscribe(&sub, b, "d", count, &counts[0]));
	check(natsConnection_Flush(b));
	for (int i = 0; i < 1000; i++)
		check(natsConnection_PublishString(a, "d", "x"));
	check(natsConnection_Flush(a));
	check(natsConnection_Drain(b));
	until(is_closed, "drain ends");
	insist(atomic_load(&counts[0]) == 1000, "drained all");
}

static void
on_back(natsConnection *nc, void *closure)
{
	(void)nc;
	(void)closure;
	atomic_store(&back, true);
}

static bool
is_back(void)
{
	return (atomic_load(&back));
}

static void
reconnect(const char *url)
{
	natsConnection *nc = NULL;
	natsSubscription *sub = NULL;
	natsOptions *options = NULL;
	natsMsg *m = NULL;

	check(natsOptions_Create(&options));
	check(natsOptions_SetURL(options, url));
	check(natsOptions_SetReconnectWait(options, 20));
	check(natsOptions_SetReconnectJitter(options, 1, 1));
	check(natsOptions_SetMaxReconnect(options, 10000));
	check(natsOptions_SetReconnectedCB(options, on_back, NULL));
	check(natsConnection_Connect(&nc, options));
	check(natsConnection_SubscribeSync(&sub, nc, "again"));
	check(natsConnection_Flush(nc));
	printf("READY\n");
	fflush(stdout);
	until(is_back, "reconnect");
	check(natsConnection_PublishString(nc, "again", "hello"));
	check(natsSubscription_NextMsg(&m, sub, WAIT_MS));
	insist(strcmp(natsMsg_GetData(m), "hello") == 0, "message after reconnect");
}

int
main(int argc, char *argv[])
{
	static const struct {
		const char *name;
		void (*run)(const char *);
	} scenarios[] = { { "publish", publish }, { "request", request }, { "queue", queue },
		{ "headers", headers }, { "drain", drain }, { "reconnect", reconnect } };

	for (unsigned i = 0; argc == 3 && i < sizeof(scenarios) / sizeof(*scenarios); i++)
		if (strcmp(scenarios[i].name, argv[2]) == 0) {
			scenarios[i].run(argv[1]);
			printf("DONE\n");
			fflush(stdout);
			_exit(0); /* the library's threads need no farewell */
		}
	return (2);
}
