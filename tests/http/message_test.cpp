// Request, Response, Reply, CORS and the response writer.
#include <gtest/gtest.h>
#include <starling/http.h>

#include <boost/json/value.hpp>
#include <stdexcept>

#include "base/lifetime.h"
#include "http/request_parts.h"
#include "http/response_access.h"
#include "http/response_writer.h"

namespace starling::http {
namespace {

TEST(HttpRequest, ReadsItsParts) {
    const Field fields[] = {{"Content-Type", "Application/X-WWW-Form-Urlencoded; charset=utf-8"},
                            {"COOKIE", "a=1"},
                            {"Cookie", "b=2"},
                            {"Empty", ""}};
    const Param params[] = {{"id", "a/b"}};
    RequestParts parts;
    parts.path = "/x%20y";
    parts.query = "q=1&q=%32";
    parts.body = "n=5+6";
    parts.fields = fields;
    parts.params = params;
    const Request request(parts);
    EXPECT_EQ(request.path(), "/x y");
    EXPECT_EQ(request.raw_path(), "/x%20y");
    EXPECT_EQ(request.query("q"), "1");
    EXPECT_EQ(request.query_all("q"), (std::vector<std::string>{"1", "2"}));
    EXPECT_EQ(request.form("n"), "5 6");
    EXPECT_EQ(request.cookie("b"), "2");
    EXPECT_EQ(request.cookie("c"), std::nullopt);
    EXPECT_EQ(request.header("cookie"), "a=1");
    EXPECT_TRUE(request.has_header("empty"));
    EXPECT_FALSE(request.has_header("none"));
    EXPECT_EQ(request.param("id"), "a/b");
    EXPECT_EQ(request.param("none"), "");

    parts.fields = std::span(fields).subspan(1);
    EXPECT_EQ(Request(parts).form("n"), std::nullopt);
}

TEST(HttpResponse, SetsAndReplacesFields) {
    Response response;
    response.header("A", "1").add_header("a", " 2 ").header("B", "3");
    EXPECT_EQ(response.field_lines(), "A: 1\r\na: 2\r\nB: 3\r\n");
    response.header("a", "4");
    EXPECT_EQ(response.field_lines(), "B: 3\r\na: 4\r\n");
    EXPECT_EQ(response.header("A"), "4");
    response.header("C", "");
    EXPECT_TRUE(response.has_header("c"));
    EXPECT_FALSE(response.has_header("d"));
    response.cookie("x", "1").cookie("y", "2");
    EXPECT_NE(response.field_lines().find("Set-Cookie: x=1; "), std::string_view::npos);
    EXPECT_NE(response.field_lines().find("Set-Cookie: y=2; "), std::string_view::npos);
}

TEST(HttpResponse, RefusesWhatWouldSplitIt) {
    const std::string before = "A: 1\r\n";
    const std::pair<std::string, std::string> fields[] = {
        {"A", "b\r\nC: d"},
        {"A", "b\n"},
        {"A", std::string(1, '\0')},
        {"A", "\r"},
        {"A\r\n", "b"},
        {"A:", "b"},
        {"", "b"},
        {"A b", "c"},
        {"Content-Length", "5"},
        {"transfer-encoding", "chunked"},
        {"Connection", "upgrade"},
    };
    for (const auto& [name, value] : fields) {
        Response response;
        response.header("A", "1");
        EXPECT_THROW(response.header(name, value), std::invalid_argument) << name << " " << value;
        EXPECT_THROW(response.add_header(name, value), std::invalid_argument) << name;
    }
    Response response;
    for (const int status : {0, 100, 101, 199, 600})
        EXPECT_THROW(response.status(status), std::invalid_argument);
    EXPECT_THROW(response.redirect("/\r\nA: b"), std::invalid_argument);
    EXPECT_THROW(response.redirect("/", 200), std::invalid_argument);
    EXPECT_THROW((void)response.later(), std::logic_error);
    const auto bytes = std::make_shared<const std::string>("abc");
    EXPECT_THROW(response.body(bytes, 2, 2, ""), std::invalid_argument);
    EXPECT_THROW(response.body(bytes, 4, 0, ""), std::invalid_argument);
    EXPECT_THROW(response.body(bytes, 1, SIZE_MAX, ""), std::invalid_argument);
}

TEST(HttpResponse, HoldsTheLastBody) {
    Response response;
    response.text("a").html("b");
    EXPECT_EQ(response.body(), "b");
    EXPECT_EQ(response.header("content-type"), "text/html; charset=utf-8");
    response.json(boost::json::value{{"a", 1}});
    EXPECT_EQ(response.body(), "{\"a\":1}");
    EXPECT_EQ(response.header("content-type"), "application/json");
    response.json("[]");
    EXPECT_EQ(response.body(), "[]");
    response.body(std::make_shared<const std::string>("shared"), 1, 3, "x/y");
    EXPECT_EQ(response.body(), "har");
    EXPECT_EQ(response.header("content-type"), "x/y");
    ResponseAccess::set_file(
        response, {.descriptor = std::make_shared<const int>(-1), .offset = 5, .bytes = 7}, "x/z");
    EXPECT_EQ(response.body_bytes(), 7u);
    ASSERT_TRUE(ResponseAccess::file(response));
    response.redirect("/there");
    EXPECT_FALSE(ResponseAccess::file(response));
    EXPECT_EQ(response.status(), 302);
    EXPECT_EQ(response.body_bytes(), 0u);
    response.text("c").no_content();
    EXPECT_EQ(response.status(), 204);
    EXPECT_EQ(response.body_bytes(), 0u);
    EXPECT_FALSE(response.has_header("content-type"));
}

class RecordingTarget final : public ReplyTarget {
public:
    void reply_send(ReplyKey key, Response&& response) override {
        log += "send" + std::to_string(key.slot) + "(" + std::string(response.body()) + ") ";
    }
    bool reply_write(ReplyKey, std::string_view bytes) override {
        log += "write(" + std::string(bytes) + ") ";
        return bytes != "full";
    }
    void reply_end(ReplyKey key) override { log += "end" + std::to_string(key.generation) + " "; }
    bool reply_closed(ReplyKey) const override { return false; }
    void reply_dropped(ReplyKey key) noexcept override {
        log += "dropped" + std::to_string(key.slot) + " ";
    }
    void body_pause(ReplyKey key, bool paused) override {
        log += (paused ? "pause" : "resume") + std::to_string(key.slot) + " ";
    }
    std::string log;
};

TEST(HttpReply, TellsItsTargetOfTheEndOfTheLastCopy) {
    RecordingTarget target;
    auto& lifetime = Reply::Target::of(target, nullptr);
    lifetime.open();
    Response response = ResponseAccess::make(lifetime, {3, 4});
    {
        const Reply reply = response.later();
        Reply copy = reply;
        (void)response.later();  // A copy, too.
        copy = Reply();
        const Reply moved = std::move(copy);
        EXPECT_EQ(target.log, "");
    }
    EXPECT_EQ(target.log, "dropped3 ");
    Reply late = ResponseAccess::make(lifetime, {5, 6}).later();
    lifetime.end();
    late = Reply();  // The target is gone, so no call reaches it.
    EXPECT_EQ(target.log, "dropped3 ");
}

TEST(HttpReply, ForwardsToItsTarget) {
    RecordingTarget target;
    auto& lifetime = Reply::Target::of(target, nullptr);
    lifetime.open();
    Response response = ResponseAccess::make(lifetime, {3, 4});
    EXPECT_FALSE(response.deferred());
    const Reply reply = response.later();
    EXPECT_TRUE(response.deferred());
    EXPECT_TRUE(reply.write("a"));
    EXPECT_FALSE(reply.write("full"));
    reply.end();
    reply.send(std::move(Response().text("whole")));
    EXPECT_FALSE(reply.closed());
    EXPECT_EQ(target.log, "write(a) write(full) end4 send3(whole) ");
    lifetime.end();  // The handle may be used after the end of the server.
    EXPECT_FALSE(reply.write("b"));
    EXPECT_TRUE(reply.closed());
    reply.end();
    reply.send({});
    EXPECT_EQ(target.log, "write(a) write(full) end4 send3(whole) ");
    const Reply none;
    EXPECT_FALSE(none.write("a"));
    EXPECT_TRUE(none.closed());
    none.send({});
    none.end();
    static_assert(sizeof(Reply) <= 24);
}

TEST(HttpResponseWriter, WritesHeadAndBody) {
    Response plain;
    plain.text("hi");
    Response none;
    none.no_content().close();
    Response unchanged;
    unchanged.status(304).header("ETag", "\"a\"");
    Response upgrade;
    upgrade.status(426).header("Upgrade", "a");
    const std::string type = "Content-Type: text/plain; charset=utf-8\r\n";
    const struct {
        const char* name;
        const Response& response;
        WriteContext context;
        std::string want;
    } cases[] = {
        {"plain",
         plain,
         {},
         "HTTP/1.1 200 OK\r\n" + type + "Content-Length: 2\r\n\r\nhi|length keep"},
        {"date and server",
         plain,
         {.date = "D", .server = "S"},
         "HTTP/1.1 200 OK\r\nDate: D\r\nServer: S\r\n" + type +
             "Content-Length: 2\r\n\r\nhi|length keep"},
        {"HEAD",
         plain,
         {.head_request = true},
         "HTTP/1.1 200 OK\r\n" + type + "Content-Length: 2\r\n\r\n|none keep"},
        {"1.0 kept",
         plain,
         {.version_minor = 0},
         "HTTP/1.1 200 OK\r\n" + type +
             "Content-Length: 2\r\nConnection: keep-alive\r\n\r\nhi|length keep"},
        {"1.1 closed",
         plain,
         {.keep_alive = false},
         "HTTP/1.1 200 OK\r\n" + type +
             "Content-Length: 2\r\nConnection: close\r\n\r\nhi|length close"},
        {"Upgrade is named in Connection",
         upgrade,
         {},
         "HTTP/1.1 426 Upgrade Required\r\nUpgrade: a\r\nContent-Length: 0\r\n"
         "Connection: upgrade\r\n\r\n|length keep"},
        {"Upgrade and close",
         upgrade,
         {.keep_alive = false},
         "HTTP/1.1 426 Upgrade Required\r\nUpgrade: a\r\nContent-Length: 0\r\n"
         "Connection: close, upgrade\r\n\r\n|length close"},
        {"204 that closes",
         none,
         {},
         "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n|none close"},
        {"304", unchanged, {}, "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n|none keep"},
    };
    for (const auto& c : cases) {
        std::string out;
        const auto written = append_response(out, c.response, c.context);
        out += written.framing == SentBody::length ? "|length" : "|none";
        out += written.keep_alive ? " keep" : " close";
        EXPECT_EQ(out, c.want) << c.name;
    }
}

TEST(HttpResponseWriter, WritesStreams) {
    Response response;
    response.header("Content-Type", "text/event-stream");
    const std::string start = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
    std::string out;
    auto written = append_stream_head(out, response, {});
    EXPECT_EQ(out, start + "Transfer-Encoding: chunked\r\n\r\n");
    EXPECT_EQ(written.framing, SentBody::chunked);
    EXPECT_TRUE(written.keep_alive);

    out.clear();
    written = append_stream_head(out, response, {.version_minor = 0});
    EXPECT_EQ(out, start + "Connection: close\r\n\r\n");
    EXPECT_EQ(written.framing, SentBody::until_close);
    EXPECT_FALSE(written.keep_alive);

    out.clear();
    written = append_stream_head(out, response, {.head_request = true});
    EXPECT_EQ(written.framing, SentBody::none);

    out.clear();
    append_chunk(out, "hello");
    append_chunk(out, "");
    append_chunk(out, std::string(255, 'x'));
    append_last_chunk(out);
    EXPECT_EQ(out, "5\r\nhello\r\nff\r\n" + std::string(255, 'x') + "\r\n0\r\n\r\n");
    out.clear();
    append_continue(out);
    EXPECT_EQ(out, "HTTP/1.1 100 Continue\r\n\r\n");
}

TEST(HttpResponseWriter, WritesErrors) {
    std::string out;
    append_error_response(out, 405, "try GET", {.keep_alive = false}, "Allow: GET\r\n");
    EXPECT_EQ(out,
              "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET\r\n"
              "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"
              "Content-Length: 32\r\nConnection: close\r\n\r\n405 Method Not Allowed: try GET\n");
    out.clear();
    const auto written = append_error_response(out, 404, "", {.head_request = true});
    EXPECT_TRUE(out.ends_with("Content-Length: 14\r\n\r\n"));
    EXPECT_EQ(written.framing, SentBody::none);
    EXPECT_EQ(status_phrase(404), "Not Found");
    EXPECT_EQ(status_phrase(299), "Status");
}

std::string cors(const CorsOptions& options, std::string_view method, std::vector<Field> fields) {
    RequestParts parts;
    parts.method = method;
    parts.fields = fields;
    const Request request(parts);
    Response response;
    const bool whole = apply_cors(options, request, response);
    return (whole ? "whole " + std::to_string(response.status()) + " " : "") +
           std::string(response.field_lines());
}

TEST(HttpCors, AddsFieldsForKnownOriginsOnly) {
    const CorsOptions listed{.origins = {"https://a"}, .expose = {"X-A", "X-B"}};
    const CorsOptions anybody{.origins = {"*"}};
    const CorsOptions careless{.origins = {"*"}, .credentials = true};
    const CorsOptions trusting{.origins = {"https://a"}, .credentials = true};
    const Field a{"Origin", "https://a"}, b{"Origin", "https://b"}, star{"Origin", "*"};
    const Field ask{"Access-Control-Request-Method", "POST"};
    EXPECT_EQ(cors(listed, "GET", {}), "Vary: Origin\r\n");
    EXPECT_EQ(cors(listed, "GET", {a}),
              "Vary: Origin\r\nAccess-Control-Allow-Origin: https://a\r\n"
              "Access-Control-Expose-Headers: X-A, X-B\r\n");
    EXPECT_EQ(cors(listed, "GET", {b}), "Vary: Origin\r\n");
    EXPECT_EQ(cors(listed, "OPTIONS", {b, ask}), "whole 204 Vary: Origin\r\n");
    EXPECT_EQ(cors(listed, "OPTIONS", {a}), cors(listed, "GET", {a}));
    EXPECT_EQ(cors(listed, "OPTIONS", {a, ask}),
              "whole 204 Vary: Origin\r\nAccess-Control-Allow-Origin: https://a\r\n"
              "Access-Control-Allow-Methods: GET, HEAD, POST\r\n"
              "Access-Control-Allow-Headers: Content-Type\r\nAccess-Control-Max-Age: 600\r\n");
    EXPECT_EQ(cors(anybody, "GET", {b}), "Access-Control-Allow-Origin: *\r\n");
    EXPECT_EQ(cors(careless, "GET", {b}), "Vary: Origin\r\n");
    EXPECT_EQ(cors(careless, "GET", {star}), "Vary: Origin\r\n");
    EXPECT_EQ(cors(trusting, "GET", {a}),
              "Vary: Origin\r\nAccess-Control-Allow-Origin: https://a\r\n"
              "Access-Control-Allow-Credentials: true\r\n");
}

}  // namespace
}  // namespace starling::http
