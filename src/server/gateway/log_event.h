// server/gateway/log_event.h: writes one event of the gateway's log.
//
// Owner: the function that writes it. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "webhook/control.h"

namespace starling::server {

class LogEvent {
public:
    // Length of a text, which is not cut within a character.
    static constexpr size_t text_bytes_max = 256;
    static constexpr size_t names_max = 8;  // Of a list.

    LogEvent(std::string_view type, int64_t time_ms);

    LogEvent& text(std::string_view name, std::string_view value);
    LogEvent& number(std::string_view name, int64_t value);
    LogEvent& flag(std::string_view name, bool value);
    // Writes the first names. A longer list gets a member "NAME_number" with the number of all
    // names. An empty list is not written.
    LogEvent& names(std::string_view name, const webhook::NameSet& values);
    // Writes "data", and "data_bytes" with its whole size. `secret` ("": none) is shown as "***".
    LogEvent& data(std::string_view value, std::string_view secret = {});
    // Like data(), for bytes: as base64.
    LogEvent& binary(std::string_view bytes);
    LogEvent& payload(const webhook::Payload& payload);
    // Writes the name as "event", and the arguments as "data".
    LogEvent& emitted(const webhook::Event& event);
    // Writes the number of tokens instead of the tokens.
    LogEvent& selector(const webhook::Selector& selector);

    // Returns the whole object. Call it once.
    [[nodiscard]] std::string_view finish();

private:
    void key(std::string_view name);

    std::string json_;
};

}  // namespace starling::server
