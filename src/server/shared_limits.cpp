#include "server/shared_limits.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "peer/client_network.h"
#include "server/random_pool.h"

namespace starling::server {
namespace {

// 16 bytes for each bucket: 2 MiB for the addresses that a server remembers.
constexpr size_t sets_of_addresses = 1024, sets_of_names = 256;
constexpr uint64_t ms_ns = 1'000'000;

base::HashKey make_secret() {
    base::HashKey secret{};
    RandomPool().take(std::as_writable_bytes(std::span(&secret, 1)));
    return secret;
}

}  // namespace

class SharedLimits::Shared {
public:
    Shared(const Rate& rate, size_t sets) {
        const base::HashKey secret = make_secret();
        parts_.reserve(shards);
        for (size_t i = 0; i < shards; ++i)
            parts_.push_back(std::make_unique<Part>(limits::BucketRate(rate), sets, secret));
    }
    [[nodiscard]] static std::unique_ptr<Shared> make(const Rate& rate, size_t sets) {
        return rate.per_second ? std::make_unique<Shared>(rate, sets) : nullptr;
    }
    [[nodiscard]] uint64_t take(uint64_t hash, uint64_t now_ms) {
        // The table uses the low bits.
        Part& part = *parts_[hash >> 60];
        const std::lock_guard lock(part.mutex);
        return part.table.take(hash, now_ms * ms_ns);
    }
    [[nodiscard]] uint64_t take(std::string_view key, uint64_t now_ms) {
        return take(parts_.front()->table.hash_of(key), now_ms);
    }

private:
    struct Part {
        Part(limits::BucketRate rate, size_t sets, base::HashKey secret)
            : table(rate, sets, secret) {}
        std::mutex mutex;
        limits::BucketTable table;
    };
    static_assert(shards == 16);
    std::vector<std::unique_ptr<Part>> parts_;
};

SharedLimits::SharedLimits(const Limits& limits)
    : exempt_(peer::AddressSet::read("limits.exempt", limits.exempt)),
      open_max_(limits.connections_per_address_max),
      secret_(make_secret()),
      connections_(Shared::make(limits.connections, sets_of_addresses)),
      channels_(Shared::make(limits.channel_publishes, sets_of_names)),
      keys_(Shared::make(limits.key_publishes, sets_of_names)) {}

SharedLimits::~SharedLimits() = default;

std::unique_ptr<SharedLimits> SharedLimits::make(const Limits& limits) {
    auto made = std::make_unique<SharedLimits>(limits);
    const bool on = made->limits_addresses() || made->channels_ || made->keys_;
    return on ? std::move(made) : nullptr;
}

uint64_t SharedLimits::hash_of(std::string_view address) const noexcept {
    const auto network = peer::ClientNetwork::of(address);
    std::array<char, sizeof network.prefix + 1> bytes{};
    std::memcpy(bytes.data(), &network.prefix, sizeof network.prefix);
    bytes.back() = network.v6 ? 1 : 0;
    return base::siphash13(secret_, {bytes.data(), bytes.size()});
}

SharedLimits::Verdict SharedLimits::enter(std::string_view address, uint64_t now_ms) {
    if (exempt_.contains(address)) return {};
    const uint64_t hash = hash_of(address);
    if (connections_)
        if (const uint64_t wait_ns = connections_->take(hash, now_ms))
            return {Admission::over_rate, limits::whole_seconds(wait_ns)};
    if (open_max_ == 0) return {};
    Open& open = open_[hash >> 60];
    const std::lock_guard lock(open.mutex);
    uint32_t& count = open.counts[hash];
    if (count >= open_max_) return {Admission::over_number, 1};
    ++count;
    return {};
}

void SharedLimits::leave(std::string_view address) noexcept {
    if (open_max_ == 0 || exempt_.contains(address)) return;
    const uint64_t hash = hash_of(address);
    Open& open = open_[hash >> 60];
    const std::lock_guard lock(open.mutex);
    const auto found = open.counts.find(hash);
    if (found != open.counts.end() && --found->second == 0) open.counts.erase(found);
}

uint64_t SharedLimits::publish_to(std::string_view channel, uint64_t now_ms) {
    return channels_ ? limits::whole_seconds(channels_->take(channel, now_ms)) : 0;
}

uint64_t SharedLimits::publish_with(std::string_view key, uint64_t now_ms) {
    return keys_ ? limits::whole_seconds(keys_->take(key, now_ms)) : 0;
}

}  // namespace starling::server
