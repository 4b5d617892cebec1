#include "server/admin_ui/listing.h"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <utility>

#include "server/admin_ui/admin_ui.h"
#include "server/admin_ui/part.h"
#include "server/admin_ui/shapes.h"
#include "server/socketio/socketio.h"

namespace starling::server {
namespace {

constexpr uint64_t full_queue_pause_ms = 50;

AdminUi::Reach reach_of(const AdminUiListing& listing) noexcept {
    return listing.is_elsewhere ? AdminUi::Reach::all_nodes : AdminUi::Reach::this_node;
}

}  // namespace

void AdminUiPart::page_arrived(const sio::Socket& page) {
    std::erase_if(pages_, [](const Page& known) { return !known.socket.connected(); });
    pages_.push_back({page});
    tell_other_nodes(pages_.back());
    auto listing = std::make_shared<AdminUiListing>();
    listing->page = page.id();
    listing->socket = page;
    begin(std::move(listing));
}

void AdminUiPart::page_elsewhere(const std::string& id) {
    auto listing = std::make_shared<AdminUiListing>();
    listing->page = id;
    listing->is_elsewhere = true;
    // The page's own node replaces its list; the others add to it.
    listing->all_sockets_sent = true;
    begin(std::move(listing));
}

void AdminUiPart::list_again() {
    for (const Page& page : std::exchange(pages_, {}))
        if (page.socket.connected()) page_arrived(page.socket);
}

void AdminUiPart::begin(std::shared_ptr<AdminUiListing> listing) {
    listing->home = worker.index();
    listing->left = ui.options().sockets_max;
    listing->changes.resize(ui.workers());
    pace(listing);
}

// On the page's own worker: waits while the client takes no more.
void AdminUiPart::pace(const std::shared_ptr<AdminUiListing>& listing) {
    if (listing->visited >= ui.workers() || worker.stopping()) return;
    if (!listing->is_elsewhere) {
        const socketio::Socket* const page = socketio::Server::find_here(listing->socket);
        if (!page) return;
        const socketio::Transport& transport = page->connection().transport();
        if (!transport.writable()) {
            worker.loop().after(full_queue_pause_ms, [this, listing] { pace(listing); });
            return;
        }
        if (listing->all_sockets_sent)
            listing->step_max =
                std::min(transport.packets_wanted(), AdminUiListing::page_sockets_max);
    }
    const auto next = static_cast<uint32_t>((listing->home + listing->visited) % ui.workers());
    AdminUiPart& part = ui.part(next);
    part.worker.post(
        [&part, listing] { part.core.log_if_throws("admin ui", [&] { part.list(listing); }); });
}

void AdminUiPart::list(const std::shared_ptr<AdminUiListing>& listing) {
    const socketio::Server::CallScope entry(core);
    flush();  // What happened before comes before.
    take_page(*listing);
    if (listing->all_sockets_sent)
        send_page(*listing);
    else if (listing->attempts >= AdminUiListing::attempts_max)
        send_first_page(*listing);  // This is the page's own worker.
    AdminUiPart& home = ui.part(listing->home);
    home.worker.post(
        [&home, listing] { home.core.log_if_throws("admin ui", [&] { home.move_on(listing); }); });
}

// Takes sockets of this worker until the page is full or this worker has no more.
void AdminUiPart::take_page(AdminUiListing& listing) {
    const uint32_t end = core.sockets().slots();
    const uint32_t stop = std::min(end, listing.slot + AdminUiListing::slots_per_step_max);
    if (listing.slot == 0) listing.changes[worker.index()] = changes();
    for (; listing.slot < stop; ++listing.slot) {
        if (listing.left == 0 || listing.sockets.size() >= listing.step_max ||
            listing.bytes >= AdminUiListing::page_bytes_max)
            break;
        const socketio::Socket* const socket = core.sockets().object_at(listing.slot);
        if (!socket || socket->state() != socketio::Socket::State::connected) continue;
        boost::json::object shown = shown_socket(*socket, ui.io().secret_parameter());
        is_news(base::pack(socket->slot_key()), shown.at("data"));
        listing.bytes += boost::json::serialize(shown).size();
        listing.sockets.emplace_back(std::move(shown));
        --listing.left;
    }
    if (listing.slot < end && listing.left > 0) return;
    ++listing.visited;
    listing.slot = 0;
    if (listing.left == 0) listing.visited = static_cast<uint32_t>(ui.workers());
}

void AdminUiPart::send_first_page(AdminUiListing& listing) {
    listing.all_sockets_sent = true;
    listing.bytes = 0;
    boost::json::array args;  // Braces around one array would copy it.
    args.emplace_back(std::exchange(listing.sockets, {}));
    ui.emit("all_sockets", args, listing.page, reach_of(listing));
    for (Page& page : pages_)
        if (page.socket.id() == listing.page) page.listing = ++last_listing_;
}

// As the page gets to know a socket later: with the time at which it has connected.
void AdminUiPart::send_page(AdminUiListing& listing) {
    for (const Json& shown : std::exchange(listing.sockets, {})) {
        const int64_t issued_ms = shown.at("handshake").at("issued").as_int64();
        ui.emit("socket_connected", {shown, iso_time(issued_ms)}, listing.page, reach_of(listing));
    }
    listing.sent_bytes = std::exchange(listing.bytes, 0);
}

// On the page's own worker, after a step.
void AdminUiPart::move_on(const std::shared_ptr<AdminUiListing>& listing) {
    AdminUiListing& list = *listing;
    if (list.is_elsewhere) {
        worker.loop().after(AdminUiListing::pause_ms(list.sent_bytes),
                            [this, listing] { pace(listing); });
        return;
    }
    if (list.all_sockets_sent) return pace(listing);
    const bool is_full = list.sockets.size() >= AdminUiListing::page_sockets_max ||
                         list.bytes >= AdminUiListing::page_bytes_max;
    if (!is_full && list.visited < ui.workers()) return pace(listing);
    // The worker at work has given a part if it is not at its first slot.
    const size_t gave = std::min<size_t>(list.visited + (list.slot > 0 ? 1 : 0), ui.workers());
    bool changed = false;
    for (size_t i = 0; i < gave; ++i) {
        const auto index = static_cast<uint32_t>((list.home + i) % ui.workers());
        changed |= ui.part(index).changes() != list.changes[index];
    }
    if (changed) {
        list.left += list.sockets.size();
        list.sockets.clear();
        list.bytes = list.visited = list.slot = 0;
        ++list.attempts;
    } else {
        send_first_page(list);
    }
    pace(listing);
}

}  // namespace starling::server
