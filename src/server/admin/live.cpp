#include "server/admin/live.h"

#include <boost/json.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "base/utf8.h"
#include "server/admin/admin.h"
#include "server/admin/connections.h"
#include "server/ws_connection.h"
#include "server/ws_follow.h"

namespace starling::server {
namespace {

namespace json = boost::json;

constexpr size_t request_depth_max = 4;

void tell(const ws::Socket& page, const json::object& message) {
    page.send(json::serialize(message));
}

void tell_closed(const ws::Socket& page, ConnectionId connection, std::string_view why) {
    tell(page, {{"closed", {{"id", connection.text()}, {"reason", why}}}});
}

// Runs on the worker of the connection; a ws::Socket may be used on any thread.
class Follower final : public WsFollower {
public:
    // `ended` is called when the connection closes.
    Follower(ws::Socket page, ConnectionId connection, bool payloads, std::function<void()> ended)
        : page_(page), id_(connection.text()), payloads_(payloads), ended_(std::move(ended)) {}

    void message(Direction direction, std::span<const std::byte> bytes, bool binary) override {
        json::object shown{{"id", id_},
                           {"direction", direction == Direction::in ? "in" : "out"},
                           {"bytes", bytes.size()},
                           {"binary", binary}};
        if (payloads_ && !binary)
            shown["text"] = base::utf8_cut(base::text_of(bytes), AdminLive::shown_bytes_max);
        tell(page_, {{"message", std::move(shown)}});
    }
    void closed(uint16_t code, std::string_view reason) override {
        tell(page_, {{"closed", {{"id", id_}, {"code", code}, {"reason", reason}}}});
        ended_();
    }

    // The follow takes no place from here on. Any thread.
    void give_up() noexcept { given_up_.store(true); }
    [[nodiscard]] bool is_given_up() const noexcept { return given_up_.load(); }

private:
    const ws::Socket page_;
    const std::string id_;
    const bool payloads_;
    const std::function<void()> ended_;
    std::atomic<bool> given_up_{false};
};

}  // namespace

void AdminLive::mount() {
    admin_.home().websocket(
        "/admin/live",
        {.message_bytes_max = 1024,
         .on_full = ws::OnFull::drop,
         .upgrade =
             [this](ws::Upgrade& upgrade) {
                 if (pages_.size() >= pages_max) upgrade.refuse(503, "too many pages are open");
             },
         .open = [this](ws::Socket page) { opened(page); },
         .message = [this](ws::Socket page,
                           ws::Message message) { received(page, message.text()); },
         .close = [this](ws::Socket page, uint16_t, std::string_view) { left(page); }});
    admin_.collector().on_sample([this] { tell_all(); });
}

void AdminLive::opened(ws::Socket page) { pages_.push_back(page); }

void AdminLive::left(ws::Socket page) {
    std::erase(pages_, page);
    for (const Follow& follow : follows_)
        if (follow.page == page) stop(follow.connection);
    std::erase_if(follows_, [&](const Follow& follow) { return follow.page == page; });
}

void AdminLive::tell_all() {
    if (pages_.empty()) return;
    json::array sample;
    for (const float value : admin_.collector().latest()) sample.emplace_back(value);
    const std::string text = json::serialize(
        json::object{{"second", admin_.collector().uptime_s()}, {"sample", std::move(sample)}});
    for (const ws::Socket& page : pages_) page.send(text);
}

void AdminLive::received(ws::Socket page, std::string_view text) {
    const auto request = base::read_json(text, request_depth_max);
    const json::object* const members = request ? request->if_object() : nullptr;
    const auto wanted = [&](std::string_view name) -> std::optional<ConnectionId> {
        const json::value* const value = members ? members->if_contains(name) : nullptr;
        if (!value || !value->is_string()) return std::nullopt;
        return ConnectionId::parse(value->get_string());
    };
    if (const auto id = wanted("follow")) return follow(page, *id);
    if (const auto id = wanted("unfollow")) return unfollow(page, *id);
    tell(page, {{"error", "{\"follow\": ID} or {\"unfollow\": ID} is wanted"}});
}

void AdminLive::follow(ws::Socket page, ConnectionId connection) {
    const auto earlier = std::ranges::find(follows_, connection, &Follow::connection);
    if (earlier != follows_.end()) {
        if (!(earlier->page == page))
            tell_closed(earlier->page, connection, "another page follows it now");
        follows_.erase(earlier);
    }
    if (follows_.size() >= follows_max)
        return tell(page, {{"error", "too many connections are followed"}});
    follows_.push_back({page, connection});
    const auto follower = std::make_shared<Follower>(
        page, connection, admin_.options().payloads, [this, page, connection] {
            admin_.home().post([this, page, connection] { (void)forget(page, connection); });
        });
    on_websocket(
        admin_, connection,
        [follower](WsConnection& socket) -> std::string {
            if (follower->is_given_up()) return "the worker was stuck";
            socket.follow(follower);
            return {};
        },
        [this, page, connection, follower](const std::string& problem) {
            if (problem.empty()) return tell(page, {{"followed", connection.text()}});
            tell_closed(page, connection, problem);
            // A worker that was stuck may still run the call, or has run it.
            follower->give_up();
            unfollow(page, connection);
        });
}

bool AdminLive::forget(ws::Socket page, ConnectionId connection) {
    return std::erase_if(follows_, [&](const Follow& follow) {
               return follow.page == page && follow.connection == connection;
           }) > 0;
}

void AdminLive::unfollow(ws::Socket page, ConnectionId connection) {
    if (forget(page, connection)) stop(connection);
}

void AdminLive::stop(ConnectionId connection) {
    on_websocket(
        admin_, connection,
        [](WsConnection& socket) {
            socket.unfollow();
            return std::string();
        },
        [](const std::string&) {});
}

}  // namespace starling::server
