// <starling/http.h>: HTTP requests and responses as handlers see them (RFC 9110, RFC 9112).
//
// Owner:  the connection that parsed the request; a handler borrows both for the length of its
//         call.
// Thread: the worker that owns the connection calls the handler. `Reply` alone may leave that
//         thread.
// Views:  every std::string_view and span that a Request gives out dies when the handler returns.
//         Copy what must live longer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
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

namespace starling::http {

class Response;

// One header field line, as received: names compare without case, values carry no outer whitespace.
struct Field {
    std::string_view name, value;
};

// One parameter of the route, percent-decoded. The name lives as long as the router.
struct Param {
    std::string_view name;
    std::string value;
};

// What a server knows about a request: views into its buffers, which outlive the Request.
struct RequestParts {
    std::string_view method = "GET";
    std::string_view target = "/";    // As received, RFC 9112 section 3.2.
    std::string_view path = "/";      // Path of the target, still percent-encoded.
    std::string_view query;           // Behind the '?', still percent-encoded.
    std::string_view host;            // Of an absolute-form target, else the Host field.
    std::span<const Field> fields;    // In the order of arrival.
    std::span<const Param> params;    // From the router.
    std::string_view body;            // Whole, transfer coding removed.
    std::string_view remote_address;  // "192.0.2.1" or "2001:db8::1", no port; "" for Unix sockets.
    int version_minor = 1;            // HTTP/1.x
    bool keep_alive = true;           // The connection may serve another request.
    bool secure = false;              // Arrived over TLS.
};

class Request {
public:
    explicit Request(const RequestParts& parts);
    Request(const Request&) = delete;
    Request& operator=(const Request&) = delete;

    std::string_view method() const noexcept { return parts_.method; }
    std::string_view target() const noexcept { return parts_.target; }
    // Percent-decoded. The router answers 404 to dot segments, NUL and malformed escapes before any
    // handler runs. An encoded slash appears here as '/': use param() to tell segments apart.
    std::string_view path() const noexcept { return decoded_ ? decoded_path_ : parts_.path; }
    std::string_view raw_path() const noexcept { return parts_.path; }
    std::string_view query_string() const noexcept { return parts_.query; }
    std::string_view host() const noexcept { return parts_.host; }

    // Decoded as application/x-www-form-urlencoded ('+' is a space). The first of that name.
    std::optional<std::string> query(std::string_view name) const;
    std::vector<std::string> query_all(std::string_view name) const;
    // Field of an application/x-www-form-urlencoded body; nothing for any other Content-Type.
    std::optional<std::string> form(std::string_view name) const;
    // RFC 6265 section 4.2. As sent, without surrounding double quotes. The first of that name.
    std::optional<std::string_view> cookie(std::string_view name) const;

    // The first field of that name, "" if there is none.
    std::string_view header(std::string_view name) const noexcept;
    bool has_header(std::string_view name) const noexcept;
    std::span<const Field> headers() const noexcept { return parts_.fields; }

    // Value of `:name` in the route's pattern, "*" for its wildcard; "" if there is none.
    std::string_view param(std::string_view name) const noexcept;
    std::string_view body() const noexcept { return parts_.body; }
    std::string_view remote_address() const noexcept { return parts_.remote_address; }
    bool secure() const noexcept { return parts_.secure; }
    int version_minor() const noexcept { return parts_.version_minor; }
    bool keep_alive() const noexcept { return parts_.keep_alive; }

private:
    RequestParts parts_;
    std::string decoded_path_;  // Used only where the path held an escape.
    bool decoded_ = false;
};

// Names one unanswered request of a ReplyTarget. A generation that is gone makes every call a
// no-op.
struct ReplyKey {
    uint32_t slot = 0;
    uint32_t generation = 0;
};

// What stands behind a Reply: the server implements it. Every function may be called from any
// thread.
class ReplyTarget {
public:
    virtual void reply_send(ReplyKey key, Response&& response) = 0;
    [[nodiscard]] virtual bool reply_write(ReplyKey key, std::string_view bytes) = 0;
    virtual void reply_end(ReplyKey key) = 0;
    [[nodiscard]] virtual bool reply_closed(ReplyKey key) const = 0;

protected:
    ~ReplyTarget() = default;
};

// Handle of an answer that comes later. Copies name the same answer; any thread may use them, for as long as it
// likes. Once the answer is complete, the client left or the Server is gone, every call does nothing.
class Reply {
public:
    using Target = base::Lifetime<ReplyTarget>;
    Reply() = default;
    Reply(Target* target, ReplyKey key) noexcept : target_(target), key_(key) {}

    // The whole answer at once. Ignored after write().
    void send(Response response) const;
    // A piece of a streamed answer. The first piece sends the status and fields that the handler
    // had set on its Response. Chunked in HTTP/1.1, delimited by closing in 1.0 (RFC 9112 section
    // 6.3). False: nothing was queued, since the answer is over or the send queue is at its limit.
    bool write(std::string_view bytes) const;
    // Completes a streamed answer. Without any write() it sends the handler's Response as it was.
    void end() const;
    // True once the answer is complete or the client left.
    [[nodiscard]] bool closed() const;

private:
    template <class F>
    bool on_target(F&& call) const;

    Target* target_ = nullptr;
    ReplyKey key_;
};

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

// Part of an open regular file, sent piecewise as the socket drains. Whoever opened it chose the
// deleter that closes the descriptor.
struct FileBody {
    std::shared_ptr<const int> descriptor;
    uint64_t offset = 0;
    uint64_t bytes = 0;
};

// The answer under construction. Setters return *this; the last body set wins. Programming errors
// (CR, LF or NUL in a field, a status outside 200 to 599) throw std::invalid_argument.
class Response {
public:
    Response() = default;
    // Built by the server: later() names this request.
    Response(Reply::Target* target, ReplyKey key) noexcept : target_(target), key_(key) {}

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
    // Shares bytes that many answers send; `type` "" leaves Content-Type alone.
    Response& body(std::shared_ptr<const std::string> bytes, std::string_view type);
    Response& body(std::shared_ptr<const std::string> bytes, size_t offset, size_t count,
                   std::string_view type);
    Response& file(FileBody file, std::string_view type);
    Response& redirect(std::string_view location, int status_code = 302);
    Response& no_content();  // 204, RFC 9110 section 15.3.5.

    // Answers after the handler returned. Status and fields set so far start a streamed answer.
    [[nodiscard]] Reply later();

    // What has been set, for the server and for tests.
    int status() const noexcept { return status_; }
    std::string_view header(
        std::string_view name) const noexcept;  // The first of that name, or "".
    bool has_header(std::string_view name) const noexcept;
    std::string_view field_lines() const noexcept { return lines_; }  // "Name: value\r\n" each.
    std::string_view body() const noexcept;
    uint64_t body_bytes() const noexcept;  // Of the file if there is one, else body().size().
    const FileBody* file() const noexcept { return file_.descriptor ? &file_ : nullptr; }
    bool deferred() const noexcept { return deferred_; }
    bool closes() const noexcept { return close_; }

private:
    Response& set_body(std::string_view type);
    void erase_field(std::string_view name);

    std::string lines_;
    std::string body_;
    std::shared_ptr<const std::string> shared_body_;
    size_t shared_offset_ = 0, shared_count_ = 0;
    FileBody file_;
    Reply::Target* target_ = nullptr;
    ReplyKey key_;
    int status_ = 200;
    bool deferred_ = false, close_ = false;
};

// Exceptions are caught at the loop's edge: 500, logged, everyone else goes on.
using Handler = std::function<void(const Request&, Response&)>;

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
