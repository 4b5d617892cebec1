// server/route.h: answers the requests of one path of a site. Handlers of the application, static
// files, WebSocket endpoints, event streams and Engine.IO each implement this interface.
//
// Owner: Site. Built before the workers run and shared by all of them. Thread: every function is
//        called on the thread of the worker that owns the connection.
#pragma once

#include <starling/http.h>
#include <starling/server.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace starling::server {

class HttpConnection;

class Route {
public:
    // Larger bodies get 413, slower requests 408. Nothing: the values of HttpLimits hold.
    explicit Route(std::optional<uint64_t> body_bytes_max = std::nullopt,
                   std::optional<std::chrono::milliseconds> request_timeout = std::nullopt) noexcept
        : body_bytes_max_(body_bytes_max), request_timeout_(request_timeout) {}
    virtual ~Route() = default;
    Route(const Route&) = delete;
    Route& operator=(const Route&) = delete;

    // Called at the head of each request. Returns the index of the worker that the request belongs
    // to: the connection then moves to that worker. Nothing: the request stays where it arrived.
    [[nodiscard]] virtual std::optional<uint32_t> owner(std::string_view query_string) const {
        (void)query_string;
        return std::nullopt;
    }
    // The WebSocket endpoint for requests to switch to WebSocket, an index of Site::websockets.
    // Nothing: such a request is answered like any other.
    [[nodiscard]] virtual std::optional<size_t> websocket() const noexcept { return std::nullopt; }

    // The route's own rules for cross-origin requests, which answer() applies itself. Null: the
    // rules of the server apply, before answer(). The result lives as long as the route.
    [[nodiscard]] virtual const http::CorsOptions* cors() const noexcept { return nullptr; }

    // True: if an address of the server is reserved for the control API (Listen::Serves), requests
    // to this route come only by such an address.
    [[nodiscard]] virtual bool is_control() const noexcept { return false; }
    // False: the route is for hosts without a site of their own (starling::HostSite) alone, unless it
    // was added to that site.
    [[nodiscard]] virtual bool is_for_every_host() const noexcept { return true; }
    // True: this route answers requests also while the server stops; the listeners stay open until
    // the features have finished. Meanwhile requests to other routes get 503.
    [[nodiscard]] virtual bool answers_while_stopping() const noexcept { return false; }

    // Called at the head of a request with a body. False: `response` is the answer, the body is not
    // read, and the connection closes.
    [[nodiscard]] virtual bool begin_body(HttpConnection& connection, const http::Request& request,
                                          http::Response& response) {
        (void)connection, (void)request, (void)response;
        return true;
    }
    // Called with the whole request. The response is sent when the function returns, unless
    // Response::later() promised it or HttpConnection::hand_over_to() gave the stream away. An
    // exception is logged and answered with 500.
    virtual void answer(HttpConnection& connection, const http::Request& request,
                        http::Response& response) = 0;

    [[nodiscard]] uint64_t body_bytes_max(const HttpLimits& limits) const noexcept {
        return body_bytes_max_.value_or(limits.body_bytes_max);
    }
    // For head and body together.
    [[nodiscard]] std::chrono::milliseconds request_timeout(
        const HttpLimits& limits) const noexcept {
        return request_timeout_.value_or(limits.request_timeout);
    }

private:
    friend struct Site;
    const std::optional<uint64_t> body_bytes_max_;
    const std::optional<std::chrono::milliseconds> request_timeout_;
};

// A handler of the application.
class HandlerRoute final : public Route {
public:
    explicit HandlerRoute(http::Handler handler) : handler_(std::move(handler)) {}
    explicit HandlerRoute(http::Route options)
        : Route(options.body_bytes_max, options.request_timeout),
          handler_(std::move(options.handler)) {}
    void answer(HttpConnection&, const http::Request& request, http::Response& response) override {
        handler_(request, response);
    }

private:
    const http::Handler handler_;
};

}  // namespace starling::server
