#include <starling/server.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/text.h"
#include "server/state.h"

namespace starling {

Server::Server(ServerOptions options)
    : state_(std::make_unique<State>(std::move(options), *this)) {}

Server::~Server() {
    if (!state_->started) return;
    state_->stop_now();
    state_->stop_now();
    wait();
    // The application may keep handles, and handlers that run while a worker is destroyed may use
    // them.
    for (const auto& worker : state_->group.workers) worker->close_handles();
    for (const auto& extension : state_->extensions) extension->close_handles();
}

// ---- routes -------------------------------------------------------------------------------------

void Server::route(std::string_view method, std::string_view pattern, http::Handler handler) {
    state_->require_not_started();
    state_->site.add_handler(method, pattern, std::move(handler));
}

void Server::route(std::string_view method, std::string_view pattern, http::Route options) {
    state_->require_not_started();
    state_->site.add_route(method, pattern, std::move(options));
}

void Server::use(std::string_view prefix, http::Middleware middleware) {
    state_->require_not_started();
    state_->site.middleware.add(prefix, std::move(middleware));
}

void Server::websocket(std::string_view pattern, ws::Route route) {
    state_->require_not_started();
    state_->site.add_websocket(pattern, std::move(route));
}

void Server::cors(http::CorsOptions options) {
    state_->require_not_started();
    state_->site.cors = std::move(options);
}

void Server::default_header(std::string_view name, std::string_view value) {
    state_->require_not_started();
    state_->site.add_default_header(name, value);
}

void Server::on_reload(PlainCallback<void()> call) { state_->on_reload = std::move(call); }
void Server::on_upgrade(PlainCallback<void()> call) { state_->on_upgrade = std::move(call); }
void Server::on_bound(PlainCallback<void()> call) { state_->on_bound = std::move(call); }

// ---- while the server runs ----------------------------------------------------------------------

std::optional<size_t> Server::publish(std::string_view topic, ws::Message message) {
    if (!state_->started) return 0;
    const auto& workers = state_->group.workers;
    for (const auto& worker : workers)
        if (worker->loop().in_loop_thread())
            return worker->hub().publish({topic, message.bytes(), message.is_binary()});
    // All go through the first worker, so that the messages of one thread arrive everywhere in
    // order.
    server::Worker* const first = workers.front().get();
    auto room = first->post_bytes(message.size());
    if (!room) return 0;
    first->post([first, name = std::string(topic), text = std::string(message.text()),
                 binary = message.is_binary(), room = std::move(*room)] {
        first->hub().publish({name, base::bytes_of(text), binary});
    });
    return std::nullopt;
}

size_t Server::subscribers(std::string_view topic) const {
    return state_->group.subscriber_counts.count(topic);
}

void Server::count_subscribers(std::string_view topic, PlainCallback<void(TopicCount)> done) const {
    if (!done) throw std::invalid_argument("count_subscribers: no function");
    server::WorkerGroup& group = state_->group;
    if (!state_->started || !group.topics) return done({.subscribers = subscribers(topic)});
    const auto ask = [&group](std::string_view name, PlainCallback<void(TopicCount)> answer) {
        group.topics->count(name, [answer = std::move(answer)](const server::Nodes::Count& count) {
            answer({.subscribers = count.members, .missing = count.missing, .age = count.age});
        });
    };
    if (group.here()) return ask(topic, std::move(done));
    group.workers.front()->post_call(
        [ask, name = std::string(topic), done = std::move(done)]() mutable {
            ask(name, std::move(done));
        });
}

Future<TopicCount> Server::count_subscribers(std::string_view topic) const {
    const auto promise = std::make_shared<Promise<TopicCount>>();
    Future<TopicCount> future = promise->future();
    count_subscribers(topic, [promise](const TopicCount& count) { promise->set_value(count); });
    return future;
}

Timer Server::State::schedule(std::chrono::milliseconds delay, bool periodic,
                              std::function<void()> call) {
    PendingTimer timer{++last_timer, delay, periodic, std::move(call)};
    const uint64_t id = timer.id;
    {
        const std::lock_guard lock(early_timers_mutex);
        if (!started) {
            early_timers.push_back(std::move(timer));
            return {id};
        }
    }
    group.workers.front()->post(
        [this, timer = std::move(timer)]() mutable { add_timer(std::move(timer)); });
    return {id};
}

void Server::State::add_timer(PendingTimer timer) {
    net::Loop& loop = group.workers.front()->loop();
    const auto delay_ms = static_cast<uint64_t>(std::max<int64_t>(timer.delay.count(), 0));
    if (timer.periodic) {
        timers[timer.id] = loop.every(delay_ms, std::move(timer.call));
        return;
    }
    timers[timer.id] = loop.after(delay_ms, [this, id = timer.id, call = std::move(timer.call)] {
        timers.erase(id);
        call();
    });
}

Timer Server::every(std::chrono::milliseconds period, Callback<void()> call) {
    return state_->schedule(period, true, std::move(call));
}

Timer Server::after(std::chrono::milliseconds delay, Callback<void()> call) {
    return state_->schedule(delay, false, std::move(call));
}

void Server::cancel(Timer timer) {
    {
        const std::lock_guard lock(state_->early_timers_mutex);
        if (!state_->started) {
            std::erase_if(state_->early_timers,
                          [&](const auto& early) { return early.id == timer.id; });
            return;
        }
    }
    state_->group.workers.front()->post([state = state_.get(), id = timer.id] {
        const auto found = state->timers.find(id);
        if (found == state->timers.end()) return;
        state->group.workers.front()->loop().cancel_timer(found->second);
        state->timers.erase(found);
    });
}

unsigned Server::workers() const noexcept {
    return state_->started ? static_cast<unsigned>(state_->group.workers.size()) : 0;
}

Io Server::io() const noexcept {
    return state_->group.io == Io::io_uring ? Io::io_uring : Io::epoll;
}

bool Server::post(Callback<void()> call) {
    if (!state_->started) return false;
    server::Worker* const mine = state_->group.here();
    server::Worker& worker = mine ? *mine : *state_->group.workers.front();
    return worker.post_call(std::move(call));
}

bool Server::post(unsigned worker, Callback<void()> call) {
    if (!state_->started) return false;
    return state_->group.workers.at(worker)->post_call(std::move(call));
}

ServerStats Server::stats() const {
    ServerStats sum;
    if (!state_->started) return sum;
    for (const auto& worker : state_->group.workers) {
        const server::Counters& counters = worker->counters();
        sum.connections_open += counters.connections_open.get();
        sum.connections_accepted += counters.connections_accepted.get();
        sum.connections_refused += counters.connections_refused.get();
        sum.connections_stalled += counters.connections_stalled.get();
        sum.proxy_headers_refused += counters.proxy_headers_refused.get();
        sum.client_addresses_malformed += counters.client_addresses_malformed.get();
        sum.limited_connections += counters.limited_connections.get();
        sum.limited_connections_open += counters.limited_connections_open.get();
        sum.limited_messages += counters.limited_messages.get();
        sum.limited_joins += counters.limited_joins.get();
        sum.limited_channel_publishes += counters.limited_channel_publishes.get();
        sum.limited_key_publishes += counters.limited_key_publishes.get();
        sum.requests += counters.requests.get();
        sum.websockets_open += counters.websockets_open.get();
        sum.websockets_opened += counters.websockets_opened.get();
        sum.messages_received += counters.messages_received.get();
        sum.messages_sent += counters.messages_sent.get();
        sum.messages_dropped += counters.messages_dropped.get() + worker->posted_dropped();
        sum.handler_exceptions += counters.handler_exceptions.get();
        sum.protocol_errors += counters.protocol_errors.get();
        sum.accept_pauses += worker->accept_pauses();
    }
    for (const auto& extension : state_->extensions) extension->add_stats(sum);
    return sum;
}

std::optional<std::string> fault_of_address_range(std::string_view text) {
    try {
        peer::AddressSet().add(text);
        return std::nullopt;
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
}

std::string_view version() noexcept { return STARLING_VERSION; }

}  // namespace starling
