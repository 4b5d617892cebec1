#include "server/worker.h"
#include "server/overload_log.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <utility>

#include "base/checked_cast.h"
#include "base/text.h"
#include "net/tls_filter.h"
#include "server/cluster_topics.h"
#include "server/http_connection.h"

namespace starling::server {
namespace {

// A publication for other workers: one copy for all of them.
struct PostedMessage {
    explicit PostedMessage(const hub::Message& m)
        : topic(m.topic), bytes(base::text_of(m.bytes)), binary(m.binary) {}
    [[nodiscard]] hub::Message view() const noexcept {
        return {topic, base::bytes_of(bytes), binary};
    }
    const std::string topic, bytes;
    const bool binary;
};

// Limit of the messages that other threads have posted to a worker and that it has not handled yet.
constexpr uint64_t posted_bytes_max = 64 * 1024 * 1024;

// Topics with more members are delivered in slices: a whole delivery takes some milliseconds.
constexpr size_t whole_members_max = 1000;
constexpr size_t slice_units_min = 256;

}  // namespace

Worker::Worker(WorkerGroup& group)
    : lifetime_(*this, loop_),
      reply_lifetime_(*this, loop_),
      group_(group),
      index_(static_cast<uint32_t>(group.workers.size())),
      hub_(*this, &loop_, {.whole_members_max = whole_members_max}),
      strand_(std::make_shared<WorkerStrand>(*this)),
      loop_(net::make_backend(group.io),
            {.stalled_ms_max = static_cast<uint64_t>(group.site.options.stalled_timeout.count())}) {
    loop_.on_escaped([this](std::string_view what) { log_exception("task", what); });
    Inflows::change(inflows_, site().options.limits);
    for (const auto& route : site().websockets)
        websockets_.push_back(std::make_unique<WsContext>(*this, *route));
}

Worker::~Worker() {
    close_handles();
    strand_->detach();
    for (const auto& part : parts_) part->loop_ended();
}

void Worker::run() {
    const detail::Strand::Here here(*strand_);
    loop_.run();
    ended_.store(true, std::memory_order_relaxed);
    for (const auto& part : parts_) part->run_ended();
    strand_->scope().end();
}

void Worker::close_handles() noexcept {
    lifetime().close();
    reply_lifetime().close();
}

void Worker::change_limits(const Limits& limits) {
    Inflows::change(inflows_, limits);
    for (const auto& part : parts_) part->limits_changed(limits);
}

void Worker::use_certificates(TlsContexts contexts) { tls_contexts_ = std::move(contexts); }

// Logs one line now and then, with the count so far, instead of thousands of lines under overload.
void Worker::log_overload(uint64_t& logged_ms, std::string_view message, uint64_t count) {
    log_overload_of(*this, logged_ms, message, count, {});
}

void Worker::log_fault(uint16_t code, std::string_view reason, std::string_view address) {
    const std::array<log::Field, 3> fields{
        {{"code", static_cast<int64_t>(code)}, {"reason", reason}, {"peer", address}}};
    log(log::Level::debug, "a WebSocket was closed", fields);
    ++faults_;
    if (faults_logged_ms_ != 0 && loop_.now_ms() - faults_logged_ms_ < 1000) return;
    faults_logged_ms_ = loop_.now_ms();
    const std::array<log::Field, 4> latest{
        {fields[0],
         fields[1],
         fields[2],
         {"count", static_cast<int64_t>(std::exchange(faults_, 0))}}};
    log(log::Level::warn, "WebSockets were closed for a fault of the peer; the latest", latest);
}

void Worker::connection_closed(const net::Stream& stream, net::CloseReason reason) noexcept {
    give_place_back();
    if (!entered_.empty()) leave(stream.slot_key().slot);
    if (reason != net::CloseReason::stalled) return;
    counters_.connections_stalled.add();
    try {
        log_cut_off(stream);
    } catch (const std::bad_alloc&) {  // The connection was counted; only the log line is lost.
    }
}

void Worker::log_cut_off(const net::Stream& stream) {
    const std::string peer = address_of(stream);
    const std::array<log::Field, 2> fields{
        {{"peer", std::string_view(peer)},
         {"lost_bytes", static_cast<int64_t>(stream.lost_bytes())}}};
    log(log::Level::debug, "the peer takes nothing: connection reset", fields);
    log_overload_of(*this, cuts_logged_ms_,
                    "peers take nothing of what was sent: connections are reset",
                    counters_.connections_stalled.get(), {{"peer", std::string_view(peer)}});
}

std::string Worker::address_of(const net::Stream& stream) const {
    const std::string kept = addresses_.of(stream.slot_key().slot);
    return kept.empty() ? stream.peer_ip() : kept;
}

void Worker::give_place_back() noexcept {
    counters_.connections_open.subtract();
    leave_places(1);
}

int64_t Worker::now_s() const noexcept { return static_cast<int64_t>(std::time(nullptr)); }

std::string& Worker::scratch() noexcept {
    if (scratch_.capacity() > 256 * 1024) std::string().swap(scratch_);
    scratch_.clear();
    return scratch_;
}

ws::Inflater& Worker::shared_inflater() {
    if (!shared_inflater_)
        shared_inflater_ = std::make_unique<ws::Inflater>(ws::Inflater::Context::shared);
    return *shared_inflater_;
}

ws::Deflater& Worker::shared_deflater(uint8_t window_bits, int level) {
    auto& deflater = shared_deflaters_[{window_bits, level}];
    if (!deflater) deflater = std::make_unique<ws::Deflater>(window_bits, level);
    return *deflater;
}

void Worker::log(log::Level level, std::string_view message, std::span<const log::Field> fields) {
    if (group_.log && group_.log->wants(level)) group_.log->write(level, message, fields);
}

void Worker::log_refused_origin(const http::Request& request) {
    ++origins_refused_;
    if (origins_logged_ms_ != 0 && loop_.now_ms() - origins_logged_ms_ < overload_log_ms) return;
    origins_logged_ms_ = loop_.now_ms();
    const std::array<log::Field, 4> fields{
        {{"origin", request.header("origin")},
         {"host", request.host()},
         {"path", request.raw_path()},
         {"count", static_cast<int64_t>(std::exchange(origins_refused_, 0))}}};
    log(log::Level::warn, "a page of another origin was refused", fields);
}

void Worker::log_exception(std::string_view where, std::string_view what) {
    counters_.handler_exceptions.add();
    const std::array<log::Field, 2> fields{{{"handler", where}, {"what", what}}};
    log(log::Level::error, "a handler threw", fields);
}

void Worker::publish(const hub::Message& message) {
    if (ended_.load(std::memory_order_relaxed)) return;
    post_to_others(message);
    if (group_.topics) group_.topics->publish(message);
}

void Worker::deliver_to_all(const hub::Message& message) {
    hub_.deliver(message);
    post_to_others(message);
}

void Worker::subscribers_changed(const base::HashedText& topic, int change) {
    group_.subscriber_counts.change(topic, change);
    // A connection that is destroyed with its worker leaves when nobody hears of it any more.
    if (group_.topics && !has_ended()) group_.topics->changed(topic.text, change);
}

void Worker::slices_begin() {
    slice_size_.pause();
    post_slice();
}

// A posted call that posts again runs in the next tick: between two slices the loop serves all
// connections, and sends what the slice has queued.
void Worker::post_slice() {
    if (slice_posted_) return;
    loop_.post([this] { deliver_slice(); });
    slice_posted_ = true;
}

void Worker::deliver_slice() {
    slice_posted_ = false;
    if (!hub_.delivers_slices()) return;
    size_t units = SIZE_MAX;  // If memory runs out, everything is delivered now.
    try {
        post_slice();
        if (loop_.late_streams() != 0) {  // They are served first, but cannot hold a topic up.
            slice_size_.pause();
            hub_.deliver_slice(hub::SliceSize::units_min);
            return;
        }
        using std::chrono::steady_clock, std::chrono::microseconds;
        const auto now = steady_clock::now().time_since_epoch();
        // The time of a tick is also that of all others: a busy worker goes on with its topics.
        units =
            std::max(slice_units_min, slice_size_.next(static_cast<uint64_t>(
                                          std::chrono::duration_cast<microseconds>(now).count())));
    } catch (const std::bad_alloc&) {}
    while (hub_.deliver_slice(units) && units == SIZE_MAX) {}
}

void Worker::post_to_others(const hub::Message& message) {
    if (group_.workers.size() < 2) return;
    group_.post_all(message.bytes.size(), this,
                    [posted = std::make_shared<const PostedMessage>(message)](Worker& other) {
                        other.hub_.deliver(posted->view());
                    });
}

std::optional<Worker::PostedBytes> Worker::post_bytes(size_t bytes) noexcept {
    const uint64_t before = inbox_.message_bytes.fetch_add(bytes, std::memory_order_relaxed);
    std::optional<PostedBytes> room(std::in_place, inbox_.message_bytes, bytes);
    if (before == 0 || before + bytes <= posted_bytes_max) return room;
    inbox_.dropped.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
}

// ---- answers that come later --------------------------------------------------------------------

// Calls on this worker's thread run at once. But calls of a handler that is still answering are
// posted, and so are all calls after them, to keep the order.
template <class F>
void Worker::on_reply(http::ReplyKey key, F&& call) {
    if (!replies_.alive(key)) return;
    HttpConnection* const mine = loop_.in_loop_thread() ? replies_.find(key) : nullptr;
    if (mine && !mine->must_post()) return mine->close_if_throws(call);
    if (mine) mine->call_posted();
    post([this, key, own = mine != nullptr, call = std::forward<F>(call)]() mutable {
        HttpConnection* const connection = replies_.find(key);
        if (connection && own) connection->call_arrived();
        if (connection) connection->close_if_throws(call);
    });
}

void Worker::reply_send(http::ReplyKey key, http::Response&& response) {
    on_reply(key, [response = std::move(response)](HttpConnection& connection) mutable {
        connection.finish_later(std::move(response));
    });
}

bool Worker::reply_write(http::ReplyKey key, std::string_view bytes) {
    if (!replies_.alive(key)) return false;
    HttpConnection* const mine = loop_.in_loop_thread() ? replies_.find(key) : nullptr;
    if (mine && !mine->must_post()) return mine->write_later(bytes);
    // write_posted() never drops bytes accepted here, so the limit includes the bytes still posted.
    const uint64_t waiting =
        replies_.note(key) + inbox_.reply_bytes.load(std::memory_order_relaxed);
    if (waiting > site().http_rules->limits.stream_queue_bytes_max) return false;
    inbox_.reply_bytes.fetch_add(bytes.size(), std::memory_order_relaxed);
    if (mine) mine->call_posted();
    post([this, key, own = mine != nullptr, text = std::string(bytes)] {
        inbox_.reply_bytes.fetch_sub(text.size(), std::memory_order_relaxed);
        HttpConnection* const connection = replies_.find(key);
        if (connection && own) connection->call_arrived();
        if (connection)
            connection->close_if_throws([&](HttpConnection& c) { c.write_posted(text); });
    });
    return true;
}

void Worker::reply_end(http::ReplyKey key) {
    on_reply(key, [](HttpConnection& connection) { connection.end_later(); });
}

// Always posted: the last Reply may be destroyed while the connection is being used.
void Worker::reply_dropped(http::ReplyKey key) noexcept {
    if (!replies_.alive(key)) return;
    try {
        post([this, key] {
            if (HttpConnection* const connection = replies_.find(key))
                connection->close_if_throws([](HttpConnection& c) { c.reply_dropped(); });
        });
    } catch (const std::bad_alloc&) {  // HttpLimits::answer_timeout ends the request.
    }
}

// On this worker's thread it takes effect at once, even within a call of the body's reader: no
// further byte arrives after it.
void Worker::body_pause(http::ReplyKey key, bool paused) {
    if (!replies_.alive(key)) return;
    if (loop_.in_loop_thread()) {
        if (HttpConnection* const mine = replies_.find(key)) mine->pause_body(paused);
        return;
    }
    post([this, key, paused] {
        if (HttpConnection* const found = replies_.find(key)) found->pause_body(paused);
    });
}

bool Worker::reply_closed(http::ReplyKey key) const { return !replies_.alive(key); }

}  // namespace starling::server
