// The tables of tests/interop/socketio_client/situations*.json: what npm socket.io-client 4.8 does in
// each situation (socketio-client-reference.test.mjs plays it). The client does the same, except
// where a step says "ours", and why.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/fake/socketio_client.h"

namespace starling {
namespace {

using boost::json::array;
using boost::json::object;
using fake::SioClient;
using sio::Json;
using Lines = std::vector<std::string>;

std::string text_of(const Json& value) { return std::string(value.get_string()); }

array table() {
    array all;
    for (const char* name : {"situations.json", "situations-volatile.json"}) {
        std::ifstream file(std::string(STARLING_REPOSITORY "/tests/interop/socketio_client/") +
                           name);
        std::stringstream text;
        text << file.rdbuf();
        Json one = boost::json::parse(text.str());
        for (Json& situation : one.as_array()) all.push_back(std::move(situation));
    }
    return all;
}

std::string packet_of(const std::string& text) {
    const auto open = [](std::string_view upgrades, std::string_view payload) {
        return R"(0{"sid":"E1","upgrades":[)" + std::string(upgrades) +
               R"(],"pingInterval":25000,"pingTimeout":20000,"maxPayload":)" +
               std::string(payload) + "}";
    };
    if (text == "OPEN") return open("", "1000000");
    return text == "UPGRADE" ? open(R"("websocket")", "30") : text;
}

socketio::client::ManagerOptions manager_options(const object& situation) {
    socketio::client::ManagerOptions options{
        .engine = {.transports = {engineio::Transport::websocket}},
        .auto_connect = false,
        .randomization_factor = 0,
    };
    const Json* given = situation.if_contains("options");
    if (!given) return options;
    for (const auto& member : given->get_object()) {
        const Json& value = member.value();
        const std::string_view name = member.key();
        const auto number = [&] { return value.to_number<uint64_t>(); };
        if (name == "reconnection") options.reconnection = value.get_bool();
        if (name == "reconnectionAttempts") options.reconnection_attempts = number();
        if (name == "reconnectionDelay") options.reconnection_delay_ms = number();
        if (name == "reconnectionDelayMax") options.reconnection_delay_max_ms = number();
        if (name == "upgrade") options.engine.upgrade = value.get_bool();
        if (name == "tryAllTransports") options.engine.try_all_transports = value.get_bool();
        if (name != "transports") continue;
        options.engine.transports.clear();
        for (const Json& one : value.get_array())
            options.engine.transports.push_back(one.get_string() == "polling"
                                                    ? engineio::Transport::polling
                                                    : engineio::Transport::websocket);
    }
    return options;
}

socketio::client::SocketOptions socket_options(const object& situation) {
    socketio::client::SocketOptions options;
    const Json* given = situation.if_contains("socket");
    if (!given) return options;
    const object& all = given->get_object();
    if (const Json* auth = all.if_contains("auth"))
        options.auth = [auth = *auth](const auto& reply) { reply(auth); };
    if (const Json* retries = all.if_contains("retries"))
        options.retries = retries->to_number<uint32_t>();
    if (const Json* timeout = all.if_contains("ackTimeout"))
        options.ack_timeout_ms = timeout->to_number<uint64_t>();
    return options;
}

class Player {
public:
    explicit Player(const object& situation)
        : situation_(situation), client(manager_options(situation), socket_options(situation)) {}

