#include "fetch/multi.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <new>
#include <system_error>

#include "base/assert.h"
#include "fetch/request.h"

namespace starling::fetch {

namespace {

// Calls `call` if an exception ends the scope.
template <class F>
class OnThrow {
public:
    explicit OnThrow(F call) : call_(std::move(call)), before_(std::uncaught_exceptions()) {}
    ~OnThrow() {
        if (std::uncaught_exceptions() > before_) call_();
    }
    OnThrow(const OnThrow&) = delete;
    OnThrow& operator=(const OnThrow&) = delete;

private:
    F call_;
    const int before_;
};

// Looks at an idle HTTP/1 connection that has become readable. True: the connection has ended, was
// reset, or holds bytes that no request asked for (another answer, or a 408 before the end).
// libcurl 7.88 notices only an end, and would take such bytes for the answer to its next request,
// so this function shuts the connection down. False: nothing has come; libcurl has already read the
// answer that made the connection readable.
bool spoil(int fd) noexcept {
    constexpr int reads_max = 64;
    std::array<char, 4096> bytes;
    for (int i = 0; i < reads_max; ++i) {
        const ssize_t size = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (size > 0) continue;
        if (i == 0 && size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
        break;
    }
    ::shutdown(fd, SHUT_RDWR);
    return true;
}

}  // namespace

Multi::Multi(net::Loop& loop, Owner& owner) : loop_(loop), owner_(owner) {
    // Thread-safe since libcurl 7.84. Never undone, because other code of the process may use
    // libcurl.
    static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
    multi_ = initialized == CURLE_OK ? curl_multi_init() : nullptr;
    if (!multi_) throw std::bad_alloc();
    const auto socket = [](CURL* easy, curl_socket_t fd, int what, void* self, void*) {
        return static_cast<Multi*>(self)->change_socket(easy, fd, what);
    };
    const auto timer = [](CURLM*, long timeout_ms, void* self) {
        static_cast<Multi*>(self)->change_timer(timeout_ms);
        return 0;
    };
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, static_cast<curl_socket_callback>(socket));
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION,
                      static_cast<curl_multi_timer_callback>(timer));
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, long(kept_connections_max_));
}

Multi::~Multi() {
    curl_multi_cleanup(multi_);  // Closes the connections: close_socket().
    STARLING_ASSERT(sockets_.empty());
    if (soon_) loop_.cancel_timer(soon_);
    if (later_) loop_.cancel_timer(later_);
}

void Multi::add(CURL* easy) {
    failed_.reserve(std::max(transfers_ + 1, kept_connections_max_));  // Nothing below throws.
    // By default libcurl keeps four times as many connections as it has transfers at that moment,
    // which is often none.
    if (++transfers_ > kept_connections_max_) {
        kept_connections_max_ *= 2;
        curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, long(kept_connections_max_));
    }
    if (curl_multi_add_handle(multi_, easy) == CURLM_OK) return;
    failed_.emplace_back(easy, CURLE_OUT_OF_MEMORY);
    change_timer(0);
}

void Multi::remove(CURL* easy) noexcept {
    --transfers_;
    curl_multi_remove_handle(multi_, easy);
    std::erase(stalled_, easy);
    std::erase_if(failed_, [&](const auto& failed) { return failed.first == easy; });
}

int Multi::open_socket(int family, int type, int protocol) noexcept {
    const int fd = ::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    if (fd < 0) return -1;
    // libcurl may have closed an earlier socket of this number without calling close_socket(),
    // because that socket had not connected.
    sockets_.erase(fd);
    return fd;
}

void Multi::close_socket(int fd) noexcept {
    sockets_.erase(fd);
    ::close(fd);
}

int Multi::let_go(CURL* easy, int fd) noexcept {
    const auto found = sockets_.find(fd);
    if (found == sockets_.end()) return 0;
    Socket& socket = found->second;
    socket.wanted = false;
    if (socket.established) {
        long version = 0;
        curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
        socket.multiplexed = socket.multiplexed || version >= CURL_HTTP_VERSION_2_0;
        return 0;
    }
    sockets_.erase(found);
    try {
        stalled_.push_back(easy);
    } catch (...) {  // The transfer then ends at its timeout.
    }
    return 0;
}

