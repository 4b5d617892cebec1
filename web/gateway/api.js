// The control API of the gateway. The key lives in the memory of this page alone.

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function refusal(response) {
  const text = await response.text();
  try {
    return new Refused(response.status, JSON.parse(text).message);
  } catch {
    return new Refused(response.status, `${response.status} ${response.statusText}`);
  }
}

export class Api {
  #key;

  constructor(key) { this.#key = key; }

  #fetch(path, options = {}) {
    return fetch(`/tapr/ws/${path}`, { cache: "no-store", credentials: "omit", ...options,
      headers: { ...options.headers, "X-Api-Key": this.#key } });
  }

  async #call(path, options) {
    const response = await this.#fetch(path, options);
    if (!response.ok) throw await refusal(response);
    const answer = await response.json();
    // With --olares some faults are told in the body alone.
    if (answer.code !== 0) throw new Refused(answer.code, answer.message);
    return answer;
  }

  // {data, cursor}: one page of the list.
  list({ user = "", cursor = "", limit }) {
    const query = new URLSearchParams({ limit });
    if (user) query.set("user", user);
    if (cursor) query.set("cursor", cursor);
    return this.#call(`conn/list?${query}`);
  }

  // `body`: JSON. Returns the number of connections that it concerned.
  async post(path, body) {
    const { data } = await this.#call(path, { method: "POST", body,
      headers: { "Content-Type": "application/json" } });
    return data.connections;
  }

  // The events of the log, until it ends. EventSource would not send the key.
  async* log(signal) {
    const response = await this.#fetch("log", { signal });
    if (!response.ok) throw await refusal(response);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      for (const part of parts) {
        if (part.startsWith("data: ")) yield JSON.parse(part.slice("data: ".length));
      }
    }
  }
}
