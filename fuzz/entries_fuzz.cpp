// Fuzzes what XREAD and XRANGE return: entries of the stream, which are read as messages of nodes.
// A message that was read keeps its kind and its sender when it is written and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "cluster/names.h"
#include "cluster/node_codec.h"
#include "redis/reader.h"
#include "server/cluster/stream_reader.h"

namespace {

using namespace starling;
using namespace starling::cluster;

void require(bool condition) {
    if (!condition) std::abort();
}

void message(const Entry& entry, Arena& arena, Arena& other) {
    const cluster::Limits limits;
    const auto read = read_entry(entry, limits, arena);
    Entry written;
    // Older forms are only read, and some values are too deep to be written.
    if (!read || !read->sid.empty() || !write_entry(*read, written)) return;
    const auto again = read_entry(written, limits, other);
    // Each room that looks like a number is written twice, so long lists exceed the limit.
    require(again ? again->kind == read->kind && again->uid == read->uid && again->nsp == read->nsp
                  : again.error() == Refusal::too_large);
}

// A list of entries, as in the reply of XRANGE.
void entries(const redis::Value& list, Arena& arena, Arena& other) {
    const auto first = server::first_stream_id(list);
    Entry entry;
    bool is_first = true;
    for (const redis::Value value : list) {
        socketio::StreamId id;
        const bool is_entry = server::read_stream_entry(value, id, entry);
        if (is_entry) {
            require(parse_stream_id(to_text(id)) == id);
            message(entry, arena, other);
        }
        if (is_first && is_entry) require(first == id);
        is_first = false;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static Arena arena(decode_limits(1));
    static Arena other(decode_limits(2));
    redis::Reader reader(
        {.bulk_bytes_max = 65536, .reply_bytes_max = 262144, .line_bytes_max = 4096});
    auto input = std::as_bytes(std::span(data, size));
    while (reader.next(input) == redis::Reader::Step::reply) {
        const redis::Value reply = reader.reply();
        entries(reply, arena, other);
        // XREAD: a list of name and entries, flat or in pairs.
        for (const redis::Value part : reply) {
            entries(part, arena, other);
            if (part.size() == 2) entries(part[1], arena, other);
        }
    }
    return 0;
}
