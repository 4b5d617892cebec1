// What the server's texts become on screen: through textContent alone, a message is never HTML.

const farewell = "下线了!";

// The kinds of text that /chat sends: {"error":"..."} to the one who sent something wrong,
// name下线了! when somebody left, name:msg for everything else.
export function parse(text) {
  const error = parseError(text);
  if (error !== null) return { kind: "fault", text: error };
  const colon = text.indexOf(":");
  if (colon === -1) return { kind: text.endsWith(farewell) ? "system" : "note", text };
  return { kind: "message", name: text.slice(0, colon), text: text.slice(colon + 1) };
}

function parseError(text) {
  if (!text.startsWith("{")) return null;
  try {
    const { error } = JSON.parse(text);
    return typeof error === "string" ? error : null;
  } catch {
    return null;
  }
}

// The same name has the same colour on every screen.
export function hue(name) {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + character.codePointAt(0)) % 360;
  return hash;
}

export function element(line, ownName) {
  const item = document.createElement("li");
  item.className = line.kind;
  if (line.kind !== "message") {
    item.textContent = line.text;
    return item;
  }
  item.classList.toggle("mine", line.name === ownName);
  const name = span("name", line.name);
  name.style.setProperty("--hue", String(hue(line.name)));
  item.append(name, span("colon", ":"), span("text", line.text));
  return item;
}

function span(className, text) {
  const part = document.createElement("span");
  part.className = className;
  part.textContent = text;
  return part;
}
