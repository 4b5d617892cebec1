// app/cluster_demo/panel.h: the page of the cluster demo and what it calls, on 127.0.0.1:
//
//     GET  /api/cluster                   the state, see Demo::state() in app/cluster_demo/demo.cpp
//     POST /api/cluster/PROCESS/BUTTON    PROCESS: 1 to 9, or redis; BUTTON: kill, freeze, thaw, restart.
//                                         The state; 404: no such process or button; 409: not possible now
//
// Both need the key, see app/cluster_demo/access.h.
//
// Owner: the demo. Thread: main's. The calls run on the loop, which runs on that thread.
#pragma once

#include <starling/client.h>
#include <starling/server.h>

#include <boost/json/value.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace starling::app::cluster_demo {

class Panel {
public:
    enum class Outcome : uint8_t { done, unknown, impossible };
    struct Calls {
        std::function<boost::json::value()> state;
        std::function<Outcome(std::string_view process, std::string_view button)> press;
    };
    // `web`: the folder of the demo's pages.
    Panel(ClientLoop& loop, uint16_t port, std::string web, std::string key, Calls calls);
    ~Panel();
    Panel(const Panel&) = delete;
    Panel& operator=(const Panel&) = delete;

    // Throws as Server::start() does.
    void start() { server_.start(); }

private:
    void mount(const std::string& web);
    void answer(const http::Request& request, http::Response& response,
                std::function<void(http::Response&)> fill);

    ClientLoop& loop_;
    std::string key_;
    Calls calls_;
    Server server_;
};

}  // namespace starling::app::cluster_demo
