// Starts `starling gateway` for a test, with its clients and requests of its control API.
//
//   const gateway = await startGateway({ application: application.url });
//   const ada = await enter(gateway, application, "ada");
//   await gateway.post("/tapr/ws/conn/send", { conn_id: ada.id, payload: {} });

import http from "node:http";

import { deadline, open } from "./client.mjs";
import { Program, freePort, healthy, patience, writeConfig } from "./server.mjs";

export const api_key = "key-of-the-tests";

// An HTTP request with exactly these headers: {status, headers, text, json}.
export function request(port, { method = "GET", path = "/", headers = {}, body } = {}) {
  return deadline(new Promise((resolve, reject) => {
    const sent = http.request({ host: "127.0.0.1", port, method, path, headers, agent: false },
      (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          let json;
          try { json = JSON.parse(text); } catch { json = undefined; }
          resolve({ status: response.statusCode, headers: response.headers, text, json });
        });
      });
    sent.on("error", reject);
    sent.end(body);
  }), `${method} ${path}`);
}

class Gateway extends Program {
  key = api_key;

  // `body`: an object, or the text of a body.
  post(path, body, headers = {}) {
    const text = typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    return request(this.port, { method: "POST", path, body: text,
      headers: { ...this.#credentials(), "Content-Type": "application/json", ...headers } });
  }

  get(path, headers = {}) {
    return request(this.port, { path, headers: { ...this.#credentials(), ...headers } });
  }

  async list(query = "") { return (await this.get(`/tapr/ws/conn/list${query}`)).json.data; }

  #credentials() { return this.key ? { "X-Api-Key": this.key } : {}; }
}

// Long times, so that a busy machine fails no test; a test of a timeout gives its own.
const calm = { webhook_timeout_s: 60, connect_timeout_s: 60, retry_for_s: 600, close_retry_for_s: 600 };

// `application`: a URL, "" for no webhooks, undefined for what `env` and `args` say. `route`: more keys of the route;
// `routes`: several, in place of one; `options`: more keys of `gateway`; `config`: of the whole file. `olares`: true
// or "strict"; no key is set then.
export async function startGateway({ application, route = {}, routes = [route], options = {}, config = {},
  args = [], env = {}, olares = false, prefix } = {}) {
  const port = await freePort();
  const named = application === undefined ? {} : { application };
  const keys = olares ? { olares: olares === true ? "on" : olares } : { api_keys: [api_key] };
  const file = writeConfig({ listen: [{ address: `127.0.0.1:${port}` }], workers: 1, ...patience, ...config,
    gateway: { enabled: true, ...keys, ...options,
      routes: routes.map((given) => ({ ...calm, ...named, ...given })) } });
  const gateway = new Gateway("starling", ["gateway", "--config", file, ...args], { port, env, prefix });
  if (olares) gateway.key = "";
  return gateway.ready(healthy);
}

// A client that the proxy in front calls `name`, "" for no name. `token`: its cookie auth_token.
// `autoPong`: whether the client answers pings.
export function openAs(gateway, name = "", { token, headers = {}, path = "/ws", autoPong = true } = {}) {
  const cookie = token === undefined ? {} : { Cookie: `auth_token=${token}` };
  return open(gateway.url(path), [], { autoPong, headers: { "X-Bfl-User": name, ...cookie, ...headers } });
}

// Like openAs(), with the id from the client's webhook `open`: {client, id, opened}. One at a time for each name.
export async function enter(gateway, application, name = "", options = {}) {
  const opening = application.next(({ action, user_name }) => action === "open" && user_name === name,
    `open of "${name}"`);
  const [client, opened] = await Promise.all([openAs(gateway, name, options), opening]);
  return { client, opened, id: opened.conn_id };
}
