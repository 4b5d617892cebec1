// ws/unconfirmed.h: the messages that a client has sent and whose arrival nothing has proved yet.
//
// A ping with a number follows the messages. Its pong proves that the peer has received them, because
// frames keep their order (RFC 6455 section 5.4) and a pong answers a ping in its place (section 5.5.3). A
// peer may answer only the newest of several pings: a pong proves what every earlier ping asked for, too.
//
// Owner: the client. Thread: its loop's.
#pragma once

#include <cstdint>
#include <deque>
#include <string_view>
#include <vector>

namespace starling::ws {

// `Message`: has the members `data`, a string, and `binary`.
template <class Message>
class Unconfirmed {
public:
    explicit Unconfirmed(uint64_t bytes_max) noexcept : bytes_max_(bytes_max) {}

    void sent(std::string_view data, bool binary) {
        if (bytes_max_ == 0 || data.size() > bytes_max_) {
            while (!kept_.empty()) forget_oldest();
            ++forgotten_;
            forgotten_asked_by_ = next_ping_;
            return;
        }
        while (!kept_.empty() && bytes_ + data.size() > bytes_max_) forget_oldest();
        Kept kept{{}, next_ping_};
        kept.message.data = data;
        kept.message.binary = binary;
        kept_.push_back(std::move(kept));
        bytes_ += data.size();
    }
    // The number of the ping that is sent now.
    [[nodiscard]] uint64_t ask() noexcept { return next_ping_++; }
    // The pong of this ping has come.
    void confirmed(uint64_t ping) {
        if (ping >= next_ping_) return;
        if (forgotten_asked_by_ <= ping) forgotten_ = 0;
        while (!kept_.empty() && kept_.front().asked_by <= ping) pop();
    }
    void confirmed_all() noexcept {
        kept_.clear();
        bytes_ = forgotten_ = 0;
    }
    [[nodiscard]] uint64_t count() const noexcept { return forgotten_ + kept_.size(); }

    // The connection is gone: gives all messages away, oldest first. Calls `never_sent` for those of which
    // some of the last `queued_bytes` bytes of payload are part, because they never left this process.
    template <class NeverSent>
    [[nodiscard]] std::vector<Message> take(uint64_t queued_bytes, NeverSent&& never_sent) {
        std::vector<Message> all;
        all.reserve(kept_.size());
        for (Kept& kept : kept_) all.push_back(std::move(kept.message));
        for (size_t i = all.size(); i-- > 0 && queued_bytes > 0;) {
            const uint64_t bytes = all[i].data.size();
            never_sent(all[i]);
            queued_bytes -= bytes < queued_bytes ? bytes : queued_bytes;
        }
        confirmed_all();
        return all;
    }
    [[nodiscard]] uint64_t not_kept() const noexcept { return forgotten_; }

private:
    struct Kept {
        Message message;
        uint64_t asked_by;  // The first ping after the message.
    };

    void pop() {
        bytes_ -= kept_.front().message.data.size();
        kept_.pop_front();
    }
    void forget_oldest() {
        ++forgotten_;
        forgotten_asked_by_ = kept_.front().asked_by;
        pop();
    }

    const uint64_t bytes_max_;
    std::deque<Kept> kept_;
    uint64_t bytes_ = 0;
    uint64_t forgotten_ = 0, forgotten_asked_by_ = 0;
    uint64_t next_ping_ = 1;
};

}  // namespace starling::ws
