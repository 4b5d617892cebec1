// <starling/http.h>: HTTP requests and responses of handlers (RFC 9110, RFC 9112).
//
// Owner:  the connection that parsed the request. A handler borrows request and response for the
//         length of its call.
// Thread: the worker that owns the connection calls the handler. Only `Reply` and `RequestBody`
//         work on other threads.
// Views:  a std::string_view or span of a Request is valid until the handler returns; in a
//         coroutine, until the coroutine ends. Request::copy() makes a request that lives longer.
#pragma once

#include <starling/async_callback.h>
#include <starling/bytes.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace boost::json {
class value;
}
namespace starling::base {
template <class T>
class Lifetime;
}
namespace starling::detail {
struct HttpHome;
}

namespace starling::http {

class PromisedAnswer;
class ReplyTarget;
class Response;
struct FileBody;
struct RequestParts;
struct ResponseAccess;

// A fault of the client that a handler finds in a request. Request::json() and Request::multipart()
// throw it, and so may handlers of an application. The answer has the status, and a text that ends
// with what(): "400 Bad Request: the body is not JSON". Nothing is logged, and the connection
// continues.
class BadRequest : public std::runtime_error {
public:
    // A status outside 400 to 499 throws std::invalid_argument.
    explicit BadRequest(const std::string& what, int status = 400);
    [[nodiscard]] int status() const noexcept { return status_; }

private:
    int status_;
};

// One header field line as received. Names compare without case; values have no outer whitespace.
struct Field {
    std::string_view name, value;
};

// One parameter of the route, percent-decoded. The name is valid as long as the router.
struct Param {
    std::string_view name;
    std::string value;
};

// One part of a multipart/form-data body, RFC 7578 section 4.2.
struct FormPart {
    std::string name;  // The name of the form's field, as sent.
    // As sent. The client chose this text: never use it as a path. nullopt: the part is not a file.
    std::optional<std::string> filename;
    std::string content_type;  // "text/plain" if the part names no type (section 4.4).
    std::string_view body;     // A view into the request's body.
};

// Beyond one of these limits, the request is refused with 413.
struct MultipartLimits {
    uint32_t parts_max = 100;
    uint32_t part_head_bytes_max = 4 * 1024;
    uint64_t part_bytes_max = UINT64_MAX;  // Size of the body of one part.
};

class Request {
public:
    explicit Request(const RequestParts& parts);  // Called by the server.
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;

    [[nodiscard]] std::string_view method() const noexcept { return method_; }
    // As received, RFC 9112 section 3.2.
    std::string_view target() const noexcept { return target_; }
    // Percent-decoded. A path with dot segments, NUL or malformed escapes gets 404 before any
    // handler runs. An encoded slash appears here as '/': use param() to keep segments apart.
    std::string_view path() const noexcept { return decoded_ ? decoded_path_ : path_; }
    std::string_view raw_path() const noexcept { return path_; }
    // The text after the '?', as received.
    std::string_view query_string() const noexcept { return query_; }
    // From an absolute-form target, otherwise from the Host field.
    std::string_view host() const noexcept { return host_; }

    // Decoded as application/x-www-form-urlencoded ('+' is a space). The first parameter of that
    // name.
    std::optional<std::string> query(std::string_view name) const;
    std::vector<std::string> query_all(std::string_view name) const;
    // A field of an application/x-www-form-urlencoded body; nullopt for any other Content-Type.
    std::optional<std::string> form(std::string_view name) const;
    // The body as JSON (RFC 8259); include <boost/json/value.hpp>. Throws BadRequest. 415: the
    // Content-Type is neither application/json nor a "+json" type. 400: the body is not JSON, or
    // its arrays and objects are nested deeper than `depth_max`; the message says what is wrong and
    // at which byte. If an object repeats a name, the last member counts.
    [[nodiscard]] boost::json::value json(size_t depth_max = 32) const;
    // The parts of a multipart/form-data body in their order (RFC 7578). Throws BadRequest: 415 for
    // any other Content-Type, 413 beyond a limit, 400 for a malformed body, with what is wrong. For
    // bodies that are too large for memory, see <starling/multipart.h>.
    [[nodiscard]] std::vector<FormPart> multipart(const MultipartLimits& limits = {}) const;
    // RFC 6265 section 4.2. As sent, without surrounding double quotes. The first cookie of that
    // name.
    std::optional<std::string_view> cookie(std::string_view name) const;

