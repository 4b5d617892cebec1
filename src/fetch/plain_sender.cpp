#include "fetch/plain_sender.h"

#include <algorithm>
#include <new>
#include <utility>

#include "fetch/target.h"
#include "net/loop.h"

namespace starling::fetch {

namespace {

constexpr uint64_t rest_ms_max = 4'000;
constexpr size_t buffer_bytes = 65'536;

PlainConnection& connection_of(base::ListLink& link) { return static_cast<PlainConnection&>(link); }

// If memory runs out, the redirect is the answer.
bool follows(PlainConnection& connection) noexcept {
    try {
        return connection.follow();
    } catch (const std::bad_alloc&) {
        return false;
    }
}

}  // namespace

// Releases the connection after the owner's call, even if the owner throws.
struct PlainSender::Release {
    PlainSender& sender;
    PlainConnection& connection;
    ~Release() { sender.release(connection); }
};

PlainSender::PlainSender(net::Loop& loop, Owner& owner)
    : loop_(loop), owner_(owner), buffer_(buffer_bytes) {}

PlainSender::~PlainSender() {
    if (timer_) loop_.cancel_timer(timer_);
}

Application& PlainSender::application(const std::string& place, const Url& url) {
    for (const auto& application : applications_)
        if (application->place() == place) return *application;
    return *applications_.emplace_back(std::make_unique<Application>(place, url));
}

void PlainSender::post(Target& target, uint64_t tag, std::string_view headers, std::string body) {
    PlainConnection& connection = take(*target.application);
    try {
        connection.prepare(target, tag, headers, std::move(body), loop_.now_ms());
    } catch (...) {
        close(connection);
        throw;
    }
    start(connection);
}

void PlainSender::start(PlainConnection& connection) noexcept {
    connection.unlink();
    connection.insert_before(under_way_);
    connection.start();
    arm(connection.due_ms());
}

// Returns the newest idle connection that is still open, or a new connection.
PlainConnection& PlainSender::take(Application& application) {
    while (application.idle.linked()) {
        PlainConnection& connection = connection_of(*application.idle.next());
        const uint64_t rested_ms = loop_.now_ms() - connection.idle_since_ms();
        // A connection whose answer arrived in this tick was read in this tick, so is_sound() would
        // only cost a system call.
        if (rested_ms < rest_ms_max && (rested_ms == 0 || connection.is_sound())) {
            connection.unlink();
            return connection;
        }
        close(connection);
    }
    auto connection = std::make_unique<PlainConnection>(*this, application);
    connection->place = connections_.size();
    return *connections_.emplace_back(std::move(connection));
}

void PlainSender::close(PlainConnection& connection) noexcept {
    const size_t place = connection.place;
    connections_.back()->place = place;
    std::swap(connections_[place], connections_.back());
    connections_.pop_back();
}

void PlainSender::over(PlainConnection& connection) {
    if (follows(connection)) return start(connection);
    connection.unlink();
    const Release release{*this, connection};
    Application& application = connection.application();
    if (connection.is_unreachable() && application.is_name()) {
        application.forget();
        if (connection.request().redirects == 0) return owner_.on_unreachable(connection.request());
    }
    owner_.on_answer(connection.request().tag, connection.answer());
}

void PlainSender::over_soon(PlainConnection& connection) noexcept {
    connection.unlink();
    connection.insert_before(over_);
    arm(loop_.now_ms());
}

void PlainSender::release(PlainConnection& connection) noexcept {
    if (!connection.is_reusable()) return close(connection);
    connection.rest(loop_.now_ms());
    connection.insert_before(*connection.application().idle.next());
    arm(loop_.now_ms() + rest_ms_max);
}

// ---- time -----------------------------------------------------------------------------------------

// The timer stays when a request completes early. It then finds nothing due.
void PlainSender::arm(uint64_t due_ms) noexcept {
    if (due_ms == UINT64_MAX || (timer_ && timer_due_ms_ <= due_ms)) return;
    if (timer_) loop_.cancel_timer(timer_);
    timer_ = 0;
    timer_due_ms_ = due_ms;
    try {
        timer_ = loop_.after(due_ms - std::min(due_ms, loop_.now_ms()), [this] {
            timer_ = 0;
            sweep();
        });
    } catch (...) {  // No memory for the timer: the next request tries again.
    }
}

void PlainSender::sweep() {
    const uint64_t now_ms = loop_.now_ms();
    uint64_t next_ms = UINT64_MAX;
    const auto each = [](base::ListLink& head, auto&& call) {
        for (base::ListLink* link = head.next(); link != &head;)
            call(connection_of(*std::exchange(link, link->next())));
    };
    each(under_way_, [&](PlainConnection& connection) {
        if (connection.due_ms() > now_ms) {
            next_ms = std::min(next_ms, connection.due_ms());
            return;
        }
        connection.unlink();
        connection.insert_before(over_);
    });
    for (const auto& application : applications_)
        each(application->idle, [&](PlainConnection& connection) {
            const uint64_t due_ms = connection.idle_since_ms() + rest_ms_max;
            if (due_ms <= now_ms)
                close(connection);
            else
                next_ms = std::min(next_ms, due_ms);
        });
    arm(next_ms);
    conclude_all();
}

// Concludes the requests that are in `over_` now. Requests that the owner posts meanwhile wait for the
// next turn of the timers, and so does the rest of the list if the owner throws.
void PlainSender::conclude_all() {
    struct PutBack {
        PlainSender& sender;
        base::ListLink& left;
        ~PutBack() {
            while (left.linked()) {
                base::ListLink& link = *left.next();
                link.unlink();
                link.insert_before(sender.over_);
            }
            if (sender.over_.linked()) sender.arm(sender.loop_.now_ms());
        }
    };
    base::ListLink due;
    due.take_all(over_);
    const PutBack put_back{*this, due};
    while (due.linked()) connection_of(*due.next()).conclude();
}

}  // namespace starling::fetch
