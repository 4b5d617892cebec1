#include "server/shared_limits.h"

#include <algorithm>
#include <cstring>
#include <span>

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
    // `before`: the buckets of the rate `earlier`; null: there were none.
    [[nodiscard]] static std::shared_ptr<Shared> make(const Rate& rate, size_t sets,
                                                      const Rate& earlier,
                                                      std::shared_ptr<Shared> before) {
        if (before && earlier == rate) return before;
        return rate.per_second ? std::make_shared<Shared>(rate, sets) : nullptr;
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
    struct alignas(base::cache_line_bytes) Part {
        Part(limits::BucketRate rate, size_t sets, base::HashKey secret)
            : table(rate, sets, secret) {}
        std::mutex mutex;
        limits::BucketTable table;
    };
    static_assert(shards == 16);
    std::vector<std::unique_ptr<Part>> parts_;
};

SharedLimits::Rules::Rules(const Limits& l, const Rules* before)
    : limits(l),
      exempt(peer::AddressSet::read("limits.exempt", l.exempt)),
      open_max(l.connections_per_address_max),
      connections(Shared::make(l.connections, sets_of_addresses,
                               before ? before->limits.connections : Rate(),
                               before ? before->connections : nullptr)),
      channels(Shared::make(l.channel_publishes, sets_of_names,
                            before ? before->limits.channel_publishes : Rate(),
                            before ? before->channels : nullptr)),
      keys(Shared::make(l.key_publishes, sets_of_names,
                        before ? before->limits.key_publishes : Rate(),
                        before ? before->keys : nullptr)) {}

SharedLimits::SharedLimits(const Limits& limits)
    : secret_(make_secret()), rules_(std::in_place, limits, nullptr) {}

SharedLimits::~SharedLimits() = default;

void SharedLimits::change(const Limits& limits) {
    rules_.replace(std::make_unique<Rules>(limits, rules_.get()));
}

uint64_t SharedLimits::hash_of(const peer::ClientNetwork& network) const noexcept {
    std::array<char, sizeof network.prefix + 1> bytes{};
    std::memcpy(bytes.data(), &network.prefix, sizeof network.prefix);
    bytes.back() = network.v6 ? 1 : 0;
    return base::siphash13(secret_, {bytes.data(), bytes.size()});
}

SharedLimits::Verdict SharedLimits::enter(std::string_view address, uint64_t now_ms) {
    const Rules& rules = *rules_;
    const auto parsed = peer::IpAddress::parse(address);
    if (parsed ? rules.exempt.contains(*parsed) : rules.exempt.contains(address)) return {};
    const uint64_t hash =
        hash_of(parsed ? peer::ClientNetwork::of(*parsed) : peer::ClientNetwork{});
    if (rules.connections)
        if (const uint64_t wait_ns = rules.connections->take(hash, now_ms))
            return {Admission::over_rate, limits::whole_seconds(wait_ns)};
    if (rules.open_max == 0) return {};
    Open& open = open_[hash >> 60];
    const std::lock_guard lock(open.mutex);
    uint32_t& count = open.counts[hash];
    if (count >= rules.open_max) return {Admission::over_number, 1};
    ++count;
    return {.counts = true};
}

void SharedLimits::leave(std::string_view address) noexcept {
    const uint64_t hash = hash_of(peer::ClientNetwork::of(address));
    Open& open = open_[hash >> 60];
    const std::lock_guard lock(open.mutex);
    const auto found = open.counts.find(hash);
    if (found != open.counts.end() && --found->second == 0) open.counts.erase(found);
}

uint64_t SharedLimits::publish_to(std::string_view channel, uint64_t now_ms) {
    Shared* const channels = rules_->channels.get();
    return channels ? limits::whole_seconds(channels->take(channel, now_ms)) : 0;
}

uint64_t SharedLimits::publish_with(std::string_view key, uint64_t now_ms) {
    Shared* const keys = rules_->keys.get();
    return keys ? limits::whole_seconds(keys->take(key, now_ms)) : 0;
}

}  // namespace starling::server
