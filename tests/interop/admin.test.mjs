// The admin listener of the program: its defaults, its key, and `starling admin`.

import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { io } from "socket.io-client";

import { deadline, open } from "./client.mjs";
import { freePort, run, serve, temporaryFolder, until, writeConfig } from "./server.mjs";

const websocket = [{ path: "/echo", kind: "echo" }];

const ops = "ops-key", headers = { "X-Api-Key": ops };

// `admin`: {key: undefined} for none.
async function start(t, admin = {}, config = {}) {
  const server = await serve({ websocket, ...config }, { admin: { key: ops, ...admin } });
  t.after(() => server.stop());
  const url = `http://127.0.0.1:${server.adminPort}`;
  const cli = (...args) => run(["admin", "--url", url, ...args], { env: { STARLING_KEY: ops } });
  return { server, url, cli };
}

test("the terminal shows connections and ends one", async (t) => {
  const { server, cli } = await start(t);
  const client = await open(server.url("/echo"));
  const listed = await cli("connections", "--kind", "websocket", "--json");
  assert.equal(listed.code, 0, listed.stderr);
  const [one] = JSON.parse(listed.stdout).connections;
  assert.equal(one.path, "/echo");
  const table = await cli("connections");
  assert.match(table.stdout, /^ID +KIND +ADDRESS +USER +PATH/);
  assert.match(table.stdout, new RegExp(`${one.id} +websocket +127.0.0.1 +- +/echo`));
  assert.equal((await cli("send", one.id, "hello")).stdout, "done\n");
  assert.equal(await client.next(), "hello");
  const ended = await cli("disconnect", one.id, "--code", "4000", "--reason", "bye");
  assert.equal(ended.stdout, "done\n");
  assert.deepEqual(await client.closed, { code: 4000, reason: "bye" });
  const again = await cli("disconnect", one.id);
  assert.deepEqual([again.code, again.stderr],
    [1, "starling admin: 404: there is no such connection\n"]);
});

test("top, stats, rooms, workers and errors", async (t) => {
  const { cli } = await start(t, {}, { workers: 2 });
  const top = await cli("top", "--count", "2");
  assert.equal(top.code, 0, top.stderr);
  assert.equal(top.stdout.trim().split("\n").length, 3); // A line of names, and two of figures.
  const stats = await cli("stats");
  assert.match(stats.stdout, /^figures starling_workers 2$/m);
  assert.match((await cli("rooms")).stdout, /^MEMBERS +KIND +NAMESPACE +NAME\n$/);
  assert.equal((await cli("workers")).stdout.trim().split("\n").length, 3);
  assert.equal((await cli("errors", "--json")).code, 0);
});

test("names that clients choose do not steer the terminal", async (t) => {
  const { server, cli } = await start(t, {}, { events: { enabled: true, channels: [{ pattern: "t{name}" }] } });
  const name = "t\u009b31m\u202e<b>";
  const client = await open(server.url(`/ws/ServerEvent?Ref=${encodeURIComponent(name)}`));
  const table = await until(async () => {
    const { stdout } = await cli("rooms");
    return stdout.includes("t 31m") && stdout;
  }, "the channel");
  assert.match(table, /^1 +channel +- +t 31m <b>$/m);
  const json = (await cli("rooms", "--json")).stdout;
  for (const text of [table, json]) assert.doesNotMatch(text, /[\x7f-\x9f\u202e]/);
  assert.equal(JSON.parse(json).rooms[0].name, name);
  await client.close();
});

test("a key is needed where it is set, and five wrong ones make the address wait", async (t) => {
  const key_file = path.join(temporaryFolder(), "key");
  writeFileSync(key_file, "secret\n");
  const { url, cli } = await start(t, { key: undefined, key_file });
  const status = async (headers) => (await fetch(`${url}/metrics`, { headers })).status;
  assert.equal(await status({}), 401);
  assert.equal(await status({ "X-Api-Key": "secret" }), 200);
  assert.equal(await status({ Authorization: `Basic ${btoa("ops:secret")}` }), 200);
  assert.equal((await cli("stats", "--key", "secret")).code, 0);
  const without = await run(["admin", "--url", url, "stats"]);
  assert.equal(without.stderr, "starling admin: 401: a key is needed; see --key and the variable STARLING_KEY\n");
  for (let i = 0; i < 5; ++i) assert.equal(await status({ "X-Api-Key": "guess" }), 401);
  assert.equal(await status({ "X-Api-Key": "secret" }), 429);
});

