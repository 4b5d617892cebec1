// redis/sentinel.h: what a client asks Redis Sentinel
// (https://redis.io/docs/reference/sentinel-clients/): who the master is, and which other Sentinels
// there are. Pure. Owner: the client. Thread: the owner's.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "redis/errors.h"
#include "redis/value.h"

namespace starling::redis {

class SentinelList {
public:
    // At least one endpoint.
    SentinelList(std::vector<Endpoint> endpoints, std::string master_name);

    // The Sentinel to ask.
    [[nodiscard]] const Endpoint& current() const noexcept { return endpoints_[at_]; }
    // It does not answer, or does not know the master: the next one. True: all have been asked.
    bool next() noexcept;
    // It has answered: it is asked first from now on.
    void answered();

    // SENTINEL GET-MASTER-ADDR-BY-NAME, SENTINEL SENTINELS
    [[nodiscard]] std::string master_command() const;
    [[nodiscard]] std::string sentinels_command() const;
    // Nothing: the Sentinel does not know the master.
    [[nodiscard]] static std::optional<Endpoint> read_master(const Value& reply);
    // Adds the Sentinels that are new. Those that were configured are never removed.
    void learn(const Value& reply);
    // The new master in a message of the channel "+switch-master"; nothing for another master.
    [[nodiscard]] std::optional<Endpoint> read_switch(std::string_view payload) const;

    [[nodiscard]] const std::vector<Endpoint>& endpoints() const noexcept { return endpoints_; }
    static constexpr size_t sentinels_max = 100;

private:
    std::vector<Endpoint> endpoints_;
    std::string master_name_;
    size_t at_ = 0;
};

}  // namespace starling::redis
