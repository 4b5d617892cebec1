// server/admin/admin.h: the admin listener: a Server of its own with one worker, which serves
// metrics, the API and the page of another Server. So its requests share no thread with the
// clients, no route of one is reachable by a listener of the other, and a worker that is stuck does
// not stop it.
//
// Owner: the observed Server. Thread: set up before that starts; then all functions run on the
// thread of the own Server, unless they say otherwise.
#pragma once

#include <starling/admin.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/admin/access.h"
#include "server/admin/collector.h"
#include "server/admin/errors.h"
#include "server/counters.h"
#include "server/extension.h"

namespace starling::server {

class AdminLive;
struct WorkerGroup;

class Admin final : public admin::Admin, public Extension {
public:
    Admin(admin::Options options, starling::Server& observed);  // Throws std::invalid_argument.
    ~Admin() override;

    [[nodiscard]] std::vector<std::string> addresses() const override;
    [[nodiscard]] const std::string& key() const noexcept override { return options_.key; }

    void change_key(const std::string& key) override;

    void mount(Site& site) override { (void)site; }
    void attach(WorkerGroup& group) override;  // Throws as Server::start() does.
    void begin() override;
    void detach() noexcept override { end(); }
    void stop_listening() override {
        if (home_) home_->stop_listening();
    }
    void add_listening_sockets(std::vector<int>& to) const override {
        if (!home_) return;
        const std::vector<int> own = home_->listening_sockets();
        to.insert(to.end(), own.begin(), own.end());
    }
    void close_handles() noexcept override { end(); }
    void add_figures(Figures& figures) const override;

    [[nodiscard]] const admin::Options& options() const noexcept { return options_; }
    [[nodiscard]] WorkerGroup& group() const noexcept { return *group_; }
    [[nodiscard]] starling::Server& observed() const noexcept { return observed_; }
    [[nodiscard]] starling::Server& home() const noexcept { return *home_; }
    [[nodiscard]] Collector& collector() const noexcept { return *collector_; }
    [[nodiscard]] const ErrorKeeper& errors() const noexcept { return *errors_; }

    // What an operator has done: "disconnect", to a connection's id, from an address. `problem`: why
    // it came to nothing; "": done. The line has neither a key nor what was sent.
    void log_action(std::string_view action, std::string_view target, std::string_view address,
                    std::string_view problem) const;

private:
    void mount_guard();
    void refused(const AdminAccess::Refusal& refusal, std::string_view address);
    void mount_pages();
    void end() noexcept;

    const AdminAccess::Metrics metrics_;
    const admin::Options options_;  // With a key in any case.
    starling::Server& observed_;
    AdminAccess access_;
    std::array<Counter, AdminAccess::whys> refused_;  // By AdminAccess::Why.
    uint64_t wrong_keys_logged_ms_ = 0;               // 0: not yet.
    WorkerGroup* group_ = nullptr;                    // Null until attach().
    std::shared_ptr<ErrorKeeper> errors_;
    // The handlers of `home_` use them.
    std::unique_ptr<Collector> collector_;
    std::unique_ptr<AdminLive> live_;
    std::unique_ptr<starling::Server> home_;  // Null until attach(). Ends with the observed Server.
};

// Adds the routes of the API to admin.home().
void mount_admin_api(Admin& admin);

}  // namespace starling::server