test("without a key in the configuration, the program makes one and prints it", async (t) => {
  const { server, url } = await start(t, { key: undefined });
  const key = await until(() => /admin page and API, made for this run: (\w+)/.exec(server.stdout)?.[1], "the key");
  const status = async (path, fields) => (await fetch(url + path, { headers: fields })).status;
  assert.equal(await status("/admin/api/stats", {}), 401);
  assert.equal(await status("/admin/api/stats", { "X-Api-Key": key }), 200);
  assert.equal((await run(["admin", "--url", url, "stats", "--key", key])).code, 0);
  assert.equal(await status("/metrics", {}), 200);
  assert.equal(await status("/metrics", { "X-Forwarded-For": "192.0.2.7" }), 401);
});

test("the configuration is shown without its secrets", async (t) => {
  const { url } = await start(t, {}, {
    events: { enabled: true, api_key: "publish-secret" },
    auth: { keys: [{ id: "a", secret: "0123456789abcdef0123456789abcdef" }] },
  });
  const text = await (await fetch(`${url}/admin/api/config`, { headers })).text();
  const config = JSON.parse(text);
  assert.equal(config.events.api_key, "***");
  assert.deepEqual(config.auth.keys.map(({ id, secret }) => [id, secret]), [["a", "***"]]);
  assert.equal(config.websocket[0].path, "/echo");
  assert.equal(config.workers, 1);
  assert.ok(!text.includes("secret-") && !text.includes("0123456789abcdef"));
});

test("wrong configurations and command lines say why", async (t) => {
  for (const [admin, words] of [
    [{ listen: "0.0.0.0:8081" }, /a key is needed/],
    [{ listen: "nowhere" }, /admin\.listen/],
    [{ key: "a", key_file: "b" }, /admin\.key_file.*excludes admin\.key/],
    [{ key_file: "/does/not/exist" }, /admin\.key_file.*cannot read/],
  ]) {
    const { code, stderr } = await run(["check-config", writeConfig({ admin })]);
    assert.equal(code, 2);
    assert.match(stderr, words);
  }
  const nobody = `http://127.0.0.1:${await freePort()}`;
  for (const [args, code, words] of [
    [["stats", "--url", nobody], 3, /cannot reach .*connection refused/],
    [["stats", "--url", "ftp://x"], 2, /--url/],
    [["disconnect"], 2, /needs the ID/],
    [["publish", "news"], 2, /needs a TEXT/],
    [["connections", "--limit", "0"], 2, /--limit/],
    [["nothing"], 2, /WHAT/],
  ]) {
    const ended = await run(["admin", ...args]);
    assert.equal(ended.code, code, args.join(" "));
    assert.match(ended.stderr, words);
  }
});

test("a second server without a configured address runs without the listener", async (t) => {
  const { server } = await start(t);
  // Of two servers with the same configured address, the second one does not start.
  const config = { listen: [`127.0.0.1:${await freePort()}`],
    admin: { listen: `127.0.0.1:${server.adminPort}` } };
  const env = { STARLING_ADMIN__ENABLED: "true" };
  const second = await run(["serve", "--config", writeConfig(config)], { env });
  assert.equal(second.code, 2);
  assert.match(second.stderr, /cannot listen on 127\.0\.0\.1:\d+/);
});

test("rates follow what happens", async (t) => {
  const { server, url } = await start(t);
  const client = await open(server.url("/echo"));
  await until(async () => {
    for (let i = 0; i < 50; ++i) client.socket.send("x");
    const { now } = await (await fetch(`${url}/admin/api/stats`, { headers })).json();
    return now.messages_in > 0 && now.websockets === 1 && now.resident_bytes > 0;
  }, "the rates");
  const history = await (await fetch(`${url}/admin/api/history`, { headers })).json();
  assert.equal(history.fine.at(-1).length, history.names.length + 1);
  client.end();
});

