// `starling cluster-demo`: its processes, its buttons, who may press them, and its end.
import assert from "node:assert/strict";
import http from "node:http";
import { hostname } from "node:os";
import { after, before, describe, test } from "node:test";

import { alive, ClusterDemo } from "./cluster_demo.mjs";
import { Redis } from "./redis.mjs";
import { freePort, run, until } from "./server.mjs";

// The status of a request with these fields; fetch() would not send them.
const status = (demo, method, route, headers) => new Promise((resolve, reject) => {
  http.request({ host: "127.0.0.1", port: demo.port, method, path: route, headers, agent: false },
    (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on("error", reject).end();
});

describe("cluster demo", () => {
  let demo;
  before(async () => { demo = await ClusterDemo.start(["--nodes", "3"]); });
  after(async () => { await demo?.stop(); });

  test("starts three nodes that know each other, and its own Redis", async () => {
    await until(async () => (await demo.state()).nodes.every(({ nodes }) => nodes === 3), "the nodes");
    const { mode, redis, nodes } = await demo.state();
    assert.deepEqual([mode, redis.state, nodes.length], ["native", "running", 3]);
    for (const { pid, port, ready, state } of nodes) {
      assert.ok(alive(pid));
      assert.deepEqual([ready, state], [true, "running"]);
      assert.match(demo.stdout, new RegExp(`ready: .*http://localhost:${port}\\b`));
    }
    assert.doesNotMatch(demo.stdout, /has ended/);
    assert.match(demo.stdout, /Redis {2}its own, \/.*redis-server/);
  });

  test("the buttons: kill, restart, freeze and thaw", async () => {
    const { pid, port } = await demo.node(2);
    assert.equal((await demo.press(2, "thaw")).status, 409);
    assert.equal((await demo.press(2, "kill")).status, 200);
    const killed = await demo.nodeIs(2, (node) => node.ended === "signal 9 (Killed)");
    assert.deepEqual([killed.state, killed.ready, killed.pid], ["killed", false, 0]);
    assert.ok(!alive(pid));
    assert.equal((await demo.press(2, "kill")).status, 409);
    await demo.press(2, "restart");
    const again = await demo.nodeIs(2, (node) => node.ready);
    assert.notEqual(again.pid, pid);
    assert.deepEqual([again.port, again.starts], [port, 2]);

    await demo.press(3, "freeze");
    await demo.nodeIs(3, (node) => node.state === "frozen" && !node.ready);
    await demo.press(3, "thaw");
    await demo.nodeIs(3, (node) => node.ready);
    // A frozen node restarts, too.
    await demo.press(3, "freeze");
    await demo.press(3, "restart");
    await demo.nodeIs(3, (node) => node.ready && node.starts === 2);

    await demo.press("redis", "kill");
    await demo.nodeIs(1, (node) => !node.ready && node.state === "running");
    await demo.press("redis", "restart");
    await demo.nodeIs(1, (node) => node.ready);
    for (const [process, button] of [[4, "kill"], [0, "kill"], ["x", "kill"], [1, "stop"]])
      assert.equal((await demo.press(process, button)).status, 404);
  });

  test("a node that dies by itself starts again, and the terminal shows why", async () => {
    const { pid, starts } = await demo.node(1);
    process.kill(pid, "SIGKILL");
    await demo.nodeIs(1, (node) => node.ready && node.starts === starts + 1);
    assert.match(demo.stdout, /node 1 has ended \(signal 9 \(Killed\)\); it starts again in 0\.5 s; its last lines:\n {4}\S/);
  });

  test("only the holder of the key, from a page of this machine, sees the state and presses buttons", async () => {
    const { pid } = await demo.node(1);
    const local = { Host: `localhost:${demo.port}`, "X-Api-Key": demo.key };
    for (const [headers, answer] of [
      [{ ...local, Origin: `http://localhost:${demo.port}` }, 409],  // Allowed, and not possible.
      [local, 409],
      [{ ...local, "X-Api-Key": "" }, 401],
      [{ ...local, "X-Api-Key": demo.key.replace(/.$/, (c) => (c === "0" ? "1" : "0")) }, 401],
      [{ ...local, Origin: "http://evil.example" }, 403],
      [{ ...local, Origin: "null" }, 403],
      [{ ...local, Host: `evil.example:${demo.port}`, Origin: `http://evil.example:${demo.port}` }, 403],
    ])
      assert.equal(await status(demo, "POST", "/api/cluster/1/thaw", headers), answer, JSON.stringify(headers));
    assert.equal(await status(demo, "GET", "/api/cluster", { Host: "localhost" }), 401);
    assert.equal(await status(demo, "GET", "/", { Host: "evil.example" }), 403);
    assert.equal(await status(demo, "GET", "/api/cluster/1/kill", local), 405);
    assert.equal(await status(demo, "GET", "/socket.io/?EIO=4&transport=polling", local), 403);
    assert.equal((await demo.node(1)).pid, pid);
  });

  test("the page of the demo may connect to the nodes, another page may not", async () => {
    const { port } = await demo.node(1);
    for (const [origin, answer] of [[`http://localhost:${demo.port}`, 200], ["http://evil.example", 403]])
      assert.equal((await fetch(`http://127.0.0.1:${port}/socket.io/?EIO=4&transport=polling`,
        { headers: { Origin: origin } })).status, answer, origin);
  });

  test("Ctrl-C ends every process, a frozen one too", async () => {
    await demo.press(2, "freeze");
    const pids = await demo.pids();
    assert.equal(new Set(pids).size, 5);
    assert.ok(pids.every(alive));
    demo.signal("SIGINT");
    assert.deepEqual(await demo.exited, { code: 0, signal: null });
    assert.deepEqual(pids.filter(alive), []);
    assert.match(demo.stdout, /all processes have ended\n$/);
  });
});

// In each mode a name in Redis that both demos used would make them one cluster.
for (const mode of ["native", "classic", "sharded", "streams"])
  test(`two demos on one Redis are two clusters: ${mode}`, async (t) => {
    const redis = await Redis.start(t);
    const args = ["--nodes", "2", "--mode", mode, "--redis", `redis://127.0.0.1:${redis.port}`];
    const demos = await Promise.all([ClusterDemo.start(args), ClusterDemo.start(args)]);
    for (const demo of demos) t.after(() => demo.stop());
    await until(async () => (await Promise.all(demos.map((demo) => demo.state())))
      .every(({ nodes }) => nodes.every(({ ready, nodes: known }) => ready && known === 2)), "two nodes each");
    // Each channel and each key belongs to one of the demos.
    const names = [await redis.cli("PUBSUB", "CHANNELS"), await redis.cli("PUBSUB", "SHARDCHANNELS"),
      await redis.cli("KEYS", "*")].join("\n").split("\n").filter((name) => name !== "");
    assert.ok(names.length > 0);
    const strange = names.filter((name) => !demos.some(({ port }) => name.includes(`starling-demo-${hostname()}-${port}`)));
    assert.deepEqual(strange, []);
    for (const { port } of demos) assert.ok(names.some((name) => name.includes(`-${port}`)), `${port}`);
  });

test("a demo that is killed leaves no process", async () => {
  const demo = await ClusterDemo.start(["--nodes", "1", "--mode", "sharded"]);
  const pids = await demo.pids();
  demo.signal("SIGKILL");
  await demo.exited;
  await until(() => !pids.some(alive), "the end of its processes");
});

test("what does not work is one line, and exit 2", async () => {
  const [one, another] = [String(await freePort()), String(await freePort())];
  await Promise.all([
    [["--nodes", "0"], /^starling: --nodes: must be a number from 1 to 9\n$/],
    [["--nodes", "10"], /^starling: --nodes: must be a number from 1 to 9\n$/],
    [["--nodes", "3x"], /^starling: --nodes: must be a number from 1 to 9\n$/],
    [["--port", "65536"], /^starling: --port: must be a number from 1 to 65535\n$/],
    [["--mode", "loud"], /^starling: --mode: must be native, classic, /],
    [["--redis", ""], /^starling: --redis: must be a URL/],
    [["--redis", "127.0.0.1:6379"], /^starling: --redis: must be a URL, as redis:\/\/127.0.0.1:6379\n$/],
    [["--redis-server", "/nowhere"], /^starling: --redis-server: cannot run '\/nowhere'\n$/],
    [["--redis-server", "/bin/false", "--port", one], /^starling: Redis does not start \(exit code 1\)\n$/],
    [["--redis", "http://x", "--port", another], /^starling: node 1 does not start \(exit code 2\): .*cluster\.url.*\n$/],
  ].map(async ([args, line]) => {
    const { code, stderr } = await run(["cluster-demo", ...args]);
    assert.equal(code, 2, stderr);
    assert.match(stderr.replace(/^.*no bundles for browsers.*\n/m, ""), line);
  }));
});
