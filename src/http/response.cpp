#include <starling/http.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <stdexcept>
#include <utility>

#include "base/tokens.h"
#include "http/cookie.h"
#include "http/promised_answer.h"
#include "http/response_access.h"
#include "http/response_writer.h"

namespace starling::http {
namespace {

// Takes one "Name: value\r\n" off the front.
struct Line {
    std::string_view name, value;
    size_t bytes = 0;
};

Line first_line(std::string_view lines) {
    const size_t end = lines.find("\r\n"), colon = lines.find(": ");
    return {lines.substr(0, colon), lines.substr(colon + 2, end - colon - 2), end + 2};
}

bool is_value(std::string_view value) { return std::ranges::all_of(value, base::is_field_char); }

// A CR or LF in a value would split the response, so it is refused, not repaired.
void check_field(std::string_view name, std::string_view value) {
    if (!base::is_token(name)) throw std::invalid_argument("header name is not a token");
    if (!is_value(value)) throw std::invalid_argument("control character in a header value");
    if (base::iequals(name, "content-length") || base::iequals(name, "transfer-encoding"))
        throw std::invalid_argument("the server computes Content-Length and Transfer-Encoding");
    if (base::iequals(name, "connection") && !base::iequals(value, "close"))
        throw std::invalid_argument("Connection is the server's");
}

}  // namespace

BadRequest::BadRequest(const std::string& what, int status)
    : std::runtime_error(what), status_(status) {
    if (status < 400 || status > 499) throw std::invalid_argument("status outside 400 to 499");
}

Response& Response::status(int code) {
    // Informational answers are sent by the server, and do not end a request.
    if (code < 200 || code > 599) throw std::invalid_argument("status outside 200 to 599");
    status_ = code;
    return *this;
}

Response& Response::header(std::string_view name, std::string_view value) {
    check_field(name, value);
    erase_field(name);
    return append_field(name, value);
}

Response& Response::add_header(std::string_view name, std::string_view value) {
    check_field(name, value);
    return append_field(name, value);
}

Response& Response::append_field(std::string_view name, std::string_view value) {
    if (base::iequals(name, "connection")) return close();
    lines_.reserve(lines_.size() + name.size() + value.size() + 4);
    lines_.append(name).append(": ").append(base::trim(value)).append("\r\n");
    return *this;
}

void Response::erase_field(std::string_view name) {
    for (size_t at = 0; at < lines_.size();) {
        const Line line = first_line(std::string_view(lines_).substr(at));
        if (base::iequals(line.name, name))
            lines_.erase(at, line.bytes);
        else
            at += line.bytes;
    }
}

std::string_view Response::header(std::string_view name) const noexcept {
    for (std::string_view rest = lines_; !rest.empty();) {
        const Line line = first_line(rest);
        if (base::iequals(line.name, name)) return line.value;
        rest.remove_prefix(line.bytes);
    }
    return {};
}

bool Response::has_header(std::string_view name) const noexcept {
    return header(name).data() != nullptr;
}

Response& Response::cookie(std::string_view name, std::string_view value,
                           const CookieOptions& options) {
    return add_header("Set-Cookie", format_cookie(name, value, options));
}

Response& Response::close() noexcept {
    close_ = true;
    return *this;
}

Response& Response::set_body(std::string_view type) {
    body_.clear();
    shared_body_.reset();
    file_.reset();
    if (!type.empty()) header("Content-Type", type);
    return *this;
}

Response& Response::body(std::string bytes, std::string_view type) {
    set_body(type);
    body_ = std::move(bytes);
    return *this;
}

Response& Response::body(std::shared_ptr<const std::string> bytes, std::string_view type) {
    const size_t count = bytes ? bytes->size() : 0;
    return body(std::move(bytes), 0, count, type);
}

Response& Response::body(std::shared_ptr<const std::string> bytes, size_t offset, size_t count,
                         std::string_view type) {
    const size_t size = bytes ? bytes->size() : 0;
    if (offset > size || count > size - offset)
        throw std::invalid_argument("part outside the body");
    set_body(type);
    shared_body_ = std::move(bytes);
    shared_offset_ = offset;
    shared_count_ = count;
    return *this;
}

Response& Response::file(std::string path) {
    set_body({});
    file_ = std::make_shared<const FileBody>(FileBody{.path = std::move(path)});
    return *this;
}

Response& Response::stream(Source source, std::string_view type) {
    if (!source) throw std::invalid_argument("stream() needs a source");
    set_body(type);
    file_ = std::make_shared<const FileBody>(FileBody{.source = std::move(source)});
    return *this;
}

Response& Response::text(std::string bytes) {
    return body(std::move(bytes), "text/plain; charset=utf-8");
}
Response& Response::html(std::string bytes) {
    return body(std::move(bytes), "text/html; charset=utf-8");
}
Response& Response::json(std::string bytes) { return body(std::move(bytes), "application/json"); }
Response& Response::json(const boost::json::value& value) {
    return json(boost::json::serialize(value));
}

Response& Response::redirect(std::string_view location, int status_code) {
    if (status_code < 300 || status_code > 399) throw std::invalid_argument("not a redirection");
    header("Location", location);
    status(status_code);
    return set_body({});
}

Response& Response::no_content() {
    status_ = 204;
    set_body({});
    erase_field("Content-Type");
    return *this;
}

void Response::require_server() const {
    if (!target_) throw std::logic_error("later() needs a response that a server made");
}

Reply Response::later() {
    require_server();
    auto answer = answer_.lock();
    if (!answer) answer_ = answer = std::make_shared<PromisedAnswer>(target_, key_);
    const Reply reply(std::move(answer));
    deferred_ = true;
    // Replaces the promise of the coroutine, which may stream through this Reply.
    if (std::exchange(promised_, false)) reply.send(*this);
    return reply;
}

std::string_view Response::body() const noexcept {
    if (shared_body_) return std::string_view(*shared_body_).substr(shared_offset_, shared_count_);
    return body_;
}

uint64_t Response::body_bytes() const noexcept { return file_ ? file_->bytes : body().size(); }

void plain_answer(Response& response, int status, std::string_view reason) {
    std::string body = std::to_string(status) + " " + std::string(status_phrase(status));
    if (!reason.empty()) {
        body.append(": ").append(reason);
        response.header("X-Content-Type-Options", "nosniff");
    }
    response.status(status).text(body + "\n");
}

Response ResponseAccess::make(Reply::Target& target, ReplyKey key) {
    Response response;
    response.target_ = &target;
    response.key_ = base::pack(key);
    return response;
}

void ResponseAccess::answer(Response response) {
    Reply::Target* const target = response.target_;
    const ReplyKey key = base::unpack(response.key_);
    call_target(target, [&](ReplyTarget& there) { there.reply_send(key, std::move(response)); });
}

RequestBody ResponseAccess::body_of(Reply::Target& target, ReplyKey key) {
    return {&target, base::pack(key)};
}

void ResponseAccess::add_missing(Response& response, std::string_view lines) {
    const size_t own = response.lines_.size();  // Fields added here do not hide later lines.
    const auto has = [&](std::string_view name) {
        for (std::string_view rest = std::string_view(response.lines_).substr(0, own);
             !rest.empty();) {
            const Line line = first_line(rest);
            if (base::iequals(line.name, name)) return true;
            rest.remove_prefix(line.bytes);
        }
        return false;
    };
    while (!lines.empty()) {
        const Line line = first_line(lines);
        const auto text = lines.substr(0, line.bytes);
        const bool present = base::iequals(line.name, "set-cookie")
                                 ? response.lines_.find(text) != std::string::npos
                                 : has(line.name);
        if (!present) response.lines_.append(text);
        lines.remove_prefix(line.bytes);
    }
}

const FileBody* ResponseAccess::file(const Response& response) noexcept {
    return response.file_.get();
}

void ResponseAccess::set_file(Response& response, FileBody file, std::string_view type) {
    response.set_body(type);
    response.file_ = std::make_shared<const FileBody>(std::move(file));
}

void ResponseAccess::erase(Response& response, std::string_view name) {
    response.erase_field(name);
}

}  // namespace starling::http
