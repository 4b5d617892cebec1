// hub/presence_wire.h: what nodes say to each other about presence, as bytes.
//
//     message  = kind, then to its end: table... (T, and C: a question, whose answer is C without any)
//                | digest... (D, and A: all that the node holds) | channel... (W: their tables are
//                wanted) | nothing (H: the digests are wanted)
//     table    = channel, number `before`, number `version`, number of claims, claim...
//     claim    = key, client, user, info (texts), number of connections; if that is 0, the upper
//                and the lower half of the heir
//     digest   = channel, number `version`
//
// A text is a number of bytes and these; a number has 7 bits in each byte, the lowest first. The kind is
// its letter. A message that is not so, or has a text that is not UTF-8 or too long, an `info` that is no
// JSON, or a table of more than claims_max, has no meaning.
//
// Pure functions. Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/presence.h"

namespace starling::hub {

// The claims of a node about the members of a channel. `before` 0: all of them. Otherwise those that
// changed since the version `before`.
struct PresenceTable {
    std::string channel;
    uint64_t before = 0, version = 0;
    std::vector<PresenceClaim> claims = {};
};
struct PresenceDigest {
    std::string channel;
    uint64_t version = 0;
};

struct PresenceMessage {
    enum class Kind : char {
        tables = 'T',
        confirm = 'C',
        digests = 'D',
        all = 'A',
        want = 'W',
        hello = 'H'
    };
    Kind kind = Kind::hello;
    std::vector<PresenceTable> tables = {};
    std::vector<PresenceDigest> digests = {};
    std::vector<std::string> channels = {};

    static constexpr size_t channel_bytes_max = 255, text_bytes_max = 64 * 1024;
    static constexpr size_t parts_max = 1024;     // Tables, digests or channels of a message.
    static constexpr size_t claims_max = 65'536;  // Of a table.
};

[[nodiscard]] std::string encode(const PresenceMessage& message);
[[nodiscard]] std::optional<PresenceMessage> decode_presence(std::string_view bytes);

}  // namespace starling::hub
