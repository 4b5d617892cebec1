// app/config/no_effect.cpp: the part of app/config/config.h that warns of keys which are set and have no
// effect, since another key is missing, and of keys that are short.
#include "app/config/config.h"
#include "app/config/flat.h"

#include <algorithm>
#include <map>

namespace starling::app {
namespace {

// A key of an API is as good as a random number with 128 bits.
constexpr size_t api_key_bytes_min = 16;

std::string element(std::string_view list, size_t index) {
    return std::string(list) + "[" + std::to_string(index) + "]";
}

}  // namespace

// A key that is written with its default, as in the example, is no sign of a mistake.
void Config::note_changed() {
    std::map<const Row*, std::string> defaults;
    for (FlatValue& value : flat_settings(settings_)) {
        if (!names(value.key)) continue;
        std::string& usual = defaults[value.row];
        if (usual.empty()) usual = describe_default(*value.row);
        if (value.text != usual) changed_.insert(std::move(value.key));
    }
}

void Config::warn_without_effect(const std::string& key, const std::string& lacks) {
    if (changed_.contains(key)) warn_at(key, "has no effect without " + lacks);
}

void Config::warn_at(const std::string& key, std::string_view what) {
    warnings_.push_back(fault(key, what));
}

// Of all keys in the section but `section`.enabled.
void Config::warn_of_section(std::string_view section, const std::string& lacks) {
    for (const Row& row : schema())
        if (row.key.starts_with(section) && row.key != std::string(section) + "enabled")
            warn_without_effect(std::string(row.key), lacks);
}

void Config::warn_of_no_effect() {
    if (!settings_.events_enabled && !settings_.demo)
        warn_of_section("events.", "events.enabled: true");
    if (!settings_.gateway_enabled && !settings_.demo)
        warn_of_section("gateway.", "gateway.enabled: true");
    if (!settings_.admin_ui_enabled)
        warn_of_section("admin.socketio_ui.", "admin.socketio_ui.enabled: true");
    if (!settings_.demo) warn_without_effect("demo_data", "demo: true");
    if (!settings_.server.access_log)
        for (const char* key : {"access_log_masked", "access_log_format", "access_log_path"})
            warn_without_effect(key, "access_log: true");
    if (settings_.server.access_log && settings_.access_log_path.empty() &&
        settings_.server.access_format == AccessFormat::fields &&
        settings_.log.level > log::Level::info)
        warn_without_effect("access_log", "log.level: info");
    if (!settings_.admin_enabled)
        for (const char* key :
             {"admin.listen", "admin.key", "admin.key_file", "admin.hosts", "admin.payloads"})
            warn_without_effect(key, "admin.enabled: true");
    if (settings_.cors.origins.empty())
        for (const char* key : {"http.cors.methods", "http.cors.headers", "http.cors.expose",
                                "http.cors.credentials", "http.cors.max_age_s"})
            warn_without_effect(key, "http.cors.origins");
    warn_of_cluster();
    warn_of_tls();
    warn_of_logins();
    warn_of_elements();
    warn_of_short_keys();
}

void Config::warn_of_cluster() {
    if (settings_.cluster.url.empty()) {
        for (const Row& row : schema())
            if (row.key.starts_with("cluster.") && row.key != "cluster.url")
                warn_without_effect(std::string(row.key), "cluster.url");
        return;
    }
    const std::pair<const char*, std::vector<const char*>> modes[] = {
        {"streams", {"stream_name", "stream_count", "stream_length_max", "sharded_pubsub"}},
        {"sharded", {"subscription_mode"}},
        {"classic", {"subscribe_pattern", "publish_on_specific_response_channel"}}};
    for (const auto& [mode, keys] : modes)
        for (const std::string_view key : keys) {
            // A server with recovery has a stream in the mode native as well.
            const bool of_recovery =
                key == "stream_length_max" && settings_.cluster_mode == "native";
            if (settings_.cluster_mode != mode && !of_recovery)
                warn_without_effect("cluster." + std::string(key),
                                    std::string("cluster.mode: ") + mode);
        }
    if (settings_.cluster_mode == "native")
        warn_without_effect("cluster.node_engine", "cluster.mode: classic, sharded or streams");
    if (settings_.cluster_mode == "native" || !settings_.cluster.socketio.node_engine)
        for (const char* const key : {"cluster.engine_prefix", "cluster.engine_response_timeout_s"})
            warn_without_effect(key, "cluster.node_engine: true");
}

void Config::warn_of_tls() {
    const bool shared = has_certificates(settings_);
    bool secure = false, of_all = false, relayed = !settings_.server.trusted_proxies.empty();
    for (const Listen& one : settings_.server.listen) {
        const bool tls = uses_tls(one, shared);
        secure |= tls;
        of_all |= tls && one.certificate.certificate_chain_path.empty();
        relayed |= !one.proxy_protocol_from.empty();
    }
    const std::string with_tls = "an address of listen with TLS";
    const std::string given = settings_.tls_cert.empty() ? "tls.certificates" : "tls_cert";
    if (!settings_.server.certificates.empty() && !of_all)
        warn_at(given, "has no effect without " + with_tls +
                           (secure ? " and without a certificate of its own" : ""));
    if (secure) return;
    warn_without_effect("tls.ciphers", with_tls);
    for (size_t i = 0; i < settings_.sites.size(); ++i)
        warn_without_effect(element("sites", i) + ".cert", with_tls);
    if (!settings_.redirect.listen.empty() && !relayed)  // A proxy in front may have the TLS.
        warn_at("redirect.listen", "leads to https:, which no address of listen serves");
}

void Config::warn_of_logins() {
    const auto& io = settings_.socketio;
    const bool used = settings_.events_enabled || std::ranges::any_of(io, [](const auto& one) {
                          return one.login != SocketIoLoginRule::none;
                      });
    if (settings_.demo) return;  // It has logins of its own.
    if (!used) {
        const std::string users = "events.enabled: true or an element of socketio with auth";
        if (!settings_.auth_keys.empty()) warn_at("auth.keys", "has no effect without " + users);
        return warn_of_section("auth.", users);
    }
    if (settings_.auth_keys.empty())
        for (const char* key : {"auth.issuer", "auth.audience", "auth.leeway_s", "auth.cookie",
                                "auth.query_parameter", "auth.user_claim"})
            warn_without_effect(key, "auth.keys");
    if (settings_.events.auth.user_header.empty())
        warn_without_effect("auth.trusted_proxies", "auth.user_header");
}

// Of lists of mappings.
void Config::warn_of_elements() {
    for (size_t i = 0; i < settings_.websocket.size(); ++i) {
        const std::string key = element("websocket", i);
        const ws::Route& limits = settings_.websocket[i].limits;
        if (!limits.compression.enabled)
            for (const char* name : {"context_takeover", "threshold_bytes", "window_bits", "level"})
                warn_without_effect(key + ".compression." + name,
                                    key + ".compression.enabled: true");
        if (limits.ping_interval.count() == 0)
            warn_without_effect(key + ".ping_timeout_s", key + ".ping_interval_s");
    }
    for (size_t i = 0; i < settings_.event_channels.size(); ++i) {
        const std::string key = element("events.channels", i);
        const events::Channel& channel = settings_.event_channels[i];
        if (channel.interval.count() == 0)
            warn_without_effect(key + ".excess", key + ".interval_s");
        if (channel.history.messages == 0)
            warn_without_effect(key + ".history.seconds", key + ".history.messages");
    }
}

// A warning alone: the file may be one of a test, and a refusal would stop a server that ran so far.
void Config::warn_of_short_keys() {
    const auto check = [this](const std::string& key, const std::string& secret) {
        if (!secret.empty() && secret.size() < api_key_bytes_min)
            warn_at(key, "is easy to guess: it has " + std::to_string(secret.size()) +
                             " bytes, and should have " + std::to_string(api_key_bytes_min) +
                             " random ones at least");
    };
    if (settings_.admin_enabled)
        check(settings_.admin_key_path.empty() ? "admin.key" : "admin.key_file",
              settings_.admin.key);
    if (settings_.events_enabled || settings_.demo)
        check("events.api_key", settings_.events.api_key);
    const auto& keys = settings_.gateway.api_keys;
    for (size_t i = 0; i < keys.size() && (settings_.gateway_enabled || settings_.demo); ++i)
        check(element("gateway.api_keys", i), keys[i]);
}

}  // namespace starling::app
