// bench/starling_events.cpp: the server events of this library. Each message from /publish becomes
// an event of the channel at /ws/ServerEvent?Ref=bench. `starling_events PORT [WORKERS]`.
//
// A delivery has 16 bytes more than the message: the prefix of an event. The interval is 200 ms: 4 events a second pass the limit, which is checked for each
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
                         channels.publish("bench", message.text());
                     }});
    return server.run();
}
