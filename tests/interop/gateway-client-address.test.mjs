// The webhooks of `starling gateway` carry the client's address, as `trusted_proxies` of the server says who that is.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Application } from "../applications/application.mjs";
import { openAs, startGateway } from "./gateway.mjs";
import { client4, connect } from "./socketio/harness.mjs";

const routes = [{ path: "/ws" }, { path: "/asked", admission: "ask" }, { kind: "socketio", path: "/socket.io/" }];
const type = "application/vnd.starling.actions+json";
const renamed = { headers: { "Content-Type": type }, body: JSON.stringify({ accept: { user_name: "eve" } }) };
const field = "203.0.113.9, 198.51.100.7";  // The first one is the client's own word.

const kinds = {
  "/ws": (gateway) => openAs(gateway, "", { headers: { "X-Forwarded-For": field } }),
  "/asked": (gateway) => openAs(gateway, "", { path: "/asked", headers: { "X-Forwarded-For": field } }),
  "Socket.IO over polling": (gateway, t) => connect(t, client4, gateway.port,
    { transports: ["polling"], extraHeaders: { "X-Forwarded-For": field } }),
  "Socket.IO over WebSocket": (gateway, t) => connect(t, client4, gateway.port,
    { transports: ["websocket"], extraHeaders: { "X-Forwarded-For": field } }),
};

for (const [what, proxy, address] of [["a trusted proxy", "127.0.0.1", "198.51.100.7"],
  ["a peer that is no trusted proxy", "10.0.0.1", "127.0.0.1"]]) {
  describe(`X-Forwarded-For of ${what}`, () => {
    for (const [kind, enter] of Object.entries(kinds)) {
      test(`${kind}: every webhook has X-Forwarded-For: ${address}`, async (t) => {
        const application = await Application.start(({ action }) =>
          (action === "open" && kind === "/asked" ? renamed : {}));
        const gateway = await startGateway({ application: application.url, config: { trusted_proxies: [proxy] },
          routes });
        const client = await enter(gateway, t);
        if (client.socket) client.socket.send('{"n":1}');
        else client.emit("n", 1);
        await application.next("message");
        await client.close();
        await application.next("close");
        assert.deepEqual(application.webhooks.map(({ action, headers }) => [action, headers["x-forwarded-for"]]),
          [["open", address], ["message", address], ["close", address]]);
        await gateway.stop();
        await application.stop();
      });
    }
  });
}

test("client_address_header says which field names the address that webhooks carry", async () => {
  const application = await Application.start();
  const gateway = await startGateway({ application: application.url,
    config: { trusted_proxies: ["127.0.0.1"], client_address_header: "X-Real-IP" }, routes });
  const client = await openAs(gateway, "", { headers: { "X-Forwarded-For": field, "X-Real-IP": "2001:DB8::7" } });
  await client.close();
  await application.next("close");
  assert.deepEqual(application.webhooks.map(({ headers }) => headers["x-forwarded-for"]), ["2001:db8::7", "2001:db8::7"]);
  await gateway.stop();
  await application.stop();
});
