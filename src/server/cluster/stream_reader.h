// server/cluster/stream_reader.h: reads the entries of streams as they come, on a connection of its
// own, because XREAD waits. After a loss it goes on behind the last entry that it has read.
//
// Owner: ClusterPart. Thread: the loop's.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cluster/node_codec.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "redis/client/client.h"

namespace starling::server {

class StreamReader final : redis::client::ClientEvents {
public:
    using OnEntry = std::function<void(const cluster::Entry&)>;
    // `options` are those of a client that was made with success.
    StreamReader(net::Loop& loop, net::Resolver& resolver,
                 const redis::client::ClientOptions& options, std::vector<std::string> streams,
                 OnEntry on_entry);

private:
    struct Stream {
        std::string name;
        std::string last;  // "": not known yet.
    };
    void on_message(const redis::Message&) override {}
    void on_ready() override { next(); }
    void next();
    void find_end(Stream& stream);
    void read();
    void on_answer(const redis::Answer& answer);
    void on_stream(const redis::Value& name, const redis::Value& entries);

    net::Loop& loop_;
    std::vector<Stream> streams_;
    const OnEntry on_entry_;
    bool reading_ = false;  // A command is under way, or waits in the client: one at a time.
    redis::client::Timer retry_;
    std::unique_ptr<redis::client::Client> client_;  // Destroyed first: it calls this object.
};

}  // namespace starling::server
