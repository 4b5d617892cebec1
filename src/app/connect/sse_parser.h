// app/connect/sse_parser.h: reads a stream of server events (WHATWG HTML section 9.2.6). Bytes in at any
// size, events out.
//
// Owner: the code that reads the stream, one for each connection. Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace starling::app::connect {

struct SseEvent {
    std::string_view type;  // "message" unless the server names another one.
    std::string_view data;
    std::string_view id;  // The last id of the stream.
};

class SseParser {
public:
    // `last_id`: of the connection before, "" for none. An event larger than `event_bytes_max` is a fault.
    explicit SseParser(std::string last_id = "", size_t event_bytes_max = 1'000'000);

    // Calls `on_event` for each event that is complete. The views end with the call. False: the fault
    // of event_bytes_max; nothing more is read.
    [[nodiscard]] bool feed(std::string_view bytes,
                            const std::function<void(const SseEvent&)>& on_event);

    // For the field Last-Event-ID of the next connection.
    [[nodiscard]] const std::string& last_id() const noexcept { return last_id_; }
    // The newest `retry` of the server.
    [[nodiscard]] std::optional<uint64_t> retry_ms() const noexcept { return retry_ms_; }

private:
    void on_line(std::string_view line, const std::function<void(const SseEvent&)>& on_event);
    void on_field(std::string_view name, std::string_view value);

    size_t event_bytes_max_;
    std::string line_, data_, type_, id_, last_id_;
    std::optional<uint64_t> retry_ms_;
    uint8_t mark_bytes_ = 0;  // Of the byte order mark at the front; 3: it is over.
    bool after_return_ =
        false;  // A line feed that comes next belongs to the end of the line before.
    bool failed_ = false;
};

}  // namespace starling::app::connect
