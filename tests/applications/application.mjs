// An application behind the gateway, of node:http alone: it keeps every webhook that arrives, in order, and answers
// as its script says.
//
//   const application = await Application.start();
//   const opened = await application.next("open");
//
// A script is called with each webhook and the exchange {request, response}. It returns the answer
// {status = 200, headers = {}, body = ""}, a promise of the answer, or nothing if the script answers by itself.

import { EventEmitter, once } from "node:events";
import http from "node:http";

import { deadline } from "../interop/client.mjs";

// One webhook as it arrived: the fields of its body, and `text`, `headers`, `path`, `method` of the request.
export class Webhook {
  constructor(request, bytes) {
    this.text = bytes.toString();
    this.method = request.method;
    this.path = request.url;
    this.headers = request.headers;
    try {
      Object.assign(this, JSON.parse(this.text));
    } catch {
      this.malformed = true;
    }
  }

  get id() { return this.headers["webhook-id"]; }
}

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const matching = (wanted) =>
  (typeof wanted === "function" ? wanted : (webhook) => webhook.action === wanted);

export class Application {
  webhooks = [];
  connections = 0;
  #taken = new Set();
  #arrivals = new EventEmitter().setMaxListeners(0);
  #server;
  #path;

  constructor(script, path) {
    this.script = script;
    this.#path = path;
  }

  // `port`: 0 for a free one, or the path of a Unix-domain socket.
  static async start(script = () => ({}), { port = 0, path = "/websocket/message" } = {}) {
    return new Application(script, path).listen(port);
  }

  async listen(port = this.port) {
    this.#server = http.createServer((request, response) => { this.#take(request, response); });
    this.#server.on("connection", () => { this.connections += 1; });
    this.#server.keepAliveTimeout = 0;  // The gateway's connections end when the application does.
    this.#server.listen(typeof port === "string" ? { path: port } : { port, host: "127.0.0.1" });
    await once(this.#server, "listening");
    this.port = this.#server.address().port ?? port;
    return this;
  }

  get url() { return `http://127.0.0.1:${this.port}${this.#path}`; }

  // Ends all connections. listen() starts the application again, on the same port.
  async stop() {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #take(request, response) {
    try {
      const webhook = new Webhook(request, await bodyOf(request));
      this.webhooks.push(webhook);
      this.#arrivals.emit("webhook");
      const answer = await this.script(webhook, { request, response });
      if (!answer || response.destroyed) return;
      response.writeHead(answer.status ?? 200, answer.headers ?? {});
      response.end(answer.body ?? "");
    } catch {
      request.destroy();  // The gateway gave up the request while its body was on the way.
    }
  }

  // The first webhook that `wanted` (an action, or a function of the webhook) matches and that no earlier call took.
  next(wanted = () => true, what = `a webhook ${wanted}`) {
    const matches = matching(wanted);
    const find = async () => {
      for (;;) {
        const found = this.webhooks.find((webhook) =>
          !this.#taken.has(webhook) && matches(webhook));
        if (found) {
          this.#taken.add(found);
          return found;
        }
        await once(this.#arrivals, "webhook");
      }
    };
    return deadline(find(), what);
  }

  // Waits until `condition` of all webhooks so far is true, and returns its value.
  when(condition, what) {
    const wait = async () => {
      for (;;) {
        const value = condition(this.webhooks);
        if (value) return value;
        await once(this.#arrivals, "webhook");
      }
    };
    return deadline(wait(), what);
  }

  of(conn_id) { return this.webhooks.filter((webhook) => webhook.conn_id === conn_id); }
}

// The webhooks without repeated tries, which have the same id.
export function distinct(webhooks) {
  const seen = new Set();
  return webhooks.filter(({ id }) => !seen.has(id) && seen.add(id));
}
