// server/cluster/recovery.h: connection state recovery over the streams of a cluster: the sessions in
// Redis, this node's events on their way to the stream and back, and the clients that come back.
//
// Owner: ClusterPart. Thread: the first worker's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/claims.h"
#include "cluster/message.h"
#include "cluster/own_events.h"
#include "cluster/repeats.h"
#include "net/loop.h"
#include "redis/client/client.h"
#include "server/cluster/cluster.h"
#include "server/cluster/figures.h"
#include "server/worker.h"
#include "socketio/adapter.h"

namespace starling::server {

class StreamRecovery final : cluster::SessionStore {
public:
    StreamRecovery(const ClusterSettings& settings, Worker& worker, socketio::Adapter& adapter,
                   redis::client::Client& client, const cluster::Repeats& repeats,
                   ClusterFigures& figures);

    // ---- Redis ------------------------------------------------------------------------------------
    void up();
    void down();
    void on_stream(socketio::StreamPlace place);
    void entries_lost(socketio::StreamPlace left) { claims_.entries_lost(left, now_ms()); }
    void on_repeat(socketio::StreamPlace place) { claims_.on_repeat(place); }
    // True: the entry is an event of this node, and is delivered now.
    [[nodiscard]] bool take_own(socketio::StreamPlace place, const cluster::Entry& entry);
    void on_read(socketio::StreamPlace place) { claims_.on_read(place); }
    void on_round(uint64_t round);
    // True: another node says that it has taken a session from this one.
    [[nodiscard]] bool take_notice(const redis::Message& message);

    // ---- Events of this node ----------------------------------------------------------------------
    void add(const cluster::Message& message, std::shared_ptr<const socketio::Command> event);
    // The number of the event whose entry goes to the stream, for answered(). 0: none of these.
    [[nodiscard]] uint64_t sent(const std::string& stream, const cluster::Entry& entry);
    void answered(const std::string& stream, uint64_t number, bool good, uint64_t round);

    // ---- Sessions ---------------------------------------------------------------------------------
    void save(const std::vector<socketio::SavedSession>& sessions, bool left);
    void refresh(const std::vector<socketio::RecoveryLink::SessionName>& sessions);
    void forget(const std::string& pid);
    void claim(const socketio::SessionClaim& claim, socketio::RecoveryLink::Claimed done);

    // Commands that Redis has not answered.
    [[nodiscard]] uint64_t under_way() const noexcept { return under_way_; }

private:
    // cluster::SessionStore
    void take(const std::string& pid, std::function<void(Taken)> done) override;
    void read_back(uint32_t stream, socketio::StreamId last,
                   std::function<void(std::optional<Page>)> done) override;
    [[nodiscard]] std::optional<socketio::StreamId> covered_from(uint32_t stream) const override;
    [[nodiscard]] std::vector<Row> window(uint32_t stream) const override;
    [[nodiscard]] uint32_t stream_of(std::string_view nsp) const override;
    [[nodiscard]] bool repeats_may_come() const override {
        return repeats_.may_still_come(now_ms());
    }

    [[nodiscard]] std::shared_ptr<const socketio::Command> event_of(const cluster::Entry& entry,
                                                                    socketio::StreamPlace place);
    [[nodiscard]] cluster::OwnEvents* own_of(const std::string& stream);
    void deliver_lost(const cluster::OwnEvents::Events& lost);
    [[nodiscard]] std::string channel_of(std::string_view owner) const;
    void run(const std::string& script, std::string_view pid,
             std::initializer_list<std::string_view> arguments, redis::Done done);
    // Runs one of the scripts that answer whether the session is this node's. If it has moved, the
    // socket `id` ends here; nothing if `id` is empty.
    void keep(const std::string& script, const socketio::RecoveryLink::SessionName& session,
              std::initializer_list<std::string_view> arguments);
    void touched();
    void tell_owner(const socketio::RestoredSession& found);
    void tell(cluster::ClaimEnd end);
    void warn(std::string_view what, std::string_view why);
    [[nodiscard]] uint64_t now_ms() const noexcept { return worker_.loop().now_ms(); }

    const ClusterSettings& settings_;
    Worker& worker_;
    socketio::Adapter& adapter_;
    redis::client::Client& client_;
    const cluster::Repeats& repeats_;
    ClusterFigures& figures_;
    const std::vector<std::string> streams_;
    const std::string alive_ms_, left_ms_;
    const std::string owner_;                           // This node, in session_scripts.h.
    const std::string save_, refresh_, forget_, take_;  // The scripts.
    std::vector<cluster::OwnEvents> own_;               // By stream.
    cluster::Arena arena_;
    cluster::Claims claims_;
    redis::client::Timer timer_;
    uint64_t timer_ms_ = 0;
    bool up_ = false, was_up_ = false;
    uint64_t under_way_ = 0;
    uint64_t warned_ms_ = 0, warnings_ = 0;
};

}  // namespace starling::server