    // The same verbs as in socketio_client/player.mjs.
    void play(const array& step) {
        const std::string verb = text_of(step[0]);
        if (verb == "connect") return socket(step).connect();
        if (verb == "disconnect") return socket(step).disconnect();
        if (verb == "emit") return emit(step, 2, {}, {});
        if (verb == "volatile") return emit(step, 2, {.is_volatile = true}, {});
        if (verb == "tried") return emit(step, 2, {}, answer_of(step, 2));
        if (verb == "ack") {
            socketio::client::EmitFlags flags;
            if (!step[2].is_null()) flags.timeout_ms = step[2].to_number<uint64_t>();
            return emit(step, 3, flags, answer_of(step, 3));
        }
        if (verb == "reply") return client.of("/").replies.back()(values_of(step, 1).values);
        if (verb == "state") return state(step);
        if (verb == "open") return client.manager.open();
        if (verb == "close") return client.manager.close();
        if (verb == "advance") return client.advance(step[1].to_number<uint64_t>());
        if (verb == "refuse") return void(client.refuses = step[1].get_bool());
        if (verb == "hold") return void(client.answers = false);
        if (verb == "posted") return client.answer_post(step[1].to_number<uint32_t>());
        if (verb == "poll")
            return client.answer_poll(packet_of(text_of(step[1])),
                                      step.size() > 2 ? step[2].to_number<uint32_t>() : 200);
        if (verb == "end") return client.end();
        ASSERT_EQ(verb, "send");
        if (step[1].is_string()) return client.send(packet_of(text_of(step[1])));
        client.send_bytes(fake::from_hex(text_of(step[1].at("bytes"))));
    }

private:
    struct Values {
        array kept;
        std::vector<sio::Value> values;
    };
    static Values values_of(const array& step, size_t from) {
        Values out;
        for (size_t i = from; i < step.size(); ++i)
            out.kept.push_back(fake::bytes_from_text(step[i]));
        for (const Json& value : out.kept) out.values.emplace_back(value);
        return out;
    }

    socketio::client::Socket& socket(const array& step) {
        auto& application = client.of(text_of(step[1]));
        if (!application.on_args)
            application.on_args = [this](fake::Arguments args) {
                const Json* all = situation_.if_contains("onEvent");
                const Json* steps =
                    all ? all->get_object().if_contains(args[0].get_string()) : nullptr;
                if (!steps) return;
                for (const Json& one : steps->get_array()) play(one.get_array());
            };
        return *application.socket;
    }
    void emit(const array& step, size_t from, const socketio::client::EmitFlags& flags,
              socketio::client::AckCallback ack) {
        const Values values = values_of(step, from + 1);
        socket(step).emit(text_of(step[from]), values.values, flags, std::move(ack));
    }
    socketio::client::AckCallback answer_of(const array& step, size_t name) {
        return [this, nsp = text_of(step[1]), name = socketio::test::shown(step[name])](
                   fake::AckResult result, fake::Arguments args) {
            const bool answered = result == fake::AckResult::answered;
            client.of(nsp).say(answered ? "answer " + name + fake::shown_args(args)
                                        : "no answer " + name + " \"" +
                                              std::string(error_text(result)) + "\"");
        };
    }
    void state(const array& step) {
        const auto& one = socket(step);
        client.of(text_of(step[1]))
            .say(std::string("state {\"connected\":") + (one.connected() ? "true" : "false") +
                 ",\"active\":" + (one.active() ? "true" : "false") + "}");
    }

    const object& situation_;

public:
    SioClient client;
};

Lines lines_of(const object& step, std::string_view name) {
    Lines lines;
    const Json* ours = step.if_contains("ours");
    const Json* list = ours ? ours->get_object().if_contains(name) : nullptr;
    for (const Json& line : (list ? *list : step.at(name)).get_array())
        lines.push_back(text_of(line));
    return lines;
}

// Requests and WebSockets have connections of their own: only the order of each is certain.
Lines by_channel(Lines lines) {
    std::ranges::stable_sort(lines, {}, [](const std::string& line) {
        return line == "ws closed" ? line : line.substr(0, 2);
    });
    return lines;
}

TEST(SocketIoClientSituations, AreTheSameAsWithNode) {
    const array situations = table();
    ASSERT_GE(situations.size(), 50u);
    for (const Json& each : situations) {
        const object& situation = each.get_object();
        Player player(situation);
        SioClient& client = player.client;
        for (const Json& one : situation.at("steps").get_array()) {
            const object& step = one.get_object();
            client.lines.clear();
            client.seen.clear();
            player.play(step.at("do").get_array());
            client.settle();
            const std::string where =
                text_of(situation.at("name")) + ": " + socketio::test::shown(step.at("do"));
            EXPECT_EQ(client.lines, lines_of(step, "client")) << where;
            EXPECT_EQ(by_channel(client.seen), by_channel(lines_of(step, "server"))) << where;
        }
        client.manager.close();
        client.settle();
        client.manager.sweep();
    }
}

}  // namespace
}  // namespace starling
