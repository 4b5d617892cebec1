// socketio/cluster_link.h: the other processes of a cluster, as the Socket.IO of this process sees
// them. Without a cluster the adapter holds a null pointer.
//
// Owner: the code that joins the cluster; it lives as long as the workers run. Thread: any.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "socketio/command.h"

namespace starling::socketio {

class RecoveryLink;

class ClusterLink {
public:
    // Does on the other nodes what the command says, if the command is not local. If a request waits
    // for reports, the cluster reports to command->origin as one more worker does; its report with
    // `first` comes last. An emit or ask holds its event in `args`.
    virtual void send(std::shared_ptr<const Command> command) = 0;
    // A worker opened or closed a namespace that was not declared by name.
    virtual void namespace_opened(const std::string& nsp, NamespaceSetup& setup) noexcept = 0;
    virtual void namespace_closed(const std::string& nsp) noexcept = 0;
    // A room got its first member on a worker, or lost its last one. `of_one_socket`: the room of a
    // socket's own id.
    virtual void room_opened(const std::string& nsp, std::string_view room,
                             bool of_one_socket) noexcept = 0;
    virtual void room_closed(const std::string& nsp, std::string_view room) noexcept = 0;

    // Null: clients recover on the node that they left, and nowhere else.
    [[nodiscard]] virtual RecoveryLink* recovery() noexcept { return nullptr; }

protected:
    ~ClusterLink() = default;
};

}  // namespace starling::socketio
