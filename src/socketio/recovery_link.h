// socketio/recovery_link.h: the sessions of clients where all nodes of a cluster find them, and the
// one order in which all nodes deliver the events that clients may recover. Only a cluster with
// streams has it; otherwise the History of the process does both.
//
// Owner: the code that joins the cluster; it lives as long as the workers run. Thread: any.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "socketio/command.h"
#include "socketio/history.h"

namespace starling::socketio {

// A client that comes back. Each member but `nsp` is what the client says. A client that has got nothing
// yet has no offset.
struct SessionClaim {
    std::string pid;
    std::string nsp;
    std::string offset;
};

struct RestoredSession {
    SavedSession who;
    std::string had_by;  // The other node that had the client, if it is known.
    // What came behind `from` is in the History.
    StreamPlace from;
    // What the client missed up to `from`, oldest first.
    std::vector<std::shared_ptr<const Command>> older;
};

// A client whose session another node has taken is ended by Adapter::client_has_moved().
class RecoveryLink {
public:
    // Publishes an event, whose name and values are in `args`. It reaches the clients of this process
    // when it comes back in the order of the stream, by Adapter::deliver_in_order().
    virtual void publish(std::shared_ptr<const Command> event) = 0;
    // `left`: their clients are gone, and may come back from now on for max_disconnection_duration.
    virtual void save_sessions(std::vector<SavedSession> sessions, bool left) = 0;
    // The clients are still here.
    struct SessionName {
        std::string pid, nsp, id;
    };
    virtual void refresh_sessions(std::vector<SessionName> sessions) = 0;
    virtual void forget_session(std::string pid) = 0;
    // Takes a session, which no other node can take then. `done` is called once, on any thread, with
    // nothing if the client starts anew.
    using Claimed = std::function<void(std::optional<RestoredSession>)>;
    virtual void claim_session(SessionClaim claim, Claimed done) = 0;
    // The number of the stream that the events of the namespace are in.
    [[nodiscard]] virtual uint32_t stream_of(std::string_view nsp) const = 0;

protected:
    ~RecoveryLink() = default;
};

}  // namespace starling::socketio
