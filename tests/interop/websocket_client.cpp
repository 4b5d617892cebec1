// A WebSocket client that plays a script and prints its events; the interop tests start it, and
// tests/browser/websocket_events.test.mjs lets the script of a page play the same.
//
//     websocket_test_client JSON
//
// JSON: {"url", "protocols": [...], "options": {...}, "urls": [...],
//        "start": [ACTION...], "open": [...], "message": [...], "closed": [...], "again": N}. `again`:
// after a close event with 1006 it connects anew, N times at most. An ACTION is
// ["send", TEXT], ["binary", TEXT], ["close", CODE, REASON] with or without the last two,
// ["buffered"], ["protocol"], ["ping"], ["round trip"], ["listen", NAME] or ["handler", NAME]. One line
// for each event.
#include <starling/client.h>

#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>

namespace {

namespace json = boost::json;

void say(const std::string& line) {
    std::puts(line.c_str());
    std::fflush(stdout);
}

std::string text_of(const json::value& value) { return json::value_to<std::string>(value); }

class Player {
public:
    explicit Player(const json::object& script) : script_(script) {
        loop_.on_exception([](std::string_view what) { say("escaped " + std::string(what)); });
    }

    int run() {
        if (const auto* urls = script_.if_contains("urls")) {
            for (const json::value& url : urls->as_array()) show_url(text_of(url));
            loop_.run();
            return 0;
        }
        try {
            connect();
        } catch (const starling::SyntaxError& error) {
            std::fprintf(stderr, "%s\n", error.what());
            say("throws SyntaxError");
            return 0;
        }
        play("start");
        loop_.run();
        play("closed");
        return 0;
    }

private:
    void connect() {
        socket_.emplace(loop_, text_of(script_.at("url")), options());
        listen();
    }

    starling::WebSocketOptions options() const {
        starling::WebSocketOptions options;
        if (const auto* protocols = script_.if_contains("protocols"))
            options.protocols = json::value_to<std::vector<std::string>>(*protocols);
        const auto* given = script_.if_contains("options");
        const json::object set = given ? given->as_object() : json::object();
        if (set.contains("deflate")) options.compression.enabled = true;
        if (set.contains("takeover")) options.compression.context_takeover = true;
        if (set.contains("threshold")) options.compression.threshold_bytes = 0;
        if (set.contains("ca")) options.tls.ca_path = text_of(set.at("ca"));
        if (set.contains("insecure")) options.tls.verify = false;
        if (set.contains("proxy")) options.proxy = text_of(set.at("proxy"));
        const auto number = [&](const char* name, auto otherwise) {
            return set.contains(name) ? set.at(name).to_number<int64_t>() : otherwise;
        };
        options.message_bytes_max =
            static_cast<uint64_t>(number("message_bytes_max", int64_t{1'000'000}));
        options.redirects_max = static_cast<int>(number("redirects_max", int64_t{0}));
        options.ping_interval = std::chrono::milliseconds(number("ping_interval", int64_t{25'000}));
        options.ping_timeout = std::chrono::milliseconds(number("ping_timeout", int64_t{20'000}));
        if (set.contains("headers"))
            for (const auto& [name, value] : set.at("headers").as_object())
                options.headers.emplace_back(name, text_of(value));
        return options;
    }

    void show_url(const std::string& url) {
        try {
            starling::WebSocket socket(loop_, url);
            say("url " + socket.url());
        } catch (const starling::SyntaxError&) {
            say("throws SyntaxError");
        }
    }

    std::string state() const { return " " + std::to_string(int(socket_->ready_state())); }

    void listen() {
        socket_->onopen = [this] {
            say("open" + state());
            play("open");
        };
        socket_->onmessage = [this](const starling::MessageEvent& event) {
            say((event.is_binary() ? "binary " : "text ") + std::string(event.text()) + state());
            play("message");
        };
        socket_->onerror = [this](const starling::ErrorEvent& event) {
            std::fprintf(stderr, "%d %s\n%s\n", event.status, std::string(event.message).c_str(),
                         std::string(event.body).c_str());
            say("error" + state());
        };
        socket_->onclose = [this](const starling::CloseEvent& event) {
            say("close " + std::to_string(event.code) + " '" + std::string(event.reason) + "' " +
                (event.was_clean ? "true" : "false") + state());
            if (event.code != 1006 || again_ >= again_max()) return;
            ++again_;
            loop_.after(std::chrono::milliseconds(10), [this] { connect(); });
        };
    }

    int64_t again_max() const {
        const auto* again = script_.if_contains("again");
        return again ? again->to_number<int64_t>() : 0;
    }

    void play(const char* moment) {
        const auto* actions = script_.if_contains(moment);
        if (!actions) return;
        for (const json::value& action : actions->as_array()) {
            try {
                act(action.as_array());
            } catch (const starling::SyntaxError&) {
                say("throws SyntaxError");
            } catch (const starling::InvalidAccessError&) {
                say("throws InvalidAccessError");
            } catch (const starling::InvalidStateError&) {
                say("throws InvalidStateError");
            }
        }
    }

    void act(const json::array& action) {
        const std::string name = text_of(action[0]);
        const auto text = [&](size_t i) {
            return i < action.size() ? text_of(action[i]) : std::string();
        };
        if (name == "send") {
            socket_->send(text(1));
        } else if (name == "binary") {
            const std::string bytes = text(1);
            socket_->send(std::vector<char>(bytes.begin(), bytes.end()));
        } else if (name == "close" && action.size() == 1) {
            socket_->close();
        } else if (name == "close") {
            socket_->close(action[1].to_number<uint16_t>(), text(2));
        } else if (name == "buffered") {
            say("buffered " + std::to_string(socket_->buffered_amount()));
        } else if (name == "protocol") {
            say("protocol '" + socket_->protocol() + "' '" + socket_->extensions() + "'");
        } else if (name == "ping") {
            socket_->ping();
        } else if (name == "round trip") {
            say(socket_->round_trip_time() ? "round trip known" : "round trip unknown");
        } else if (name == "listen") {
            socket_->add_event_listener("message", [line = text(1)] { say(line); });
        } else if (name == "handler") {
            socket_->onmessage = [line = text(1)] { say(line); };
        } else if (name == "nohandler") {
            socket_->onmessage = nullptr;
        } else {
            say("no action " + name);
        }
    }

    const json::object& script_;
    starling::ClientLoop loop_;
    std::optional<starling::WebSocket> socket_;
    int64_t again_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) return 2;
    const json::value script = json::parse(arguments[1]);
    return Player(script.as_object()).run();
}
