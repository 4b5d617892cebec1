// app/config/config.h: builds the settings from their four sources. Later ones win: defaults, file,
// environment, command line. The first fault ends it, with one line that names its place:
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

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace starling::app {

using Environment = std::vector<std::pair<std::string, std::string>>;

class Config {
public:
    // Each returns false where it met a fault; error() is then its line, and the object of no
    // further use. In the order of precedence.
    [[nodiscard]] bool read_file(const std::string& path);
    [[nodiscard]] bool read_text(const std::string& file_name, const std::string& text);
    // Variables that begin with STARLING_; unknown ones become warnings, since other programs and
    // service managers use such names too.
    [[nodiscard]] bool read_environment(const Environment& environment);
    // A flag ("--workers") that sets `key`. Lists ("--listen") replace what was there.
    [[nodiscard]] bool set(std::string_view flag, std::string_view key,
                           const std::vector<std::string>& values);
    // What one key alone cannot show: files that are not there, keys that exclude each other.
    [[nodiscard]] bool finish();

    // Has somebody set it: a file, the environment, a flag?
    [[nodiscard]] bool names(const std::string& key) const { return places_.contains(key); }
    // `what` with the place where `key` was set before it: for faults that show only later.
    [[nodiscard]] std::string fault(const std::string& key, std::string_view what) const;

    [[nodiscard]] const Settings& settings() const noexcept { return settings_; }
    [[nodiscard]] const std::string& error() const noexcept { return error_; }
    [[nodiscard]] const std::vector<std::string>& warnings() const noexcept { return warnings_; }

private:
    bool fail(const std::string& where, std::string_view what);
    bool fail_at(const std::string& key, std::string_view what);  // Where the key was set.
    [[nodiscard]] std::string place(int line, const std::string& key) const;

    // `key` as people read it, "websocket[0].path"; `path` as in the schema, "websocket[].path".
    bool read_mapping(const Yaml& node, const std::string& key, const std::string& path);
    bool read_member(const Yaml& node, const std::string& key, const std::string& path);
    bool read_elements(const Yaml& node, const std::string& key, const std::string& path);
    bool read_value(const Yaml& node, const std::string& key, const Row& row);
    bool require(const Yaml& node, const std::string& key, const std::string& path);
    bool set_values(const std::string& where, std::string_view key,
                    const std::vector<std::string>& values);
    bool finish_certificates();
    bool finish_listen();
    bool finish_websocket();
    bool finish_keys();
    bool readable(const std::string& key, const std::string& path);

    Settings settings_;
    std::string file_name_, folder_;  // The folder with its slash, "" for the current one.
    std::map<std::string, std::string> places_;  // Key → where it was set.
    std::string error_;
    std::vector<std::string> warnings_;
};

// Every variable that sets a key: the row, and the name ("STARLING_HTTP__BODY_BYTES_MAX").
struct Variable {
    std::string name;
    std::string_view key;
};
[[nodiscard]] std::vector<Variable> variables();

}  // namespace starling::app
