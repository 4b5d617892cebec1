// The situations of websocket_events.test.mjs: what the server does, and what the client's script does
// at each moment. Without a server nothing listens on the port. `ours` and `theirs`: where this library
// keeps to the RFC, and Chromium does not.

const echo_close = async (peer) => {
  await peer.accept();
  await peer.closeFrame();
  peer.frames("88 02 03e8");
  peer.end();
};
const sends = (hex, { then = "end" } = {}) => async (peer) => {
  await peer.accept();
  peer.frames(hex);
  peer[then]();
};
const answers = (text) => async (peer) => {
  await peer.head();
  peer.write(text);
  peer.end();
};
const upgrades = (fields) => async (peer) => {
  await peer.accept(fields);
  peer.frames("88 02 03e8");
  peer.end();
};

export const situations = [
  { name: "refused" },
  { name: "ended before the answer", server: async (peer) => { await peer.head(); peer.end(); } },
  { name: "reset in the handshake", server: async (peer) => { await peer.head(); peer.reset(); } },
  { name: "404", server: answers("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") },
  { name: "500 with a body", server: answers("HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno") },
  { name: "200", server: answers("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") },
  { name: "a redirect", server: answers("HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n") },
  { name: "no HTTP", server: answers("SSH-2.0-OpenSSH_9.2p1\r\n") },
  { name: "a wrong accept", server: answers("HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n") },
  { name: "no accept", server: answers("HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n") },
  { name: "two accepts", server: async (peer, acceptOf) => {
    const head = await peer.head();
    const line = `Sec-WebSocket-Accept: ${acceptOf(head)}\r\n`;
    peer.write(`HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n${line}${line}\r\n`);
    peer.end();
  } },
  { name: "101 without Upgrade", server: async (peer, acceptOf) => {
    const head = await peer.head();
    peer.write(`HTTP/1.1 101 S\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptOf(head)}\r\n\r\n`);
    peer.end();
  } },
  { name: "101 without Connection", server: async (peer, acceptOf) => {
    const head = await peer.head();
    peer.write(`HTTP/1.1 101 S\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${acceptOf(head)}\r\n\r\n`);
    peer.end();
  } },
  { name: "a subprotocol", protocols: ["chat", "superchat"], open: [["protocol"]],
    server: upgrades("Sec-WebSocket-Protocol: superchat\r\n") },
  { name: "a subprotocol that was not offered", protocols: ["chat"],
    server: upgrades("Sec-WebSocket-Protocol: other\r\n") },
  { name: "a subprotocol where none was offered", server: upgrades("Sec-WebSocket-Protocol: chat\r\n") },
  { name: "no subprotocol where some were offered", protocols: ["chat"], server: upgrades("") },
  { name: "an extension that was not asked for", server: upgrades("Sec-WebSocket-Extensions: x-other\r\n") },
  { name: "text and binary", server: sends("81 02 6869 82 02 6f6b 88 02 03e8") },
  { name: "fragments with a ping between", server: sends("01 01 68 89 01 78 80 01 69 88 02 03e8") },
  { name: "an empty message", server: sends("81 00 82 00 88 02 03e8") },
  { name: "closed without a code (1005)", server: sends("88 00") },
  { name: "closed with 4000 and a reason", server: sends("88 06 0fa0 66756c6c") },
  { name: "closed with 1001", server: sends("88 02 03e9") },
  { name: "closed with 1009", server: sends("88 02 03f1") },
  { name: "closed with 1011", server: sends("88 02 03f3") },
  { name: "ended without a close frame (1006)", server: sends("81 01 61") },
  // RFC 6455 section 5.5.1: what follows a close frame is ignored; Chromium fails the connection.
  { name: "data after the close frame", server: sends("88 02 03e8 81 01 61"),
    ours: ["open 1", "close 1000 '' true 3"], theirs: ["open 1", "error 3", "close 1006 '' false 3"] },
  { name: "masked", server: sends("81 81 01020304 60") },
  { name: "a reserved bit", server: sends("c1 01 61") },
  { name: "an unknown opcode", server: sends("83 00") },
  { name: "invalid UTF-8", server: sends("81 02 c328") },
  { name: "invalid UTF-8 in the reason", server: sends("88 04 03e8 c328") },
  { name: "a close payload of one byte", server: sends("88 01 03") },
  // Section 7.4.2: codes below 1000 are not used; Chromium passes them on.
  { name: "close code 999", server: sends("88 02 03e7"),
    ours: ["open 1", "error 3", "close 1006 '' false 3"], theirs: ["open 1", "close 999 '' true 3"] },
  { name: "close code 1005 on the wire", server: sends("88 02 03ed") },
  { name: "close code 1006 on the wire", server: sends("88 02 03ee") },
  { name: "a fragmented control frame", server: sends("09 00") },
  { name: "a control frame over 125 bytes", server: sends(`89 7e 007e ${"00".repeat(126)}`) },
  { name: "a continuation of nothing", server: sends("80 00") },
  { name: "a message inside a message", server: sends("01 01 61 81 01 62") },
  { name: "a length with bit 63", server: sends("82 7f 8000000000000000") },
  { name: "a message, then a fault", server: sends("81 01 61 83 00") },
  { name: "close() when open", server: echo_close, open: [["close"]] },
  { name: "close(3000, reason) when open", server: echo_close, open: [["close", 3000, "bye"]] },
  { name: "close() twice", server: echo_close, open: [["close", 3000, "bye"], ["close", 3001]] },
  { name: "close() while connecting", server: echo_close, start: [["close"]] },
  { name: "close() when closed", server: sends("88 02 03e8"), closed: [["close"], ["close", 3000]] },
  { name: "the arguments of close()", server: echo_close, open: [["close", 1001], ["close", 999],
    ["close", 5000], ["close", 1000, "x".repeat(124)], ["close", 1000, "é".repeat(62)], ["close", 4999]] },
  { name: "close(), answered with another code", open: [["close", 3000]], server: async (peer) => {
    await peer.accept();
    await peer.closeFrame();
    peer.frames("88 05 0fa1 616263");
    peer.end();
  } },
  { name: "close(), answered without a code", open: [["close", 3000]], server: async (peer) => {
    await peer.accept();
    await peer.closeFrame();
    peer.frames("88 00");
    peer.end();
  } },
  { name: "close(), and the server ends without an answer", open: [["close", 3000]], server: async (peer) => {
    await peer.accept();
    await peer.closeFrame();
    peer.end();
  } },
  { name: "close(), and the server sends on", open: [["close"]], server: async (peer) => {
    await peer.accept();
    await peer.closeFrame();
    peer.frames("81 01 61 88 02 03e8");
    peer.end();
  } },
  { name: "close(), and the server breaks the protocol", open: [["close"]], server: async (peer) => {
    await peer.accept();
    await peer.closeFrame();
    peer.frames("83 00");
    peer.end();
  } },
  { name: "close() in the message handler", message: [["close", 3000]], server: async (peer) => {
    await peer.accept();
    peer.frames("81 01 61 81 01 62");
    await peer.closeFrame();
    peer.frames("88 02 0bb8");
    peer.end();
  } },
  { name: "send() while connecting", server: sends("88 02 03e8"), start: [["send", "x"]] },
  { name: "bufferedAmount", server: echo_close,
    open: [["buffered"], ["send", "héllo"], ["binary", "12345"], ["buffered"], ["close"]] },
  { name: "the order of listeners", server: sends("81 01 61 88 02 03e8"),
    open: [["listen", "first"], ["handler", "attribute"], ["listen", "second"]] },
  { name: "an attribute that is removed and set again", server: sends("81 01 61 88 02 03e8"),
    open: [["listen", "first"], ["nohandler"], ["handler", "attribute"], ["listen", "second"]] },
  { name: "a fragment in the URL", url: "ws://127.0.0.1:1/#x" },
  { name: "a subprotocol twice", protocols: ["a", "a"] },
  { name: "a subprotocol that is no token", protocols: ["a b"] },
  { name: "an empty subprotocol", protocols: [""] },
];

