// load/connect.h: the scenarios connect and idle.
//
// connect: a number of connections at a time; each connects, upgrades, and ends when it has the
//          answer. Then the next one takes its place. A latency is the time from connect() to the
//          whole answer.
// idle:    connections stay open; their pings are answered.
//
// Owner: the LoadTest. Thread: the worker's.
#pragma once

#include <memory>

#include "load/measure/frame_reader.h"
#include "load/worker.h"

namespace starling::load {

class Connect final : public Worker {
public:
    using Worker::Worker;
    void on_bytes(Link&, std::string_view) override {}

private:
    std::unique_ptr<Link> make_link() override { return std::make_unique<Link>(); }
    [[nodiscard]] bool opens_first() const noexcept override { return false; }
    // Each link is ended and opened again here, so it never becomes ready.
    void ready(Link& link) override;
    [[nodiscard]] bool is_ready(const Link& /*link*/) const override { return false; }
    void lost(Link& link) override;
    void begin(uint64_t now) override;
    Pause rest() override;
    [[nodiscard]] uint64_t outstanding() const override { return opening(); }
    void give_up() override { note({Fault::Kind::timeout}, opening()); }

    bool opening_ = true;
};

class Idle final : public Worker {
public:
    using Worker::Worker;
    void on_bytes(Link& link, std::string_view bytes) override;

private:
    struct Peer : Link {
        FrameReader frames;
    };

    std::unique_ptr<Link> make_link() override { return std::make_unique<Peer>(); }
    void finish(Outcome& outcome) override { outcome.count = open_links(); }
};

}  // namespace starling::load
