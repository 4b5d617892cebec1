// The demo's Socket.IO chat: one member's requests cost the other members a bounded amount.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { deadline } from "./client.mjs";
import { serveDemo } from "./server.mjs";
import { client4 } from "./socketio/harness.mjs";

const interval_ms = 250;  // between two broadcasts of changes
const members_count = 30;

describe("members of the chat", () => {
  let server;
  const open = [];
  before(async () => { server = await serveDemo(["--workers", "2"]); });
  after(async () => {
    for (const { socket } of open) socket.disconnect();
    await server?.stop();
  });

  // A member with the list that its page would show, and the messages it received about each
  // member.
  async function enter(name, transports = ["websocket"]) {
    const socket = client4.io(server.url("/", "http"), { forceNew: true, reconnection: false, transports, auth: { name } });
    const member = { socket, name, names: new Map(), changes: 0, bytes: 0, typing: 0, wanted: null };
    const check = () => {
      if (member.wanted?.(member)) member.met();
    };
    member.until = (wanted, what) => {
      member.wanted = wanted;
      const met = new Promise((resolve) => { member.met = resolve; });
      check();
      return deadline(met, what);
    };
    socket.on("online", ({ members }) => {
      member.names = new Map(members.map(({ id, name: told }) => [id, told]));
      check();
    });
    socket.on("changes", (change) => {
      member.changes += 1;
      member.bytes += JSON.stringify(change).length;
      for (const { id, name: told } of change.set) member.names.set(id, told);
      for (const id of change.left) member.names.delete(id);
      check();
    });
    socket.on("typing", () => { member.typing += 1; });
    open.push(member);
    await deadline(new Promise((resolve) => { socket.on("connect", resolve); }), `${name} to come`);
    return member;
  }
  const knows = (id, name) => ({ names }) => names.get(id) === name;

  test("all rename at once and often: each hears of it once in an interval", async () => {
    const members = await Promise.all(Array.from({ length: members_count },
      (_, i) => enter(`member ${i}`, i % 2 ? ["polling"] : ["websocket"])));
    const all = (name) => Promise.all(members.map((member) => member.until(({ names }) =>
      names.size === members_count && [...names.values()].every((told) => told.startsWith(name)),
    `${member.name} to know all`)));
    await all("member");
    for (const member of members) Object.assign(member, { changes: 0, bytes: 0 });
    const begun = performance.now();
    const times = 100;
    for (const { socket } of members) {
      for (let i = 1; i <= times; ++i) socket.emit("rename", `${i === times ? "last" : "name"} ${i}`);
    }
    await all("last");
    const changes_max = 2 + (performance.now() - begun) / interval_ms;
    for (const { changes, bytes } of members) {
      assert.ok(changes >= 1 && changes <= changes_max, `${changes} of ${changes_max}`);
      assert.ok(bytes < changes * members_count * 100, `${bytes} bytes in ${changes} changes`);
    }
    for (const { socket } of members) socket.disconnect();
  });

  test("a list follows those who come and go", async () => {
    const ada = await enter("Ada");
    const ben = await enter("Ben");
    await ada.until(knows(ben.socket.id, "Ben"), "Ada to hear of Ben");
    await ben.until(knows(ada.socket.id, "Ada"), "Ben to hear of Ada");
    const { id } = ben.socket;
    ben.socket.disconnect();
    await ada.until(({ names }) => !names.has(id), "Ada to hear that Ben left");
    ada.socket.disconnect();
  });

  test("typing that flickers is told once in a while", async () => {
    const [ada, ben] = [await enter("Ada"), await enter("Ben")];
    await ada.until(knows(ben.socket.id, "Ben"), "Ada to hear of Ben");
    const said = new Promise((resolve) => { ben.socket.on("message", resolve); });
    const begun = performance.now();
    for (let i = 0; i < 500; ++i) ada.socket.emit("typing", i % 2 === 0, "");
    ada.socket.emit("message", "behind all of it");
    await deadline(said, "a message");
    const typing_max = 2 * (1 + (performance.now() - begun) / 500);
    assert.ok(ben.typing >= 1 && ben.typing <= typing_max, `${ben.typing} of ${typing_max}`);
    for (const { socket } of [ada, ben]) socket.disconnect();
  });

  test("a private message to somebody who left is refused, and nobody hears it", async () => {
    const [ada, ben, eve] = [await enter("Ada"), await enter("Ben"), await enter("Eve")];
    await ada.until(knows(ben.socket.id, "Ben"), "Ada to hear of Ben");
    const { id } = ben.socket;
    ben.socket.disconnect();
    await ada.until(({ names }) => !names.has(id), "Ada to hear that Ben left");
    const heard = [];
    eve.socket.onAny((event, value) => { if (value?.text) heard.push([event, value.text]); });
    for (const to of [id, "", "nobody"]) {
      assert.deepEqual(await ada.socket.timeout(10_000).emitWithAck("private", to, "secret"),
        { error: "gone" });
    }
    await ada.socket.timeout(10_000).emitWithAck("message", "for all");
    await deadline(new Promise((resolve) => {
      if (heard.length > 0) resolve();
      eve.socket.on("message", resolve);
    }), "the message");
    assert.deepEqual(heard, [["message", "for all"]]);
    for (const { socket } of [ada, eve]) socket.disconnect();
  });
});
