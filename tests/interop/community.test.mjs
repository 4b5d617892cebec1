// The community's HTTP API and its channels, used as the pages use them.

import assert from "node:assert/strict";
import { statSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";

import { open, Client } from "./client.mjs";
import { run, serve, serveDemo, temporaryFolder } from "./server.mjs";

const emma = "emma@example.com";
const ming = "ming@example.com";
const event = "WS Server Event:GotNew";

// A user with a cookie: get(path) and post(path, body) return {status, body, headers}.
class Visitor {
  cookie = "";

  constructor(server) { this.server = server; }

  async #call(target, options = {}) {
    const headers = { ...(this.cookie ? { Cookie: this.cookie } : {}), ...options.headers };
    const response = await fetch(this.server.url(`/community/api/${target}`, "http"),
      { ...options, headers });
    const cookie = response.headers.get("set-cookie");
    if (cookie) this.cookie = cookie.split(";")[0];
    return { status: response.status, body: await response.json(), headers: response.headers };
  }

  get(target) { return this.#call(target); }

  post(target, body = {}, headers = {}) {
    return this.#call(target, { method: "POST", body: JSON.stringify(body),
      headers: { "Content-Type": "application/json", ...headers } });
  }

  async login(email) {
    assert.equal((await this.post("login", { email })).status, 200);
    return this;
  }

  listen(channel) {
    return open(this.server.url(`/ws/ServerEvent?Ref=${channel}`), [],
      { headers: { Cookie: this.cookie } });
  }
}

async function refusal(client) {
  const { error } = await client.closed.then(() => client);
  return error?.message ?? "";
}

describe("community", () => {
  const data = path.join(temporaryFolder(), "demo.sqlite");
  let server;
  before(async () => { server = await serveDemo(["--data", data]); });
  after(() => server?.stop());
  const visitor = () => new Visitor(server);

  test("a login is a cookie that the page's scripts cannot read", async () => {
    const who = visitor();
    assert.deepEqual((await who.get("session")).body.user, null);
    const { status, headers } = await who.post("login", { email: emma });
    assert.equal(status, 200);
    assert.match(headers.get("set-cookie"), /^auth_token=[\w-]+\.[\w-]+\.[\w-]+;/);
    assert.match(headers.get("set-cookie"), /HttpOnly/);
    assert.match(headers.get("set-cookie"), /SameSite=Lax/);
    assert.deepEqual((await who.get("session")).body.user, { email: emma, name: "Emma" });
    await who.post("logout");
    assert.deepEqual((await who.get("session")).body.user, null);
    assert.equal((await who.post("login", { email: "eve@example.com" })).status, 404);
  });

  test("a comment is announced on its article's channel alone, and fetched by HTTP", async () => {
    const writer = await visitor().login(emma);
    const here = await visitor().listen("ArticleMessage256");
    const there = await visitor().listen("ArticleMessage257");
    const text = "'); DROP TABLE comments; -- <b>x</b> 你好";
    const { status, body } = await writer.post("articles/256/comments", { text });
    assert.equal(status, 201);
    assert.equal(await here.next(), event);
    const { comments } = (await visitor().get(`articles/256/comments?after=${body.id - 1}`)).body;
    assert.deepEqual(comments.map((one) => [one.author.name, one.text]), [["Emma", text]]);
    await writer.post("articles/257/comments", { text: "elsewhere" });
    assert.equal(await there.next(), event);
    await Promise.all([here.close(), there.close()]);
  });

  test("a friend request reaches the one who is asked, and him alone", async () => {
    const asker = await visitor().login(emma);
    const asked = await visitor().login(ming);
    const ear = await asked.listen(`SystemMessage${encodeURIComponent(ming)}`);
    const { body } = await asker.post("friends/ask", { email: ming });
    assert.deepEqual(body.outgoing, [{ email: ming, name: "小明" }]);
    assert.equal(await ear.next(), event);
    assert.deepEqual((await asked.get("friends")).body.incoming, [{ email: emma, name: "Emma" }]);
    const back = await asker.listen(`SystemMessage${encodeURIComponent(emma)}`);
    assert.equal((await asked.post("friends/accept", { email: emma })).status, 200);
    assert.equal(await back.next(), event);
    assert.deepEqual((await asker.get("friends")).body.friends, [{ email: ming, name: "小明" }]);
    assert.equal((await asker.post("friends/part", { email: ming })).status, 200);
    await Promise.all([ear.close(), back.close()]);
  });

  test("a private channel is for its user", async () => {
    const url = server.url(`/ws/ServerEvent?Ref=SystemMessage${encodeURIComponent(ming)}`);
    const refused = async (cookie) =>
      refusal(new Client(url, [], cookie ? { headers: { Cookie: cookie } } : {}));
    assert.match(await refused(""), /401/);
    const other = await visitor().login(emma);
    assert.match(await refused(other.cookie), /403/);
    const forged = other.cookie.replace(/.$/, (last) => (last === "A" ? "Q" : "A"));
    assert.match(await refused(forged.replace(/\.[^.]+$/, ".AAAA")), /401/);
  });

  test("requests of other sites, of strangers and of too many words are refused", async () => {
    const who = await visitor().login(emma);
    const post = async (visitorOf, body, headers) =>
      (await visitorOf.post("articles/258/comments", body, headers)).status;
    assert.equal(await post(who, { text: "x" }, { Origin: "https://evil.example" }), 403);
    assert.equal(await post(who, { text: "x" }, { Origin: server.url("", "http") }), 201);
    assert.equal(await post(who, { text: "x" }, { "Content-Type": "text/plain" }), 415);
    assert.equal(await post(visitor(), { text: "x" }), 401);
    assert.equal(await post(who, { text: "水".repeat(2000) }), 201);
    assert.equal(await post(who, { text: "水".repeat(2001) }), 400);
    assert.equal(await post(who, { text: "x".repeat(20_000) }), 413);
    assert.equal((await who.post("articles/1/comments", { text: "x" })).status, 404);
    assert.equal((await visitor().get("friends")).status, 401);
    const { comments } = (await who.get("articles/258/comments")).body;
    assert.equal(comments.length, 2);
  });

  test("who writes too fast is told to wait", async () => {
    const who = await visitor().login(ming);
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) =>
      who.post("articles/258/comments", { text: `flood ${i}` })));
    const refused = answers.filter(({ status }) => status === 429);
    const taken = answers.filter(({ status }) => status === 201);
    assert.equal(refused.length + taken.length, answers.length);
    assert.ok(taken.length >= 15, `${taken.length} were taken`);
    assert.ok(refused.length > 0);
    for (const { headers } of refused) assert.equal(headers.get("retry-after"), "1");
  });
});

