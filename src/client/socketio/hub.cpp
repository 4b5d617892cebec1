#include "client/socketio/hub.h"

#include <algorithm>
#include <utility>

#include "base/exception_text.h"
#include "net/loop.h"
#include "socketio/codec/json_writer.h"
#include "socketio/codec/values.h"

namespace starling::client {

using socketio::client::Arguments;
using socketio::client::Reply;

SioHub& SioHub::of(LoopCore& loop) {
    auto& hub = loop.socketio_hub();
    if (!hub) {
        hub = std::shared_ptr<SioHub>(new SioHub, [](SioHub* all) {
            for (const auto& host : std::exchange(all->hosts, {})) host->end();
            delete all;
        });
        loop.add(*static_cast<SioHub*>(hub.get()));
    }
    return *static_cast<SioHub*>(hub.get());
}

void SioHub::server_stops() {
    for (const auto& host : std::vector(hosts)) host->enter([&] { host->manager().close(); });
}

// ---- A socket -----------------------------------------------------------------------------------

SioSocket::SioSocket(std::shared_ptr<SioHost> host, std::string_view nsp,
                     const socketio::client::SocketOptions& options)
    : host_(std::move(host)) {
    auto own = options;
    if (own.auth)
        own.auth = [this, ask = own.auth](const socketio::client::SocketOptions::AuthReply& reply) {
            guarded("auth", [&] {
                ask([weak = std::weak_ptr(host_), reply](const sio::Json& auth) {
                    const auto asked_by = weak.lock();
                    if (!asked_by || !asked_by->loop()) return;
                    asked_by->loop()->check_thread();
                    asked_by->enter([&] { reply(auth); });
                });
            });
        };
    core_ = host_->manager().socket(nsp, own, *this).shared_from_this();
}

void SioSocket::connect_soon() {
    connects_soon_ = true;
    host_->loop()->post([weak = std::weak_ptr(host_), this] {
        const auto host = weak.lock();
        if (host && host->loop() && connects_soon_) connect();
    });
}

void SioSocket::connect() {
    connects_soon_ = false;
    host_->enter([this] { core_->connect(); });
}

void SioSocket::disconnect() {
    connects_soon_ = false;
    host_->enter([this] { core_->disconnect(); });
}

void SioSocket::end() {
    const auto any = std::exchange(any_, {}), outgoing = std::exchange(outgoing_, {});
    connects_soon_ = false;
    host_.reset();
    listeners_.clear();
}

void SioSocket::add(std::string_view name, sio::detail::Listener listener, bool once) {
    listeners_.add(host_->hub().names.of(name), std::move(listener), once);
}

void SioSocket::remove(std::string_view name) { listeners_.remove(host_->hub().names.find(name)); }

template <class Call>
void SioSocket::guarded(std::string_view name, Call&& call) noexcept {
    try {
        call();
    } catch (...) {
        threw(name, base::describe_current_exception());
    }
}

void SioSocket::threw(std::string_view name, std::string_view what) {
    if (!host_) return;  // A handler has destroyed the loop.
    host_->loop()->tell_exception(std::string(name).append(": ").append(what));
    core_->disconnect();
}

void SioSocket::emit(std::string_view name, std::span<const sio::Value> values,
                     const socketio::client::EmitFlags& flags, socketio::client::AckCallback ack) {
    if (core_->emit(name, values, flags, std::move(ack)) || !host_ || told_of_drops_) return;
    told_of_drops_ = true;
    host_->loop()->tell_exception("the event \"" + std::string(name) +
                                  "\" was dropped: buffered_events_max events wait");
}

void SioSocket::settle(const sio::OnAnswer& done, const sio::Answer& answer) {
    guarded("the callback of an ack", [&] { done(answer); });
}

void SioSocket::call(std::string_view name, Arguments args, const sio::Ack& ack) {
    const uint32_t number = host_->hub().names.find(name);
    if (number == socketio::Names::none) return;
    guarded(name, [&] {
        const sio::Socket none;
        const sio::detail::Event event{none, name, args, ack};
        listeners_.call(number, event, [&](const sio::detail::ArgumentMismatch& why) {
            host_->loop()->tell_exception("a handler of \"" + std::string(name) +
                                          "\" was not called: argument " +
                                          std::to_string(why.index) + " is not " + why.expected);
        });
    });
}

void SioSocket::on_own_event(std::string_view name, Arguments args) {
    if (name == "connect") told_of_drops_ = false;
    call(name, args, {});
}

void SioSocket::on_event(Arguments args, const Reply& reply) {
    std::string name;
    if (const auto* text = args.front().if_string())
        name.assign(text->data(), text->size());
    else  // An event's name may be a number.
        socketio::append_json_number(name, args.front().to_number<double>());
    guarded(name, [&] {
        for (const auto& any : std::vector(any_)) any(name, args.subspan(1));
    });
    sio::Ack ack;
    if (reply) {
        ack = sio::Ack(std::make_shared<const sio::Ack::Sink>(
            [reply, weak = std::weak_ptr(host_)](const boost::json::array& values) {
                const auto host = weak.lock();
                if (!host || !host->loop()) return;
                host->loop()->check_thread();
                host->enter([&] { reply(socketio::to_values(values)); });
            }));
    }
    call(name, args.subspan(1), ack);
}

void SioSocket::on_outgoing(Arguments args) {
    const auto& name = args.front().get_string();
    guarded("on_any_outgoing", [&] {
        for (const auto& one : std::vector(outgoing_))
            one({name.data(), name.size()}, args.subspan(1));
    });
}

// ---- A connection -------------------------------------------------------------------------------

SioHost::SioHost(ClientLoop& loop, SioEndpoint endpoint,
                 const socketio::client::ManagerOptions& options)
    : loop_(loop),
      core_(&LoopCore::of(loop)),
      hub_(&SioHub::of(*core_)),
      endpoint_(std::move(endpoint)),
      manager_(options, *this, *this) {}

SioHost::~SioHost() = default;

std::shared_ptr<SioSocket> SioHost::socket(std::string_view nsp,
                                           const socketio::client::SocketOptions& options) {
    const auto found = std::ranges::find(
        sockets_, nsp, [](const auto& one) { return std::string_view(one->core().nsp()); });
    if (found != sockets_.end()) return *found;
    return sockets_.emplace_back(std::make_shared<SioSocket>(shared_from_this(), nsp, options));
}

bool SioHost::has(std::string_view nsp) const noexcept {
    return std::ranges::any_of(sockets_, [&](const auto& one) { return one->core().nsp() == nsp; });
}

void SioHost::settle() {
    set_timer();
    if (sweeping_ || !(manager_.wants_sweep() || manager_.idle())) return;
    sweeping_ = true;
    core_->post([weak = weak_from_this()] {
        if (const auto host = weak.lock()) host->sweep();
    });
}

void SioHost::sweep() {
    sweeping_ = false;
    if (!core_) return;
    manager_.sweep();
    if (!may_go()) return;
    std::erase_if(hub_->hosts, [this](const auto& one) { return one.get() == this; });
    std::erase_if(hub_->shared,
                  [this](const auto& one) { return one.second.lock().get() == this; });
    end();
}

// No connection, and no handle: neither of the host nor of a socket. The hub, sweep()'s caller and
// the sockets are the other owners of a host.
bool SioHost::may_go() const noexcept {
    return manager_.idle() &&
           weak_from_this().use_count() == 2 + static_cast<long>(sockets_.size()) &&
           std::ranges::all_of(
               sockets_, [](const auto& one) { return one.use_count() == 1 && !one->active(); });
}

void SioHost::end() {
    if (timer_ != 0) core_->cancel(std::exchange(timer_, 0));
    core_ = nullptr;
    manager_.drop();
    listeners_.clear();
    for (const auto& one : std::exchange(sockets_, {})) one->end();
}

void SioHost::set_timer() {
    const uint64_t deadline = manager_.deadline_ms();
    if (deadline == timer_at_ms_) return;
    if (timer_ != 0) core_->cancel(std::exchange(timer_, 0));
    timer_at_ms_ = deadline;
    if (deadline == UINT64_MAX) return;
    const uint64_t now = now_ms();
    const uint64_t delay_ms = deadline > now ? deadline - now : 0;
    timer_ = core_->add_timer(delay_ms, false, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self || !self->core_) return;
        self->timer_ = 0;
        self->timer_at_ms_ = UINT64_MAX;
        self->enter([&] { self->manager_.run(self->now_ms()); });
    });
}

