// socketio/history.h: connection state recovery: a log of the newest packets in the order of their
// offsets, and the sessions of disconnected clients.
//
// Every worker delivers recoverable packets in the order of this log, whichever worker wrote them.
// So a client has always received a prefix of its packets, and its last offset tells where delivery
// resumes.
//
// In a cluster with streams the packets are the entries of the streams as this node has read them, and
// the sessions are in Redis, see recovery_link.h. What is kept here is then the window that serves
// clients which come back from other nodes.
// Owner: the Adapter. Thread: one at a time, see SharedHistory.
#pragma once

#include <starling/socketio_options.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/text.h"
#include "socketio/command.h"

namespace starling::socketio {

// The session of a disconnected client, which may come back.
struct SavedSession {
    std::string pid;
    std::string nsp;
    std::string id;
    std::vector<std::string> rooms;
    Json data;
    std::string user;
    uint64_t since_ms = 0;
    // In a cluster with streams: where the stream ended when the client connected. A client that has
    // got nothing yet goes on from there.
    std::optional<StreamId> begin = {};
};

class History {
public:
    explicit History(const sio::Recovery& limits) noexcept : limits_(limits) {}

    [[nodiscard]] uint64_t next() const noexcept { return first_ + packets_.size(); }
    // Adds a worker that delivers packets from this log. A packet that a worker has not read yet is
    // kept longer.
    void add_reader() { read_.push_back(next()); }
    void remove_readers() noexcept { read_.clear(); }
    void has_read(size_t reader, uint64_t up_to);
    // Adds a packet; its offset is next(). Above the limits the oldest packets are dropped.
    void append(std::shared_ptr<const Command> command);
    // The packets from offset `from` on; all kept packets if `from` is older than these.
    [[nodiscard]] std::vector<std::shared_ptr<const Command>> since(uint64_t from) const;

    // ---- A window of the streams of a cluster ------------------------------------------------------
    // What comes behind `at` will be appended; what came before is unknown.
    void stream_begins(StreamPlace at);
    // Each entry behind this one is kept. Nothing: stream_begins() was not called.
    [[nodiscard]] std::optional<StreamId> covered_from(uint32_t stream) const noexcept;
    // The kept packets for `who` behind `from`, without those from the offset `below` on. `from` is not
    // before covered_from().
    [[nodiscard]] std::vector<std::shared_ptr<const Command>> missed_by(const SavedSession& who,
                                                                        StreamPlace from,
                                                                        uint64_t below) const;

    // ---- Sessions of this process ------------------------------------------------------------------
    void leave(SavedSession who);
    struct Return {
        SavedSession who;
        std::vector<std::shared_ptr<const Command>> missed;
    };
    // Removes the session in every case. Returns nothing if the session is unknown, was
    // disconnected too long, belongs to another namespace, or missed a packet that was dropped.
    [[nodiscard]] std::optional<Return> come_back(std::string_view pid, std::string_view nsp,
                                                  std::string_view offset, uint64_t now_ms);
    void forget(uint64_t now_ms);  // Drops expired sessions.

    [[nodiscard]] size_t absent() const noexcept { return absent_.size(); }
    [[nodiscard]] size_t packets() const noexcept { return packets_.size(); }

private:
    struct Kept {
        std::shared_ptr<const Command> command;
        size_t bytes;
    };
    void trim();
    using Order = std::list<SavedSession>;  // Oldest first.

    const sio::Recovery limits_;
    uint64_t first_ = 1;  // Offset of the oldest packet.
    uint64_t bytes_ = 0;
    std::vector<uint64_t> read_;  // Per worker: the offset to read next.
    std::deque<Kept> packets_;
    std::vector<std::optional<StreamId>> covered_;  // By stream.
    Order order_;
    std::unordered_map<std::string_view, Order::iterator> absent_;
};

// True: the packet is for the client, and a client that was away gets it later.
[[nodiscard]] bool is_missed_by(const Command& command, const SavedSession& who);

// Offsets in the form that clients store.
[[nodiscard]] std::string offset_text(uint64_t offset);
[[nodiscard]] std::optional<uint64_t> parse_offset(std::string_view text) noexcept;

// One History for all workers. The implementation in the server takes the lock.
class SharedHistory {
public:
    virtual ~SharedHistory() = default;
    virtual void with(const std::function<void(History&)>& call) = 0;
};

}  // namespace starling::socketio
