// redis/client/node.h: a Redis server that stays connected: one link with RESP3; with RESP2 a second one
// for subscriptions. After a loss it connects again, after jittered pauses.
//
// Owner: the Client or its Cluster; it must not destroy a node within a call of the node.
// Thread: the loop's.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/backoff.h"
#include "redis/client/link.h"

namespace starling::redis::client {

class Node;

class NodeEvents {
public:
    // Open, with every subscription confirmed.
    virtual void on_node_ready(Node& node) = 0;
    // Called once for each loss, and for each attempt that failed. The node tries again.
    virtual void on_node_down(Node& node, const std::string& why, bool is_final) = 0;
    // The pause before a new attempt is over. False: reconnect() will be called later.
    virtual bool may_connect(Node&) { return true; }
    virtual void on_node_progress(Node& node) = 0;
    virtual void on_message(const Message& message) = 0;
    virtual void on_refused(Node& node, Topic topic, const std::string& name,
                            std::string_view error) = 0;
    virtual void on_lost(Node& node, std::string_view name) = 0;

protected:
    ~NodeEvents() = default;
};

class Node final : LinkEvents {
public:
    Node(const Context& context, Endpoint endpoint, OpeningOptions opening, NodeEvents& events);
    ~Node();

    // At once, to the same server or to another one. Commands under way fail.
    void reconnect();
    void reconnect(const Endpoint& endpoint);

    [[nodiscard]] const Endpoint& endpoint() const noexcept { return endpoint_; }
    [[nodiscard]] bool is_ready() const noexcept {
        return ready_ && commands_ && commands_->is_open();
    }
    // As is_ready(), or the server has still to confirm some subscriptions.
    [[nodiscard]] bool is_open() const noexcept { return commands_ && commands_->is_open(); }
    [[nodiscard]] size_t pending_bytes() const noexcept;
    [[nodiscard]] uint8_t protocol() const noexcept;
    // Of a lost or open connection: errors of commands without a Done.
    [[nodiscard]] uint64_t silent_errors() const noexcept;

    // Only if is_ready().
    void send(std::string_view encoded, Done done) { commands_->send(encoded, std::move(done)); }
    // At any time; they hold for all connections to come.
    void subscribe(Topic topic, std::string_view name);
    void unsubscribe(Topic topic, std::string_view name);
    // Takes over the names of another node. This node is not ready until the server has confirmed them.
    void adopt(Topic topic, std::vector<std::string> names);
    // Asks again for a subscription that the server has ended.
    void resubscribe(Topic topic, std::string_view name);
    [[nodiscard]] Subscriptions& subscriptions() noexcept { return subscriptions_; }

private:
    void on_link_ready(Link& link) override;
    void on_down(Link& link, const std::string& why, bool is_final) override;
    void on_message(const Message& message) override { events_.on_message(message); }
    void on_refused(Topic topic, const std::string& name, std::string_view error) override {
        events_.on_refused(*this, topic, name, error);
    }
    void on_lost(std::string_view name) override { events_.on_lost(*this, name); }
    void on_progress() override {
        if (is_ready()) events_.on_node_progress(*this);
    }

    [[nodiscard]] Link* subscriber() noexcept;
    void open_subscriber();
    void check_ready();
    void drop_links();

    const Context& context_;
    Endpoint endpoint_;
    const OpeningOptions opening_;
    NodeEvents& events_;
    Subscriptions subscriptions_;
    base::Backoff backoff_;
    uint64_t silent_errors_ = 0;  // Of the connections before.
    bool ready_ = false;
    uint64_t ready_ms_ = 0;  // Since when; the pauses begin anew if that is long ago.
    std::unique_ptr<Link> commands_, subscriber_;
    Timer retry_;
};

}  // namespace starling::redis::client
