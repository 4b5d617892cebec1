// A client of Redis that does what standard input says, one command a line, and prints what happens;
// the interop tests of src/redis/client start it.
//
//     redis_test_client URL [NAME=VALUE...]   ca_path, server_name, reply_timeout_ms, ping_interval_ms,
//                                             queue_bytes_max, slots_interval_ms
//
// In:  subscribe|unsubscribe TOPIC NAME, publish CHANNEL TEXT, spublish CHANNEL TEXT,
//      publish_many CHANNEL COUNT BYTES AT_ONCE, command WORDS, key KEY WORDS, stats, quiet (counts
//      messages, prints none), received; it ends with its input
// Out: ready; down final|again WHY; message TOPIC PATTERN CHANNEL TEXT; refused TOPIC NAME ERROR;
//      answer NUMBER VALUE; answer NUMBER ! ERROR; stats DROPPED ERRORS LOSSES WAITING; done COUNT FAILED
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "net/loop.h"
#include "net/resolver.h"
#include "redis/client/client.h"

namespace {

using namespace starling;
using redis::Topic;

std::string show(const redis::Value& value) {
    if (value.is_text()) return std::string(value.text());
    if (value.kind() == redis::Kind::integer || value.kind() == redis::Kind::boolean)
        return std::to_string(value.integer());
    if (value.is_null()) return "null";
    std::string text = "[";
    for (const redis::Value child : value) text += (text.size() > 1 ? " " : "") + show(child);
    return text + "]";
}

const std::map<std::string, Topic> topics{
    {"channel", Topic::channel}, {"pattern", Topic::pattern}, {"shard", Topic::shard}};

const char* name_of(Topic topic) {
    for (const auto& [name, value] : topics)
        if (value == topic) return name.c_str();
    return "?";
}

void print(const std::string& line) {
    std::fputs((line + "\n").c_str(), stdout);
    std::fflush(stdout);
}

class Program final : redis::client::ClientEvents {
public:
    bool start(redis::client::ClientOptions options) {
        auto made = redis::client::Client::make(loop_, *resolver_, std::move(options), *this);
        if (!made) return std::fprintf(stderr, "%s\n", made.error().c_str()), false;
        client_ = *std::move(made);
        return true;
    }
    void run() {
        std::thread reader([this] {
            for (std::string line; std::getline(std::cin, line);)
                loop_.post([this, line] { on_line(line); });
            loop_.post([this] { loop_.stop(); });
        });
        loop_.run();
        client_.reset();
        reader.join();
    }

private:
    void on_line(const std::string& line) {
        std::istringstream words(line);
        std::string verb, first, rest;
        words >> verb;
        if (verb == "quiet") return void(quiet_ = true);
        if (verb == "received") return print("received " + std::to_string(received_));
        if (verb == "stats") return stats();
        if (verb == "command") return command(words, nullptr);
        words >> first;
        if (verb == "key") return command(words, &first);
        if (verb == "publish_many") return publish_many(first, words);
        std::getline(words >> std::ws, rest);
        if (verb == "subscribe")
            client_->subscribe(topics.at(first), rest);
        else if (verb == "unsubscribe")
            client_->unsubscribe(topics.at(first), rest);
        else if (verb == "publish")
            client_->publish(first, rest, answer());
        else if (verb == "spublish")
            client_->spublish(first, rest, answer());
    }
    redis::Done answer() {
        return [number = ++number_](const redis::Answer& answer) {
            print("answer " + std::to_string(number) + " " +
                  (answer.error.empty() ? show(*answer.value) : "! " + std::string(answer.error)));
        };
    }
    void command(std::istringstream& words, const std::string* key) {
        std::vector<std::string> texts;
        for (std::string word; words >> word;) texts.push_back(word);
        const std::vector<std::string_view> views(texts.begin(), texts.end());
        if (key)
            client_->command(views, answer(), *key);
        else
            client_->command(views, answer());
    }
    // Numbers as payloads, filled up to BYTES, with AT_ONCE commands under way.
    void publish_many(const std::string& channel, std::istringstream& words) {
        many_ = {channel, 0, 0, 0, 0, 0};
        size_t at_once = 0;
        words >> many_.count >> many_.bytes >> at_once;
        while (many_.next < std::min(at_once, many_.count)) publish_next();
    }
    void publish_next() {
        std::string payload = std::to_string(many_.next++);
        if (payload.size() < many_.bytes) payload.resize(many_.bytes, ' ');
        client_->publish(many_.channel, payload, [this](const redis::Answer& answer) {
            many_.failed += !answer.error.empty();
            if (many_.next < many_.count) publish_next();
            if (++many_.answered == many_.count)
                print("done " + std::to_string(many_.count) + " " + std::to_string(many_.failed));
        });
    }
    void stats() {
        const auto stats = client_->stats();
        print("stats " + std::to_string(stats.dropped) + " " + std::to_string(stats.silent_errors) +
              " " + std::to_string(stats.losses) + " " + std::to_string(stats.waiting));
    }
    void on_message(const redis::Message& message) override {
        ++received_;
        if (quiet_) return;
        print("message " + std::string(name_of(message.topic)) + " " +
              (message.pattern.empty() ? "-" : std::string(message.pattern)) + " " +
              std::string(message.channel) + " " + std::string(message.payload));
    }
    void on_ready() override { print("ready"); }
    void on_down(const std::string& why, bool is_final) override {
        print((is_final ? "down final " : "down again ") + why);
    }
    void on_refused(Topic topic, const std::string& name, std::string_view error) override {
        print("refused " + std::string(name_of(topic)) + " " + name + " " + std::string(error));
    }

    net::Loop loop_;
    std::unique_ptr<net::Resolver> resolver_ = net::make_system_resolver(loop_);
    std::unique_ptr<redis::client::Client> client_;
    struct Many {
        std::string channel;
        size_t count, bytes, next, answered, failed;
    } many_{};
    uint64_t number_ = 0, received_ = 0;
    bool quiet_ = false;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    auto url = redis::parse_url(argv[1]);
    if (!url) return std::fprintf(stderr, "%s\n", url.error().c_str()), 2;
    redis::client::ClientOptions options{.url = *std::move(url)};
    for (int i = 2; i < argc; ++i) {
        const std::string option = argv[i];
        const std::string name = option.substr(0, option.find('='));
        const std::string value = option.substr(option.find('=') + 1);
        if (name == "ca_path")
            options.tls.ca_path = value;
        else if (name == "server_name")
            options.server_name = value;
        else if (name == "reply_timeout_ms")
            options.reply_timeout_ms = std::stoul(value);
        else if (name == "ping_interval_ms")
            options.ping_interval_ms = std::stoul(value);
        else if (name == "queue_bytes_max")
            options.queue_bytes_max = std::stoul(value);
        else if (name == "slots_interval_ms")
            options.slots_interval_ms = std::stoul(value);
        else
            return 2;
    }
    Program program;
    if (!program.start(std::move(options))) return 2;
    program.run();
}
