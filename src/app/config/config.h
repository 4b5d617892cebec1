// app/config/config.h: builds the settings from four sources: defaults, file, environment, command
// line. A later source overrides an earlier one. Reading stops at the first fault; error() is then
// one line that names the place of the fault:
//
//     starling.yaml:12: key 'websocket[0].fragments_max': must be an integer from 1 to 16777216
//     starling: environment variable STARLING_WORKERS: must be an integer from 0 to 1024
//     starling: --listen: must be an address like 127.0.0.1:8080, ...
//
// Owner: main, as a value. Thread: main's.
#pragma once

#include "app/config/schema.h"
#include "app/config/settings.h"
#include "app/config/yaml.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace starling::app {

using Environment = std::vector<std::pair<std::string, std::string>>;

// An address, and the key that sets it: "listen[0]", "redirect.listen[0]", "admin.listen".
struct ListenKey {
    std::string key, address;
};

class Config {
public:
    // The four readers, in the order of precedence. Each returns false at a fault: error() then
    // holds the message, and the object must not be used further.
    [[nodiscard]] bool read_file(const std::string& path);
    [[nodiscard]] bool read_text(const std::string& file_name, const std::string& text);
    // Reads the variables whose names begin with STARLING_. An unknown variable is a warning, since
    // other programs and service managers use such names too.
    [[nodiscard]] bool read_environment(const Environment& environment);
    // Sets `key` from the flag `flag` ("--workers"). A list ("--listen") replaces the earlier list.
    [[nodiscard]] bool set(std::string_view flag, std::string_view key,
                           const std::vector<std::string>& values);
    // For `starling gateway`: switches the gateway on, sets the address that it listens on by
    // default, and takes the application from WS_PORT and WS_URL. Call it after read_environment(),
    // before set().
    void begin_gateway(const Environment& environment);
    // Finds the faults that a single value does not show: missing files, and keys that exclude each
    // other.
    [[nodiscard]] bool finish();

    // True: a file, the environment or a flag has set `key`.
    [[nodiscard]] bool names(const std::string& key) const { return places_.contains(key); }
    // Where `key` was set, or else the section or the list that it is in; "": nowhere.
    [[nodiscard]] std::string place_of(const std::string& key) const;
    // Prefixes `what` with the place where `key` was set. For faults that are found after reading.
    [[nodiscard]] std::string fault(const std::string& key, std::string_view what) const;
    // The same at the first key below `section` that `what` names, since the options of the library
    // have the names of the keys: "auth" and "cookie: ' ' is no name" are about auth.cookie.
    [[nodiscard]] std::string fault_within(const std::string& section, std::string_view what) const;

    // Where the value of a key of an element, "websocket[0].path", comes from: "starling.yaml:12",
    // "--workers", "environment STARLING_WORKERS" or "default".
    [[nodiscard]] std::string source(const std::string& key) const;
    // The addresses that the program binds, in order.
    [[nodiscard]] std::vector<ListenKey> listen_keys() const;
    // Each key with its value and its source, a line each. Secrets are "***".
    [[nodiscard]] std::string printed() const;

    [[nodiscard]] const Settings& settings() const noexcept { return settings_; }
    [[nodiscard]] const std::string& error() const noexcept { return error_; }
    [[nodiscard]] const std::vector<std::string>& warnings() const noexcept { return warnings_; }

private:
    bool fail(const std::string& where, std::string_view what);
    // Names the place where `key` was set.
    bool fail_at(const std::string& key, std::string_view what);
    [[nodiscard]] std::string place(int line, const std::string& key) const;

    // `key`: the name shown in messages, "websocket[0].path". `path`: the schema's name,
    // "websocket[].path".
    bool read_mapping(const Yaml& node, const std::string& key, const std::string& path);
    bool read_member(const Yaml& node, const std::string& key, const std::string& path);
    bool read_elements(const Yaml& node, const std::string& key, const std::string& path);
    bool read_value(const Yaml& node, const std::string& key, const Row& row);
    bool require(const Yaml& node, const std::string& key, const std::string& path);
    bool set_values(const std::string& where, std::string_view key,
                    const std::vector<std::string>& values);
    bool finish_certificates();
    bool finish_listen();
    bool finish_addresses();
    bool finish_owners();
    bool finish_kinds_of_paths();
    bool finish_certificate(const Listen& listen, const std::string& key);
    bool finish_clients();
    bool finish_websocket();
    bool finish_keys();
    bool finish_gateway();
    bool finish_socketio();
    bool finish_socketio(const SocketIoSettings& one, const std::string& key);
    bool finish_paths();
    bool give_to_gateway(const SocketIoSettings& one, const std::string& key);
    bool finish_sites();
    bool finish_site(size_t index);
    bool finish_site_cors(const http::CorsOptions& cors, const std::string& key);
    bool finish_site_names();
    bool finish_files();
    void finish_statics();
    bool finish_namespaces();
    [[nodiscard]] uint64_t message_bytes_max_of(const SocketIoSettings& one);
    bool finish_redirect();
    bool finish_admin();
    bool finish_meaning();
    bool finish_secrets();
    bool finish_channels();
    bool finish_queues();
    void note_changed();
    void warn_at(const std::string& key, std::string_view what);
    // If the key is in changed_.
    void warn_without_effect(const std::string& key, const std::string& lacks);
    void warn_of_section(std::string_view section, const std::string& lacks);
    void warn_of_no_effect();
    void warn_of_cluster();
    void warn_of_tls();
    void warn_of_logins();
    void warn_of_elements();
    void warn_of_short_keys();
    bool read_manifest();
    bool name_applications();
    bool set_in_routes(const std::string& where, const Row& row, const std::string& value);
    bool is_folder(const std::string& key, const std::string& path);
    bool readable(const std::string& key, const std::string& path);

    // The environment of Olares' WebSocket container; nothing: the variable is not set.
    struct OlaresEnvironment {
        std::optional<std::string> port, url;
    };

    Settings settings_;
    OlaresEnvironment olares_;
    std::string file_name_, folder_;  // The folder ends with a slash; "": the current folder.
    std::map<std::string, std::string> places_;  // Key → the place where the key was set.
    std::set<std::string> changed_;  // Keys that are set to another value than their default.
    std::string error_;
    std::vector<std::string> warnings_;
};

// One variable that sets a key: its row, and its name ("STARLING_HTTP__BODY_BYTES_MAX").
struct Variable {
    std::string name;
    std::string_view key;
};
[[nodiscard]] std::vector<Variable> variables();

}  // namespace starling::app
