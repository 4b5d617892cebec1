// socketio/codec/msgpack_events.h: reads one MessagePack value as a sequence of events, the same ones
// that boost::json::basic_parser has for JSON: on_object_begin(), on_key(), on_string(), ... So a
// handler of that parser reads both formats: base::JsonBuilder makes a Json of the events. The
// functions of a handler return true.
//
// The format: https://github.com/msgpack/msgpack/blob/master/spec.md. Extensions have the meaning
// that notepack.io, the library of the clients, gives them: type 0 is a Date (8 bytes), undefined
// (1 byte, fixext) or an ArrayBuffer; any other extension is decoded as [type, bytes]. Between
// nodes, type -1 is a Date, too. Bytes are an object with the key Binary::mark.
//
// Owner: the function that reads a message. Pure; any thread.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <boost/json/error.hpp>
#include <boost/json/string_view.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/utf8.h"
#include "socketio/codec/msgpack_values.h"

namespace starling::socketio {

// A Date as JSON, as Date.prototype.toJSON writes it: "2024-02-29T12:00:00.000Z". Nothing for a year
// that has more than four digits.
[[nodiscard]] std::optional<std::string> date_text(int64_t ms);

// The unread bytes. A read beyond the end returns zeros; from then on failed() is true.
class MsgpackCursor {
public:
    explicit MsgpackCursor(std::string_view bytes) : bytes_(bytes) {}

    [[nodiscard]] bool failed() const { return failed_; }
    [[nodiscard]] size_t left() const { return bytes_.size(); }
    void fail() { failed_ = true; }

    uint64_t number(size_t size) {
        uint64_t value = 0;
        for (const char c : text(size)) value = value << 8 | static_cast<uint8_t>(c);
        return value;
    }

    std::string_view text(uint64_t size) {
        if (size > bytes_.size()) {
            failed_ = true;
            return {};
        }
        const std::string_view front = bytes_.substr(0, size);
        bytes_.remove_prefix(size);
        return front;
    }

    // Reads an `undefined`, if one is next.
    bool skip_undefined() {
        if (!bytes_.starts_with(std::string_view("\xd4\0", 2)) || bytes_.size() < 3) return false;
        bytes_.remove_prefix(3);
        return true;
    }

private:
    std::string_view bytes_;
    bool failed_ = false;
};

// Reads one value without recursion: each open container is a frame on a stack of fixed size. After
// a fault the events so far mean nothing.
template <class Handler>
class MsgpackReader {
public:
    // `handler` must live longer than the reader.
    MsgpackReader(std::string_view bytes, size_t depth_max, MsgpackFrom from, Handler& handler)
        : in_(bytes), from_(from), out_(handler), depth_max_(std::min(depth_max, frames_max)) {}

    // False: the bytes are not exactly one whole value, or deeper than `depth_max`.
    [[nodiscard]] bool read() {
        out_.on_document_begin(error_);
        value();
        while (!in_.failed() && depth_ > 0) {
            Frame& frame = frames_[depth_ - 1];
            if (frame.left == 0)
                close(frame);
            else
                next(frame);
        }
        return !in_.failed() && in_.left() == 0;
    }

private:
    static constexpr size_t frames_max = 256;

    struct Frame {
        uint32_t left;   // Items, or pairs of a map.
        uint32_t count;  // Values that the container will hold.
        bool map;
    };

    void close(const Frame& frame) {
        --depth_;
        if (frame.map)
            out_.on_object_end(frame.count, error_);
        else
            out_.on_array_end(frame.count, error_);
    }

    void next(Frame& frame) {
        --frame.left;
        if (!frame.map) return value();
        const uint8_t prefix = static_cast<uint8_t>(in_.number(1));
        const auto size = text_size(prefix);
        if (!size) return in_.fail();
        const std::string_view name = in_.text(*size);
        // Leave out a member that is undefined, as JSON.stringify does.
        if (in_.skip_undefined()) {
            --frame.count;
            return;
        }
        if (in_.failed()) return;
        base::utf8_is_valid(name) ? key(name) : key(base::utf8_repaired(name));
        value();
    }

    std::optional<uint64_t> text_size(uint8_t prefix) {
        if (prefix >= 0xa0 && prefix <= 0xbf) return prefix & 0x1fu;
        if (prefix == 0xd9) return in_.number(1);
        if (prefix == 0xda) return in_.number(2);
        if (prefix == 0xdb) return in_.number(4);
        return std::nullopt;
    }

    void open(uint64_t count, bool map) {
        // Each item takes at least one byte, so a count above the bytes left is refused before
        // memory is reserved for the count.
        if (depth_ >= depth_max_ || count * (map ? 2 : 1) > in_.left()) return in_.fail();
        const auto size = static_cast<uint32_t>(count);
        frames_[depth_++] = {size, size, map};
        if (map)
            out_.on_object_begin(error_);
        else
            out_.on_array_begin(error_);
    }

    void text(uint64_t size) {
        const std::string_view bytes = in_.text(size);
        if (in_.failed()) return;
        // Node's Buffer.toString repairs text in this way.
        base::utf8_is_valid(bytes) ? string(bytes) : string(base::utf8_repaired(bytes));
    }

