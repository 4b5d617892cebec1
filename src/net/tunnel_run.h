// net/tunnel_run.h: carries out a Tunnel on a connected socket. Private to net/dialer.cpp.
//
// Owner: the dial; destroying it closes the socket. Thread: the loop's.
#pragma once

#include <memory>
#include <string>

#include "net/dialer.h"
#include "net/socket.h"
#include "net/tunnel.h"
#include "net/watch.h"

namespace starling::net {

class TunnelRun final : private Watcher {
public:
    // One of the two is called, never from within the constructor. It may destroy the TunnelRun.
    class Owner {
    public:
        // `rest`: what arrived after the proxy's answer.
        virtual void on_tunnel(Descriptor fd, std::string rest) = 0;
        virtual void on_no_tunnel(DialError error) = 0;

    protected:
        ~Owner() = default;
    };

    // Throws std::system_error if the kernel has no memory to watch the socket.
    TunnelRun(Loop& loop, Descriptor fd, std::unique_ptr<Tunnel> tunnel, Owner& owner);

private:
    void on_ready(bool readable, bool writable) override;
    void send();
    void receive();
    void fail(std::string text, int status = 0);

    const std::unique_ptr<Tunnel> tunnel_;
    Owner& owner_;
    std::string_view unsent_;
    Descriptor fd_;
    Watch watch_;
};

}  // namespace starling::net
