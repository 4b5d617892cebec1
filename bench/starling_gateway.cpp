// bench/starling_gateway.cpp: this library's gateway. `starling_gateway PORT APPLICATION_URL KEY`.
// GET /heap answers with the bytes that the allocator has given out.
#include <malloc.h>
#include <starling/gateway.h>
#include <starling/server.h>

#include <string>

namespace http = starling::http;

int main(int argc, char** argv) {
    const std::string port = argc > 1 ? argv[1] : "9006";
    starling::Server server({.listen = "127.0.0.1:" + port, .workers = 1});
    starling::gateway::Route route;
    route.application = argc > 2 ? argv[2] : "http://127.0.0.1:9005/websocket/message";
    server.gateway({.routes = {route}, .api_keys = {argc > 3 ? std::string(argv[3]) : "bench"}});
    server.get("/heap", [](const http::Request&, http::Response& response) {
        const auto info = mallinfo2();  // In arenas, and in mappings of their own.
        response.text(std::to_string(info.uordblks + info.hblkhd) + "\n");
    });
    return server.run();
}