    void bytes(uint64_t size) {
        const std::string_view content = in_.text(size);
        if (in_.failed()) return;
        out_.on_object_begin(error_);
        key(sio::Binary::mark);
        string(content);
        out_.on_object_end(1, error_);
    }

    void extension(uint64_t size, bool fixed) {
        const auto type = static_cast<int8_t>(in_.number(1));
        if (type == -1 && from_ == MsgpackFrom::node && timestamp(size)) return;
        if (type == 0 && fixed && size == 1) {
            in_.text(1);
            out_.on_null(error_);
        } else if (type == 0 && fixed && size == 8) {
            date(date_text(static_cast<int64_t>(in_.number(8))));
        } else if (type == 0 && !fixed) {
            bytes(size);
        } else {
            out_.on_array_begin(error_);
            integer(type);
            bytes(size);
            if (!in_.failed()) out_.on_array_end(2, error_);
        }
    }

    // Reads a timestamp of the specification: 4, 8 or 12 bytes. False: none has this size.
    bool timestamp(uint64_t size) {
        uint64_t nanoseconds = 0;
        int64_t seconds = 0;
        if (size == 4) {
            seconds = static_cast<int64_t>(in_.number(4));
        } else if (size == 8) {
            const uint64_t both = in_.number(8);
            nanoseconds = both >> 34;
            seconds = static_cast<int64_t>(both & 0x3'ffff'ffff);
        } else if (size == 12) {
            nanoseconds = in_.number(4);
            seconds = static_cast<int64_t>(in_.number(8));
        } else {
            return false;
        }
        // Outside of this range no Date has a text; the multiplication must not overflow.
        constexpr int64_t seconds_max = 1'000'000'000'000;
        const bool fits = seconds >= -seconds_max && seconds <= seconds_max;
        date(fits ? date_text(seconds * 1000 + static_cast<int64_t>(nanoseconds / 1'000'000))
                  : std::nullopt);
        return true;
    }

    void date(const std::optional<std::string>& text) {
        if (text)
            string(*text);
        else
            out_.on_null(error_);
    }

    void key(std::string_view name) { out_.on_key(view(name), name.size(), error_); }
    void string(std::string_view text) { out_.on_string(view(text), text.size(), error_); }
    void integer(int64_t number) { out_.on_int64(number, {}, error_); }
    void real(double number) { out_.on_double(number, {}, error_); }
    void unsigned_number(uint64_t number) {
        if (number <= INT64_MAX)
            integer(static_cast<int64_t>(number));
        else
            out_.on_uint64(number, {}, error_);
    }

    void value() {
        const auto prefix = static_cast<uint8_t>(in_.number(1));
        if (in_.failed()) return;
        if (prefix < 0x80) return integer(prefix);
        if (prefix < 0x90) return open(prefix & 0x0f, true);
        if (prefix < 0xa0) return open(prefix & 0x0f, false);
        if (prefix < 0xc0) return text(prefix & 0x1f);
        if (prefix >= 0xe0) return integer(static_cast<int8_t>(prefix));
        switch (prefix) {
            case 0xc0: out_.on_null(error_); return;
            case 0xc2: out_.on_bool(false, error_); return;
            case 0xc3: out_.on_bool(true, error_); return;
            case 0xc4: return bytes(in_.number(1));
            case 0xc5: return bytes(in_.number(2));
            case 0xc6: return bytes(in_.number(4));
            case 0xc7: return extension(in_.number(1), false);
            case 0xc8: return extension(in_.number(2), false);
            case 0xc9: return extension(in_.number(4), false);
            case 0xca: return real(std::bit_cast<float>(static_cast<uint32_t>(in_.number(4))));
            case 0xcb: return real(std::bit_cast<double>(in_.number(8)));
            case 0xcc: return unsigned_number(in_.number(1));
            case 0xcd: return unsigned_number(in_.number(2));
            case 0xce: return unsigned_number(in_.number(4));
            case 0xcf: return unsigned_number(in_.number(8));
            case 0xd0: return integer(static_cast<int8_t>(in_.number(1)));
            case 0xd1: return integer(static_cast<int16_t>(in_.number(2)));
            case 0xd2: return integer(static_cast<int32_t>(in_.number(4)));
            case 0xd3: return integer(static_cast<int64_t>(in_.number(8)));
            case 0xd4: return extension(1, true);
            case 0xd5: return extension(2, true);
            case 0xd6: return extension(4, true);
            case 0xd7: return extension(8, true);
            case 0xd8: return extension(16, true);
            case 0xd9: return text(in_.number(1));
            case 0xda: return text(in_.number(2));
            case 0xdb: return text(in_.number(4));
            case 0xdc: return open(in_.number(2), false);
            case 0xdd: return open(in_.number(4), false);
            case 0xde: return open(in_.number(2), true);
            case 0xdf: return open(in_.number(4), true);
            default: return in_.fail();  // 0xc1 is never used.
        }
    }

    static boost::json::string_view view(std::string_view text) {
        return {text.data(), text.size()};
    }

    MsgpackCursor in_;
    MsgpackFrom from_;
    Handler& out_;
    size_t depth_max_;
    size_t depth_ = 0;
    boost::json::error_code error_;  // For the handler; the reader does not look at it.
    std::array<Frame, frames_max> frames_;
};

}  // namespace starling::socketio
