// server/reload.cpp: what a Server takes over while it runs: certificates, limits, origins.
#include <mutex>
#include <stdexcept>
#include <utility>

#include "server/host_sites.h"
#include "server/state.h"

namespace starling {

base::Result<net::TlsContext::Loaded> Server::State::load_certificates(
    const net::TlsContext* previous) const {
    std::vector<net::CertificateFiles> files;
    files.reserve(certificate_files.size());
    for (const auto& certificate : certificate_files)
        files.push_back({certificate.certificate_chain_path, certificate.private_key_path});
    if (site.hosts)
        for (const auto& [certificate, hosts] : site.hosts->certificates())
            files.push_back(
                {certificate.certificate_chain_path, certificate.private_key_path, hosts});
    return net::TlsContext::load(files, site.options.tls_ciphers, previous);
}

// With the mutex.
void Server::State::use_certificates(std::shared_ptr<const net::TlsContext> context) {
    certificates = std::move(context);
    for (const auto& worker : group.workers)
        worker->post(
            [worker = worker.get(), now = certificates] { worker->use_certificates(now); });
}

void Server::State::reload() {
    if (site.has_certificates()) {
        const auto replaced = replace_certificates();
        if (!replaced && group.log)
            group.log->write(log::Level::error,
                             "a certificate stays as it was: " + replaced.error());
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
    auto loaded = load_certificates(certificates.get());
    if (!loaded) return base::Failure(loaded.error());
    use_certificates(loaded->context);
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
    const auto loaded = state.load_certificates(nullptr);
    if (!loaded) {
        state.certificate_files = before;
        throw std::runtime_error(loaded.error());
    }
    state.use_certificates(loaded->context);
}

void Server::change_limits(const Limits& limits) {
    server::WorkerGroup& group = state_->group;
    if (!group.limits) throw std::logic_error("change_limits: the server has not started");
    group.limits->change(limits);
    for (const auto& worker : group.workers)
        worker->post([worker = worker.get(), limits] { worker->change_limits(limits); });
}

bool Server::change_origins(std::string_view pattern, std::vector<std::string> origins) {
    return state_->site.change_origins(nullptr, pattern, std::move(origins));
}

}  // namespace starling
