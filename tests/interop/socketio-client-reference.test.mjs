// The situations of socketio_client/situations*.json, played by npm socket.io-client 4.8: what the
// table says is what Node's client does. tests/socketio/client/situations_test.cpp plays the same
// table with the C++ client. RECORD=1 writes what was seen into the table instead.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";

import * as io from "socket.io-client";

import { Player } from "./socketio_client/player.mjs";

const tables = ["situations.json", "situations-volatile.json"].map((name) => {
  const file = new URL(`./socketio_client/${name}`, import.meta.url);
  return { file, situations: JSON.parse(readFileSync(file, "utf8")) };
});
const record = process.env.RECORD === "1";
const wait_ms_max = 30_000;
const turn = () => new Promise((resolve) => { setImmediate(resolve); });

// Requests and WebSockets have connections of their own: only the order of each is certain.
const channel = (line) => (line === "ws closed" ? line : line.slice(0, 2));
const byChannel = (lines) => [...lines].sort((a, b) =>
  Number(channel(a) > channel(b)) - Number(channel(a) < channel(b)));

// Waits until as many lines came as the table has, and for what the step waits for, then for lines that
// the table does not have.
async function settle(player, due, until) {
  const started = process.hrtime.bigint();
  const waited_ms = () => Number(process.hrtime.bigint() - started) / 1e6;
  const short = () => player.client.length < due.client || player.server.seen.length < due.server
    || (until && !player.is(until));
  while (record ? waited_ms() < 150 : short() && waited_ms() < wait_ms_max) await turn();
  for (let turns = 0; turns < 20; turns += 1) await turn();
}

for (const situation of tables.flatMap(({ situations }) => situations)) {
  test(situation.name, async () => {
    const player = new Player(io, situation);
    await player.start();
    const due = { client: 0, server: 0 };
    try {
      for (const step of situation.steps) {
        const from = { client: player.client.length, server: player.server.seen.length };
        due.client += step.client?.length ?? 0;
        due.server += step.server?.length ?? 0;
        player.play(step.do);
        await settle(player, due, step.until);
        const client = player.client.slice(from.client);
        const server = player.server.seen.slice(from.server);
        if (record) Object.assign(step, { client, server });
        else assert.deepEqual({ client, server: byChannel(server) },
          { client: step.client, server: byChannel(step.server) }, JSON.stringify(step.do));
      }
    } finally {
      await player.stop();
    }
    assert.ok(situation.steps.length > 0);
  });
}

if (record) {
  test("the tables are written", () => {
    for (const { file, situations } of tables) {
      const lines = situations.map((situation) => {
        const { steps, ...head } = situation;
        const shown = steps.map((step) => `    ${JSON.stringify(step)}`).join(",\n");
        return `  ${JSON.stringify(head).slice(0, -1)}, "steps": [\n${shown}\n  ]}`;
      });
      writeFileSync(file, `[\n${lines.join(",\n")}\n]\n`);
      assert.ok(lines.length > 0);
    }
  });
}
