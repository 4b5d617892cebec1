// redis/client/sentinel_watch.h: asks the Sentinels for the master, and hears of each failover
// ("+switch-master") as long as one of them answers.
//
// Owner: the Client. Thread: the loop's.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "redis/client/link.h"
#include "redis/sentinel.h"

namespace starling::redis::client {

class SentinelWatch final : LinkEvents {
public:
    // `found`: the master, at each answer and at each failover. `failed`: no Sentinel knew it this
    // time; it goes on by itself.
    SentinelWatch(const Context& context, std::function<void(const Endpoint&)> found,
                  std::function<void(const std::string&)> failed);

    // `found` follows, at some time.
    void ask();

private:
    void on_link_ready(Link& link) override;
    void on_down(Link& link, const std::string& why, bool is_final) override;
    void on_message(const Message& message) override;
    void on_refused(Topic, const std::string&, std::string_view) override {}
    void on_lost(std::string_view) override {}
    void connect();
    void next(const std::string& why);
    void question();

    const Context& context_;
    const std::function<void(const Endpoint&)> found_;
    const std::function<void(const std::string&)> failed_;
    SentinelList list_;
    Subscriptions subscriptions_;
    base::Backoff backoff_;
    bool asked_ = false;
    std::unique_ptr<Link> link_;
    Timer retry_;
};

}  // namespace starling::redis::client
