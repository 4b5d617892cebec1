// starling with a real Valkey in place of Redis: each mode, recovery, history, a Valkey Cluster, Sentinel and the
// demo. All other tests of clusters run with it as well, by STARLING_REDIS_SERVER.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

import { ClusterDemo } from "./cluster_demo.mjs";
import { cluster, gather, sorted } from "./cluster_nodes.mjs";
import { guest, nodes, numbers, warm } from "./recovery.mjs";
import { Client, cluster as valkeyCluster, Redis, valkey, watched } from "./redis.mjs";
import { serve, until } from "./server.mjs";
import { V1 } from "./v1.mjs";

const without = valkey ? false
  : "no valkey-server: neither in PATH nor from setup/valkey, which needs a Debian mirror that has trixie";
const check = (name, run) => test(`Valkey: ${name}`, { skip: without }, run);
const start = (t) => Redis.start(t, [], { program: valkey });

// Each client says ten sentences, and every client hears all of them, once and in order; questions reach all.
async function speak(peers) {
  await gather(peers, "red");
  for (let i = 0; i < 10; ++i)
    for (const peer of peers) await peer.do("say", "red", `${peer.port} ${i}`);
  await until(() => peers.every(({ heard }) => heard.length >= 10 * peers.length), "all sentences");
  for (const peer of peers) {
    assert.equal(peer.heard.length, 10 * peers.length);
    for (const { port } of peers)
      assert.deepEqual(peer.heard.filter((text) => text.startsWith(`${port} `)), numbers(String(port), 10));
    assert.deepEqual(sorted(await peer.do("who", "red")), sorted(peers.map(({ id }) => id)));
    assert.deepEqual(sorted(await peer.do("ask", "red")), sorted(peers.map(({ kind, port }) => `${kind} ${port}`)));
  }
}

// Valkey gives the version of Redis that it stems from, too. starling reads neither a version nor a name.
for (const protocol of [2, 3])
  check(`RESP${protocol}: the client and a server with another name`, async (t) => {
    const version = /v=(\S+)/.exec(execFileSync(valkey, ["--version"], { encoding: "utf8" }))[1];
    t.diagnostic(`Valkey ${version}`);
    const server = await start(t);
    const client = new Client(t, `redis://127.0.0.1:${server.port}/?protocol=${protocol}`);
    await client.line("ready");
    client.write("command PING", "command HELLO", "command INFO server");
    assert.equal(await client.line("answer 1"), "answer 1 PONG");
    assert.match(await client.line("answer 2"),
      new RegExp(`^answer 2 \\[server valkey version ${version} proto ${protocol} `));
    assert.equal((await client.line("redis_version:")).trim(), "redis_version:7.2.4");
    assert.equal((await client.line("server_name:")).trim(), "server_name:valkey");
    assert.equal((await client.line("valkey_version:")).trim(), `valkey_version:${version}`);
  });

check("native: two starling nodes, messages both ways", async (t) => {
  const { peers } = await cluster(t, await start(t), "native", { kinds: ["starling", "starling"] });
  await speak(peers);
});

for (const mode of ["classic", "streams"])
  check(`${mode}: a starling node and a Node.js node, messages both ways`, async (t) => {
    const { peers } = await cluster(t, await start(t), mode, { kinds: ["starling", "node"] });
    await speak(peers);
  });

check("sharded: a starling node and a Node.js node over a Valkey Cluster", async (t) => {
  const [first] = await valkeyCluster(t, { program: valkey });
  const { peers } = await cluster(t, first, "sharded",
    { url: `redis+cluster://127.0.0.1:${first.port}`, kinds: ["starling", "node"] });
  await speak(peers);
});

for (const mode of ["native", "streams"])
  check(`${mode}: a client of a node that is killed has missed nothing at the other one`, async (t) => {
    const [victim, other] = await nodes(t, await start(t),
      ["starling", mode === "native" ? "starling" : "node"], { mode });
    const [one, speaker] = [await guest(t, victim), await guest(t, other)];
    await warm([speaker], [one]);
    const { id } = one.socket;
    victim.signal("SIGKILL");
    await until(() => one.losses === 1, "the end of the node");
    for (const text of numbers("meanwhile", 10)) await speaker.do("say", "all", text);
    await one.back(other);
    await until(() => one.texts("meanwhile").length >= 10, "what was missed");
    assert.deepEqual(one.texts("meanwhile"), numbers("meanwhile", 10));
    assert.deepEqual([one.socket.recovered, one.socket.id], [true, id]);
  });

check("the history of a channel: what one node published, another one gives", async (t) => {
  const server = await start(t);
  const headers = { "X-Api-Key": "a-key-for-publishers", Connection: "close" };
  const programs = [];
  for (const name of ["a", "b"]) {
    const program = await serve({ workers: 1,
      cluster: { url: `redis://127.0.0.1:${server.port}`, name, required: true },
      events: { enabled: true, api_key: headers["X-Api-Key"],
        channels: [{ pattern: "news", history: { messages: 100, seconds: 60 } }] } });
    t.after(() => program.stop());
    await until(async () => (await fetch(program.url("/readyz", "http"))).status === 200, "readiness");
    programs.push(program);
  }
  for (const event of numbers("event", 10)) {
    const { status } = await fetch(programs[0].url("/api/publish", "http"),
      { method: "POST", headers, body: JSON.stringify({ channel: "news", event }) });
    assert.equal(status, 200);
  }
  const client = await V1.connect(`ws://127.0.0.1:${programs[1].port}/ws/channels`);
  t.after(() => client.end());
  const answer = await client.ask({ type: "history", channel: "news", limit: 100 });
  assert.deepEqual(answer.messages?.map(({ data }) => data), numbers("event", 10), JSON.stringify(answer));
});

check("Sentinel: the client follows a failover", async (t) => {
  const { master, replica, watch } = await watched(t, { program: valkey });
  const client = new Client(t, `redis+sentinel://127.0.0.1:${watch.port}/m`);
  client.write("subscribe channel news");
  await client.line("ready");
  await master.kill();
  await client.line("down");
  client.write("publish news waits");
  await client.line("message channel - news waits");
  assert.match(await replica.cli("ROLE"), /^master/);
});

check("starling cluster-demo starts it", async (t) => {
  const demo = await ClusterDemo.start(["--nodes", "2", "--redis-server", valkey]);
  t.after(() => demo.stop());
  await until(async () => (await demo.state()).nodes.every((node) => node.ready && node.nodes === 2), "the nodes");
  assert.ok(demo.stdout.includes(`Redis  its own, ${valkey}`), demo.stdout);
});
