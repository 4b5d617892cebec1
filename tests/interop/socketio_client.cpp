// A Socket.IO client that plays a script and prints its events;
// tests/interop/socketio_client/script.mjs plays the same script with Node's client.
//
//     socketio_test_client JSON
//
// JSON: {"url", "options": {...}, "sockets": {"/": {...}}, "start": [ACTION...],
//        "then": [["LINE", ACTION...]...]}.
// "sockets": the namespaces with their options, beside "options", which all have. The first entry of
// "then" whose LINE is a printed line, or its beginning, is played once and removed.
// An ACTION is ["connect", NSP], ["disconnect", NSP], ["emit", NSP, NAME, VALUE...],
// ["volatile", NSP, NAME, VALUE...], ["ack", NSP, TIMEOUT or null, NAME, VALUE...],
// ["reply", VALUE...], ["open"], ["close"], ["state", NSP], ["throw"] or ["end"]. A VALUE
// {"bytes": HEX} stands for bytes.
#include <starling/socketio_client.h>

#include <boost/json.hpp>

#include <chrono>
#include <cstdio>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

namespace json = boost::json;
namespace sio = starling::sio;

std::string text_of(const json::value& value) { return json::value_to<std::string>(value); }

sio::Json from_script(const json::value& value) {
    if (const auto* array = value.if_array()) {
        json::array out;
        for (const auto& item : *array) out.push_back(from_script(item));
        return out;
    }
    const auto* object = value.if_object();
    if (!object) return value;
    if (const auto* hex = object->if_contains("bytes")) {
        std::string bytes;
        const std::string digits = text_of(*hex);
        for (size_t i = 0; i + 1 < digits.size(); i += 2)
            bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
        return sio::Json(sio::Binary(std::move(bytes)));
    }
    json::object out;
    for (const auto& member : *object) out[member.key()] = from_script(member.value());
    return out;
}

json::value shown(const sio::Json& value) {
    if (const auto bytes = sio::Binary::view(value)) {
        std::string hex;
        for (const char c : *bytes) {
            constexpr std::string_view digits = "0123456789abcdef";
            hex += digits[static_cast<unsigned char>(c) >> 4];
            hex += digits[static_cast<unsigned char>(c) & 15];
        }
        return {{"bytes", hex}};
    }
    if (const auto* array = value.if_array()) {
        json::array out;
        for (const auto& item : *array) out.push_back(shown(item));
        return out;
    }
    const auto* object = value.if_object();
    if (!object) return value;
    json::object out;
    for (const auto& member : *object) out[member.key()] = shown(member.value());
    return out;
}

std::string line_of(std::string text, std::span<const sio::Json> args) {
    for (const sio::Json& arg : args) text.append(" ").append(json::serialize(shown(arg)));
    return text;
}

class Player {
public:
    explicit Player(const json::object& script) : script_(script) {
        if (const auto* then = script.if_contains("then"))
            for (const auto& entry : then->as_array()) then_.push_back(entry.as_array());
        loop_.on_exception([this](std::string_view what) { say("escaped " + std::string(what)); });
    }

    int run() {
        for (const auto& [nsp, options] : script_.at("sockets").as_object()) add(nsp, options);
        listen_to_manager();
        if (const auto* start = script_.if_contains("start")) play(start->as_array(), 0);
        loop_.run();
        return 0;
    }

private:
    void say(const std::string& line) {
        std::puts(line.c_str());
        std::fflush(stdout);
        react(line);
    }

    void react(const std::string& line) {
        for (auto entry = then_.begin(); entry != then_.end(); ++entry) {
            if (!line.starts_with(text_of(entry->front()))) continue;
            const json::array actions = *entry;
            then_.erase(entry);
            return play(actions, 1);
        }
    }

    sio::ClientOptions options(const json::value& own) const {
        json::object set = script_.at("options").as_object();
        for (const auto& member : own.as_object()) set[member.key()] = member.value();
        sio::ClientOptions out{.randomization_factor = 0};
        const auto ms = [](const json::value& value) {
            return std::chrono::milliseconds(value.to_number<int64_t>());
        };
        const auto pairs = [](const json::value& value) {
            std::vector<std::pair<std::string, std::string>> all;
            for (const auto& member : value.as_object())
                all.emplace_back(member.key(), text_of(member.value()));
            return all;
        };
        for (const auto& member : set) {
            const std::string name = member.key();
            const json::value& value = member.value();
            if (name == "transports") {
                out.transports.clear();
                for (const auto& one : value.as_array()) out.transports.push_back(text_of(one));
            }
            if (name == "upgrade") out.upgrade = value.as_bool();
            if (name == "remember_upgrade") out.remember_upgrade = value.as_bool();
            if (name == "try_all_transports") out.try_all_transports = value.as_bool();
            if (name == "auto_connect") out.auto_connect = value.as_bool();
            if (name == "reconnection") out.reconnection = value.as_bool();
            if (name == "eio") out.eio = value.to_number<int>();
            if (name == "path") out.path = text_of(value);
            if (name == "query") out.query = pairs(value);
            if (name == "extra_headers") out.extra_headers = pairs(value);
            if (name == "parser") out.parser = sio::Parser::msgpack;
            if (name == "ca") out.tls.ca_path = text_of(value);
            if (name == "cert") out.tls.certificate = text_of(value);
            if (name == "key") out.tls.key = text_of(value);
            if (name == "reject_unauthorized") out.tls.verify = value.as_bool();
            if (name == "proxy") out.proxy = text_of(value);
            if (name == "auth") out.auth = value;
            if (name == "retries") out.retries = value.to_number<uint32_t>();
            if (name == "ack_timeout") out.ack_timeout = ms(value);
            if (name == "timeout") out.timeout = ms(value);
            if (name == "message_bytes_max") out.message_bytes_max = value.to_number<uint64_t>();
            if (name == "reconnection_attempts")
                out.reconnection_attempts = value.to_number<uint64_t>();
            if (name == "reconnection_delay") out.reconnection_delay = ms(value);
            if (name == "reconnection_delay_max") out.reconnection_delay_max = ms(value);
        }
        return out;
    }

