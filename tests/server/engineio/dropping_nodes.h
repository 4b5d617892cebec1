// tests/server/engineio/dropping_nodes.h: the Nodes of a worker while too much waits for the first worker,
// so that publications are dropped. All other calls reach the real Nodes.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "server/nodes.h"

namespace starling::server::test {

class DroppingNodes final : public Nodes {
public:
    explicit DroppingNodes(Nodes& nodes) noexcept : nodes_(nodes) {}

    std::atomic<bool> drops{false};

    void add(Kind kind, Member& member) override { nodes_.add(kind, member); }
    [[nodiscard]] Id self() const noexcept override { return nodes_.self(); }
    [[nodiscard]] bool is_here(Id node) const override { return nodes_.is_here(node); }
    [[nodiscard]] bool is_known(Id node) const override { return nodes_.is_known(node); }
    [[nodiscard]] bool is_linked() const noexcept override { return nodes_.is_linked(); }
    [[nodiscard]] uint64_t keyed_hash(std::string_view text) const noexcept override {
        return nodes_.keyed_hash(text);
    }
    void joined(Kind kind, std::string_view room) noexcept override { nodes_.joined(kind, room); }
    void left(Kind kind, std::string_view room) noexcept override { nodes_.left(kind, room); }
    bool publish(Kind kind, Target target, std::string payload) override {
        return !drops && nodes_.publish(kind, std::move(target), std::move(payload));
    }
    void ask(Kind kind, Target target, std::string payload,
             std::function<void(Id from, std::string_view payload)> answer,
             std::function<void(const Outcome&)> done) override {
        nodes_.ask(kind, std::move(target), std::move(payload), std::move(answer), std::move(done));
    }
    void answer(Id to, uint64_t question, std::string payload, bool is_last) override {
        nodes_.answer(to, question, std::move(payload), is_last);
    }
    void count(Kind kind, std::string_view room, std::function<void(const Count&)> done) override {
        nodes_.count(kind, room, std::move(done));
    }
    void fence(std::function<void()> done) override { nodes_.fence(std::move(done)); }
    [[nodiscard]] hub::History* share_history(WorkerGroup& group,
                                              std::function<void()> ready) override {
        return nodes_.share_history(group, std::move(ready));
    }
    [[nodiscard]] size_t node_queue_bytes_max() const noexcept override {
        return nodes_.node_queue_bytes_max();
    }

private:
    Nodes& nodes_;
};

}  // namespace starling::server::test