    // The first field of that name; "": there is none.
    std::string_view header(std::string_view name) const noexcept;
    bool has_header(std::string_view name) const noexcept;
    std::span<const Field> headers() const noexcept { return fields_; }

    // The value of `:name` in the route's pattern, or of its wildcard as "*"; "": there is none.
    std::string_view param(std::string_view name) const noexcept;
    std::string_view body() const noexcept { return body_; }  // Complete, without transfer coding.
    // The client: "192.0.2.1", "2001:db8::1"; "" for a Unix-domain socket; "unknown": it has reset
    // the connection. It is the peer, or what the PROXY protocol or a trusted proxy names instead:
    // see Listen::proxy_protocol_from and ServerOptions::trusted_proxies.
    std::string_view remote_address() const noexcept { return remote_address_; }
    // The peer is one of ServerOptions::trusted_proxies.
    bool from_trusted_proxy() const noexcept { return from_trusted_proxy_; }
    // The peer is a trusted proxy, or one that speaks the PROXY protocol.
    bool proxied() const noexcept { return proxied_; }
    // The client speaks TLS: with this server, or with the trusted proxy that says so, see
    // ServerOptions::trusted_proxies.
    bool secure() const noexcept { return secure_; }

    // A copy with everything that this request shows, which may be kept after the handler's call.
    [[nodiscard]] std::shared_ptr<const Request> copy() const;

private:
    std::string_view method_, target_, path_, query_, host_, body_, remote_address_;
    std::span<const Field> fields_;
    std::span<const Param> params_;
    std::string decoded_path_;  // Used only if the path contains an escape.
    bool decoded_ = false;
    friend struct RequestAccess;
    bool secure_ = false, from_trusted_proxy_ = false, proxied_ = false;
    const std::vector<std::string>* site_origins_ = nullptr;
};

// A handle to an answer that comes later. Copies name the same answer. Any thread may keep and use
// them for any time. Once the answer is complete, the client has left or the Server is gone, every
// call does nothing.
//
// If the last copy is destroyed before the answer is complete, the log gets an error, and the
// client gets 500 at once, or a reset connection if the answer has begun. While the server stops,
// the client gets 503 or a reset, and nothing is logged. A copy costs one atomic increment.
class Reply {
public:
    using Target = base::Lifetime<ReplyTarget>;
    Reply() = default;

    // Sends the whole answer at once. Ignored after write().
    void send(Response response) const;
    // Sends a piece of a streamed answer. The first piece also sends the status and the fields that
    // the handler has set on its Response. HTTP/1.1 uses chunks, HTTP/1.0 ends the body with the
    // connection (RFC 9112 section 6.3). False: nothing was queued, because the answer is complete
    // or the send queue is at its limit.
    bool write(std::string_view bytes) const;
    template <ByteRange Range>
    bool write(const Range& bytes) const {
        return write(view_of(bytes));
    }
    // Completes a streamed answer. Without an earlier write(), sends the handler's Response as it
    // was.
    void end() const;
    // True: the answer is complete, or the client has left.
    [[nodiscard]] bool closed() const;

private:
    friend class Response;
    explicit Reply(std::shared_ptr<PromisedAnswer> answer) noexcept : answer_(std::move(answer)) {}
    std::shared_ptr<PromisedAnswer> answer_;
};

// Returns the next piece of a body, of any size; nullopt: the body is complete. An empty piece is
// skipped.
using Source = std::function<std::optional<std::string>()>;

enum class SameSite : uint8_t { unset, lax, strict, none };

// RFC 6265 section 4.1.2.
struct CookieOptions {
    std::string path = "/";
    std::string domain = {};  // "": only the host, without subdomains.
    // nullopt: until the browser closes; 0: deletes the cookie.
    std::optional<int64_t> max_age_s = std::nullopt;
    bool http_only = true;
    SameSite same_site = SameSite::lax;
    bool secure = false;  // Also set for SameSite::none, as browsers demand.
};

// The answer that a handler builds. Setters return *this; the last body set wins. A programming
// error (CR, LF or NUL in a field, a status outside 200 to 599) throws std::invalid_argument.
class Response {
public:
    Response() = default;

    Response& status(int code);
    // Replaces every earlier field of that name. Refuses Content-Length and Transfer-Encoding,
    // which the server computes. `Connection: close` is the same as close().
    Response& header(std::string_view name, std::string_view value);
    // Keeps earlier fields of that name.
    Response& add_header(std::string_view name, std::string_view value);
    Response& cookie(std::string_view name, std::string_view value,
                     const CookieOptions& options = {});
    Response& close() noexcept;  // Closes the connection after this answer.

