#include "socketio/codec/msgpack_reader.h"

#include <algorithm>
#include <array>
#include <bit>
#include <boost/json/object.hpp>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/date.h"
#include "base/text.h"
#include "base/utf8.h"
#include "socketio/codec/msgpack_values.h"

// The format: https://github.com/msgpack/msgpack/blob/master/spec.md. Extensions have the meaning
// that notepack.io, the library of the clients, gives them: type 0 is a Date (8 bytes), undefined
// (1 byte, fixext) or an ArrayBuffer; any other extension is decoded as [type, bytes]. Between
// nodes, type -1 is a Date, too.
namespace starling::socketio {
namespace {

constexpr size_t frames_max = 256;

// The unread bytes. A read beyond the end returns zeros; from then on failed() is true.
class Cursor {
public:
    explicit Cursor(std::string_view bytes) : bytes_(bytes) {}

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

// A Date as JSON, as Date.prototype.toJSON writes it: "2024-02-29T12:00:00.000Z".
std::optional<std::string> date_text(int64_t ms) {
    constexpr int64_t year_9999_end_ms = 253'402'300'800'000;
    constexpr int64_t year_0_begin_ms = -62'167'219'200'000;
    if (ms < year_0_begin_ms || ms >= year_9999_end_ms) return std::nullopt;
    std::string text;
    base::append_timestamp(text, base::utc_time(ms));
    return text;
}

// Reads one value without recursion: each open container is a frame on a stack of fixed size.
class Reader {
public:
    Reader(std::string_view bytes, size_t depth_max, Arena& arena,
           MsgpackFrom from = MsgpackFrom::client)
        : in_(bytes),
          from_(from),
          out_(arena.stack(bytes.size())),
          draws_(arena.draws()),
          depth_max_(std::min(depth_max, frames_max)) {}

