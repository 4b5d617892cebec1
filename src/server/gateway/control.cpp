#include "server/gateway/control.h"

#include <starling/http.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/text.h"
#include "server/gateway/control_work.h"
#include "server/gateway/listing.h"
#include "server/gateway/nodes.h"
#include "server/gateway/part.h"
#include "server/http_connection.h"
#include "server/site.h"

namespace starling::server {
namespace {

// With Olares' rules, at least as large as in Olares' container; otherwise gateway::Options gives
// the limit.
constexpr size_t olares_body_bytes_max = 4 * 1024 * 1024;

void write(http::Response& response, const webhook::Answer& answer) {
    response.status(answer.status).header("Cache-Control", "no-store").json(answer.body);
}

base::Result<ControlRequest> read_send(std::string_view body, webhook::Reading reading) {
    auto request = webhook::read_send(body, reading);
    if (!request) return base::Failure(request.error());
    return ControlRequest(*std::move(request));
}

base::Result<ControlRequest> read_emit(std::string_view body, webhook::Reading reading) {
    auto request = webhook::read_emit(body, reading);
    if (!request) return base::Failure(request.error());
    return ControlRequest(*std::move(request));
}

base::Result<ControlRequest> read_close(std::string_view body, webhook::Reading reading) {
    auto request = webhook::read_close(body, reading);
    if (!request) return base::Failure(request.error());
    return ControlRequest(*std::move(request));
}

base::Result<ControlRequest> read_join(std::string_view body, webhook::Reading reading) {
    auto request = webhook::read_topic(body, reading);
    if (!request) return base::Failure(request.error());
    return ControlRequest(JoinRequest{*std::move(request)});
}

base::Result<ControlRequest> read_leave(std::string_view body, webhook::Reading reading) {
    auto request = webhook::read_topic(body, reading);
    if (!request) return base::Failure(request.error());
    return ControlRequest(LeaveRequest{*std::move(request)});
}

base::Result<ControlRequest> read_publish(std::string_view body, webhook::Reading reading) {
    auto request = webhook::read_publish(body, reading);
    if (!request) return base::Failure(request.error());
    return ControlRequest(*std::move(request));
}

// The common part of all routes of the control API. These routes answer also while the server
// stops, so that an application can still send to the clients that are being closed.
class ControlRoute : public Route {
public:
    // `path` lives for ever.
    ControlRoute(Gateway& gateway, std::string_view path)
        : Route(gateway.olares()
                    ? std::max(olares_body_bytes_max, gateway.options().control_body_bytes_max)
                    : gateway.options().control_body_bytes_max),
          gateway_(gateway),
          path_(path) {}

    [[nodiscard]] bool answers_while_stopping() const noexcept final { return true; }
    [[nodiscard]] bool is_control() const noexcept final { return true; }

protected:
    // False: the response refuses the request.
    [[nodiscard]] bool allows(const http::Request& request, http::Response& response) const {
        return gateway_.allows(request) || refuse_stranger(response);
    }
    [[nodiscard]] bool refuse_stranger(http::Response& response) const {
        response.header("WWW-Authenticate", "Bearer");
        refuse(response, 401, "an API key is needed: X-Api-Key, or Authorization: Bearer");
        return false;
    }
    void refuse(http::Response& response, uint16_t status, std::string_view problem) const {
        gateway_.log().refused(path_, status, problem);
        write(response, webhook::problem(gateway_.reading(), status, problem));
    }

    Gateway& gateway_;

private:
    const std::string_view path_;
};

class PostRoute final : public ControlRoute {
public:
    using Reader = base::Result<ControlRequest> (*)(std::string_view, webhook::Reading);
    PostRoute(Gateway& gateway, std::string_view path, Reader reader)
        : ControlRoute(gateway, path), read_(reader) {}

    // Checks the key before the body is read, so that a stranger's body costs no memory.
    [[nodiscard]] bool begin_body(HttpConnection&, const http::Request& request,
                                  http::Response& response) override {
        if (!allows(request, response)) return false;
        if (gateway_.olares() || is_json(request)) return true;
        refuse(response, 415, "Content-Type: application/json is wanted");
        return false;
    }

