// <starling/socketio_value.h>: the values that Socket.IO events carry: JSON, and bytes anywhere in
// it.
//
//     socket.emit("file", {{"name", "a.png"}, {"data", sio::Binary(bytes)}});
//     socket.on("file", [](const sio::Json& file) {
//         if (auto bytes = sio::Binary::view(file.at("data"))) save(*bytes);
//     });
//
// Inside a Json, bytes are an object with the single key Binary::mark and a string of the bytes as
// value. The mark is not valid UTF-8. Parsed text and strings of clients are valid UTF-8, so
// neither can contain the mark: JSON of a client is never taken for bytes.
#pragma once

#include <starling/bytes.h>

#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace starling::sio {

using Json = boost::json::value;

// Owns bytes: a Buffer in Node, an ArrayBuffer or Blob in a browser.
class Binary {
public:
    static constexpr std::string_view mark{
        "\xff\xfe"
        "binary"};

    Binary() = default;
    explicit Binary(std::string bytes) noexcept : bytes_(std::move(bytes)) {}
    explicit Binary(std::span<const std::byte> bytes)
        : bytes_(reinterpret_cast<const char*>(bytes.data()), bytes.size()) {}
    template <ByteRange Range>
    explicit Binary(const Range& bytes) : bytes_(view_of(bytes)) {}

    [[nodiscard]] std::string_view text() const noexcept { return bytes_; }
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept {
        return std::as_bytes(std::span(bytes_));
    }
    [[nodiscard]] size_t size() const noexcept { return bytes_.size(); }
    friend bool operator==(const Binary&, const Binary&) = default;

    // Lets a Binary stand in an initializer list and in any Json.
    operator Json() const {
        boost::json::object object;
        object.emplace(mark, boost::json::string(bytes_));
        return object;
    }

    // A view of the bytes in `value`, valid as long as `value`; nullopt if `value` is not bytes.
    [[nodiscard]] static std::optional<std::string_view> view(const Json& value) noexcept {
        const auto* object = value.if_object();
        if (!object || object->size() != 1) return std::nullopt;
        const auto& only = *object->begin();
        const auto* bytes = only.value().if_string();
        if (!bytes || std::string_view(only.key().data(), only.key().size()) != mark)
            return std::nullopt;
        return std::string_view(bytes->data(), bytes->size());
    }

private:
    std::string bytes_;
};

}  // namespace starling::sio
