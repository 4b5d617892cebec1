// socketio/codec/msgpack_writer.h: a Socket.IO packet as one MessagePack map in one binary message,
// for clients that use socket.io-msgpack-parser. Bytes are part of the data; there are no
// attachments.
//
// Owner: an Encoder. Thread: the owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "socketio/codec/json_writer.h"
#include "socketio/codec/packet.h"

namespace starling::socketio {

class MsgpackWriter {
public:
    explicit MsgpackWriter(Encoded& out) noexcept : out_(out) {}

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
    std::string& item();
    void add_data();
    void write(const Json& json, size_t depth);
    void write_bytes(std::string& text, std::string_view bytes);

    Encoded& out_;
    size_t items_at_ = 0;  // Position of the byte that counts the items; 0: no array.
    size_t items_ = 0;
    size_t members_ = 0;  // Members of the packet's map.
    bool failed_ = false;
};

}  // namespace starling::socketio
