// Listeners within the program: Channels::listen().
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "base/text.h"
#include "events/text.h"
#include "server/events/events.h"
#include "server/worker.h"

namespace starling::server {
namespace {

constexpr uint64_t pause_ms = 1000;  // Until the history is asked again.

// What the handle and the member share.
struct Listened {
    std::string channel;
    std::function<void(const events::Event&)> handler;
    events::Listening options;
    std::atomic<bool> ended{false};
};

// Owner: the EventsWorker. Thread: its worker's.
class ProgramMember final : public events::Member, public hub::Subscriber {
public:
    ProgramMember(EventsWorker& host, std::shared_ptr<Listened> listened)
        : host_(host), listened_(std::move(listened)) {}

    // `again` runs later if the history is away; it may destroy this member.
    void start(std::optional<hub::Position> since, std::function<void()> again) {
        const bool asked = since.has_value();
        host_.listen(*this, *this, std::move(since),
                     [this, asked, again = std::move(again)](const hub::Beginning& begins) {
                         if (begins.failed)
                             host_.worker.loop().after(pause_ms, again);
                         else
                             begin(begins, asked);
                         return !begins.failed;
                     });
    }
    void deliver(hub::Publication& publication) override {
        ++publication.taken;
        const auto& message = publication.message;
        handle(std::string(message.offset),
               std::string(events::event_of(base::text_of(message.bytes))));
    }
    void expired(hub::Subscriber&) override {}  // It has no login.
    void lost(hub::Subscriber&) override {
        guarded([this] {
            if (listened_->options.lost) listened_->options.lost();
        });
    }

private:
    void begin(const hub::Beginning& begins, bool asked) {
        guarded([&] {
            if (listened_->options.begun) listened_->options.begun(!asked || begins.recovered);
        });
        for (const auto& kept : begins.missed)
            handle(hub::position_text(kept->epoch, kept->offset), kept->text);
    }
    void handle(std::string offset, std::string text) {
        guarded([&] { listened_->handler({std::move(offset), std::move(text)}); });
    }
    template <class F>
    void guarded(F&& call) {
        if (listened_->ended.load()) return;
        try {
            call();
        } catch (...) {
            host_.worker.log_exception("event listener",
                                       detail::describe(std::current_exception()));
        }
    }

    EventsWorker& host_;
    const std::shared_ptr<Listened> listened_;
};

// Runs on the worker's thread, and again while the history is away.
void begin_listening(EventsWorker& host, uint64_t id, const events::Rule& rule,
                     const std::shared_ptr<Listened>& listened,
                     const std::optional<hub::Position>& since) {
    host.drop_listener(id);
    if (listened->ended.load()) return;
    auto member = std::make_unique<ProgramMember>(host, listened);
    host.enter(*member, rule, listened->channel);
    ProgramMember& started = *member;
    host.keep_listener(id, std::move(member));
    started.start(since, [&host, id, &rule, listened, since] {
        begin_listening(host, id, rule, listened, since);
    });
}

class ListenerHandle final : public events::Listener {
public:
    ListenerHandle(EventsWorker& host, uint64_t id, std::shared_ptr<Listened> listened)
        : host_(host), worker_(host.worker.lifetime()), id_(id), listened_(std::move(listened)) {}
    ~ListenerHandle() override {
        listened_->ended.store(true);
        // Posted: the listener may be destroyed by its own handler.
        if (const base::Lifetime<Worker>::Use worker(&worker_); worker)
            worker->post([host = &host_, id = id_] { host->drop_listener(id); });
    }
    ListenerHandle(const ListenerHandle&) = delete;
    ListenerHandle& operator=(const ListenerHandle&) = delete;

private:
    EventsWorker& host_;
    base::Lifetime<Worker>& worker_;
    const uint64_t id_;
    const std::shared_ptr<Listened> listened_;
};

}  // namespace

std::unique_ptr<events::Listener> Events::listen(std::string_view channel,
                                                 std::function<void(const events::Event&)> handler,
                                                 events::Listening options) {
    if (!handler) throw std::invalid_argument("listen: no function");
    if (!attached_.load(std::memory_order_acquire))
        throw std::logic_error("listen: the server has not started");
    const auto* const rule = table_->find(channel).rule;
    if (!rule) return nullptr;
    auto listened = std::make_shared<Listened>();
    listened->channel = channel;
    listened->handler = std::move(handler);
    listened->options = std::move(options);
    EventsWorker* const mine = here();
    EventsWorker& host = mine ? *mine : *workers_.front();
    const uint64_t id = listener_ids_.fetch_add(1);
    // Posted on the own thread too, so that no handler runs before the caller has its Listener.
    const auto start = [&host, id, rule, listened](std::optional<hub::Position> since) {
        host.worker.post([&host, id, rule, listened, since = std::move(since)] {
            begin_listening(host, id, *rule, listened, since);
        });
    };
    if (!rule->history)
        start(std::nullopt);
    else if (!listened->options.since.empty())
        start(hub::position_from_client(listened->options.since));
    else  // What this thread publishes next is heard: the position is that of now.
        history_->read({.channel = channel, .since = {}, .limit = 0}, now_ms(),
                       [start](const hub::HistoryPage& page) { start(page.top); });
    return std::make_unique<ListenerHandle>(host, id, std::move(listened));
}

}  // namespace starling::server
