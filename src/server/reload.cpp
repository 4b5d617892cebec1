// server/reload.cpp: what a Server takes over while it runs: certificates, limits, origins.
#include <algorithm>
#include <array>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "server/host_sites.h"
#include "server/state.h"

namespace starling {
namespace {

// `kept`: as net::TlsContext::Loaded::kept, of `all` certificates.
void log_certificates(log::Sink& log, size_t all, const std::string& kept) {
    size_t failed = kept.empty() ? 0 : 1;
    for (size_t at = kept.find("; "); at != std::string::npos; at = kept.find("; ", at + 2))
        ++failed;
    if (failed != 0) log.write(log::Level::error, "a certificate stays as it was: " + kept);
    const std::array fields{log::Field{"certificates", static_cast<int64_t>(all)},
                            log::Field{"failed", static_cast<int64_t>(std::min(failed, all))}};
    log.write(log::Level::info, "certificate files were read again", fields);
}

}  // namespace

base::Result<Server::State::LoadedCertificates> Server::State::load_certificates(
    const server::TlsContexts& previous) const {
    LoadedCertificates all;
    std::vector<net::CertificateFiles> of_sites;
    if (site.hosts)
        for (const auto& [files, hosts] : site.hosts->certificates())
            of_sites.push_back({files.certificate_chain_path, files.private_key_path, hosts});
    const auto load =
        [&](const std::vector<Certificate>& own,
            const net::TlsContext* before) -> base::Result<std::shared_ptr<const net::TlsContext>> {
        std::vector<net::CertificateFiles> files;
        files.reserve(own.size() + of_sites.size());
        for (const Certificate& one : own)
            files.push_back({one.certificate_chain_path, one.private_key_path});
        files.insert(files.end(), of_sites.begin(), of_sites.end());
        if (files.empty()) return std::shared_ptr<const net::TlsContext>();
        auto loaded = net::TlsContext::load(files, site.options.tls_ciphers, before);
        if (!loaded) return base::Failure(loaded.error());
        // The certificates of sites are in every context, and named once.
        if (all.kept.find(loaded->kept) == std::string::npos)
            all.kept += (all.kept.empty() ? "" : "; ") + loaded->kept;
        return std::move(loaded->context);
    };
    std::optional<std::shared_ptr<const net::TlsContext>> shared;
    for (const Listen& listen : site.options.listen) {
        const bool is_shared = listen.certificate.certificate_chain_path.empty();
        if (is_shared && shared) {
            all.contexts.push_back(*shared);
            continue;
        }
        const auto* const before = previous.empty() ? nullptr : previous[all.contexts.size()].get();
        auto loaded = load(is_shared ? certificate_files : std::vector{listen.certificate}, before);
        if (!loaded) return base::Failure(loaded.error());
        all.contexts.push_back(*loaded);
        if (is_shared) shared = *loaded;
    }
    return all;
}

bool Server::State::has_tls() const noexcept {
    return std::ranges::any_of(certificates, [](const auto& one) { return one != nullptr; });
}

// With the mutex.
void Server::State::use_certificates(server::TlsContexts contexts) {
    certificates = std::move(contexts);
    for (const auto& worker : group.workers)
        worker->post(
            [worker = worker.get(), now = certificates] { worker->use_certificates(now); });
}

void Server::State::reload() {
    if (has_tls()) {
        const auto replaced = replace_certificates();
        size_t all = certificate_files.size();
        for (const Listen& listen : site.options.listen)
            all += listen.certificate.certificate_chain_path.empty() ? 0 : 1;
        if (site.hosts) all += site.hosts->certificates().size();
        if (group.log)
            log_certificates(*group.log, all, replaced ? std::string() : replaced.error());
    }
    reopen_logs();
    if (on_reload) on_reload();
}

void Server::State::reopen_logs() {
    if (group.log) group.log->reopen();
    if (site.options.access_sink) site.options.access_sink->reopen();
}

void Server::State::upgrade() {
    if (on_upgrade && stops == 0 && group.drain == server::DrainPhase::none) on_upgrade();
}

base::Result<void> Server::State::replace_certificates() {
    const std::lock_guard lock(reload_mutex);
    auto loaded = load_certificates(certificates);
    if (!loaded) return base::Failure(loaded.error());
    if (std::ranges::all_of(loaded->contexts, [](const auto& one) { return one == nullptr; }))
        return base::Failure("TLS needs at least one certificate");
    use_certificates(std::move(loaded->contexts));
    if (!loaded->kept.empty()) return base::Failure(std::move(loaded->kept));
    return {};
}

void Server::reload_certificates() {
    const auto replaced = state_->replace_certificates();
    if (!replaced) throw std::runtime_error(replaced.error());
}

void Server::reload_certificates(std::vector<Certificate> files) {
    State& state = *state_;
    const std::lock_guard lock(state.reload_mutex);
    if (state.certificate_files.empty() || files.empty())
        throw std::runtime_error("TLS is switched on and off by a start alone");
    const auto before = std::exchange(state.certificate_files, std::move(files));
    auto loaded = state.load_certificates({});
    if (!loaded) {
        state.certificate_files = before;
        throw std::runtime_error(loaded.error());
    }
    state.use_certificates(std::move(loaded->contexts));
}

void Server::change_limits(const Limits& limits) {
    server::WorkerGroup& group = state_->group;
    if (!group.limits) throw std::logic_error("change_limits: the server has not started");
    group.limits->change(limits);
    for (const auto& worker : group.workers)
        worker->post([worker = worker.get(), limits] { worker->change_limits(limits); });
}

void Server::change_http(const HttpLimits& limits) {
    if (!state_->group.limits) throw std::logic_error("change_http: the server has not started");
    state_->site.change_http(limits);
}

void Server::change_trusted_proxies(const std::vector<std::string>& proxies) {
    if (!state_->group.limits)
        throw std::logic_error("change_trusted_proxies: the server has not started");
    state_->group.trusted_proxies.replace(std::make_unique<const peer::AddressSet>(
        peer::AddressSet::read("trusted_proxies", proxies)));
}

void Server::change_drain(const Drain& drain, std::chrono::milliseconds timeout) {
    state_->site.ending.replace(
        std::make_unique<const server::Ending>(server::Ending{drain, timeout}));
}

bool Server::change_origins(std::string_view pattern, std::vector<std::string> origins) {
    return state_->site.change_origins(nullptr, pattern, std::move(origins));
}

}  // namespace starling
