// The pages of the Admin UI: their login, what they get at first, their commands.
#include <starling/log.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "server/admin_ui/admin_ui.h"
#include "server/admin_ui/part.h"
#include "server/socketio/socketio.h"

namespace starling::server {
namespace {

// What the nodes of a cluster tell each other: the ids of the pages that want to see sockets.
constexpr std::string_view pages_event = "starling:admin-ui-pages";
// A node has left out changes.
constexpr std::string_view stale_event = "starling:admin-ui-stale";
constexpr uint64_t list_again_ms = 5000;
constexpr size_t pages_elsewhere_max = 100;
// A page counts for three times the interval of that event, and more.
constexpr std::chrono::seconds elsewhere_time{7};

// A page that has brought the password, and shall get a session.
struct LoggedIn {
    std::shared_ptr<std::atomic<bool>> by_password;
};

std::string_view text_of(const sio::Json* value) noexcept {
    const boost::json::string* const text = value ? value->if_string() : nullptr;
    return text ? std::string_view(text->data(), text->size()) : std::string_view();
}

std::string_view member(const sio::Json& object, std::string_view name) noexcept {
    const boost::json::object* const members = object.if_object();
    return text_of(members ? members->if_contains(name) : nullptr);
}

const sio::Json* at(std::span<const sio::Json> args, size_t index) noexcept {
    return index < args.size() ? &args[index] : nullptr;
}

}  // namespace

void AdminUi::set_up() {
    sio::Namespace& nsp = io_.of(options_.namespace_name);
    nsp_ = &nsp;
    setup_ = io_.adapter().find_static(options_.namespace_name);
    setup_->unrecorded = true;
    setup_->own = true;
    nsp.use([this](sio::Socket socket, sio::Next next) { log_in(socket, next); });
    nsp.on_connection([this](sio::Socket socket) { welcome(socket); });
    if (!options_.readonly)
        for (const char* command : {"emit", "join", "leave", "_disconnect"})
            nsp.on(command, [this, command](sio::Socket page, std::span<const sio::Json> args) {
                act(page, command, args);
            });
    if (!shows_sockets()) return;
    nsp.on_server_side(pages_event,
                       [this](const std::vector<std::string>& pages) { pages_elsewhere(pages); });
    nsp.on_server_side(stale_event,
                       [this] { stale_elsewhere_.store(true, std::memory_order_relaxed); });
}

// ---- login --------------------------------------------------------------------------------------

void AdminUi::log_in(const sio::Socket& socket, const sio::Next& next) {
    const sio::Handshake handshake = socket.handshake();
    const socketio::Server& core = socketio::Server::find_here(socket)->server();
    if (sessions_.is_valid(member(handshake.auth, "sessionId"), core.runtime().unix_s()))
        return next();
    const std::string_view username = member(handshake.auth, "username"),
                           password = member(handshake.auth, "password");
    // What fits nobody does not wait for the comparison, and is no guess.
    if (password.empty() || password.size() > password_bytes_max ||
        username.size() > username_bytes_max)
        return next({"invalid credentials"});
    const auto address = peer::ClientNetwork::of(handshake.address);
    const uint64_t now_ms = core.runtime().now_ms();
    {
        const std::lock_guard lock(mutex_);
        if (const uint64_t left_ms = attempts_.wait_of(address, now_ms))
            return next({"too many wrong passwords from this address",
                         {{"retry_after_s", (left_ms + 999) / 1000}}});
        // Until it has proved right, so that many attempts at one time are no way around.
        attempts_.wrong(address, now_ms);
    }
    const auto right = std::make_shared<std::atomic<bool>>(false);
    socket.emplace_data<LoggedIn>(right);
    const bool asked = passwords_.ask(std::string(username), std::string(password),
                                      [this, next, right, address](bool is_right) {
                                          if (!is_right) return next({"invalid credentials"});
                                          {
                                              const std::lock_guard lock(mutex_);
                                              attempts_.right(address);
                                          }
                                          right->store(true);
                                          next();
                                      });
    if (asked) return;
    {
        const std::lock_guard lock(mutex_);
        attempts_.take_back(address);
    }
    next({"too many logins at this time"});
}

void AdminUi::welcome(const sio::Socket& socket) {
    const socketio::Server& core = socketio::Server::find_here(socket)->server();
    const auto* const entered = socket.data_as<LoggedIn>();
    if (entered && entered->by_password->load()) {
        std::array<std::byte, sizeof(uint64_t)> bytes{};
        core.runtime().random(bytes);
        uint64_t random = 0;
        for (const std::byte byte : bytes) random = random << 8 | static_cast<uint8_t>(byte);
        emit("session", {sessions_.make(random, core.runtime().unix_s())}, socket.id(),
             Reach::this_node);
    }
    emit("config", {{{"supportedFeatures", features()}}}, socket.id(), Reach::this_node);
    if (!shows_sockets()) return;
    socketio::Server::find_here(socket)->connection().transport().keep_pace();
    part_of(core).page_arrived(socket);
}

boost::json::array AdminUi::features() const {
    boost::json::array all;
    if (!options_.readonly)
        all = {"EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT"};
    all.emplace_back("AGGREGATED_EVENTS");
    if (shows_sockets()) all.emplace_back("ALL_EVENTS");
    return all;
}

// ---- commands -----------------------------------------------------------------------------------

// emit(nsp, room, event, args...), join(nsp, room, in), leave(nsp, room, in), _disconnect(nsp, close,
// in). Without a room (`in`) all sockets of the namespace are meant.
void AdminUi::act(const sio::Socket& page, std::string_view command,
                  std::span<const sio::Json> args) {
    const bool emits = command == "emit", disconnects = command == "_disconnect";
    const std::string_view nsp = text_of(at(args, 0)), in = text_of(at(args, emits ? 1 : 2));
    const std::string_view what = text_of(at(args, emits ? 2 : 1));  // An event or a room.
    if (nsp.empty() || (what.empty() && !disconnects)) return;
    const socketio::Server& core = socketio::Server::find_here(page)->server();
    const std::array<log::Field, 5> fields{{{"command", command},
                                            {"nsp", nsp},
                                            {"in", in},
                                            {"what", what},
                                            {"address", page.handshake().address}}};
    core.runtime().log(log::Level::info, "admin ui: a command", fields);
    try {
        sio::Broadcast to = io_.in_namespace(nsp);
        if (!in.empty()) to = to.in(in);
        const sio::Json* const close = at(args, 1);
        if (command == "join")
            to.sockets_join(what);
        else if (command == "leave")
            to.sockets_leave(what);
        else if (disconnects)
            to.disconnect_sockets(close && close->is_bool() && close->get_bool());
        else
            to.emit_list(what, args.subspan(3));
    } catch (const std::invalid_argument&) {
        return;  // The page has typed a name that none can have: "a,b", or of an event "disconnect".
    }
}

// ---- nodes of a cluster -------------------------------------------------------------------------

void AdminUi::tell_other_nodes(const std::vector<std::string>& pages) const {
    if (!pages.empty() && io_.adapter().cluster()) nsp_->server_side_emit(pages_event, pages);
}

void AdminUi::count_pages() {
    std::vector<std::string> pages;
    {
        const std::lock_guard lock(mutex_);
        for (const Share& share : shares_)
            pages.insert(pages.end(), share.pages.begin(), share.pages.end());
        const auto now = std::chrono::steady_clock::now();
        std::erase_if(elsewhere_,
                      [&](const auto& page) { return now - page.second > elsewhere_time; });
        watched_elsewhere_.store(!elsewhere_.empty(), std::memory_order_relaxed);
    }
    tell_other_nodes(pages);
}

// A page with a new list gets the sockets of this node. Not before its `all_sockets`, which replaces
// what the page knows.
void AdminUi::pages_elsewhere(const std::vector<std::string>& pages) {
    const std::lock_guard lock(mutex_);
    for (const std::string& page : pages) {
        const bool known = elsewhere_.contains(page);
        if (!known && elsewhere_.size() >= pages_elsewhere_max) continue;
        elsewhere_[page] = std::chrono::steady_clock::now();
        watched_elsewhere_.store(true, std::memory_order_relaxed);
        const size_t space = page.find(' ');
        if (known || space == std::string::npos) continue;
        AdminUiPart& first = *parts_.front();
        first.worker.post([&first, id = page.substr(0, space)] { first.page_elsewhere(id); });
    }
}

// ---- lists that are out of date -----------------------------------------------------------------

void AdminUi::repair_lists(uint64_t now_ms) {
    if (now_ms - listed_ms_ < list_again_ms) return;
    const bool here = stale_here_.exchange(false, std::memory_order_relaxed);
    const bool elsewhere = stale_elsewhere_.exchange(false, std::memory_order_relaxed);
    if (!(here || elsewhere) || !is_watched()) return;
    listed_ms_ = now_ms;
    list_again();
    if (here && watched_elsewhere_.load(std::memory_order_relaxed) && io_.adapter().cluster())
        nsp_->server_side_emit(stale_event);
}

void AdminUi::list_again() {
    for (AdminUiPart* const part : parts_)
        part->worker.post([part] {
            const socketio::Server::CallScope entry(part->core);
            part->list_again();
        });
}

}  // namespace starling::server
