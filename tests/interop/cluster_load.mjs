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
  run.catch(() => {});  // end() tells it.
  self.end = async () => { going = false; await run; };
  return self;
}

// Between a node and Redis, with `delay_ms` each way. `to`: a port, or what returns it for each new connection.
// cut(): the next reply ends in its middle; cut("command"): the next command; `of`: of a connection that has sent
// this. sever(): every connection ends, and new ones too, until mend().
export async function slowProxy(t, to, { delay_ms = 200 } = {}) {
  const port = await freePort();
  const open = new Set();
  let cutting = null, severed = false;
  const server = net.createServer((client) => {
    if (severed) return client.destroy();
    const upstream = net.connect(typeof to === "function" ? to() : to, "127.0.0.1");
    open.add(client).add(upstream);
    let is_meant = false;
    const later = (target, what) => (bytes) => setTimeout(() => {
      if (cutting?.what === "reply" && what === "command") is_meant = bytes.includes(cutting.of);
      const ends = cutting?.what === what && bytes.length > 1
        && (what === "reply" ? is_meant || !cutting.of : bytes.includes(cutting.of));
      if (!ends) return target.write(bytes);
      cutting = null;
      target.write(bytes.subarray(0, bytes.length >> 1), () => { client.destroy(); upstream.destroy(); });
    }, delay_ms);
    client.on("data", later(upstream, "command"));
    upstream.on("data", later(client, "reply"));
    for (const [one, other] of [[client, upstream], [upstream, client]]) {
      one.on("error", () => {});
      one.on("close", () => { open.delete(one); other.destroy(); });
    }
  });
  await new Promise((resolve) => { server.listen(port, "127.0.0.1", resolve); });
  const end = () => { for (const one of open) one.destroy(); };
  t.after(() => { server.close(); end(); });
  return { port, cut(what = "reply", of = "") { cutting = { what, of }; }, get cutting() { return cutting !== null; },
    sever() { severed = true; end(); }, mend() { severed = false; } };
}
