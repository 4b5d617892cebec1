// bench/starling_events.cpp: the server events of this library. Each message from /publish becomes
// an event of the channel at /ws/ServerEvent?Ref=bench. `starling_events PORT [WORKERS]`.
//
// The prefix of an event replaces the first 16 bytes, so that a delivery has as many bytes as the
// message. The interval is 200 ms: 4 events a second pass the limit, which is checked for each
// event.
#include <starling/server.h>

#include <chrono>
#include <cstdlib>
#include <string>

namespace events = starling::events;
namespace ws = starling::ws;

int main(int argc, char** argv) {
    const std::string port = argc > 1 ? argv[1] : "9001";
    const auto workers = static_cast<unsigned>(argc > 2 ? std::atoi(argv[2]) : 1);
    starling::Server server({.listen = "127.0.0.1:" + port, .workers = workers});
    events::Channels& channels = server.events();
    channels.declare({.pattern = "bench", .interval = std::chrono::milliseconds(200)});
    server.websocket("/publish", {.message = [&channels](ws::Socket, ws::Message message) {
                         constexpr size_t prefix_bytes = 16;
                         if (message.size() > prefix_bytes)
                             channels.publish("bench", message.text().substr(prefix_bytes));
                     }});
    return server.run();
}
