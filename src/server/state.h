// server/state.h: the implementation of Server. The core fills it in; the folder of each feature
// adds the feature's Extension to it.
//
// Owner: Server. Thread: the one that sets the server up, unless a member says otherwise.
#pragma once

#include <starling/server.h>

#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/descriptor.h"
#include "base/result.h"
#include "net/tls.h"
#include "server/cluster_topics.h"
#include "server/extension.h"
#include "server/listening.h"
#include "server/signals.h"
#include "server/site.h"
#include "server/worker.h"

namespace starling {

// Takes over the part of a server that joins a cluster, whose Nodes the other features use from now on:
// it is attached before them. Throws std::logic_error if the server is in a cluster already, or has
// started.
void use_nodes(Server& server, std::unique_ptr<server::Extension> cluster, server::Nodes& nodes);

// The two halves of Server::start(): for a server that belongs to an Extension, which binds in its
// attach() and serves from its begin() on. Both throw as start() does; then nothing is bound.
void bind_addresses(Server& server);
void serve_bound(Server& server);

// What a server serves. Throws std::logic_error after its start.
[[nodiscard]] server::Site& site_of(Server& server);

struct Server::State {
    State(ServerOptions options, Server& its) : owner(its), site(std::move(options)), group(site) {}

    // A timer that the application asked for. `loop_id` is known on the first worker's thread only.
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
    void bind();                               // All addresses; nobody is served yet.
    void begin();                              // After bind().
    void or_take_back(void (State::*half)());  // If it throws, nothing is bound.
    void start_workers();
    void take_back();
    void ask_to_stop(bool at_once);
    void join();
    struct LoadedCertificates {
        server::TlsContexts contexts;
        std::string kept = {};  // As net::TlsContext::Loaded::kept.
    };
    // `previous`: empty, or the contexts whose certificates replace unusable files.
    [[nodiscard]] base::Result<LoadedCertificates> load_certificates(
        const server::TlsContexts& previous) const;
    [[nodiscard]] bool has_tls() const noexcept;
    // As Server::reload_certificates() says.
    [[nodiscard]] base::Result<void> replace_certificates();
    void use_certificates(server::TlsContexts contexts);
    void serve_signals(server::Signals& signals);
    void reload();
    void reopen_logs();
    void upgrade();
    void stop();
    void stop_now();                   // Without a drain.
    [[nodiscard]] bool claim_drain();  // False: a drain has begun before.
    void begin_drain(const Drain& how);
    void close_evenly(uint64_t over_ms);

    // Takes over a feature that the application asked for, and adds its routes.
    template <class E>
    E& extend(std::unique_ptr<E> extension) {
        require_not_started();
        E& added = *extension;
        added.mount(site);
        extensions.push_back(std::move(extension));
        group.extensions.push_back(&added);
        return added;
    }
    friend void use_nodes(Server& server, std::unique_ptr<server::Extension> cluster,
                          server::Nodes& nodes) {
        State& state = of(server);
        if (state.group.nodes) throw std::logic_error("this server is in a cluster already");
        state.extend(std::move(cluster));
        auto& all = state.extensions;
        // NOLINTNEXTLINE(modernize-use-ranges): clang 14 cannot compile std::ranges::rotate.
        std::rotate(all.begin(), all.end() - 1, all.end());
        state.group.nodes = &nodes;
    }
    friend void bind_addresses(Server& server) { of(server).or_take_back(&State::bind); }
    friend void serve_bound(Server& server) { of(server).or_take_back(&State::begin); }
    friend server::Site& site_of(Server& server) {
        State& state = of(server);
        state.require_not_started();
        return state.site;
    }
    [[nodiscard]] static State& of(Server& server) noexcept { return *server.state_; }

    // The first extension of class E; null: none.
    template <class E>
    [[nodiscard]] E* find() const noexcept {
        for (const auto& extension : extensions)
            if (E* const found = dynamic_cast<E*>(extension.get())) return found;
        return nullptr;
    }

    Server& owner;
    server::Site site;
    // Connections use the extensions until they close, so extensions are destroyed after `group`.
    std::vector<std::unique_ptr<server::Extension>> extensions;
    std::optional<server::ClusterTopics> topics;  // Nothing: no cluster.
    server::WorkerGroup group;
    std::atomic<bool> started{false};
    std::vector<server::BoundAddress> bound;
    std::vector<std::thread> threads;
    std::mutex join_mutex;                                 // Several threads may call wait().
    base::Descriptor finished{::eventfd(0, EFD_CLOEXEC)};  // Counts the workers that have ended.
    std::atomic<int> stops{0};
    std::function<void()> on_reload, on_upgrade, on_bound;

    // Timers of the application. The map belongs to the first worker's thread once that worker
    // runs.
    std::atomic<uint64_t> last_timer{0};
    std::mutex early_timers_mutex;  // Any thread may ask for a timer before start().
    std::vector<PendingTimer> early_timers;
    std::unordered_map<uint64_t, net::TimerId> timers;

    static constexpr int stuck_ms_max = 2000;

    // Any thread may call reload_certificates().
    std::mutex reload_mutex;
    // Files of the server's own, at first those of the options: without those of `site.hosts` and
    // of single addresses.
    std::vector<Certificate> certificate_files = site.options.certificates;
    server::TlsContexts certificates;  // In use. Empty: none yet.
};

}  // namespace starling