test("actions and wrong keys are logged and counted, without keys and texts", async (t) => {
  const { server, url, cli } = await start(t, {}, {
    events: { enabled: true, channels: [{ pattern: "c{n}", interval_s: 0 }] },
  });
  const client = await open(server.url("/echo"));
  const [{ id }] = JSON.parse((await cli("connections", "--kind", "websocket", "--json")).stdout).connections;
  const lines = (words) => server.stderr.split("\n").filter((line) => line.includes(words));
  await cli("send", id, "private words");
  assert.equal(await client.next(), "private words");
  await cli("publish", "news\u001b[2J\nlevel=error", "private words");
  await cli("publish", "--kind", "channel", "c1", "private words");
  await cli("disconnect", id, "--reason", "private reason");
  await client.closed;
  await cli("disconnect", id);
  await until(() => lines("admin: an action").length === 5, "the lines");
  for (const [i, words] of [
    `action=send target=${id} address=127.0.0.1 result=done`,
    'action=publish target="topic news\\x1b[2J\\nlevel=error" address=127.0.0.1 result=done',
    'action=publish target="channel c1" address=127.0.0.1 result=done',
    `action=disconnect target=${id} address=127.0.0.1 result=done`,
    `action=disconnect target=${id} address=127.0.0.1 result="there is no such connection"`,
  ].entries())
    assert.ok(lines("admin: an action")[i].endsWith(words), lines("admin: an action")[i]);

  const get = (headers) => fetch(`${url}/admin/api/stats`, { headers });
  assert.equal((await get({ "X-Api-Key": "guessed-key" })).status, 401);
  assert.equal((await get({})).status, 401);
  assert.equal((await get({ ...headers, Origin: "http://elsewhere.example" })).status, 403);
  assert.equal((await fetch(`${url}/admin/api/send`, { method: "POST", headers, body: "{}" })).status, 415);
  const [warning] = await until(() => lines("admin: a wrong key").length === 1 && lines("admin: a wrong key"), "the warning");
  assert.match(warning, / warn  admin: a wrong key address=127\.0\.0\.1 so_far=1$/);
  await until(async () => {
    const metrics = await (await fetch(`${url}/metrics`, { headers })).text();
    return ["wrong_key", "no_key", "origin", "type"].every((reason) =>
      metrics.includes(`starling_admin_refused_total{reason="${reason}"} 1\n`));
  }, "the metrics");
  assert.doesNotMatch(server.output, /private|guessed-key|ops-key/);
});

test("publish says how many it is for, to a topic or a channel", async (t) => {
  const { server, cli } = await start(t, {}, {
    websocket: [{ path: "/room", kind: "broadcast" }],
    events: { enabled: true, channels: [{ pattern: "c{n}", interval_s: 0 }] },
  });
  const inRoom = await open(server.url("/room")), onChannel = await open(server.url("/ws/ServerEvent?Ref=c1"));
  const wait = async (args, stdout) =>
    until(async () => (await cli("publish", ...args)).stdout === stdout, `${args}: ${stdout}`);
  await wait(["/room", "x"], "done, subscribers: 0\n"); // The topic of the kind is "room:/room".
  await wait(["room:/room", "hello"], "done, subscribers: 1\n");
  assert.equal(await inRoom.next(), "hello");
  await wait(["c1", "x"], "done, subscribers: 0\n"); // A topic has no listener of a channel.
  await wait(["--kind", "channel", "c12", "x"], "done, subscribers: 0\n");
  await wait(["--kind", "channel", "c1", "news"], "done, subscribers: 1\n");
  assert.match(await onChannel.next(), /news/);
  const wrong = await cli("publish", "--kind", "room", "c1", "x");
  assert.deepEqual([wrong.code, wrong.stderr], [2, "starling admin: --kind: publish takes topic or channel\n"]);
  const refused = await cli("publish", "--kind", "channel", "nowhere", "x");
  assert.deepEqual([refused.code, refused.stderr], [1, "starling admin: 400: the channel refuses the event\n"]);
  inRoom.end();
  onChannel.end();
});

