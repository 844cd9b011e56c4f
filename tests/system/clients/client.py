"""The scenarios of tests/system/clients.py with the official Python client.

	client.py URL SCENARIO
"""

import asyncio
import sys

import nats
from nats.errors import NoRespondersError

WAIT = 20


async def publish(url):
	a, b = await nats.connect(url), await nats.connect(url)
	sub = await b.subscribe("greet.*")
	await b.flush()
	for i in range(1000):
		await a.publish("greet.joe", b"%d" % i)
	await a.flush()
	for i in range(1000):
		m = await sub.next_msg(WAIT)
		assert (m.subject, m.data) == ("greet.joe", b"%d" % i)
	await sub.unsubscribe()
	await a.close()
	await b.close()


async def request(url):
	a, b = await nats.connect(url), await nats.connect(url)

	async def answer(m):
		await m.respond(b"re:" + m.data)
	await b.subscribe("service", cb=answer)
	await b.flush()
	for i in range(100):
		m = await a.request("service", b"%d" % i, timeout=WAIT)
		assert m.data == b"re:%d" % i
	try:
		await a.request("nobody", b"", timeout=WAIT)
		raise AssertionError("no responders")
	except NoRespondersError:
		pass
	await a.close()
	await b.close()


async def queue(url):
	a = await nats.connect(url)
	counts = [0] * 4

	async def member(i):
		async def count(m):
			counts[i] += 1
		c = await nats.connect(url)
		await c.subscribe("jobs", queue="q", cb=count)
		await c.flush()
		return c
	members = [await member(i) for i in range(4)]
	for i in range(1000):
		await a.publish("jobs", b"x")
	await a.flush()
	for _ in range(WAIT * 1000):
		if sum(counts) == 1000:
			break
		await asyncio.sleep(0.001)
	assert sum(counts) == 1000 and min(counts) > 100, counts
	for c in members + [a]:
		await c.close()


async def headers(url):
	a, b = await nats.connect(url), await nats.connect(url)
	sub = await b.subscribe("h")
	await b.flush()
	await a.publish("h", b"body", headers={"Key": "one", "Other": "two words"})
	m = await sub.next_msg(WAIT)
	assert m.headers == {"Key": "one", "Other": "two words"} and m.data == b"body"
	await a.close()
	await b.close()


async def drain(url):
	a, b = await nats.connect(url), await nats.connect(url)
	seen = []

	async def take(m):
		seen.append(m.data)
		await asyncio.sleep(0.0001)
	await b.subscribe("d", cb=take)
	await b.flush()
	for i in range(1000):
		await a.publish("d", b"x")
	await a.flush()
	# This client's drain may forget what it has not begun to read, against any server.
	while not seen:
		await asyncio.sleep(0.001)
	await b.drain()
	assert b.is_closed and len(seen) == 1000, len(seen)
	await a.close()


async def reconnect(url):
	back = asyncio.Event()

	async def on_back():
		back.set()

	async def ignore(e):
		pass
	nc = await nats.connect(url, reconnect_time_wait=0.02, max_reconnect_attempts=-1,
	                        reconnected_cb=on_back, error_cb=ignore)
	sub = await nc.subscribe("again")
	await nc.flush()
	print("READY", flush=True)
	await asyncio.wait_for(back.wait(), WAIT)
	await nc.publish("again", b"hello")
	m = await sub.next_msg(WAIT)
	assert m.data == b"hello"
	await nc.close()


asyncio.run(globals()[sys.argv[2]](sys.argv[1]))
print("DONE")