    // Leaves the value on the stack. False: the bytes are not exactly one whole value.
    [[nodiscard]] bool read() {
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

    [[nodiscard]] Json release() {
        Json value = out_.release();
        if (fills_) base::drop_fillers(value);
        return value;
    }

private:
    struct Frame {
        uint32_t left;   // Items, or pairs of a map.
        uint32_t count;  // Values that the container will hold.
        bool map;
        base::TableSpread spread;  // For a map.
    };

    void close(const Frame& frame) {
        --depth_;
        if (!frame.map)
            out_.push_array(frame.count);
        else if (base::push_object(out_, static_cast<size_t>(frame.count) + frame.spread.added()))
            fills_ = true;
    }

    void next(Frame& frame) {
        --frame.left;
        if (!frame.map) return value();
        const uint8_t prefix = static_cast<uint8_t>(in_.number(1));
        const auto size = text_size(prefix);
        if (!size) return in_.fail();
        const std::string_view key = in_.text(*size);
        // Leave out a member that is undefined, as JSON.stringify does.
        if (in_.skip_undefined()) {
            --frame.count;
            return;
        }
        if (in_.failed()) return;
        base::utf8_is_valid(key) ? push_key(frame, key) : push_key(frame, base::utf8_repaired(key));
        value();
    }

    void push_key(Frame& frame, std::string_view key) {
        for (uint32_t n = frame.spread.before(key, draws_); n > 0; --n) {
            out_.push_key(view(key));
            out_.push_null();
        }
        out_.push_key(view(key));
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
        frames_[depth_++] = {size, size, map, {}};
    }

    void text(uint64_t size) {
        const std::string_view bytes = in_.text(size);
        if (in_.failed()) return;
        // Node's Buffer.toString repairs text in this way.
        base::utf8_is_valid(bytes) ? out_.push_string(view(bytes))
                                   : out_.push_string(base::utf8_repaired(bytes));
    }

    void bytes(uint64_t size) {
        const std::string_view content = in_.text(size);
        if (in_.failed()) return;
        out_.push_key(view(Binary::mark));
        out_.push_string(view(content));
        out_.push_object(1);
    }

    void extension(uint64_t size, bool fixed) {
        const auto type = static_cast<int8_t>(in_.number(1));
        if (type == -1 && from_ == MsgpackFrom::node && timestamp(size)) return;
        if (type == 0 && fixed && size == 1) {
            in_.text(1);
            out_.push_null();
        } else if (type == 0 && fixed && size == 8) {
            const auto date = date_text(static_cast<int64_t>(in_.number(8)));
            date ? out_.push_string(*date) : out_.push_null();
        } else if (type == 0 && !fixed) {
            bytes(size);
        } else {
            out_.push_int64(type);
            bytes(size);
            if (!in_.failed()) out_.push_array(2);
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
        const auto date =
            fits ? date_text(seconds * 1000 + static_cast<int64_t>(nanoseconds / 1'000'000))
                 : std::nullopt;
        date ? out_.push_string(*date) : out_.push_null();
        return true;
    }

    void unsigned_number(uint64_t number) {
        if (number <= INT64_MAX)
            out_.push_int64(static_cast<int64_t>(number));
        else
            out_.push_uint64(number);
    }

    void value() {
        const auto prefix = static_cast<uint8_t>(in_.number(1));
        if (in_.failed()) return;
        if (prefix < 0x80) return out_.push_int64(prefix);
        if (prefix < 0x90) return open(prefix & 0x0f, true);
        if (prefix < 0xa0) return open(prefix & 0x0f, false);
        if (prefix < 0xc0) return text(prefix & 0x1f);
        if (prefix >= 0xe0) return out_.push_int64(static_cast<int8_t>(prefix));
        switch (prefix) {
            case 0xc0: return out_.push_null();
            case 0xc2: return out_.push_bool(false);
            case 0xc3: return out_.push_bool(true);
            case 0xc4: return bytes(in_.number(1));
            case 0xc5: return bytes(in_.number(2));
            case 0xc6: return bytes(in_.number(4));
            case 0xc7: return extension(in_.number(1), false);
            case 0xc8: return extension(in_.number(2), false);
            case 0xc9: return extension(in_.number(4), false);
            case 0xca:
                return out_.push_double(std::bit_cast<float>(static_cast<uint32_t>(in_.number(4))));
            case 0xcb: return out_.push_double(std::bit_cast<double>(in_.number(8)));
            case 0xcc: return unsigned_number(in_.number(1));
            case 0xcd: return unsigned_number(in_.number(2));
            case 0xce: return unsigned_number(in_.number(4));
            case 0xcf: return unsigned_number(in_.number(8));
            case 0xd0: return out_.push_int64(static_cast<int8_t>(in_.number(1)));
            case 0xd1: return out_.push_int64(static_cast<int16_t>(in_.number(2)));
            case 0xd2: return out_.push_int64(static_cast<int32_t>(in_.number(4)));
            case 0xd3: return out_.push_int64(static_cast<int64_t>(in_.number(8)));
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

    Cursor in_;
    MsgpackFrom from_;
    boost::json::value_stack& out_;
    base::TableDraws& draws_;
    size_t depth_max_;
    size_t depth_ = 0;
    bool fills_ = false;
    std::array<Frame, frames_max> frames_;
};

// Reads a member as a whole number from 0 to `max`. 1.0 counts as 1, as in JavaScript.
std::optional<uint64_t> whole_number(const Json* value, uint64_t max) {
    if (!value) return std::nullopt;
    uint64_t number = 0;
    if (value->is_int64() && value->get_int64() >= 0) {
        number = static_cast<uint64_t>(value->get_int64());
    } else if (value->is_double() && value->get_double() >= 0 &&
               value->get_double() <= static_cast<double>(max) &&
               value->get_double() == std::trunc(value->get_double())) {
        number = static_cast<uint64_t>(value->get_double());
    } else {
        return std::nullopt;
    }
    return number <= max ? std::optional(number) : std::nullopt;
}

}  // namespace

std::optional<Json> read_msgpack_value(std::span<const std::byte> bytes, Arena& arena,
                                       MsgpackFrom from) {
    arena.clear();
    Reader reader(base::text_of(bytes), arena.limits().depth_max, arena, from);
    if (!reader.read()) return std::nullopt;
    return reader.release();
}

Outcome read_msgpack(std::span<const std::byte> bytes, Arena& arena) {
    arena.clear();
    // depth_max applies to `data`; the packet's map around it adds one level.
    Reader reader(base::text_of(bytes), arena.limits().depth_max + 1, arena);
    if (!reader.read()) return fault("invalid MessagePack");
    Json message = reader.release();
    auto* members = message.if_object();
    if (!members) return fault("MessagePack that is no map");

    Packet packet;
    const auto type =
        whole_number(members->if_contains("type"), static_cast<uint64_t>(Type::connect_error));
    if (!type) return fault("unknown packet type");
    packet.type = static_cast<Type>(*type);

    const Json* nsp = members->if_contains("nsp");
    if (!nsp || !nsp->is_string() || !nsp->get_string().starts_with('/'))
        return fault("invalid namespace");
    // Copy: a short string is stored inside its value, which does not live as long as the Arena.
    packet.nsp = arena.keep({nsp->get_string().data(), nsp->get_string().size()});
    split_query(packet);
    if (packet.nsp.size() > arena.limits().nsp_bytes_max) return fault("namespace too long");

    if (const Json* id = members->if_contains("id")) {
        packet.id = whole_number(id, ack_id_max);
        if (!packet.id) return fault("invalid ack id");
    }
    Json* data = members->if_contains("data");
    // Node's MessagePack parser, unlike its JSON parser, requires the data of an ack.
    const bool lacks_data = !data && packet.type == Type::ack;
    if (lacks_data || !shape_is_valid(packet.type, data, arena.limits()))
        return fault("invalid payload");
    if (data) packet.take_data(std::move(*data));
    return {Outcome::Kind::packet, {}, std::move(packet)};
}

}  // namespace starling::socketio
