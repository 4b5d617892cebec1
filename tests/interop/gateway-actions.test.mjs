// Answers that count: actions in an application's answers to webhooks.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { Application } from "../applications/application.mjs";
import { enter, startGateway } from "./gateway.mjs";
import { until } from "./server.mjs";

const type = "application/vnd.starling.actions+json";
const answer = (actions, headers = {}) => ({ status: 200, headers: { "Content-Type": type, ...headers },
  body: typeof actions === "string" ? actions : JSON.stringify({ actions }) });

// The application answers a message {"answer": BODY} with that body; and every other one with nothing.
async function start(options = {}) {
  const application = await Application.start(({ action, data }) =>
    (action === "message" && data?.answer !== undefined ? answer(data.answer) : {}));
  const gateway = await startGateway({ application: application.url, config: { workers: 2 }, ...options });
  return { application, gateway,
    async stop() {
      await gateway.stop();
      await application.stop();
    } };
}
const ask = ({ client }, actions) => client.socket.send(JSON.stringify({ answer: actions }));

describe("actions", () => {
  let all;
  let ada;
  let ben;
  before(async () => {
    all = await start();
    ada = await enter(all.gateway, all.application, "ada", { token: "ta" });
    ben = await enter(all.gateway, all.application, "ben");
  });
  after(() => all?.stop());

  test("send without a selector answers this connection; in order", async () => {
    ask(ada, [{ send: { payload: { n: 1 } } }, { send: { text: "two" } }, { send: { base64: "AwM=" } }]);
    assert.equal(await ada.client.next(), '{"n":1}');
    assert.equal(await ada.client.next(), "two");
    assert.deepEqual(await ada.client.next(), Buffer.from([3, 3]));
  });

  test("the payload's bytes arrive as they were sent", async () => {
    const payload = '{"z":1, "a":9223372036854775808,"a":1.0}';
    ask(ada, `{"actions":[{"send":{"payload":${payload}}}]}`);
    assert.equal(await ada.client.next(), payload);
  });

  test("send by the selectors of the control API", async () => {
    ask(ada, [{ send: { users: ["ben"], payload: "by user" } }, { send: { conn_id: ben.id, payload: "by id" } },
      { send: { tokens: ["ta"], payload: "by token" } },
      { send: { users: ["ben", "ada"], users_access_type: 1, payload: "private" } },
      { send: { users: ["ben", "ada"], payload: "end" } }]);
    const got = async (client) => {
      const texts = [];
      for (let text = ""; text !== '"end"'; texts.push(text)) text = await client.next();
      return texts.slice(0, -1);
    };
    assert.deepEqual(await got(ben.client), ['"by user"', '"by id"']);
    assert.deepEqual(await got(ada.client), ['"by token"', '"private"']);
  });

  test("join, publish, leave", async () => {
    ask(ada, [{ join: ["news", "more"] }]);
    ask(ada, [{ publish: { topic: "news", payload: 1 } }, { leave: ["news"] },
      { publish: { topic: "news", payload: 2 } }, { publish: { topic: "more", text: "three" } }]);
    assert.equal(await ada.client.next(), "1");
    assert.equal(await ada.client.next(), "three");
    ask(ben, [{ publish: { topic: "more", payload: "from ben" } }]);
    assert.equal(await ada.client.next(), '"from ben"');
    const { json } = await all.gateway.post("/tapr/ws/topic/publish", { topic: "more", text: "api", except: [ada.id] });
    assert.equal(json.data.connections, 0);
    ask(ada, [{ leave: ["more"] }, { send: { text: "left" } }]);
    assert.equal(await ada.client.next(), "left");
    const nobody = await all.gateway.post("/tapr/ws/topic/publish", { topic: "more", text: "x" });
    assert.equal(nobody.json.data.connections, 0);
  });

  test("close another, and itself, behind what was sent", async () => {
    const eve = await enter(all.gateway, all.application, "eve");
    const last = await enter(all.gateway, all.application, "last");
    ask(last, [{ close: { users: ["eve"], code: 4002, reason: "other" } }, { send: { payload: "bye" } },
      { close: { code: 4000, reason: "done" } }]);
    assert.deepEqual(await eve.client.closed, { code: 4002, reason: "other" });
    assert.equal(await last.client.next(), '"bye"');
    assert.deepEqual(await last.client.closed, { code: 4000, reason: "done" });
  });

  // [actions, what the log says]
  test("join of more than 1,000 topics: those within the limit are joined, the rest is logged", async () => {
    ask(ada, [{ join: Array.from({ length: 1001 }, (_, i) => `t${i}`) }, { send: { payload: "done" } }]);
    assert.equal(await ada.client.next(), '"done"');
    await until(() => all.gateway.output.includes("a client may be in 1000 topics at most"), "the line");
    const publish = (topic) => all.gateway.post("/tapr/ws/topic/publish", { topic, payload: 1 });
    assert.equal((await publish("t900")).json.data.connections, 1);
    assert.equal((await publish("t1000")).json.data.connections, 0);
    assert.equal(await ada.client.next(), "1");
    ask(ada, [{ leave: Array.from({ length: 1000 }, (_, i) => `t${i}`) }, { send: { payload: "left" } }]);
    assert.equal(await ada.client.next(), '"left"');
  });

  const malformed = [
    [[{ send: { text: "a" } }, { send: { payload: 1, text: "b" } }], "actions[1].send.payload, text, base64"],
    [[{ send: { text: "a" } }, { send: { payload: 1, users: "x" } }], "actions[1].send.users: an array of strings"],
    [[{ send: { text: "a" } }, { jump: {} }], "actions[1]"],
    [[{ send: { text: "a" } }, { send: { text: "x" }, join: ["y"] }], "actions[1]: one action is wanted"],
    [[{ send: { text: "a" } }, { close: { code: 1006 } }], "actions[1].close.code"],
    [[{ send: { text: "a" } }, { join: "news" }], "actions[1].join: an array of strings"],
    [[{ send: { text: "a" } }, { accept: {} }], "actions[1].accept"],
  ];
  for (const [actions, problem] of malformed) {
    test(`malformed: ${problem}: logged; those in front of it are done`, async () => {
      // Again and again: one line of this kind is logged each second.
      await until(async () => {
        ask(ada, [...actions, { send: { text: "not done" } }]);
        assert.equal(await ada.client.next(), "a");
        return all.gateway.output.includes(problem);
      }, problem);
      ask(ada, [{ send: { text: "goes on" } }]);
      assert.equal(await ada.client.next(), "goes on");
    });
  }

  for (const [what, body] of [["no JSON", "{"], ["no object", "[]"], ["nothing", ""],
    ["an unknown field", '{"action":[]}'],
    ["over 64 KiB", `{"actions":[{"send":{"text":"${"x".repeat(65_536)}"}}]}`]]) {
    test(`a body that is ${what} does nothing`, async () => {
      ask(ada, body);
      ask(ada, [{ send: { text: what } }]);
      assert.equal(await ada.client.next(), what);
    });
  }

  test("a body of 64 KiB is done", async () => {
    const frame = '{"actions":[{"send":{"text":""}}]}';
    const text = "x".repeat(65_536 - frame.length);
    ask(ada, frame.replace('""', `"${text}"`));
    assert.equal(await ada.client.next(), text);
  });
});

