// bench/gateway_application.cpp: the application behind the gateways that are compared, cheaper than any of
// them: level-triggered epoll, one receive and one send for each request. While requests come it sleeps in place of
// waiting in epoll, so that no gateway pays for waking it up. `gateway_application PORT`.
//
// It answers a webhook `message` with the action that sends the client's own data back, and the events of
// WebSocket-over-HTTP (Pushpin) with the same events.
#include <unistd.h>

#include <string>
#include <unordered_map>
#include <vector>

#include "base/descriptor.h"
#include "http_message.h"
#include "listen.h"
#include "load/usage.h"

namespace {

using namespace starling::bench;

constexpr std::string_view events_type = "application/websocket-events";

void append_answer(std::string& out, std::string_view type, std::string_view before,
                   std::string_view body, std::string_view after) {
    out += "HTTP/1.1 200 OK\r\nContent-Type: ";
    out += type;
    out += "\r\nContent-Length: ";
    out += std::to_string(before.size() + body.size() + after.size());
    out += "\r\n\r\n";
    out.append(before).append(body).append(after);
}

// The client's data begins the webhook's body, and the action is what follows it.
void append_actions(std::string& out, std::string_view body) {
    constexpr std::string_view begin = R"({"data":)", mark = R"(,"action":"message")";
    const size_t end = body.rfind(mark);
    if (!body.starts_with(begin) || end == std::string_view::npos)
        return append_answer(out, "application/json", "", "{}", "");
    append_answer(out, "application/vnd.starling.actions+json",
                  R"({"actions":[{"send":{"payload":)",
                  body.substr(begin.size(), end - begin.size()), "}}]}");
}

void answer(std::string& out, const HttpMessage& request) {
    if (header_field(request.head, "content-type:") != events_type)
        append_actions(out, request.body);
    else
        append_answer(out, events_type, "",
                      request.body.starts_with("DISCONNECT") ? "" : request.body, "");
}

// The connections, and of each what is there of the next request.
class Application {
public:
    explicit Application(int listener) : listener_(listener) { watch(epoll_.get(), listener); }

    void run() {
        epoll_event events[256];
        for (int empty = 0;;) {
            const int ready = epoll_wait(epoll_.get(), events, 256, empty < naps_max ? 0 : -1);
            empty = ready == 0 ? empty + 1 : 0;
            if (ready == 0) nap();
            for (int i = 0; i < ready; ++i) {
                const int fd = events[i].data.fd;
                if (fd == listener_)
                    watch(epoll_.get(), accept_from(listener_));
                else if (!serve(fd))
                    close(fd), rests_.erase(fd);
            }
        }
    }

private:
    static constexpr int naps_max = 500;  // A tenth of a second without a request.

    bool serve(int fd) {
        const ssize_t n = recv(fd, buffer_.data(), buffer_.size(), 0);
        if (n <= 0) return false;
        std::string_view left(buffer_.data(), static_cast<size_t>(n));
        std::string& rest = rests_[fd];
        if (!rest.empty()) left = rest.append(left);
        out_.clear();
        for (HttpMessage request; (request = http_message(left)).whole;) {
            answer(out_, request);
            left.remove_prefix(request.bytes);
        }
        rest = std::string(left);
        return out_.empty() || send_whole(fd, out_.data(), out_.size());
    }

    const int listener_;
    const starling::base::Descriptor epoll_{epoll_create1(EPOLL_CLOEXEC)};
    std::vector<char> buffer_ = std::vector<char>(256 * 1024);
    std::string out_;
    std::unordered_map<int, std::string> rests_;
};

}  // namespace

int main(int argc, char** argv) {
    raise_descriptor_limit();
    const int listener = listen_on(static_cast<uint16_t>(argc > 1 ? std::atoi(argv[1]) : 9005));
    if (listener < 0) return std::perror("gateway_application"), 1;
    Application(listener).run();
}
