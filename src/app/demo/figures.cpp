#include "app/demo/figures.h"

#include "app/demo/community/token.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <memory>
#include <mutex>
#include <utility>

namespace starling::app {
namespace {

namespace json = boost::json;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds figures_interval{1000};

// With one decimal, if it is no whole number.
json::value rate(uint64_t before, uint64_t now, int64_t elapsed_ms) {
    if (elapsed_ms <= 0 || now <= before) return 0;
    const double per_s =
        static_cast<double>(now - before) * 1000.0 / static_cast<double>(elapsed_ms);
    const double tenths = std::round(per_s * 10);
    const auto whole = static_cast<int64_t>(tenths / 10);
    if (static_cast<double>(whole) * 10 == tenths) return whole;
    return tenths / 10;
}

bool is_loopback(std::string_view host) {
    return host.empty() || host == "localhost" || host == "::1" || host == "[::1]" ||
           host.starts_with("127.");
}

// Fields that proxies add: behind one, the peer is the proxy.
constexpr std::array<std::string_view, 5> proxy_fields{"x-forwarded-for", "forwarded", "via",
                                                       "x-real-ip", "x-forwarded-host"};

bool is_from_this_machine(const http::Request& request) {
    return is_loopback(request.remote_address()) && !request.proxied() &&
           std::ranges::none_of(
               proxy_fields, [&](std::string_view name) { return !request.header(name).empty(); });
}

// The IPv4 addresses of this machine but for the loopback ones.
std::vector<std::string> interface_addresses() {
    std::vector<std::string> found;
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) return found;
    for (const ifaddrs* one = list; one; one = one->ifa_next) {
        if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET) continue;
        if (!(one->ifa_flags & IFF_UP) || (one->ifa_flags & IFF_LOOPBACK)) continue;
        std::array<char, INET_ADDRSTRLEN> text{};
        const auto* address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
        if (::inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size()))
            found.emplace_back(text.data());
    }
    ::freeifaddrs(list);
    return found;
}

// Reads the server's figures once a second, on the first worker; all workers show the newest ones.
class Board : public std::enable_shared_from_this<Board> {
public:
    explicit Board(Server& server)
        : topic("figures " + community::random_secret(8)), server_(server) {}

    void begin() {
        server_.every(figures_interval, [board = shared_from_this()] {
            board->read();
            board->server_.publish(board->topic, json::serialize(board->figures()));
        });
    }

    json::value figures() const {
        const std::lock_guard lock(mutex_);
        return figures_of(before_, now_, server_.workers());
    }

    const std::string topic;  // Its name keeps the nodes of a cluster apart.

private:
    void read() {
        const auto elapsed = steady_clock::now() - start_;
        const Reading reading{
            server_.stats(),
            std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count()};
        const std::lock_guard lock(mutex_);
        before_ = std::exchange(now_, reading);
    }

    Server& server_;  // The server outlives its handlers, which own this object.
    const steady_clock::time_point start_ = steady_clock::now();
    mutable std::mutex mutex_;
    Reading before_, now_;
};

}  // namespace

sio::Json figures_of(const Reading& before, const Reading& now, unsigned workers) {
    const ServerStats &old = before.stats, &stats = now.stats;
    const int64_t elapsed_ms = now.at_ms - before.at_ms;
    return json::object{
        {"uptime_s", now.at_ms / 1000},
        {"workers", workers},
        {"connections", stats.connections_open},
        {"websockets", stats.websockets_open},
        {"socketio_sessions", stats.socketio_sessions_open},
        {"requests_per_s", rate(old.requests, stats.requests, elapsed_ms)},
        {"received_per_s", rate(old.messages_received, stats.messages_received, elapsed_ms)},
        {"sent_per_s", rate(old.messages_sent, stats.messages_sent, elapsed_ms)}};
}

std::vector<std::string> reachable_urls(const std::vector<std::string>& listening,
                                        const std::vector<std::string>& interfaces) {
    std::vector<std::string> found;
    for (const std::string& url : listening) {
        const size_t scheme = url.find("://"), port = url.rfind(':');
        if (!url.starts_with("http") || scheme == std::string::npos || port <= scheme) continue;
        const std::string begin = url.substr(0, scheme + 3), end = url.substr(port);
        const std::string host = url.substr(scheme + 3, port - scheme - 3);
        if (is_loopback(host)) continue;
        const bool all = host == "0.0.0.0" || host == "[::]";
        for (const std::string& one : all ? interfaces : std::vector<std::string>{host})
            if (found.size() < reachable_urls_max) found.push_back(begin + one + end);
    }
    return found;
}

void serve_figures(Server& server, ws::Route limits,
                   std::function<std::vector<std::string>()> listening) {
    auto board = std::make_shared<Board>(server);
    limits.open = [board](ws::Socket socket) {
        socket.join(board->topic);
        socket.send(json::serialize(board->figures()));
    };
    limits.page = [board, listening = std::move(listening)](const http::Request& request,
                                                            http::Response& response) {
        json::value figures = board->figures();
        if (is_from_this_machine(request)) {
            json::array urls;
            for (const std::string& url : reachable_urls(listening(), interface_addresses()))
                urls.emplace_back(url);
            figures.as_object().emplace("urls", std::move(urls));
        }
        response.header("Cache-Control", "no-store").json(figures);
    };
    server.websocket(figures_path, std::move(limits));
    board->begin();
}

}  // namespace starling::app
