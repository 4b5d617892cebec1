// server/engineio/relay_part.h: polling requests and WebSockets that reached another node than the
// one that owns their session. The node that was asked sends the request to the owner and gives the
// answer to the client; the owner answers as if the client had asked it. The frames of a WebSocket
// go the same way in both directions.
//
// Each request gets one answer, unless its node abandons it. Messages between two nodes arrive once
// and in order (Nodes). A node that is away is waited for, since it may have stalled for a moment.
// If it does not come back in time, or messages are lost, both sides end the requests and the
// WebSockets between them: the client gets the answer for an unknown session, or a close, and opens
// another one.
//
// Owner: its worker; all engines of the worker share it. Thread: the worker's.
#pragma once

#include <starling/http.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engineio/relay.h"
#include "net/timers.h"
#include "peer/client_network.h"
#include "server/connection.h"
#include "server/engineio/exchange.h"
#include "server/engineio/relay_sockets.h"
#include "server/nodes.h"
#include "server/refusals.h"
#include "server/worker.h"

namespace starling::server {

class Engine;
class Figures;
class RelayInbox;

// Of one worker.
struct RelayBounds {
    // A message between nodes is at most 16 MiB long.
    static constexpr size_t message_bytes_max = size_t{16} * 1024 * 1024 - 64;
    // Requests without an answer, and WebSockets; beyond, the client gets 503. A quarter is for one
    // client, which gets 429 beyond; one request or frame of it may be larger than a quarter of the
    // bytes. The bytes of a frame count until it is at the owner; beyond, the WebSocket is closed
    // with 1013. Small frames leave always.
    size_t asked_max = 16'384;
    size_t asked_bytes_max = size_t{8} * 1024 * 1024;
    // The share of each worker is so large at least, if the queue of a node has four times as much:
    // a body of the default `max_http_buffer_size`, with its header fields.
    static constexpr size_t asked_bytes_min = 1'100'000;
    size_t served_max = 65'536;
    // Bytes of a WebSocket that the session has not taken: with so many the client is not read.
    size_t untaken_bytes_max = size_t{64} * 1024;
    // How long a WebSocket waits until its owner has accepted it.
    uint64_t upgrade_ms_max = 10'000;
    // Answers and frames on their way to one node. With so many bytes, packets wait at the owner.
    // An answer that cannot wait becomes 503, and its session ends; small ones leave always.
    size_t answers_bytes_max = 0;
    // How long requests wait for Redis before the clients are told.
    uint64_t unlinked_ms_max = 5000;
    // How much longer than a heartbeat a request waits for its answer.
    uint64_t slack_ms = 5000;
    // How long requests wait for a node that is away. It may have stalled for a moment, and its
    // sessions live; clients that poll take any refusal for the end of their session.
    uint64_t away_ms_max = 1000;
    // An owner that does not answer the end of a request or a WebSocket is told again, once.
    uint64_t tell_again_ms = 10'000;

    // The workers share the queue of each node: answers and frames to clients have a half of it,
    // requests and frames of clients a quarter.
    void share_queue(size_t node_queue_bytes_max, size_t workers) noexcept {
        answers_bytes_max = node_queue_bytes_max / 2 / workers;
        const size_t asked = node_queue_bytes_max / 4;
        asked_bytes_max =
            std::min(asked_bytes_max, std::max(asked / workers, std::min(asked, asked_bytes_min)));
    }
};

class RelayPart final : public WorkerPart, public RelayedRequests, RequestWatcher {
public:
    RelayPart(Worker& worker, Nodes& nodes);
    ~RelayPart() override;

    // When the workers exist and none of them runs: gives each worker a part, unless an engine
    // before has done so. Throws std::runtime_error if another engine has the path of this one: its
    // sessions, and in SocketIoMember its messages, would be those of the other engine.
    static void attach(WorkerGroup& group, Engine& engine);
    void loop_ended() noexcept override;