describe("other answers", () => {
  // [what, answer to the first message]
  for (const [what, first] of [
    ["another content type", { ...answer([{ send: { text: "x" } }]), headers: { "Content-Type": "application/json" } }],
    ["another status", { ...answer([{ send: { text: "x" } }]), status: 400 }],
  ]) {
    test(`actions with ${what} are ignored`, async () => {
      const answers = [first, answer([{ send: { text: "second" } }])];
      const application = await Application.start(({ action }) => (action === "message" ? answers.shift() : {}));
      const gateway = await startGateway({ application: application.url });
      const { client } = await enter(gateway, application, "ada");
      client.socket.send("{}");
      client.socket.send("{}");
      assert.equal(await client.next(), "second");
      await client.close();
      await gateway.stop();
      await application.stop();
    });
  }

  test("actions of open and of close count; with parameters of the content type, and 201", async () => {
    const application = await Application.start(({ action }) => {
      if (action === "open") {
        return { ...answer([{ join: ["all"] }, { send: { text: "welcome" } }],
          { "Content-Type": `${type}; charset=utf-8` }), status: 201 };
      }
      return action === "close" ? answer([{ publish: { topic: "all", text: "someone left" } }]) : {};
    });
    const gateway = await startGateway({ application: application.url, config: { workers: 2 } });
    const ada = await enter(gateway, application, "ada");
    const ben = await enter(gateway, application, "ben");
    for (const { client } of [ada, ben]) assert.equal(await client.next(), "welcome");
    await ben.client.close();
    assert.equal(await ada.client.next(), "someone left");
    await ada.client.close();
    await gateway.stop();
    await application.stop();
  });
});

test("actions with another content type do nothing, which a line says; other answers are ignored in silence", async () => {
  const application = await Application.start(({ action, data }) => (action === "message" ? {
    headers: { "Content-Type": "application/json" }, body: JSON.stringify(data.answer) } : {}));
  const gateway = await startGateway({ application: application.url });
  const { client } = await enter(gateway, application, "ada");
  client.socket.send(JSON.stringify({ answer: { ok: true, actions: [] } }));
  await application.next("message");
  client.socket.send(JSON.stringify({ answer: { actions: [{ send: { payload: 1 } }] } }));
  await until(() => gateway.output.includes(`Content-Type: ${type} is wanted, and it is 'application/json'`), "the line");
  assert.equal(gateway.output.match(/actions are malformed/g).length, 1);
  client.socket.send('{"event":"ping"}');
  assert.equal(await client.next(), '{"event":"pong"}');
  await client.close();
  await gateway.stop();
  await application.stop();
});
