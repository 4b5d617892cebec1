#include "server/cluster/stream_reader.h"

#include <array>
#include <utility>

namespace starling::server {
namespace {

constexpr std::string_view block_ms = "2000";  // Below reply_timeout_ms of the client.
constexpr std::string_view entries_max = "100";
constexpr uint32_t full = 100;
constexpr uint64_t retry_ms = 200;

}  // namespace

bool read_stream_entry(const redis::Value& value, socketio::StreamId& id, cluster::Entry& entry) {
    entry.clear();
    if (value.size() != 2) return false;
    const auto read = cluster::parse_stream_id(value[0].text());
    if (!read) return false;
    id = *read;
    const redis::Value list = value[1];
    for (auto at = list.begin(); at != list.end(); ++at) {
        std::string field((*at).text());
        if (++at == list.end()) break;
        entry.emplace_back(std::move(field), std::string((*at).text()));
    }
    return true;
}

std::optional<socketio::StreamId> first_stream_id(const redis::Value& entries) {
    if (entries.size() == 0 || entries[0].size() == 0) return std::nullopt;
    return cluster::parse_stream_id(entries[0][0].text());
}

StreamReader::StreamReader(net::Loop& loop, net::Resolver& resolver,
                           const redis::client::ClientOptions& options,
                           std::vector<std::string> streams, StreamEvents& events)
    : loop_(loop), events_(events), retry_(loop) {
    for (auto& name : streams) streams_.push_back({std::move(name), {}});
    auto made = redis::client::Client::make(loop_, resolver, options, *this);
    if (made) client_ = *std::move(made);
}

socketio::StreamPlace StreamReader::place_of(const Stream& stream) const noexcept {
    return {static_cast<uint32_t>(&stream - streams_.data()),
            cluster::parse_stream_id(stream.last).value_or(socketio::StreamId{})};
}

void StreamReader::next() {
    if (!client_ || reading_) return;
    reading_ = true;
    for (Stream& stream : streams_) {
        if (stream.last.empty()) return find_end(stream);
        if (!stream.checked) return find_tail(stream);
    }
    read();
}

void StreamReader::again(const redis::Answer& answer) {
    // A lost connection has a line of its own in the log.
    if (answer.value) events_.on_unread(answer.error);
    for (Stream& stream : streams_) stream.checked = false;
    retry_.after(retry_ms, [this] { next(); });
}

// XREAD from "$" would lose what comes between two calls.
void StreamReader::find_end(Stream& stream) {
    const std::array<std::string_view, 6> words{"XREVRANGE", stream.name, "+", "-", "COUNT", "1"};
    client_->command(
        words,
        [this, &stream](const redis::Answer& answer) {
            reading_ = false;
            if (!answer.error.empty()) return again(answer);
            const bool empty = answer.value->size() == 0;
            const auto last = empty ? socketio::StreamId{} : first_stream_id(*answer.value);
            if (!last) return again(answer);  // Such a reply has no meaning.
            stream.last = cluster::to_text(*last);
            stream.checked = true;
            events_.on_stream(place_of(stream), false);
            next();
        },
        stream.name);
}

// The entry that this node has read last is still there, unless the stream has lost its newest entries or was
// trimmed.
void StreamReader::find_tail(Stream& stream) {
    const std::array<std::string_view, 6> words{"XREVRANGE", stream.name, stream.last,
                                                "-",         "COUNT",     "1"};
    client_->command(
        words,
        [this, &stream](const redis::Answer& answer) {
            if (answer.error.empty() && answer.value->size() == 0) return find_gap(stream);
            reading_ = false;
            const auto found = answer.error.empty() ? first_stream_id(*answer.value) : std::nullopt;
            if (!found) return again(answer);
            stream.checked = true;
            if (*found < place_of(stream).id) events_.on_tail_lost(place_of(stream), *found);
            next();
        },
        stream.name);
}

// Where the stream begins behind what this node has read last, other entries may have been there.
void StreamReader::find_gap(Stream& stream) {
    const std::array<std::string_view, 6> words{"XRANGE", stream.name, "-", "+", "COUNT", "1"};
    client_->command(
        words,
        [this, &stream](const redis::Answer& answer) {
            reading_ = false;
            if (!answer.error.empty()) return again(answer);
            socketio::StreamPlace place = place_of(stream);
            const bool empty = answer.value->size() == 0;
            const auto first = empty ? cluster::next(place.id) : first_stream_id(*answer.value);
            if (!empty && !first) return again(answer);
            stream.checked = true;
            if (first && place.id < *first && stream.last != "0-0") {
                place.id = empty ? *first : cluster::previous(*first).value_or(*first);
                events_.on_stream(place, true);
            }
            next();
        },
        stream.name);
}

void StreamReader::read() {
    std::vector<std::string_view> words{"XREAD", "BLOCK",     block_ms,
                                        "COUNT", entries_max, "STREAMS"};
    for (const Stream& stream : streams_) words.push_back(stream.name);
    for (const Stream& stream : streams_) words.push_back(stream.last);
    client_->command(
        words, [this](const redis::Answer& answer) { on_answer(answer); }, streams_.front().name);
}

// Another server has the stream now, which may lack entries.
void StreamReader::on_bounced(std::string_view) {
    bounced_ = true;
    for (Stream& stream : streams_) stream.checked = false;
}

void StreamReader::on_answer(const redis::Answer& answer) {
    reading_ = false;
    if (!answer.error.empty()) return again(answer);
    if (std::exchange(bounced_, false))
        return next();  // Read once more, when the streams are checked.
    // RESP3: a map of name and entries. RESP2: an array of arrays of two.
    const redis::Value& value = *answer.value;
    bool more = false;
    if (value.kind() == redis::Kind::map) {
        for (auto at = value.begin(); at != value.end(); ++at) {
            const redis::Value name = *at;
            ++at;
            more |= on_entries(name, *at);
        }
    } else {
        for (const redis::Value pair : value)
            if (pair.size() == 2) more |= on_entries(pair[0], pair[1]);
    }
    if (!more) {
        ++round_;
        events_.on_round();
    }
    next();
}

bool StreamReader::on_entries(const redis::Value& name, const redis::Value& entries) {
    for (Stream& stream : streams_) {
        if (stream.name != name.text()) continue;
        cluster::Entry entry;
        for (const redis::Value value : entries) {
            socketio::StreamId id;
            if (!read_stream_entry(value, id, entry)) continue;
            stream.last = value[0].text();
            events_.on_entry({place_of(stream).stream, id}, entry);
        }
    }
    return entries.size() >= full;
}

}  // namespace starling::server
