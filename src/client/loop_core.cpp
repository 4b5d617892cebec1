#include "client/loop_core.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <bit>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/exception_text.h"
#include "client/socket_core.h"

namespace starling::client {

LoopCore::LoopCore(Io io) : own_(std::make_unique<net::Loop>(net::make_backend(io))), net_(*own_) {
    net_.on_escaped([this](std::string_view what) { tell_exception(what); });
}

LoopCore::LoopCore(net::Loop& of_worker, Tell tell)
    : net_(of_worker), tell_(std::move(tell)), runs_on_(std::this_thread::get_id()) {}

LoopCore::~LoopCore() {
    if (own_) {
        stop();
        join();
    }
    end();
}

// ---- on a worker --------------------------------------------------------------------------------

void LoopCore::server_stops() {
    if (std::exchange(server_stops_, true)) return;
    for (auto* link = guests_.next(); link != &guests_; link = link->next())
        guarded([&] { static_cast<LoopGuest&>(*link).server_stops(); });
    std::vector<base::Ref<SocketCore>> open;
    for (auto* link = sockets_.next(); link != &sockets_; link = link->next())
        open.emplace_back(&static_cast<SocketCore&>(*link));
    for (const auto& socket : open) socket->go_away();
}

void LoopCore::end() noexcept {
    if (ended_.load(std::memory_order_relaxed)) return;
    socketio_hub_.reset();
    while (guests_.linked()) {
        auto& guest = static_cast<LoopGuest&>(*guests_.next());
        guest.unlink();
        guest.loop_ends();
    }
    for (const ClientLoop::Timer timer : std::exchange(timers_, {})) net_.cancel_timer(timer);
    // Last: what the application has captured may have made another one.
    while (sockets_.linked()) static_cast<SocketCore&>(*sockets_.next()).loop_ends();
    ended_.store(true, std::memory_order_relaxed);
    dialer_.reset();
    resolver_.reset();
    runs_on_.store(std::thread::id(), std::memory_order_release);
}

void LoopCore::require_own(const char* function) const {
    if (!own_)
        throw std::logic_error(std::string("ClientLoop::") + function +
                               "() on the loop of a server's worker, which the server runs");
}

// On a worker, Loop::on_escaped() belongs to the server.
template <class F>
void LoopCore::guarded(F&& call) noexcept {
    try {
        call();
    } catch (...) {
        tell_exception(base::describe_current_exception());
    }
}

// ---- the loop -----------------------------------------------------------------------------------

void LoopCore::tell_exception(std::string_view what) noexcept {
    try {
        if (tell_) return tell_(what);
        std::cerr << "starling: a handler has thrown: " << what << '\n';
    } catch (...) {  // There is no other way to report.
    }
}

bool LoopCore::is_elsewhere() const noexcept {
    if (net_.in_loop_thread()) [[likely]]
        return false;
    const std::thread::id runs_on = runs_on_.load(std::memory_order_acquire);
    return runs_on != std::thread::id() && runs_on != std::this_thread::get_id();
}

void LoopCore::check_thread() const {
    if (ended_.load(std::memory_order_relaxed))
        throw std::logic_error("the server has ended, and with it the loop of its worker");
    if (is_elsewhere())
        throw std::logic_error("the loop runs on another thread: use ClientLoop::post()");
}

bool LoopCore::has_work() {
    return sockets_.linked() || !timers_.empty() || !watches_.empty() ||
           net_.streams().size() != 0 || posted_.load(std::memory_order_acquire) != 0;
}

void LoopCore::run_until(bool idle_ends) {
    runs_on_.store(std::this_thread::get_id(), std::memory_order_release);
    while (!stopping_.load(std::memory_order_acquire) && (!idle_ends || has_work()))
        net_.run_once(-1);
    net_.leave();
}

// Waits for the thread of start(), which was told to stop.
void LoopCore::join() {
    if (thread_.joinable()) thread_.join();
    runs_on_.store(std::thread::id(), std::memory_order_release);
    stopping_.store(false, std::memory_order_release);
}

void LoopCore::run() {
    require_own("run");
    if (net_.in_loop_thread()) throw std::logic_error("ClientLoop::run() within the loop");
    if (thread_.joinable()) {
        if (!stopping_.load()) throw std::logic_error("the loop runs on a thread of its own");
        join();
    }
    check_thread();
    run_until(true);
    join();
}

void LoopCore::start() {
    require_own("start");
    if (thread_.joinable()) {
        if (!stopping_.load()) return;
        join();
    }
    check_thread();
    thread_ = std::thread([this] { run_until(false); });
    // From here on this thread may only post, even if the new thread has not begun.
    runs_on_.store(thread_.get_id(), std::memory_order_release);
}

void LoopCore::stop() {
    require_own("stop");
    stopping_.store(true, std::memory_order_release);
    net_.post([] {});  // Ends the wait.
}

void LoopCore::post(std::function<void()> call) {
    if (ended_.load(std::memory_order_relaxed)) return;
    posted_.fetch_add(1, std::memory_order_acq_rel);
    net_.post([this, call = std::move(call)] {
        posted_.fetch_sub(1, std::memory_order_acq_rel);
        guarded(call);
    });
}

ClientLoop::Timer LoopCore::add_timer(uint64_t ms, bool repeat, std::function<void()> call) {
    check_thread();
    if (repeat) {
        const auto id = net_.every(ms, [this, call = std::move(call)] { guarded(call); });
        timers_.insert(id);
        return id;
    }
    const auto id = std::make_shared<ClientLoop::Timer>(0);
    *id = net_.after(ms, [this, id, call = std::move(call)] {
        timers_.erase(*id);
        guarded(call);
    });
    timers_.insert(*id);
    return *id;
}

bool LoopCore::cancel(ClientLoop::Timer timer) {
    check_thread();
    return forget_timer(timer);
}

bool LoopCore::forget_timer(ClientLoop::Timer timer) noexcept {
    timers_.erase(timer);
    return net_.cancel_timer(timer);
}

Watches& LoopCore::watches() {
    check_thread();
    return watches_;
}

net::Dialer& LoopCore::dialer() {
    if (!dialer_) resolve_with(net::make_system_resolver(net_));
    return *dialer_;
}

void LoopCore::resolve_with(std::unique_ptr<net::Resolver> resolver) {
    resolver_ = std::move(resolver);
    dialer_ = std::make_unique<net::Dialer>(net_, *resolver_);
}

ws::Inflater& LoopCore::shared_inflater() {
    if (!inflater_) inflater_ = std::make_unique<ws::Inflater>(ws::Inflater::Context::shared);
    return *inflater_;
}

ws::Deflater& LoopCore::shared_deflater(uint8_t window_bits, int level) {
    auto& deflater = deflaters_[{window_bits, level}];
    if (!deflater) deflater = std::make_unique<ws::Deflater>(window_bits, level);
    return *deflater;
}

// RFC 6455 section 5.3: masking keys come from a strong source. One call for many keys.
void LoopCore::fill_keys() {
    fill_random(std::as_writable_bytes(std::span(keys_)));
    keys_left_ = keys_.size();
}

void LoopCore::fill_random(std::span<std::byte> to) {
    if (RAND_bytes(reinterpret_cast<unsigned char*>(to.data()), static_cast<int>(to.size())) != 1)
        throw std::runtime_error("no random bytes");
}

double LoopCore::random_fraction() {
    std::array<std::byte, 4> bytes;
    fill_random(bytes);
    return std::bit_cast<uint32_t>(bytes) / 4294967296.0;
}

}  // namespace starling::client

