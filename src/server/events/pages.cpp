#include "server/events/pages.h"

#include <memory>
#include <string>

namespace starling::server {
namespace {

constexpr const char* client_html = R"html(<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>ClientEvent</title>
<h1>Client events</h1>
<p id="spanStatus" role="status">connecting</p>
<p><label>Text <input id="textInput" value="Message"></label>
<button type="button" id="btnSend">Send</button></p>
<script>
const show = (text) => { document.getElementById("spanStatus").textContent = text; };
const webSocket = new WebSocket(location.href.replace(/^http/, "ws").replace(/#.*/, ""));
webSocket.onopen = () => show("connected");
webSocket.onmessage = (event) => show(event.data);
webSocket.onclose = (event) => show("disconnected " + event.code);
document.getElementById("btnSend").onclick = () => {
  if (webSocket.readyState === WebSocket.OPEN)
    webSocket.send(document.getElementById("textInput").value);
};
</script>
)html";

constexpr const char* server_html = R"html(<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>ServerEvent</title>
<h1>Server events</h1>
<form><label>Channel <input name="Ref" id="channel" required maxlength="255"></label>
<button>Listen</button></form>
<p id="spanStatus" role="status"></p>
<ol id="events" reversed></ol>
<script>
const query = new URLSearchParams(location.search);
const channel = ["Ref", "ref", "Rel", "rel"].map((name) => query.get(name)).find(Boolean) ?? "";
document.getElementById("channel").value = channel;
const show = (text) => { document.getElementById("spanStatus").textContent = text; };
if (channel) {
  const webSocket = new WebSocket(location.href.replace(/^http/, "ws").replace(/#.*/, ""));
  show("connecting");
  webSocket.onopen = () => show("connected");
  webSocket.onclose = (event) => show("disconnected " + event.code);
  webSocket.onmessage = (event) => {
    const item = document.createElement("li");
    item.textContent = new Date().toLocaleTimeString() + " " + event.data;
    document.getElementById("events").prepend(item);
    while (document.getElementById("events").children.length > 100)
      document.getElementById("events").lastChild.remove();
  };
}
</script>
)html";

}  // namespace

void client_event_page(const http::Request&, http::Response& response) {
    response.header("Cache-Control", "no-cache").html(client_html);
}

void server_event_page(const http::Request&, http::Response& response) {
    response.header("Cache-Control", "no-cache").html(server_html);
}

}  // namespace starling::server
