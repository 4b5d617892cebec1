// The community's HTTP API. Every answer is JSON; 400 and above is {"error":"..."}.

export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

async function call(path, options = {}) {
  const response = await fetch(`/community/api/${path}`, { cache: "no-store", ...options });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, body.error ?? response.statusText);
  return body;
}

const post = (path, body = {}) => call(path, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
});

export const session = () => call("session");
export const login = (email) => post("login", { email });
export const logout = () => post("logout");
export const articles = () => call("articles");
export const article = (id) => call(`articles/${id}`);
export const comments = (id, after) => call(`articles/${id}/comments?after=${after}`);
export const comment = (id, text) => post(`articles/${id}/comments`, { text });
export const friends = () => call("friends");
export const befriend = (action, email) => post(`friends/${action}`, { email });
