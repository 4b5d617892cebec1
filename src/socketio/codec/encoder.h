// socketio/codec/encoder.h: encodes Socket.IO packets value by value, in the codec of the
// connection.
//
//     encoder.begin(Type::event, "/chat", 7);
//     encoder.value("message");
//     encoder.value(json);
//     if (encoder.finish()) send(encoder.text(), encoder.attachments());
//
// Owner: a worker, which reuses one Encoder and so allocates nothing for a small packet; or the
// caller of take(). Thread: the owner's.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "socketio/codec/json_writer.h"
#include "socketio/codec/msgpack_writer.h"
#include "socketio/codec/packet.h"

namespace starling::socketio {

class Encoder {
public:
    // `attachments_max`: per packet, in the JSON codec.
    explicit Encoder(Codec codec = Codec::json,
                     size_t attachments_max = DecodeLimits{}.attachments_max) noexcept;
    Encoder(const Encoder&) = delete;
    Encoder& operator=(const Encoder&) = delete;

    // Starts a packet and discards the previous one. The values of an event or an ack are the items
    // of its array; an event's first value is its name. Other packets have at most one value.
    // `type` is not a binary type: the encoder changes it if a value holds bytes. `nsp` is not
    // kept.
    void begin(Type type, std::string_view nsp, std::optional<uint64_t> id = std::nullopt);
    void begin(Codec codec, Type type, std::string_view nsp,
               std::optional<uint64_t> id = std::nullopt);

    void value(std::string_view text);  // Bytes that are not UTF-8 become U+FFFD.
    void value(const char* text) { value(std::string_view(text)); }
    void value(int64_t number);
    void value(uint64_t number);
    template <std::integral Integer>
    void value(Integer number) {
        if constexpr (std::is_signed_v<Integer>)
            value(static_cast<int64_t>(number));
        else
            value(static_cast<uint64_t>(number));
    }
    void value(double number);  // NaN and infinities become null, as JSON.stringify does.
    void value(bool flag);
    void value(std::nullptr_t);
    void value(const Binary& bytes);
    void value(const Json& json);

    // False: the packet cannot be sent. A value is deeper than encoded_depth_max; a packet that is
    // neither event nor ack holds bytes; there are more attachments than the limit; or, in the JSON
    // codec, a packet with bytes also holds an object with `_placeholder: true`.
    [[nodiscard]] bool finish();

    // Encodes a whole decoded packet.
    [[nodiscard]] bool encode(const Packet& packet);

    // The written packet, valid until the next begin().
    [[nodiscard]] std::string_view text() const noexcept { return out_.text; }
    [[nodiscard]] std::span<const std::string> attachments() const noexcept {
        return out_.attachments;
    }
    [[nodiscard]] bool text_is_binary() const noexcept { return out_.text_is_binary; }
    // Moves the text and the attachments out.
    [[nodiscard]] Encoded take();

private:
    Codec codec_;
    Encoded out_;
    JsonWriter json_;
    MsgpackWriter msgpack_;
};

}  // namespace starling::socketio
