// webhook/control.h: the bodies of the control API: which connections, and what they get.
//
// A failure is for the answer: it names the field, "users: an array of strings is wanted". Pure functions,
// any thread; what they return owns its memory and may travel to other workers.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "webhook/fields.h"
#include "webhook/selector.h"

namespace starling::webhook {

// One message for clients.
struct Payload {
    bool binary = false;
    std::string
        bytes;  // Of a JSON payload exactly those that the application sent. UTF-8 where it is text.
};

struct SendRequest {
    Selector to;
    Payload payload;
};

struct CloseRequest {
    Selector of;
    uint16_t code = 1000;
    std::string reason;
};

// Join and leave.
struct TopicRequest {
    std::string topic;
    Selector of;
};

struct PublishRequest {
    std::string topic;
    Payload payload;
    NameSet except;  // Ids of connections.
};

[[nodiscard]] base::Result<SendRequest> read_send(std::string_view body, Reading reading);
[[nodiscard]] base::Result<CloseRequest> read_close(std::string_view body, Reading reading);
[[nodiscard]] base::Result<TopicRequest> read_topic(std::string_view body, Reading reading);
[[nodiscard]] base::Result<PublishRequest> read_publish(std::string_view body, Reading reading);

// The same of an object that is part of a text; false where `fields` says what is wrong. `needs_selector`: where
// none is given is a fault, else `given()` is false.
[[nodiscard]] bool read_send(Fields& fields, const base::JsonText& object, bool needs_selector,
                             SendRequest& out);
[[nodiscard]] bool read_close(Fields& fields, const base::JsonText& object, bool needs_selector,
                              CloseRequest& out);
[[nodiscard]] bool read_publish(Fields& fields, const base::JsonText& object, PublishRequest& out);

// 1 to 255 bytes without NUL.
[[nodiscard]] bool is_topic(std::string_view name) noexcept;

// 1000, and 3000 to 4999: what an application may close with (RFC 6455 section 7.4).
[[nodiscard]] constexpr bool is_close_code(int64_t code) noexcept {
    return code == 1000 || (code >= 3000 && code <= 4999);
}

}  // namespace starling::webhook
