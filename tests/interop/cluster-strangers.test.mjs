// Strangers in Redis: rubbish, unknown types, and a message with the uid of a node. The node goes on, counts them in
// /metrics, and says so once a second at most. Real messages of the node are what the strangers copy.
import assert from "node:assert/strict";
import { test } from "node:test";

import { createClient } from "redis";
import { io } from "socket.io-client";

import { Redis } from "./redis.mjs";
import { serve, until } from "./server.mjs";

async function figure(program, name) {
  const text = await (await fetch(`http://127.0.0.1:${program.adminPort}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
}

// Two nodes with a client each. talk(): both hear each other.
async function pair(t, url, mode) {
  const sides = await Promise.all([0, 1].map(async (i) => {
    const program = await serve({ workers: 1, cluster: { url, mode }, socketio: [{ kind: "broadcast" }] }, { admin: {} });
    t.after(() => program.stop());
    const socket = io(program.url("", "http"), { transports: ["websocket"], forceNew: true });
    t.after(() => socket.disconnect());
    const side = { program, socket, name: `side ${i}`, heard: new Set() };
    socket.on("said", (text) => side.heard.add(text));
    await until(() => socket.connected, "a client");
    return side;
  }));
  const talk = async (text) => {
    for (const [i, { socket }] of sides.entries())
      await until(() => {
        socket.emit("said", `${text} ${i}`);
        return sides[1 - i].heard.has(`${text} ${i}`);
      }, text);
  };
  return { sides, talk };
}

async function client(t, url) {
  const one = createClient({ url });
  one.on("error", () => {}); // Redis may end first.
  await one.connect();
  t.after(() => one.disconnect());
  return one;
}

const rubbish = ["", "x", "{}", "\xc1", "\x93\xa1x", "\x81\xa3uid"].map((text) => Buffer.from(text, "latin1"));
const messages = "starling_cluster_refused_total";
const refused = /cluster: refused (an entry of the stream|a message (that is malformed|of an unknown type|with the uid))/;

// How a stranger hears and sends. `own`: the metric that counts a copied message of the node. listen(): calls back
// with what can be sent again. `odd`: messages of types that do not exist.
const pubsub = (hear, send, channel) => ({
  listen: async (ear, heard) => ear[hear](channel, (bytes, name) => heard(bytes, name), true),
  send: (mouth, bytes, name) => mouth[send](name, bytes),
  names: [channel.replace("*", "")], count: messages, own: messages, words: refused,
  own_words: /cluster: refused a message/,
});
const ways = {
  classic: { ...pubsub("pSubscribe", "publish", "socket.io#/#*"), names: ["socket.io#/#", "socket.io-request#/#"],
    odd: [["socket.io-request#/#", '{"uid":"x","requestId":"1","type":99}']] },
  sharded: { ...pubsub("sSubscribe", "sPublish", "socket.io#/#"),
    odd: [["socket.io#/#", "\x83\xa3uid\xa1x\xa3nsp\xa1/\xa4type\x63"]] },
  streams: {
    listen: async (ear, heard) => {
      const entries = await ear.xRevRange("socket.io", "+", "-", { COUNT: 50 });
      heard(entries.find(({ message }) => message.data?.includes("to copy")).message, "socket.io");
    },
    send: (mouth, fields, name) => mouth.xAdd(name, "*",
      Buffer.isBuffer(fields) ? { data: fields, type: "3", nsp: "/", uid: "x" } : fields),
    names: ["socket.io"], count: messages, own: messages, words: refused, own_words: /cluster: refused a message/,
    odd: [["socket.io", { uid: "x", nsp: "/", type: "99", data: "{}" }], ["socket.io", { a: "b" }]],
  },
};

for (const [mode, way] of Object.entries(ways))
  test(`${mode}: rubbish, unknown types and copies of a node's own messages`, async (t) => {
    const redis = await Redis.start(t);
    const url = `redis://127.0.0.1:${redis.port}`;
    const { sides: [one, other], talk } = await pair(t, url, mode);
    await talk("before");
    const [ear, mouth] = [await client(t, url), await client(t, url)];

    // Both say that they have refused it, in the log and in the metrics. A line may wait for a second.
    const told = async (name, words, send) => {
      const { program } = one;
      const [before, begin] = [await figure(program, name), program.output.length];
      await until(async () => {
        await send();
        return words.test(program.output.slice(begin)) && await figure(program, name) > before;
      }, `${words} and ${name} in ${program.output.slice(begin)}`);
    };
    await told(way.count, way.words, async () => {
      for (const name of way.names) for (const bytes of rubbish) await way.send(mouth, bytes, name);
    });
    await talk("after rubbish");
    await told(way.count, way.words, async () => {
      for (const [name, odd] of way.odd)
        await way.send(mouth, typeof odd === "string" ? Buffer.from(odd, "latin1") : odd, name);
    });
    await talk("after unknown types");

    const copies = [];
    const hears = () => way.listen(ear, (bytes, name) => { if (copies.length < 200) copies.push([bytes, name]); });
    if (mode === "streams") {
      one.socket.emit("said", "to copy");
      await until(() => other.heard.has("to copy"), "a message");
      await hears();
    } else {
      await hears();
      await until(() => {
        one.socket.emit("said", "to copy");
        return copies.some(([bytes]) => bytes.includes("to copy"));
      }, "a message");
    }
    await told(way.own, way.own_words, async () => {
      for (const [bytes, name] of [...copies]) await way.send(mouth, bytes, name);
    });
    await talk("after copies");
    for (const { program } of [one, other]) {
      const lines = program.output.split("\n").filter((line) => /cluster: refused/.test(line));
      const times = lines.map((line) => line.slice(0, 19));
      // A calendar second may hold two of these lines.
      for (const time of new Set(times))
        assert.ok(times.filter((other_time) => other_time === time).length <= 2, lines.join("\n"));
      assert.ok(program.alive);
    }
  });

// What a stranger repeats of a node's messages is old, and what it makes up has no meaning, or is another sender's.
test("native: rubbish, made-up messages and repeated ones of a node", async (t) => {
  const redis = await Redis.start(t);
  const url = `redis://127.0.0.1:${redis.port}`;
  const { sides, talk } = await pair(t, url, "native");
  await talk("before");
  const [ear, mouth] = [await client(t, url), await client(t, url)];
  const copies = new Map(); // The newest messages of each channel.
  await ear.pSubscribe("*", (bytes, channel) => {
    const name = channel.toString();
    copies.set(name, [...(copies.get(name) ?? []).slice(-4), bytes]);
  }, true);
  await talk("to copy");
  await until(() => copies.size >= 3, "the channel of all nodes, and that of each");

  const { program } = sides[0];
  const begin = program.output.length;
  const first = await figure(program, "starling_nodes_refused_total");
  await until(async () => {
    for (const name of copies.keys()) for (const bytes of rubbish) await mouth.publish(name, bytes);
    return await figure(program, "starling_nodes_refused_total") > first
      && /cluster: messages of other nodes are refused: they have no meaning/.test(program.output.slice(begin));
  }, "the counter and the log");
  await talk("after rubbish");

  const kept = [...copies].flatMap(([name, all]) => all.map((bytes) => [name, bytes]));
  for (const [name, bytes] of kept) await mouth.publish(name, bytes);
  // The same with one byte changed: another sender, type or number.
  for (const [name, bytes] of kept)
    for (const at of [0, 1, 5, 9])
      await mouth.publish(name, Buffer.from(bytes.map((byte, i) => (i === at ? byte ^ 0x5a : byte))));
  await talk("after made-up messages");
  for (const side of sides) assert.ok(side.program.alive);
});
