// <starling/http.h>: HTTP requests and responses as handlers see them (RFC 9110, RFC 9112).
//
// Owner:  the connection that parsed the request; a handler borrows both for the length of its
//         call.
// Thread: the worker that owns the connection calls the handler. `Reply` alone may leave that
//         thread.
// Views:  every std::string_view and span that a Request gives out dies when the handler returns,
//         of a coroutine: when it ends. Request::copy() lives longer.
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

// A fault of the client's that a handler finds in its request. Thrown by Request::json() and
// Request::multipart(), and by handlers of your own: the answer has that status, and what() as text
// behind it ("400 Bad Request: the body is not JSON"). Nothing is logged, and the connection goes on.
class BadRequest : public std::runtime_error {
public:
    // A status outside 400 to 499 throws std::invalid_argument.
    explicit BadRequest(const std::string& what, int status = 400);
    [[nodiscard]] int status() const noexcept { return status_; }

private:
    int status_;
};

// One header field line, as received: names compare without case, values carry no outer whitespace.
struct Field {
    std::string_view name, value;
};

// One parameter of the route, percent-decoded. The name lives as long as the router.
struct Param {
    std::string_view name;
    std::string value;
};

// One part of a multipart/form-data body, RFC 7578 section 4.2.
struct FormPart {
    std::string name;  // Of the form's field, as sent.
    // As sent: a text that the client chose, never a path to write to. Nothing where it is no file.
    std::optional<std::string> filename;
    std::string content_type;  // "text/plain" where the part does not say, section 4.4.
    std::string_view body;     // A view into the request's body.
};

// Beyond one of them the request is refused with 413.
struct MultipartLimits {
    uint32_t parts_max = 100;
    uint32_t part_head_bytes_max = 4 * 1024;
    uint64_t part_bytes_max = UINT64_MAX;  // Of one part's body.
};

class Request {
public:
    explicit Request(const RequestParts& parts);  // By the server.
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;

    std::string_view method() const noexcept { return method_; }
    // As received, RFC 9112 section 3.2.
    std::string_view target() const noexcept { return target_; }
    // Percent-decoded. The router answers 404 to dot segments, NUL and malformed escapes before any
    // handler runs. An encoded slash appears here as '/': use param() to tell segments apart.
    std::string_view path() const noexcept { return decoded_ ? decoded_path_ : path_; }
    std::string_view raw_path() const noexcept { return path_; }
    std::string_view query_string() const noexcept {
        return query_;
    }  // Behind the '?', as received.
    // Of an absolute-form target, else the Host field.
    std::string_view host() const noexcept { return host_; }

    // Decoded as application/x-www-form-urlencoded ('+' is a space). The first of that name.
    std::optional<std::string> query(std::string_view name) const;
    std::vector<std::string> query_all(std::string_view name) const;
    // Field of an application/x-www-form-urlencoded body; nothing for any other Content-Type.
    std::optional<std::string> form(std::string_view name) const;
    // The body as JSON (RFC 8259); include <boost/json/value.hpp>. Throws BadRequest: 415 where the
    // Content-Type is neither application/json nor some "+json", 400 with what is wrong and at which
    // byte for a text that is no JSON or has arrays and objects deeper than `depth_max` inside each
    // other. Of several members with one name the last one counts.
    [[nodiscard]] boost::json::value json(size_t depth_max = 32) const;
    // The parts of a multipart/form-data body, in their order (RFC 7578). Throws BadRequest: 415 for
    // any other Content-Type, 413 beyond a limit, 400 with what is wrong for a body at fault. Bodies that
    // are too large to be held in memory are streamed: see <starling/multipart.h>.
    [[nodiscard]] std::vector<FormPart> multipart(const MultipartLimits& limits = {}) const;
    // RFC 6265 section 4.2. As sent, without surrounding double quotes. The first of that name.
    std::optional<std::string_view> cookie(std::string_view name) const;

    // The first field of that name, "" if there is none.
    std::string_view header(std::string_view name) const noexcept;
    bool has_header(std::string_view name) const noexcept;
    std::span<const Field> headers() const noexcept { return fields_; }

    // Value of `:name` in the route's pattern, "*" for its wildcard; "" if there is none.
    std::string_view param(std::string_view name) const noexcept;
    std::string_view body() const noexcept { return body_; }  // Whole, transfer coding removed.
    // "192.0.2.1" or "2001:db8::1", no port; "" for Unix sockets.
    std::string_view remote_address() const noexcept { return remote_address_; }
    bool secure() const noexcept { return secure_; }  // Arrived over TLS.

    // A request of its own, with all that this one shows: to be kept beyond the handler's call.
    [[nodiscard]] std::shared_ptr<const Request> copy() const;

private:
    std::string_view method_, target_, path_, query_, host_, body_, remote_address_;
    std::span<const Field> fields_;
    std::span<const Param> params_;
    std::string decoded_path_;  // Used only where the path held an escape.
    bool decoded_ = false;
    bool secure_ = false;
};

