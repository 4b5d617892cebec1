// The probe of a WebSocket and the upgrade to it: the part of ClientSession for which the transport
// is still polling (engine.io-protocol, "Upgrade").
#include "engineio/client_session.h"

namespace starling::engineio {

void ClientSession::start_probe() {
    memory_.websocket_worked = false;
    probe_ = Probe::opening;
    wire_.open_websocket();
}

// The server says nothing but `3probe` before it has `5`.
void ClientSession::take_probe_frame(const Decoded& decoded) {
    const Packet& packet = decoded.packet;
    const bool answers = decoded.fault == Fault::none && packet.type == Type::pong &&
                         packet.data == "probe" && probe_ == Probe::asked;
    if (!answers) {
        wire_.close_websocket();
        return probe_failed("probe error");
    }
    probe_ = Probe::pausing;
    memory_.websocket_worked = true;
    resume_wire();
    upgrade_if_paused();
}

// Also while polling pauses for the upgrade: then it goes on. Node's client stays paused there.
void ClientSession::probe_failed(std::string_view why) {
    const bool paused = probe_ == Probe::pausing;
    probe_ = Probe::none;
    memory_.websocket_worked = false;
    events_.on_upgrade_error(why);
    if (state_ == State::closed || !paused) return;
    if (paused_) pause_wire();
    if (!polling_ && !held_) {
        polling_ = true;
        wire_.poll();
    }
    flush();
    close_if_drained();
}

void ClientSession::upgrade_if_paused() {
    if (probe_ != Probe::pausing || state_ == State::closed || polling_ || !writable_) return;
    probe_ = Probe::none;
    transport_ = Transport::websocket;
    send_frame({Type::upgrade, false, {}}, false);
    if (paused_) pause_wire();
    events_.on_upgrade();
    flush();
    close_if_drained();
}

}  // namespace starling::engineio
