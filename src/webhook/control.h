// webhook/control.h: reads the bodies of the control API: which connections are meant, and what
// they get.
//
// A failure is the text of the answer and names the field: "users: an array of strings is wanted".
// Pure functions, any thread; the results own their memory and may be moved to other workers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "webhook/event.h"
#include "webhook/fields.h"
#include "webhook/selector.h"

namespace starling::webhook {

// A message to clients.
struct Payload {
    bool binary = false;
    // A JSON payload holds exactly the bytes that the application sent. UTF-8 unless binary.
    std::string bytes;
    // The payload was given as JSON: a client of Socket.IO gets a value, not a text.
    bool json = false;
};

struct SendRequest {
    Selector to;
    Payload payload;
};

// An event for clients of Socket.IO. Clients of WebSocket get event_text() of the event.
struct EmitRequest {
    Selector to;
    Event event;
    // Each client of Socket.IO is to acknowledge the event; its answer goes to the application with this number.
    std::optional<uint64_t> ack_id = {};
};

struct CloseRequest {
    Selector of;
    uint16_t code = 1000;
    std::string reason;
};

// The body of a join or of a leave.
struct TopicRequest {
    std::string topic;
    Selector of;
};

struct PublishRequest {
    std::string topic;
    Payload payload;  // Unused if there is an `event`.
    std::optional<Event> event;
    NameSet except;  // Connection ids.
};

struct JoinRequest {
    TopicRequest topic;
};
struct LeaveRequest {
    TopicRequest topic;
};

using ControlRequest =
    std::variant<SendRequest, CloseRequest, JoinRequest, LeaveRequest, PublishRequest, EmitRequest>;

[[nodiscard]] base::Result<SendRequest> read_send(std::string_view body, Reading reading);
[[nodiscard]] base::Result<EmitRequest> read_emit(std::string_view body, Reading reading);
[[nodiscard]] base::Result<CloseRequest> read_close(std::string_view body, Reading reading);
[[nodiscard]] base::Result<TopicRequest> read_topic(std::string_view body, Reading reading);
[[nodiscard]] base::Result<PublishRequest> read_publish(std::string_view body, Reading reading);

// Read a request from `object`, which is a part of a larger text. False: `fields` says what is
// wrong. If no selector is given: a fault if `needs_selector`, otherwise the selector's given() is
// false.
[[nodiscard]] bool read_send(Fields& fields, const base::JsonText& object, bool needs_selector,
                             SendRequest& out);
[[nodiscard]] bool read_emit(Fields& fields, const base::JsonText& object, bool needs_selector,
                             EmitRequest& out);
[[nodiscard]] bool read_close(Fields& fields, const base::JsonText& object, bool needs_selector,
                              CloseRequest& out);
[[nodiscard]] bool read_publish(Fields& fields, const base::JsonText& object, PublishRequest& out);

// True for 1 to 255 bytes without NUL.
[[nodiscard]] bool is_topic(std::string_view name) noexcept;

// True for 1000 and 3000 to 4999: the codes that an application may use (RFC 6455 section 7.4).
[[nodiscard]] constexpr bool is_close_code(int64_t code) noexcept {
    return code == 1000 || (code >= 3000 && code <= 4999);
}

}  // namespace starling::webhook
