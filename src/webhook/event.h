// webhook/event.h: events and acks of Socket.IO in JSON: the arguments that an application sends,
// and the event of a client that goes to the application. Bytes are {"base64":"..."} there.
//
// Pure functions, any thread; the results own their memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_scan.h"
#include "webhook/fields.h"

namespace starling::webhook {

// How many times bytes may occur in one event or ack: clients accept no more attachments.
inline constexpr size_t attachments_max = 10;
// The greatest integer of JavaScript, 2^53 - 1.
inline constexpr int64_t ack_id_max = 9'007'199'254'740'991;

struct Arguments {
    // A JSON array as the application wrote it.
    std::string json = "[]";
    // The same array with placeholders of Socket.IO in place of the bytes; "" if the array contains
    // no bytes.
    std::string with_placeholders;
    std::vector<std::string> attachments;  // The bytes, in the order of the placeholders.

    // The array in the form that a packet of Socket.IO holds.
    [[nodiscard]] const std::string& packet_json() const noexcept {
        return attachments.empty() ? json : with_placeholders;
    }
};

struct Event {
    std::string name;  // UTF-8, 1 to 255 bytes.
    Arguments args;
};

// Read fields of an object. False: `fields` says what is wrong.
[[nodiscard]] bool read_arguments(Fields& fields, Arguments& out);  // `data`; absent: no arguments.
[[nodiscard]] bool read_event(Fields& fields, Event& out);          // `event` and `data`.
[[nodiscard]] bool read_ack_id(Fields& fields, uint64_t& out);  // `ack_id`, which must be there.

// The text between the brackets of a JSON array, without the blanks at its ends.
[[nodiscard]] std::string_view items_of(std::string_view array) noexcept;

// {"event":NAME,"data":[ARGS]}, from an application's event: the message for a client of WebSocket.
[[nodiscard]] std::string event_text(const Event& event);
// The same text from a client's array of name and arguments. The text of the arguments is inserted
// unchanged. "" if `array` is no array that begins with a string or a number. A number becomes a
// string.
[[nodiscard]] std::string event_text(std::string_view array);

}  // namespace starling::webhook
