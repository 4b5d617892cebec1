// webhook/body.h: the bodies of webhooks, in the shape of Olares' gateway:
//
//     {"data":...,"action":"message","user_name":"...","conn_id":"...","token":"...","access_public":true}
//
// and behind it "session", where the answer that accepted the client gave one. A client's JSON is spliced
// in as it was sent: the order of its keys, members of one name and large integers stay as they are.
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

enum class Action : uint8_t { open, message, close };
[[nodiscard]] std::string_view action_text(Action action) noexcept;  // "open"; lives for ever.

// What the application gets for what is no JSON object.
enum class Data : uint8_t {
    whole,         // Other JSON as it is, other text as a JSON string, binary as {"base64":"..."}.
    objects_only,  // `{}`, as Olares' gateway has it; `null` for `null`.
};

// A client's text message. Holds a view of it.
struct ClientText {
    std::string_view text;
    std::optional<base::JsonText> json;  // Nothing: it is no JSON, or too deep.
};
// `text` is UTF-8. One pass over it; nothing is allocated.
[[nodiscard]] ClientText read_client_text(std::string_view text) noexcept;

// A JSON object whose `event` is the string "ping"; where it has several, the last one counts.
[[nodiscard]] bool is_ping(const ClientText& message);

// The value of `data`.
[[nodiscard]] std::string data_of(const ClientText& message, Data data);
[[nodiscard]] std::string data_of_binary(std::string_view bytes, Data data);

// Appends a whole body. `data`: of data_of(); for open and close `{}`.
void append_body(std::string& out, Action action, std::string_view data, const Client& client);

}  // namespace starling::webhook
