// server/cluster/responder.h: does in this process what other nodes want done, and answers what they
// ask, whatever carries their messages.
//
// Owner: the part that hears the other nodes. Thread: the first worker's.
#pragma once

#include <cstdint>
#include <functional>

#include "cluster/message.h"
#include "server/worker.h"
#include "socketio/adapter.h"
#include "socketio/server.h"

namespace starling::server {

class Responder {
public:
    // Gets each answer: its kind and content. Not called after the loop has ended.
    using Answer = std::function<void(cluster::Message&&)>;
    // This process has no more answers. May be empty.
    using Over = std::function<void()>;

    // `core`: the Socket.IO of the first worker.
    Responder(Worker& worker, socketio::Server& core, uint64_t request_timeout_ms)
        : worker_(worker), core_(core), request_timeout_ms_(request_timeout_ms) {}

    // `message` and its data end with the call. `setup` is that of its namespace; null: there is none
    // here. perform() does an emit, join, leave, disconnect, or a server_event without an answer.
    void perform(cluster::Message& message, const socketio::NamespaceSetup* setup);
    // A question: fetch, list_sockets, ask or server_event. `over` of a server_event comes after the
    // ack of the application, which may never come.
    void ask(cluster::Message& question, const socketio::NamespaceSetup* setup, Answer answer,
             Over over);

private:
    void ask_sockets(cluster::Message& question, Answer answer, Over over);
    void ask_clients(cluster::Message& question, const Answer& answer, Over over);
    void ask_server(cluster::Message& question, const socketio::NamespaceSetup* setup,
                    Answer answer, Over over);

    Worker& worker_;
    socketio::Server& core_;
    const uint64_t request_timeout_ms_;
};

}  // namespace starling::server