    void answer(HttpConnection& connection, const http::Request& request,
                http::Response& response) override {
        // begin_body() has checked a request with a body.
        if (request.body().empty() && !allows(request, response)) return;
        auto control = read_(request.body(), gateway_.reading());
        if (!control) return refuse(response, 400, control.error());
        const std::string_view key = request.header("idempotency-key");
        if (request.has_header("idempotency-key") && !claim(connection, key, response)) return;
        GatewayPart& here = gateway_.part(connection.worker());
        if (const auto count = ControlWork::run_here(gateway_, here, *control)) {
            const webhook::Answer answer = webhook::success(*count);
            remember(key, answer);
            return write(response, answer);
        }
        spread_everywhere(gateway_, here, *std::move(control),
                          [this, reply = response.later(),
                           key = std::string(key)](const ControlWork::Result& result) {
                              const webhook::Answer answer =
                                  result.complete
                                      ? webhook::success(result.connections, result.missing_nodes)
                                      : webhook::problem(gateway_.reading(), 503,
                                                         "too much is on its way to the workers: "
                                                         "some connections were not reached");
                              remember(key, answer);
                              http::Response late;
                              write(late, answer);
                              reply.send(std::move(late));
                          });
    }

private:
    static bool is_json(const http::Request& request) noexcept {
        const std::string_view type = request.header("content-type");
        return base::iequals(base::trim(type.substr(0, type.find(';'))), "application/json");
    }

    // True: the request is the first with this key. False: `response` holds the answer.
    bool claim(HttpConnection& connection, std::string_view key, http::Response& response) {
        if (key.empty() || key.size() > webhook::IdempotencyCache::key_bytes_max)
            return refuse(response, 400, "Idempotency-Key: 1 to 255 bytes are wanted"), false;
        Gateway::Idempotency& idempotency = gateway_.idempotency();
        const std::lock_guard lock(idempotency.mutex);
        const auto claim = idempotency.answers.claim(key, connection.worker().loop().now_ms());
        using Found = webhook::IdempotencyCache::Found;
        if (claim.found == Found::nothing) return true;
        if (claim.found == Found::answer)
            write(response, *claim.answer);
        else
            refuse(response, 409, "Idempotency-Key: the first request with it is under way");
        return false;
    }
    void remember(std::string_view key, const webhook::Answer& answer) const {
        if (key.empty()) return;
        Gateway::Idempotency& idempotency = gateway_.idempotency();
        const std::lock_guard lock(idempotency.mutex);
        if (answer.status == 503)
            // So that the application may repeat the request with this key.
            idempotency.answers.forget(key);
        else
            idempotency.answers.answer(key, answer);
    }

    const Reader read_;
};

class ListRoute final : public ControlRoute {
public:
    using ControlRoute::ControlRoute;
    void answer(HttpConnection& connection, const http::Request& request,
                http::Response& response) override {
        if (!allows(request, response)) return;
        auto query = read_list_query(request.query_string());
        if (!query) return refuse(response, 400, query.error());
        response.header("Cache-Control", "no-store").header("Content-Type", "application/json");
        start_listing(gateway_, gateway_.part(connection.worker()), *std::move(query),
                      response.later());
    }
};

// The log shows the messages of clients, so it always needs a key, even if the other routes need
// none.
class LogRoute final : public ControlRoute {
public:
    using ControlRoute::ControlRoute;
    void answer(HttpConnection& connection, const http::Request& request,
                http::Response& response) override {
        if (!gateway_.has_key(request)) return (void)refuse_stranger(response);
        if (connection.worker().stopping()) return refuse(response, 503, "the server stops");
        response.header("Cache-Control", "no-store");
        // Without this field nginx holds events back until its buffer is full.
        response.header("X-Accel-Buffering", "no").body("", "text/event-stream");
        if (request.method() == "HEAD") return;
        webhook::NameSet paths;
        for (const auto& route : gateway_.routes()) paths.add(route->options.path);
        if (!gateway_.log().read(connection, response, paths))
            refuse(response, 503, "the log has too many readers");
    }
};

// Olares' container has this path for its own tests; applications do not use the answer.
class DebugRoute final : public ControlRoute {
public:
    using ControlRoute::ControlRoute;
    void answer(HttpConnection&, const http::Request& request, http::Response& response) override {
        if (allows(request, response)) write(response, webhook::success());
    }
};

}  // namespace

void mount_control(Site& site, Gateway& gateway) {
    const auto post = [&](std::string_view path, PostRoute::Reader reader) {
        site.add("POST", path, std::make_unique<PostRoute>(gateway, path, reader));
    };
    post("/tapr/ws/conn/send", read_send);
    post("/tapr/ws/conn/emit", read_emit);
    post("/tapr/ws/conn/close", read_close);
    post("/tapr/ws/topic/join", read_join);
    post("/tapr/ws/topic/leave", read_leave);
    post("/tapr/ws/topic/publish", read_publish);
    constexpr std::string_view list = "/tapr/ws/conn/list", log = "/tapr/ws/log",
                               debug = "/tapr/ws/conn/debug";
    site.add("GET", list, std::make_unique<ListRoute>(gateway, list));
    site.add("GET", log, std::make_unique<LogRoute>(gateway, log));
    if (gateway.olares()) site.add("POST", debug, std::make_unique<DebugRoute>(gateway, debug));
}

}  // namespace starling::server
