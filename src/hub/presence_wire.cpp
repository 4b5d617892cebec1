#include "hub/presence_wire.h"

#include <utility>

#include "base/json_scan.h"
#include "base/utf8.h"

namespace starling::hub {
namespace {

using Kind = PresenceMessage::Kind;

void put(std::string& to, uint64_t number) {
    for (; number >= 128; number >>= 7) to += static_cast<char>(number % 128 + 128);
    to += static_cast<char>(number);
}

void put(std::string& to, std::string_view text) {
    put(to, text.size());
    to += text;
}

// Reads from the front. After the first fault everything is empty, and `good` is false.
struct Reader {
    std::string_view left;
    bool good = true;

    uint64_t number() {
        uint64_t value = 0;
        for (unsigned shift = 0; good && shift < 63; shift += 7) {
            if (left.empty()) break;
            const auto byte = static_cast<unsigned char>(left.front());
            left.remove_prefix(1);
            value |= uint64_t{byte & 127U} << shift;
            if (byte < 128) return value;
        }
        good = false;
        return 0;
    }
    std::string text(size_t bytes_max) {
        const uint64_t size = number();
        if (size > left.size() || size > bytes_max) good = false;
        if (!good) return {};
        const std::string_view text = left.substr(0, size);
        left.remove_prefix(size);
        good = base::utf8_is_valid(text);
        return std::string(text);
    }
    std::string channel() {
        std::string name = text(PresenceMessage::channel_bytes_max);
        good = good && !name.empty();
        return name;
    }
    PresenceClaim claim() {
        constexpr size_t max = PresenceMessage::text_bytes_max;
        PresenceClaim claim{.key = text(max), .member = {}};
        claim.member.client = text(max);
        claim.member.user = text(max);
        claim.member.info = text(max);
        claim.connections = number();
        good = good && claim.key.size() > 1 && claim.connections <= UINT32_MAX &&
               (claim.member.info.empty() || base::scan_json(claim.member.info));
        if (claim.connections > 0) return claim;
        const uint64_t upper = number(), lower = number();
        good = good && upper <= UINT32_MAX && lower <= UINT32_MAX;
        claim.heir = upper << 32 | lower;
        return claim;
    }
    PresenceTable table() {
        PresenceTable table{.channel = channel()};
        table.before = number();
        table.version = number();
        const uint64_t claims = number();
        good = good && claims <= PresenceMessage::claims_max;
        for (uint64_t i = 0; good && i < claims; ++i) table.claims.push_back(claim());
        good = good && table.before < table.version;
        return table;
    }
};

}  // namespace

std::string encode(const PresenceMessage& message) {
    std::string bytes(1, static_cast<char>(message.kind));
    for (const auto& table : message.tables) {
        put(bytes, table.channel);
        put(bytes, table.before);
        put(bytes, table.version);
        put(bytes, table.claims.size());
        for (const auto& claim : table.claims) {
            put(bytes, claim.key);
            put(bytes, claim.member.client);
            put(bytes, claim.member.user);
            put(bytes, claim.member.info);
            put(bytes, claim.connections);
            if (claim.connections > 0) continue;
            put(bytes, claim.heir >> 32);
            put(bytes, claim.heir & UINT32_MAX);
        }
    }
    for (const auto& digest : message.digests) {
        put(bytes, digest.channel);
        put(bytes, digest.version);
    }
    for (const auto& channel : message.channels) put(bytes, channel);
    return bytes;
}

std::optional<PresenceMessage> decode_presence(std::string_view bytes) {
    if (bytes.empty()) return std::nullopt;
    PresenceMessage message{.kind = static_cast<Kind>(bytes.front())};
    Reader reader{bytes.substr(1)};
    for (size_t parts = 0; reader.good && !reader.left.empty(); ++parts) {
        reader.good = parts < PresenceMessage::parts_max;
        switch (message.kind) {
            case Kind::tables:
            case Kind::confirm: message.tables.push_back(reader.table()); break;
            case Kind::digests:
            case Kind::all: {
                std::string channel = reader.channel();
                message.digests.push_back({std::move(channel), reader.number()});
                break;
            }
            case Kind::want: message.channels.push_back(reader.channel()); break;
            case Kind::hello:
            default: return std::nullopt;
        }
    }
    const bool known = message.kind == Kind::tables || message.kind == Kind::confirm ||
                       message.kind == Kind::digests || message.kind == Kind::all ||
                       message.kind == Kind::want || message.kind == Kind::hello;
    if (!reader.good || !known) return std::nullopt;
    return message;
}

}  // namespace starling::hub
