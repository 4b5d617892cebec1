// Fuzzes socketio::read_msgpack. What is read is written and read again: the second text is that of
// the first, so nothing changed. Memory follows the bytes: a short input never takes long.
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

    // As text: whatever a client of this codec sends can be told to those of the other one.
    Encoder text(Codec::json);
    if (text.encode(outcome.packet)) require(base::utf8_is_valid(text.text()));

    Encoder encoder(Codec::msgpack);
    // Bytes in a CONNECT, or bytes below the deepest arrays, which are objects only here.
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
