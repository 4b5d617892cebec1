// cluster/writer.h: writes a message as JSON or as MessagePack, by the same calls. The adapters of
// Node.js accept both forms for each message.
//
// Owner: the function that writes a message. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "socketio/codec/packet.h"

namespace starling::cluster {

enum class Format : uint8_t { json, msgpack };

class Writer {
public:
    // Appends to `out`.
    Writer(std::string& out, Format format) noexcept : out_(out), format_(format) {}

    void map(size_t members);  // `members` times key() and a value follow, then end_map().
    void end_map();
    void array(size_t items);
    void end_array();
    void key(std::string_view name);
    void text(std::string_view text);
    void number(uint64_t number);
    void flag(bool flag);
    // Bytes are only possible in MessagePack.
    void value(const sio::Json& json);

    [[nodiscard]] size_t size() const noexcept { return out_.size(); }
    void reserve(size_t bytes) { out_.reserve(out_.size() + bytes); }  // For what follows.

    // False: a value could not be written: too deep, or bytes in JSON.
    [[nodiscard]] bool good() const noexcept { return good_; }

private:
    void separate();

    std::string& out_;
    Format format_;
    bool comma_ = false;
    bool good_ = true;
};

// True if there are bytes anywhere in `json`.
[[nodiscard]] bool has_bytes(const sio::Json& json) noexcept;

}  // namespace starling::cluster
