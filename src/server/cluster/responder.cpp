#include "server/cluster/responder.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <memory>
#include <utility>

#include "server/cluster/messages.h"

namespace starling::server {
namespace {

using Kind = cluster::Kind;

// A foreign question must not wait for acks for as long as its sender likes.
constexpr uint64_t ask_timeout_ms_max = 600'000;

boost::json::array event_of(const cluster::Message& message) {
    return boost::json::array(message.data.get_array(), boost::json::storage_ptr());
}

bool has_name(const boost::json::array& event) {
    return !event.empty() && event.front().is_string();
}

}  // namespace

void Responder::perform(cluster::Message& message, const socketio::NamespaceSetup* setup) {
    socketio::Adapter& adapter = core_.adapter();
    if (message.kind == Kind::emit) return deliver_event(message, adapter);
    if (message.kind != Kind::server_event) {
        if (auto command = to_command(message, adapter)) adapter.send(std::move(command));
        return;
    }
    const auto event = event_of(message);
    if (setup && has_name(event))
        core_.log_if_throws("server_side", [&] { core_.tell_listeners(*setup, event, {}); });
}

void Responder::ask(cluster::Message& question, const socketio::NamespaceSetup* setup,
                    Answer answer, Over over) {
    if (question.kind == Kind::server_event)
        return ask_server(question, setup, std::move(answer), std::move(over));
    if (question.kind == Kind::ask) return ask_clients(question, answer, std::move(over));
    ask_sockets(question, std::move(answer), std::move(over));
}

void Responder::ask_sockets(cluster::Message& question, Answer answer, Over over) {
    const bool ids = question.kind == Kind::list_sockets;
    core_.ask(
        to_command(question, core_.adapter()), request_timeout_ms_,
        [ids, answer = std::move(answer), over = std::move(over)](bool, socketio::Report& all) {
            cluster::Message found;
            found.kind = ids ? Kind::ids : Kind::fetched;
            if (ids)
                for (auto& socket : all.sockets) found.rooms.push_back(std::move(socket.id));
            else
                found.sockets = std::move(all.sockets);
            answer(std::move(found));
            if (over) over();
        });
}

void Responder::ask_clients(cluster::Message& question, const Answer& answer, Over over) {
    socketio::Adapter& adapter = core_.adapter();
    auto command = to_command(question, adapter);
    if (!command) return over ? over() : void();
    uint64_t& timeout_ms = command->target.flags.timeout_ms;
    if (timeout_ms == 0) timeout_ms = adapter.settings().ack_timeout_ms;
    timeout_ms = std::min(timeout_ms, ask_timeout_ms_max);
    const auto clients = std::make_shared<uint64_t>(0);
    core_.ask(
        command, timeout_ms,
        [over = std::move(over)](bool, socketio::Report&) {
            if (over) over();
        },
        [clients, answer](const socketio::Report& one, size_t workers) {
            for (const auto& response : one.responses) {
                cluster::Message ack;
                ack.kind = Kind::ask_ack;
                ack.take_data(sio::detail::own(response));
                answer(std::move(ack));
            }
            if (!one.first) return;
            *clients += one.expected;
            if (workers > 0) return;
            cluster::Message count;
            count.kind = Kind::ask_count;
            count.clients = *clients;
            answer(std::move(count));
        });
}

// As on a Node.js server, a node that does not listen to the event gives no answer.
void Responder::ask_server(cluster::Message& question, const socketio::NamespaceSetup* setup,
                           Answer answer, Over over) {
    const auto event = event_of(question);
    if (!setup || !has_name(event) || !socketio::Server::listens(*setup, event))
        return over ? over() : void();
    const auto acked = [worker = &worker_.lifetime(), answer = std::move(answer),
                        over = std::move(over)](boost::json::array values) {
        const base::Lifetime<Worker>::Use use(worker);
        if (!use) return;
        const auto value =
            std::make_shared<sio::Json>(values.empty() ? sio::Json() : std::move(values.front()));
        use->post([answer, over, value] {
            cluster::Message one;
            one.kind = Kind::server_answer;
            one.take_data(std::move(*value));
            answer(std::move(one));
            if (over) over();
        });
    };
    core_.log_if_throws("server_side", [&] { core_.tell_listeners(*setup, event, acked); });
}

}  // namespace starling::server