describe("the community's data", () => {
  test("comments and logins survive a restart, and a kill", async () => {
    const data = path.join(temporaryFolder(), "demo.sqlite");
    let server = await serveDemo(["--data", data]);
    let who = await new Visitor(server).login(emma);
    const { cookie } = who;
    await who.post("articles/256/comments", { text: "before the restart" });
    await server.stop();
    server = await serveDemo(["--data", data]);
    who = Object.assign(new Visitor(server), { cookie });
    assert.equal((await who.get("session")).body.user.email, emma);
    await who.post("articles/256/comments", { text: "before the kill" });
    server.signal("SIGKILL");
    await server.exited;
    server = await serveDemo(["--data", data]);
    const { comments } = (await new Visitor(server).get("articles/256/comments")).body;
    assert.deepEqual(comments.map(({ text }) => text), ["before the restart", "before the kill"]);
    assert.equal(statSync(data).mode & 0o777, 0o600);
    await server.stop();
  });

  test("two programs share a file", async () => {
    const data = path.join(temporaryFolder(), "demo.sqlite");
    const servers = [await serveDemo(["--data", data]), await serveDemo(["--data", data])];
    const [one, other] = servers.map((server) => new Visitor(server));
    await one.login(emma);
    assert.equal((await one.post("articles/256/comments", { text: "hi" })).status, 201);
    other.cookie = one.cookie;
    assert.equal((await other.get("session")).body.user.email, emma);
    assert.equal((await other.get("articles/256/comments")).body.comments.length, 1);
    await Promise.all(servers.map((server) => server.stop()));
  });

  test("a file that cannot be used is one line and exit code 2", async () => {
    const { code, stderr } = await run(["serve", "--demo", "--listen", "127.0.0.1:0", "--data",
      "/proc/nowhere.sqlite"]);
    assert.equal(code, 2);
    assert.equal(stderr, "starling: --data: cannot use '/proc/nowhere.sqlite': "
      + "No such file or directory\n");
  });

  test("without --demo there is no community", async () => {
    const server = await serveDemo(["--data", ":memory:"]);
    assert.equal((await new Visitor(server).get("articles")).status, 200);
    await server.stop();
    const bare = await serve({ websocket: [{ path: "/echo", kind: "echo" }] });
    const response = await fetch(bare.url("/community/api/articles", "http"));
    assert.equal(response.status, 404);
    await bare.stop();
  });
});
