#include "client/socketio/hub.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/exception_text.h"
#include "net/loop.h"
#include "socketio/codec/values.h"

namespace starling::client {

using socketio::client::Arguments;
using socketio::client::Reply;

SioHub& SioHub::of(LoopCore& loop) {
    auto& hub = loop.socketio_hub();
    if (!hub) {
        hub = std::shared_ptr<SioHub>(new SioHub, [](SioHub* all) {
            for (const auto& host : all->hosts) host->end();
            delete all;
        });
    }
    return *static_cast<SioHub*>(hub.get());
}

// ---- A socket -----------------------------------------------------------------------------------

SioSocket::SioSocket(std::shared_ptr<SioHost> host, std::string_view nsp,
                     const socketio::client::SocketOptions& options)
    : host_(std::move(host)),
      core_(host_->manager().socket(nsp, options, *this).shared_from_this()) {}

void SioSocket::add(std::string_view name, sio::detail::Listener listener, bool once) {
    listeners_.add(host_->hub().names.of(name), std::move(listener), once);
}

void SioSocket::remove(std::string_view name) { listeners_.remove(host_->hub().names.find(name)); }

// A handler that throws closes its socket.
template <class Call>
void SioSocket::guarded(std::string_view name, Call&& call) {
    try {
        call();
    } catch (...) {
        const auto host = host_;
        host->threw(std::string(name).append(": ").append(base::describe_current_exception()));
        core_->disconnect();
    }
}

void SioSocket::call(std::string_view name, Arguments args, const sio::Ack& ack) {
    const uint32_t number = host_->hub().names.find(name);
    if (number == socketio::Names::none) return;
    guarded(name, [&] {
        const sio::Socket none;
        const sio::detail::Event event{none, name, args, ack};
        listeners_.call(number, event, [&](const sio::detail::ArgumentMismatch& why) {
            host_->threw("a handler of \"" + std::string(name) + "\" was not called: argument " +
                         std::to_string(why.index) + " is not " + why.expected);
        });
    });
}

void SioSocket::on_own_event(std::string_view name, Arguments args) { call(name, args, {}); }

void SioSocket::on_event(Arguments args, const Reply& reply) {
    const auto* text = args.front().if_string();
    const std::string name = text ? std::string(text->data(), text->size())
                                  : std::to_string(args.front().to_number<int64_t>());
    guarded(name, [&] {
        for (const auto& any : std::vector(any_)) any(name, args.subspan(1));
    });
    sio::Ack ack;
    if (reply) {
        ack = sio::Ack(std::make_shared<const sio::Ack::Sink>(
            [reply, host = host_](const boost::json::array& values) {
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
    : loop_(loop), endpoint_(std::move(endpoint)), manager_(options, *this, *this) {}

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

void SioHost::enter(const std::function<void()>& call) {
    const auto self = shared_from_this();
    ++depth_;
    try {
        call();
    } catch (...) {
        --depth_;
        set_timer();
        throw;
    }
    if (--depth_ > 0) return;
    set_timer();
    if (sweeping_ || (manager_.sessions() == 0 && !manager_.idle())) return;
    // Sessions that have ended are freed when nothing of theirs is on the stack.
    sweeping_ = true;
    loop().post([weak = weak_from_this()] {
        const auto host = weak.lock();
        if (!host) return;
        host->sweeping_ = false;
        host->manager_.sweep();
        if (!host->may_go()) return;
        host->end();
        std::erase(host->hub().hosts, host);
    });
}

// No connection, and no handle: neither of the host nor of a socket.
bool SioHost::may_go() const noexcept {
    return manager_.idle() && std::ranges::all_of(sockets_, [](const auto& one) {
               return one.use_count() == 1 && !one->core_->active();
           });
}

void SioHost::end() {
    for (const auto& one : sockets_) one->forget_host();
}

void SioHost::set_timer() {
    const uint64_t deadline = manager_.deadline_ms();
    if (deadline == timer_at_ms_) return;
    if (timer_ != 0) loop_.cancel(std::exchange(timer_, 0));
    timer_at_ms_ = deadline;
    if (deadline == UINT64_MAX) return;
    const uint64_t now = now_ms();
    const auto delay = std::chrono::milliseconds(deadline > now ? deadline - now : 0);
    timer_ = loop_.after(delay, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        self->timer_ = 0;
        self->timer_at_ms_ = UINT64_MAX;
        self->enter([&] { self->manager_.run(self->now_ms()); });
    });
}

void SioHost::add(std::string_view name, sio::detail::Listener listener) {
    listeners_.add(hub().names.of(name), std::move(listener), false);
}
void SioHost::remove(std::string_view name) { listeners_.remove(hub().names.find(name)); }

uint64_t SioHost::now_ms() const noexcept { return loop().net().now_ms(); }

double SioHost::random() {
    std::array<std::byte, 4> bytes;
    LoopCore::fill_random(bytes);
    uint32_t number = 0;
    std::memcpy(&number, bytes.data(), sizeof(number));
    return number / 4294967296.0;
}

std::unique_ptr<engineio::ClientWire> SioHost::open_wire(engineio::ClientSession& session) {
    return std::make_unique<SioWire>(loop_, endpoint_, session,
                                     [this](const std::function<void()>& call) { enter(call); });
}

void SioHost::on_manager_event(std::string_view name, Arguments args) {
    const uint32_t number = hub().names.find(name);
    if (number == socketio::Names::none) return;
    try {
        const sio::Socket none;
        const sio::Ack unwanted;
        listeners_.call(number, {none, name, args, unwanted},
                        [](const sio::detail::ArgumentMismatch&) {});
    } catch (...) {
        threw(base::describe_current_exception());
    }
}

}  // namespace starling::client
