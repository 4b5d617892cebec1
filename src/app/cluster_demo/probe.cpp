#include "app/cluster_demo/probe.h"

#include <starling/json.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <boost/json.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

namespace starling::app::cluster_demo {
namespace {

namespace json = boost::json;

constexpr std::string_view questions =
    "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
constexpr size_t answers_bytes_max = 64 * 1024;
constexpr int ports_tried_max = 200;

struct Answer {
    int status = 0;
    std::string_view body;
};

int number(std::string_view text) {
    int value = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() ? value : -1;
}

// Takes one answer from the front of `bytes`. It has a Content-Length, as all answers of these paths.
std::optional<Answer> take_answer(std::string_view& bytes) {
    constexpr std::string_view version = "HTTP/1.1 ", field = "\r\nContent-Length: ";
    const size_t end = bytes.find("\r\n\r\n");
    if (end == std::string_view::npos || !bytes.starts_with(version)) return std::nullopt;
    const std::string_view head = bytes.substr(0, end + 2);
    const size_t length_at = head.find(field);
    if (length_at == std::string_view::npos) return std::nullopt;
    const int status = number(head.substr(version.size(), 3));
    const int length = number(head.substr(length_at + field.size()));
    bytes.remove_prefix(end + 4);
    if (status < 0 || length < 0 || bytes.size() < static_cast<size_t>(length)) return std::nullopt;
    const Answer answer{status, bytes.substr(0, static_cast<size_t>(length))};
    bytes.remove_prefix(static_cast<size_t>(length));
    return answer;
}

uint64_t count(const json::object& object, std::string_view name) {
    const json::value* const value = object.if_contains(name);
    boost::system::error_code refused;
    const uint64_t number = value ? value->to_number<uint64_t>(refused) : 0;
    return refused ? 0 : number;
}

sockaddr_in local(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

template <class Address>
const sockaddr* plain(const Address& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

}  // namespace

std::optional<Health> health_in(std::string_view answers) {
    const auto ready = take_answer(answers);
    const auto health = ready ? take_answer(answers) : std::nullopt;
    const auto value = health ? parse_json(health->body) : std::nullopt;
    const json::object* const object = value ? value->if_object() : nullptr;
    if (!object || health->status != 200) return std::nullopt;
    return Health{.ready = ready->status == 200,
                  .clients = count(*object, "socketio_sessions"),
                  .received = count(*object, "messages_received"),
                  .sent = count(*object, "messages_sent"),
                  .nodes = count(*object, "cluster_nodes")};
}

Probe::Probe(ClientLoop& loop, uint16_t port, Done done)
    : loop_(loop),
      done_(std::move(done)),
      socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    const sockaddr_in address = local(port);
    if (!socket_ ||
        (::connect(socket_.get(), plain(address), sizeof address) != 0 && errno != EINPROGRESS)) {
        failure_ = loop_.after(std::chrono::milliseconds(0), [this] { finish(std::nullopt); });
        return;
    }
    watch_ = loop_.watch(socket_.get(), {.writable = true},
                         [this](ClientLoop::Readiness ready) { on_ready(ready); });
}

Probe::~Probe() {
    if (watch_) loop_.unwatch(watch_);
    loop_.cancel(failure_);
}

void Probe::on_ready(ClientLoop::Readiness) {
    if (!asked_) {
        const ssize_t sent =
            ::send(socket_.get(), questions.data(), questions.size(), MSG_NOSIGNAL);
        if (sent != static_cast<ssize_t>(questions.size())) return finish(std::nullopt);
        asked_ = true;
        return loop_.change(watch_, {.readable = true});
    }
    char bytes[4096];
    const ssize_t size = ::recv(socket_.get(), bytes, sizeof bytes, 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size > 0) answers_.append(bytes, static_cast<size_t>(size));
    if (size <= 0 || answers_.size() > answers_bytes_max) return finish(health_in(answers_));
}

void Probe::finish(std::optional<Health> health) {
    if (watch_) loop_.unwatch(std::exchange(watch_, 0));
    failure_ = 0;
    socket_.reset();
    const Done done = std::move(done_);
    done(health);  // May destroy this probe.
}

bool accepts(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return false;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    const base::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    return socket && ::connect(socket.get(), plain(address), sizeof address) == 0;
}

uint16_t free_port(uint16_t first) {
    for (int port = first; port < first + ports_tried_max && port <= 65'535; ++port) {
        const base::Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const int on = 1;
        ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        const sockaddr_in address = local(static_cast<uint16_t>(port));
        if (::bind(socket.get(), plain(address), sizeof address) == 0)
            return static_cast<uint16_t>(port);
    }
    return 0;
}

}  // namespace starling::app::cluster_demo
