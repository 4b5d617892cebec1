// webhook/body.h: writes the bodies of webhooks, in the format of Olares' gateway:
//
//     {"data":...,"action":"message","user_name":"...","conn_id":"...","token":"...",
//      "access_public":true}
//
// followed by "session" if the answer that accepted the client had one, by "ack_id" if the client
// waits for an ack of its event, and by "namespace" for a client of Socket.IO in a namespace other
// than "/". A client's JSON is inserted as it was sent: the order of its keys, repeated names and
// large integers stay the same.
//
// Pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json_scan.h"
#include "webhook/client.h"

namespace starling::webhook {

// `ack` is a client's answer to an event of Socket.IO, and queues like a message.
enum class Action : uint8_t { open, message, close, ack };
// "open" and so on; lives for ever.
[[nodiscard]] std::string_view action_text(Action action) noexcept;

// How data other than a JSON object is passed to the application.
enum class Data : uint8_t {
    whole,  // Other JSON stays as it is, text becomes a JSON string, binary {"base64":"..."}.
    objects_only,  // `{}`, as in Olares' gateway; JSON `null` stays `null`.
};

// A client's text message; holds a view of it.
struct ClientText {
    std::string_view text;
    std::optional<base::JsonText> json;  // Nothing: the text is not JSON, or nested too deep.
};
// `text` must be UTF-8. Reads it once and allocates nothing.
[[nodiscard]] ClientText read_client_text(std::string_view text) noexcept;

// True for a JSON object whose `event` is the string "ping". If an object has several `event`
// members, the last one counts.
[[nodiscard]] bool is_ping(const ClientText& message);

// The value of `data` in the body.
[[nodiscard]] std::string data_of(const ClientText& message, Data data);
[[nodiscard]] std::string data_of_binary(std::string_view bytes, Data data);

// Appends a whole body. `data` is from data_of() or event_text(); for close it is `{}`, and for
// open `{}` or the `auth` of a client of Socket.IO.
void append_body(std::string& out, Action action, std::string_view data, const Client& client,
                 std::optional<uint64_t> ack_id = {});

}  // namespace starling::webhook
