// server/admin_ui/part.h: the Admin UI on one worker: what its sockets do, collected until the end
// of the tick, within the limit of each second; its figures; the lists that its pages wait for.
//
// Owner: the worker. Thread: the worker's, except where a comment says otherwise.
#pragma once

#include <boost/json/array.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "limits/bucket.h"
#include "server/admin_ui/event_counts.h"
#include "server/worker.h"
#include "socketio/server.h"

namespace starling::server {

class AdminUi;
struct AdminUiListing;

class AdminUiPart final : public WorkerPart {
public:
    AdminUiPart(AdminUi& ui, Worker& worker, socketio::Server& core);
    ~AdminUiPart() override;

    // A change of a socket or room: if it has no place in this second, the lists of all pages are out
    // of date.
    void change(const char* name, boost::json::array args);
    void transport_changed(const socketio::Socket& socket);
    // An event of a client. The caller has asked has_room() before it made `args`.
    void event(const char* name, boost::json::array args) {
        keep_dated(name, std::move(args), true);
    }
    // Takes the place of one event. False: this second has none left.
    [[nodiscard]] bool has_room();
    void touched(const socketio::Socket& socket);
    void forget(const socketio::Socket& socket);
    // Sends what was collected.
    void flush();

    void page_arrived(const sio::Socket& page);  // Its list begins.
    // The page with that id, on another node.
    void page_elsewhere(const std::string& id);
    void list_again();
    // Does the next step of a listing on this worker.
    void list(const std::shared_ptr<AdminUiListing>& listing);
    void pace(const std::shared_ptr<AdminUiListing>& listing);

    // Any thread. Grows with each change, before it is sent.
    [[nodiscard]] uint64_t changes() const noexcept {
        return changes_.load(std::memory_order_acquire);
    }

    AdminUi& ui;
    Worker& worker;
    socketio::Server& core;
    EventCounts counts;
    size_t polling = 0;

private:
    struct Entry {
        const char* name;
        boost::json::array args;
        bool is_volatile;  // A page that has not kept up does not get it.
    };
    void keep(const char* name, boost::json::array args, bool is_volatile = false);
    void keep_dated(const char* name, boost::json::array args, bool is_volatile = false);
    [[nodiscard]] bool counts_change();
    // Keeps what the pages are told of a socket's data. False: they know it.
    bool is_news(uint64_t key, const sio::Json& data);
    void update_data();
    void tick();
    void begin(std::shared_ptr<AdminUiListing> listing);
    void take_page(AdminUiListing& listing);
    void send_first_page(AdminUiListing& listing);
    void send_page(AdminUiListing& listing);
    void move_on(const std::shared_ptr<AdminUiListing>& listing);

    std::vector<Entry> waiting_;
    bool flush_posted_ = false;
    const limits::BucketRate rate_;
    limits::Bucket bucket_;
    std::atomic<uint64_t> changes_{0};
    uint64_t left_out_ = 0;  // Events, since the last log line.
    uint64_t ticks_ = 0;
    struct Page {
        sio::Socket socket;
        uint64_t listing = 0;  // Number of its newest `all_sockets`; 0: not sent yet.
        // A second has passed since then. Other nodes know by now that the room of the page's own
        // socket is here, and can send their lists to it.
        bool is_settled = false;
    };
    [[nodiscard]] static std::string words_of(const Page& page);
    void tell_other_nodes(const Page& page);
    std::vector<Page> pages_;  // Those of this worker.
    uint64_t last_listing_ = 0;
    std::unordered_set<uint64_t> touched_;  // Sockets whose data may have changed.
    // By socket: a digest of its data as the pages know it. Empty while nobody looks.
    std::unordered_map<uint64_t, std::string> sent_data_;
};

}  // namespace starling::server
