// load/events.h: the scenario events: all connections listen to Server-Sent Events (WHATWG HTML
// section 9.2). With a publisher, a WebSocket, their delays are measured as those of a fan-out; without
// one, the events that arrive are counted.
//
// Owner: the LoadTest. Thread: the worker's.
#pragma once

#include <memory>
#include <string>

#include "http/response_reader.h"
#include "load/fanout.h"
#include "load/measure/event_lines.h"

namespace starling::load {

class Events final : public Fanout {
public:
    Events(const Plan& plan, const Places& places, Shared& shared, Published& published,
           uint32_t number);
    void on_bytes(Link& link, std::span<std::byte> bytes) override;

private:
    struct Listener : Peer {
        Listener();
        http::ResponseReader reader;
        EventLines lines;
    };

    std::unique_ptr<Link> make_link() override { return std::make_unique<Listener>(); }
    void ready(Link& link) override;
    void lost(Link& link) override;
    void read(Listener& listener, std::span<const std::byte> bytes);
    // False: the answer is not a stream of events.
    bool begin_stream(Listener& listener);
    // False: the link has failed.
    bool arrived(Listener& listener, std::string_view data);

    const std::string request_;
};

}  // namespace starling::load
