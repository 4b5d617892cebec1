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

// Takes sockets of this worker until the step is full or this worker has no more.
void AdminUiPart::take_page(AdminUiListing& listing) {
    const uint32_t end = core.sockets().slots();
    const uint32_t stop = std::min(end, listing.slot + AdminUiListing::slots_per_step_max);
    const bool is_first = !listing.all_sockets_sent;
    const size_t bytes_max = is_first ? ui.first_bytes_max() : AdminUiListing::page_bytes_max;
    if (listing.slot == 0 && is_first) listing.changes[worker.index()] = changes();
    for (size_t taken = 0; listing.slot < stop; ++listing.slot) {
        const bool is_listed = listing.place() < listing.listed_to;
        if ((listing.left == 0 && !is_listed) || taken >= listing.step_max ||
            listing.bytes >= bytes_max)
            break;
        const socketio::Socket* const socket = core.sockets().object_at(listing.slot);
        if (!socket || socket->state() != socketio::Socket::State::connected) continue;
        const bool is_brief =
            is_first && listing.sockets.size() >= AdminUiListing::page_sockets_max;
        if (is_brief && !std::exchange(listing.has_brief, true))
            listing.brief_from = listing.place();
        boost::json::object shown = shown_socket(*socket, ui.io().secret_parameter(),
                                                 is_brief ? Shown::brief : Shown::whole);
        if (is_listed)
            shown = {{"id", shown["id"]}, {"nsp", shown["nsp"]}, {"handshake", shown["handshake"]}};
        else
            is_news(base::pack(socket->slot_key()), shown.at("data"));
        listing.bytes += boost::json::serialize(shown).size();
        listing.sockets.emplace_back(std::move(shown));
        listing.left -= is_listed ? 0 : 1;
        ++taken;
    }
    const bool is_done = listing.left == 0 && listing.place() >= listing.listed_to;
    if (listing.slot < end && !is_done) return;
    ++listing.visited;
    listing.slot = 0;
    if (is_done) listing.visited = static_cast<uint32_t>(ui.workers());
}

void AdminUiPart::send_first_page(AdminUiListing& listing) {
    listing.all_sockets_sent = true;
    listing.bytes = 0;
    boost::json::array args;  // Braces around one array would copy it.
    args.emplace_back(std::exchange(listing.sockets, {}));
    ui.emit("all_sockets", args, listing.page, reach_of(listing));
    for (Page& page : pages_)
        if (page.socket.id() == listing.page) page.listing = ++last_listing_;
    if (!listing.has_brief) return;
    listing.listed_to = listing.place();
    listing.visited = listing.brief_from.visited;
    listing.slot = listing.brief_from.slot;
}

// Sockets that the page does not know come as it gets to know a socket later: with the time at which
// they have connected.
void AdminUiPart::send_page(AdminUiListing& listing) {
    for (const Json& shown : std::exchange(listing.sockets, {})) {
        if (!shown.get_object().contains("transport")) {
            ui.emit("socket_updated", {shown}, listing.page, reach_of(listing));
            continue;
        }
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
    const bool is_full = list.bytes >= ui.first_bytes_max();
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
        list.has_brief = false;
        ++list.attempts;
    } else {
        send_first_page(list);
    }
    pace(listing);
}

}  // namespace starling::server
