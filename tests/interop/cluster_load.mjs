// The load of a test with faults: numbers that clients say, and what becomes of them at the others.
import assert from "node:assert/strict";
import net from "node:net";

import { freePort, pause } from "./server.mjs";

// Of the words that begin with `name`: numbers in order, none twice; those from `from` on are all
// there. Returns how many are lost.
export function check(t, heard, count, from = 0, name = "") {
  const numbers = heard.filter((text) => text.startsWith(name)).map((text) => Number(text.slice(name.length)));
  for (let i = 1; i < numbers.length; ++i)
    assert.ok(numbers[i] > numbers[i - 1], `${name}${numbers[i]} came after ${name}${numbers[i - 1]}`);
  const there = new Set(numbers);
  const missing = Array.from({ length: count }, (_, i) => i).filter((i) => !there.has(i));
  t.diagnostic(`${count} said${name ? ` by ${name.trim()}` : ""}, ${missing.length} lost`);
  assert.deepEqual(missing.filter((i) => i >= from), []);
  return missing.length;
}

// Says numbers one after the other by say(text), some 200 a second, until end(). The pause is the
// pace of the load: nothing waits for its end.
export function speaker(say, name = "") {
  let going = true;
  const self = { said: 0 };
  const run = (async () => {
    while (going) {
      await say(`${name}${self.said++}`);
      await pause(5);
    }
  })();
  self.end = async () => { going = false; await run; };
  return self;
}

// Between the nodes and Redis: 200 ms of delay each way; cut(): the next reply ends in its middle.
export async function slowProxy(t, to) {
  const port = await freePort();
  const open = new Set();
  let cutting = false;
  const server = net.createServer((client) => {
    const upstream = net.connect(to, "127.0.0.1");
    open.add(client).add(upstream);
    const later = (target) => (bytes) => setTimeout(() => {
      if (cutting && target === client && bytes.length > 1) {
        client.write(bytes.subarray(0, bytes.length >> 1), () => client.destroy());
        upstream.destroy();
        cutting = false;
      } else {
        target.write(bytes);
      }
    }, 200);
    client.on("data", later(upstream));
    upstream.on("data", later(client));
    for (const [one, other] of [[client, upstream], [upstream, client]]) {
      one.on("error", () => {});
      one.on("close", () => other.destroy());
    }
  });
  await new Promise((resolve) => { server.listen(port, "127.0.0.1", resolve); });
  t.after(() => { server.close(); for (const one of open) one.destroy(); });
  return { port, cut() { cutting = true; }, get cutting() { return cutting; } };
}
