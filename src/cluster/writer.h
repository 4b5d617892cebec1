// cluster/writer.h: writes a message as JSON or as MessagePack, by the same calls. The adapters of
// Node.js accept both forms for each message.
//
// An answer may have thousands of sockets with dozens of short texts each. JSON is therefore written
// through a pointer into the string, which is longer than what was written until finish().
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
    // Appends to `out`, which holds the text after finish().
    Writer(std::string& out, Format format) noexcept
        : out_(out), format_(format), written_(out.size()) {}

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

    [[nodiscard]] size_t size() const noexcept {
        return format_ == Format::json ? written_ : out_.size();
    }
    void reserve(size_t bytes) { out_.reserve(size() + bytes); }  // For what follows.

    // Call it last. False: a value could not be written: too deep, or bytes in JSON.
    [[nodiscard]] bool finish();

private:
    // A place for `bytes` bytes of JSON, and what was written up to the pointer `end`.
    [[nodiscard]] char* room(size_t bytes) {
        if (out_.size() - written_ < bytes) grow(bytes);
        return out_.data() + written_;
    }
    void grow(size_t bytes);
    void written(const char* end) noexcept { written_ = static_cast<size_t>(end - out_.data()); }
    // For functions that append to the string.
    template <class Append>
    void append(const Append& append);
    void plain(std::string_view text);  // As it is, after a comma if one is due.
    void open(char bracket);
    void close(char bracket);
    void string(std::string_view text, bool is_key);

    std::string& out_;
    Format format_;
    size_t written_;  // Of JSON.
    bool comma_ = false;
    bool good_ = true;
};

// True if there are bytes anywhere in `json`.
[[nodiscard]] bool has_bytes(const sio::Json& json) noexcept;

}  // namespace starling::cluster
