// app/config/schema.h: a table with one row for every configuration key. The readers of the file,
// the environment and the command line use this table; tests compare the documentation and the
// example file with it.
//
// A key is a path: "http.body_bytes_max". "[]" follows the name of a list of mappings:
// "websocket[].path". Pure functions, any thread.
#pragma once

#include "app/config/settings.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace starling::app {

// Points to the setting that a row sets. The pointer's type decides which values are allowed, and
// how they are written.
using Slot = std::variant<bool*, int*, uint32_t*, uint64_t*, std::chrono::milliseconds*,
                          std::string*, std::vector<std::string>*, log::Level*, log::Format*,
                          ws::OnFull*, Kind*, Listen::Tls*, ClientAddressField*, Limits::Excess*,
                          events::Access*, events::Excess*, events::Presence*, events::Publishers*,
                          auth::Algorithm*, gateway::Olares*, gateway::KeepAlive*,
                          gateway::Admission*, gateway::Kind*, AccessFormat*, Io*, SocketIoKind*,
                          SocketIoLoginRule*, sio::Parser*, UnknownHost*, http::SameSite*>;

// Returns nothing for a valid text, otherwise "must be ...".
using Check = std::optional<std::string> (*)(std::string_view text);

struct Row {
    std::string_view key;
    // The row's setting; in a list of mappings, a member of the list's last element, which must
    // exist.
    Slot (*slot)(Settings&);
    int64_t min = 0, max = 0;  // Limits of a number. Durations: in milliseconds.
    Check check = nullptr;     // Checks a text, or each text of a list.
    bool path = false;         // A file name, relative to the configuration file's folder.
    bool required = false;
    bool octal = false;   // The number is written in octal digits.
    bool secret = false;  // shown_settings() hides the value.
    std::string_view help;
};

// Bounds that several rows share.
constexpr int64_t kibi = 1024, mebi = 1024 * 1024, gibi = 1024 * 1024 * 1024;
constexpr int64_t tenth_ms = 100, hour_ms = 3600 * 1000, day_ms = 24 * hour_ms;

// One scalar of a file, a variable or a flag.
struct Scalar {
    std::string_view text;
    bool quoted = false;  // Quoted in the YAML file: always a text.
};

[[nodiscard]] std::span<const Row> schema();
[[nodiscard]] std::span<const Row>
gateway_rows() noexcept;  // The part of schema() named "gateway".
[[nodiscard]] std::span<const Row>
cluster_rows() noexcept;                                   // The part of schema() named "cluster".
[[nodiscard]] std::span<const Row> admin_rows() noexcept;  // The part of schema() named "admin".
[[nodiscard]] std::span<const Row> admin_ui_rows() noexcept;  // That of Socket.IO's Admin UI.
[[nodiscard]] std::span<const Row>
operation_rows() noexcept;  // The part of schema() for those who run the program.
[[nodiscard]] std::span<const Row>
client_rows() noexcept;  // The part of schema() about who the clients are, and their limits.
[[nodiscard]] std::span<const Row>
socketio_rows() noexcept;  // The part of schema() named "socketio".
[[nodiscard]] std::span<const Row>
site_rows() noexcept;  // The part of schema() about sites by host name.
[[nodiscard]] const Row* find_row(std::string_view key);
// True: `key` names a mapping or a list of mappings, the beginning of some rows' paths.
[[nodiscard]] bool is_section(std::string_view key);
[[nodiscard]] bool is_section_list(std::string_view key);
// The names that are allowed in the section `key`; "" is the top level.
[[nodiscard]] std::vector<std::string_view> names_in(std::string_view key);
// Appends an element with default values to the list `key`.
void append_element(Settings& settings, std::string_view key);
void clear_list(Settings& settings, std::string_view key);
[[nodiscard]] std::vector<std::string_view> section_list_names();
[[nodiscard]] size_t list_size(Settings& settings, std::string_view key);
void drop_last_element(Settings& settings, std::string_view key);

[[nodiscard]] bool takes_list(const Row& row);
// Returns nothing for a valid value, otherwise "must be an integer from 1 to 1024". `prefix_path`
// is prepended to relative file names, those of Unix-domain sockets too.
[[nodiscard]] std::optional<std::string> store(Settings& settings, const Row& row, Scalar value,
                                               std::string_view prefix_path);
struct ListProblem {
    size_t index = 0;  // Index of the invalid value.
    std::string text;
};
[[nodiscard]] std::optional<ListProblem> store_list(Settings& settings, const Row& row,
                                                    std::span<const Scalar> values,
                                                    std::string_view prefix_path);
// How the value of a key is written.
enum class Form : uint8_t { boolean, integer, octal, seconds, text, texts, word };
[[nodiscard]] Form form_of(const Row& row);
// Form::word: the words that are allowed.
[[nodiscard]] std::vector<std::string_view> words_of(const Row& row);
// Text for the documentation: "integer, 0 to 1024"; "`text` or `json`".
[[nodiscard]] std::string describe_type(const Row& row);
// The row's value as a file would write it.
[[nodiscard]] std::string describe_value(Settings& settings, const Row& row);
// The default as a file would write it: 30, true, "text", [], ["GET"].
[[nodiscard]] std::string describe_default(const Row& row);

// All settings as JSON, {"listen":[{"address":...}],"http":{...}}. Secrets are "***".
[[nodiscard]] std::string shown_settings(Settings settings);

}  // namespace starling::app
