#include "server/admin/connections.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "server/admin/admin.h"
#include "server/worker.h"
#include "server/ws_connection.h"

namespace starling::server {
namespace {

constexpr uint32_t round_slots = 512;  // Looked at in one call.
constexpr size_t round_bytes = 64 * 1024;
constexpr std::chrono::milliseconds answer_max{2000};

// Null: the stream is no connection of the server, but one of a client loop.
Connection* connection_of(const net::Stream& stream) noexcept {
    return dynamic_cast<Connection*>(stream.handler());
}

ConnectionFacts facts_of(const net::Stream& stream, Connection& connection) {
    ConnectionFacts facts;
    facts.secure = stream.is_secure();
    facts.queued_bytes = stream.queued_bytes();
    connection.describe(facts);
    if (facts.address.empty()) facts.address = stream.peer_ip();
    return facts;
}

// One search. Each call on a worker gives back what it found and the place where to go on.
class Search : public std::enable_shared_from_this<Search> {
public:
    Search(Admin& admin, ConnectionQuery query, std::function<void(ConnectionPage)> done)
        : admin_(admin), query_(std::move(query)), done_(std::move(done)) {}

    void go_on() {
        const auto& workers = admin_.group().workers;
        if (query_.worker >= workers.size()) return finish(false);
        if (page_.connections.size() >= query_.limit) return finish(true);
        Worker& worker = *workers[query_.worker];
        const uint64_t step = ++step_;
        const size_t room = query_.limit - page_.connections.size();
        const bool posted = worker.post_bounded(
            round_bytes, [self = shared_from_this(), &worker, step, room, query = query_] {
                auto found = std::make_shared<std::vector<FoundConnection>>();
                const uint32_t next = look(worker, query, room, *found);
                const bool last = next >= worker.loop().streams().slots();
                self->admin_.home().post([self, step, found, next, last] {
                    if (step == self->step_) self->take(std::move(*found), next, last);
                });
            });
        if (!posted) return skip();
        admin_.home().after(answer_max, [self = shared_from_this(), step] {
            if (step == self->step_) self->skip();
        });
    }

private:
    // Returns the next slot to look at.
    static uint32_t look(Worker& worker, const ConnectionQuery& query, size_t room,
                         std::vector<FoundConnection>& found) {
        const auto& streams = worker.loop().streams();
        const uint32_t end = std::min(streams.slots(), query.slot + round_slots);
        for (uint32_t slot = query.slot; slot < end; ++slot) {
            const net::Stream* const stream = streams.object_at(slot);
            Connection* const connection = stream ? connection_of(*stream) : nullptr;
            if (!connection || !stream->is_open()) continue;
            ConnectionFacts facts = facts_of(*stream, *connection);
            if (!query.matches(facts)) continue;
            found.push_back({{worker.index(), stream->slot_key()}, std::move(facts)});
            if (found.size() >= room) return slot + 1;
        }
        return end;
    }

    void take(std::vector<FoundConnection> found, uint32_t next, bool last) {
        for (FoundConnection& one : found) page_.connections.push_back(std::move(one));
        query_.slot = last ? 0 : next;
        if (last) ++query_.worker;
        go_on();
    }

    void skip() {
        page_.complete = false;
        ++query_.worker;
        query_.slot = 0;
        go_on();
    }

    void finish(bool more) {
        ++step_;
        if (more) page_.next = std::to_string(query_.worker) + ":" + std::to_string(query_.slot);
        if (const auto done = std::exchange(done_, nullptr)) done(std::move(page_));
    }

