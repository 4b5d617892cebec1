#include <starling/server.h>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "net/tls.h"
#include "server/events/events.h"
#include "server/listening.h"
#include "server/signals.h"
#include "server/site.h"
#include "server/socketio/socketio.h"
#include "server/worker.h"

namespace starling {

struct Server::State {
    explicit State(ServerOptions options) : site(std::move(options)), group(site) {}

    // A timer asked for before or after start(); `loop_id` is known on the first worker's thread.
    struct PendingTimer {
        uint64_t id;
        std::chrono::milliseconds delay;
        bool periodic;
        std::function<void()> call;
    };

    void require_not_started() const {
        if (started) throw std::logic_error("routes are set before the server starts");
    }
    void add_timer(PendingTimer timer);
    Timer schedule(std::chrono::milliseconds delay, bool periodic, std::function<void()> call);
    void begin();
    void start_workers();
    void take_back();
    void ask_to_stop(bool at_once);
    void join();
    [[nodiscard]] std::shared_ptr<const net::TlsContext> load_certificates(
        std::string& error) const;
    [[nodiscard]] bool replace_certificates(std::string& error);
    void serve_signals(server::Signals& signals);
    void reload();
    void stop();

    server::Site site;
    std::unique_ptr<server::Events> events;  // Null without; connections use it until they close.
    std::vector<std::unique_ptr<server::SocketIo>> socketios;  // Likewise.
    server::WorkerGroup group;
    std::atomic<bool> started{false};
    std::vector<server::BoundAddress> bound;
    std::vector<std::thread> threads;
    std::mutex join_mutex;  // wait() may be called by several threads.
    net::Descriptor finished{::eventfd(0, EFD_CLOEXEC)};  // Counts workers that have ended.
    std::atomic<int> stops{0};
    std::function<void()> on_reload;

    // Timers of the application. The map belongs to the first worker's thread once it runs.
    std::atomic<uint64_t> last_timer{0};
    std::vector<PendingTimer> early_timers;
    std::unordered_map<uint64_t, net::TimerId> timers;

    static constexpr int stuck_ms_max = 2000;

