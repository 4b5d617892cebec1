// server/life.cpp: starts and stops a Server, and serves signals.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "net/make_backend.h"
#include "server/host_sites.h"
#include "server/state.h"

namespace starling {

void Server::start() {
    bind_addresses(*this);
    serve_bound(*this);
}

void Server::State::or_take_back(void (State::*half)()) {
    require_not_started();
    try {
        (this->*half)();
    } catch (...) {
        take_back();
        throw;
    }
}

void Server::State::bind() {
    auto& options = site.options;
    if (!options.log) {
        const auto level = options.access_log ? log::Level::info : log::Level::warn;
        try {
            options.log = log::make_sink({.level = level});
        } catch (const std::runtime_error&) {
            // Standard error is closed, so there is no place for a log.
        }
    }
    group.log = options.log;
    group.trusted_proxies.replace(std::make_unique<const peer::AddressSet>(
        peer::AddressSet::read("trusted_proxies", options.trusted_proxies)));
    group.limits = std::make_unique<server::SharedLimits>(options.limits);
    const unsigned workers =
        options.workers ? options.workers : std::max(1u, std::thread::hardware_concurrency());
    const uint64_t descriptors = server::raise_descriptor_limit();
    group.connections_max =
        options.connections_max ? std::min(options.connections_max, descriptors) : descriptors;

    const net::ChosenIo chosen = net::choose_io(options.io);
    group.io = chosen.io;
    group.places_connections = workers > 1;
    if (!chosen.refused.empty() && group.log) {
        const log::Field reason{"reason", chosen.refused};
        group.log->write(log::Level::warn, "io_uring is not used, but epoll", {&reason, 1});
    }

    {
        const std::lock_guard lock(reload_mutex);
        auto loaded = load_certificates({});
        if (!loaded) throw std::runtime_error(loaded.error());
        certificates = std::move(loaded->contexts);
    }
    site.finish_hosts();
    bound = server::bind_all(options, site.has_certificates(), workers);
    for (unsigned i = 0; i < workers; ++i) {
        group.workers.push_back(std::make_unique<server::Worker>(group));
        group.workers.back()->use_certificates(certificates);
        // Those that a predecessor with more workers had go round.
        for (size_t place = 0; place < bound.size(); ++place) {
            auto& address = bound[place];
            for (size_t socket = i; socket < address.sockets.size(); socket += workers)
                group.workers.back()->listen(std::move(address.sockets[socket]),
                                             {.tls = address.tls,
                                              .address = place,
                                              .serves = address.serves,
                                              .proxies = address.proxies});
        }
    }
    if (group.nodes) {
        group.topics = &topics.emplace(group, *group.nodes);
        group.nodes->add(server::Nodes::Kind::topics, *topics);
    }
    for (const auto& extension : extensions) extension->attach(group);
}

void Server::State::begin() {
    if (on_bound) on_bound();
    // Not before: if the start fails, the files are those of the process that goes on.
    for (auto& address : bound) address.own_inherited_file();
    for (const auto& extension : extensions) extension->begin();
    start_workers();
}

// Undoes a start() that failed.
void Server::State::take_back() {
    for (const auto& worker : group.workers) worker->loop().stop();
    for (auto& address : bound)
        if (!address.inherited_file.empty()) address.unix_file.keep();
    join();
    threads.clear();
    bound.clear();
    started = false;
    for (const auto& extension : extensions) extension->close_handles();
    group.workers.clear();  // Connections use the extensions until they are destroyed.
    group.topics = nullptr;
    for (const auto& extension : extensions) extension->detach();
}

void Server::State::start_workers() {
    const auto timers_until_now = [this] {
        const std::lock_guard lock(early_timers_mutex);
        started = true;
        return std::exchange(early_timers, {});
    };
    for (auto& timer : timers_until_now())
        group.workers.front()->loop().post(
            [this, timer = std::move(timer)]() mutable { add_timer(std::move(timer)); });
    for (const auto& worker : group.workers) {
        threads.emplace_back([this, worker = worker.get()] {
            worker->run();
            const uint64_t one = 1;
            (void)!::write(finished.get(), &one, sizeof one);
        });
    }
    // stop() was called before there were workers to stop.
    if (const int asked = stops) ask_to_stop(asked > 1);
}

void Server::stop() { state_->stop(); }

void Server::State::stop() {
    const Drain& drain = site.ending->drain;
    const bool slowly = drain.announce.count() > 0 || drain.over.count() > 0;
    if (slowly && started && claim_drain()) return begin_drain(drain);
    stop_now();
}

void Server::State::stop_now() {
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
    try {
        if (state_->site.options.handle_signals)
            signals = std::make_unique<server::Signals>(state_->site.options.handle_user_signals);
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

// Returns when every worker has ended, for whatever reason.
void Server::State::serve_signals(server::Signals& signals) {
    signals.unblock();  // The workers have started with these signals blocked.
    for (size_t running = threads.size(); running > 0;) {
        std::array<pollfd, 2> wanted{{{signals.fd(), POLLIN, 0}, {finished.get(), POLLIN, 0}}};
        // After a second stop() a worker ends with its tick; one that does not is stuck in a
        // handler.
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
            else if (signal == SIGUSR1)
                reopen_logs();
            else if (signal == SIGUSR2)
                upgrade();
            else
                stop();
        }
    }
}

std::vector<std::string> Server::addresses() const {
    std::vector<std::string> texts;
    for (const auto& address : state_->bound) texts.push_back(address.address);
    return texts;
}

uint16_t Server::port() const { return state_->bound.empty() ? 0 : state_->bound.front().port; }

}  // namespace starling
