// `cluster:` of the program's configuration: the demo's Socket.IO in a cluster.
import assert from "node:assert/strict";
import { test } from "node:test";

import { io } from "socket.io-client";

import { Redis } from "./redis.mjs";
import { freePort, Program, serve, until, writeConfig } from "./server.mjs";

async function chatter(t, port, name) {
  const socket = io(`http://127.0.0.1:${port}`, { transports: ["websocket"], auth: { name } });
  t.after(() => socket.disconnect());
  const heard = [];
  socket.onAny((...words) => heard.push(JSON.stringify(words)));
  await until(() => socket.connected, name);
  return { socket, heard, hears: (text) => until(() => heard.some((one) => one.includes(text)), text) };
}

// The ids of the members by their names, as a member's page computes them.
function members(heard) {
  const listed = new Map();
  for (const [name, value] of heard.map(JSON.parse)) {
    if (name === "online") listed.clear();
    for (const { id, name: who } of value?.members ?? value?.set ?? []) listed.set(id, who);
    for (const id of value?.left ?? []) listed.delete(id);
  }
  return Object.fromEntries([...listed].map(([id, who]) => [who, id]));
}

const nodesOf = async (program) =>
  (await (await fetch(program.url("/healthz", "http"))).json()).cluster_nodes;
// Nodes that start together may be ready before the other ones are there.
const knowEachOther = async (programs) => {
  for (const program of programs)
    await until(async () => await nodesOf(program) === programs.length, "the nodes");
};

const ready = async (port) => (await fetch(`http://127.0.0.1:${port}/readyz`)).status;

for (const mode of ["native", "classic", "sharded", "streams"]) {
  test(`${mode}: the demo's chat over two programs, and readiness`, async (t) => {
    const redis = await Redis.start(t);
    const config = { demo: true, demo_data: ":memory:", workers: 2,
      cluster: { url: `redis://127.0.0.1:${redis.port}`, mode, required: true } };
    const programs = await Promise.all([serve(config), serve(config)]);
    for (const program of programs) t.after(() => program.stop());
    for (const { port } of programs) await until(async () => await ready(port) === 200, "readiness");
    const [ann, bob] = await Promise.all(
      programs.map(({ port }, i) => chatter(t, port, ["Ann", "Bob"][i])));
    await knowEachOther(programs);
    ann.socket.emit("message", "from Ann");
    await bob.hears("from Ann");
    bob.socket.emit("message", "from Bob");
    await ann.hears("from Bob");

    await redis.kill();
    for (const { port } of programs) await until(async () => await ready(port) === 503, "no Redis");
    await redis.restart();
    for (const { port } of programs) await until(async () => await ready(port) === 200, "Redis");
    ann.socket.emit("message", "again");
    await bob.hears("again");
  });
}

test("a node that must be in a cluster is ready when it has heard the nodes that are there", async (t) => {
  const redis = await Redis.start(t);
  const config = { cluster: { url: `redis://127.0.0.1:${redis.port}`, required: true } };
  for (let i = 1; i <= 3; ++i) {
    const node = await serve(config);
    t.after(() => node.stop());
    // How many nodes it knew when it was not ready yet, and when it was.
    let before = 0;
    await until(async () => {
      const known = await nodesOf(node);
      const status = await ready(node.port);
      if (status !== 200) before = known;
      return status === 200;
    }, "readiness");
    t.diagnostic(`knew ${before} of ${i} nodes before it was ready, ${await nodesOf(node)} when it was`);
    await until(async () => await nodesOf(node) === i, "the nodes");
  }
});

test("nodes that serve different things are no fault of each other", async (t) => {
  const redis = await Redis.start(t);
  const cluster = { url: `redis://127.0.0.1:${redis.port}` };
  const kinds = [{ events: { enabled: true } }, { websocket: [{ path: "/ws", kind: "broadcast" }] },
    { socketio: [{ kind: "broadcast" }] }];
  const programs = await Promise.all(kinds.map((kind) => serve({ ...kind, cluster })));
  for (const program of programs) t.after(() => program.stop());
  await knowEachOther(programs);
  // Each hears what the others have said meanwhile.
  const client = await chatter(t, programs[2].port, "Ann");
  client.socket.emit("said", "hello");
  await client.hears("hello");
  await Promise.all(programs.map((program) => program.stop()));
  for (const { output } of programs) assert.doesNotMatch(output, /refused|no meaning/);
});

test("a password and a permission that are lost while the program runs", async (t) => {
  const redis = await Redis.start(t, [], { args: ["--no-auth-warning"] });
  await redis.cli("ACL", "SETUSER", "ann", "on", ">first", "+@all", "~*", "&*");
  const program = await serve({ demo: true, demo_data: ":memory:",
    cluster: { url: `redis://ann:first@127.0.0.1:${redis.port}`, required: true } });
  t.after(() => program.stop());
  const status = (code) => until(async () => await ready(program.port) === code, `status ${code}`);
  const lost = [
    [["<first", ">second"], [">first"], /wrong user or password/],
    [["resetchannels"], ["&*"], /an access control list denies the command/],
  ];
  for (const [fault, mend, words] of lost) {
    await status(200);
    await redis.cli("ACL", "SETUSER", "ann", ...fault);
    await redis.cli("CLIENT", "KILL", "USER", "ann");
    await status(503);
    await until(() => words.test(program.output), String(words));
    await redis.cli("ACL", "SETUSER", "ann", ...mend);
    await status(200);
  }
  assert.ok(program.alive);
});