// Handle of an answer that comes later. Copies name the same answer; any thread may use them, for as long as it
// likes. Once the answer is complete, the client left or the Server is gone, every call does nothing.
//
// When the last copy is destroyed before the answer is complete, the client gets 500 at once, or, where
// the answer has begun, a reset connection; the log gets an error. A server that stops answers 503, or
// resets, and logs nothing. A copy costs an atomic increment.
class Reply {
public:
    using Target = base::Lifetime<ReplyTarget>;
    Reply() = default;

    // The whole answer at once. Ignored after write().
    void send(Response response) const;
    // A piece of a streamed answer. The first piece sends the status and fields that the handler
    // had set on its Response. Chunked in HTTP/1.1, delimited by closing in 1.0 (RFC 9112 section
    // 6.3). False: nothing was queued, since the answer is over or the send queue is at its limit.
    bool write(std::string_view bytes) const;
    template <ByteRange Range>
    bool write(const Range& bytes) const {
        return write(view_of(bytes));
    }
    // Completes a streamed answer. Without any write() it sends the handler's Response as it was.
    void end() const;
    // True once the answer is complete or the client left.
    [[nodiscard]] bool closed() const;

private:
    friend class Response;
    explicit Reply(std::shared_ptr<PromisedAnswer> answer) noexcept : answer_(std::move(answer)) {}
    std::shared_ptr<PromisedAnswer> answer_;
};

// Gives the next piece of a body, of any size; nothing: the body is complete. An empty piece is left out.
using Source = std::function<std::optional<std::string>()>;

enum class SameSite : uint8_t { unset, lax, strict, none };

// RFC 6265 section 4.1.2.
struct CookieOptions {
    std::string path = "/";
    std::string domain = {};  // "": the host alone, without its subdomains.
    // Nothing: until the browser closes; 0 deletes.
    std::optional<int64_t> max_age_s = std::nullopt;
    bool http_only = true;
    SameSite same_site = SameSite::lax;
    bool secure = false;  // Set by itself with SameSite::none, which browsers refuse without it.
};

// The answer under construction. Setters return *this; the last body set wins. Programming errors
// (CR, LF or NUL in a field, a status outside 200 to 599) throw std::invalid_argument.
class Response {
public:
    Response() = default;

    Response& status(int code);
    // Replaces every earlier field of that name. The server computes Content-Length and
    // Transfer-Encoding, which are refused here; `Connection: close` is the same as close().
    Response& header(std::string_view name, std::string_view value);
    Response& add_header(std::string_view name, std::string_view value);  // Keeps earlier ones.
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
    // Shares bytes that many answers send; `type` "" leaves Content-Type alone.
    Response& body(std::shared_ptr<const std::string> bytes, std::string_view type);
    Response& body(std::shared_ptr<const std::string> bytes, size_t offset, size_t count,
                   std::string_view type);
    // The file at `path`, sent piecewise as the client takes it. It is opened when the answer is sent,
    // on the worker's thread: 404 where it is missing or no regular file, and then none of the fields
    // that speak of a file stay. Content-Type (by the name's extension), ETag and Last-Modified are
    // set unless the handler has set them; with status 200, conditional requests and Range are
    // answered as for static files. The path is taken as it is, symbolic links included: never make
    // it of what a client sent without checking it (Server::files() does).
    Response& file(std::string path);
    // A body that is made while it is sent: `source` is called on the worker's thread whenever the client
    // has taken what was sent before, and dies with the answer. Chunked in HTTP/1.1, delimited by
    // closing in 1.0. What it throws breaks the connection, which tells the client that the body is
    // not whole; it is logged.
    Response& stream(Source source, std::string_view type);
    Response& redirect(std::string_view location, int status_code = 302);
    Response& no_content();  // 204, RFC 9110 section 15.3.5.

    // Answers after the handler returned. Status and fields set so far start a streamed answer. A
    // coroutine needs it for streamed answers alone. Called again while a copy of the Reply exists, it
    // gives another copy.
    [[nodiscard]] Reply later();

    // What has been set, for the server and for tests.
    int status() const noexcept { return status_; }
    std::string_view header(
        std::string_view name) const noexcept;  // The first of that name, or "".
    bool has_header(std::string_view name) const noexcept;
    std::string_view field_lines() const noexcept { return lines_; }  // "Name: value\r\n" each.
    std::string_view body() const noexcept;
    uint64_t body_bytes()
        const noexcept;  // Of the opened file if there is one, else body().size().
    bool deferred() const noexcept { return deferred_; }
    bool closes() const noexcept { return close_; }

private:
    friend struct ResponseAccess;
    friend struct starling::detail::HttpHome;
    void require_server() const;  // Throws std::logic_error: nothing could answer later.
    Response& set_body(std::string_view type);
    void erase_field(std::string_view name);

