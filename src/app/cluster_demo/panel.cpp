#include "app/cluster_demo/panel.h"

#include "app/cluster_demo/access.h"

#include <starling/socketio.h>

#include <boost/json.hpp>

#include <optional>
#include <utility>

namespace starling::app::cluster_demo {
namespace {

namespace json = boost::json;

// The page connects to the nodes, each of which has a port of its own. No other page may show it in a
// frame, where a click could be stolen.
constexpr std::string_view policy =
    "default-src 'self'; img-src 'self' data:; connect-src 'self' ws://localhost:* "
    "ws://127.0.0.1:*; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";

void refuse(http::Response& response, int status, std::string_view why) {
    response.status(status).json(json::object{{"error", why}});
}

http::Handler file(std::string path) {
    return [path = std::move(path)](const http::Request&, http::Response& response) {
        response.header("Cache-Control", "no-cache").file(path);
    };
}

}  // namespace

Panel::Panel(ClientLoop& loop, uint16_t port, std::string web, std::string key, Calls calls)
    : loop_(loop),
      key_(std::move(key)),
      calls_(std::move(calls)),
      server_(
          {.listen = "127.0.0.1:" + std::to_string(port), .workers = 1, .handle_signals = false}) {
    mount(web);
}

Panel::~Panel() {
    server_.stop();
    server_.stop();  // Drains nothing: the page has nothing to lose.
    server_.wait();
}

void Panel::mount(const std::string& web) {
    server_.default_header("X-Content-Type-Options", "nosniff");
    server_.default_header("Content-Security-Policy", policy);
    server_.default_header("Referrer-Policy", "no-referrer");
    server_.use("/", [](const http::Request& request, http::Response& response) {
        if (is_local_host(request.header("Host"))) return http::Next::proceed;
        refuse(response, 403, "the cluster demo is for localhost alone");
        return http::Next::answer;
    });
    server_.get("/", file(web + "/cluster/index.html"));
    for (const char* path : {"/style.css", "/frame.js", "/i18n.js", "/words.js", "/words/en.js",
                             "/words/zh.js", "/favicon.svg", "/chat/lines.js", "/socketio/view.js"})
        server_.get(path, file(web + path));
    server_.files("/cluster", web + "/cluster");
    // The client for browsers; the clients connect to the nodes.
    sio::Options options;
    options.allow_request = [](const http::Request&) -> std::optional<std::string> {
        return "connect to a node";
    };
    server_.socketio(std::move(options));
    server_.get("/api/cluster", [this](const http::Request& request, http::Response& response) {
        answer(request, response, [this](http::Response& filled) { filled.json(calls_.state()); });
    });
    server_.post("/api/cluster/:process/:button", [this](const http::Request& request,
                                                         http::Response& response) {
        answer(request, response,
               [this, process = std::string(request.param("process")),
                button = std::string(request.param("button"))](http::Response& filled) {
                   switch (calls_.press(process, button)) {
                       case Outcome::done: filled.json(calls_.state()); break;
                       case Outcome::unknown:
                           refuse(filled, 404, "no such process or button");
                           break;
                       case Outcome::impossible: refuse(filled, 409, "not possible now"); break;
                   }
               });
    });
}

// `fill` runs on the loop.
void Panel::answer(const http::Request& request, http::Response& response,
                   std::function<void(http::Response&)> fill) {
    response.header("Cache-Control", "no-store");
    switch (check_access(request.header("Host"), request.header("Origin"),
                         request.header("X-Api-Key"), key_)) {
        case Access::allowed: break;
        case Access::foreign_host: return refuse(response, 403, "not for this host");
        case Access::foreign_origin: return refuse(response, 403, "not for pages of other sites");
        case Access::no_key: return refuse(response, 401, "the key is missing or wrong");
    }
    loop_.post([reply = response.later(), fill = std::move(fill)] {
        http::Response filled;
        filled.header("Cache-Control", "no-store");
        fill(filled);
        reply.send(std::move(filled));
    });
}

}  // namespace starling::app::cluster_demo
