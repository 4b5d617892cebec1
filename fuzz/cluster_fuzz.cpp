// Fuzzes the readers of messages between nodes. The first byte chooses the reader. A message that
// was read is written and read again, and must have the same parts.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cluster/classic_codec.h"
#include "cluster/node_codec.h"

namespace {

using namespace starling;
using namespace starling::cluster;

void require(bool condition) {
    if (!condition) std::abort();
}

enum class Reader : uint8_t { emit, request, response, node, entry, session };

// An entry's fields are divided by newlines: uid, nsp, type, data.
Decoded read_as_entry(std::string_view body, const cluster::Limits& limits, Arena& arena) {
    Entry entry;
    for (const char* name : {"uid", "nsp", "type", "data"}) {
        const size_t end = std::string_view(name) == "data" ? body.size() : body.find('\n');
        entry.emplace_back(name, body.substr(0, end));
        body.remove_prefix(end < body.size() ? end + 1 : body.size());
    }
    return read_entry(entry, limits, arena);
}

Decoded read(Reader reader, std::string_view body, Arena& arena) {
    const cluster::Limits limits;
    switch (reader) {
        case Reader::emit: return read_classic_emit(body, limits, arena);
        case Reader::request: return read_classic_request(body, "/", limits, arena);
        case Reader::response: return read_classic_response(body, "/", limits, arena);
        case Reader::entry: return read_as_entry(body, limits, arena);
        default: return read_node_message(body, limits, arena);
    }
}

// False: the message cannot be written, because it is too deep.
bool write(Reader reader, const Message& message, std::string& out) {
    if (reader == Reader::node) return write_node_message(message, out);
    if (reader != Reader::entry) return write_classic(message, out);
    Entry entry;
    if (!write_entry(message, entry)) return false;
    out.clear();
    for (const auto& [name, value] : entry) out.append(value).append(name == "data" ? "" : "\n");
    return true;
}

// `other` is `one` written and read. JSON has one kind of number, and no number that is not finite; nothing
// is written as {}, see write_sockets().
bool is_like(const Json& one, const Json& other) {
    if (one.is_null()) return other.is_object();
    return one.is_array() == other.is_array() && one.is_object() == other.is_object() &&
           one.is_string() == other.is_string() && one.is_bool() == other.is_bool();
}

// Sockets are read field by field while the message is parsed; a Json has no part in it.
void require_same_sockets(const Message& message, const Message& again) {
    require(again.sockets.size() == message.sockets.size());
    for (size_t i = 0; i < message.sockets.size(); ++i) {
        const RemoteSocket& one = message.sockets[i];
        const RemoteSocket& other = again.sockets[i];
        require(other.id == one.id && other.rooms == one.rooms);
        const sio::Handshake& handshake = one.handshake;
        require(other.handshake.url == handshake.url && other.handshake.user == handshake.user);
        require(other.handshake.address == handshake.address);
        require(other.handshake.headers.size() == handshake.headers.size());
        require(other.handshake.query.size() == handshake.query.size());
        require(other.handshake.xdomain == handshake.xdomain);
        require(other.handshake.secure == handshake.secure);
        require(other.handshake.issued_ms == handshake.issued_ms);
        require(is_like(one.data, other.data));
        require(is_like(handshake.auth, other.handshake.auth));
    }
}

// The same sockets come out of MessagePack as out of JSON.
void in_msgpack(const Message& message, Arena& arena) {
    std::string body;
    if (!write_node_message(message, Format::msgpack, body)) return;
    const auto again = read_node_message(body, cluster::Limits{}, arena);
    require(again || again.error() == Refusal::too_large);
    if (again) require_same_sockets(message, *again);
}

void session(std::string_view body, Arena& arena) {
    const auto session = read_session(body, cluster::Limits{}, arena);
    std::string first;
    if (!session || !write_session(*session, first)) return;
    Arena other(decode_limits(2));
    const auto again = read_session(first, cluster::Limits{}, other);
    std::string second;
    require(again && write_session(*again, second) && first == second);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static Arena arena(decode_limits(1));
    static Arena other(decode_limits(2));
    if (size == 0) return 0;
    const auto reader = static_cast<Reader>(data[0] % 6);
    const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (reader == Reader::session) {
        session(body, arena);
        return 0;
    }
    const auto message = read(reader, body, arena);
    if (!message) return 0;
    // Older forms are only read.
    if (!message->sid.empty()) return 0;
    std::string first;
    if (!write(reader, *message, first)) return 0;
    const auto again = read(reader, first, other);
    // Each room that looks like a number is written twice, so long lists exceed the limit.
    if (!again) {
        require(again.error() == Refusal::too_large);
        return 0;
    }
    require(again->kind == message->kind && again->uid == message->uid);
    require(again->nsp == message->nsp && again->request_id == message->request_id);
    require(again->rooms == message->rooms && again->clients == message->clients);
    require_same_sockets(*message, *again);
    if (reader == Reader::node && message->kind == Kind::fetched) in_msgpack(*message, other);
    return 0;
}