    // ---- The node that was asked ----------------------------------------------------------------
    // Promises the response, or fills it with a refusal. In `heartbeat_ms` a poll gets its answer.
    void ask(HttpConnection& connection, const http::Request& request, http::Response& response,
             const SessionHome& home, std::string_view sid, uint64_t heartbeat_ms);
    // Admits the WebSocket, or refuses it.
    void forward(WsAdmission& admission, const SessionHome& home);
    // Of a ForwardedSocket.
    void opened(ForwardedSocket& socket);
    void send_frame(ForwardedSocket& socket, ws::Message message);
    void drained(ForwardedSocket& socket);
    void client_left(ForwardedSocket& socket, engineio::Session::Event how);
    void forget(ForwardedSocket& socket) noexcept;

    // ---- The owner ------------------------------------------------------------------------------
    // Null: the request has ended.
    [[nodiscard]] RelayedRequest* find(base::SlotKey key) const noexcept;
    void finish(RelayedRequest& request) override;
    // False: too much is on its way to the node of this poll. The session is flushed when there is
    // room again, if the poll waits then.
    [[nodiscard]] bool has_room(base::SlotKey poll);
    // Of a RelayedSocket.
    void send_frame(RelayedSocket& socket, ws::Message message, bool compress);
    void resumed(RelayedSocket& socket);
    void close(RelayedSocket& socket, uint16_t code);

    // ---- For the RelayInbox ---------------------------------------------------------------------
    void on_message(Nodes::Id from, const engineio::relay::Head& head, std::string_view message);
    // Too much waits for this worker, so it does not get the answer to a request.
    void answer_dropped(uint64_t id);
    void frame_dropped(Nodes::Id from, uint64_t id, bool to_owner);
    void node_away(Nodes::Id node);
    void node_back(Nodes::Id node);
    // The node is away for too long or gone, or what it sent is lost.
    void node_lost(Nodes::Id node);
    // It is away, and requests do not wait for it any more.
    [[nodiscard]] bool is_given_up(Nodes::Id node) const noexcept {
        const auto found = away_.find(node);
        return found != away_.end() && found->second == 0;
    }

    // Of requests without an answer, and of those and of frames that may not be at their owners.
    [[nodiscard]] size_t asked_bytes() const noexcept { return asked_bytes_; }
    // The figures are those of all engines: only the first one adds them.
    void add_figures(const Engine& engine, Figures& figures) const;

    RelayBounds bounds;  // Tests make them smaller, on the worker's thread.

private:
    friend class RelayInbox;
    struct Asked {
        base::SlotKey request;  // A key of Worker::replies().
        SessionHome home;
        peer::ClientNetwork network;
        std::string sid;
        size_t bytes;
        uint64_t due_ms;
        bool is_poll;
        bool is_answered = false;  // The client has not taken the answer yet.
    };
    using Askeds = std::unordered_map<uint64_t, Asked>;
    // A request or a WebSocket whose owner was told that it has ended, and has not answered yet; or
    // the owner could not be told that its answer has arrived. The bytes before that message may
    // still lie in the queue of the node.
    struct Parted {
        SessionHome home;
        peer::ClientNetwork network;
        size_t bytes;
        uint64_t due_ms;  // When the owner is told again, or the answer is not waited for any more.
        bool is_told_again = false;
    };
    // What one client has asked: its requests until they end, their bytes until they have arrived.
    struct Share {
        size_t requests = 0, bytes = 0;
    };

    // RequestWatcher. The subject of a request is its number.
    void request_ended(base::SlotKey subject, base::SlotKey request, RequestEnd how) override;
    void request_must_end(base::SlotKey subject, base::SlotKey request) override;

