// server/route.h: what answers the requests of one path of a site. Handlers of the application, static
// files, WebSocket endpoints, event streams and Engine.IO each implement it.
//
// Owner: Site. Built before the workers run and shared by all of them. Thread: every function is called
// on the thread of the worker that owns the connection.
#pragma once

#include <starling/http.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace starling::server {

class HttpConnection;

class Route {
public:
    // `body_bytes_max`: 413 beyond; 0: HttpLimits::body_bytes_max, which Site::add() fills in.
    explicit Route(uint64_t body_bytes_max = 0) noexcept : body_bytes_max_(body_bytes_max) {}
    virtual ~Route() = default;
    Route(const Route&) = delete;
    Route& operator=(const Route&) = delete;

    // Asked at the head of each request: the index of the worker that the request belongs to. That
    // worker gets the request with its connection. Nothing: the request stays where it arrived.
    [[nodiscard]] virtual std::optional<uint32_t> owner(std::string_view query_string) const {
        (void)query_string;
        return std::nullopt;
    }
    // The WebSocket endpoint that takes a request to switch to WebSocket: an index in
    // Site::websockets. Nothing: such a request is answered like any other.
    [[nodiscard]] virtual std::optional<size_t> websocket() const noexcept { return std::nullopt; }

    // The route's own rules for cross-origin requests, which answer() applies by itself. Null: the
    // rules of the server, applied before answer(). Lives as long as the route.
    [[nodiscard]] virtual const http::CorsOptions* cors() const noexcept { return nullptr; }

    // Called at the head of a request with a body. False: the response is the answer, the body is not
    // read, and the connection closes.
    [[nodiscard]] virtual bool begin_body(HttpConnection& connection, const http::Request& request,
                                          http::Response& response) {
        (void)connection, (void)request, (void)response;
        return true;
    }
    // Called with the whole request. The response is sent when the function returns, unless it was
    // promised by Response::later(), or HttpConnection::hand_over_to() gave the stream away. What the
    // function throws is logged and answered with 500.
    virtual void answer(HttpConnection& connection, const http::Request& request,
                        http::Response& response) = 0;

    [[nodiscard]] uint64_t body_bytes_max() const noexcept { return body_bytes_max_; }

private:
    friend struct Site;
    uint64_t body_bytes_max_;
};

// A handler of the application.
class HandlerRoute final : public Route {
public:
    explicit HandlerRoute(http::Handler handler) : handler_(std::move(handler)) {}
    void answer(HttpConnection&, const http::Request& request, http::Response& response) override {
        handler_(request, response);
    }

private:
    const http::Handler handler_;
};

}  // namespace starling::server
