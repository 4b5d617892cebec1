// tests/engineio/client_script.h: runs scripts against the client's half of an Engine.IO session. What
// the session asks of its wire and reports is a list of lines.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engineio/client_session.h"
#include "tests/fake/client_wire.h"

namespace starling::engineio::test {

using Lines = std::vector<std::string>;

inline constexpr std::string_view open_text =
    R"(0{"sid":"S","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":40})";
inline constexpr std::string_view open_plain =
    R"(0{"sid":"S","upgrades":[],"pingInterval":25000,"pingTimeout":20000})";

// Runs one script. A step is a word and its text, split at the first blank:
//
//     open, close, send TEXT, bytes TEXT         the application
//     poll BODY, poll! STATUS, post, post! STATUS, ws, ws< TEXT, wsb< TEXT, ws~ (drained),
//     ws! (error), ws. CODE (closed), full, free the wire; buffered N: what the wire buffers
//     pause, resume
//     at MS                                      the time, with on_timer() if it is due
//
// `|` in a body stands for the separator, `OPEN` and `PLAIN` for the open packet with and without an
// upgrade.
class Script final : public ClientEvents {
public:
    explicit Script(const ClientSessionOptions& options, bool websocket_worked = false)
        : memory{websocket_worked}, wire(lines), session(options, memory, wire, *this) {}

    Lines run(const Lines& steps) {
        for (const std::string& step : steps) one(step);
        return lines;
    }

    Lines lines;
    UpgradeMemory memory;
    std::string on_message_step;  // Run inside on_message().
    uint64_t now_ms = 0;
    bool hears_drain = false;

private:
    static std::string body_of(std::string text) {
        const auto replace = [&](std::string_view from, std::string_view to) {
            for (size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
                text.replace(at, from.size(), to);
        };
        replace("OPEN", open_text);
        replace("PLAIN", open_plain);
        replace("|", "\x1e");
        return text;
    }

    void one(const std::string& step) {
        const size_t blank = step.find(' ');
        const std::string word = step.substr(0, blank);
        const std::string rest = blank == step.npos ? "" : step.substr(blank + 1);
        const auto number = [&] { return static_cast<uint32_t>(std::stoul(rest)); };
        if (word == "open") return session.open();
        if (word == "close") return session.close(now_ms);
        if (word == "send") return session.send(false, rest);
        if (word == "bytes") return session.send(true, rest);
        if (word == "poll") return session.on_poll(body_of(rest), PayloadKind::text, now_ms);
        if (word == "poll!") return session.on_poll_error(number());
        if (word == "post") return session.on_post();
        if (word == "post!") return session.on_post_error(number());
        if (word == "ws") return session.on_websocket_open();
        if (word == "ws<") return session.on_websocket_text(body_of(rest), now_ms);
        if (word == "wsb<") return session.on_websocket_bytes(rest, now_ms);
        if (word == "ws~") return session.on_websocket_drained();
        if (word == "ws!") return session.on_websocket_error();
        if (word == "ws.") return session.on_websocket_closed(number());
        if (word == "full") return void(wire.takes_more = false);
        if (word == "free") return void(wire.takes_more = true);
        if (word == "buffered") return void(wire.buffered = number());
        if (word == "pause") return session.pause(now_ms);
        if (word == "resume") return session.resume(now_ms);
        ASSERT_EQ(word, "at") << step;
        now_ms = number();
        while (session.deadline_ms() <= now_ms) session.on_timer(now_ms);
    }

    void on_open() override { lines.push_back("open " + session.sid()); }
    void on_message(bool binary, std::string_view data, uint64_t) override {
        lines.push_back("message " + fake::ClientWire::shown(binary, data));
        if (!on_message_step.empty()) one(std::exchange(on_message_step, {}));
    }
    void on_ping() override { lines.emplace_back("ping"); }
    void on_upgrade() override { lines.emplace_back("upgrade"); }
    void on_upgrade_error(std::string_view why) override {
        lines.push_back("upgrade failed: " + std::string(why));
    }
    void on_drain() override {
        if (hears_drain) lines.emplace_back("drain");
    }
    void on_error(const ClientDetails& details) override {
        lines.push_back("error " + details.message +
                        (details.code ? " " + std::to_string(details.code) : ""));
    }
    void on_close(ClientReason reason, const ClientDetails& details) override {
        lines.push_back("closed: " + std::string(reason_text(reason)) +
                        (details.message.empty() ? "" : ", " + details.message));
    }

public:
    fake::ClientWire wire;
    ClientSession session;
};

struct Case {
    const char* what;
    Lines steps;
    Lines transcript;
};

inline void check(const std::vector<Case>& cases, const ClientSessionOptions& options = {}) {
    for (const Case& one : cases)
        EXPECT_EQ(Script(options).run(one.steps), one.transcript) << one.what;
}

inline const ClientSessionOptions websocket_first{.transports = {Transport::websocket}};
inline const ClientSessionOptions polling_only{.upgrade = false};

}  // namespace starling::engineio::test