    // 0: the request may go to its owner. Else the status of the refusal.
    [[nodiscard]] int refusal(const peer::ClientNetwork& network, size_t bytes) const;
    // The same for a frame of a WebSocket.
    [[nodiscard]] int bytes_refusal(const peer::ClientNetwork& network, size_t bytes) const;
    [[nodiscard]] bool is_crowded(const peer::ClientNetwork& network) const;
    [[nodiscard]] bool is_unread(std::string_view sid) const;
    // False: the message does not leave.
    [[nodiscard]] bool begin(uint64_t id, Asked asked, std::string message);
    void on_answer(Nodes::Id from, const engineio::relay::Head& head, std::string_view message);
    void give(uint64_t id, const engineio::relay::Answer& answer);
    void take_bytes(const peer::ClientNetwork& network, size_t bytes);
    void give_back_bytes(const peer::ClientNetwork& network, size_t bytes);
    void forget_request(const peer::ClientNetwork& network);
    void part_from(uint64_t id, const SessionHome& home, const peer::ClientNetwork& network,
                   size_t bytes);
    void abandon(uint64_t id, Asked& asked);
    // The owner has answered the end of this number, if it is one.
    void end_answered(Nodes::Id from, uint64_t id);
    void answer_taken(uint64_t id, const Asked& asked);
    void tell_again();
    void give_error(uint64_t id, int status);
    // Abandons the requests, and tells their clients.
    void give_up(const std::vector<uint64_t>& ids, int status);
    void forget(Askeds::iterator at);
    void check_times();
    void close_late_sockets();
    void sockets_lost(Nodes::Id node);
    void add_socket_figures(Figures& figures) const;
    void start_timer();
    // False: it is dropped. For messages that have another way to fail.
    bool send(Nodes::Id to, std::string message);
    // The same for messages that the other node must get: without one, all that is between the nodes
    // ends soon, as after a gap.
    bool tell(Nodes::Id to, std::string message);
    void send(const Asked& to, engineio::relay::Type type, uint64_t id);

    void on_frame(Nodes::Id from, const engineio::relay::Head& head, std::string_view message);
    void on_credit(Nodes::Id from, const engineio::relay::Head& head, std::string_view message);
    void on_end(Nodes::Id from, const engineio::relay::Head& head, std::string_view message);
    void malformed();
    // Null: it has ended.
    [[nodiscard]] ForwardedSocket* find_forwarded(Nodes::Id from, uint64_t id) const;
    void give_frame(ForwardedSocket& socket, const engineio::relay::Frame& frame, size_t bytes);
    void take_credit(ForwardedSocket& socket, const engineio::relay::Credit& credit);
    // Ends the client's WebSocket, and tells the owner.
    void close(ForwardedSocket& socket, uint16_t code);
    // The same, and it counts as lost.
    void lose(ForwardedSocket& socket, uint16_t code);
    // The owner is told, and the socket is forgotten.
    void leave(ForwardedSocket& socket, uint16_t how);
    void send_end(uint64_t id, const SessionHome& home, uint16_t how);
    bool send_taken(uint64_t id, const SessionHome& home);
    void credit_soon(uint64_t number, bool to_client, FramesReceived& received);
    void send_credits();
    // `takes`: what has arrived was taken as well. The sums stay if the message is dropped.
    void send_credit(Nodes::Id to, const engineio::relay::Head& head, bool takes,
                     FramesReceived& received, bool to_owner);

    void on_request(Nodes::Id from, const engineio::relay::Head& head, std::string_view message);
    void serve(RelayedRequest& request, const http::RequestParts& parts);
    [[nodiscard]] Engine* engine_of(std::string_view path) const;
    // Answers a request of another node that no session sees.
    void refuse(Nodes::Id from, uint64_t id, uint16_t status);
    // The same for a request or an upgrade that was not read.
    void refuse_unread(Nodes::Id from, const engineio::relay::Head& head, uint16_t status);
    void on_upgrade(Nodes::Id from, const engineio::relay::Head& head, std::string_view message);
    void accept(EngineSession& session, RelayedSocket::Client client, size_t bytes);
    void end_client(Nodes::Id from, uint64_t id, uint16_t code);
    // The WebSocket of this number has ended here, and the node is told or was told.
    [[nodiscard]] bool knows_of_end(Nodes::Id from, uint64_t id) const;
    [[nodiscard]] RelayedSocket* find_relayed(Nodes::Id from, uint64_t id) const;
    void give_frame(RelayedSocket& socket, const engineio::relay::Frame& frame, size_t bytes);
    void take_credit(RelayedSocket& socket, const engineio::relay::Credit& credit);
    void publish_frame(RelayedSocket& socket, std::string message);
    // Sends the oldest message that waits.
    void flush(RelayedSocket& socket);
    // The WebSocket is lost: the session is told at the end of the tick.
    void fail(RelayedSocket& socket, uint16_t code);
    void tell_end(RelayedSocket& socket);
    // The session of a socket that has closed is told, and the socket is freed.
    void end_closed(uint64_t serial);
    // The ends for which there was no memory.
    void end_left();
    void end(RelayedSocket& socket, engineio::Session::Event how);
    [[nodiscard]] uint64_t next_serial() noexcept;
    void add_on_way(Nodes::Id to, size_t bytes);
    void subtract_on_way(Nodes::Id to, size_t bytes);
    void on_abandon(Nodes::Id from, uint64_t id);
    void abandon_if_served(Nodes::Id from, uint64_t id);
    void on_release(Nodes::Id from, uint64_t id);
    void on_taken(Nodes::Id from, uint64_t id);
    void abandon(RelayedRequest& request);
    std::unique_ptr<RelayedRequest> remove(RelayedRequest& request);
    [[nodiscard]] bool is_full(Nodes::Id to) const;
    void flush_waiting(Nodes::Id to);

