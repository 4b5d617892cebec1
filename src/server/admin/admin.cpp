#include "server/admin/admin.h"

#include <chrono>
#include <stdexcept>
#include <utility>

#include "server/admin/live.h"
#include "server/admin/metrics_text.h"
#include "server/figures.h"
#include "server/random_pool.h"
#include "server/state.h"

namespace starling::server {
namespace {

constexpr std::string_view page_policy =
    "default-src 'self'; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'";

constexpr uint32_t connections_max = 1000, address_connections_max = 100;

admin::Options checked(admin::Options options) {
    if (options.listen.empty()) throw std::invalid_argument("admin: listen names no address");
    for (const Listen& listen : options.listen)
        if (options.key.empty() && !listens_locally(listen.address))
            throw std::invalid_argument("admin: '" + listen.address +
                                        "' is reachable from elsewhere: a key is needed");
    if (options.key.empty()) options.key = make_api_key();
    return options;
}

}  // namespace

Admin::Admin(admin::Options options, starling::Server& observed)
    : metrics_(options.key.empty() ? AdminAccess::Metrics::open : AdminAccess::Metrics::with_key),
      options_(checked(std::move(options))),
      observed_(observed),
      access_(options_.key, options_.hosts, metrics_) {}

Admin::~Admin() { end(); }

std::vector<std::string> Admin::addresses() const {
    return home_ ? home_->addresses() : std::vector<std::string>();
}

void Admin::change_key(const std::string& key) {
    if (key.empty()) throw std::invalid_argument("admin: a key that serve() makes needs a restart");
    access_.change_key(key);
}

void Admin::attach(WorkerGroup& group) {
    group_ = &group;
    errors_ = std::make_shared<ErrorKeeper>(group.log);
    group.log = errors_;
    home_ = std::make_unique<starling::Server>(
        ServerOptions{.listen = options_.listen,
                      .workers = 1,
                      .connections_max = connections_max,
                      .drain_timeout = std::chrono::seconds(1),
                      .handle_signals = false,
                      .inherited = options_.inherited,
                      .inherited_files_stay = options_.inherited_files_stay,
                      .limits = {.connections_per_address_max = address_connections_max},
                      .log = group.log});
    collector_ = std::make_unique<Collector>(group, *home_);
    live_ = std::make_unique<AdminLive>(*this);
    mount_guard();
    mount_admin_api(*this);
    live_->mount();
    mount_pages();
    collector_->start();
    try {
        bind_addresses(*home_);
    } catch (const std::runtime_error& failure) {
        if (options_.required) throw;
        group.log->write(log::Level::warn, failure.what() + std::string(": no admin listener"), {});
        home_.reset();
    }
}

void Admin::begin() {
    if (home_) serve_bound(*home_);
}

void Admin::mount_guard() {
    home_->use("/", [this](const http::Request& request, http::Response& response) {
        response.header("Cache-Control", "no-store")
            .header("X-Content-Type-Options", "nosniff")
            .header("Content-Security-Policy", page_policy)
            .header("Referrer-Policy", "same-origin");
        const auto refused = access_.check(request, steady_ms());
        if (!refused) return http::Next::proceed;
        this->refused(*refused, request.remote_address());
        response.status(refused->status);
        if (refused->status == 401)
            response.header("WWW-Authenticate",
                            "Basic realm=\"starling admin\", charset=\"UTF-8\"");
        if (refused->retry_after_s)
            response.header("Retry-After", std::to_string(refused->retry_after_s));
        response.text(std::string(refused->reason) + "\n");
        return http::Next::answer;
    });
}

// A guesser with many addresses gets one line a second.
void Admin::refused(const AdminAccess::Refusal& refusal, std::string_view address) {
    constexpr uint64_t pause_ms = 1000;
    Counter& counter = refused_[static_cast<size_t>(refusal.why)];
    counter.add();
    const uint64_t now_ms = steady_ms();
    if (refusal.why != AdminAccess::Why::wrong_key ||
        (wrong_keys_logged_ms_ != 0 && now_ms - wrong_keys_logged_ms_ < pause_ms))
        return;
    wrong_keys_logged_ms_ = now_ms;
    const std::array<log::Field, 2> fields{
        {{"address", address}, {"so_far", static_cast<int64_t>(counter.get())}}};
    group_->log->write(log::Level::warn, "admin: a wrong key", fields);
}

void Admin::log_action(std::string_view action, std::string_view target, std::string_view address,
                       std::string_view problem) const {
    if (!group_->log->wants(log::Level::info)) return;
    const std::array<log::Field, 4> fields{{{"action", action},
                                            {"target", target},
                                            {"address", address},
                                            {"result", problem.empty() ? "done" : problem}}};
    group_->log->write(log::Level::info, "admin: an action", fields);
}

void Admin::add_figures(Figures& figures) const {
    constexpr std::array<std::string_view, AdminAccess::whys> names = {
        "peer_left", "host", "origin", "type", "no_key", "wrong_key", "waits"};
    for (size_t i = 0; i < names.size(); ++i)
        figures.counter("starling_admin_refused_total",
                        "Requests that the admin listener refused, by reason", refused_[i].get(),
                        label("reason", names[i]));
}

void Admin::mount_pages() {
    home_->get("/metrics", [this](const http::Request& request, http::Response& response) {
        const MetricsFormat format = choose_metrics_format(request.header("accept"));
        collector_->collect([reply = response.later(), format](const Figures& figures) {
            http::Response answer;
            answer.body(metrics_text(figures, format), metrics_content_type(format));
            reply.send(std::move(answer));
        });
    });
    if (options_.pages.empty()) return;
    home_->get(
        "/", [](const http::Request&, http::Response& response) { response.redirect("/admin/"); });
    home_->files("/admin", options_.pages);
    // Browsers ask for it. The page has none.
    home_->get("/favicon.ico",
               [](const http::Request&, http::Response& response) { response.status(204); });
}

void Admin::end() noexcept {
    if (!home_) return;
    // What is answered goes out, such as the answer to the drain that ended the server.
    home_->stop();
    home_->wait();
}

}  // namespace starling::server

namespace starling {

admin::Admin& admin::serve(Server& server, Options options) {
    if (server.state_->find<server::Admin>())
        throw std::logic_error("a server has one admin listener");
    return server.state_->extend(std::make_unique<server::Admin>(std::move(options), server));
}

}  // namespace starling
