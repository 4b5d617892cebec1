// load/fanout.h: the scenarios fanout and socketio-fanout: one connection publishes, all others
// receive. Each message carries its time; each delivery is counted, and its delay is recorded.
//
// `rate` publications are due in a second. The time in a message is the moment at which it was due.
// With a `depth`, the publisher sends the next message only if at most that many are on the way to
// the connections; its pace is then that of the deliveries, and the time is that of the send.
//
// Owner: the LoadTest. Thread: the worker's; thread 0 has the publisher.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "load/conversation.h"
#include "load/measure/publication.h"
#include "load/measure/schedule.h"

namespace starling::load {

// Shared by the threads of a fan-out.
struct Published {
    std::atomic<uint64_t> count{0};
    std::atomic<bool> done{true};  // The publisher sends nothing more, or there is none.
};

class Fanout : public Conversation {
public:
    Fanout(const Plan& plan, const Places& places, Shared& shared, Published& published,
           uint32_t number);

protected:
    struct Peer : Talker {
        PublicationFinder finder;
    };

    std::unique_ptr<Link> make_link() override { return std::make_unique<Peer>(); }
    // A whole message, or the text of an event. False: the link has failed.
    bool delivered(Peer& peer, std::string_view message);
    void lost(Link& link) override;

private:
    static constexpr size_t unsent_bytes_max = 1 << 20;  // Beyond it, the publisher falls behind.

    void open_more() final;
    void begin(uint64_t now) final;
    Pause turn(uint64_t now) final;
    void last_turn(uint64_t end) final;
    Pause rest() final;
    void publish(uint64_t now);
    [[nodiscard]] uint64_t outstanding() const final;
    void finish(Outcome& outcome) final;
    [[nodiscard]] bool publishes() const noexcept;
    [[nodiscard]] bool window_open() const noexcept;
    [[nodiscard]] uint64_t missing() const noexcept;
    [[nodiscard]] uint64_t delivered_everywhere() const noexcept;
    bool message(Talker& talker, std::string_view text, bool binary) final;

    Published& published_;
    const std::string before_, after_;  // Around the publication in a message.
    Publication publication_;
    Schedule schedule_;
    Target publisher_target_;
    Peer publisher_;
    std::string frames_;  // Made within a turn.
    uint64_t other_messages_ = 0;
    uint64_t last_ns_ = 0;      // When the last delivery arrived.
    uint32_t subscribers_ = 0;  // Of this thread, at the begin.
};

}  // namespace starling::load
