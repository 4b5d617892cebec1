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
    void on_bytes(Link& link, std::string_view bytes) override;

private:
    struct Listener : Peer {
        Listener();
        http::ResponseReader reader;
        EventLines lines;
        bool listens = false;
    };

    std::unique_ptr<Link> make_link() override { return std::make_unique<Listener>(); }
    void ready(Link& link) override;
    void lost(Link& link) override;
    [[nodiscard]] bool is_ready(const Link& link) const override;
    void read(Listener& listener, std::string_view bytes);
    // False: the answer is not a stream of events.
    bool begin_stream(Listener& listener);
    void arrived(Listener& listener, std::string_view data);

    const std::string request_;
};

}  // namespace starling::load
