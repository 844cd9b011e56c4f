// The scenarios of tests/system/clients.py with the official JavaScript client.
//
//	node client.mjs MODULES URL SCENARIO
import { createRequire } from "node:module";
import process from "node:process";

const [modules, url, scenario] = process.argv.slice(2);
const require = createRequire(modules + "/");
const { connect, headers: newHeaders } = require("@nats-io/transport-node");
const WAIT = 20000;
const text = (m) => new TextDecoder().decode(m.data);

function insist(ok, what) {
	if (!ok) {
		throw new Error(what);
	}
}

async function until(condition, what) {
	const end = Date.now() + WAIT;
	while (!condition()) {
		insist(Date.now() < end, what);
		await new Promise((resolve) => setTimeout(resolve, 1));
	}
}

const scenarios = {
	async publish() {
		const a = await connect({ servers: url }), b = await connect({ servers: url });
		const sub = b.subscribe("greet.*", { max: 1000 });
		await b.flush();
		for (let i = 0; i < 1000; i++) {
			a.publish("greet.joe", String(i));
		}
		let n = 0;
		for await (const m of sub) {
			insist(text(m) === String(n) && m.subject === "greet.joe", "order");
			n++;
		}
		insist(n === 1000, "all messages");
		await a.close();
		await b.close();
	},
	async request() {
		const a = await connect({ servers: url }), b = await connect({ servers: url });
		b.subscribe("service", { callback: (err, m) => m.respond("re:" + text(m)) });
		await b.flush();
		for (let i = 0; i < 100; i++) {
			const m = await a.request("service", String(i), { timeout: WAIT });
			insist(text(m) === "re:" + i, "answer");
		}
		let refused = false;
		try {
			await a.request("nobody", "", { timeout: WAIT });
		} catch (e) {
			refused = /no ?responders|503/i.test(e.name + e.message + e.code + e.cause);
		}
		insist(refused, "no responders");
		await a.close();
		await b.close();
	},
	async queue() {
		const a = await connect({ servers: url });
		const counts = [0, 0, 0, 0];
		const members = [];
		for (let i = 0; i < 4; i++) {
			const c = await connect({ servers: url });
			c.subscribe("jobs", { queue: "q", callback: () => counts[i]++ });
			await c.flush();
			members.push(c);
		}
		for (let i = 0; i < 1000; i++) {
			a.publish("jobs", "x");
		}
		await a.flush();
		await until(() => counts.reduce((x, y) => x + y) === 1000, "each message once: " + counts);
		insist(Math.min(...counts) > 100, "every member works: " + counts);
		for (const c of [a, ...members]) {
			await c.close();
		}
	},
	async headers() {
		const a = await connect({ servers: url }), b = await connect({ servers: url });
		const sub = b.subscribe("h", { max: 1 });
		await b.flush();
		const h = newHeaders();
		h.append("Key", "one");
		h.append("Key", "two");
		a.publish("h", "body", { headers: h });
		for await (const m of sub) {
			insist(m.headers.values("Key").join() === "one,two" && text(m) === "body", "header");
		}
		await a.close();
		await b.close();
	},
	async drain() {
		const a = await connect({ servers: url }), b = await connect({ servers: url });
		let seen = 0;
		b.subscribe("d", { callback: () => seen++ });
		await b.flush();
		for (let i = 0; i < 1000; i++) {
			a.publish("d", "x");
		}
		await a.flush();
		await b.drain();
		insist(seen === 1000, "drained " + seen);
		await a.close();
	},
	async reconnect() {
		const nc = await connect({ servers: url, reconnectTimeWait: 20, reconnectJitter: 1,
			maxReconnectAttempts: -1 });
		const sub = nc.subscribe("again", { max: 1 });
		await nc.flush();
		const back = (async () => {
			for await (const s of nc.status()) {
				if (s.type === "reconnect") {
					return;
				}
			}
		})();
		console.log("READY");
		await back;
		nc.publish("again", "hello");
		for await (const m of sub) {
			insist(text(m) === "hello", "message after reconnect");
		}
		await nc.close();
	},
};

setTimeout(() => { console.log("error: too late"); process.exit(1); }, 60000).unref();
await scenarios[scenario]();
console.log("DONE");
