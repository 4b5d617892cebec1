// socketio/codec/json_writer.h: a Socket.IO packet as text, `4<type>[<n>-][<nsp>,][<id>][json]`.
// The packet type of Engine.IO is in front, so that the text can be sent in a frame as it is.
// Numbers and escapes are those of JSON.stringify.
//
// Owner: an Encoder. Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_text.h"
#include "socketio/codec/packet.h"

namespace starling::socketio {

// An encoded packet: one Engine.IO message and the attachments that follow it.
struct Encoded {
    std::string text;
    std::vector<std::string> attachments;
    bool text_is_binary = false;  // MessagePack: the first message is a binary one.
};

using base::append_json_string;
// Appends a number as JavaScript prints it; NaN and infinities as null.
void append_json_number(std::string& out, double number);
// Appends any value without bytes, as JSON.stringify prints it. False: the value holds bytes, or is
// deeper than encoded_depth_max; `out` is then as before.
[[nodiscard]] bool append_json(std::string& out, const Json& json);

class JsonWriter {
public:
    JsonWriter(Encoded& out, size_t attachments_max) noexcept
        : out_(out), attachments_max_(attachments_max) {}

    // The same as in Encoder. `out` must be empty at begin().
    void begin(Type type, std::string_view nsp, std::optional<uint64_t> id);
    void value(std::string_view text);
    void value(int64_t number);
    void value(uint64_t number);
    void value(double number);
    void value(bool flag);
    void value(std::nullptr_t);
    void value(const Binary& bytes);
    void value(const Json& json);
    [[nodiscard]] bool finish();

private:
    void separate();
    void write(const Json& json, size_t depth);
    void write_object(const Json& json, size_t depth);
    void write_bytes(std::string_view bytes);

    Encoded& out_;
    size_t attachments_max_;
    Type type_ = Type::connect;
    bool has_items_ = false;
    bool failed_ = false;
    bool lookalike_ = false;  // An object of the application looks like a placeholder.
};

}  // namespace starling::socketio
