// tests/cluster/native/net.h: a few nodes whose messages the test carries, at the times that it says.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/native/node.h"

namespace starling::cluster::native {

class Net;

struct Host final : Events {
    Host(Net& of, Options options) : net(of), id(options.id), node(std::move(options), *this) {}

    void send(const Channel& channel, std::string_view bytes) override;
    void on_publication(const Incoming& publication) override {
        log += to_text(publication.from).substr(14) + ":";
        for (const auto room : publication.rooms) log.append(room).append(",");
        log.append("=").append(publication.payload).append(" ");
    }
    void on_question(uint64_t question, const Incoming& asked) override {
        log.append("?").append(asked.payload).append(" ");
        if (answers) node.answer(asked.from, question, "yes", true);
    }
    void on_answer(uint64_t, NodeId from, std::string_view payload) override {
        log.append("!").append(to_text(from).substr(14)).append(payload).append(" ");
    }
    void on_answered(uint64_t, const Outcome& outcome) override {
        log += "done " + std::to_string(outcome.answered) + " missing " +
               std::to_string(outcome.missing.size()) + " ";
    }
    void on_fence(uint64_t, size_t missing) override {
        log += "fence " + std::to_string(missing) + " ";
    }
    void on_count(RoomHash, const Count& count) override {
        log += "count " + std::to_string(count.members) + " missing " +
               std::to_string(count.missing) + " ";
    }
    void on_gap(NodeId from, uint64_t publications) override {
        log += "gap " + to_text(from).substr(14) + " " + std::to_string(publications) + " ";
    }
    void on_node(NodeId other, std::string_view, NodeChange change) override {
        const char* const words[] = {"here", "away", "back", "leaves", "gone"};
        nodes += to_text(other).substr(14) + " " + words[static_cast<size_t>(change)] + " ";
    }
    void on_impostor() override { log += "impostor "; }
    void on_other_settings(std::string_view name, uint64_t) override {
        if (others.find(name) == std::string::npos) others.append(name);
    }

    std::string take() { return std::exchange(log, {}); }
    std::optional<size_t> publish(std::string_view room, std::string_view payload) {
        return node.publish({.rooms = std::span(&room, 1), .nodes = {}}, payload);
    }
    std::optional<uint64_t> ask(std::string_view room, std::string_view payload);

    Net& net;
    const NodeId id;
    bool answers = true;
    bool is_cut = false;  // Neither sends nor receives, and does not notice.
    std::string log, nodes;
    std::string others;  // The names of nodes with other settings.
    Node node;
};

class Net {
public:
    Host& add(NodeId id, Options options = {}) {
        options.id = id;
        options.seed = id;
        hosts_.push_back(std::make_unique<Host>(*this, options));
        hosts_.back()->node.link(true, now);
        return *hosts_.back();
    }
    void send(Host& from, const Channel& channel, std::string_view bytes) {
        if (from.is_cut) return;
        for (const auto& host : hosts_)
            if (channel.kind != Channel::Kind::node || channel.number == host->id)
                waiting_.emplace_back(host.get(), bytes);
    }
    // Ticks of 10 ms; messages arrive before the next one.
    void run(Millis ms) {
        for (const Millis end = now + ms; now < end; now += 10) {
            for (const auto& host : hosts_) host->node.tick(now);
            for (const auto& [host, bytes] : std::exchange(waiting_, {}))
                if (!host->is_cut && !is_lost(bytes)) host->node.received(bytes, now);
        }
    }
    void lose(WireKind kind, bool is_on = true) { lost_ = is_on ? static_cast<char>(kind) : '\0'; }
    void end(Host& host) {
        std::erase_if(waiting_, [&](const auto& message) { return message.first == &host; });
        std::erase_if(hosts_, [&](const auto& one) { return one.get() == &host; });
    }

    Millis now = 1'000'000;

private:
    [[nodiscard]] bool is_lost(const std::string& bytes) const {
        return lost_ != '\0' && bytes[2] == lost_;
    }
    std::vector<std::unique_ptr<Host>> hosts_;
    std::vector<std::pair<Host*, std::string>> waiting_;
    char lost_ = '\0';
};

inline void Host::send(const Channel& channel, std::string_view bytes) {
    net.send(*this, channel, bytes);
}
inline std::optional<uint64_t> Host::ask(std::string_view room, std::string_view payload) {
    return node.ask({.rooms = std::span(&room, 1), .nodes = {}}, payload, net.now);
}

}  // namespace starling::cluster::native
