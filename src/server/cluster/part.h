// server/cluster/part.h: the node of this process: cluster::Node with its connection to Redis, on the
// loop of the first worker.
//
// Owner: the first worker. Thread: the worker's.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/appends.h"
#include "cluster/node.h"
#include "cluster/repeats.h"
#include "cluster/stream_order.h"
#include "net/resolver.h"
#include "redis/client/client.h"
#include "server/cluster/cluster.h"
#include "server/cluster/figures.h"
#include "server/cluster/recovery.h"
#include "server/cluster/responder.h"
#include "server/cluster/stream_reader.h"
#include "server/history/redis_reports.h"
#include "server/nodes/outage_report.h"
#include "server/worker.h"
#include "socketio/server.h"

namespace starling::server {

class ClusterPart final : public WorkerPart,
                          cluster::Bus,
                          cluster::Host,
                          StreamEvents,
                          redis::client::ClientEvents {
public:
    // `core`: the Socket.IO of the first worker. `peers`: null if no session is shared with Node.js.
    ClusterPart(const ClusterSettings& settings, Worker& worker, socketio::Server& core,
                ClusterFigures& figures, PeersLink* peers);
    ~ClusterPart() override;

    // WorkerPart.
    void loop_ended() noexcept override;
    [[nodiscard]] bool needs_loop() noexcept override;

    // What the workers of this process did; from posted calls alone.
    void send(const socketio::Command& command);
    void namespace_opened(const std::string& nsp, socketio::NamespaceSetup* setup);
    void namespace_closed(const std::string& nsp);
    void room_opened(const std::string& nsp, const std::string& room, bool of_one_socket);
    void room_closed(const std::string& nsp, const std::string& room);
    void publish(const std::shared_ptr<const socketio::Command>& event);
    void claim_session(const socketio::SessionClaim& claim,
                       const socketio::RecoveryLink::Claimed& done);
    // The order between the stream and questions that do not go by it.
    // `bytes`: what the call holds.
    void when_stored(size_t bytes, std::function<void(socketio::StreamId)> call);
    void when_read(socketio::StreamId id, size_t bytes, std::function<void()> call);
    // Null: no client of this process can recover on another node, or the loop has ended.
    [[nodiscard]] StreamRecovery* recovery() noexcept { return recovery_.get(); }

private:
    // cluster::Bus
    void subscribe(const cluster::Subscription& to) override;
    void unsubscribe(const cluster::Subscription& from) override;
    void send(cluster::Sending sending, Count done) override;
    [[nodiscard]] bool is_late() const override;
    void count(const cluster::Subscription& name, Count done) override;
    // cluster::Host
    void perform(cluster::Message& message) override;
    void ask(cluster::Message& question, cluster::Asker asker) override;
    void warn(std::string_view what, uint64_t refused) override;
    // StreamEvents
    void on_stream(socketio::StreamPlace place, bool again) override;
    void on_tail_lost(socketio::StreamPlace read, socketio::StreamId left) override;
    void on_entry(socketio::StreamPlace place, const cluster::Entry& entry) override;
    void on_round() override;
    void on_unread(std::string_view error) override;
    // redis::client::ClientEvents
    void on_message(const redis::Message& message) override;
    void on_ready() override;
    void on_down(const std::string& why, bool is_final) override;
    void on_refused(redis::Topic topic, const std::string& name, std::string_view error) override;
    void on_bounced(std::string_view error) override;

    [[nodiscard]] uint64_t now_ms() const noexcept { return worker_.loop().now_ms(); }
    [[nodiscard]] socketio::NamespaceSetup* setup_of(std::string_view nsp) const;
    void send_to(const socketio::Command& command, const std::string& nsp,
                 cluster::OnReport report);
    void failed(std::string_view what, std::string_view error);
    void count_error(std::string_view error);
    void entries_are_missing(uint32_t stream, socketio::StreamId left, std::string_view why);
    void take_entry(socketio::StreamPlace place, const cluster::Entry& entry);
    void send_entry(cluster::Sending sending);
    void append(uint64_t number, uint64_t first, const cluster::Sending& sending);
    [[nodiscard]] bool needs_script(std::string_view error);
    void on_appended(uint64_t number, bool by_hash, const redis::Answer& answer);
    // After each call of the node: its next time, and soon its figures.
    void touched();
    void show_figures();
    // Of messages that did not fit, here or in the client.
    [[nodiscard]] uint64_t dropped() const;

    const ClusterSettings& settings_;
    PeersLink* const peers_;
    Worker& worker_;
    socketio::Adapter& adapter_;
    ClusterFigures& figures_;
    RedisReports reports_;
    OutageReport outage_;
    Responder responder_;
    std::map<std::string, socketio::NamespaceSetup*, std::less<>> dynamic_;
    redis::client::Timer again_;
    std::unique_ptr<net::Resolver> resolver_;
    std::unique_ptr<cluster::Node> node_;
    std::unique_ptr<redis::client::Client> client_;
    std::unique_ptr<StreamRecovery> recovery_;
    std::optional<socketio::StreamPlace> place_;  // Of the entry that is being read.
    std::unique_ptr<StreamReader> reader_;
    cluster::Repeats repeats_;
    cluster::StreamOrder order_;
    std::unique_ptr<cluster::Appends> appends_;  // Null: entries are appended at most once.
    const std::string script_hash_;
    bool has_script_ = false;   // Redis has executed the script of an entry.
    bool denies_hash_ = false;  // An access list does not allow EVALSHA.
    uint64_t under_way_ = 0;    // Messages that Redis has not confirmed.
    uint64_t bounced_ = 0, unread_ = 0, dropped_told_ = 0;
    net::TimerId timer_ = 0, figures_timer_ = 0;
    uint64_t timer_ms_ = 0;
};

}  // namespace starling::server