    Worker& worker_;
    Nodes& nodes_;
    std::vector<Engine*> engines_;
    std::unique_ptr<RelayInbox> inbox_;  // Only the first worker has one.

    Askeds asked_;                                    // By number.
    std::map<uint64_t, ForwardedSocket*> forwarded_;  // By number.
    std::map<uint64_t, Parted> parted_;               // By number.
    std::map<peer::ClientNetwork, Share> asked_of_;
    std::map<std::string, uint64_t, std::less<>>
        unread_;  // Polls with an answer not taken, by sid.
    size_t asked_bytes_ = 0;
    uint64_t last_id_ = 0;
    net::TimerId timer_ = 0;    // Runs while there are requests and WebSockets of other nodes.
    uint64_t unlinked_ms_ = 0;  // Since when Redis is away; 0: it is there.
    // Nodes that are away, with the timer that gives them up; 0: they are given up.
    std::map<Nodes::Id, net::TimerId> away_;
    std::set<Nodes::Id> untold_;  // Nodes that will be lost, since a message to them was dropped.

    std::unordered_map<uint64_t, std::unique_ptr<RelayedRequest>> served_;  // By serial number.
    std::unordered_map<uint64_t, std::unique_ptr<RelayedSocket>> relayed_;  // By serial number.
    bool are_ends_left_ = false;  // A closed socket of relayed_ is not told, or not freed.
    // The serial numbers of both, by node and its number.
    std::map<std::pair<Nodes::Id, uint64_t>, uint64_t> served_of_;
    // Answers that have not arrived yet, and the frames of WebSockets that have ended: their bytes by
    // node and number. The sums by node, with the frames of all WebSockets.
    std::map<std::pair<Nodes::Id, uint64_t>, size_t> answers_;
    std::map<Nodes::Id, size_t> answers_bytes_;
    // WebSockets, and polls of sessions, with packets that wait for room: by node and serial number.
    std::set<std::pair<Nodes::Id, uint64_t>> waiting_;
    std::map<Nodes::Id, uint64_t> turns_;  // The serial number that had room last, while one waits.
    // The credits of this tick: numbers of forwarded WebSockets, serial numbers of relayed ones.
    struct Credited {
        uint64_t number;
        bool to_client;
    };
    std::vector<Credited> credits_;
    uint64_t last_serial_ = 0;

    Refusals malformed_;
    uint64_t asked_count_ = 0, served_count_ = 0, refused_count_ = 0, lost_count_ = 0;
    uint64_t forwarded_count_ = 0, relayed_count_ = 0, refused_sockets_ = 0, lost_sockets_ = 0;
};

// Gets the messages of other nodes, and gives them to the workers. Owner: the first worker's part.
class RelayInbox final : public Nodes::Member {
public:
    RelayInbox(WorkerGroup& group, Nodes& nodes) : group_(group), nodes_(nodes) {}
    void add(RelayPart& part) { parts_.push_back(&part); }  // In the order of the workers.

    void on_publication(const Nodes::Incoming& publication) override;
    void on_question(const Nodes::Incoming& question) override;
    void on_gap(Nodes::Id from, uint64_t publications) override;
    void on_node(Nodes::Id node, std::string_view name, Nodes::Change change) override;

private:
    [[nodiscard]] bool is_first(const RelayPart& part) const noexcept {
        return &part == parts_.front();
    }
    // Calls it with the part of each worker, on that worker.
    template <class F>
    void each_part(const F& call);
    void refuse(std::string_view what);

    WorkerGroup& group_;
    Nodes& nodes_;
    std::vector<RelayPart*> parts_;
    Refusals malformed_;
};

}  // namespace starling::server