    Response& text(std::string bytes);  // text/plain; charset=utf-8
    Response& html(std::string bytes);  // text/html; charset=utf-8
    Response& json(std::string bytes);  // application/json
    Response& json(const char* bytes) { return json(std::string(bytes)); }
    Response& json(const boost::json::value& value);
    Response& body(std::string bytes, std::string_view type);
    template <ByteRange Range>
    Response& body(const Range& bytes, std::string_view type) {
        return body(std::string(view_of(bytes)), type);
    }
    // Bytes that many answers share. `type` "": Content-Type is not changed.
    Response& body(std::shared_ptr<const std::string> bytes, std::string_view type);
    Response& body(std::shared_ptr<const std::string> bytes, size_t offset, size_t count,
                   std::string_view type);
    // Sends the file at `path` in pieces, as the client takes them. The worker's thread opens the
    // file when the answer is sent. If it is missing or not a regular file, the answer is 404,
    // without the fields that describe a file. Content-Type (from the extension of the name), ETag
    // and Last-Modified are set unless the handler has set them. With status 200, conditional
    // requests and Range are answered as for static files. The path is used unchanged, and symbolic
    // links are followed: check it if it contains input of a client (Server::files() does).
    Response& file(std::string path);
    // Sends a body that is made while it is sent. `source` is called on the worker's thread each
    // time the client has taken the earlier pieces, and is destroyed with the answer. HTTP/1.1 uses
    // chunks, HTTP/1.0 ends the body with the connection. If `source` throws, the exception is
    // logged and the connection is broken, which tells the client that the body is incomplete.
    Response& stream(Source source, std::string_view type);
    Response& redirect(std::string_view location, int status_code = 302);
    Response& no_content();  // 204, RFC 9110 section 15.3.5.

    // The answer comes after the handler has returned. The status and fields set so far begin a
    // streamed answer. A coroutine needs later() only for a streamed answer. While a copy of the
    // Reply exists, a further call returns another copy.
    [[nodiscard]] Reply later();

    // The values set so far, for the server and for tests.
    int status() const noexcept { return status_; }
    std::string_view header(std::string_view name) const noexcept;  // "": there is none.
    bool has_header(std::string_view name) const noexcept;
    std::string_view field_lines() const noexcept { return lines_; }  // "Name: value\r\n" for each.
    std::string_view body() const noexcept;
    uint64_t body_bytes() const noexcept;  // Size of the opened file, or of body().
    bool deferred() const noexcept { return deferred_; }
    bool closes() const noexcept { return close_; }

private:
    friend struct ResponseAccess;
    friend struct starling::detail::HttpHome;
    void require_server() const;  // Throws std::logic_error: no server made this response.
    Response& set_body(std::string_view type);
    void erase_field(std::string_view name);
    Response& append_field(std::string_view name, std::string_view value);  // Checked before.

    std::string lines_;
    std::string body_;
    std::shared_ptr<const std::string> shared_body_;
    size_t shared_offset_ = 0, shared_count_ = 0;
    std::shared_ptr<const FileBody> file_;
    // The request of later(); null: no server made this response.
    Reply::Target* target_ = nullptr;
    uint64_t key_ = 0;
    std::weak_ptr<PromisedAnswer> answer_;  // The promise that the Reply of later() shares.
    // The coroutine that makes a promised answer; destroyed with the promise.
    std::shared_ptr<void> owned_;
    int status_ = 200;
    bool deferred_ = false, close_ = false;
    bool failed_ = false;    // A coroutine threw; an answer that has begun is cut off.
    bool promised_ = false;  // A coroutine's own response; the connection holds another one.
};

// The loop catches an exception of a handler: BadRequest becomes its own answer, any other
// exception is logged and becomes a 500. Other connections continue. A handler may be a coroutine,
// a callable that returns Task<>. The answer is then sent when the coroutine ends; request and
// response stay valid until then. The coroutine is destroyed when the client leaves or the answer
// is complete.
using Handler = Callback<void(const Request&, Response&)>;

// The decision of a middleware.
enum class Next : uint8_t {
    proceed,  // Run the next middleware, then the route.
    answer,   // The response is the answer; it may come later.
};

// Runs before the route of a request, see Server::use(). The fields that it sets are on every
// answer to the request that does not set them itself.
using Middleware = std::function<Next(const Request&, Response&)>;

// The body of a request while it arrives, for Route::body. Copies name the same body. Any thread
// may use them until the Server is destroyed. Once the body is complete or the client has left,
// every call does nothing.
class RequestBody {
public:
    RequestBody() = default;
    void pause() const;  // Stops reading from the client; no timeout runs.
    void resume() const;

private:
    friend struct ResponseAccess;
    RequestBody(Reply::Target* target, uint64_t key) noexcept : target_(target), key_(key) {}

