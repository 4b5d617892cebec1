#include "fetch/plain_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <utility>

#include "base/text.h"
#include "fetch/failure.h"
#include "fetch/plain_sender.h"
#include "fetch/target.h"
#include "net/system_calls.h"

namespace starling::fetch {

namespace {

using Kind = http::ResponseEvent::Kind;

constexpr int redirects_max = 5;
constexpr size_t kept_bytes_max = 4'096;  // Memory of each string of an idle connection.

http::ResponseLimits limits_of(const TargetOptions& options) {
    // A field takes at least four bytes, so the limit of bytes also limits the number of fields.
    return {.head_bytes_max =
                static_cast<uint32_t>(std::min<size_t>(options.header_bytes_max, UINT32_MAX)),
            .fields_max = UINT32_MAX,
            .body_bytes_max = options.body_bytes_max};
}

void shrink(std::string& text) noexcept {
    text.clear();
    if (text.capacity() > kept_bytes_max) std::string().swap(text);
}

bool is_temporary(int error) noexcept {
    return error == EAGAIN || error == EINTR || error == ENOBUFS;
}

}  // namespace

PlainConnection::PlainConnection(PlainSender& sender, Application& application)
    : sender_(sender), application_(application), reader_({}) {}

PlainConnection::~PlainConnection() { close(); }

void PlainConnection::prepare(Target& target, uint64_t tag, std::string_view headers,
                              std::string body, uint64_t now_ms) {
    request_.head = target.head_begin();
    request_.lines = append_head(headers, body.size(), request_.head);
    request_.body = std::move(body);
    request_.target = &target;
    request_.tag = tag;
    request_.started_ms = now_ms;
    request_.redirects = 0;
    request_.url.clear();
    reader_.set_limits(limits_of(target.options()));
}

void PlainConnection::start() noexcept {
    reused_ = static_cast<bool>(fd_);
    if (reused_)
        begin_exchange();
    else
        connect();
}

uint64_t PlainConnection::due_ms() const noexcept {
    if (phase_ == Phase::over) return UINT64_MAX;
    const TargetOptions& options = request_.target->options();
    const uint64_t all_ms = request_.started_ms + options.timeout_ms;
    return phase_ == Phase::connecting ? std::min(connect_ms_ + options.connect_timeout_ms, all_ms)
                                       : all_ms;
}

void PlainConnection::rest(uint64_t now_ms) noexcept {
    phase_ = Phase::idle;
    idle_since_ms_ = now_ms;
    shrink(request_.head);
    std::string().swap(request_.body);
    shrink(answer_body_);
}

bool PlainConnection::is_sound() const noexcept {
    std::array<char, 1> byte;
    return ::recv(fd_.get(), byte.data(), byte.size(), MSG_PEEK | MSG_DONTWAIT) < 0 &&
           is_temporary(errno);
}

void PlainConnection::on_ready(bool readable, bool writable) {
    switch (phase_) {
        case Phase::idle: return sender_.close(*this);
        case Phase::connecting: return connected();
        case Phase::exchanging:
            // Reads first: an answer may arrive before the whole request is sent.
            if (readable && !receive()) return;
            if (writable) send();
            return;
        case Phase::over: return;
    }
}

void PlainConnection::want(net::Interest interest) noexcept {
    try {
        if (!watch_)
            watch_.emplace(sender_.loop(), fd_.get(), interest, static_cast<net::Watcher&>(*this));
        else
            (void)watch_->change(interest);
    } catch (...) {  // The kernel has no memory for the watch: the request times out.
    }
}

void PlainConnection::close() noexcept {
    if (watch_) watch_->forget();
    watch_.reset();
    fd_.reset();
}

// ---- connecting -----------------------------------------------------------------------------------

void PlainConnection::connect() noexcept {
    reset();
    reused_ = false;
    phase_ = Phase::connecting;
    connect_ms_ = sender_.loop().now_ms();
    first_ = application_.preferred;
    tried_ = 0;
    try_addresses(0);
}

// Tries the remaining addresses, one after the other. `error`: why the address before failed.
void PlainConnection::try_addresses(int error) noexcept {
    close();
    const auto& addresses = application_.addresses();
    while (tried_ < addresses.size()) {
        error = open(addresses[(first_ + tried_++) % addresses.size()]);
        if (error == 0) return;
    }
    connect_error_ = error;
    end_ = End::unreachable;
    phase_ = Phase::over;
    sender_.over_soon(*this);
}

// Returns 0 if the connection is open or under way, otherwise an errno.
int PlainConnection::open(const net::Address& address) noexcept {
    fd_ =
        base::Descriptor(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    no_socket_ = !fd_;
    if (!fd_) return errno;
    const int on = 1;
    if (!address.is_unix()) ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd_.get(), address.data(), address.size()) == 0) {
        begin_exchange();
        return 0;
    }
    if (errno != EINPROGRESS) {
        const int error = errno;
        close();
        return error;
    }
    want({.writable = true});
    return 0;
}

void PlainConnection::connected() {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error) return try_addresses(error);
    const size_t count = application_.addresses().size();
    if (count > 0) application_.preferred = (first_ + tried_ - 1) % count;
    begin_exchange();
}