test("connections by address and page by page, errors with their time and fields", async (t) => {
  const { server, cli } = await start(t, {}, { limits: { connections_per_address_max: 2, exempt: ["127.0.0.1"] } });
  const clients = [];
  for (const address of ["127.0.0.1", "127.0.0.2", "127.0.0.2"])
    clients.push(await open(server.url("/echo"), [], { localAddress: address }));
  const count = async (...args) => {
    const { stdout } = await cli("connections", "--kind", "websocket", "--json", ...args);
    return JSON.parse(stdout).connections.length;
  };
  assert.equal(await count("--address", "127.0.0.2"), 2);
  assert.equal(await count("--address", "127.0.0.0/30"), 3);
  assert.equal(await count("--address", "::1"), 0);
  const wrong = await cli("connections", "--address", "nonsense");
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /^starling admin: 400: address: .*nonsense/);

  const seen = new Set();
  for (let cursor, page = 0; page < 10; ++page) {
    const { stdout } = await cli("connections", "--kind", "websocket", "--limit", "1", ...(cursor ? ["--cursor", cursor] : []));
    for (const [id] of stdout.matchAll(/^\d+-\d+-\d+/gm)) seen.add(id);
    cursor = /^\(there are more: --cursor (\S+)\)$/m.exec(stdout)?.[1];
    if (!cursor) break;
  }
  assert.equal(seen.size, 3);

  await assert.rejects(open(server.url("/echo"), [], { localAddress: "127.0.0.2" }));
  const errors = await until(async () => {
    const { stdout } = await cli("errors");
    return stdout.includes("too many") && stdout;
  }, "the line");
  assert.match(errors, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d warn an address has too many connections: .*\) address=127\.0\.0\.2 so_far=1$/m);
  for (const one of clients) one.end();
});

test("the figures of the API are numbers without an exponent", async (t) => {
  const { url } = await start(t);
  const client = await fetch(`${url}/admin/api/stats`, { headers });
  const text = await client.text();
  assert.match(text, /"starling_workers":1\b/);
  assert.doesNotMatch(text, /\dE0\b|\.\dE1\b/); // "1E0", "5.2E1": whole numbers.
  assert.doesNotMatch(await (await fetch(`${url}/admin/api/workers`, { headers })).text(), /\dE\d/);
});

test("a client that is refused counts, whatever it comes by", async (t) => {
  const { server, url } = await start(t, { key: ops }, {
    events: { enabled: true, api_key: "publish-key", channels: [{ pattern: "c{n}" }, { pattern: "secret{n}", access: "user" }] },
    auth: { keys: [{ id: "a", secret: "0123456789abcdef0123456789abcdef" }] },
    socketio: [{ serve_client: false, auth: "required", origins: ["https://page.example"] }],
  });
  const from = (path, fields = {}, options = {}) =>
    fetch(`http://127.0.0.1:${server.port}${path}`, { headers: fields, ...options });
  const foreign = { Origin: "https://elsewhere.example" };
  const poll = "/socket.io/?EIO=4&transport=polling";
  assert.equal((await from(poll, foreign)).status, 403);
  assert.equal((await from("/socket.io/?EIO=9&transport=telex")).status, 400);
  assert.equal((await from(`${poll}&sid=gone`)).status, 400); // Not a handshake.
  assert.equal((await from("/sse/ServerEvent?Ref=c1", foreign)).status, 403);
  assert.equal((await from("/sse/ServerEvent?Ref=secret1")).status, 401);
  assert.equal((await from("/api/publish", {}, { method: "POST", body: "{}" })).status, 401);
  await assert.rejects(open(server.url("/ws/ServerEvent?Ref=secret1")));
  const socket = io(`http://127.0.0.1:${server.port}`,
    { forceNew: true, reconnection: false, transports: ["polling"], auth: { token: "wrong" } });
  const [error] = await deadline(once(socket, "connect_error"), "the refusal");
  assert.equal(error.message, "unauthorized");
  socket.disconnect();
  const wanted = [
    ["polling", "origin"], ["polling", "protocol"], ["sse", "origin"], ["sse", "login"], ["api", "login"],
    ["websocket", "login"], ["namespace", "login"],
  ].map(([kind, reason]) => `starling_handshakes_refused_total{kind="${kind}",reason="${reason}"} 1`);
  await until(async () => {
    const text = await (await fetch(`${url}/metrics`, { headers })).text();
    const counted = text.split("\n").filter((line) => /^starling_handshakes_refused_total\{.* [^0]/.test(line));
    assert.ok(counted.length <= wanted.length, counted.join("\n"));
    return wanted.every((line) => counted.includes(line));
  }, "the figures");
});
