// Fuzzes socketio::read_msgpack. A decoded packet is encoded, decoded and encoded again: the two
// encodings must be equal. A short input must not cost much memory or time.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "base/text.h"
#include "base/utf8.h"
#include "socketio/codec/encoder.h"
#include "socketio/codec/msgpack_reader.h"

namespace {

using namespace starling;
using namespace starling::socketio;

void require(bool condition) {
    if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static Arena arena;
    const Outcome outcome = read_msgpack(std::as_bytes(std::span(data, size)), arena);
    require(outcome.kind != Outcome::Kind::pending);
    require(outcome.reason.empty() == (outcome.kind == Outcome::Kind::packet));
    if (outcome.kind == Outcome::Kind::fault) return 0;

    // As text: every packet from a client with this codec can be sent to clients with the other
    // one.
    Encoder text(Codec::json);
    if (text.encode(outcome.packet)) require(base::utf8_is_valid(text.text()));

    Encoder encoder(Codec::msgpack);
    // The packet has bytes in a CONNECT, or bytes below the deepest arrays, which only here count
    // as objects.
    if (!encoder.encode(outcome.packet)) return 0;
    const std::string first(encoder.text());
    Arena other;
    const Outcome again = read_msgpack(base::bytes_of(first), other);
    require(again.kind == Outcome::Kind::packet);
    require(again.packet.type == outcome.packet.type && again.packet.nsp == outcome.packet.nsp);
    require(again.packet.id == outcome.packet.id);
    require(encoder.encode(again.packet) && encoder.text() == first);
    return 0;
}