    Reply::Target* target_ = nullptr;
    uint64_t key_ = 0;
};

// Reads the body of one request, and is destroyed with the request. The worker's thread calls
// `bytes` for each piece (the view ends with the call), then either `end`, which answers as a
// handler does, or `aborted`. If `bytes` throws, the exception decides the answer (see Handler),
// and the connection closes after it.
struct BodyReader {
    PlainCallback<void(std::string_view bytes)> bytes = {};
    PlainCallback<void(Response& response)> end = {};
    // The client left, or the body is malformed, exceeds its limit, or was refused.
    PlainCallback<void()> aborted = {};
};

// A route with options of its own. nullopt: the value of HttpLimits applies.
struct Route {
    Handler handler = {};
    // Instead of `handler`, for bodies that may be too large for memory. Called with the head of
    // each request; the head is valid for the call. If it throws, the exception decides the answer,
    // and the body is not read.
    std::function<BodyReader(const Request& head, RequestBody body)> body = {};
    std::optional<uint64_t> body_bytes_max = std::nullopt;
    std::optional<std::chrono::milliseconds> request_timeout = std::nullopt;  // For head and body.
};

// Cross-origin requests, https://fetch.spec.whatwg.org/#http-cors-protocol
struct CorsOptions {
    // "https://example.com", compared exactly. "*" allows every origin, but never together with
    // `credentials`: to let a page act for a logged-in visitor, name its origin.
    std::vector<std::string> origins = {};
    std::vector<std::string> methods = {"GET", "HEAD", "POST"};
    std::vector<std::string> headers = {"Content-Type"};  // Request fields that pages may set.
    std::vector<std::string> expose = {};                 // Response fields that pages may read.
    bool credentials = false;
    int max_age_s = 600;
};

// Adds the fields to the response. True: the response is the whole answer (a preflight, 204).
[[nodiscard]] bool apply_cors(const CorsOptions& options, const Request& request,
                              Response& response);

struct StaticFileOptions {
    std::string index = "index.html";        // Served for a directory; "": 404 instead.
    std::string cache_control = "no-cache";  // Browsers revalidate by ETag. "": no field.
    bool gzip = true;                        // Also serves FILE.gz beside FILE, unless it is older.
    uint64_t gzip_bytes_min = 1024;  // A smaller body is sent as it is: gzip would save no packet.
    uint64_t cached_file_bytes_max = 1024 * 1024;  // Larger files are streamed, not compressed.
    uint64_t cache_bytes_max = 32 * 1024 * 1024;   // Per worker: contents and gzip results.
    // Further types: {".wasm", "application/wasm"}. They win over the built-in table.
    std::vector<std::pair<std::string, std::string>> types = {};
};

}  // namespace starling::http

namespace starling::detail {

template <>
struct Kept<const http::Request&> {
    explicit Kept(const http::Request& request) : value(request.copy()) {}
    [[nodiscard]] const http::Request& get() const noexcept { return *value; }
    std::shared_ptr<const http::Request> value;
};
template <>
struct Kept<http::Response&> {
    explicit Kept(http::Response response) : value(std::move(response)) {}
    [[nodiscard]] http::Response& get() noexcept { return value; }
    http::Response value;
};

struct HttpHome {
    using KeptRequest = Kept<const http::Request&>;
    using KeptResponse = Kept<http::Response&>;
    static constexpr bool exists = true;
    static void ended_at_once(KeptRequest& request, KeptResponse& mine, const http::Request& asked,
                              http::Response& answer);
    static void suspended(const std::shared_ptr<Coroutine>& coroutine, KeptRequest& request,
                          KeptResponse& mine, const http::Request& asked, http::Response& answer);
    static void ended(const std::exception_ptr& error, KeptRequest& request, KeptResponse& mine);
};
template <>
struct Home<const http::Request&, http::Response&> : HttpHome {};

}  // namespace starling::detail
