#include "server/nodes/settings.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "base/digest.h"

namespace starling::server {
namespace {

// Longer than the longest batch, which waits here only while Redis takes bytes too slowly.
constexpr size_t redis_queue_bytes_max = 32u << 20;

base::HashKey room_key(const std::string& secret) {
    const auto digest = base::hmac_sha256(secret, {"starling: hashes of rooms"});
    base::HashKey key{};
    std::memcpy(&key.first, digest.data(), sizeof key.first);
    std::memcpy(&key.second, digest.data() + sizeof key.first, sizeof key.second);
    return key;
}

// 16 bits tell nothing about the secret.
uint16_t settings_check(const std::string& key, ClusterOptions::Mode mode) {
    const auto digest =
        base::hmac_sha256(key, {"starling: settings of " + std::to_string(static_cast<int>(mode))});
    uint16_t check = 0;
    std::memcpy(&check, digest.data(), sizeof check);
    return check;
}

std::string own_name() {
    std::array<char, 48> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
    return std::string(host.data()) + ":" + std::to_string(::getpid());
}

}  // namespace

void require_option(bool holds, const std::string& what) {
    if (!holds) throw std::invalid_argument("cluster: " + what);
}

redis::client::ClientOptions redis_options(const std::string& url, const std::string& ca_path) {
    auto parsed = redis::parse_url(url);
    require_option(static_cast<bool>(parsed), "url: " + (parsed ? std::string() : parsed.error()));
    redis::client::ClientOptions options;
    options.url = *std::move(parsed);
    if (options.url.client_name.empty()) options.url.client_name = "starling";
    options.tls.ca_path = ca_path;
    return options;
}

NodesSettings nodes_settings(const ClusterOptions& options) {
    NodesSettings settings;
    settings.redis = redis_options(options.url, options.ca_path);
    settings.redis.queue_bytes_max = redis_queue_bytes_max;
    require_option(!options.prefix.empty(), "prefix must not be empty");
    require_option(options.name.size() <= cluster::native::name_bytes_max,
                   "name must have 64 bytes at most");
    require_option(options.groups > 0 && options.groups <= 1024, "groups must be from 1 to 1024");
    require_option(options.request_timeout.count() > 0, "request_timeout must be above 0");
    require_option(options.queue_bytes_max > 0, "queue_bytes_max must be above 0");
    settings.prefix = options.prefix;
    auto& node = settings.node;
    node.name = options.name.empty() ? own_name() : options.name;
    const std::string& key = options.secret.empty() ? options.prefix : options.secret;
    node.hash_key = room_key(key);
    node.groups = options.groups;
    node.settings_check = settings_check(key, options.mode);
    node.question_ms = static_cast<uint64_t>(options.request_timeout.count());
    node.queue_bytes_max = options.queue_bytes_max;
    node.node_queue_bytes_max = options.queue_bytes_max / 2;
    // A full queue drops whole batches.
    node.batch_bytes_max =
        std::clamp<size_t>(options.queue_bytes_max / 16, 1, node.batch_bytes_max);
    return settings;
}

}  // namespace starling::server
