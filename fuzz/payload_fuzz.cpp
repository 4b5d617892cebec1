// Fuzzes what a client posts to Engine.IO. The first byte chooses: a body of revision 4, of
// revision 3 as text or binary, or of JSONP; packets that are written and read back; a session id.
// Decoded packets must fulfil their contract, and the reader must read from the writer the same
// packets.
#include <simdjson.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "engineio/ids.h"
#include "engineio/payload.h"
#include "engineio/utf16.h"

namespace {

using namespace starling::engineio;
using Step = PayloadReader::Step;

void require(bool condition) {
    if (!condition) std::abort();
}

bool is_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

struct Owned {
    Type type;
    bool binary;
    std::string data;

    Packet packet() const { return {type, binary, data}; }
    friend bool operator==(const Owned&, const Owned&) = default;
};

std::vector<Owned> read(std::string_view body, Revision revision, PayloadKind kind, Fault& fault) {
    PayloadReader reader(body, revision, kind);
    std::vector<Owned> packets;
    while (reader.next() == Step::packet) {
        const Packet& packet = reader.packet();
        require(packet.type <= Type::noop);
        require(packet.binary ? packet.type == Type::message : is_utf8(packet.data));
        packets.push_back({packet.type, packet.binary, std::string(packet.data)});
        require(packets.size() <= packets_max);
        require(packet.data.size() <= body.size());
    }
    require((reader.next() == Step::end) == (reader.fault() == Fault::none));
    fault = reader.fault();
    return packets;
}

// What the other side reads from a packet written as EIO3 text.
Owned as_read3(const Owned& packet, PayloadKind kind) {
    Owned out = packet;
    if (packet.binary) return out;
    if (packet.type == Type::message) {
        out.data.clear();
        append_ascii_json(out.data, packet.data);
    }
    std::string once;
    if (kind == PayloadKind::text && decode_utf8_twice(out.data, once)) out.data = once;
    return out;
}

void round_trip(const std::vector<Owned>& packets, Revision revision, bool supports_binary) {
    if (packets.empty()) return;
    PayloadWriter writer(revision, supports_binary, SIZE_MAX);
    for (const Owned& packet : packets) require(writer.append(packet.packet()));
    const PayloadKind kind = writer.kind();
    std::vector<Owned> expected = packets;
    if (revision == Revision::eio3)
        for (Owned& packet : expected) packet = as_read3(packet, kind);
    Fault fault = Fault::none;
    const std::string body = writer.take();
    require(read(body, revision, kind, fault) == expected);
    require(fault == Fault::none);

    const std::string script = jsonp_reply("7", body);
    require(script.starts_with("___eio[7](\"") && script.ends_with("\");"));
    for (const char c : script) require(static_cast<unsigned char>(c) >= 0x20);
}

void as_body(std::string_view body, Revision revision, PayloadKind kind) {
    Fault fault = Fault::none;
    const auto packets = read(body, revision, kind, fault);
    round_trip(packets, revision, true);
    round_trip(packets, revision, false);
}

// Each line is a packet: a byte for type and kind, then data.
void as_packets(std::string_view text) {
    std::vector<Owned> packets;
    while (!text.empty() && packets.size() < packets_max) {
        const size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
        if (line.empty()) continue;
        const auto first = static_cast<unsigned char>(line.front());
        const bool binary = (first & 8) != 0;
        const auto type = binary ? Type::message : static_cast<Type>(first % 7);
        packets.push_back({type, binary, std::string(line.substr(1))});
        if (!binary && !is_utf8(line.substr(1))) packets.pop_back();
    }
    round_trip(packets, Revision::eio3, true);
    round_trip(packets, Revision::eio3, false);
    for (const Owned& packet : packets)
        if (!packet.binary && packet.data.find('\x1e') != packet.data.npos) return;
    round_trip(packets, Revision::eio4, true);
}

void as_frame(std::string_view bytes) {
    std::string scratch;
    for (const auto revision : {Revision::eio3, Revision::eio4}) {
        const Decoded text = decode_text(bytes, revision, scratch);
        const Decoded binary = decode_binary(bytes, revision);
        if (binary.fault == Fault::none) {
            const Frame frame = frame_of(binary.packet, revision);
            require(frame.binary && std::string(frame.head) + std::string(frame.data) == bytes);
        }
        if (text.fault != Fault::none || text.packet.binary) continue;
        const Frame frame = frame_of(text.packet, revision);
        require(!frame.binary && std::string(frame.head) + std::string(frame.data) == bytes);
    }
}

void as_sid(std::string_view text) {
    const auto parts = parse_sid(text);
    if (!parts) return;
    require(parts->worker < sid_workers_max && parts->slot < sid_slots_max);
    Sid sid(parts->worker, parts->slot, parts->secret);
    require(sid.view() == parts->local && text.starts_with(parts->local));
    if (parts->masked_node) sid.add_node(*parts->masked_node, 0);
    require(sid.view() == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 7) {
        case 0: as_body(text, Revision::eio4, PayloadKind::text); break;
        case 1: as_body(text, Revision::eio3, PayloadKind::text); break;
        case 2: as_body(text, Revision::eio3, PayloadKind::binary); break;
        case 3: as_body(jsonp_payload(text), Revision::eio3, PayloadKind::text); break;
        case 4: as_packets(text); break;
        case 5: as_frame(text); break;
        default: as_sid(text); break;
    }
    return 0;
}
