// server/cluster/stream_reader.h: reads the entries of streams as they come, on a connection of its
// own, because XREAD waits. After a loss it goes on behind the last entry that it has read.
//
// Owner: ClusterPart. Thread: the loop's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/names.h"
#include "cluster/node_codec.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "redis/client/client.h"
#include "socketio/stream_place.h"

namespace starling::server {

class StreamEvents {
public:
    // The stream ends here now: what comes behind is read. Called again if entries may be missing:
    // the stream was trimmed or emptied while this node was away.
    virtual void on_stream(socketio::StreamPlace place, bool again) = 0;
    // The newest entries that were read, behind `left` and up to `read`, are no longer in the stream, as
    // after a failover to a replica that had not got them. It goes on behind `read`.
    virtual void on_tail_lost(socketio::StreamPlace read, socketio::StreamId left) = 0;
    virtual void on_entry(socketio::StreamPlace place, const cluster::Entry& entry) = 0;
    // All entries were read that were there when the command began that has ended now.
    virtual void on_round() = 0;
    // Redis did not let this node read; it tries again. `error`: "" if the reply has no meaning.
    virtual void on_unread(std::string_view error) = 0;

protected:
    ~StreamEvents() = default;
};

// The fields of an entry as Redis returns it: an id, and a list of names and values. False: it is
// none.
[[nodiscard]] bool read_stream_entry(const redis::Value& value, socketio::StreamId& id,
                                     cluster::Entry& entry);

// The id of the first of a list of entries. Nothing: it has none, or the first one is no entry.
[[nodiscard]] std::optional<socketio::StreamId> first_stream_id(const redis::Value& entries);

class StreamReader final : redis::client::ClientEvents {
public:
    // `options` are those of a client that was made with success.
    StreamReader(net::Loop& loop, net::Resolver& resolver,
                 const redis::client::ClientOptions& options, std::vector<std::string> streams,
                 StreamEvents& events);

    // The number of calls of on_round().
    [[nodiscard]] uint64_t round() const noexcept { return round_; }

private:
    struct Stream {
        std::string name;
        std::string last;      // "": not known yet.
        bool checked = false;  // No entry is missing since the last loss.
    };
    void on_message(const redis::Message&) override {}
    void on_ready() override { next(); }
    void on_bounced(std::string_view error) override;
    void next();
    void find_end(Stream& stream);
    void find_tail(Stream& stream);
    void find_gap(Stream& stream);
    void read();
    void on_answer(const redis::Answer& answer);
    // True: more entries may be there.
    bool on_entries(const redis::Value& name, const redis::Value& entries);
    void again(const redis::Answer& answer);
    [[nodiscard]] socketio::StreamPlace place_of(const Stream& stream) const noexcept;

    net::Loop& loop_;
    std::vector<Stream> streams_;
    StreamEvents& events_;
    bool bounced_ = false;  // What is under way goes to another server than it was meant for.
    bool reading_ = false;  // A command is under way, or waits in the client: one at a time.
    uint64_t round_ = 0;
    redis::client::Timer retry_;
    std::unique_ptr<redis::client::Client> client_;  // Destroyed first: it calls this object.
};

}  // namespace starling::server
