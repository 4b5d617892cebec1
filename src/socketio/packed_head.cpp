#include "socketio/packed_head.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace starling::socketio {
namespace {

// A request's head has no control characters but line ends and tabs: the others stand for pieces. A
// head that has them all the same is kept with this character before each of them.
constexpr char literal = 0x01;
constexpr std::string_view codes =
    "\x02\x03\x04\x05\x06\x07\x08\x0b\x0c\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b"
    "\x1c\x1d\x1e\x1f\x7f";

// Pieces with the same beginning: the longer one first. Only the process that packed a head unpacks
// it, so the list may change.
constexpr std::array<std::string_view, codes.size()> pieces = {
    "/socket.io/?EIO=4&transport=websocket",
    "/socket.io/?EIO=4&transport=polling",
    "/socket.io/?EIO=",
    "&t=",
    "\nhost: ",
    "localhost",
    "\nuser-agent: Mozilla/5.0 (",
    "\nuser-agent: ",
    "Windows NT 10.0; Win64; x64",
    "Macintosh; Intel Mac OS X 10_15_7",
    "X11; Linux x86_64",
    ") AppleWebKit/537.36 (KHTML, like Gecko) Chrome/",
    ".0.0.0 Safari/537.36",
    "\norigin: https://",
    "\norigin: http://",
    "\naccept: */*",
    "\naccept-encoding: gzip, deflate",
    ", br, zstd",
    "\naccept-language: ",
    "en-US,en;q=0.9",
    "\ncookie: ",
    "\npragma: no-cache",
    "\ncache-control: no-cache",
    "\nreferer: ",
    "\nx-forwarded-for: ",
    "\nx-forwarded-proto: https",
    "\nsec-fetch-site: same-origin\nsec-fetch-mode: ",
    "\nsec-fetch-dest: ",
};

constexpr size_t index_of(char c) { return static_cast<unsigned char>(c); }

// For each character, the pieces that begin with it, as bits.
constexpr auto pieces_by_first = [] {
    static_assert(pieces.size() <= 32);
    std::array<uint32_t, 256> table{};
    for (size_t i = 0; i < pieces.size(); ++i)
        table[index_of(pieces[i].front())] |= uint32_t{1} << i;
    return table;
}();

constexpr uint8_t no_piece = 255;
constexpr auto piece_of_code = [] {
    std::array<uint8_t, 256> table{};
    table.fill(no_piece);
    for (size_t i = 0; i < codes.size(); ++i) table[index_of(codes[i])] = static_cast<uint8_t>(i);
    return table;
}();

// The first piece with which `text` begins; no_piece: none.
size_t piece_at(std::string_view text) {
    for (uint32_t left = pieces_by_first[index_of(text.front())]; left != 0; left &= left - 1) {
        const auto i = static_cast<size_t>(std::countr_zero(left));
        if (text.starts_with(pieces[i])) return i;
    }
    return no_piece;
}

}  // namespace

std::string pack_head(std::string_view text) {
    std::string packed;
    packed.reserve(text.size());
    while (!text.empty()) {
        const size_t piece = piece_at(text);
        if (piece != no_piece) {
            packed += codes[piece];
            text.remove_prefix(pieces[piece].size());
            continue;
        }
        const char c = text.front();
        if (c == literal || piece_of_code[index_of(c)] != no_piece) packed += literal;
        packed += c;
        text.remove_prefix(1);
    }
    return packed;
}

std::string unpack_head(std::string_view packed) {
    std::string text;
    for (size_t i = 0; i < packed.size(); ++i) {
        const uint8_t piece = piece_of_code[index_of(packed[i])];
        if (piece != no_piece)
            text += pieces[piece];
        else if (packed[i] == literal && i + 1 < packed.size())
            text += packed[++i];
        else
            text += packed[i];
    }
    return text;
}

}  // namespace starling::socketio