const port = 1; // Nothing listens there.
export const urls = [
  `ws://127.0.0.1:${port}`, `WS://127.0.0.1:${port}/a`, `http://127.0.0.1:${port}/`, `https://127.0.0.1:${port}/`,
  `ws://127.0.0.1:${port}/a b`, `ws://127.0.0.1:${port}/é?é`, `ws://127.0.0.1:${port}?q='"<>`,
  `ws://127.0.0.1:${port}/a/./b/../c`, `ws://127.0.0.1:${port}/%2e%2E/a/%2e`, `ws://127.1:${port}/`,
  `ws://0x7f.1:${port}/`, `ws://2130706433:${port}/`, `ws://[::1]:${port}/`, `ws://[0:0::1]:${port}/`,
  `ws:127.0.0.1:${port}/`, `ws:\\\\127.0.0.1:${port}\\a`, `  ws://127.0.0.1:${port}/\t\n`,
  `ws://LOCALHOST:${port}/{}\`^`, `ws://user:p%40ss@127.0.0.1:${port}/`, `ws://@127.0.0.1:${port}/`,
  "ws://127.0.0.1:80/", "wss://127.0.0.1:443/x", "ws://127.0.0.1:443/x",
  "ws://", "ws://:80", "ftp://127.0.0.1/", "ws://127.0.0.1:65536/", "ws://127.0.0.1:x/", "ws://a%00b/",
  "ws://1.2.3.256/", "ws://[::1", "ws://127.0.0.1/#", "ws://127.0.0.1/a#b",
];
