// cluster/claims.h: clients that come back from another node: their sessions, and what they have
// missed.
//
//     Claims claims(options, store);
//     claims.up();                                          // Redis is there
//     claims.on_read({stream, id});                         // for each entry that was read
//     claims.claim({pid, nsp, offset}, now_ms, done);
//     if (const auto due = claims.due_ms()) ... claims.on_time(now_ms);
//
// A session is taken out of Redis, so that no second node can take it. What the client missed is what
// came behind its offset. The newest entries are in the window of this node (socketio::History), which
// has read them anyway. Entries before the window are read backwards from it, in pages, once for all
// clients that need them. A client whose offset is older than what the stream still holds, or than what
// fits into bytes_max, starts anew.
//
// A failover of Redis may lose entries, and some of them may come again. Where this node cannot know what
// a client had of these, the client starts anew.
//
// What a client claims, and what is in Redis, is not trusted: it is bounded and checked.
//
// Owner: the code that owns the connection to Redis. Pure. Thread: the owner's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/message.h"
#include "cluster/names.h"
#include "socketio/recovery_link.h"

namespace starling::cluster {

using socketio::RestoredSession;
using socketio::SessionClaim;
using socketio::StreamPlace;

// How a claim ends.
enum class ClaimEnd : uint8_t {
    restored,
    refused,    // The client's pid or offset has no possible form, or too many clients claim.
    unknown,    // No such session: too late, taken already, or left by the client itself.
    malformed,  // What Redis holds is no session of this namespace.
    too_old,    // The stream no longer holds what came behind the offset, or it is too much.
    late,       // Redis did not answer in time.
    away,       // Redis is away.
};
inline constexpr size_t claim_ends = 7;
[[nodiscard]] std::string_view in_words(ClaimEnd end) noexcept;
[[nodiscard]] std::string_view name_of(ClaimEnd end) noexcept;  // For metrics.

// What claims need of Redis and of their process. The calls of `done` come later, or never.
class SessionStore {
public:
    // Takes the value of a session out of Redis. `reached`: Redis has answered.
    struct Taken {
        bool reached = false;
        std::optional<std::string> value = {};
        std::string had_by = {};  // See RestoredSession.
    };
    virtual void take(const std::string& pid, std::function<void(Taken)> done) = 0;

    // An entry of a stream. Null: no client gets it later.
    struct Row {
        StreamId id;
        std::shared_ptr<const socketio::Command> event;
    };
    struct Page {
        std::vector<Row> rows;  // Newest first.
        bool is_last = false;   // The stream has no older entries.
    };
    // Reads entries from `last` backwards. Nothing: Redis did not answer.
    virtual void read_back(uint32_t stream, StreamId last,
                           std::function<void(std::optional<Page>)> done) = 0;
    // The window of this process, see History::covered_from().
    [[nodiscard]] virtual std::optional<StreamId> covered_from(uint32_t stream) const = 0;
    // The events of the window, newest first.
    [[nodiscard]] virtual std::vector<Row> window(uint32_t stream) const = 0;
    // The stream of the namespace.
    [[nodiscard]] virtual uint32_t stream_of(std::string_view nsp) const = 0;
    // Entries that this node has read may still come again, see Repeats.
    [[nodiscard]] virtual bool repeats_may_come() const = 0;

protected:
    ~SessionStore() = default;
};

struct ClaimOptions {
    uint64_t timeout_ms = 2000;
    size_t open_max = 20'000;
    size_t bytes_max = 64u << 20;  // Of the entries before the window, which are kept.
    uint64_t kept_ms = 10'000;     // How long they are kept when no client needs them.
    bool foreign_sessions = true;  // Sessions that do not name their namespace.
    size_t session_bytes_max = 1u << 20;
    uint64_t session_ms_max = 120'000;  // How long a client may be away.
    uint64_t table_seed = 0;            // Random and secret, see Arena.
};

class Claims {
public:
    using Done = std::function<void(ClaimEnd, RestoredSession)>;

    Claims(const ClaimOptions& options, SessionStore& store);

    void up() noexcept { up_ = true; }
    void down();  // Ends all claims.
    void claim(const SessionClaim& claim, uint64_t now_ms, Done done);
    // This node has read its streams up to here.
    void on_read(StreamPlace place);
    // The stream has lost the entries behind `left` that this node has read. Some may come again.
    void entries_lost(StreamPlace left, uint64_t now_ms);
    // An entry is there again. Clients of this node had it before.
    void on_repeat(StreamPlace place);
    [[nodiscard]] std::optional<uint64_t> due_ms() const noexcept;
    void on_time(uint64_t now_ms);

    [[nodiscard]] size_t open_count() const noexcept { return open_.size(); }
    [[nodiscard]] size_t kept_bytes() const noexcept;

private:
    struct Claim {
        SessionClaim what;
        StreamPlace offset;  // Where what the client missed begins.
        bool has_offset;     // The client has said so.
        Done done;
        std::optional<RestoredSession> found = {};
        bool is_ahead = false;  // Listed in ahead_.
    };
    // The entries of a stream up to what this node had read. Those of the window are among them, so that
    // the window may move on while older ones are read.
    struct Older {
        std::optional<StreamId> up_to = {};
        StreamId from = {};   // Everything from here on is known.
        bool is_all = false;  // Nothing is to be had before `from`.
        bool reading = false;
        std::vector<uint64_t> waiting = {};       // Claims.
        std::deque<SessionStore::Row> rows = {};  // Newest first.
        size_t bytes = 0;                         // Without those of the window.
        uint64_t used_ms = 0;
    };
    // What a stream has lost, in one failover or in several, until no session is left from before.
    struct Loss {
        StreamId left;           // Everything up to here is in the stream.
        StreamId first_read;     // The newest entry that this node had read at the first of them,
        StreamId read = {};      // and at the last one.
        StreamId repeated = {};  // The newest entry that is there again.
        uint64_t until_ms = 0;
    };
    using Open = std::map<uint64_t, Claim>;

    void on_taken(uint64_t id, SessionStore::Taken taken);
    [[nodiscard]] std::optional<RestoredSession> read(const SessionClaim& claim,
                                                      const std::string& value);
    void advance(uint64_t id);
    [[nodiscard]] Older& older_of(uint32_t stream, StreamId covered);
    void read_back(uint32_t stream, Older& older);
    void on_page(uint32_t stream, StreamId from, std::optional<SessionStore::Page> page);
    void leave_ahead(uint64_t id, Claim& claim);
    [[nodiscard]] bool is_certain(const Claim& claim, StreamId covered) const;
    void finish(Open::iterator claim, ClaimEnd end);

    const ClaimOptions options_;
    SessionStore& store_;
    Arena arena_;
    bool up_ = false;
    Open open_;
    uint64_t last_ = 0;
    std::deque<std::pair<uint64_t, uint64_t>> deadlines_;  // Time and claim, in order.
    std::map<uint32_t, StreamId> read_;
    std::map<uint32_t, std::multimap<StreamId, uint64_t>>
        ahead_;  // Claims that wait for on_read().
    std::map<uint32_t, Older> older_;
    std::map<uint32_t, Loss> losses_;
    uint64_t now_ms_ = 0;
};

}  // namespace starling::cluster
