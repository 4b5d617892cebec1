#include "server/cluster/stream_reader.h"

#include <array>
#include <utility>

namespace starling::server {
namespace {

constexpr std::string_view block_ms = "2000";  // Below reply_timeout_ms of the client.
constexpr std::string_view entries_max = "100";
constexpr uint64_t retry_ms = 200;

}  // namespace

StreamReader::StreamReader(net::Loop& loop, net::Resolver& resolver,
                           const redis::client::ClientOptions& options,
                           std::vector<std::string> streams, OnEntry on_entry)
    : loop_(loop), on_entry_(std::move(on_entry)), retry_(loop) {
    for (auto& name : streams) streams_.push_back({std::move(name), {}});
    auto made = redis::client::Client::make(loop_, resolver, options, *this);
    if (made) client_ = *std::move(made);
}

void StreamReader::next() {
    if (!client_ || reading_) return;
    reading_ = true;
    for (Stream& stream : streams_)
        if (stream.last.empty()) return find_end(stream);
    read();
}

// XREAD from "$" would lose what comes between two calls.
void StreamReader::find_end(Stream& stream) {
    const std::array<std::string_view, 6> words{"XREVRANGE", stream.name, "+", "-", "COUNT", "1"};
    client_->command(
        words,
        [this, &stream](const redis::Answer& answer) {
            reading_ = false;
            if (!answer.error.empty()) return retry_.after(retry_ms, [this] { next(); });
            const bool empty = answer.value->size() == 0;
            stream.last = empty ? "0-0" : std::string((*answer.value)[0][0].text());
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

void StreamReader::on_answer(const redis::Answer& answer) {
    reading_ = false;
    if (!answer.error.empty()) return retry_.after(retry_ms, [this] { next(); });
    // RESP3: a map of name and entries. RESP2: an array of arrays of two.
    const redis::Value& value = *answer.value;
    if (value.kind() == redis::Kind::map) {
        for (auto at = value.begin(); at != value.end(); ++at) {
            const redis::Value name = *at;
            ++at;
            on_stream(name, *at);
        }
    } else {
        for (const redis::Value pair : value)
            if (pair.size() == 2) on_stream(pair[0], pair[1]);
    }
    next();
}

void StreamReader::on_stream(const redis::Value& name, const redis::Value& entries) {
    for (Stream& stream : streams_) {
        if (stream.name != name.text()) continue;
        for (const redis::Value entry : entries) {
            if (entry.size() != 2) continue;
            stream.last = entry[0].text();
            cluster::Entry fields;
            const redis::Value list = entry[1];
            for (auto at = list.begin(); at != list.end(); ++at) {
                std::string field((*at).text());
                if (++at == list.end()) break;
                fields.emplace_back(std::move(field), std::string((*at).text()));
            }
            on_entry_(fields);
        }
    }
}

}  // namespace starling::server