// ---- the exchange ---------------------------------------------------------------------------------

void PlainConnection::begin_exchange() noexcept {
    reset();
    phase_ = Phase::exchanging;
    send();
}

void PlainConnection::reset() noexcept {
    sent_bytes_ = 0;
    head_seen_ = write_failed_ = reusable_ = false;
    answer_body_.clear();
    reader_.begin();
}

void PlainConnection::send() noexcept {
    std::array<iovec, 2> parts{};
    size_t count = 0, skip = sent_bytes_;
    for (std::string* const part : {&request_.head, &request_.body}) {
        if (skip < part->size()) parts[count++] = {part->data() + skip, part->size() - skip};
        skip -= std::min(skip, part->size());
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = count;
    const ssize_t taken =
        count > 0 ? net::system_calls::sendmsg(fd_.get(), &message, MSG_NOSIGNAL) : 0;
    if (taken > 0) sent_bytes_ += static_cast<size_t>(taken);
    // The connection has ended. The loop reports it as readable, and receive() reads the answer that
    // may have arrived before the end.
    if (taken < 0 && !is_temporary(errno)) write_failed_ = true;
    want({.readable = true, .writable = !is_sent() && !write_failed_});
}

// False: the request has completed or is repeated. This object may have been destroyed.
bool PlainConnection::receive() {
    const std::span<std::byte> buffer = sender_.buffer();
    const ssize_t size = net::system_calls::receive(fd_.get(), buffer.data(), buffer.size());
    if (size < 0 && is_temporary(errno)) return true;
    std::span<const std::byte> input = buffer.first(size > 0 ? static_cast<size_t>(size) : 0);
    for (;;) {
        const http::ResponseEvent event = size > 0 ? reader_.next(input) : reader_.finish();
        switch (event.kind) {
            case Kind::need_more: return true;
            case Kind::head: head_seen_ = true; break;
            case Kind::body_chunk: try { answer_body_ += base::text_of(event.body);
                } catch (const std::bad_alloc&) {
                    return over(End::body_lost), false;
                }
                break;
            case Kind::complete:
                reusable_ = size > 0 && input.empty() && reader_.head().keep_alive && is_sent() &&
                            !write_failed_;
                return over(End::answered), false;
            case Kind::error: return failed(), false;
        }
    }
}

void PlainConnection::failed() {
    const http::ResponseFault fault = reader_.fault();
    if (fault == http::ResponseFault::ended && reused_ && !is_sent() && !reader_.started())
        return connect();
    if (fault == http::ResponseFault::head_too_large) return over(End::head_too_large);
    if (head_seen_) return over(End::body_lost);
    over(fault == http::ResponseFault::ended ? End::closed : End::malformed);
}

void PlainConnection::conclude() {
    if (phase_ == Phase::over) return sender_.over(*this);
    over(End::timed_out);
}

void PlainConnection::over(End end) {
    end_ = end;
    connecting_ = phase_ == Phase::connecting;
    phase_ = Phase::over;
    sender_.over(*this);
}

bool PlainConnection::follow() {
    const uint16_t status = reader_.status();
    const Target& target = *request_.target;
    if (end_ != End::answered || !target.options().follow_redirects ||
        request_.redirects == redirects_max ||
        (status != 301 && status != 302 && status != 307 && status != 308))
        return false;
    const std::string& from = request_.url.empty() ? target.options().url : request_.url;
    std::string to = resolve_url(from, std::string(reader_.field("location")));
    const auto url = target.within_origin(to);
    if (!url) return false;
    const size_t old_bytes = request_.head.find('\r');
    const std::string line = "POST " + url->target + " HTTP/1.1";
    request_.head.replace(0, old_bytes, line);
    request_.lines.begin += line.size() - old_bytes;
    request_.lines.end += line.size() - old_bytes;
    request_.url = std::move(to);
    ++request_.redirects;
    if (!reusable_) close();
    return true;
}

Answer PlainConnection::answer() {
    Answer answer;
    const uint16_t status = reader_.status();
    if (head_seen_ || (end_ == End::head_too_large && (status >= 200 || status == 101))) {
        answer.status = status;
        answer.sent = true;
        answer.cut = end_ != End::answered;
        answer.content_type = reader_.field("content-type");
        answer.retry_after = reader_.field("retry-after");
        answer.body = answer_body_;
        return answer;
    }
    answer.sent = is_sent() || request_.redirects > 0;
    answer.cut = end_ == End::head_too_large;
    error_ = failure();
    answer.error = error_;
    return answer;
}

std::string PlainConnection::failure() const {
    using namespace failure_text;
    switch (end_) {
        case End::timed_out: return timed_out(!connecting_, request_.target->options());
        case End::unreachable:
            return no_socket_ ? no_socket(connect_error_) : no_connection(connect_error_);
        case End::head_too_large: return std::string(head_too_long);
        case End::malformed:
            if (reader_.status() == 0) return std::string(not_http);
            return "the answer is malformed: " + std::string(reader_.reason());
        default:
            if (reader_.status() != 0) return std::string(ended_in_head);
            return std::string(is_sent() ? no_answer : not_sent);
    }
}

}  // namespace starling::fetch