int Multi::change_socket(CURL* easy, int fd, int what) noexcept {
    if (what == CURL_POLL_REMOVE) return let_go(easy, fd);
    try {
        const auto [found, added] = sockets_.try_emplace(fd, *this, fd);
        // libcurl makes the sockets of its look-up threads without this flag.
        if (added) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
        Socket& socket = found->second;
        socket.wanted = true;
        socket.established = socket.established || Request::of(easy).connected();
        watch(socket, {.readable = what != CURL_POLL_OUT, .writable = what != CURL_POLL_IN});
    } catch (...) {
        // The kernel has no memory to watch the socket. An error here would end all transfers and
        // make the Multi unusable, so only this transfer suffers: it ends at its timeout.
    }
    return 0;
}

void Multi::watch(Socket& socket, net::Interest interest) {
    if (socket.watch) {
        (void)socket.watch->change(interest);
        return;
    }
    socket.watched = base::Descriptor(::fcntl(socket.fd, F_DUPFD_CLOEXEC, 0));
    if (!socket.watched) throw std::system_error(errno, std::system_category(), "dup");
    socket.watch.emplace(loop_, socket.watched.get(), interest, socket);
}

void Multi::Socket::on_ready(bool readable, bool writable) {
    if (!wanted) {
        (void)watch->change({.readable = !multiplexed && !spoil(fd)});
        return;
    }
    // This call may destroy the Socket.
    multi.drive(fd, (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0));
}

void Multi::change_timer(long timeout_ms) noexcept {
    due_ms_.reset();
    if (timeout_ms < 0) return;
    due_ms_ = loop_.now_ms() + static_cast<uint64_t>(timeout_ms);
    try {
        arm();
    } catch (...) {
        // No memory for a timer: drive() tries again with the next event.
    }
}

void Multi::arm() {
    if (!due_ms_ || soon_) return;
    const auto fire = [this](net::TimerId Multi::*which) {
        return [this, which] {
            this->*which = 0;
            if (!due_ms_) return;
            if (*due_ms_ > loop_.now_ms()) return arm();
            due_ms_.reset();
            drive(CURL_SOCKET_TIMEOUT, 0);
        };
    };
    if (*due_ms_ <= loop_.now_ms()) {
        soon_ = loop_.after(0, fire(&Multi::soon_));
    } else if (!later_ || *due_ms_ < later_due_ms_) {
        if (later_) loop_.cancel_timer(later_);
        later_ = 0;
        later_due_ms_ = *due_ms_;
        later_ = loop_.after(*due_ms_ - loop_.now_ms(), fire(&Multi::later_));
    }
}

void Multi::drive(int fd, int events) {
    int running = 0;
    curl_multi_socket_action(multi_, fd, events, &running);
    // If a host has several addresses and one of them refuses, libcurl 7.88 tries the next address
    // only at the transfer's next event. The transfer has no socket then, so the next event would
    // be its timeout. The end of a pause is such an event.
    for (size_t i = 0; i < stalled_.size(); ++i) {
        curl_easy_pause(stalled_[i], CURLPAUSE_RECV);
        curl_easy_pause(stalled_[i], CURLPAUSE_CONT);
    }
    stalled_.clear();
    arm();
    report();
}

void Multi::report() {
    const OnThrow again([this] { change_timer(0); });
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi_, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        CURL* const easy = message->easy_handle;
        const CURLcode result = message->data.result;  // `message` is valid until remove().
        remove(easy);
        owner_.on_complete(easy, result);
    }
    for (size_t count = failed_.size(); count > 0 && !failed_.empty(); --count) {
        const auto [easy, result] = failed_.back();
        failed_.pop_back();
        --transfers_;
        owner_.on_complete(easy, result);
    }
}

}  // namespace starling::fetch
