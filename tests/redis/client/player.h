// The client of Redis with servers that answer by a script, for its tests.
#pragma once

#include <gtest/gtest.h>

#include <map>

#include "net/resolver.h"
#include "redis/client/client.h"
#include "tests/fake/redis.h"

namespace starling::redis::client {

using Words = fake::Redis::Words;
using Scripted = std::optional<std::string>;

struct Player final : ClientEvents {
    // `at`: "redis://127.0.0.1:6379".
    void start(const std::string& at, const std::function<void(ClientOptions&)>& change = {}) {
        ClientOptions options{.url = *parse_url(at)};
        options.reconnect_ms_min = 2;
        options.reconnect_ms_max = 20;
        options.loading_pause_ms = 5;
        options.refused_interval_ms = 10;
        if (change) change(options);
        client = *Client::make(loop, *resolver, std::move(options), *this);
    }
    void start(const fake::Redis& redis) { start("redis://" + redis.address()); }
    // "x 1 value" for each answer.
    void send(const std::string& text, bool by_shard = false) {
        const auto done = [this, text](const Answer& answer) {
            answers.push_back(text +
                              (answer.error.empty() ? "" : " ! " + std::string(answer.error)));
        };
        const std::vector<std::string_view> xadd{"XADD", "c", text};
        by_shard ? client->spublish("c", text, done) : client->command(xadd, done, "c", until_ms);
    }
    // Many commands, a few of them under way at a time.
    void send_many(int count, bool by_shard, int at_once = 8) {
        for (int i = 0; i < at_once; ++i) send_next(count, by_shard);
    }
    void send_next(int count, bool by_shard) {
        if (next == count) return;
        const std::string text = std::to_string(next++);
        const auto done = [this, count, by_shard, text](const Answer& answer) {
            answers.push_back(text +
                              (answer.error.empty() ? "" : " ! " + std::string(answer.error)));
            send_next(count, by_shard);
        };
        const std::vector<std::string_view> xadd{"XADD", "c", text};
        by_shard ? client->spublish("c", text, done) : client->command(xadd, done, "c");
    }
    bool until(const std::function<bool()>& done) { return fake::run_until(loop, done); }
    bool until_ready() {
        return until([this] { return ready > 0; });
    }

    void on_message(const Message& message) override {
        heard.emplace_back(std::string(message.channel) + " " + std::string(message.payload));
    }
    void on_ready() override { ++ready; }
    void on_down(const std::string& why, bool is_final) override {
        down.push_back(why + (is_final ? " (final)" : ""));
    }
    void on_refused(Topic, const std::string& name, std::string_view error) override {
        refused.push_back(name + " " + std::string(error));
    }
    void on_bounced(std::string_view error) override { bounced.emplace_back(error); }

    net::Loop loop;
    std::unique_ptr<net::Resolver> resolver = net::make_system_resolver(loop);
    std::vector<std::string> answers, heard, down, refused, bounced;
    int ready = 0, next = 0;
    uint64_t until_ms = 0;  // Of what send() sends.
    std::unique_ptr<Client> client;
};

// The numbers at the end of the commands that a server has executed.
inline std::vector<int> numbers(const std::vector<std::string>& commands) {
    std::vector<int> all;
    for (const auto& text : commands)
        if (text.starts_with("XADD c ") || text.starts_with("SPUBLISH c "))
            all.push_back(std::stoi(text.substr(text.rfind(' '))));
    return all;
}

inline std::vector<int> counted(int count) {
    std::vector<int> all(static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) all[static_cast<size_t>(i)] = i;
    return all;
}

inline bool is_data(const Words& words) { return words[0] == "XADD" || words[0] == "SPUBLISH"; }
inline const uint16_t slot_of_c = slot_of("c");

// Two servers of a cluster; `first` owns the slot of the channel c.
struct Two {
    explicit Two(Player& player) : first(player.loop), second(player.loop) {
        const auto answer = [this](const Words& words) -> Scripted {
            if (words[0] != "CLUSTER") return std::nullopt;
            const bool swapped = moved != (slot_of_c >= 8192);
            return swapped ? fake::Redis::slots(second, first) : fake::Redis::slots(first, second);
        };
        first.script = second.script = answer;
    }
    // Does `change` before the script that is there.
    static void before(fake::Redis& redis, fake::Redis::Script change) {
        redis.script = [change = std::move(change), then = redis.script](const Words& words) {
            auto scripted = change(words);
            return scripted ? scripted : then(words);
        };
    }
    [[nodiscard]] std::string url() const { return "redis+cluster://" + first.address(); }
    bool moved = false;
    fake::Redis first, second;
};

}  // namespace starling::redis::client