    std::string lines_;
    std::string body_;
    std::shared_ptr<const std::string> shared_body_;
    size_t shared_offset_ = 0, shared_count_ = 0;
    std::shared_ptr<const FileBody> file_;
    Reply::Target* target_ =
        nullptr;  // Of the request that later() names; null: no server made this.
    uint64_t key_ = 0;
    std::weak_ptr<PromisedAnswer> answer_;  // Of the Reply that later() gave.
    // Of a promise: the coroutine that makes the answer, destroyed with the promise.
    std::shared_ptr<void> owned_;
    int status_ = 200;
    bool deferred_ = false, close_ = false;
    bool failed_ =
        false;  // Of a coroutine's exception: a streamed answer that has begun is cut off.
    bool promised_ = false;  // The coroutine's own response: the connection holds another one.
};

// Exceptions are caught at the loop's edge: BadRequest is its answer, any other one a 500 that is
// logged; everyone else goes on. May be a coroutine: a callable that returns Task<>. Then the answer is
// sent when it ends, and request and response stay until then; the client that leaves, or an answer that
// is complete, ends the coroutine.
using Handler = Callback<void(const Request&, Response&)>;

// What happens after a middleware.
enum class Next : uint8_t {
    proceed,  // The next middleware of the list, then the route.
    answer,   // The response is the answer; it may come later.
};

// Sees a request before its route, see Server::use(). Fields that it sets on the response are on every
// answer to the request that does not set them itself.
using Middleware = std::function<Next(const Request&, Response&)>;

// The body of a request that is on its way, for Route::body. Copies name the same body; any thread may
// use them until the Server is destroyed. Once the body is complete or the client left, every call does
// nothing.
class RequestBody {
public:
    RequestBody() = default;
    void pause() const;  // No more bytes are asked of the client, and no timeout runs.
    void resume() const;

private:
    friend struct ResponseAccess;
    RequestBody(Reply::Target* target, uint64_t key) noexcept : target_(target), key_(key) {}

    Reply::Target* target_ = nullptr;
    uint64_t key_ = 0;
};

// What reads the body of one request; it dies with the request. Called on the worker's thread: `bytes`
// for each piece (a view for the call), then either `end`, which answers as a handler does, or
// `aborted`. What `bytes` throws is the answer (see Handler), and the connection closes with it.
struct BodyReader {
    PlainCallback<void(std::string_view bytes)> bytes = {};
    PlainCallback<void(Response& response)> end = {};
    // The client left, or the body is at fault, over its limit or refused.
    PlainCallback<void()> aborted = {};
};

// A route with options of its own; nothing is what HttpLimits says for all.
struct Route {
    Handler handler = {};
    // In place of `handler`, for bodies that need not fit into memory: called with the head of each
    // request, which ends with the call. What it throws is the answer, and the body is not read.
    std::function<BodyReader(const Request& head, RequestBody body)> body = {};
    std::optional<uint64_t> body_bytes_max = std::nullopt;
    std::optional<std::chrono::milliseconds> request_timeout = std::nullopt;  // Head and body.
};

// Cross-origin requests, https://fetch.spec.whatwg.org/#http-cors-protocol
struct CorsOptions {
    // "https://example.com", exact. "*" is everybody, and never applies together with
    // `credentials`: answering any site in a visitor's name must be spelled out origin by origin.
    std::vector<std::string> origins = {};
    std::vector<std::string> methods = {"GET", "HEAD", "POST"};
    std::vector<std::string> headers = {"Content-Type"};  // Request fields that pages may set.
    std::vector<std::string> expose = {};                 // Response fields that pages may read.
    bool credentials = false;
    int max_age_s = 600;
};

// Adds the fields to the response; true when it also is the whole answer (a preflight, 204).
[[nodiscard]] bool apply_cors(const CorsOptions& options, const Request& request,
                              Response& response);

struct StaticFileOptions {
    std::string index = "index.html";        // Served for a directory; "" for 404 instead.
    std::string cache_control = "no-cache";  // Revalidate each time, by ETag. "" sends no field.
    bool gzip = true;                // Also serves FILE.gz beside FILE where it is not older.
    uint64_t gzip_bytes_min = 1024;  // Below this a smaller body saves no packet.
    uint64_t cached_file_bytes_max =
        1024 * 1024;                              // Larger files are streamed and never compressed.
    uint64_t cache_bytes_max = 32 * 1024 * 1024;  // Of each worker: file contents and gzip results.
    // More types: {".wasm", "application/wasm"}. They come before the built-in table.
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
    explicit Kept(const http::Response& response) : value(response) {}
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