namespace starling {

using client::LoopCore;

namespace {

uint64_t whole_ms(std::chrono::milliseconds time) {
    return static_cast<uint64_t>(std::max<int64_t>(time.count(), 0));
}

}  // namespace

ClientLoop::ClientLoop() : ClientLoop(Io::automatic) {}
ClientLoop::ClientLoop(Io io) : core_(std::make_unique<LoopCore>(io)) {}
ClientLoop::ClientLoop(std::unique_ptr<client::LoopCore> core) noexcept : core_(std::move(core)) {}
ClientLoop::~ClientLoop() = default;
void ClientLoop::run() { core_->run(); }
void ClientLoop::start() { core_->start(); }
void ClientLoop::stop() { core_->stop(); }
void ClientLoop::post(std::function<void()> call) { core_->post(std::move(call)); }
ClientLoop::Timer ClientLoop::after(std::chrono::milliseconds delay, std::function<void()> call) {
    return core_->add_timer(whole_ms(delay), false, std::move(call));
}
ClientLoop::Timer ClientLoop::every(std::chrono::milliseconds period, std::function<void()> call) {
    return core_->add_timer(whole_ms(period), true, std::move(call));
}
bool ClientLoop::cancel(Timer timer) { return core_->cancel(timer); }
ClientLoop::Watch ClientLoop::watch(int descriptor, Readiness interest,
                                    std::function<void(Readiness)> call) {
    return core_->watches().add(descriptor, interest, std::move(call));
}
void ClientLoop::change(Watch watch, Readiness interest) {
    core_->watches().change(watch, interest);
}
void ClientLoop::unwatch(Watch watch) { core_->watches().remove(watch); }
void ClientLoop::on_exception(std::function<void(std::string_view)> call) {
    core_->on_exception(std::move(call));
}

}  // namespace starling