test("the chat's members and private messages reach all nodes, and a dead node's members leave", async (t) => {
  const redis = await Redis.start(t);
  const config = { demo: true, demo_data: ":memory:", workers: 2,
    cluster: { url: `redis://127.0.0.1:${redis.port}`, required: true } };
  const programs = await Promise.all([serve(config), serve(config), serve(config)]);
  for (const program of programs) t.after(() => program.stop());
  for (const { port } of programs) await until(async () => await ready(port) === 200, "readiness");
  const [ann, bob, cleo] = await Promise.all(
    programs.map(({ port }, i) => chatter(t, port, ["Ann", "Bob", "Cleo"][i])));
  const sees = (one, ...names) => until(
    () => Object.keys(members(one.heard)).sort().join(" ") === names.join(" "), names.join(" "));
  for (const one of [ann, bob, cleo]) await sees(one, "Ann", "Bob", "Cleo");

  const ask = (one, ...words) => one.socket.timeout(10_000).emitWithAck(...words);
  const { Bob, Cleo } = members(ann.heard);
  assert.deepEqual(await ask(ann, "private", Bob, "for Bob alone"), {});
  await bob.hears("for Bob alone");
  await ann.hears('"toName":"Bob"');
  await ask(bob, "rename", "Bert");
  await sees(cleo, "Ann", "Bert", "Cleo");
  ann.socket.emit("typing", true, Bob);
  await bob.hears('"typing":true');

  programs[2].signal("SIGKILL");
  for (const one of [ann, bob]) await sees(one, "Ann", "Bert");
  assert.deepEqual(await ask(ann, "private", Cleo, "too late"), { error: "gone" });
  // Said later than the private message, on the same connections.
  await ask(bob, "message", "the end");
  await ann.hears("the end");
  assert.ok(!cleo.heard.some((one) => one.includes("for Bob alone")));
});

test("faults of the configuration: one line and exit 2", async (t) => {
  const redis = await Redis.start(t, ["--requirepass", "right"], { args: ["-a", "right"] });
  const at = `127.0.0.1:${redis.port}`;
  for (const [cluster, line] of [
    [{ url: `redis://:wrong@${at}` }, /cluster: Redis refuses this node: .*wrong user or password/],
    [{ url: "http://x" }, /cluster\.url.*redis:\/\/.* before the address/],
    [{ url: `redis+cluster://${at}`, mode: "classic" }, /cluster\.url.*mode classic needs a single Redis/],
    [{ url: `redis://${at}`, mode: "other" }, /cluster\.mode.*must be native, classic, sharded or streams/],
    [{ url: `redis://${at}`, prefix: "" }, /cluster\.url.*prefix must not be empty/],
  ]) {
    const file = writeConfig({ listen: [{ address: `127.0.0.1:${await freePort()}` }],
      demo: true, demo_data: ":memory:", cluster });
    const program = new Program("starling", ["serve", "--config", file]);
    assert.equal((await program.exited).code, 2, program.output);
    assert.match(program.output, line);
    assert.doesNotMatch(program.output, /:wrong@/);
  }
});

test("streams: a client of the demo's chat whose node is killed goes on at another one", async (t) => {
  const redis = await Redis.start(t);
  const config = { demo: true, demo_data: ":memory:", workers: 2,
    cluster: { url: `redis://127.0.0.1:${redis.port}`, mode: "streams", required: true } };
  const programs = await Promise.all([serve(config), serve(config)]);
  for (const program of programs) t.after(() => program.stop());
  for (const { port } of programs) await until(async () => await ready(port) === 200, "readiness");
  await knowEachOther(programs);
  const [ann, bob] = await Promise.all(
    programs.map(({ port }, i) => chatter(t, port, ["Ann", "Bob"][i])));
  bob.socket.emit("message", "before");
  await ann.hears("before");
  const id = ann.socket.id;
  programs[0].signal("SIGKILL");
  await until(() => !ann.socket.connected, "the end of the node");
  await bob.socket.timeout(10_000).emitWithAck("message", "meanwhile");
  await bob.hears("meanwhile");
  ann.socket.io.uri = `http://127.0.0.1:${programs[1].port}`;
  ann.socket.connect();
  await ann.hears("meanwhile");
  assert.deepEqual([ann.socket.recovered, ann.socket.id], [true, id]);
  bob.socket.emit("message", "after");
  await ann.hears("after");
  const said = ann.heard.map(JSON.parse).filter(([name]) => name === "message").map(([, { text }]) => text);
  assert.deepEqual(said, ["before", "meanwhile", "after"]);
  await until(() => Object.keys(members(ann.heard)).sort().join(" ") === "Ann Bob", "the members");
});
