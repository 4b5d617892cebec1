// socketio/codec/decoder.h: decodes Socket.IO packets from the messages of an Engine.IO connection:
// a text, and the binary attachments that follow it. Refuses all that Node's parser refuses, and
// more.
//
// Owner: the connection. Without a pending packet the decoder holds one pointer. Thread: the
//        owner's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "socketio/codec/json_reader.h"
#include "socketio/codec/packet.h"

namespace starling::socketio {

struct Outcome {
    enum class Kind : uint8_t {
        packet,
        pending,  // Attachments are missing; no other packet may come before them.
        fault,    // The connection ends as "forced close".
    };

    Kind kind = Kind::pending;
    std::string_view reason;  // The fault, for logs; static text.
    Packet packet;
};

[[nodiscard]] Outcome fault(std::string_view reason) noexcept;

// Tells whether a packet of `type` may carry `data`; null: no data.
[[nodiscard]] bool shape_is_valid(Type type, const Json* data, const DecodeLimits& limits) noexcept;

// Moves the query of packet.nsp to packet.query.
void split_query(Packet& packet) noexcept;

class Decoder {
public:
    explicit Decoder(Codec codec = Codec::json) noexcept;
    Decoder(Decoder&&) noexcept;
    Decoder& operator=(Decoder&&) noexcept;
    ~Decoder();

    // A text message, without the packet type of Engine.IO in front: `2["hello",1]`. The
    // text is valid UTF-8. After a fault the decoder must not be used again.
    [[nodiscard]] Outcome add_text(std::string_view text, Arena& arena);
    // A binary message: a missing attachment, or a whole packet in MessagePack.
    [[nodiscard]] Outcome add_bytes(std::span<const std::byte> bytes, Arena& arena);

    // True while a packet waits for its attachments.
    [[nodiscard]] bool pending() const noexcept { return pending_ != nullptr; }
    // What has come of that packet.
    [[nodiscard]] size_t pending_bytes() const noexcept;

private:
    struct Pending;

    std::unique_ptr<Pending> pending_;
    Codec codec_;
};

static_assert(sizeof(Decoder) <= 16);

}  // namespace starling::socketio