    Admin& admin_;
    ConnectionQuery query_;
    std::function<void(ConnectionPage)> done_;
    ConnectionPage page_;
    uint64_t step_ = 0;  // An answer to an earlier step comes too late.
};

// Calls call(stream, connection) on the connection's worker, which returns a Result; `done` gets
// it, or null, once, on the thread of the admin listener.
template <class Result>
void on_connection(Admin& admin, ConnectionId id,
                   std::function<Result(net::Stream&, Connection&)> call,
                   std::function<void(std::shared_ptr<Result>)> done) {
    const auto once =
        std::make_shared<std::function<void(std::shared_ptr<Result>)>>(std::move(done));
    const auto tell = [once](std::shared_ptr<Result> result) {
        if (const auto first = std::exchange(*once, nullptr)) first(std::move(result));
    };
    if (id.worker >= admin.group().workers.size()) return tell(nullptr);
    Worker& worker = *admin.group().workers[id.worker];
    const bool posted =
        worker.post_bounded(round_bytes, [&admin, &worker, id, call = std::move(call), tell] {
            std::shared_ptr<Result> result;
            net::Stream* const stream = worker.loop().find(id.key);
            Connection* const connection = stream ? connection_of(*stream) : nullptr;
            if (connection && stream->is_open())
                result = std::make_shared<Result>(call(*stream, *connection));
            admin.home().post([tell, result] { tell(result); });
        });
    if (!posted) return tell(nullptr);
    admin.home().after(answer_max, [tell] { tell(nullptr); });
}

constexpr const char* gone = "there is no such connection";

}  // namespace

bool ConnectionQuery::matches(const ConnectionFacts& facts) const {
    if (!kind.empty() && facts.kind != kind) return false;
    if (!user.empty() && facts.user != user) return false;
    if (addresses && !addresses->contains(facts.address)) return false;
    if (!path.empty() && !facts.path.starts_with(path)) return false;
    return room.empty() || std::ranges::find(facts.rooms, room) != facts.rooms.end();
}

bool read_cursor(std::string_view text, ConnectionQuery& query) {
    const char* const end = text.data() + text.size();
    const auto worker = std::from_chars(text.data(), end, query.worker);
    if (worker.ec != std::errc() || worker.ptr == end || *worker.ptr != ':') return false;
    const auto slot = std::from_chars(worker.ptr + 1, end, query.slot);
    return slot.ec == std::errc() && slot.ptr == end && query.slot >> base::slot_bits == 0;
}

void find_connections(Admin& admin, ConnectionQuery query,
                      std::function<void(ConnectionPage)> done) {
    std::make_shared<Search>(admin, std::move(query), std::move(done))->go_on();
}

void describe_connection(Admin& admin, ConnectionId id,
                         std::function<void(std::shared_ptr<FoundConnection>)> done) {
    on_connection<FoundConnection>(
        admin, id,
        [id](net::Stream& stream, Connection& connection) {
            return FoundConnection{id, facts_of(stream, connection)};
        },
        std::move(done));
}

void disconnect(Admin& admin, ConnectionId id, uint16_t code, std::string reason, Outcome done) {
    on_connection<bool>(
        admin, id,
        [code, reason = std::move(reason)](net::Stream&, Connection& connection) {
            connection.disconnect(code, reason);
            return true;
        },
        [done = std::move(done)](const std::shared_ptr<bool>& found) { done(found ? "" : gone); });
}

void on_websocket(Admin& admin, ConnectionId id, std::function<std::string(WsConnection&)> call,
                  Outcome done) {
    on_connection<std::string>(
        admin, id,
        [call = std::move(call)](net::Stream&, Connection& connection) -> std::string {
            auto* const socket = dynamic_cast<WsConnection*>(&connection);
            return socket ? call(*socket) : "this connection is no WebSocket";
        },
        [done = std::move(done)](const std::shared_ptr<std::string>& problem) {
            done(problem ? *problem : gone);
        });
}

void send_text(Admin& admin, ConnectionId id, std::string text, Outcome done) {
    on_websocket(
        admin, id,
        [text = std::move(text)](WsConnection& socket) -> std::string {
            const bool sent = socket.send(ws::Message(text)) == ws::SendResult::sent;
            return sent ? "" : "the message did not fit into the queue of the connection";
        },
        std::move(done));
}

}  // namespace starling::server