    // reload_certificates() may be called from any thread.
    std::mutex reload_mutex;
};

Server::Server(ServerOptions options) : state_(std::make_unique<State>(std::move(options))) {}

Server::~Server() {
    if (!state_->started) return;
    stop();
    stop();
    wait();
}

// ---- routes -------------------------------------------------------------------------------------

void Server::route(std::string_view method, std::string_view pattern, http::Handler handler) {
    state_->require_not_started();
    state_->site.add(method, pattern,
                     {.handler = std::move(handler), .websocket = {}, .files = {}});
}

void Server::websocket(std::string_view pattern, ws::Route route) {
    state_->require_not_started();
    auto& websockets = state_->site.websockets;
    websockets.push_back(std::make_unique<server::WebSocketRoute>(std::move(route)));
    state_->site.add("GET", pattern,
                     {.handler = {}, .websocket = websockets.size() - 1, .files = {}});
}

void Server::files(std::string_view prefix, std::string root, http::StaticFileOptions options) {
    state_->require_not_started();
    if (!server::StaticFiles(root, options).ok())
        throw std::runtime_error("cannot open the folder " + root);
    if (prefix.ends_with('/')) prefix.remove_suffix(1);
    auto& mounts = state_->site.mounts;
    mounts.push_back({std::string(prefix), std::move(root), std::move(options)});
    state_->site.add("GET", std::string(prefix) + "/*",
                     {.handler = {}, .websocket = {}, .files = mounts.size() - 1});
}

void Server::cors(http::CorsOptions options) {
    state_->require_not_started();
    state_->site.cors = std::move(options);
}

void Server::default_header(std::string_view name, std::string_view value) {
    state_->require_not_started();
    state_->site.add_default_header(name, value);
}

events::Channels& Server::events(events::Options options) {
    state_->require_not_started();
    if (state_->events) throw std::logic_error("a server has one set of channels");
    state_->events = std::make_unique<server::Events>(std::move(options));
    state_->events->mount(*this, state_->site);
    return *state_->events;
}

sio::Server& Server::socketio() { return socketio(sio::Options{}); }

sio::Server& Server::socketio(sio::Options options) {
    state_->require_not_started();
    auto made = std::make_unique<server::SocketIo>(std::move(options));
    made->mount(*this, state_->site);
    return *state_->socketios.emplace_back(std::move(made));
}

void Server::on_reload(std::function<void()> call) { state_->on_reload = std::move(call); }

// ---- life ---------------------------------------------------------------------------------------

std::shared_ptr<const net::TlsContext> Server::State::load_certificates(std::string& error) const {
    std::vector<net::CertificateFiles> files;
    for (const auto& certificate : site.options.certificates)
        files.push_back({certificate.certificate_chain_path, certificate.private_key_path});
    return net::TlsContext::load(files, error);
}

void Server::start() {
    state_->require_not_started();
    try {
        state_->begin();
    } catch (...) {
        state_->take_back();
        throw;
    }
}

void Server::State::begin() {
    auto& options = site.options;
    std::string error;
    if (!options.log) options.log = log::make_sink({.level = log::Level::warn}, error);
    group.log = options.log;
    const unsigned workers =
        options.workers ? options.workers : std::max(1u, std::thread::hardware_concurrency());
    const uint64_t descriptors = server::raise_descriptor_limit();
    group.connections_max =
        options.connections_max ? std::min(options.connections_max, descriptors) : descriptors;

    std::shared_ptr<const net::TlsContext> certificates;
    if (!options.certificates.empty()) {
        certificates = load_certificates(error);
        if (!certificates) throw std::runtime_error(error);
    }
    bound = server::bind_all(options, workers);
    for (unsigned i = 0; i < workers; ++i) {
        group.workers.push_back(std::make_unique<server::Worker>(group));
        group.workers.back()->use_certificates(certificates);
        for (auto& address : bound)
            group.workers.back()->listen(std::move(address.sockets[i]), address.tls);
    }
    if (events) events->attach(group);
    for (const auto& socketio : socketios) socketio->attach(group);
    start_workers();
}

// What a start() that failed has left.
void Server::State::take_back() {
    for (const auto& worker : group.workers) worker->loop().stop();
    join();
    threads.clear();
    bound.clear();
    if (events) events->detach();
    group.workers.clear();
    for (const auto& socketio : socketios) socketio->detach();  // Clients refer to it to the last.
    started = false;
}

void Server::State::start_workers() {
    started = true;
    for (auto& timer : std::exchange(early_timers, {}))
        group.workers.front()->loop().post(
            [this, timer = std::move(timer)]() mutable { add_timer(std::move(timer)); });
    for (const auto& worker : group.workers) {
        threads.emplace_back([this, worker = worker.get()] {
            worker->run();
            const uint64_t one = 1;
            (void)!::write(finished.get(), &one, sizeof one);
        });
    }
    // stop() came first, while there was nobody to tell.
    if (const int asked = stops) ask_to_stop(asked > 1);
}

void Server::stop() { state_->stop(); }

void Server::State::stop() {
    group.stopping.store(true, std::memory_order_relaxed);
    const bool at_once = stops++ > 0;
    if (started) ask_to_stop(at_once);
}

void Server::State::ask_to_stop(bool at_once) {
    for (const auto& worker : group.workers)
        worker->loop().post([worker = worker.get(), at_once] { worker->stop(at_once); });
}

void Server::wait() { state_->join(); }

void Server::State::join() {
    const std::lock_guard lock(join_mutex);
    for (auto& thread : threads)
        if (thread.joinable()) thread.join();
    for (auto& address : bound) address.unix_file.remove();
}

bool Server::stopping() const noexcept {
    return state_->group.stopping.load(std::memory_order_relaxed);
}

int Server::run() {
    std::unique_ptr<server::Signals> signals;
    if (state_->site.options.handle_signals) signals = std::make_unique<server::Signals>();
    try {
        start();
    } catch (const std::exception& error) {
        if (state_->site.options.log)
            state_->site.options.log->write(log::Level::error, error.what());
        return 2;
    }
    if (signals) state_->serve_signals(*signals);
    wait();
    return 0;
}

// Until every worker has ended: whatever asked them to.
void Server::State::serve_signals(server::Signals& signals) {
    for (size_t running = threads.size(); running > 0;) {
        std::array<pollfd, 2> wanted{{{signals.fd(), POLLIN, 0}, {finished.get(), POLLIN, 0}}};
        // Asked twice, a worker ends with its tick. One that does not is stuck in a handler.
        const int wait_ms = stops > 1 ? stuck_ms_max : -1;
        const int ready = ::poll(wanted.data(), wanted.size(), wait_ms);
        if (ready == 0) ::_exit(1);
        if (ready < 0) continue;
        if (wanted[1].revents) {
            uint64_t ended = 0;
            (void)!::read(finished.get(), &ended, sizeof ended);
            running -= std::min<size_t>(ended, running);
        }
        while (const int signal = signals.take()) {
            if (signal == SIGHUP)
                reload();
            else
                stop();
        }
    }
}

void Server::State::reload() {
    std::string error;
    if (!site.options.certificates.empty() && !replace_certificates(error) && group.log)
        group.log->write(log::Level::error, "the old certificates stay: " + error);
    if (group.log) group.log->reopen();
    if (on_reload) on_reload();
}

bool Server::State::replace_certificates(std::string& error) {
    const std::lock_guard lock(reload_mutex);
    const auto context = load_certificates(error);
    if (!context) return false;
    for (const auto& worker : group.workers)
        worker->loop().post(
            [worker = worker.get(), context] { worker->use_certificates(context); });
    return true;
}

bool Server::reload_certificates(std::string& error) { return state_->replace_certificates(error); }

std::vector<std::string> Server::addresses() const {
    std::vector<std::string> texts;
    for (const auto& address : state_->bound) texts.push_back(address.address);
    return texts;
}

uint16_t Server::port() const { return state_->bound.empty() ? 0 : state_->bound.front().port; }

// ---- while it runs ------------------------------------------------------------------------------

void Server::publish(std::string_view topic, ws::Message message) {
    if (!state_->started) return;
    const auto& workers = state_->group.workers;
    for (const auto& worker : workers)
        if (worker->loop().in_loop_thread())
            return worker->hub().publish({topic, message.bytes(), message.is_binary()});
    // The first worker passes it on: what one thread publishes arrives everywhere in order.
    server::Worker* const first = workers.front().get();
    auto room = first->post_bytes(message.size());
    if (!room) return;
    first->post([first, name = std::string(topic), text = std::string(message.text()),
                 binary = message.is_binary(), room = std::move(*room)] {
        first->hub().publish({name, base::bytes_of(text), binary});
    });
}

size_t Server::subscribers(std::string_view topic) const {
    return state_->group.subscriber_counts.count(topic);
}

Timer Server::State::schedule(std::chrono::milliseconds delay, bool periodic,
                              std::function<void()> call) {
    PendingTimer timer{++last_timer, delay, periodic, std::move(call)};
    const uint64_t id = timer.id;
    if (started)
        group.workers.front()->post(
            [this, timer = std::move(timer)]() mutable { add_timer(std::move(timer)); });
    else
        early_timers.push_back(std::move(timer));
    return {id};
}

void Server::State::add_timer(PendingTimer timer) {
    net::Loop& loop = group.workers.front()->loop();
    const auto delay_ms = uint64_t(std::max<int64_t>(timer.delay.count(), 0));
    if (timer.periodic) {
        timers[timer.id] = loop.every(delay_ms, std::move(timer.call));
        return;
    }
    timers[timer.id] = loop.after(delay_ms, [this, id = timer.id, call = std::move(timer.call)] {
        timers.erase(id);
        call();
    });
}

Timer Server::every(std::chrono::milliseconds period, std::function<void()> call) {
    return state_->schedule(period, true, std::move(call));
}

Timer Server::after(std::chrono::milliseconds delay, std::function<void()> call) {
    return state_->schedule(delay, false, std::move(call));
}

void Server::cancel(Timer timer) {
    if (!state_->started) {
        std::erase_if(state_->early_timers,
                      [&](const auto& early) { return early.id == timer.id; });
        return;
    }
    state_->group.workers.front()->post([state = state_.get(), id = timer.id] {
        const auto found = state->timers.find(id);
        if (found == state->timers.end()) return;
        state->group.workers.front()->loop().cancel_timer(found->second);
        state->timers.erase(found);
    });
}

ServerStats Server::stats() const {
    ServerStats sum;
    if (!state_->started) return sum;
    for (const auto& worker : state_->group.workers) {
        const server::Counters& counters = worker->counters();
        sum.connections_open += counters.connections_open.get();
        sum.connections_accepted += counters.connections_accepted.get();
        sum.connections_refused += counters.connections_refused.get();
        sum.requests += counters.requests.get();
        sum.websockets_open += counters.websockets_open.get();
        sum.websockets_opened += counters.websockets_opened.get();
        sum.socketio_sessions_open += counters.socketio_sessions_open.get();
        sum.socketio_sessions_opened += counters.socketio_sessions_opened.get();
        sum.messages_received += counters.messages_received.get();
        sum.messages_sent += counters.messages_sent.get();
        sum.messages_dropped += counters.messages_dropped.get() + worker->posted_dropped();
        sum.handler_exceptions += counters.handler_exceptions.get();
        sum.protocol_errors += counters.protocol_errors.get();
        sum.accept_pauses += worker->accept_pauses();
    }
    return sum;
}

std::string_view version() noexcept { return STARLING_VERSION; }

}  // namespace starling
