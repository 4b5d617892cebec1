// server/node_engine/peers_part.h: the sessions of Engine.IO that the nodes of a cluster with Node.js
// share (@socket.io/cluster-engine), on one worker.
//
// At the node that was asked: a request for a session that is not here is a question to all nodes. The
// owner gives the lock, and from then on the two talk to each other: the client's packets go to the
// owner, the owner's to the client. At the owner: a poll or a WebSocket of another node is one of the
// session's own (RelayedRequest, PeerSocket).
//
// Redis keeps nothing for a node that is away. So when Redis is lost, or says that nobody hears a
// node, what is between the two nodes ends, and the clients begin anew.
//
// Owner: its worker. Thread: the worker's. All ids of sessions have one worker, see Engine's route.
#pragma once

#include <starling/http.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cluster/engine/message.h"
#include "cluster/engine/questions.h"
#include "net/timers.h"
#include "peer/client_network.h"
#include "server/connection.h"
#include "server/engineio/exchange.h"
#include "server/engineio/foreign.h"
#include "server/engineio/polling.h"
#include "server/node_engine/bus.h"
#include "server/node_engine/peer_shares.h"
#include "server/node_engine/peer_sockets.h"
#include "server/worker.h"

namespace starling::server {

// Of one worker.
struct PeerBounds {
    // Requests and WebSockets of other nodes' sessions; a quarter is for one client.
    size_t asked_max = 16'384;
    // Of one client, questions without an answer: a made-up id costs all nodes a message.
    size_t questions_max = 1024;
    // Bodies of POSTs that wait for their locks; a quarter is for one client, but one may be larger.
    size_t body_bytes_max = size_t{8} * 1024 * 1024;
    // Bytes of a WebSocket that Redis has not taken: with so many the client is not read.
    size_t untaken_bytes_max = size_t{64} * 1024;
    // An owner sends a ping at each interval. One that is silent for longer has died.
    uint64_t silence_ms_max = 300'000;
};

class PeersPart final : public WorkerPart,
                        public ForeignSessions,
                        public RelayedRequests,
                        RequestWatcher {
public:
    // `workers`: how many the server has.
    PeersPart(PeerBus& bus, Engine& engine, Worker& worker, uint32_t workers);
    ~PeersPart() override;

    // WorkerPart
    void loop_ended() noexcept override;
    // ForeignSessions
    void ask(HttpConnection& connection, const http::Request& request, const engineio::Query& query,
             http::Response& response) override;
    void forward(WsAdmission& admission, const engineio::Query& query) override;
    [[nodiscard]] RelayedRequest* find(base::SlotKey key) noexcept override;
    void add_figures(Figures& figures) const override;
    // RelayedRequests
    void finish(RelayedRequest& request) override;

    // ---- From other nodes -----------------------------------------------------------------------
    void on_message(const cluster::engine::Message& message);
    void published(const PeerReceipt& receipt, PeerReach reach);
    void connection_lost();
    // Packets of this session from this node did not fit: what follows them has no meaning.
    void packets_lost(const std::string& sid, const std::string& sender);

    // ---- Of a PeerForward -----------------------------------------------------------------------
    void opened(PeerForward& forward);
    void received(PeerForward& forward, ws::Message message);
    void client_left(PeerForward& forward, engineio::Session::Event how);
    void forget(PeerForward& forward) noexcept;
    // ---- Of a PeerSocket ------------------------------------------------------------------------
    void flush_soon(PeerSocket& socket);
    void closed(PeerSocket& socket);
    [[nodiscard]] size_t queue_bytes_max() const noexcept;

    PeerBounds bounds;  // Tests make them smaller, on the worker's thread.

private:
    using Message = cluster::engine::Message;
    using Packet = cluster::engine::Packet;
    using Questions = cluster::engine::Questions;
    using UpgradeEvent = cluster::engine::Upgrade::Event;

    // A polling request of a client of this node, by the number of its question.
    struct Asked {
        base::SlotKey request;
        std::string sid;
        bool is_poll;
        PollForm form;
        std::string body = {};  // Of a POST, until its packets have left.
        engineio::PayloadKind kind = engineio::PayloadKind::text;
        PeerShares::Place place = {};
        std::string owner = {};  // Once the lock is held.
        uint64_t due_ms = 0;     // Then: when the client is told.
        bool is_answered = false;
        size_t unconfirmed = 0;  // Messages of a POST without a receipt.
        bool is_lost = false;    // One of them did not reach the owner.
    };
    using Askeds = std::unordered_map<uint64_t, Asked>;
    // A poll of a client of another node, by the serial number in its key.
    struct Served {
        RelayedRequest request;
        std::string sid, peer;
    };

    // RequestWatcher. The subject of a request is its number.
    void request_ended(base::SlotKey subject, base::SlotKey request, RequestEnd how) override;
    void request_must_end(base::SlotKey subject, base::SlotKey request) override;

    // peers_asked.cpp
    [[nodiscard]] int refusal(const peer::ClientNetwork& network, size_t body_bytes) const;
    [[nodiscard]] bool ask_lock(uint64_t number, std::string_view sid,
                                cluster::engine::Carrier carrier, cluster::engine::Access access);
    // Asks for the lock of a polling request; 0: the question does not leave.
    [[nodiscard]] uint64_t begin(const peer::ClientNetwork& network, Asked asked);
    Askeds::node_type forget(Askeds::iterator at) noexcept;
    template <class F>
    void close_if_throws(const Asked& asked, F&& call);
    void on_lock_answer(const Message& message);
    void give_back(const Questions::Question& question, const std::string& owner);
    void question_lost(uint64_t number, PeerReach reach);
    void lock_refused(uint64_t number, Questions::Kind kind);
    void send_packets(uint64_t number, Asked& asked);
    void post_confirmed(uint64_t number, PeerReach reach);
    void on_drain(const Message& message);
    void answer_poll(uint64_t number, Asked& asked, const std::vector<Packet>& packets);
    void answer(uint64_t number, int status, std::string_view body, std::string_view type);
    void refuse_asked(uint64_t number, int status);
    void send_close(const std::string& sid, const std::string& owner, std::string_view reason);
    void check_times();
    void start_timer();

    // peers_forwards.cpp
    [[nodiscard]] PeerForward* forward_of_question(uint64_t number) const;
    void close_late_forwards();
    [[nodiscard]] PeerForward* forward_of_session(std::string_view sid,
                                                  std::string_view owner) const;
    // An exception ends its WebSocket, because packets may be missing.
    template <class F>
    void guarded(PeerForward& forward, F&& call);
    void act(PeerForward& forward, UpgradeEvent event, const Packet* packet = nullptr,
             std::string_view reason = "transport close");
    void step(PeerForward& forward, UpgradeEvent event, const Packet* packet,
              std::string_view reason);
    [[nodiscard]] bool tell_upgrade(PeerForward& forward, bool success);
    // False: it does not leave.
    [[nodiscard]] bool send_packet(PeerForward& forward, const Packet& packet);
    void pause(PeerForward& forward);
    void give(PeerForward& forward, const std::vector<Packet>& packets);
    void give_each(PeerForward& forward, const std::vector<Packet>& packets);
    void on_upgrade_answer(const Message& message);
    void take_over(PeerForward& forward, const std::vector<Packet>& packets);
    void forward_confirmed(uint64_t serial, size_t bytes, PeerReach reach);

    // peers_owner.cpp
    void on_acquire_lock(const Message& message);
    [[nodiscard]] bool grants(const EngineSession& session, const Message& message) const;
    void serve_poll(EngineSession& session, const Message& message, Message answer);
    void serve_upgrade(EngineSession& session, const Message& message, Message answer);
    // False: it does not leave, and nobody has the lock.
    [[nodiscard]] bool grant(Message answer);
    void on_packet(const Message& message);
    void on_upgrade(const Message& message);
    void on_close(const Message& message);
    void flush(PeerSocket& socket);
    void poll_confirmed(uint64_t serial, PeerReach reach);
    void socket_confirmed(uint64_t serial, size_t bytes, PeerReach reach);
    // The session is told, and the socket is freed.
    void end(PeerSocket& socket, engineio::Session::Event how);
    void end_closed(PeerSocket& socket);
    void end_closed_left();
    [[nodiscard]] PeerSocket* socket_of(std::string_view sid, std::string_view peer) const;
    [[nodiscard]] EngineSession* session_of(std::string_view sid) const;
    void forget_poll(std::string_view sid, std::string_view peer);
    [[nodiscard]] uint64_t next_serial() noexcept;

    // The bytes of the message; 0: it does not leave.
    size_t send(Message message, PeerReceipt receipt = {});
    void strange() noexcept { ++strange_count_; }
    [[nodiscard]] uint64_t now_ms() const noexcept { return worker_.loop().now_ms(); }

    PeerBus& bus_;
    Engine& engine_;
    Worker& worker_;
    Questions questions_;
    net::TimerId timer_ = 0;  // Runs while anything is here.

    PeerShares shares_;
    Askeds asked_;
    std::map<std::string, uint64_t, std::less<>> polls_;  // By session; until the client has them.
    std::map<uint64_t, PeerForward*> forwards_;           // By serial number.
    std::map<uint64_t, PeerForward*> asking_forwards_;    // By the number of the question.
    std::map<std::string, PeerForward*, std::less<>> open_forwards_;  // By session.

    std::map<uint64_t, Served> served_;
    std::map<uint64_t, std::string> drained_;  // Sessions of answered polls, until the receipt.
    std::map<uint64_t, std::unique_ptr<PeerSocket>> sockets_;           // By serial number,
    std::map<std::string, uint64_t, std::less<>> sockets_of_sessions_;  // and by session.
    std::vector<uint64_t> flushes_;
    bool are_closed_left_ = false;  // A closed socket of sockets_ was not told to end.
    uint64_t last_serial_ = 0;

    uint64_t asked_count_ = 0, refused_count_ = 0, lost_count_ = 0, served_count_ = 0,
             denied_count_ = 0, forwarded_count_ = 0, taken_over_count_ = 0, strange_count_ = 0;
};

}  // namespace starling::server
