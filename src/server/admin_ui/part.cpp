#include "server/admin_ui/part.h"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/digest.h"
#include "server/admin_ui/admin_ui.h"
#include "server/admin_ui/shapes.h"

namespace starling::server {
namespace {

constexpr size_t touched_max = 1000;
constexpr uint64_t tick_ms = 1000;

uint64_t word(base::SlotKey key) noexcept { return base::pack(key); }

int64_t unix_ms() noexcept {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::string digest_of(const Json& data) {
    const auto bytes = base::sha256(boost::json::serialize(data));
    return {bytes.data(), 16};
}

}  // namespace

AdminUiPart::AdminUiPart(AdminUi& u, Worker& w, socketio::Server& c)
    : ui(u),
      worker(w),
      core(c),
      rate_({.per_second = u.options().events_per_second_max,
             .burst = u.options().events_per_second_max}) {
    worker.loop().every(tick_ms, [this] { tick(); });
}

AdminUiPart::~AdminUiPart() = default;

bool AdminUiPart::has_room() {
    if (bucket_.take(rate_, worker.loop().now_ms() * 1'000'000) == 0) return true;
    ++left_out_;
    return false;
}

void AdminUiPart::change(const char* name, boost::json::array args) {
    if (counts_change()) keep_dated(name, std::move(args));
}

// False: the change has no place in this second.
bool AdminUiPart::counts_change() {
    changes_.fetch_add(1, std::memory_order_release);
    if (has_room()) return true;
    ui.note_stale();
    return false;
}

void AdminUiPart::transport_changed(const socketio::Socket& socket) {
    if (counts_change())
        keep("socket_updated", {{{"id", socket.id()},
                                 {"nsp", socket.nsp().name()},
                                 {"transport", socket.connection().transport().name()}}});
}

void AdminUiPart::keep_dated(const char* name, boost::json::array args, bool is_volatile) {
    args.emplace_back(iso_time(unix_ms()));
    keep(name, std::move(args), is_volatile);
}

void AdminUiPart::keep(const char* name, boost::json::array args, bool is_volatile) {
    waiting_.push_back({name, std::move(args), is_volatile});
    if (!std::exchange(flush_posted_, true)) worker.post([this] { flush(); });
}

void AdminUiPart::flush() {
    flush_posted_ = false;
    const socketio::Server::CallScope entry(core);
    // What happens while these are sent waits for the next tick.
    for (const Entry& one : std::exchange(waiting_, {}))
        core.log_if_throws("admin ui", [&] {
            ui.emit(one.name, one.args, {}, AdminUi::Reach::all_nodes, one.is_volatile);
        });
    core.log_if_throws("admin ui", [this] { update_data(); });
}

// ---- data ---------------------------------------------------------------------------------------

void AdminUiPart::touched(const socketio::Socket& socket) {
    if (touched_.size() >= touched_max) {
        ui.note_stale();
        return;
    }
    touched_.insert(word(socket.slot_key()));
    if (!std::exchange(flush_posted_, true)) worker.post([this] { flush(); });
}

void AdminUiPart::forget(const socketio::Socket& socket) {
    touched_.erase(word(socket.slot_key()));
    sent_data_.erase(word(socket.slot_key()));
}

bool AdminUiPart::is_news(uint64_t key, const Json& data) {
    const std::string digest = digest_of(data);
    return std::exchange(sent_data_[key], digest) != digest;
}

// A socket whose data was only read is not reported.
void AdminUiPart::update_data() {
    for (const uint64_t key : std::exchange(touched_, {})) {
        const socketio::Socket* const socket = core.find(base::unpack(key));
        if (!socket || socket->state() != socketio::Socket::State::connected) continue;
        Json data = shown_data(socket->data_if());
        if (!is_news(key, data)) continue;
        if (!counts_change()) continue;
        ui.emit("socket_updated",
                {{{"id", socket->id()}, {"nsp", socket->nsp().name()}, {"data", std::move(data)}}});
    }
}

// ---- each second --------------------------------------------------------------------------------

std::string AdminUiPart::words_of(const Page& page) {
    std::string words = page.socket.id();
    if (page.is_settled) words.append(" ").append(std::to_string(page.listing));
    return words;
}

void AdminUiPart::tell_other_nodes(const Page& page) {
    core.log_if_throws("admin ui", [&] { ui.tell_other_nodes({words_of(page)}); });
}

void AdminUiPart::tick() {
    AdminUi::Share share;
    counts.move_to(share.events, unix_ms());
    share.polling = polling;
    core.each_namespace([&](const socketio::Namespace& nsp) {
        if (nsp.size() > 0) share.sockets.emplace(nsp.name(), nsp.size());
    });
    for (Page& page : pages_) {
        if (page.socket.connected()) share.pages.push_back(words_of(page));
        page.is_settled = page.listing > 0;
    }
    ui.add(worker.index(), std::move(share));
    if (worker.index() == 0 && ticks_++ % 2 == 0)
        core.log_if_throws("admin ui", [this] { ui.send_stats(); });
    if (left_out_ > 0) {
        const std::string count = std::to_string(std::exchange(left_out_, 0));
        core.warn("admin ui: events were left out", std::array<log::Field, 1>{{{"events", count}}});
    }
    if (worker.index() == 0)
        core.log_if_throws("admin ui", [this] { ui.repair_lists(worker.loop().now_ms()); });
    if (!ui.is_watched()) sent_data_.clear();
}

}  // namespace starling::server