    void add(const std::string& nsp, const json::value& own) {
        const sio::ClientSocket socket =
            sio::connect(loop_, text_of(script_.at("url")) + nsp, options(own));
        sockets_.emplace(nsp, socket);
        if (!manager_) manager_ = socket.io();
        socket.on("connect",
                  [=, this] { say(nsp + " connect " + (socket.recovered() ? "true" : "false")); });
        socket.on("connect_error", [=, this](const sio::Json& error) {
            show_reason(error);
            const auto* data = error.as_object().if_contains("data");
            say(nsp + " connect_error " + text_of(error.at("message")) +
                (data ? " " + json::serialize(*data) : ""));
        });
        socket.on("disconnect", [=, this](const std::string& reason, const sio::Json& details) {
            show_reason(details);
            const auto* text =
                details.is_object() ? details.as_object().if_contains("description") : nullptr;
            say(nsp + " disconnect " + reason +
                (text && reason != "parse error" ? ": " + text_of(*text) : ""));
        });
        socket.on_any([=, this](std::string_view name, std::span<const sio::Json> args) {
            say(line_of(nsp + " event " + std::string(name), args));
        });
        socket.on("question", [=, this](sio::Ack ack) {
            reply_ = std::move(ack);
            say(nsp + " question");
        });
        socket.on("double", [](int n) { return 2 * n; });
    }

    // More words than Node's client has.
    static void show_reason(const sio::Json& error) {
        const auto* object = error.if_object();
        if (!object) return;
        for (const char* const name : {"code", "reason"})
            if (const auto* value = object->if_contains(name))
                std::fprintf(stderr, "%s %s\n", name, json::serialize(*value).c_str());
    }

    void listen_to_manager() {
        for (const char* const name :
             {"open", "reconnect", "reconnect_attempt", "reconnect_failed"})
            manager_->on(name, [this, name](std::span<const sio::Json> args) {
                say(line_of(std::string("manager ") + name, args));
            });
        for (const char* const name : {"error", "reconnect_error"})
            manager_->on(name, [this, name](const sio::Json& error) {
                say(std::string("manager ") + name + " " + text_of(error.at("message")));
            });
        manager_->on("close", [this](std::string reason) { say("manager close " + reason); });
    }

    void play(const json::array& actions, size_t from) {
        for (size_t i = from; i < actions.size(); ++i) act(actions[i].as_array());
    }

    void answered(const std::string& nsp, const std::string& name, const sio::Answer& answer) {
        const std::vector<sio::Json> args(answer.args.begin(), answer.args.end());
        if (answer) return say(line_of(nsp + " answer " + name, args));
        say(nsp + " no answer " + name + " " +
            (answer.status == sio::Answer::Status::timed_out ? "operation has timed out"
                                                             : "socket has been disconnected"));
    }

    static std::vector<sio::Json> values(const json::array& action, size_t from) {
        std::vector<sio::Json> out;
        for (size_t i = from; i < action.size(); ++i) out.push_back(from_script(action[i]));
        return out;
    }

    void act(const json::array& action) {
        const std::string verb = text_of(action[0]);
        if (verb == "open") return manager_->open();
        if (verb == "close") return manager_->close();
        if (verb == "end") return loop_.stop();
        if (verb == "reply") return reply_->list(values(action, 1));
        if (verb == "throw") throw std::runtime_error("oops");
        const std::string nsp = text_of(action[1]);
        const sio::ClientSocket& socket = sockets_.at(nsp);
        if (verb == "connect") return socket.connect();
        if (verb == "disconnect") return socket.disconnect();
        if (verb == "state")
            return say(nsp + " state " + (socket.connected() ? "connected" : "disconnected") +
                       (socket.active() ? " active" : ""));
        if (verb == "ack") {
            const std::string name = text_of(action[3]);
            const auto done = [=, this](const sio::Answer& answer) { answered(nsp, name, answer); };
            const auto args = values(action, 4);
            if (action[2].is_null()) return socket.emit_list_with_ack(name, args, done);
            return socket.timeout(std::chrono::milliseconds(action[2].to_number<int64_t>()))
                .emit_list_with_ack(name, args, done);
        }
        const std::string name = text_of(action[2]);
        if (verb == "emit") return socket.emit_list(name, values(action, 3));
        if (verb == "volatile") return socket.volatile_().emit_list(name, values(action, 3));
        say("no action " + verb);
    }

    const json::object& script_;
    std::vector<json::array> then_;
    starling::ClientLoop loop_;
    std::map<std::string, sio::ClientSocket> sockets_;
    std::optional<sio::ClientManager> manager_;
    std::optional<sio::Ack> reply_;
};

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) return 2;
    const json::value script = json::parse(arguments[1]);
    return Player(script.as_object()).run();
}
