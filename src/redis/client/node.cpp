#include "redis/client/node.h"

#include <utility>

namespace starling::redis::client {

Node::Node(const Context& context, Endpoint endpoint, OpeningOptions opening, NodeEvents& events)
    : context_(context),
      endpoint_(std::move(endpoint)),
      opening_(std::move(opening)),
      events_(events),
      backoff_(context.options.reconnect_ms_min, context.options.reconnect_ms_max, 0.5),
      retry_(context.loop) {}

Node::~Node() { drop_links(); }

void Node::drop_links() {
    ready_ = false;
    // The links report nothing to a node that no longer has them.
    if (commands_) silent_errors_ += commands_->session().silent_errors();
    const auto commands = std::move(commands_);
    const auto subscriber = std::move(subscriber_);
}

void Node::reconnect() {
    retry_.stop();
    drop_links();
    commands_ = std::make_unique<Link>(context_, endpoint_, Session::Role::both, opening_,
                                       subscriptions_, static_cast<LinkEvents&>(*this));
}

void Node::reconnect(const Endpoint& endpoint) {
    endpoint_ = endpoint;
    reconnect();
}

size_t Node::pending_bytes() const noexcept {
    return commands_ ? commands_->session().pending_bytes() : 0;
}

uint8_t Node::protocol() const noexcept { return commands_ ? commands_->session().protocol() : 0; }

uint64_t Node::silent_errors() const noexcept {
    return silent_errors_ + (commands_ ? commands_->session().silent_errors() : 0);
}

// The link that has the subscriptions, if it can take a command now.
Link* Node::subscriber() noexcept {
    Link* const link = protocol() == 2 ? subscriber_.get() : commands_.get();
    return link && link->is_open() ? link : nullptr;
}

void Node::open_subscriber() {
    OpeningOptions opening = opening_;
    opening.protocol = 2;
    subscriber_ =
        std::make_unique<Link>(context_, endpoint_, Session::Role::subscriber, std::move(opening),
                               subscriptions_, static_cast<LinkEvents&>(*this));
}

void Node::subscribe(Topic topic, std::string_view name) {
    if (!subscriptions_.add(topic, name)) return;
    if (Link* const link = subscriber())
        link->subscribe(topic, name);
    else if (commands_ && commands_->is_open() && !subscriber_)
        open_subscriber();
}

void Node::adopt(Topic topic, std::vector<std::string> names) {
    std::erase_if(names, [&](const auto& name) { return !subscriptions_.add(topic, name); });
    if (names.empty() || !commands_ || !commands_->is_open()) return;
    ready_ = false;
    if (protocol() != 2)
        commands_->restore(topic, std::move(names));
    else if (!subscriber_)
        open_subscriber();
    else if (subscriber_->is_open())
        subscriber_->restore(topic, std::move(names));
}

void Node::unsubscribe(Topic topic, std::string_view name) {
    if (!subscriptions_.remove(topic, name)) return;
    if (Link* const link = subscriber()) link->unsubscribe(topic, name);
}

void Node::resubscribe(Topic topic, std::string_view name) {
    if (Link* const link = subscriber(); link && subscriptions_.has(topic, name))
        link->subscribe(topic, name);
}

void Node::on_link_ready(Link& link) {
    const bool needs_subscriber = link.session().protocol() == 2 && &link == commands_.get() &&
                                  !subscriptions_.is_empty() && !subscriber_;
    if (needs_subscriber) open_subscriber();
    check_ready();
}

void Node::check_ready() {
    if (ready_ || !commands_ || !commands_->is_ready()) return;
    if (subscriber_ && !subscriber_->is_ready()) return;
    ready_ = true;
    ready_ms_ = context_.loop.now_ms();
    events_.on_node_ready(*this);
}

void Node::on_down(Link&, const std::string& why, bool is_final) {
    // A server that lets this client in and ends the connection at its first command is no server that
    // is back.
    const bool was_there =
        ready_ && context_.loop.now_ms() - ready_ms_ >= context_.options.reconnect_ms_max;
    if (was_there) backoff_.reset();
    drop_links();
    retry_.after(backoff_.next_ms(random_share()), [this] {
        if (events_.may_connect(*this)) reconnect();
    });
    events_.on_node_down(*this, why, is_final);
}

}  // namespace starling::redis::client
