// socketio/history.h: connection state recovery: a log of the newest packets in the order of their
// offsets, and the sessions of disconnected clients.
//
// Every worker delivers recoverable packets in the order of this log, whichever worker wrote them.
// So a client has always received a prefix of its packets, and its last offset tells where delivery
// resumes.
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
    Order order_;
    std::unordered_map<std::string_view, Order::iterator> absent_;
};

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
