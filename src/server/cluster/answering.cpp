// server/cluster/answering.cpp: what other nodes want done here, and what they ask.
#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <utility>

#include "server/cluster/messages.h"
#include "server/cluster/part.h"

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

void ClusterPart::answer(const cluster::Asker& to, cluster::Message&& message) {
    if (!node_) return;
    node_->answer(to, message);
    touched();
}

void ClusterPart::perform(cluster::Message& message) {
    if (message.kind == Kind::emit) return deliver_event(message, adapter_);
    if (message.kind != Kind::server_event) {
        if (auto command = to_command(message, adapter_)) adapter_.send(std::move(command));
        return;
    }
    const auto* const setup = setup_of(message.nsp);
    const auto event = event_of(message);
    if (setup && has_name(event))
        core_.log_if_throws("server_side", [&] { core_.tell_listeners(*setup, event, {}); });
}

void ClusterPart::ask(cluster::Message& question, cluster::Asker asker) {
    if (question.kind == Kind::server_event) return ask_server(question, std::move(asker));
    if (question.kind == Kind::ask) return ask_clients(question, std::move(asker));
    ask_sockets(question, std::move(asker));
}

void ClusterPart::ask_sockets(cluster::Message& question, cluster::Asker asker) {
    const bool ids = question.kind == Kind::list_sockets;
    core_.ask(to_command(question, adapter_), settings_.node.request_timeout_ms,
              [this, ids, asker = std::move(asker)](bool, socketio::Report& all) {
                  if (!node_) return;
                  cluster::Message found;
                  found.kind = ids ? Kind::ids : Kind::fetched;
                  if (ids)
                      for (auto& socket : all.sockets) found.rooms.push_back(std::move(socket.id));
                  else
                      found.sockets = std::move(all.sockets);
                  node_->answered();
                  answer(asker, std::move(found));
              });
}

void ClusterPart::ask_clients(cluster::Message& question, cluster::Asker asker) {
    auto command = to_command(question, adapter_);
    if (!command) return node_->answered();
    uint64_t& timeout_ms = command->target.flags.timeout_ms;
    if (timeout_ms == 0) timeout_ms = adapter_.settings().ack_timeout_ms;
    timeout_ms = std::min(timeout_ms, ask_timeout_ms_max);
    const auto clients = std::make_shared<uint64_t>(0);
    core_.ask(
        command, timeout_ms,
        [this](bool, socketio::Report&) {
            if (node_) node_->answered();
        },
        [this, clients, asker = std::move(asker)](const socketio::Report& one, size_t workers) {
            for (const auto& response : one.responses) {
                cluster::Message ack;
                ack.kind = Kind::ask_ack;
                ack.take_data(sio::detail::own(response));
                answer(asker, std::move(ack));
            }
            if (!one.first) return;
            *clients += one.expected;
            if (workers > 0) return;
            cluster::Message count;
            count.kind = Kind::ask_count;
            count.clients = *clients;
            answer(asker, std::move(count));
        });
}

// As on a Node.js server, a node that does not listen to the event does not answer.
void ClusterPart::ask_server(cluster::Message& question, cluster::Asker asker) {
    node_->answered();  // Whether and when an ack comes is the application's matter.
    const auto* const setup = setup_of(question.nsp);
    const auto event = event_of(question);
    if (!setup || !has_name(event)) return;
    const auto acked = [this, worker = &worker_.lifetime(),
                        asker = std::move(asker)](boost::json::array values) {
        const base::Lifetime<Worker>::Use use(worker);
        if (!use) return;
        const auto value =
            std::make_shared<sio::Json>(values.empty() ? sio::Json() : std::move(values.front()));
        use->post([this, asker, value] {
            cluster::Message one;
            one.kind = Kind::server_answer;
            one.take_data(std::move(*value));
            answer(asker, std::move(one));
        });
    };
    core_.log_if_throws("server_side", [&] { core_.tell_listeners(*setup, event, acked); });
}

void ClusterPart::warn(std::string_view what, uint64_t refused) {
    const std::string count = std::to_string(refused);
    const std::array<log::Field, 1> fields{{{"count", count}}};
    worker_.log(log::Level::warn, "cluster: refused " + std::string(what), fields);
}

}  // namespace starling::server