void SioHost::add(std::string_view name, sio::detail::Listener listener, bool once) {
    if (name == "drain") enter([this] { manager_.watch_drain(); });
    listeners_.add(hub().names.of(name), std::move(listener), once);
}
void SioHost::remove(std::string_view name) { listeners_.remove(hub().names.find(name)); }

uint64_t SioHost::now_ms() const noexcept { return core_->net().now_ms(); }

double SioHost::random() { return LoopCore::random_fraction(); }

std::unique_ptr<engineio::ClientWire> SioHost::open_wire(engineio::ClientSession& session) {
    return std::make_unique<SioWire>(loop_, endpoint_, session, *this);
}

void SioHost::on_manager_event(std::string_view name, Arguments args) {
    const uint32_t number = hub().names.find(name);
    if (number == socketio::Names::none) return;
    try {
        const sio::Socket none;
        const sio::Ack unwanted;
        listeners_.call(
            number, {none, name, args, unwanted}, [&](const sio::detail::ArgumentMismatch& why) {
                core_->tell_exception("a handler of the manager's \"" + std::string(name) +
                                      "\" was not called: argument " + std::to_string(why.index) +
                                      " is not " + why.expected);
            });
    } catch (...) {
        core_->tell_exception(
            std::string(name).append(": ").append(base::describe_current_exception()));
    }
}

}  // namespace starling::client
